//! What the client is told before this role's own vote is durable, and what follows from it.
//!
//! Once all others have voted *completed* and the initiator's program has run to its end, only the initiator can still end the session. Its client
//! is told then, and does not wait for the disk: if the node dies before the vote is durable, the program runs again, receives the same messages
//! (their senders keep them until they hear of the outcome), takes the same recorded results, and comes to the same end. That holds where all
//! that its end depends on is durable already.
//!
//! What a run does not repeat is a request from outside to end the session. So the initiator of a session that runs again, and may have told its
//! client, treats a cancel as one that has voted does: it asks the others, until its program does something of which there is no record; then no
//! run has come to the end before. A deadline would then not be the initiator's to decide either: so a session that has one tells nothing early.
//!
//! A program that is not deterministic may break the promise in the short time until the vote is durable: by ending otherwise when it runs again.
//! One that shows itself by what is recorded is parked, and is then ended as whoever looks after it wants.

use std::sync::Arc;

use super::{Change, Event, Session};
use crate::fault::{self, Fault};
use crate::record::RowState;

impl Session {
    /// The program has ended, and its vote is about to be written: whether the client need not wait for that. Then nobody does.
    pub(super) fn may_tell_early(&self) -> bool {
        // Also what nothing else depends on: where a timer would begin again, time may run out that had not.
        let is_durable =
            self.last_write <= self.durable && self.unwritten.iter().all(|change| matches!(change, Change::Message(_)));
        self.is_initiator()
            && self.row.is_some()
            && self.deadline.is_none()
            && !self.peers.is_empty()
            && (is_durable || fault::is_on(Fault::TellsBeforeDurable))
    }

    /// Tells the client, if all others have voted and this role's vote is all that is to come.
    pub(super) fn tell_early(&mut self) {
        if let Some(RowState::Voted { result }) = self.state()
            && self.tells_early
            && self.has_all_votes()
        {
            let result = Arc::clone(result);
            self.tell_committed(&result);
        }
    }

    /// The result, once in a run. A client may ask for it again.
    pub(super) fn tell_committed(&mut self, result: &Arc<str>) {
        if !self.told {
            self.told = true;
            self.events.push_back(Event::Decided(Ok(Arc::clone(result))));
            self.events.push_back(Event::Settled(Ok(Arc::clone(result))));
        }
    }

    /// Whether an earlier run may have told the client that the session commits: this one has done nothing that such a run had not.
    pub(super) fn may_have_told(&self) -> bool {
        self.repeats
            && self.deadline.is_none()
            && !self.peers.is_empty()
            && !self.stopped
            && !self.parked
            && matches!(self.state(), Some(RowState::Active))
            && self.transaction_requests.is_empty()
            && self.call_requests.is_empty()
            && self.waits.is_empty()
            && !fault::is_on(Fault::EndsWhatWasTold)
    }

    /// The poll of the program has ended: a request to end the session that was passed on is this role's
    /// to decide, once it cannot have told its client, and the session cannot have committed without it.
    pub(super) fn cancel_paused(&mut self) {
        if !self.stopped
            && !self.ended
            && !self.may_have_told()
            && !self.is_untouched()
            && matches!(self.state(), None | Some(RowState::Active))
            && let Some(reason) = self.cancel.take()
        {
            self.abort_as_origin(reason);
        }
    }
}
