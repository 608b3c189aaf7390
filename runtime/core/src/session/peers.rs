//! What a session knows of its other roles. Most of a large group never say anything to one
//! another, so only those are kept of whom something is known.

use std::sync::Arc;

use super::few::Few;
use crate::identity::{Header, RoleId};

/// What the session knows of another role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// It has said something of the session since the last connection: it has the header.
    pub(super) has_header: bool,
    /// It voted *completed*; see [`Peers::complete`].
    completed: bool,
    /// It has told this role, the initiator, to whom it has given a part in the session.
    pub(super) tells_parts: bool,
    /// It holds a pivot, and waits for votes.
    pub(super) awaits_votes: bool,
    /// It has durably reached the outcome; see [`Peers::set_done`].
    done: bool,
    /// Its abort vote waits for our *done*.
    pub(super) owed_done: bool,
    /// Why it last said that it cannot take part.
    pub(super) refused: Option<Arc<str>>,
    /// What the messages that are kept for it count.
    pub(super) kept_bytes: usize,
    /// It has been asked to make durable what is kept for it, and has called nothing stable since.
    pub(super) asked: bool,
}

impl Peer {
    const fn unknown(completed: bool) -> Self {
        Self {
            has_header: false,
            completed,
            tells_parts: false,
            awaits_votes: false,
            done: false,
            owed_done: false,
            refused: None,
            kept_bytes: 0,
            asked: false,
        }
    }

    pub(super) fn completed(&self) -> bool {
        self.completed
    }

    pub(super) fn done(&self) -> bool {
        self.done
    }
}

/// One of whom nothing is known, and one of whom only that it has voted.
static UNKNOWN: Peer = Peer::unknown(false);
static COMPLETED: Peer = Peer::unknown(true);

/// The other roles of a session.
#[derive(Clone, Debug)]
pub(super) struct Peers {
    header: Arc<Header>,
    me: RoleId,
    /// How many they are.
    count: usize,
    known: Few<RoleId, Peer>,
    /// Of how many of the known it is known that they voted *completed*, and that they are done.
    completed: usize,
    done: usize,
    /// All have voted *completed*.
    all_completed: bool,
}

impl Peers {
    pub(super) fn new(header: &Arc<Header>, me: RoleId) -> Self {
        let count = header.participants.iter().filter(|role| **role != me).count();
        let header = Arc::clone(header);
        Self { header, me, count, known: Few::default(), completed: 0, done: 0, all_completed: false }
    }

    fn unknown(&self) -> &'static Peer {
        if self.all_completed { &COMPLETED } else { &UNKNOWN }
    }

    /// In the order of the participants.
    pub(super) fn keys(&self) -> impl Iterator<Item = &RoleId> {
        self.header.participants.iter().filter(|role| **role != self.me)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&RoleId, &Peer)> {
        self.keys().map(|role| (role, self.known.get(role).unwrap_or_else(|| self.unknown())))
    }

    /// Those of whom anything may be known but that they have voted.
    pub(super) fn known(&self) -> impl Iterator<Item = (&RoleId, &Peer)> {
        self.known.iter()
    }

    pub(super) fn known_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.known.values_mut()
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn contains_key(&self, role: &RoleId) -> bool {
        self.known.contains_key(role) || (*role != self.me && self.header.participants.contains(role))
    }

    pub(super) fn get(&self, role: &RoleId) -> Option<&Peer> {
        match self.known.get(role) {
            None if self.contains_key(role) => Some(self.unknown()),
            known => known,
        }
    }

    pub(super) fn get_mut(&mut self, role: &RoleId) -> Option<&mut Peer> {
        if !self.known.contains_key(role) {
            if !self.contains_key(role) {
                return None;
            }
            self.completed += usize::from(self.all_completed);
            self.known.insert(*role, self.unknown().clone());
        }
        self.known.get_mut(role)
    }

    /// `role` has voted *completed*.
    pub(super) fn complete(&mut self, role: RoleId) {
        if let Some(peer) = self.get_mut(&role)
            && !peer.completed
        {
            peer.completed = true;
            self.completed += 1;
        }
    }

    /// All have voted *completed*.
    pub(super) fn complete_all(&mut self) {
        self.all_completed = true;
        self.known.values_mut().for_each(|peer| peer.completed = true);
        self.completed = self.known.len();
    }

    pub(super) fn have_all_completed(&self) -> bool {
        self.all_completed || self.completed == self.count
    }

    /// Whether all but `role` have voted *completed*.
    pub(super) fn have_others_completed(&self, role: RoleId) -> bool {
        let others = self.completed - usize::from(self.known.get(&role).is_some_and(|peer| peer.completed));
        self.all_completed || others + usize::from(self.contains_key(&role)) == self.count
    }

    /// `role` has durably reached the outcome.
    pub(super) fn set_done(&mut self, role: RoleId) {
        if let Some(peer) = self.get_mut(&role)
            && !peer.done
        {
            peer.done = true;
            self.done += 1;
        }
    }

    pub(super) fn are_all_done(&self) -> bool {
        self.done == self.count
    }

    /// What makes no difference any more is as if nothing were known of it.
    #[cfg(test)]
    pub(super) fn normalize(&mut self, is_voting: bool) {
        self.all_completed &= is_voting;
        for peer in self.known.values_mut() {
            peer.has_header = false;
            // Only shown.
            peer.refused = None;
            // Nobody asks once the outcome is known.
            peer.completed &= is_voting;
            peer.awaits_votes &= is_voting;
            peer.tells_parts &= is_voting;
        }
        if self.completed == self.count && is_voting {
            self.complete_all();
        }
        let unknown = self.unknown();
        self.known.retain(|_, peer| *peer != *unknown);
        self.completed = self.known.values().filter(|peer| peer.completed).count();
    }
}
