//! The sessions of a [`Memory`](super::Memory), and transactions over them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::{Change, LoggedMessage, RoleId, RowState, SessionKey, Stored, Write};
use tokio::time::Instant;

use super::data::Data;
use super::{Memory, MemoryTx};
use crate::store::block_on::panic_text;
use crate::store::{Audit, Finished, FinishedCursor, FinishedQuery, StoreError, Transact};

/// All that is committed.
#[derive(Default)]
pub(super) struct State {
    sessions: BTreeMap<SessionKey, Entry>,
    /// The sessions that started here, by choreography and client's id.
    clients: BTreeMap<(String, String), SessionKey>,
    started: u64,
    ended: i64,
    pub(super) audit: Vec<Audit>,
    pub(super) data: Data,
}

#[derive(Clone)]
struct Entry {
    /// All but the logged messages.
    stored: Stored,
    /// Those, by the writes that logged them: an entry is copied with every write, and a session may log many.
    messages: Vec<Arc<[LoggedMessage]>>,
    /// Which session this is in the order of their start.
    number: u64,
    finished: Option<Instant>,
    /// Which session this is in the order of their ends; zero until it has ended.
    finished_number: i64,
}

impl Entry {
    fn cursor(&self) -> FinishedCursor {
        FinishedCursor(self.finished_number, 0)
    }

    fn stored(&self) -> Stored {
        let messages = self.messages.iter().flat_map(|some| some.iter().cloned()).collect();
        Stored { messages, ..self.stored.clone() }
    }

    fn change_messages(&mut self, changes: &[Change]) {
        let logged = changes.iter().filter_map(|change| match change {
            Change::Message(message) => Some(message.clone()),
            _ => None,
        });
        let logged: Vec<_> = logged.collect();
        if !logged.is_empty() {
            self.messages.push(logged.into());
        }
        if changes.iter().any(|change| matches!(change, Change::Drop(_))) {
            self.messages.clear();
        }
    }
}

pub(super) fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    pub(super) fn unfinished(&self) -> Vec<(RoleId, Stored)> {
        let mut entries: Vec<_> = self.sessions.iter().filter(|(_, entry)| entry.finished.is_none()).collect();
        entries.sort_by_key(|(_, entry)| entry.number);
        entries.into_iter().map(|(key, entry)| (key.role, entry.stored())).collect()
    }

    pub(super) fn find(&self, key: SessionKey) -> Option<Stored> {
        self.sessions.get(&key).map(Entry::stored)
    }

    pub(super) fn find_client(&self, choreography: &str, client_id: &str) -> Option<Stored> {
        let key = self.clients.get(&(choreography.to_owned(), client_id.to_owned()))?;
        self.find(*key)
    }

    /// What is finished, the newest first.
    pub(super) fn finished(&self, query: &FinishedQuery, limit: usize) -> Vec<Finished> {
        let is_asked_for = |key: &SessionKey, entry: &Entry| {
            let header = &entry.stored.row.header;
            match query {
                FinishedQuery::Newest { choreography, before } => {
                    choreography.as_ref().is_none_or(|name| *name == header.choreography)
                        && before.is_none_or(|before| entry.cursor() < before)
                }
                FinishedQuery::Identity(first, last) => (*first..=*last).contains(&key.session),
                FinishedQuery::ClientId(id) => *id == header.client_id,
            }
        };
        let finished = |(key, entry): (&SessionKey, &Entry)| {
            let ago = entry.finished.filter(|_| is_asked_for(key, entry))?.elapsed();
            Some(Finished { key: *key, row: entry.stored.row.clone(), ago, cursor: entry.cursor() })
        };
        let mut all: Vec<_> = self.sessions.iter().filter_map(finished).collect();
        all.sort_by_key(|finished| std::cmp::Reverse(finished.cursor));
        all.truncate(limit);
        all
    }

    pub(super) fn forget(&mut self, retention: Duration) -> u64 {
        let before = self.sessions.len();
        let clients = &mut self.clients;
        self.sessions.retain(|key, entry| {
            let kept = entry.finished.is_none_or(|finished| finished.elapsed() < retention);
            if !kept && let Some(client) = client(*key, &entry.stored) {
                clients.remove(&client);
            }
            kept
        });
        (before - self.sessions.len()) as u64
    }

    /// Every row, with what it is of.
    #[cfg(feature = "sim")]
    pub(super) fn rows(&self) -> Vec<(SessionKey, accompanist_core::Row)> {
        self.sessions.iter().map(|(key, entry)| (*key, entry.stored.row.clone())).collect()
    }
}

/// Whose start this session answers to, where it started here.
fn client(key: SessionKey, stored: &Stored) -> Option<(String, String)> {
    let header = &stored.row.header;
    (key.role == header.initiator).then(|| (header.choreography.clone(), header.client_id.clone()))
}

