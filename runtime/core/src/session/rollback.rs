//! Rolling back: every committed transaction of the session, or of a scope of it, is undone, in reverse order of commit, from what is recorded
//! of it (rules A3 and A4). Nothing is run again for it, and no message is needed. The undone marks say what is left to do: a session that
//! is aborted undoes what its scopes have not.

use std::sync::Arc;

use super::parts::Timer;
use super::{Event, Run, Session};
use crate::fault::{self, Fault};
use crate::frame::{Body, Outcome};
use crate::identity::{Millis, Position};
use crate::reason::cut_reason;
use crate::record::{Change, RowState, TransactionRecord, Urgency};

impl Session {
    /// Whether everything has been undone, durably.
    pub(super) fn is_compensated(&self) -> bool {
        matches!(self.state(), Some(RowState::Aborting { .. }))
            && self.entered
            && self.last_write <= self.durable
            && self.undoing.is_none()
            && self.to_undo.as_ref().is_some_and(Vec::is_empty)
    }

    pub(super) fn undo_next(&mut self) {
        let all = matches!(self.state(), Some(RowState::Aborting { .. }));
        if self.undoing.is_some() || (all && !self.entered) || (!all && self.stopped) {
            return;
        }
        let (transactions, scopes) = (&self.transactions, &self.scopes);
        let to_undo = self.to_undo.get_or_insert_with(|| {
            let standing = |record: &TransactionRecord| {
                let is_there = record.result.is_some() || !fault::is_on(Fault::PassesIntentsBy);
                is_there && !record.undone || fault::is_on(Fault::UndoesAgain)
            };
            let undo = |record: &&TransactionRecord| standing(record) && (all || scopes.roll_back(&record.scopes));
            let mut records: Vec<_> = transactions.values().map(|record| &**record).filter(undo).collect();
            records.sort_by_key(|record| record.sequence);
            if fault::is_on(Fault::UndoesInOrderOfCommit) {
                records.reverse();
            }
            records.into_iter().map(|record| record.position).collect()
        });
        let next = to_undo.last().and_then(|position| transactions.get(position));
        // What is undone outside of the database cannot share a commit with what is undone before it, nor fail with it.
        let is_outside = |record: &TransactionRecord| {
            self.retries.as_ref().is_some_and(|retries| retries.outside.contains(&record.operation))
        };
        if let Some(record) = next.filter(|record| self.last_write <= self.durable || !is_outside(record)) {
            to_undo.pop();
            self.undoing = Some(record.position);
            self.runs.push_back(Run::Compensate((**record).clone()));
        }
    }

    /// Whether the transaction at `position` is (still) to be undone.
    pub fn may_compensate(&self, position: Position) -> bool {
        self.undoing == Some(position)
            && (self.transactions.get(&position))
                .is_some_and(|record| !record.undone || fault::is_on(Fault::UndoesAgain))
    }

    /// The compensation at `position` has run, in a transaction of the database that is still open. Whether what it wrote is to be kept;
    /// the write that then comes up belongs to the same commit.
    pub fn handle_compensated(&mut self, position: Position, ran: Result<(), Arc<str>>, now: Millis) -> bool {
        if !self.may_compensate(position) {
            return false;
        }
        let (Some(record), Some(state)) =
            (self.transactions.get_mut(&position), self.row.as_ref().map(|row| row.state.clone()))
        else {
            return false;
        };
        match ran {
            Ok(()) => {
                self.undone(position, state);
                true
            }
            Err(reason) => {
                let reason = cut_reason(reason);
                self.undo_failure = Some(Arc::clone(&reason));
                self.undo_attempts = self.undo_attempts.saturating_add(1);
                let operation = Arc::clone(&record.operation);
                let attempts = self.undo_attempts;
                let of_operation = self.retries.as_ref().and_then(|retries| retries.compensations.get(&operation));
                let retry = of_operation.unwrap_or(&self.timing.retry_compensations);
                let pause_millis = retry.pause_millis(attempts, self.key(), position);
                self.timers.insert(Timer::Compensation, now.plus(pause_millis));
                self.events.push_back(Event::CompensationFailed { operation, reason, attempts });
                false
            }
        }
    }

    /// What stands at `position` is undone, from the write on that this asks for.
    fn undone(&mut self, position: Position, state: RowState) {
        if let Some(record) = self.transactions.get_mut(&position) {
            record.undone = true;
        }
        self.undoing = None;
        self.undo_attempts = 0;
        self.undo_failure = None;
        self.unwritten.push(Change::Undone(position));
        self.write(state, Urgency::Prompt);
        self.undo_next();
    }

    /// Somebody has undone by hand what the compensation at `position` would undo: it is not tried any more. Whether that holds from now on:
    /// only for one that has failed and does not run just now ([`Session::stuck_compensation`] gives it).
    pub fn handle_undone_by_hand(&mut self, position: Position) -> bool {
        let waits = self.undo_attempts > 0 && self.timers.contains_key(&Timer::Compensation);
        let Some(state) = self.row.as_ref().map(|row| row.state.clone()) else { return false };
        if !waits || !self.may_compensate(position) {
            return false;
        }
        self.timers.remove(&Timer::Compensation);
        self.undone(position, state);
        true
    }

    /// Tries the compensation again that failed.
    pub(super) fn retry_compensation(&mut self) {
        if let Some(record) = self.undoing.and_then(|position| self.transactions.get(&position)) {
            self.runs.push_back(Run::Compensate((**record).clone()));
        }
    }

    /// Says so to whoever must know, once everything is undone.
    pub(super) fn compensated(&mut self, now: Millis) {
        if !self.is_compensated() {
            return;
        }
        let Some(RowState::Aborting { via, .. }) = self.state() else { return };
        let via = *via;
        let owed: Vec<_> = self.peers.known().filter(|(_, peer)| peer.owed_done).map(|(role, _)| *role).collect();
        for role in owed {
            if let Some(peer) = self.peers.get_mut(&role) {
                peer.owed_done = false;
            }
            if role != via {
                self.transmit(role, Body::Done { outcome: Outcome::Compensated, answer: true });
            }
        }
        if via != self.me {
            self.transmit(via, Body::Done { outcome: Outcome::Compensated, answer: false });
        }
        if let (true, Some(RowState::Aborting { reason, .. })) = (fault::is_on(Fault::LearnerForgets), self.state()) {
            let reason = Arc::clone(reason);
            return self.finish(Err(reason));
        }
        self.resends = 0;
        self.arm_resend(now);
        self.finish_if_all_done();
    }
}
