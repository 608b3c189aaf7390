//! A session may wait for days, and a node may hold many: what is empty keeps no room for what has been in it.

use std::collections::{BTreeMap, VecDeque};

use super::Session;

/// The next of a queue, which gives its room back when nothing is left.
pub(super) fn next<T>(queue: &mut VecDeque<T>) -> Option<T> {
    let next = queue.pop_front();
    if next.is_none() && queue.capacity() > 0 {
        *queue = VecDeque::new();
    }
    next
}

/// Nothing, where the map holds nothing: one that was emptied keeps a node for eleven entries.
fn give_back<K, V>(map: &mut BTreeMap<K, V>) {
    if map.is_empty() {
        *map = BTreeMap::new();
    }
}

impl Session {
    /// Called when the program waits.
    pub(super) fn give_room_back(&mut self) {
        give_back(&mut self.transaction_requests);
        give_back(&mut self.call_requests);
        self.waits.give_back();
        give_back(&mut self.inbox);
        self.outgoing.give_back();
        if self.unwritten.is_empty() {
            self.unwritten = Vec::new();
        }
        if self.fresh.is_empty() {
            self.fresh = Vec::new();
        }
        if self.held.is_empty() {
            self.held = VecDeque::new();
        }
        if self.gated_calls.is_empty() {
            self.gated_calls = VecDeque::new();
        }
    }
}
