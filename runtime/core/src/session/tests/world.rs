//! Roles on nodes of their own, a network that does as it likes, and a clock. Every step is a test's choice: [`World::actions`] are those
//! that are possible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::choreography::{A, Choreography};
use super::drive::show;
use super::run::ProgramRun;
use super::store::Store;
use crate::{
    Deadline, Frame, Header, Millis, Position, Retry, RoleId, RowState, Run, ScopeEnd, Session, SessionId, Timing,
    WriteId,
};

/// The bound on a frame's life, and how long a finished session is remembered: longer (rule G5).
pub const LIFE_MILLIS: u64 = 300;
pub const RETENTION_MILLIS: u64 = 301;

pub const ATTEMPTS_MAX: u32 = 4;
pub const RETRY_MILLIS_MAX: u64 = 20;
const RETRY: Retry = Retry::new()
    .attempts(ATTEMPTS_MAX)
    .pauses(Duration::from_millis(3), Duration::from_millis(RETRY_MILLIS_MAX))
    .jitter(0);

pub const TIMING: Timing =
    Timing { resend_millis_min: 10, resend_millis_max: 80, retry: RETRY, retry_compensations: RETRY.for_ever() };

#[derive(Clone, Debug)]
pub struct Live {
    pub session: Session,
    pub run: Option<ProgramRun>,
    pub runs: VecDeque<Run>,
    /// Durable, but the session has not been told.
    pub durable: Option<WriteId>,
    /// How scopes ended, for a run that hangs on this write.
    pub ends: Vec<(WriteId, Position, ScopeEnd)>,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub up: bool,
    pub store: Store,
    pub live: BTreeMap<SessionId, Live>,
}

#[derive(Clone, Debug)]
pub struct Letter {
    pub frame: Frame,
    pub sent: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Start,
    Deliver(usize),
    /// Deliver, and keep a copy.
    Duplicate(usize),
    Lose(usize),
    /// The next group of this node becomes durable.
    Commit(RoleId),
    /// The next group of this node fails, and with it all after it.
    FailWrite(RoleId),
    /// A session hears that its writes are durable.
    Notify(RoleId, SessionId),
    Operate(RoleId, SessionId),
    /// Operate, and a call to the outside is on its way for longer than anyone waits.
    OperateLate(RoleId, SessionId),
    /// Such a call arrives.
    Arrive(RoleId),
    Crash(RoleId),
    Restart(RoleId),
    Connect(RoleId, RoleId),
    Cancel(RoleId, SessionId),
    Forget(RoleId),
    /// The clock jumps to the next time that anybody waits for.
    Tick,
}

#[derive(Clone, Debug)]
pub struct World {
    pub choreography: Rc<Choreography>,
    pub nodes: Vec<Node>,
    pub network: Vec<Letter>,
    /// Every frame that was ever sent, as long as it may live.
    pub sent: Vec<Letter>,
    pub now: Millis,
    pub argument: u64,
    starts: u8,
    /// Whether transactions that may refuse do.
    pub refuses: bool,
    pub calls: u64,
    /// How often each operation and each compensation failed.
    pub failures: BTreeMap<(RoleId, SessionId, Position, bool), u32>,
    /// What was told of the outcome: the result, where it commits.
    pub decided: BTreeMap<(SessionId, RoleId), Option<Arc<str>>>,
    pub accepted: BTreeSet<SessionId>,
    /// How scopes ended, and for whom.
    pub ends: BTreeMap<(SessionId, Position), ScopeEnd>,
    pub parked: Vec<(RoleId, String)>,
    pub trace: Option<Vec<String>>,
    pub messages_sent: usize,
}

impl World {
    pub fn new(choreography: Rc<Choreography>, argument: u64) -> Self {
        let nodes = (0..=choreography.participants().iter().map(|role| role.0).max().unwrap_or(0))
            .map(|_| Node { up: true, ..Node::default() })
            .collect();
        Self {
            choreography,
            nodes,
            network: vec![],
            sent: vec![],
            now: Millis(1_000),
            argument,
            starts: 0,
            refuses: false,
            calls: 0,
            failures: BTreeMap::new(),
            decided: BTreeMap::new(),
            accepted: BTreeSet::new(),
            ends: BTreeMap::new(),
            parked: vec![],
            trace: None,
            messages_sent: 0,
        }
    }

    pub fn node(&self, role: RoleId) -> &Node {
        &self.nodes[usize::from(role.0)]
    }

    pub fn node_mut(&mut self, role: RoleId) -> &mut Node {
        &mut self.nodes[usize::from(role.0)]
    }

