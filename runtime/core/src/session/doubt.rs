//! Sessions of which this role may have lost its memory, or their initiator may have: after a
//! database was restored from a backup.
//!
//! A role whose database may lack what it once knew of a session asks how the session stands before
//! it does anything in it: the initiator, or all others where it is the initiator itself. It holds
//! its program and refuses to abort until it is told. Where the others have committed, what its
//! database holds is not the whole of its part: nothing can be made good by the protocol, and a
//! person decides (`handle_resolve`).
//!
//! A role that waits for long asks its initiator in the same way, as that may have lost its memory.

use std::sync::Arc;

use super::Event;
use super::Session;
use crate::frame::{Body, Frame, Standing};
use crate::identity::RoleId;
use crate::record::{RowState, Urgency};

/// After how many unanswered sendings a role asks its initiator whether it knows the session at
/// all.
const ASKS_AFTER_RESENDS: u32 = 3;

/// What is not known of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// This database may lack what it once knew; others are asked.
    Asking,
    /// All roles completed, and this database lacks this role's part or some of it.
    Behind,
    /// The role that decides knows nothing of the session.
    Forgotten,
}

/// What a person decides of a session that cannot end by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// What this role did stands.
    Commit,
    /// What this role did is undone.
    Abort,
}

/// Why a session is not decided by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolvable {
    /// The role has not voted: an abort ends the session.
    Undecided,
    /// The others are asked how the session stands.
    Asking,
    /// The outcome is known.
    Decided,
}

impl Session {
    /// This role's database may lack what it once knew of the session.
    #[must_use]
    pub fn with_doubt(mut self) -> Self {
        if !self.stopped && matches!(self.state(), None | Some(RowState::Active | RowState::Voted { .. })) {
            self.doubt = Some(Doubt::Asking);
            self.was_in_doubt = true;
            self.ask_how_it_stands();
        }
        self
    }

    /// What is not known of the session.
    pub fn doubt(&self) -> Option<Doubt> {
        self.doubt
    }

