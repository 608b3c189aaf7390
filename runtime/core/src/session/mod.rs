//! One role's part in one session, during one run of its program.
//!
//! A [`Session`] lives from the start (or the first message, or a restart) until the role has nothing left to do or the process dies; a
//! run is never rewound: when a write fails, the driver drops the session and makes a new one from what is stored. The rules are named as in
//! the protocol's specification (S1, F2, V2, …; ARCHITECTURE.md lists them) where they hold.
//!
//! A driver keeps to this:
//! - after every input it polls the program while [`Session::runs_program`], and then says how that ended: [`Session::handle_program_ended`]
//!   with the result, or [`Session::handle_program_waiting`], also when the program was interrupted. Nothing comes between the two;
//! - writes take effect in the order in which they are polled. A transaction's or compensation's own writes come up between its `handle_*`
//!   and the next input, and are one commit with what it wrote: a write polled before that must not be queued behind it;
//! - what a program does in a scope (`saga { } else { }`) says so; how scopes are driven is told in `scope.rs`;
//! - a write that fails, and a crash, end the session object: [`Session::recover`] makes another one from what is stored.
//!
//! Votes follow rule V2: a vote's record holds the role's result and no outbox, and until the role is settled it stays able to run again from
//! the start: it calls a message stable only when that is in its own log (`stability.rs`).

mod cancel;
mod doubt;
mod early;
mod ending;
mod few;
mod frames;
mod inbox;
mod intent;
mod optional;
mod parts;
mod peers;
mod pivot;
mod program;
mod quarantine;
mod replay;
mod resend;
mod rollback;
mod room;
mod scope;
mod sleep;
mod stability;
#[cfg(test)]
mod tests;
mod view;
mod wait;
mod writes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

pub use cancel::Cancel;
pub use doubt::{Doubt, Resolution, Unresolvable, answer_ask};
pub use frames::{answer_finished, answer_unknown, begins_session};
pub use inbox::INBOX_MESSAGES_MAX;
pub use optional::OptionalRoles;
pub use program::{Divergence, Ran, Stop};
pub use stability::Stability;
pub use view::{DeadlineView, PeerView, Trying, View, WaitsFor};

use few::Few;
use inbox::Load;
use parts::{Incoming, Outgoing, Request, Timer};
use peers::{Peer, Peers};
use pivot::Pivot;
use scope::ScopeTable;
use wait::Wait;

use crate::frame::Frame;
use crate::identity::{Header, Millis, Position, RoleId, SessionId, SessionKey, WriteId};
use crate::record::{CallRecord, Change, Deadline, RecordKinds, Row, RowState, Stored, TransactionRecord, Write};
use crate::retry::{Retries, Retry};

/// How patient a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Until what nobody has answered is sent again for the first time; doubles each time. A transport that says when it has a new connection
    /// makes this a fall-back.
    pub resend_millis_min: u64,
    /// The longest time between two such sendings.
    pub resend_millis_max: u64,
    /// How an operation that failed is tried again.
    pub retry: Retry,
    /// How a compensation that failed is tried again, for ever.
    pub retry_compensations: Retry,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            resend_millis_min: 2_000,
            resend_millis_max: 60_000,
            retry: Retry::new(),
            retry_compensations: Retry::of_compensations(),
        }
    }
}

/// What the driver is to do on the session's behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Run the transaction at this position and, in the same commit, what [`Session::handle_transaction_ran`] leads to.
    Transaction(Position),
    /// Call the operation at this position.
    Call(Position),
    /// Undo this transaction and, in the same commit, what [`Session::handle_compensated`] leads to.
    Compensate(TransactionRecord),
}