    pub fn roles(&self) -> impl Iterator<Item = RoleId> + use<> {
        (0..self.nodes.len() as u16).map(RoleId)
    }

    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:5} {}", self.now.0, text()));
        }
    }

    /// Everything that can happen now, but for losses, crashes and their like, which are the test's to add.
    pub fn progress(&self) -> Vec<Action> {
        let mut actions: Vec<_> = (0..self.network.len()).map(Action::Deliver).collect();
        for (role, node) in self.roles().zip(&self.nodes) {
            if node.store.outside.values().any(|outside| outside.late) {
                actions.push(Action::Arrive(role));
            }
            if !node.up {
                actions.push(Action::Restart(role));
                continue;
            }
            if !node.store.queue.is_empty() {
                actions.push(Action::Commit(role));
            }
            for (id, live) in &node.live {
                if live.durable.is_some() {
                    actions.push(Action::Notify(role, *id));
                }
                if !live.runs.is_empty() {
                    actions.push(Action::Operate(role, *id));
                }
            }
        }
        actions
    }

    pub fn step(&mut self, action: Action) {
        if !matches!(action, Action::Deliver(_) | Action::Duplicate(_) | Action::Lose(_)) {
            self.note(|| format!("{action:?}"));
        }
        match action {
            Action::Start => self.start(),
            Action::Deliver(index) => {
                let letter = self.network.swap_remove(index);
                self.receive(letter);
            }
            Action::Duplicate(index) => self.receive(self.network[index].clone()),
            Action::Lose(index) => {
                let letter = self.network.swap_remove(index);
                self.note(|| format!("lost {}", show(&letter.frame)));
            }
            Action::Commit(role) => self.commit(role),
            Action::FailWrite(role) => self.fail_write(role),
            Action::Notify(role, id) => {
                let now = self.now;
                self.with(role, id, |live| {
                    if let Some(durable) = live.durable.take() {
                        live.session.handle_durable(durable, now);
                    }
                });
            }
            Action::Operate(role, id) => self.operate(role, id, false),
            Action::OperateLate(role, id) => self.operate(role, id, true),
            Action::Arrive(role) => {
                let store = &mut self.node_mut(role).store;
                let late: Vec<_> =
                    store.outside.iter().filter(|(_, outside)| outside.late).map(|(key, _)| *key).collect();
                for (id, position) in late {
                    store.arrives(id, position);
                    store.outside.entry((id, position)).or_default().late = false;
                }
            }
            Action::Crash(role) => {
                let node = self.node_mut(role);
                node.up = false;
                node.live.clear();
                node.store.queue.clear();
            }
            Action::Restart(role) => self.take_up(role),
            Action::Connect(role, peer) => {
                let ids: Vec<_> = self.node(role).live.keys().copied().collect();
                ids.into_iter().for_each(|id| self.with(role, id, |live| live.session.handle_connected(peer)));
            }
            Action::Cancel(role, id) => {
                self.with(role, id, |live| _ = live.session.handle_cancel("cancelled".into()));
            }
            Action::Forget(role) => {
                let now = self.now;
                self.node_mut(role).store.forget(RETENTION_MILLIS, now);
            }
            Action::Tick => self.tick(),
        }
    }

    /// The client's: a start with an id that is known is the session of that id.
    fn start(&mut self) {
        let node = self.node(A);
        if !node.up || !node.live.is_empty() || !node.store.sessions.is_empty() {
            return;
        }
        self.starts += 1;
        let header = Arc::new(Header {
            choreography: self.choreography.name.clone(),
            fingerprint: [7; 32],
            initiator: A,
            client_id: "order".into(),
            nonce: [self.starts; 16],
            nodes: self.roles().map(|role| vec![format!("node {}", role.0)]).collect(),
            participants: self.choreography.participants(),
        });
        let id = header.session_id();
        let begins = self.choreography.begins();
        let mut session = Session::start(header, self.argument.to_string().into(), &begins, TIMING, self.now);
        session = self.choreography.configure(session);
        if let Some(within_millis) = self.choreography.within_millis {
            let deadline = Deadline { unix_millis: self.now.0 + within_millis, within_millis };
            session = session.with_deadline(deadline, self.now);
        }
        self.enter(A, id, session);
    }

    fn enter(&mut self, role: RoleId, id: SessionId, session: Session) {
        let argument = session.arguments().map_or(0, |argument| argument.parse().expect("a number"));
        let run = session.runs_program().then(|| ProgramRun::new(argument));
        let live = Live { session, run, runs: VecDeque::new(), durable: None, ends: vec![] };
        self.node_mut(role).live.insert(id, live);
        self.with(role, id, |_| {});
    }

    fn take_up(&mut self, role: RoleId) {
        self.node_mut(role).up = true;
        self.recover(role, |_| true);
    }

    fn recover(&mut self, role: RoleId, which: impl Fn(SessionId) -> bool) {
        let unfinished: Vec<_> = (self.node(role).store.sessions.iter())
            .filter(|(id, kept)| which(**id) && !matches!(kept.stored.row.state, RowState::Finished { .. }))
            .map(|(id, kept)| (*id, kept.stored.clone()))
            .collect();
        for (id, stored) in unfinished {
            let begins = self.choreography.begins();
            let mut session = Session::recover(stored, role, &begins, TIMING, self.now);
            session.handle_time_of_day(self.now.0, self.now);
            let session = self.choreography.configure(session);
            self.enter(role, id, session);
        }
    }

    fn commit(&mut self, role: RoleId) {
        let now = self.now;
        let node = self.node_mut(role);
        let Some((id, last)) = node.store.commit(now) else { return };
        if let Some(live) = node.live.get_mut(&id) {
            live.durable = last.or(live.durable);
        }
        self.observe_ends(role, id);
        // Invariant 6: nothing exists for a session that its initiator does not durably know.
        assert!(self.node(A).store.known.contains(&id), "role {} acts in an unknown session", role.0);
        self.check_outcomes(id);
    }

    /// Invariant 2, at every moment: no role has committed where another aborts.
    pub fn check_outcomes(&self, id: SessionId) {
        // A liar can say one thing before a crash and another after it; `explore/liar.rs` says what must hold then.
        if self.choreography.has_liar {
            return;
        }
        let states = self.nodes.iter().filter_map(|node| node.store.sessions.get(&id));
        let (mut committed, mut aborted) = (false, false);
        for kept in states {
            match &kept.stored.row.state {
                RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => committed = true,
                RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) } => aborted = true,
                RowState::Active | RowState::Voted { .. } => {}
            }
        }
        let told =
            |commits| self.decided.iter().any(|((session, _), told)| *session == id && told.is_some() == commits);
        assert!(!(committed || told(true)) || !(aborted || told(false)), "two outcomes of one session");
        let effects = self.nodes.iter().flat_map(|node| &node.store.effects);
        let pivot = { effects }.any(|effect| effect.session == id && self.choreography.is_of_pivot(effect));
        assert!(!pivot || !(aborted || told(false)), "a pivot has committed in a session that is rolled back");
    }

    /// All roles of a scope take the same way, and for the same reason: none that went on durably has gone another one.
    pub fn observe_ends(&mut self, role: RoleId, id: SessionId) {
        let Some(live) = self.node_mut(role).live.get_mut(&id) else { return };
        let durable = live.session.durable.max(live.durable.unwrap_or_default());
        for (_, scope, end) in live.ends.extract_if(.., |(write, ..)| *write <= durable).collect::<Vec<_>>() {
            let before = self.ends.entry((id, scope)).or_insert_with(|| end.clone());
            assert_eq!(*before, end, "another end of a scope at role {}", role.0);
        }
    }

    fn fail_write(&mut self, role: RoleId) {
        let node = self.node_mut(role);
        let failed: BTreeSet<_> = node.store.queue.drain(..).map(|group| group.session).collect();
        failed.iter().for_each(|id| _ = node.live.remove(id));
        self.recover(role, |id| failed.contains(&id));
    }

    fn tick(&mut self) {
        let timeouts =
            self.nodes.iter().flat_map(|node| node.live.values()).filter_map(|live| live.session.poll_timeout());
        let Some(next) = timeouts.min() else { return };
        self.now = self.now.max(next);
        self.time_out();
    }

    /// The clock is put on by `millis`.
    pub fn pass(&mut self, millis: u64) {
        self.now = self.now.plus(millis);
        self.time_out();
    }

    fn time_out(&mut self) {
        let now = self.now;
        self.sent.retain(|letter| letter.sent.plus(LIFE_MILLIS) >= now);
        for role in self.roles() {
            let ids: Vec<_> = self.node(role).live.keys().copied().collect();
            for id in ids {
                self.with(role, id, |live| live.session.handle_timeout(now));
            }
        }
    }

    /// No more faults: the network loses what is in it, every node runs, and everything goes on in turn until nothing is left to do.
    pub fn settle(&mut self) {
        self.note(|| "settle".into());
        self.network.clear();
        self.settle_without_loss();
    }

    /// The same, with what is in the network.
    pub fn settle_without_loss(&mut self) {
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns < 3_000, "does not settle: {}", self.describe());
            let actions = self.progress();
            if let Some(action) = actions.first() {
                // Letters in the order of sending.
                if let Action::Deliver(_) = action {
                    for letter in std::mem::take(&mut self.network) {
                        self.receive(letter);
                    }
                } else {
                    actions.into_iter().for_each(|action| self.step(action));
                }
            } else if self.nodes.iter().any(|node| !node.live.is_empty()) {
                self.step(Action::Tick);
            } else {
                return;
            }
        }
    }

    pub fn describe(&self) -> String {
        let mut text = format!("{}\n", self.choreography.name);
        for (role, node) in self.roles().zip(&self.nodes) {
            let states: Vec<_> = node.store.sessions.values().map(|kept| &kept.stored.row.state).collect();
            text += &format!("role {}: {} live, {states:?}\n", role.0, node.live.len());
        }
        text
    }
}