    /// The program waits until it is known how the session stands. What a role does that has voted
    /// is only to say again what it has said.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.doubt, Some(Doubt::Asking | Doubt::Behind))
            && !matches!(self.state(), Some(RowState::Voted { .. }))
    }

    fn may_know(&self, role: RoleId) -> bool {
        self.is_initiator() || role == self.header.initiator
    }

    fn ask_how_it_stands(&mut self) {
        let roles: Vec<_> = self.peers.keys().copied().filter(|role| self.may_know(*role)).collect();
        roles.into_iter().for_each(|role| self.transmit(role, Body::Ask));
    }

    /// Asks `role` again, where it might tell and something is in doubt, or has been waited for in
    /// vain for long.
    pub(super) fn ask_again(&mut self, role: RoleId) {
        let is_open = !self.decided && matches!(self.state(), Some(RowState::Active | RowState::Voted { .. }));
        let waits_long = !self.is_initiator() && self.resends >= ASKS_AFTER_RESENDS && is_open;
        if self.may_know(role) && (self.doubt.is_some() || waits_long || self.is_untouched()) {
            self.transmit(role, Body::Ask);
        }
    }

    /// Another role asks how the session stands.
    pub(super) fn handle_ask(&mut self, from: RoleId) {
        let standing = match self.state() {
            // One that is in doubt itself has nothing to say.
            _ if self.doubt.is_some() => return,
            None if self.stopped => Standing::Unknown,
            Some(RowState::Voted { .. }) if self.decided => Standing::Committed,
            // It will commit, and others keep what it needs for that until then.
            None | Some(RowState::Active | RowState::Voted { .. }) if self.told => return,
            None | Some(RowState::Active | RowState::Voted { .. }) => Standing::Undecided,
            Some(state) if self.entered => standing_of(state),
            Some(RowState::Aborting { .. } | RowState::Committed { .. } | RowState::Finished { .. }) => return,
        };
        self.transmit(from, Body::Stands { standing });
    }

    /// Another role tells how the session stands with it.
    pub(super) fn handle_standing(&mut self, from: RoleId, standing: Standing) {
        let is_open = !self.decided && matches!(self.state(), None | Some(RowState::Active | RowState::Voted { .. }));
        // An initiator asks only where it may have forgotten.
        let was_asked = !self.is_initiator() || self.doubt.is_some();
        if !is_open || self.stopped || !self.may_know(from) || !was_asked {
            return;
        }
        match standing {
            Standing::Committed => self.committed_elsewhere(from),
            Standing::Aborted { reason } if self.doubt.is_some() => {
                self.doubt = None;
                self.abort_via(from, reason);
            }
            Standing::Aborted { .. } => {}
            Standing::Undecided => self.doubt_is_over(),
            // Its initiator has forgotten it, for which an abort would have waited for this role.
            Standing::Unknown if self.may_end_without_part() => self.end_without_part(),
            Standing::Unknown => {
                self.unknown_to.insert(from);
                // An initiator that is in doubt hears all; whoever joins later knows nothing yet.
                let is_forgotten = !self.is_initiator() || self.unknown_to.len() == self.peers.len();
                if is_forgotten && self.doubt != Some(Doubt::Behind) {
                    self.has_doubt(Doubt::Forgotten);
                }
            }
        }
    }

    /// Whoever may know says that all roles have completed.
    pub(super) fn committed_elsewhere(&mut self, from: RoleId) {
        match self.state() {
            Some(RowState::Voted { .. }) => {
                self.doubt = None;
                self.peers.complete_all();
                self.decide_if_all_completed();
                self.finish_if_all_done();
            }
            None | Some(RowState::Active) if self.may_end_without_part() && self.may_know(from) => {
                self.end_without_part();
            }
            // A role that has not voted, as far as it knows: it has forgotten that it had.
            None | Some(RowState::Active) if self.may_know(from) => self.has_doubt(Doubt::Behind),
            None | Some(_) => {}
        }
    }

    fn has_doubt(&mut self, doubt: Doubt) {
        if self.doubt.replace(doubt) != Some(doubt) {
            self.events.push_back(Event::Doubtful(doubt));
        }
    }

    fn doubt_is_over(&mut self) {
        self.unknown_to.clear();
        if self.doubt.take().is_some_and(|doubt| doubt != Doubt::Forgotten) {
            // What came meanwhile is there; what did not is asked for.
            self.ask_peers();
            self.run_requested();
            if let Some(deadline) = self.deadline {
                self.timers.insert(super::Timer::Deadline, self.clock.plus(deadline.within_millis));
            }
        }
    }

    /// A role that has settled, or knows nothing, answers an initiator that waits for it, though it
    /// had voted: it has lost its memory.
    pub(super) fn peer_forgot(&mut self, role: RoleId) {
        if let Some(peer) = self.peers.get(&role)
            && self.is_initiator()
            && !peer.done()
            && self.finishing.is_none()
        {
            self.events.push_back(Event::PeerForgot { role });
        }
    }

    /// Whether a person may decide the session; with the role's result, as far as it is known.
    ///
    /// # Errors
    /// Where it can end by itself, or has ended.
    pub fn resolvable(&self) -> Result<Arc<str>, Unresolvable> {
        match self.state() {
            _ if self.doubt == Some(Doubt::Asking) => Err(Unresolvable::Asking),
            Some(RowState::Voted { result }) if !self.decided => Ok(Arc::clone(result)),
            None | Some(RowState::Active) if self.doubt.is_some() => Ok(Arc::from("null")),
            None | Some(RowState::Active) => Err(Unresolvable::Undecided),
            Some(_) => Err(Unresolvable::Decided),
        }
    }

    /// A person decides a session that cannot end by itself, at this role only.
    ///
    /// # Errors
    /// Where it can, or has ended.
    pub fn handle_resolve(&mut self, resolution: Resolution, reason: Arc<str>) -> Result<(), Unresolvable> {
        let result = self.resolvable()?;
        self.stop();
        match resolution {
            Resolution::Commit => {
                self.decided = true;
                self.tell_committed(&result);
                self.finish(Ok(result));
            }
            // The others are not told: each of them may stand otherwise.
            Resolution::Abort => {
                self.write(RowState::Aborting { via: self.me, reason, local: true }, Urgency::Prompt);
            }
        }
        Ok(())
    }
}

fn standing_of(state: &RowState) -> Standing {
    match state {
        RowState::Active | RowState::Voted { .. } => Standing::Undecided,
        RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => Standing::Committed,
        RowState::Aborting { reason, .. } | RowState::Finished { outcome: Err(reason) } => {
            Standing::Aborted { reason: Arc::clone(reason) }
        }
    }
}

/// What a node answers, of itself, to a role that asks how a session stands which is not in memory;
/// `state` is what is stored of it, if anything. One that is not finished is being taken into
/// memory, and will answer.
pub fn answer_ask(state: Option<&RowState>, frame: &Frame) -> Option<Frame> {
    let standing = match (&frame.body, state) {
        (Body::Ask, None) => Standing::Unknown,
        (Body::Ask, Some(state @ RowState::Finished { .. })) => standing_of(state),
        _ => return None,
    };
    let body = Body::Stands { standing };
    Some(Frame { session: frame.session, from: frame.to, to: frame.from, header: None, body })
}