/// A transaction of one job or of several.
pub(super) struct Batch {
    tx: MemoryTx,
    rows: BTreeMap<SessionKey, Entry>,
}

impl Batch {
    pub(super) fn new(state: Arc<Mutex<State>>) -> Self {
        Self { tx: MemoryTx { state, kept: Data::default(), changed: Data::default() }, rows: BTreeMap::new() }
    }

    /// Applies all of `writes` or none.
    pub(super) fn write(&mut self, key: SessionKey, writes: &[Write]) -> Result<(), StoreError> {
        let before = self.rows.get(&key).cloned();
        let result = writes.iter().try_for_each(|write| self.write_one(key, write));
        if result.is_err() {
            match before {
                Some(entry) => drop(self.rows.insert(key, entry)),
                None => drop(self.rows.remove(&key)),
            }
        }
        result
    }

    fn write_one(&mut self, key: SessionKey, write: &Write) -> Result<(), StoreError> {
        let mut state = lock(&self.tx.state);
        let found = self.rows.get(&key).or_else(|| state.sessions.get(&key));
        if found.map_or(0, |entry| entry.stored.row.version) != write.replaces {
            return Err(StoreError::Conflict);
        }
        let mut entry = match found {
            Some(entry) => entry.clone(),
            None => {
                let empty = Stored {
                    row: write.row.clone(),
                    transactions: Vec::new(),
                    calls: Vec::new(),
                    scope_votes: Vec::new(),
                    messages: Vec::new(),
                };
                if let Some(client) = client(key, &empty) {
                    let taken = |(other, entry): (&SessionKey, &Entry)| {
                        *other != key && self::client(*other, &entry.stored).as_ref() == Some(&client)
                    };
                    if state.clients.contains_key(&client) || self.rows.iter().any(taken) {
                        return Err(StoreError::Conflict);
                    }
                }
                state.started += 1;
                Entry { stored: empty, messages: Vec::new(), number: state.started, finished: None, finished_number: 0 }
            }
        };
        drop(state);
        entry.stored.row = write.row.clone();
        if matches!(write.row.state, RowState::Finished { .. }) {
            entry.finished.get_or_insert_with(Instant::now);
        }
        write.changes.iter().try_for_each(|change| change_records(&mut entry.stored, change))?;
        entry.change_messages(&write.changes);
        self.rows.insert(key, entry);
        Ok(())
    }

    /// Runs an operation and records it; what it asked to be written of its session, where that is done.
    pub(super) async fn transact(&mut self, operation: &mut dyn Transact<Memory>) -> Result<Vec<Write>, StoreError> {
        let ran = caught(async { operation.run(&mut self.tx).await }).await;
        let changed = std::mem::take(&mut self.tx.changed);
        let keeps = ran.map_err(|panic| StoreError::Failed(format!("an operation panicked: {panic}")))?;
        let writes = operation.record();
        self.write(operation.key(), &writes)?;
        if keeps {
            self.tx.kept.overwrite(changed);
        }
        Ok(writes)
    }

    pub(super) fn commit(self) {
        let mut state = lock(&self.tx.state);
        state.data.overwrite(self.tx.kept);
        for (key, mut entry) in self.rows {
            if entry.finished.is_some() && entry.finished_number == 0 {
                state.ended += 1;
                entry.finished_number = state.ended;
            }
            if let Some(client) = client(key, &entry.stored) {
                state.clients.insert(client, key);
            }
            state.sessions.insert(key, entry);
        }
    }
}

/// The output of a future, or what its panic said.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = std::pin::pin!(future);
    let poll = |cx: &mut std::task::Context<'_>| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => std::task::Poll::Ready(Err(panic_text(panic.as_ref()).to_owned())),
    };
    std::future::poll_fn(poll).await
}

fn change_records(stored: &mut Stored, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::Transaction(record) => stored.transactions.push(record.clone()),
        Change::Call(record) => stored.calls.push(record.clone()),
        Change::ScopeVote(record) => stored.scope_votes.push(record.clone()),
        Change::Undone(position) => match stored.transactions.iter_mut().find(|record| record.position == *position) {
            Some(record) => record.undone = true,
            None => return Err(StoreError::Failed(format!("no transaction at {position} could be undone"))),
        },
        Change::Drop(_) => {
            stored.transactions.clear();
            stored.calls.clear();
            stored.scope_votes.clear();
        }
        Change::Returned { position, result } => {
            match stored.transactions.iter_mut().find(|record| record.position == *position) {
                Some(record) => record.result = Some(Arc::clone(result)),
                None => return Err(StoreError::Failed(format!("nothing was intended at {position}"))),
            }
        }
        // They are no part of it.
        Change::Message(_) => {}
    }
    Ok(())
}
