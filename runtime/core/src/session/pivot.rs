//! The pivot: a transaction that nothing undoes and that its role does last (last-resource commit).
//!
//! The program asks for it as for any transaction. The session holds it back until every other role
//! has voted *completed*, and its commit carries this role's own vote. So the commit decides the
//! outcome: a pivot that has committed is in a committed session, whatever else happens.
//!
//! - Until it commits, the session can still be aborted here: by a cancel, by a deadline, or because
//!   the pivot itself refuses. From the moment its write is asked for, this role has voted, and so
//!   have all others: it is too late.
//! - A pivot that is held back writes nothing. A role that restarts runs again, and holds it again.
//! - Votes go to the initiator only. A role that holds its pivot asks the initiator for them
//!   ([`Body::AwaitVotes`]), and the initiator answers once all others, itself among them, have
//!   voted durably ([`Body::OthersVoted`]). By the clock it asks everyone, and each role answers
//!   with its own vote: it does not depend on the initiator.
//! - What follows a pivot in its program must end it in the same poll. Otherwise (code behind it
//!   fails, say) the pivot is taken back: its database transaction is rolled back, and the session
//!   is aborted.
//!
//! Which positions are pivots is known from the program's text: the driver says so by
//! [`Session::with_pivots`]. The compiler makes sure that no role waits for anything that a role does
//! behind its pivot, and that no two roles hold one at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::peers::Peer;
use super::{Change, Run, Session};
use crate::fault::{self, Fault};
use crate::frame::Body;
use crate::identity::{Position, RoleId};
use crate::record::{RowState, Urgency};

/// The reason of an abort that no program of the compiler's leads to.
const NOT_LAST: &str = "its role does something after an operation that nothing undoes and that decides the session";

/// The pivot that the program has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pivot {
    position: Position,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It waits for the votes of others. The initiator has been asked for them, or not yet.
    Held { asked: bool },
    /// It may run: all others have voted.
    Released,
    /// It has run, in a transaction of the database that is still open.
    Ran,
}

impl Session {
    /// The transactions at these positions are pivots: see the module `pivot`.
    #[must_use]
    pub fn with_pivots(self, pivots: &Arc<BTreeSet<Position>>) -> Self {
        Self { pivots: Some(Arc::clone(pivots)), ..self }
    }

    /// The program asks for the transaction at `position`. Whether it is a pivot, and so does not run yet.
    pub(super) fn hold_pivot(&mut self, position: Position) -> bool {
        if !self.pivots.as_ref().is_some_and(|pivots| pivots.contains(&position)) {
            return false;
        }
        if self.pivot.is_some_and(|pivot| self.is_requested(pivot.position)) {
            self.refusal = Some(NOT_LAST.into());
        } else {
            self.pivot = Some(Pivot { position, stage: Stage::Held { asked: false } });
        }
        true
    }

    /// Whether a pivot waits for the vote of another role.
    pub(super) fn holds_pivot(&self) -> bool {
        self.held_pivot().is_some_and(|position| self.is_requested(position)) && !self.has_votes_of_others()
    }

    /// The pivot that waits for votes.
    pub(super) fn held_pivot(&self) -> Option<Position> {
        self.pivot.filter(|pivot| matches!(pivot.stage, Stage::Held { .. })).map(|pivot| pivot.position)
    }

    fn has_votes_of_others(&self) -> bool {
        self.has_all_votes() || fault::is_on(Fault::RunsPivotEarly)
    }

    /// The poll of the program has ended, which may have asked for a pivot; or a vote has come.
    pub(super) fn pivot_paused(&mut self) {
        let Some(Pivot { position, stage: Stage::Held { asked } }) = self.pivot else { return };
        if !self.is_requested(position) {
            self.pivot = None;
        } else if self.has_votes_of_others() {
            self.pivot = Some(Pivot { position, stage: Stage::Released });
            self.runs.push_back(Run::Transaction(position));
        } else if !asked {
            self.pivot = Some(Pivot { position, stage: Stage::Held { asked: true } });
            self.ask_for_votes(self.header.initiator);
        }
    }