/// What the driver may want to tell others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The start is durable: the session will settle.
    Accepted,
    /// The outcome is known and cannot change: the role's result as JSON, or the reason of the abort.
    Decided(Result<Arc<str>, Arc<str>>),
    /// The outcome has been reached: here if committed, at every role if aborted.
    Settled(Result<Arc<str>, Arc<str>>),
    /// A compensation failed, and will be tried again.
    CompensationFailed {
        /// Which transaction is not undone.
        operation: Arc<str>,
        /// What the service said.
        reason: Arc<str>,
        /// How often it has been tried.
        attempts: u32,
    },
    /// An operation failed, and will be tried again.
    OperationFailed {
        /// Which.
        operation: Arc<str>,
        /// What the service said.
        reason: Arc<str>,
        /// How often it has been tried.
        attempts: u32,
    },
    /// An operation failed, and is not tried again: the session, or the scope that it is in, is
    /// rolled back.
    OperationGivenUp {
        /// Which.
        operation: Arc<str>,
        /// What the service said.
        reason: Arc<str>,
        /// How often it has been tried.
        attempts: u32,
    },
    /// The program did something else than what is recorded, and has been stopped.
    Parked(Divergence),
    /// A peer said why it cannot take part.
    PeerRefused {
        /// Who.
        role: RoleId,
        /// Why.
        reason: String,
    },
    /// Something is not known of the session, and may have to be decided by a person.
    Doubtful(Doubt),
    /// A role that has voted knows nothing of the session any more: its database has lost it.
    PeerForgot {
        /// Who.
        role: RoleId,
    },
    /// Others committed what this role rolls back: one of the databases has lost what it knew.
    Contradiction {
        /// Who says so.
        role: RoleId,
    },
    /// Nothing is left to do, durably: the session may be dropped from memory.
    Finished,
}

/// One role's part in one session; see the module.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Session {
    id: SessionId,
    me: RoleId,
    header: Arc<Header>,
    timing: Arc<Timing>,
    stability: Stability,
    retries: Option<Arc<Retries>>,
    run: u32,
    /// The row as the last write asked for leaves it; `None` until there is a first.
    row: Option<Row>,
    arguments: Option<Arc<str>>,
    deadline: Option<Deadline>,
    transactions: Few<Position, Box<TransactionRecord>>,
    calls: Few<Position, Box<CallRecord>>,
    scopes: ScopeTable,

    // The run.
    stopped: bool,
    ended: bool,
    parked: bool,
    /// Why it is parked.
    divergence: Option<Box<Divergence>>,
    inbox: BTreeMap<(Position, RoleId), Incoming>,
    inbox_load: Load,
    /// Roles that have sent what there was no room for.
    refused: BTreeSet<RoleId>,
    /// What has been awaited while there was no room, and its sender has been told.
    told_awaits: BTreeSet<(Position, RoleId)>,
    /// The program has taken something since the end of its last poll.
    has_drained: bool,
    /// The operations whose results the run has come by.
    visited: Few<Position, ()>,
    awaited: BTreeSet<(Position, RoleId)>,
    /// What has come and is not in the log, nor in a write to it, in the order of its coming.
    unlogged: Vec<(Position, RoleId)>,
    /// What is called stable once the write is durable.
    logging: VecDeque<(WriteId, BTreeMap<RoleId, Vec<Position>>)>,
    /// Of what there are records, once all writes are done.
    recorded: RecordKinds,
    outgoing: Few<(RoleId, Position), Outgoing>,
    /// What it counts, of all roles.
    kept_bytes: usize,
    /// Messages that their receivers have, from an earlier run of this role: this run makes them again, and they go nowhere.
    stable_early: BTreeSet<(RoleId, Position)>,
    /// What receivers wait for that have no room for anything else: there is always room for it here.
    wanted: BTreeSet<(RoleId, Position)>,
    /// This run began with what is stored.
    is_recovered: bool,
    /// And it has done nothing yet of which there was no record.
    repeats: bool,
    /// Roles for whose messages there was no room in the poll of the program that is under way, and those that are to be asked for it.
    waits_for_room: BTreeSet<RoleId>,
    to_ask: BTreeSet<RoleId>,
    /// Messages of the poll of the program that is under way: they get their gate when it ends.
    fresh: Vec<(RoleId, Position)>,
    /// Messages that wait for their gate, in the order of their gates.
    held: VecDeque<(RoleId, Position)>,
    transaction_requests: BTreeMap<Position, Request>,
    call_requests: BTreeMap<Position, Request>,
    /// The transactions that decide the session.
    pivots: Option<Arc<BTreeSet<Position>>>,
    /// The one that the program has asked for.
    pivot: Option<Pivot>,
    /// The participants that may have no part in the session.
    optional: Option<Arc<OptionalRoles>>,
    /// Those of them to which the program has given one in this run; at the initiator, also those to
    /// which other roles say that they have.
    with_part: BTreeSet<RoleId>,
    /// The program has been given a part, has sent something or asked for an operation, in this run.
    has_acted: bool,
    /// Receives that wait for a limited time, and timers.
    waits: Few<Position, Wait>,
    /// Records that go into the next write.
    unwritten: Vec<Change>,
    /// A refusal or the end of the program, to be acted on when the poll ends.
    refusal: Option<Arc<str>>,
    /// Somebody asks to end the session, which this role has promised not to do.
    cancel: Option<Arc<str>>,
    /// What is not known of the session.
    doubt: Option<Doubt>,
    /// This database may have lacked what it once knew, also where that has been answered since.
    was_in_doubt: bool,
    /// Roles that were asked how it stands and know nothing of it.
    unknown_to: BTreeSet<RoleId>,
    /// A contradiction has been told.
    contradicted: bool,

    // The ending.
    peers: Peers,
    accepted: bool,
    decided: bool,
    /// The client has been told that the session commits.
    told: bool,
    /// It may be told before this role's vote is durable.
    tells_early: bool,
    /// What is still to be undone, the last one next; made when the rollback begins.
    to_undo: Option<Vec<Position>>,
    undoing: Option<Position>,
    undo_attempts: u32,
    /// What the compensation said that is to be tried again.
    undo_failure: Option<Arc<str>>,
    finishing: Option<WriteId>,
    /// Whoever waits for the origin's *over* is told when the session is finished here.
    tell_over: bool,
    /// The write that put the row into the state it is in, and what that leads to has been done.
    entered: bool,
    state_write: WriteId,

    // Gates and outputs.
    last_write: WriteId,
    /// The last write that what the program does next depends on: not one that only logs messages, or only tells of timers.
    gate: WriteId,
    durable: WriteId,
    gated_calls: VecDeque<(WriteId, Position)>,
    timers: Few<Timer, Millis>,
    /// The time as it was last told.
    clock: Millis,
    resends: u32,
    transmits: VecDeque<Frame>,
    writes: VecDeque<Write>,
    runs: VecDeque<Run>,
    events: VecDeque<Event>,
}

