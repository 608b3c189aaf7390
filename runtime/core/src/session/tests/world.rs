//! Roles on nodes of their own, a network that does as it likes, and a clock. Every step is a test's choice: [`World::actions`] are those
//! that are possible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::choreography::{A, Behaviour, Choreography, ProgramRun, mix};
use super::store::{Effect, Group, Store};
use crate::{
    Event, Frame, Header, Millis, Outcome, Position, Ran, RoleId, RowState, Run, Session, SessionId, Timing, WriteId,
    answer_finished, answer_unknown, begins_session,
};

/// The bound on a frame's life, and how long a finished session is remembered: longer (rule G5).
pub const LIFE_MILLIS: u64 = 300;
pub const RETENTION_MILLIS: u64 = 301;

pub const TIMING: Timing =
    Timing { resend_millis_min: 10, resend_millis_max: 80, retry_millis_min: 3, retry_millis_max: 20, attempts_max: 4 };

#[derive(Clone, Debug)]
pub struct Live {
    pub session: Session,
    pub run: Option<ProgramRun>,
    pub runs: VecDeque<Run>,
    /// Durable, but the session has not been told.
    pub durable: Option<WriteId>,
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
    calls: u64,
    /// How often each operation and each compensation failed.
    failures: BTreeMap<(RoleId, SessionId, Position, bool), u32>,
    /// What was told of the outcome.
    pub decided: BTreeMap<(SessionId, RoleId), bool>,
    pub accepted: BTreeSet<SessionId>,
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
            calls: 0,
            failures: BTreeMap::new(),
            decided: BTreeMap::new(),
            accepted: BTreeSet::new(),
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
            Action::Operate(role, id) => self.operate(role, id),
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
            nodes: self.roles().map(|role| format!("node {}", role.0)).collect(),
            participants: self.choreography.participants(),
        });
        let id = header.session_id();
        let begins = self.choreography.begins();
        let session = Session::start(header, self.argument.to_string().into(), &begins, TIMING, self.now);
        self.enter(A, id, session);
    }

    fn enter(&mut self, role: RoleId, id: SessionId, session: Session) {
        let argument = session.arguments().map_or(0, |argument| argument.parse().expect("a number"));
        let run = session.runs_program().then(|| ProgramRun::new(argument));
        let live = Live { session, run, runs: VecDeque::new(), durable: None };
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
            let session = Session::recover(stored, role, &begins, TIMING, self.now);
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
        // Invariant 6: nothing exists for a session that its initiator does not durably know.
        assert!(self.node(A).store.known.contains(&id), "role {} acts in an unknown session", role.0);
        self.check_outcomes(id);
    }

    /// Invariant 2, at every moment: no role has committed where another aborts.
    fn check_outcomes(&self, id: SessionId) {
        let states = self.nodes.iter().filter_map(|node| node.store.sessions.get(&id));
        let (mut committed, mut aborted) = (false, false);
        for kept in states {
            match &kept.stored.row.state {
                RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => committed = true,
                RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) } => aborted = true,
                RowState::Active | RowState::Voted { .. } => {}
            }
        }
        let told = |outcome| self.decided.iter().any(|((session, _), told)| *session == id && *told == outcome);
        assert!(!(committed || told(true)) || !(aborted || told(false)), "two outcomes of one session");
    }

    fn fail_write(&mut self, role: RoleId) {
        let node = self.node_mut(role);
        let failed: BTreeSet<_> = node.store.queue.drain(..).map(|group| group.session).collect();
        failed.iter().for_each(|id| _ = node.live.remove(id));
        self.recover(role, |id| failed.contains(&id));
    }

    fn receive(&mut self, letter: Letter) {
        self.note(|| show(&letter.frame));
        let Letter { frame, sent } = letter;
        let frame = Frame::decode(&frame.encode()).expect("what was encoded");
        let (to, id) = (frame.to, frame.session);
        let node = self.node(to);
        if sent.plus(LIFE_MILLIS) < self.now || !node.up {
            self.note(|| "  lost".into());
            return;
        }
        if node.live.contains_key(&id) {
            return self.with(to, id, |live| live.session.handle_frame(frame));
        }
        if let Some(kept) = node.store.sessions.get(&id) {
            let RowState::Finished { outcome } = &kept.stored.row.state else { panic!("a session that was dropped") };
            let outcome = if outcome.is_ok() { Outcome::Committed } else { Outcome::Compensated };
            return self.transmit(answer_finished(outcome, &frame));
        }
        match &frame.header {
            Some(header) if begins_session(&frame.body) => {
                assert_eq!(header.session_id(), id);
                let session = Session::join(Arc::clone(header), to, TIMING, self.now);
                let live = Live { session, run: None, runs: VecDeque::new(), durable: None };
                self.node_mut(to).live.insert(id, live);
                self.with(to, id, |live| {
                    live.session.handle_frame(frame);
                    live.run = live.session.runs_program().then(|| ProgramRun::new(0));
                });
            }
            _ => self.transmit(answer_unknown(&frame)),
        }
    }

    fn transmit(&mut self, frame: Option<Frame>) {
        if let Some(frame) = frame {
            self.messages_sent += 1;
            let letter = Letter { frame, sent: self.now };
            self.sent.push(letter.clone());
            self.network.push(letter);
        }
    }

    /// An input of a session, and what follows, as a driver does it.
    fn with(&mut self, role: RoleId, id: SessionId, input: impl FnOnce(&mut Live)) {
        self.with_effect(role, id, |live| {
            input(live);
            None
        });
    }

    fn with_effect(&mut self, role: RoleId, id: SessionId, input: impl FnOnce(&mut Live) -> Option<Effect>) {
        let (now, choreography) = (self.now, Rc::clone(&self.choreography));
        let Some(live) = self.node_mut(role).live.get_mut(&id) else { return };
        let effect = input(live);
        if live.session.runs_program() {
            let run = live.run.as_mut().expect("a program that runs");
            match run.poll(&choreography, role, &mut live.session) {
                Poll::Ready(Ok(result)) => live.session.handle_program_ended(result.into(), now),
                Poll::Pending | Poll::Ready(Err(_)) => live.session.handle_program_waiting(now),
            }
        }
        let writes: Vec<_> = std::iter::from_fn(|| live.session.poll_write()).collect();
        let frames: Vec<_> = std::iter::from_fn(|| live.session.poll_transmit()).collect();
        let events: Vec<_> = std::iter::from_fn(|| live.session.poll_event()).collect();
        live.runs.extend(std::iter::from_fn(|| live.session.poll_run()));
        let queue = &mut self.node_mut(role).store.queue;
        if effect.is_some() {
            assert!(!writes.is_empty(), "an effect without a record");
            queue.push_back(Group { session: id, effect, writes });
        } else {
            queue.extend(writes.into_iter().map(|write| Group { session: id, effect: None, writes: vec![write] }));
        }
        frames.into_iter().for_each(|frame| self.transmit(Some(frame)));
        events.into_iter().for_each(|event| self.hear(role, id, event));
    }

    fn hear(&mut self, role: RoleId, id: SessionId, event: Event) {
        self.note(|| format!("  {role:?} {event:?}"));
        match event {
            Event::Accepted => {
                assert!(self.node(role).store.known.contains(&id), "accepted before it is durable");
                if role == A {
                    self.accepted.insert(id);
                }
            }
            Event::Decided(outcome) | Event::Settled(outcome) => {
                let before = self.decided.insert((id, role), outcome.is_ok());
                assert!(before.is_none_or(|before| before == outcome.is_ok()));
                self.check_outcomes(id);
            }
            Event::Parked(divergence) => self.parked.push((role, divergence.to_string())),
            Event::Finished => _ = self.node_mut(role).live.remove(&id),
            Event::CompensationFailed { .. } | Event::OperationFailed { .. } | Event::PeerRefused { .. } => {}
        }
    }

    fn operate(&mut self, role: RoleId, id: SessionId) {
        let Some(run) = self.node_mut(role).live.get_mut(&id).and_then(|live| live.runs.pop_front()) else { return };
        let now = self.now;
        match run {
            Run::Transaction(position) => {
                let live = &self.node(role).live[&id];
                if !live.session.may_run(position) {
                    return;
                }
                let request = &live.session.transaction_requests[&position];
                let (operation, arguments) = (Arc::clone(&request.operation), Arc::clone(&request.arguments));
                let behaviour = self.choreography.behaviour(&operation);
                let value: u64 = arguments.parse().expect("a number");
                let site: u64 = operation.trim_start_matches("Service.t").parse().expect("a site");
                let ran = match behaviour {
                    Behaviour::Fails(times) if self.fails(role, id, position, false, times) => {
                        Ran::Failed("not now".into())
                    }
                    Behaviour::FailsAlways => Ran::Failed("never".into()),
                    _ if behaviour.ends_the_saga(value) => Ran::Refused("refused".into()),
                    _ => Ran::Done(site.to_string().into()),
                };
                self.with_effect(role, id, |live| {
                    let kept = live.session.handle_transaction_ran(position, ran, now);
                    kept.then_some(Effect { session: id, position, undoes: false })
                });
            }
            Run::Call(position) => {
                self.calls += 1;
                let value = mix(self.calls, 99);
                let ran = if self.calls.is_multiple_of(5) {
                    Ran::Failed("no answer".into())
                } else {
                    Ran::Done(value.to_string().into())
                };
                self.with(role, id, |live| live.session.handle_call_returned(position, ran, now));
            }
            Run::Compensate(record) => {
                let position = record.position;
                assert!(!record.undone);
                let fails = self.fails(role, id, position, true, self.choreography.compensation_fails);
                let ran = if fails { Err(Arc::from("not now")) } else { Ok(()) };
                self.with_effect(role, id, |live| {
                    let kept = live.session.handle_compensated(position, ran, now);
                    kept.then_some(Effect { session: id, position, undoes: true })
                });
            }
        }
    }

    fn fails(&mut self, role: RoleId, id: SessionId, position: Position, undoes: bool, times: u32) -> bool {
        let failed = self.failures.entry((role, id, position, undoes)).or_default();
        *failed += 1;
        *failed <= times
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

pub fn show(frame: &Frame) -> String {
    let header = if frame.header.is_some() { " with header" } else { "" };
    format!("{:?} -> {:?}: {:?}{header}", frame.from, frame.to, frame.body)
}
