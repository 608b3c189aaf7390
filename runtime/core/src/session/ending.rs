//! How a session ends: votes, the outcome, settlement, and when it may be forgotten (rules V, C and G).
//!
//! Where all goes well, each role tells the initiator of its vote, and the initiator tells all of the outcome, collects *done* and says *over*:
//! four frames for each other role, and not two for each pair. What nobody answers goes to all, so that the outcome is reached without the
//! initiator too.

use std::sync::Arc;

use super::inbox::Load;
use super::parts::Timer;
use super::peers::Peer;
use super::scope::ScopeTable;
use super::{Event, Run, Session};
use crate::fault::{self, Fault};
use crate::frame::{Body, Outcome, Vote};
use crate::identity::{Millis, RoleId};
use crate::reason::cut_reason;
use crate::record::{Change, RecordKinds, RowState, Urgency};

/// How long an initiator that has all votes waits for the others to be done, until it records the outcome so as to forget all else.
const SETTLE_MILLIS: u64 = 500;

impl Session {
    /// What the durable state of the row leads to, once.
    pub(super) fn enter_state(&mut self, now: Millis) {
        if self.entered || self.state_write > self.durable {
            return;
        }
        let Some(row) = &self.row else { return };
        self.entered = true;
        self.tells_early = false;
        match row.state.clone() {
            RowState::Active | RowState::Finished { .. } => {}
            RowState::Voted { .. } => {
                if !self.is_initiator() {
                    self.transmit(self.header.initiator, self.vote());
                }
                self.pass_cancel_on_to_all();
                self.decide_if_all_completed();
                self.answer_pivots();
            }
            RowState::Committed { result } => {
                // After a restart, whoever asks again is told again, however long some role stays away.
                self.settled(&result);
                self.tell_done();
                self.finish_if_all_done();
            }
            RowState::Aborting { reason, .. } => {
                self.aborted(Arc::clone(&reason));
                if self.is_origin() {
                    let vote = Body::Vote { voter: self.me, vote: Vote::Aborted { reason } };
                    self.broadcast(|peer| !peer.done(), vote);
                }
                self.undo_next();
            }
        }
        self.resends = 0;
        self.arm_resend(now);
    }

    /// Whether the abort of this session was this role's, and others were told of it.
    pub(super) fn is_origin(&self) -> bool {
        matches!(self.state(), Some(RowState::Aborting { via, local: false, .. }) if *via == self.me)
    }

    /// How the session ended here, as far as it has.
    pub fn outcome(&self) -> Option<Outcome> {
        match self.state()? {
            RowState::Committed { .. } => Some(Outcome::Committed),
            RowState::Finished { outcome } => {
                Some(if outcome.is_ok() { Outcome::Committed } else { Outcome::Compensated })
            }
            RowState::Aborting { .. } => Some(Outcome::Compensated),
            RowState::Voted { .. } if self.decided => Some(Outcome::Committed),
            RowState::Active | RowState::Voted { .. } => None,
        }
    }

    pub(super) fn is_initiator(&self) -> bool {
        self.me == self.header.initiator
    }

    /// Rule C1 and C2: with all votes seen the outcome is decided, and can be told; the record follows.
    pub(super) fn decide_if_all_completed(&mut self) {
        let Some(RowState::Voted { result }) = self.state() else { return };
        let result = Arc::clone(result);
        if self.decided || fault::is_on(Fault::ResultNotInVote) && !self.ended {
            return;
        }
        if self.entered && self.has_all_votes() {
            self.settled(&result);
            self.stop();
            // Nothing of it will be run or undone again: the row says it all, however long some role stays away.
            self.transactions.clear();
            self.calls.clear();
            // With a vote missing, the others hear of it when it is recorded: another run of this role could
            // not tell whose vote it need not wait for without their messages, which they keep until then.
            if self.is_initiator() && self.peers.have_all_completed() {
                // The others hear of it at once, and mostly it is over before anything is to be written.
                self.tell_done();
                self.timers.insert(Timer::Settle, self.clock.plus(SETTLE_MILLIS));
                self.finish_if_all_done();
                return;
            }
            self.record_commit();
            if fault::is_on(Fault::DoneBeforeDurable) {
                self.tell_done();
            }
        }
    }

    /// Rule C2, once all have voted.
    pub(super) fn record_commit(&mut self) {
        if let Some(RowState::Voted { result }) = self.state()
            && self.decided
        {
            let result = Arc::clone(result);
            self.drop_records();
            self.write(RowState::Committed { result }, Urgency::Lazy);
        }
    }

    /// Whether this role keeps the session until `role` is done with it: of one that commits the initiator waits for all, and forgets when they
    /// are done; the others wait for the initiator to have forgotten.
    pub(super) fn awaits_end_of(&self, role: RoleId) -> bool {
        self.is_initiator() || self.is_origin() || role == self.header.initiator
    }

    /// Rule C3: of the initiator it says that all have completed, of the others that they have settled, which only the initiator needs to know.
    fn tell_done(&mut self) {
        let body = Body::Done { outcome: Outcome::Committed, answer: false };
        if self.is_initiator() {
            self.broadcast(|peer| !peer.done(), body);
        } else {
            self.transmit(self.header.initiator, body);
        }
    }

