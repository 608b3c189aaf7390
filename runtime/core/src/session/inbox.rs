//! How much may wait for the program, and what becomes of what there is no room for: it is refused, and its sender keeps it.
//!
//! What the program waits for is let in whatever waits besides. So that its sender, too, has room for it, it is told what that is: the messages
//! that are refused may fill the sender's room, and stand in the way of the one that would let the program take them. When the program has taken
//! enough, those whose messages were refused are asked for them.

use std::collections::BTreeMap;

use super::Session;
use super::parts::Incoming;
use super::stability::bytes;
use crate::fault::{self, Fault};
use crate::frame::Body;
use crate::identity::{Position, RoleId};

/// How many messages that the program does not yet wait for a session holds; a further one is dropped, and comes again.
pub const INBOX_MESSAGES_MAX: usize = 10_000;

/// How many messages one frame, and one sender, is told of that are waited for.
const AWAITED_MAX: usize = 1_000;

/// What waits for the program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    messages: usize,
    bytes: usize,
    /// Votes of scopes that it has not entered.
    pub(super) votes: usize,
}

impl Load {
    fn of(incoming: &Incoming) -> (usize, usize) {
        (usize::from(!incoming.taken), if incoming.taken { 0 } else { incoming.said.as_ref().map_or(0, bytes) })
    }

    pub(super) fn add(&mut self, incoming: &Incoming) {
        let (messages, bytes) = Self::of(incoming);
        self.messages += messages;
        self.bytes += bytes;
    }

    pub(super) fn remove(&mut self, incoming: &Incoming) {
        let (messages, bytes) = Self::of(incoming);
        self.messages -= messages;
        self.bytes -= bytes;
    }

    /// How many they are.
    pub(super) fn waiting(&self) -> usize {
        self.messages + self.votes
    }
}

impl Session {
    /// Whether there is room for something that has come for the first time.
    pub(super) fn lets_in(&mut self, key: (Position, RoleId)) -> bool {
        if self.ended {
            return self.unlogged.len() < INBOX_MESSAGES_MAX;
        }
        let Load { messages, bytes, votes } = self.inbox_load;
        let has_room =
            messages + votes < INBOX_MESSAGES_MAX && (bytes < self.stability.inbox_bytes_max || messages + votes == 0);
        let lets_in = has_room || (self.awaited.contains(&key) && !fault::is_on(Fault::RefusesAwaited));
        if !lets_in {
            self.refused.insert(key.1);
        }
        lets_in
    }

    /// The poll of the program has ended.
    pub(super) fn inbox_paused(&mut self) {
        let has_drained = std::mem::take(&mut self.has_drained);
        if self.refused.is_empty() || self.ended {
            return;
        }
        let load = &self.inbox_load;
        let is_half_empty =
            load.waiting() <= INBOX_MESSAGES_MAX / 2 && load.bytes <= self.stability.inbox_bytes_max / 2;
        if is_half_empty && has_drained {
            self.told_awaits.clear();
            for role in std::mem::take(&mut self.refused) {
                self.transmit(role, Body::Need);
            }
            return;
        }
        let mut awaited: BTreeMap<RoleId, Vec<Position>> = BTreeMap::new();
        for (position, from) in self.awaited.difference(&self.told_awaits).take(AWAITED_MAX) {
            awaited.entry(*from).or_default().push(*position);
        }
        for (from, positions) in awaited {
            self.told_awaits.extend(positions.iter().map(|position| (*position, from)));
            self.transmit(from, Body::Awaits { positions });
        }
    }

    /// `from` has room for these messages, and for nothing else.
    pub(super) fn handle_awaits(&mut self, from: RoleId, positions: Vec<Position>) {
        if self.stopped || self.parked || self.ended {
            return;
        }
        for position in positions {
            let is_kept = self.outgoing.contains_key(&(from, position));
            if !is_kept && self.wanted.len() < AWAITED_MAX {
                self.wanted.insert((from, position));
            }
        }
    }
}
