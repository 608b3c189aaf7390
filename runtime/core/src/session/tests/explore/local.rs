//! One role's node as the explorer keeps it: everything that makes a difference to what the node does from here, and nothing else. Numbers that
//! only count (of writes, versions, attempts, times) are told from a common start, so that two histories that lead to the same are the same.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::choreography::{A, Behaviour, Choreography, is_outside};
use super::super::world::{Action, Letter, Node, World};
use super::hash::hash_of;
use crate::session::Session;
use crate::session::parts::{NO_WRITE_YET, Timer};
use crate::{Frame, Millis, Position, RoleId, RowState, Run, ScopeEnd, SessionId, Stability, WriteId};

/// The time at which everything happens, and that at which all timers are said to run out: any of them may be the next.
const NOW: Millis = Millis(1_000);
const LATER: Millis = Millis(2_000);

/// A role's node, and what was told and seen of it.
#[derive(Clone, Debug, Default)]
pub struct Local {
    pub node: Node,
    failures: BTreeMap<(RoleId, SessionId, Position, bool), u32>,
    told: Option<Option<Arc<str>>>,
    accepted: bool,
    ends: BTreeMap<(SessionId, Position), ScopeEnd>,
    parked: Vec<(RoleId, String)>,
}

/// What may happen at a node, but for a frame that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Start,
    Operate,
    /// Operate, and the operation refuses.
    Refuse,
    /// Operate, and a call to the outside is late.
    Late,
    /// A call that is late arrives.
    Arrive,
    Commit,
    /// The timer of this number runs out; which of them is first, nobody knows.
    Fire(usize),
    Crash,
    Cancel,
    Forget,
}

/// What of a node concerns the others, at every moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub known: bool,
    pub committed: bool,
    pub aborted: bool,
    /// A transaction has committed that nothing undoes.
    pub pivot: bool,
    pub ends: bool,
    pub idle: bool,
    /// It ended the session itself.
    pub is_origin: bool,
    /// It has voted *completed*, or has heard of the outcome.
    pub has_voted: bool,
    /// It has a row of a session that it has not started, though it is the initiator.
    pub is_strange: bool,
}

impl Local {
    pub fn empty() -> Self {
        Self { node: Node { up: true, ..Node::default() }, ..Self::default() }
    }

    /// What tells it from others.
    pub fn key(&self) -> u128 {
        hash_of(self)
    }

    /// What may happen here. The first `progress` of them are what a node does of itself.
    pub fn inputs(&self, role: RoleId, choreography: &Choreography) -> (Vec<Input>, usize) {
        let live = self.node.live.values().next();
        let mut inputs = Vec::new();
        if live.is_some_and(|live| !live.runs.is_empty()) {
            inputs.push(Input::Operate);
        }
        if !self.node.store.queue.is_empty() {
            inputs.push(Input::Commit);
        }
        let progress = inputs.len();
        if self.node.store.outside.values().any(|outside| outside.late) {
            inputs.push(Input::Arrive);
        }
        if let Some(live) = live {
            let session = &live.session;
            let called = live.runs.front().and_then(|run| match run {
                Run::Transaction(position) => session.transaction_requests.get(position),
                Run::Call(position) => {
                    session.call_requests.get(position).filter(|request| is_outside(&request.operation))
                }
                Run::Compensate(_) => None,
            });
            if let Some(request) = called {
                if choreography.behaviour(&request.operation) == Behaviour::MayRefuse {
                    inputs.push(Input::Refuse);
                }
                if is_outside(&request.operation) {
                    inputs.push(Input::Late);
                }
            }
            inputs.extend((0..live.session.timers.len()).map(Input::Fire));
            inputs.push(Input::Crash);
            if choreography.cancels.contains(&role) {
                inputs.push(Input::Cancel);
            }
        } else {
            let finished = |row: &RowState| matches!(row, RowState::Finished { .. });
            if self.node.store.sessions.values().any(|kept| finished(&kept.stored.row.state)) {
                inputs.push(Input::Forget);
            }
            if role == A && self.node.store.known.is_empty() {
                inputs.push(Input::Start);
            }
        }
        (inputs, progress)
    }

    pub fn summary(&self, role: RoleId, choreography: &Choreography) -> Summary {
        let (mut committed, mut aborted) = (matches!(self.told, Some(Some(_))), self.told == Some(None));
        let (mut is_origin, mut has_voted, mut is_strange) = (false, committed || aborted, false);
        for kept in self.node.store.sessions.values() {
            is_strange |= role == A && kept.stored.row.arguments.is_none();
            has_voted |= kept.stored.row.state != RowState::Active;
            match &kept.stored.row.state {
                RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => committed = true,
                RowState::Aborting { via, .. } => (aborted, is_origin) = (true, *via == role),
                RowState::Finished { outcome: Err(_) } => aborted = true,
                RowState::Active | RowState::Voted { .. } => {}
            }
        }
        let known = !self.node.store.known.is_empty();
        let idle = self.node.live.is_empty() && self.node.store.queue.is_empty();
        let pivot = self.node.store.effects.iter().any(|effect| choreography.is_of_pivot(effect));
        let ends = !self.ends.is_empty();
        Summary { known, committed, aborted, pivot, ends, idle, is_origin, has_voted, is_strange }
    }

    /// Whether the scopes that both have seen the end of ended alike.
    pub fn agrees_of_ends(&self, other: &Self) -> bool {
        self.ends.iter().all(|(scope, end)| other.ends.get(scope).is_none_or(|seen| seen == end))
    }

