//! Ending a session by request: of its client, of an operator, of its deadline (hole H15 of the specification).
//!
//! A cancel is a request. The first role that has not voted decides, as if its own program had ended the session: the abort is in its row. A role
//! that has voted *completed* has promised not to end it; it passes the request on to those that, as far as it knows, have not, again and again
//! until the outcome is known. When all have voted it is too late. The request itself is kept in memory only: who asked, and hears of no outcome
//! because this node crashed, asks again.

use std::sync::Arc;

use super::Session;
use crate::fault::{self, Fault};
use crate::frame::Body;
use crate::identity::RoleId;
use crate::record::RowState;

/// What came of a request to end a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The session ends: from here, or it is being rolled back already.
    Aborts,
    /// This role has voted, and asks the others: the outcome will tell.
    PassedOn,
    /// All roles have completed.
    TooLate,
}

impl Session {
    /// Somebody asks to end the session.
    pub fn handle_cancel(&mut self, reason: Arc<str>) -> Cancel {
        match self.state() {
            None if self.stopped => Cancel::Aborts,
            None | Some(RowState::Active) => self.cancel_here(reason),
            Some(RowState::Voted { .. }) if fault::is_on(Fault::VotesTwice) => self.cancel_here(reason),
            Some(RowState::Voted { .. }) => {
                self.cancel = Some(reason);
                let roles: Vec<_> = self.peers.keys().copied().collect();
                roles.into_iter().for_each(|role| self.pass_cancel_on(role));
                Cancel::PassedOn
            }
            Some(RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) }) => Cancel::Aborts,
            Some(RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) }) => Cancel::TooLate,
        }
    }

    fn cancel_here(&mut self, reason: Arc<str>) -> Cancel {
        self.abort_as_origin(reason);
        Cancel::Aborts
    }

    /// A role that has voted passes a cancel on. One that has voted here too has nothing to add: the other asks all.
    pub(super) fn handle_cancel_of_peer(&mut self, from: RoleId, reason: Arc<str>) {
        match self.state() {
            None | Some(RowState::Active) if !self.stopped => _ = self.cancel_here(reason),
            Some(RowState::Aborting { .. }) => self.relay_abort(from),
            None
            | Some(
                RowState::Active | RowState::Voted { .. } | RowState::Committed { .. } | RowState::Finished { .. },
            ) => {}
        }
    }

    /// Asks `role`, unless it is known to have voted. A vote that is not durable yet may be lost, and with it the session's memory.
    pub(super) fn pass_cancel_on(&mut self, role: RoleId) {
        let Some(reason) = self.cancel.clone() else { return };
        let votes = self.entered && matches!(self.state(), Some(RowState::Voted { .. }));
        if votes && self.peers.get(&role).is_some_and(|peer| !peer.completed) {
            self.transmit(role, Body::Cancel { reason });
        }
    }
}
