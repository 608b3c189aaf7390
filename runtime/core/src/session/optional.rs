//! Optional roles: those that have a part in a session on some paths only.
//!
//! A role has a *part* where it runs an operation, sends a message, or runs code that may abort. The
//! compiler finds the roles that do so only behind a message of another role, says which messages to
//! them lead to no part ([`Session::program_tell`]), and which roles may send one that does: the
//! *givers*. So each role knows, when its program has ended, to whom it has given a part: those to
//! which it has sent another message ([`Session::program_send`]). A giver says so with its vote.
//!
//! - The initiator does not wait for the vote of an optional role without a part. It decides, and tells
//!   its client, when all others have voted, and none of them has given a part to one that has not.
//!   That is enough: a role that has a part got it from the initiator, from a role that has voted, or
//!   from one that has a part and has not voted either, which got its own in the same way before. The
//!   initiator forgets when all have answered, as always.
//! - What is known of this is volatile: a run that has not come to its end waits for all. A giver that
//!   runs again and has voted says so again at its end. The initiator records the outcome before it
//!   tells the others, who keep what it needs for another run until then. Only a pivot of the
//!   initiator's goes together with optional roles, for the same reason.
//! - An optional role that has done nothing and been given no part (it is *untouched*) must not abort,
//!   as the session may have committed without its vote. It passes a cancel on to the initiator, which
//!   passes it on to the others where it has voted; it acts on it itself once its program does
//!   something. The others may have forgotten the session, and would begin it anew. Where its program
//!   fails all the same (code of the user's panics), it is parked, which touches nothing.
//! - An untouched role does not vote, even if its program ends: nobody waits for it. It ends the
//!   session when it hears that it has committed. It asks the initiator by the clock, also where it
//!   has no row: it may have joined by a message that was late, after it had answered that it knows
//!   nothing of the session.
//!
//! The body of a scope is left with the votes of all its roles, optional or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Session;
use super::program::Stop;
use crate::fault::{self, Fault};
use crate::frame::{Body, Vote};
use crate::identity::RoleId;
use crate::record::{RowState, Urgency};
use crate::scope::Place;

/// The result of a role that ends without having voted: an optional role has none.
const NO_RESULT: &str = "null";

/// The participants of a session that may have no part in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalRoles {
    /// Which.
    pub roles: BTreeSet<RoleId>,
    /// The participants, but for the initiator, that may give one of them a part.
    pub givers: BTreeSet<RoleId>,
}

impl Session {
    /// These participants may have no part: see the module `optional`. The same is said at every role.
    #[must_use]
    pub fn with_optional(self, optional: &Arc<OptionalRoles>) -> Self {
        Self { optional: Some(Arc::clone(optional)), ..self }
    }

    /// Like [`Session::program_send`], for a message that leads its receiver to no part in the session.
    pub fn program_tell(&mut self, at: impl Into<Place>, to: RoleId, payload: Arc<str>) -> Result<(), Stop> {
        self.send(at.into(), to, payload)
    }

    /// The program has received what may lead it to a part in the session.
    pub fn program_takes_part(&mut self) {
        self.acts();
    }

    pub(super) fn is_optional(&self, role: RoleId) -> bool {
        role != self.header.initiator && self.optional.as_ref().is_some_and(|optional| optional.roles.contains(&role))
    }

    fn is_giver(&self, role: RoleId) -> bool {
        self.optional.as_ref().is_some_and(|optional| optional.givers.contains(&role))
    }

    /// The program has sent something or asked for an operation. Nobody asks this of another role.
    pub(super) fn acts(&mut self) {
        self.has_acted |= self.is_optional(self.me);
    }

    /// The program has sent `role` a message that may lead it to a part.
    pub(super) fn gives_part_to(&mut self, role: RoleId) {
        if self.is_optional(role) {
            self.with_part.insert(role);
        }
    }