    /// A world in which only this node does anything. That what it does is of a session that its initiator knows, the search makes sure of.
    fn world(&self, choreography: &Rc<Choreography>, role: RoleId, id: SessionId) -> World {
        let mut world = World::new(Rc::clone(choreography), 3);
        if role != A {
            world.node_mut(A).store.known.insert(id);
        }
        self.put_into(&mut world, role, id);
        world
    }

    pub fn put_into(&self, world: &mut World, role: RoleId, id: SessionId) {
        world.nodes[usize::from(role.0)] = self.node.clone();
        world.failures.extend(self.failures.clone());
        world.decided.extend(self.told.clone().map(|told| ((id, role), told)));
        world.accepted.extend(self.accepted.then_some(id));
        world.ends.extend(self.ends.clone());
        world.parked.extend(self.parked.clone());
    }

    fn taken_from(mut world: World, role: RoleId, id: SessionId) -> (Self, Vec<Frame>) {
        let logs = world.choreography.stability != Stability::default();
        let local = Self {
            node: std::mem::take(&mut world.nodes[usize::from(role.0)]),
            failures: world.failures,
            told: world.decided.get(&(id, role)).cloned(),
            accepted: !world.accepted.is_empty(),
            ends: world.ends,
            parked: world.parked,
        };
        (local.normal(logs), world.network.into_iter().map(|letter| letter.frame).collect())
    }

    /// What becomes of it by `input`, and what it says.
    pub fn after(
        &self,
        choreography: &Rc<Choreography>,
        role: RoleId,
        id: SessionId,
        input: Input,
    ) -> (Self, Vec<Frame>) {
        let mut world = self.world(choreography, role, id);
        match input {
            Input::Start => world.step(Action::Start),
            Input::Operate => world.step(Action::Operate(role, id)),
            Input::Late => world.step(Action::OperateLate(role, id)),
            Input::Arrive => world.step(Action::Arrive(role)),
            Input::Refuse => {
                world.refuses = true;
                world.step(Action::Operate(role, id));
            }
            Input::Commit => {
                world.step(Action::Commit(role));
                world.step(Action::Notify(role, id));
            }
            Input::Fire(index) => world.with(role, id, |live| fire(&mut live.session, index)),
            Input::Crash => {
                world.step(Action::Crash(role));
                world.step(Action::Restart(role));
            }
            Input::Cancel => world.step(Action::Cancel(role, id)),
            Input::Forget => world.node_mut(role).store.sessions.retain(|_, kept| kept.finished.is_none()),
        }
        Self::taken_from(world, role, id)
    }

    /// What becomes of it by `frame`, and what it says.
    pub fn hearing(
        &self,
        choreography: &Rc<Choreography>,
        role: RoleId,
        id: SessionId,
        frame: &Frame,
    ) -> (Self, Vec<Frame>) {
        let mut world = self.world(choreography, role, id);
        world.receive(Letter { frame: frame.clone(), sent: NOW });
        Self::taken_from(world, role, id)
    }

    fn normal(mut self, logs: bool) -> Self {
        let store = &mut self.node.store;
        (store.prompt_writes, store.lazy_writes) = (0, 0);
        let stored = store.sessions.values_mut().next();
        let version = stored.as_ref().map_or(0, |kept| kept.stored.row.version - 1);
        if let Some(kept) = stored {
            kept.stored.row.version -= version;
        }
        let writes = store.queue.iter_mut().flat_map(|group| &mut group.writes);
        let Some(live) = self.node.live.values_mut().next() else { return self };
        let durable = live.session.durable;
        for write in writes {
            write.replaces = write.replaces.saturating_sub(version);
            write.row.version -= version;
            write.id = since(durable, write.id);
        }
        live.ends.iter_mut().for_each(|(write, ..)| *write = since(durable, *write));
        normalize(&mut live.session, durable, version);
        if !logs {
            forget_what_is_never_logged(&mut live.session);
        }
        self
    }
}

fn since(durable: WriteId, id: WriteId) -> WriteId {
    if id == NO_WRITE_YET { id } else { WriteId(id.0.saturating_sub(durable.0)) }
}

fn normalize(session: &mut Session, durable: WriteId, version: u64) {
    let gates = session.outgoing.values_mut().map(|message| &mut message.after);
    let gates = gates.chain(session.gated_calls.iter_mut().map(|(after, _)| after)).chain(&mut session.finishing);
    let logged = session.inbox.values_mut().filter_map(|incoming| incoming.logged.as_mut());
    let gates = gates.chain(logged).chain(session.logging.iter_mut().map(|(write, _)| write));
    let own = [&mut session.last_write, &mut session.state_write, &mut session.gate, &mut session.durable];
    gates.chain(own).for_each(|id| *id = since(durable, *id));
    session.scopes.renumber(|id| since(durable, id));
    if let Some(row) = &mut session.row {
        row.version -= version;
    }
    session.timers.values_mut().for_each(|at| *at = LATER);
    (session.resends, session.undo_attempts, session.clock) = (0, 0, NOW);
    let voting = matches!(session.state(), None | Some(RowState::Active | RowState::Voted { .. }));
    if !voting {
        session.with_part.clear();
    }
    session.peers.normalize(voting);
}

/// What is kept only to be logged makes no difference where nothing is.
fn forget_what_is_never_logged(session: &mut Session) {
    session.unlogged.clear();
    session.is_recovered = false;
    if session.ended {
        session.inbox.clear();
    }
    session.inbox.remove(&(Position::BEGIN, session.header.initiator));
    session.inbox.values_mut().filter(|incoming| incoming.taken).for_each(|incoming| incoming.said = None);
}

fn fire(session: &mut Session, index: usize) {
    let timer: Option<Timer> = session.timers.iter().nth(index).map(|(timer, _)| *timer);
    if let Some(timer) = timer {
        session.timers.insert(timer, NOW);
    }
    session.handle_timeout(NOW);
}
