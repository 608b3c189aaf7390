//! The sessions that a node has in memory, and how many each node has begun.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::{Frame, Header, SessionKey};

use super::cell::Cell;
use crate::store::Store;

/// A session's place in the table.
pub(super) enum Slot<S: Store> {
    Live(Arc<Cell<S>>),
    /// The store is being asked; frames that come meanwhile wait, each with the node that it is from.
    Opening(Vec<(String, Frame)>),
}

/// The sessions, in an order of which nothing random decides: a simulated run is the same each time.
pub(super) struct Table<S: Store> {
    pub(super) slots: BTreeMap<SessionKey, Slot<S>>,
    /// How many of them each node started.
    started_by: BTreeMap<String, usize>,
}

impl<S: Store> Default for Table<S> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), started_by: BTreeMap::new() }
    }
}

/// The node where a session started.
fn origin(header: &Header) -> &str {
    header.node(header.initiator).unwrap_or_default()
}

impl<S: Store> Table<S> {
    /// Puts a session there; gives what was there before.
    pub(super) fn put(&mut self, key: SessionKey, slot: Slot<S>, header: &Header) -> Option<Slot<S>> {
        let before = self.slots.insert(key, slot);
        if before.is_none() {
            match self.started_by.get_mut(origin(header)) {
                Some(count) => *count += 1,
                None => drop(self.started_by.insert(origin(header).to_owned(), 1)),
            }
        }
        before
    }

    /// Takes a session out.
    pub(super) fn take(&mut self, key: SessionKey, header: &Header) {
        if self.slots.remove(&key).is_none() {
            return;
        }
        if let Some(count) = self.started_by.get_mut(origin(header)) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.started_by.remove(origin(header));
            }
        }
    }

    /// How many there are of those that the node started that started this one.
    pub(super) fn like(&self, header: &Header) -> usize {
        self.started_by.get(origin(header)).copied().unwrap_or_default()
    }
}