    /// Asks `role` for its vote, and the initiator for all of them, where a pivot waits for that.
    pub(super) fn ask_for_votes(&mut self, role: RoleId) {
        let is_missing = |peer: &Peer| !peer.completed() || role == self.header.initiator;
        if self.holds_pivot() && self.peers.get(&role).is_some_and(is_missing) {
            self.transmit(role, Body::AwaitVotes);
        }
    }

    /// The transaction at `position` has run.
    pub(super) fn pivot_ran(&mut self, position: Position) {
        if let Some(pivot) = self.pivot.as_mut().filter(|pivot| pivot.position == position) {
            pivot.stage = Stage::Ran;
        }
    }

    /// The poll of the program behind a pivot has ended. A pivot that the role's vote does not go with is taken back.
    pub(super) fn settle_pivot(&mut self, has_ended: bool) {
        let Some(Pivot { position, stage: Stage::Ran }) = self.pivot else { return };
        let is_decided = self.has_votes_of_others();
        self.pivot = None;
        if has_ended && is_decided && self.refusal.is_none() && !self.stopped && !self.parked && self.missed() == 0 {
            return;
        }
        self.transactions.remove(&position);
        self.visited.remove(&position);
        self.unwritten.retain(|change| !matches!(change, Change::Transaction(record) if record.position == position));
        if !self.stopped && !self.parked {
            self.refusal.get_or_insert_with(|| NOT_LAST.into());
        }
    }

    /// Whether the transaction at `position` is to be committed, now that the program has been polled behind it.
    pub fn keeps_transaction(&self, position: Position) -> bool {
        self.transactions.contains_key(&position)
    }

    /// `from` holds a pivot, and asks for the votes that it waits for.
    pub(super) fn handle_await_votes(&mut self, from: RoleId) {
        match self.state() {
            Some(RowState::Aborting { .. }) => self.relay_abort(from),
            None | Some(RowState::Active | RowState::Voted { .. }) => {
                if let Some(peer) = self.peers.get_mut(&from) {
                    peer.awaits_votes = true;
                }
                self.write_vote_now();
                self.answer_pivot(from);
            }
            // It has voted since.
            Some(RowState::Committed { .. } | RowState::Finished { .. }) => {}
        }
    }

    /// The vote of an initiator that has nobody to tell waits for the next write: now somebody asks for it.
    fn write_vote_now(&mut self) {
        if let (Some(RowState::Voted { result }), true) = (self.state(), self.tells_early) {
            let result = Arc::clone(result);
            self.tells_early = false;
            self.write(RowState::Voted { result }, Urgency::Prompt);
        }
    }

    /// Whether a role waits for the vote of this one.
    pub(super) fn is_awaited_by_pivot(&self) -> bool {
        self.peers.known().any(|(_, peer)| peer.awaits_votes)
    }

    /// Whoever waits for votes is told of them, once this role's own is durable.
    pub(super) fn answer_pivots(&mut self) {
        let asking: Vec<_> = self.peers.known().filter(|(_, peer)| peer.awaits_votes).map(|(role, _)| *role).collect();
        asking.into_iter().for_each(|role| self.answer_pivot(role));
    }

    fn answer_pivot(&mut self, to: RoleId) {
        let has_voted = self.entered && matches!(self.state(), Some(RowState::Voted { .. })) && !self.decided;
        let others_voted = self.peers.have_others_completed(to);
        if !has_voted || (self.is_initiator() && !others_voted) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.awaits_votes = false;
        }
        let body = if self.is_initiator() { Body::OthersVoted } else { self.vote() };
        self.transmit(to, body);
    }

    /// The initiator says that all roles but this one have voted *completed*.
    pub(super) fn handle_others_voted(&mut self, from: RoleId) {
        match self.state() {
            None | Some(RowState::Active | RowState::Voted { .. }) if from == self.header.initiator => {
                self.peers.complete_all();
                self.decide_if_all_completed();
            }
            Some(RowState::Aborting { .. }) => self.relay_abort(from),
            None
            | Some(
                RowState::Active | RowState::Voted { .. } | RowState::Committed { .. } | RowState::Finished { .. },
            ) => {}
        }
    }
}