    /// When all votes are in, or when a restarted role finds the session committed.
    pub(super) fn settled(&mut self, result: &Arc<str>) {
        self.decided = true;
        self.tell_committed(result);
    }

    fn aborted(&mut self, reason: Arc<str>) {
        if !self.decided {
            self.decided = true;
            self.events.push_back(Event::Decided(Err(reason)));
        }
    }

    /// The program is not run any more, and says nothing more (rule F2).
    pub(super) fn stop(&mut self) {
        if fault::is_on(Fault::CommitsAfterAbort) {
            return;
        }
        self.stopped = true;
        if !fault::is_on(Fault::SettledGoesOnSending) {
            self.forget_kept();
        }
        self.fresh.clear();
        self.held.clear();
        self.gated_calls.clear();
        self.transaction_requests.clear();
        self.call_requests.clear();
        self.pivot = None;
        self.waits.clear();
        self.cancel = None;
        self.doubt = None;
        self.calls.clear();
        self.scopes = ScopeTable::default();
        self.visited.clear();
        self.forget_messages();
        self.logging.clear();
        // A compensation that is under way, of a scope, is one of the session's from now on.
        self.runs.retain(|run| matches!(run, Run::Compensate(_)));
        // What was said is said again, until the next state says something else.
        self.timers.retain(|timer, _| matches!(timer, Timer::Compensation | Timer::Resend));
        self.to_undo = None;
    }

    /// What came and what is waited for: nobody needs it any more.
    pub(super) fn forget_messages(&mut self) {
        self.inbox.clear();
        self.inbox_load = Load::default();
        self.refused.clear();
        self.awaited.clear();
        self.unlogged.clear();
    }

    /// Nothing of the records is needed any more: they go with the next write.
    pub(super) fn drop_records(&mut self) {
        let kinds = self.recorded.after(&self.unwritten);
        if kinds != RecordKinds::NONE {
            self.unwritten.push(Change::Drop(kinds));
        }
    }

    /// Rules G1, G2 and G4.
    pub(super) fn finish_if_all_done(&mut self) {
        if !self.entered || self.finishing.is_some() {
            return;
        }
        let all_done = match self.is_initiator() || self.is_origin() {
            true => self.peers.are_all_done(),
            false => self.peers.get(&self.header.initiator).is_none_or(Peer::done),
        };
        let all_done = all_done || fault::is_on(Fault::ForgetsAlone);
        match self.state() {
            Some(RowState::Committed { result }) if all_done => self.finish(Ok(Arc::clone(result))),
            Some(RowState::Voted { result }) if all_done && self.decided => self.finish(Ok(Arc::clone(result))),
            Some(RowState::Aborting { via, reason, local })
                if *via == self.me && (all_done || *local) && self.is_compensated() =>
            {
                self.finish(Err(Arc::clone(reason)));
            }
            _ => {}
        }
    }

    pub(super) fn finish(&mut self, outcome: Result<Arc<str>, Arc<str>>) {
        if outcome.is_err() {
            self.events.push_back(Event::Settled(outcome.clone()));
        }
        self.transactions.clear();
        // A committed session's went when that was recorded.
        if !matches!(self.state(), Some(RowState::Committed { .. })) {
            self.drop_records();
        }
        let tells_all = if outcome.is_ok() { self.is_initiator() } else { self.is_origin() };
        // The client waits for *over* where the session started, unless that is here.
        let urgency = if tells_all && !self.is_initiator() { Urgency::Prompt } else { Urgency::Lazy };
        self.write(RowState::Finished { outcome }, urgency);
        self.finishing = Some(self.last_write);
        self.timers.clear();
        if tells_all {
            self.tell_over = true;
        }
    }

    /// The write that ends it all is durable (rule G6: *over* is said once).
    pub(super) fn finish_if_durable(&mut self) {
        if self.finishing.is_none_or(|write| write > self.durable) {
            return;
        }
        self.finishing = None;
        if self.tell_over {
            self.broadcast(|_| true, Body::Over);
        }
        self.events.push_back(Event::Finished);
    }

    /// Ends the session from here (rules A1 and S2).
    pub(super) fn abort_as_origin(&mut self, reason: Arc<str>) {
        let reason = cut_reason(reason);
        let local = self.row.is_none() && self.is_initiator();
        self.stop();
        self.write(RowState::Aborting { via: self.me, reason, local }, Urgency::Prompt);
    }

    /// Heard of an abort (rule A2).
    pub(super) fn abort_via(&mut self, via: RoleId, reason: Arc<str>) {
        if fault::is_on(Fault::AbortWithoutRecord) && self.row.is_none() {
            self.transmit(via, Body::Done { outcome: Outcome::Compensated, answer: true });
            self.events.push_back(Event::Finished);
            return;
        }
        self.stop();
        self.write(RowState::Aborting { via, reason, local: false }, Urgency::Prompt);
    }
}
