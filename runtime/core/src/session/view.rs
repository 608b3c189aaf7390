//! What a session does and what it waits for, for a person who looks at it. Nothing here changes anything.

use std::sync::Arc;

use super::parts::Timer;
use super::{Divergence, Doubt, Session};
use crate::identity::{Millis, Position, RoleId, WriteId};
use crate::record::{CallRecord, Row, RowState, ScopeVoteRecord, TransactionRecord};

/// One role's part of a session, as it is now.
#[derive(Clone, Debug)]
pub struct View {
    /// The row, as the last write asked for leaves it; `None` before there is a first.
    pub row: Option<Row>,
    /// Why the session is parked, if it is.
    pub parked: Option<Divergence>,
    /// What is not known of the session.
    pub doubt: Option<Doubt>,
    /// The committed transactions, in the order of their commits.
    pub transactions: Vec<TransactionRecord>,
    /// The recorded results.
    pub calls: Vec<CallRecord>,
    /// What this role voted of scopes.
    pub scope_votes: Vec<ScopeVoteRecord>,
    /// What it waits for.
    pub waits: Vec<WaitsFor>,
    /// What is known of the other roles.
    pub peers: Vec<PeerView>,
    /// When it is to be decided, at the initiator and until it is decided.
    pub deadline: Option<DeadlineView>,
    /// Why somebody asked to end it. This role may not do that any more, and asks the others.
    pub cancel: Option<Arc<str>>,
    /// Whose vote this role does not know of, itself included, until the session is decided. The
    /// initiator is told of every vote; the others know only their own and what they are told.
    pub missing_votes: Vec<RoleId>,
}

/// When a session is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadlineView {
    /// So many milliseconds after the start.
    pub within_millis: u64,
    /// When it passes; `None` when it has passed.
    pub due: Option<Millis>,
}

/// What is known of another role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Which.
    pub role: RoleId,
    /// It voted *completed*.
    pub completed: bool,
    /// It has durably reached the outcome.
    pub done: bool,
    /// Why it last said that it cannot take part.
    pub refused: Option<Arc<str>>,
    /// How many messages are kept for it, to be sent again.
    pub kept: usize,
    /// What they count: their bytes of JSON, and a little for each.
    pub kept_bytes: usize,
}

/// Something that a session waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A message of the program.
    Message {
        /// Which.
        position: Position,
        /// From whom.
        from: RoleId,
    },
    /// The clock alone.
    Sleep {
        /// Which timer.
        position: Position,
        /// When it is due.
        until: Option<Millis>,
    },
    /// A transaction: in the queue, running, or to be tried again.
    Transaction(Trying),
    /// An operation, in the same way.
    Call(Trying),
    /// A compensation, in the same way.
    Compensation(Trying),
    /// A role's vote of a scope.
    ScopeVote {
        /// Of which.
        scope: Position,
        /// Whose.
        from: RoleId,
    },
    /// A role's vote of the session.
    Vote(RoleId),
    /// That a role says that it has reached the outcome.
    Done(RoleId),
    /// That the role where the abort began says that all is over.
    Over(RoleId),
    /// A durable write.
    Write,
}

/// An operation or compensation that has not succeeded (so far).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trying {
    /// `Service.operation`; for a compensation, of what is undone.
    pub operation: Arc<str>,
    /// Its arguments as JSON.
    pub arguments: Arc<str>,
    /// Where.
    pub position: Position,
    /// How often it has failed in this run.
    pub attempts: u32,
    /// What it said when it last failed.
    pub failure: Option<Arc<str>>,
    /// When it is tried again; none where it is in the queue or runs.
    pub next_try: Option<Millis>,
}

impl Session {
    /// All there is to be seen of it.
    pub fn view(&self) -> View {
        let mut transactions: Vec<_> = self.transactions.values().map(|record| (**record).clone()).collect();
        transactions.sort_by_key(|record| record.sequence);
        let peers = self.peers.iter().map(|(role, peer)| PeerView {
            role: *role,
            completed: peer.completed(),
            done: peer.done(),
            refused: peer.refused.clone(),
            kept: self.kept_for(*role).count(),
            kept_bytes: peer.kept_bytes,
        });
        View {
            row: self.row.clone(),
            parked: self.divergence.as_deref().cloned(),
            doubt: self.doubt,
            transactions,
            calls: self.calls.values().map(|record| (**record).clone()).collect(),
            scope_votes: self.scopes.recorded(),
            waits: self.waits_for(),
            peers: peers.collect(),
            deadline: self.deadline_view(),
            cancel: self.cancel.clone().filter(|_| self.is_undecided()),
            missing_votes: self.missing_votes(),
        }
    }

    /// Whether it may still commit or roll back, as far as this role knows.
    fn is_undecided(&self) -> bool {
        !self.decided && !self.told && matches!(self.state(), None | Some(RowState::Active | RowState::Voted { .. }))
    }

    fn deadline_view(&self) -> Option<DeadlineView> {
        let deadline = self.deadline.filter(|_| self.is_undecided())?;
        let due = self.timers.get(&Timer::Deadline).copied();
        Some(DeadlineView { within_millis: deadline.within_millis, due })
    }