    /// This role's vote that its program has run to the end.
    pub(super) fn vote(&self) -> Body {
        let says_parts = self.ended && !self.is_initiator() && self.is_giver(self.me);
        let given = || match fault::is_on(Fault::ForgetsWhomItGave) {
            true => Vec::new(),
            false => self.with_part.iter().copied().collect(),
        };
        Body::Vote { voter: self.me, vote: Vote::Completed { parts: says_parts.then(given) } }
    }

    /// A giver that runs again, and has voted, has come to its end: now it knows whom it has given a part.
    pub(super) fn tell_parts(&mut self) {
        if self.entered && !self.decided && !self.is_initiator() && self.is_giver(self.me) {
            self.transmit(self.header.initiator, self.vote());
        }
    }

    /// The vote of `giver` says to whom it has given a part.
    pub(super) fn learn_parts(&mut self, giver: RoleId, parts: Option<Vec<RoleId>>) {
        let Some(parts) = parts.filter(|_| self.is_initiator() && self.is_giver(giver)) else { return };
        if let Some(peer) = self.peers.get_mut(&giver) {
            peer.tells_parts = true;
        }
        parts.into_iter().for_each(|role| self.gives_part_to(role));
    }

    /// Whether all that have voted have said to whom they have given a part.
    fn knows_parts(&self) -> bool {
        let Some(optional) = &self.optional else { return true };
        let tells = |giver: &RoleId| self.peers.get(giver).is_none_or(|peer| !peer.completed() || peer.tells_parts);
        optional.givers.iter().all(tells)
    }

    /// Whether `role` may have had no part in the session, as far as this run of the initiator knows.
    pub(super) fn may_lack_part(&self, role: RoleId) -> bool {
        self.is_initiator() && self.is_optional(role) && !self.with_part.contains(&role)
    }

    /// Whether the vote of `role` is not waited for: the initiator's program has ended, and neither it
    /// nor a role that has voted has given it a part. A pivot of the initiator's does not wait for it
    /// either; it is taken back where its program does not end behind it, or gives `role` a part.
    pub(super) fn is_excused(&self, role: RoleId) -> bool {
        self.may_excuse() && self.is_excusable(role)
    }

    fn may_excuse(&self) -> bool {
        self.optional.is_some()
            && self.is_initiator()
            && (self.ended || self.pivot.is_some())
            && !self.parked
            && self.knows_parts()
    }

    fn is_excusable(&self, role: RoleId) -> bool {
        self.may_lack_part(role) || (self.is_optional(role) && fault::is_on(Fault::ExcusesRoleWithPart))
    }

    /// Whether all other votes are there that are waited for.
    pub(super) fn has_all_votes(&self) -> bool {
        let mut missing = self.peers.iter().filter(|(_, peer)| !peer.completed());
        self.peers.have_all_completed() || (self.may_excuse() && missing.all(|(role, _)| self.is_excusable(*role)))
    }

    /// Whether this role is optional, and has neither done anything nor been given a part: the session
    /// may commit without its vote.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_optional(self.me)
            && !self.stopped
            && !self.has_acted
            && matches!(self.state(), None | Some(RowState::Active))
            && !self.recorded.transactions
            && !self.recorded.calls
            && !self.recorded.scope_votes
    }

    /// Whether a request to end the session is not this role's to decide.
    pub(super) fn may_be_excused(&self) -> bool {
        self.is_untouched() && !fault::is_on(Fault::AbortsWithoutPart)
    }

    /// Whether news that the session has committed means that this role had no part in it. A role that
    /// was in doubt may have had one, which its database lacks: that is for a person to decide.
    pub(super) fn may_end_without_part(&self) -> bool {
        self.is_untouched() && self.doubt.is_none() && !self.was_in_doubt
    }

    /// The session has committed without the vote of this role, which had no part in it.
    pub(super) fn end_without_part(&mut self) {
        let result: Arc<str> = NO_RESULT.into();
        self.settled(&result);
        self.stop();
        self.drop_records();
        self.write(RowState::Committed { result }, Urgency::Lazy);
    }
}