impl Session {
    fn new(header: Arc<Header>, me: RoleId, timing: Arc<Timing>) -> Self {
        let peers = Peers::new(&header, me);
        Self {
            id: header.session_id(),
            me,
            header,
            timing,
            stability: Stability::default(),
            retries: None,
            run: 0,
            row: None,
            arguments: None,
            deadline: None,
            transactions: Few::default(),
            calls: Few::default(),
            scopes: ScopeTable::default(),
            stopped: false,
            ended: false,
            parked: false,
            divergence: None,
            inbox: BTreeMap::new(),
            inbox_load: Load::default(),
            refused: BTreeSet::new(),
            told_awaits: BTreeSet::new(),
            has_drained: false,
            visited: Few::default(),
            awaited: BTreeSet::new(),
            unlogged: Vec::new(),
            logging: VecDeque::new(),
            recorded: RecordKinds::NONE,
            outgoing: Few::default(),
            kept_bytes: 0,
            stable_early: BTreeSet::new(),
            wanted: BTreeSet::new(),
            is_recovered: false,
            repeats: false,
            waits_for_room: BTreeSet::new(),
            to_ask: BTreeSet::new(),
            fresh: Vec::new(),
            held: VecDeque::new(),
            transaction_requests: BTreeMap::new(),
            call_requests: BTreeMap::new(),
            pivots: None,
            pivot: None,
            optional: None,
            with_part: BTreeSet::new(),
            has_acted: false,
            waits: Few::default(),
            unwritten: Vec::new(),
            refusal: None,
            cancel: None,
            doubt: None,
            was_in_doubt: false,
            unknown_to: BTreeSet::new(),
            contradicted: false,
            peers,
            accepted: false,
            decided: false,
            told: false,
            tells_early: false,
            to_undo: None,
            undoing: None,
            undo_attempts: 0,
            undo_failure: None,
            finishing: None,
            tell_over: false,
            entered: false,
            state_write: WriteId::default(),
            last_write: WriteId::default(),
            gate: WriteId::default(),
            durable: WriteId::default(),
            gated_calls: VecDeque::new(),
            timers: Few::default(),
            clock: Millis(0),
            resends: 0,
            transmits: VecDeque::new(),
            writes: VecDeque::new(),
            runs: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// A session that starts here, at its initiator, with `arguments` (JSON). `begins` are the roles to begin by a message. Its program is
    /// to be run.
    pub fn start(
        header: Arc<Header>,
        arguments: Arc<str>,
        begins: &[RoleId],
        timing: impl Into<Arc<Timing>>,
        now: Millis,
    ) -> Self {
        let me = header.initiator;
        let mut session = Self::new(header, me, timing.into());
        session.arguments = Some(arguments);
        session.hold_begins(begins);
        session.arm_resend(now);
        session
    }

    /// A session that this role hears of for the first time, by a frame that [`begins_session`] and is handed to it next. Its program is
    /// to be run, unless that frame says that the session is aborted. No frame begins one at its initiator, whose program is not run.
    pub fn join(header: Arc<Header>, me: RoleId, timing: impl Into<Arc<Timing>>, now: Millis) -> Self {
        let mut session = Self::new(header, me, timing.into());
        session.stopped = me == session.header.initiator;
        session.arm_resend(now);
        session
    }

    /// A session as a restarted node finds it (rule F5). Its program is to be run where [`Session::runs_program`] says so.
    pub fn recover(stored: Stored, me: RoleId, begins: &[RoleId], timing: impl Into<Arc<Timing>>, now: Millis) -> Self {
        let mut session = Self::new(stored.row.header.clone(), me, timing.into());
        session.arguments = stored.row.arguments.clone();
        session.deadline = stored.row.deadline;
        session.accepted = true;
        session.recorded = stored.kinds();
        session.transactions =
            stored.transactions.into_iter().map(|record| (record.position, Box::new(record))).collect();
        session.calls = stored.calls.into_iter().map(|record| (record.position, Box::new(record))).collect();
        session.scopes = ScopeTable::recover(stored.scope_votes);
        session.row = Some(stored.row);
        session.is_recovered = true;
        session.repeats = session.is_initiator();
        session.recover_log(stored.messages);
        if session.runs_program() {
            if me == session.header.initiator {
                session.hold_begins(begins);
            }
            session.ask_peers();
        }
        session.arm_resend(now);
        session.enter_state(now);
        session.compensated(now);
        session
    }

    /// What is said of single operations holds in this session.
    #[must_use]
    pub fn with_retries(self, retries: &Arc<Retries>) -> Self {
        Self { retries: Some(Arc::clone(retries)), ..self }
    }

    /// Which run this is: no other one of this role in this session, of this process or another, has the same number where more than one run may
    /// have writes in the store's queue.
    #[must_use]
    pub fn with_run(self, run: u32) -> Self {
        Self { run, ..self }
    }

    /// Which session, and which role of it.
    pub fn key(&self) -> SessionKey {
        SessionKey { session: self.id, role: self.me }
    }

    /// The header.
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// The session's arguments as JSON, at its initiator.
    pub fn arguments(&self) -> Option<&Arc<str>> {
        self.arguments.as_ref()
    }

    /// Where the role stands, as the last write asked for leaves it.
    pub fn state(&self) -> Option<&RowState> {
        self.row.as_ref().map(|row| &row.state)
    }

    /// Whether the role's program is to be run, or to be run again: it makes the messages again that others may lack.
    pub fn runs_program(&self) -> bool {
        !self.stopped
            && !self.parked
            && !self.ended
            && !self.is_held()
            && matches!(self.state(), None | Some(RowState::Active | RowState::Voted { .. }))
    }

    /// The next frame to send.
    pub fn poll_transmit(&mut self) -> Option<Frame> {
        room::next(&mut self.transmits).or_else(|| self.next_question())
    }

    /// The next durable write to make. They are numbered without gaps, and take effect in that order.
    pub fn poll_write(&mut self) -> Option<Write> {
        room::next(&mut self.writes)
    }

    /// The next thing to run.
    pub fn poll_run(&mut self) -> Option<Run> {
        room::next(&mut self.runs)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        room::next(&mut self.events)
    }

    /// When [`Session::handle_timeout`] is wanted.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.timers.values().min().copied()
    }
}
