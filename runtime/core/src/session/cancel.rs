//! Ending a session by request: of its client, of an operator, of its deadline (hole H15 of the specification).
//!
//! A cancel is a request. The first role that has not voted decides, as if its own program had ended the session: the abort is in its row. A role
//! that has voted *completed* has promised not to end it, and so has an initiator that may have told its client (`early.rs`); it passes the
//! request on to those that, as far as it knows, have not, again and again until the outcome is known. When all have voted it is too late. A
//! request is kept in memory only: who asked, and hears of no outcome because this node crashed, asks again. A deadline is a cancel by the clock
//! of the initiator, in whose row it is: it comes again after a restart.

use std::sync::Arc;

use super::Session;
use super::doubt::Doubt;
use super::parts::Timer;
use crate::fault::{self, Fault};
use crate::frame::Body;
use crate::identity::{Millis, RoleId};
use crate::reason::cut_reason;
use crate::record::{Deadline, RowState};

/// What came of a request to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The session ends: from here, or it is being rolled back already.
    Aborts,
    /// This role has voted, and asks the others: the outcome will tell.
    PassedOn,
    /// All roles have completed.
    TooLate,
    /// It is not known whether all roles have completed: this database may lack what it once knew, and others are asked.
    Doubtful,
    /// All roles have completed, and this database lacks this role's part of it: a person decides.
    Behind,
    /// This role has voted, and the role that decides knows nothing of the session: a person decides.
    Forgotten,
}

impl Session {
    /// Somebody asks to end the session.
    pub fn handle_cancel(&mut self, reason: Arc<str>) -> Cancel {
        match self.state() {
            _ if self.doubt == Some(Doubt::Asking) => Cancel::Doubtful,
            _ if self.doubt == Some(Doubt::Behind) => Cancel::Behind,
            Some(RowState::Voted { .. }) if self.doubt == Some(Doubt::Forgotten) => {
                self.pass_on(reason);
                Cancel::Forgotten
            }
            None if self.stopped => Cancel::Aborts,
            Some(RowState::Active) if self.may_have_told() => self.pass_on(reason),
            None | Some(RowState::Active) if self.may_be_excused() => self.pass_on(reason),
            None | Some(RowState::Active) => self.cancel_here(reason),
            Some(RowState::Voted { .. }) if fault::is_on(Fault::VotesTwice) => self.cancel_here(reason),
            Some(RowState::Voted { .. }) if self.decided || self.told => Cancel::TooLate,
            Some(RowState::Voted { .. }) => self.pass_on(reason),
            Some(RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) }) => Cancel::Aborts,
            Some(RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) }) => Cancel::TooLate,
        }
    }

    fn cancel_here(&mut self, reason: Arc<str>) -> Cancel {
        self.abort_as_origin(reason);
        Cancel::Aborts
    }

    fn pass_on(&mut self, reason: Arc<str>) -> Cancel {
        self.cancel = Some(cut_reason(reason));
        self.pass_cancel_on_to_all();
        Cancel::PassedOn
    }

    pub(super) fn pass_cancel_on_to_all(&mut self) {
        if self.cancel.is_some() {
            let roles: Vec<_> = self.peers.keys().copied().collect();
            roles.into_iter().for_each(|role| self.pass_cancel_on(role));
        }
    }

    /// The session is to be decided by `deadline`; this is said once, at the start, and is in every row.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Deadline, now: Millis) -> Self {
        self.deadline = Some(deadline);
        self.timers.insert(Timer::Deadline, now.plus(deadline.within_millis));
        self
    }

    /// When the session is to be decided, if that has been said.
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// A recovered session is told the time of day, by which it times what is left until its deadline: never more than there was at the start,
    /// whatever the clock says.
    pub fn handle_time_of_day(&mut self, unix_millis: u64, now: Millis) {
        let Some(Deadline { unix_millis: deadline, within_millis }) = self.deadline else { return };
        if self.runs_or_voted() {
            let left_millis = deadline.saturating_sub(unix_millis).min(within_millis);
            self.timers.insert(Timer::Deadline, now.plus(left_millis));
        }
    }

    /// A deadline is a cancel by the clock.
    pub(super) fn deadline_passed(&mut self) {
        if let Some(Deadline { within_millis, .. }) = self.deadline
            && self.runs_or_voted()
        {
            self.handle_cancel(format!("not decided within {within_millis} ms").into());
        }
    }

    fn runs_or_voted(&self) -> bool {
        !self.stopped && matches!(self.state(), None | Some(RowState::Active | RowState::Voted { .. }))
    }

    /// A role that has voted passes a cancel on. One that has voted here too, or may have told its client, has nothing to add: the other asks
    /// all, unless it is optional.
    pub(super) fn handle_cancel_of_peer(&mut self, from: RoleId, reason: Arc<str>) {
        match self.state() {
            // It comes again.
            _ if self.is_held() => {}
            Some(RowState::Active) if self.may_have_told() => self.pass_on_for(from, reason),
            Some(RowState::Voted { .. }) if !self.decided && !self.told => self.pass_on_for(from, reason),
            None | Some(RowState::Active) if self.may_be_excused() => {}
            None | Some(RowState::Active) if !self.stopped => _ = self.cancel_here(reason),
            Some(RowState::Aborting { .. }) => self.relay_abort(from),
            None
            | Some(
                RowState::Active | RowState::Voted { .. } | RowState::Committed { .. } | RowState::Finished { .. },
            ) => {}
        }
    }

    /// An optional role asks the initiator only: the others may have forgotten the session, and begin it anew.
    fn pass_on_for(&mut self, from: RoleId, reason: Arc<str>) {
        if self.is_initiator() && self.is_optional(from) && self.cancel.is_none() {
            self.pass_on(reason);
        }
    }

    /// Asks `role`, unless it is known to have voted. A vote that is not durable yet may be lost, and with it the session's memory.
    pub(super) fn pass_cancel_on(&mut self, role: RoleId) {
        let Some(reason) = self.cancel.clone() else { return };
        let has_voted = self.entered && matches!(self.state(), Some(RowState::Voted { .. }));
        let asks_initiator = self.is_untouched() && role == self.header.initiator;
        if (has_voted || self.may_have_told() || asks_initiator)
            && self.peers.get(&role).is_some_and(|peer| !peer.completed())
        {
            self.transmit(role, Body::Cancel { reason });
        }
    }
}