    fn missing_votes(&self) -> Vec<RoleId> {
        if !self.is_undecided() {
            return Vec::new();
        }
        let has_voted = matches!(self.state(), Some(RowState::Voted { .. }));
        let voted = |role: RoleId| match self.peers.get(&role) {
            Some(peer) => peer.completed() || self.is_excused(role),
            None => role == self.me && has_voted,
        };
        self.header.participants.iter().copied().filter(|role| !voted(*role)).collect()
    }

    /// Whether its program did something else than what is recorded.
    pub fn is_parked(&self) -> bool {
        self.parked
    }

    /// Whether an operation or compensation has failed and has not succeeded since.
    pub fn is_failing(&self) -> bool {
        let mut requests = self.transaction_requests.values().chain(self.call_requests.values());
        self.stuck_compensation().is_some() || requests.any(|request| request.attempts > 0)
    }

    /// The compensation that fails, if one does.
    pub fn stuck_compensation(&self) -> Option<Trying> {
        self.compensation().filter(|trying| trying.attempts > 0)
    }

    /// The last write that has been asked for.
    pub fn last_write(&self) -> WriteId {
        self.last_write
    }

    /// The last write that is durable.
    pub fn durable(&self) -> WriteId {
        self.durable
    }

    /// What it waits for now.
    pub fn waits_for(&self) -> Vec<WaitsFor> {
        if self.parked {
            return Vec::new();
        }
        let mut waits: Vec<_> = self.compensation().map(WaitsFor::Compensation).into_iter().collect();
        if self.last_write > self.durable {
            waits.push(WaitsFor::Write);
        }
        let missing = |is_missing: fn(&super::Peer) -> bool| {
            self.peers.iter().filter(move |(_, peer)| is_missing(peer)).map(|(role, _)| *role)
        };
        match self.state() {
            None | Some(RowState::Active) => {
                if self.holds_pivot() {
                    let missing = missing(|peer| !peer.completed()).filter(|role| !self.is_excused(*role));
                    waits.extend(missing.map(WaitsFor::Vote));
                }
                self.program_waits_for(&mut waits);
            }
            Some(RowState::Voted { .. }) if !self.decided => {
                waits.extend(self.awaited_votes().map(WaitsFor::Vote));
                self.program_waits_for(&mut waits);
            }
            Some(RowState::Voted { .. } | RowState::Committed { .. }) if self.is_initiator() => {
                waits.extend(missing(|peer| !peer.done()).map(WaitsFor::Done));
            }
            Some(RowState::Voted { .. } | RowState::Committed { .. }) => {
                waits.push(WaitsFor::Over(self.header.initiator));
            }
            Some(RowState::Aborting { via, .. }) if *via == self.me => {
                waits.extend(missing(|peer| !peer.done()).map(WaitsFor::Done));
            }
            Some(RowState::Aborting { via, .. }) => waits.push(WaitsFor::Over(*via)),
            Some(RowState::Finished { .. }) => {}
        }
        waits
    }

    /// The votes that the outcome waits for, as far as this role can tell. All votes go to the
    /// initiator, so that another role does not know whose it lacks: it waits for the initiator's,
    /// and for those that have said why they do not vote.
    fn awaited_votes(&self) -> impl Iterator<Item = RoleId> {
        let initiator = self.header.initiator;
        let is_told_of_all = self.is_initiator() || self.peers.get(&initiator).is_some_and(super::Peer::completed);
        let is_awaited = move |role: RoleId, peer: &super::Peer| {
            let is_missing = !peer.completed() && !self.is_excused(role);
            is_missing && (is_told_of_all || role == initiator || peer.refused.is_some())
        };
        self.peers.iter().filter(move |(role, peer)| is_awaited(**role, peer)).map(|(role, _)| *role)
    }

    fn program_waits_for(&self, waits: &mut Vec<WaitsFor>) {
        waits
            .extend(self.awaited.iter().map(|(position, from)| WaitsFor::Message { position: *position, from: *from }));
        waits.extend(self.scopes.missing_votes(self.me).map(|(scope, from)| WaitsFor::ScopeVote { scope, from }));
        let sleeps = self.waits.iter().filter(|(_, wait)| wait.sleeps);
        waits.extend(sleeps.map(|(position, _)| {
            let until = self.timers.get(&Timer::Wait(*position)).copied();
            WaitsFor::Sleep { position: *position, until }
        }));
        for (position, request) in &self.transaction_requests {
            waits.push(WaitsFor::Transaction(self.trying(*position, request, Timer::Transaction(*position))));
        }
        for (position, request) in &self.call_requests {
            waits.push(WaitsFor::Call(self.trying(*position, request, Timer::Call(*position))));
        }
    }

    fn trying(&self, position: Position, request: &super::Request, timer: Timer) -> Trying {
        Trying {
            operation: Arc::clone(&request.operation),
            arguments: Arc::clone(&request.arguments),
            position,
            attempts: request.attempts,
            failure: request.failure.clone(),
            next_try: self.timers.get(&timer).copied(),
        }
    }

    fn compensation(&self) -> Option<Trying> {
        let record = self.undoing.and_then(|position| self.transactions.get(&position))?;
        Some(Trying {
            operation: Arc::clone(&record.operation),
            arguments: Arc::clone(&record.arguments),
            position: record.position,
            attempts: self.undo_attempts,
            failure: self.undo_failure.clone(),
            next_try: self.timers.get(&Timer::Compensation).copied(),
        })
    }
}
