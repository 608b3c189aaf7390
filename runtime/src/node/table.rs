//! The sessions that a node has in memory, and how many of them are on whose account.

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
    /// How many there are on each account.
    counts: BTreeMap<Account, usize>,
    /// The node whose frame began a session here, where it is not the one where the session started.
    openers: BTreeMap<SessionKey, String>,
}

/// Where a session started, as its header has it, and the node whose frame began it here. Anybody can name another node in a header: what that one
/// has room for is not used up by it.
type Account = (String, String);

impl<S: Store> Default for Table<S> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), counts: BTreeMap::new(), openers: BTreeMap::new() }
    }
}

/// The node where a session started.
fn origin(header: &Header) -> &str {
    header.node(header.initiator).unwrap_or_default()
}

fn account(header: &Header, opener: &str) -> Account {
    (origin(header).to_owned(), opener.to_owned())
}

impl<S: Store> Table<S> {
    /// Takes a place for a session that a frame of the node `opener` begins.
    pub(super) fn open(&mut self, key: SessionKey, header: &Header, opener: &str) {
        if opener != origin(header) {
            self.openers.insert(key, opener.to_owned());
        }
        self.put(key, Slot::Opening(Vec::new()), header);
    }

    /// Puts a session there; gives what was there before.
    pub(super) fn put(&mut self, key: SessionKey, slot: Slot<S>, header: &Header) -> Option<Slot<S>> {
        let before = self.slots.insert(key, slot);
        if before.is_none() {
            let opener = self.openers.get(&key).map_or(origin(header), String::as_str);
            *self.counts.entry(account(header, opener)).or_default() += 1;
        }
        before
    }

    /// Takes a session out.
    pub(super) fn take(&mut self, key: SessionKey, header: &Header) {
        let opener = self.openers.remove(&key);
        if self.slots.remove(&key).is_none() {
            return;
        }
        let account = account(header, opener.as_deref().unwrap_or(origin(header)));
        if let Some(count) = self.counts.get_mut(&account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&account);
            }
        }
    }

    /// How many there are on the account of this session, if a frame of the node `opener` begins it.
    pub(super) fn like(&self, header: &Header, opener: &str) -> usize {
        self.counts.get(&account(header, opener)).copied().unwrap_or_default()
    }
}
