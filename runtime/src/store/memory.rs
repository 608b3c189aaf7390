//! A store in memory, for tests of choreographies without a database: what it holds is gone with its last handle.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use accompanist_core::{Change, RoleId, RowState, SessionKey, Stored, Write};
use tokio::runtime::Handle;

use super::block_on::{block_on, panic_text};
use super::{Job, Store, StoreError};
use crate::context::Database;

/// Sessions in memory. Cloning gives another handle of the same ones; a node that is started anew with one finds what the last left.
#[derive(Clone)]
pub struct Memory {
    sessions: Arc<Mutex<Sessions>>,
    queue: Sender<(Job<Self>, Option<Handle>)>,
}

/// What an operation is handed by a [`Memory`]: nothing to write with.
#[derive(Debug)]
pub struct MemoryTx(());

#[derive(Default)]
struct Sessions {
    by_key: BTreeMap<SessionKey, Entry>,
    started: u64,
}

#[derive(Clone)]
struct Entry {
    stored: Stored,
    /// Which session this is in the order of their start.
    number: u64,
    finished: Option<Instant>,
}

impl Database for Memory {
    type Tx = MemoryTx;
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Memory {
    /// A store without sessions. Its jobs run on a thread of their own, which ends when the last handle is dropped.
    pub fn new() -> Self {
        let sessions = Arc::default();
        let (queue, jobs) = mpsc::channel();
        let shared = Arc::clone(&sessions);
        if let Err(error) =
            thread::Builder::new().name("accompanist-memory".to_owned()).spawn(move || work(&shared, &jobs))
        {
            tracing::error!(%error, "the memory store's thread cannot be started; its jobs will fail");
        }
        Self { sessions, queue }
    }
}

impl Store for Memory {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        let sessions = lock(&self.sessions);
        let mut entries: Vec<_> = sessions.by_key.iter().filter(|(_, entry)| entry.finished.is_none()).collect();
        entries.sort_by_key(|(_, entry)| entry.number);
        Ok(entries.into_iter().map(|(key, entry)| (key.role, entry.stored.clone())).collect())
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        Ok(lock(&self.sessions).by_key.get(&key).map(|entry| entry.stored.clone()))
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        let sessions = lock(&self.sessions);
        let wanted = |(key, entry): &(&SessionKey, &Entry)| started_here(key, &entry.stored, choreography, client_id);
        Ok(sessions.by_key.iter().find(wanted).map(|(_, entry)| entry.stored.clone()))
    }

    fn submit(&self, job: Job<Self>) {
        if let Err(unsent) = self.queue.send((job, Handle::try_current().ok())) {
            let error = StoreError::Failed("the memory store's thread has ended".to_owned());
            unsent.0.0.fail(error);
        }
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        let mut sessions = lock(&self.sessions);
        let before = sessions.by_key.len();
        sessions.by_key.retain(|_, entry| entry.finished.is_none_or(|finished| finished.elapsed() < retention));
        Ok((before - sessions.by_key.len()) as u64)
    }
}

impl Sessions {
    /// Applies all of `writes` or none.
    fn apply(&mut self, key: SessionKey, writes: &[Write]) -> Result<(), StoreError> {
        let before = self.by_key.get(&key).cloned();
        let result = writes.iter().try_for_each(|write| self.apply_one(key, write));
        if result.is_err() {
            match before {
                Some(entry) => drop(self.by_key.insert(key, entry)),
                None => drop(self.by_key.remove(&key)),
            }
        }
        result
    }

    fn apply_one(&mut self, key: SessionKey, write: &Write) -> Result<(), StoreError> {
        if self.by_key.get(&key).map_or(0, |entry| entry.stored.row.version) + 1 != write.row.version {
            return Err(StoreError::Conflict);
        }
        let header = &write.row.header;
        let taken = |(other, entry): (&SessionKey, &Entry)| {
            *other != key && started_here(other, &entry.stored, &header.choreography, &header.client_id)
        };
        if write.row.version == 1 && key.role == header.initiator && self.by_key.iter().any(taken) {
            return Err(StoreError::Conflict);
        }
        self.started += 1;
        let number = self.started;
        let entry = self.by_key.entry(key).or_insert_with(|| Entry {
            stored: Stored {
                row: write.row.clone(),
                transactions: Vec::new(),
                calls: Vec::new(),
                scope_votes: Vec::new(),
            },
            number,
            finished: None,
        });
        entry.stored.row = write.row.clone();
        if matches!(write.row.state, RowState::Finished { .. }) {
            entry.finished.get_or_insert_with(Instant::now);
        }
        write.changes.iter().try_for_each(|change| change_records(&mut entry.stored, change))
    }
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
        Change::DropRecords => {
            stored.transactions.clear();
            stored.calls.clear();
            stored.scope_votes.clear();
        }
    }
    Ok(())
}

fn started_here(key: &SessionKey, stored: &Stored, choreography: &str, client_id: &str) -> bool {
    let header = &stored.row.header;
    key.role == header.initiator && header.choreography == choreography && header.client_id == client_id
}

fn work(sessions: &Mutex<Sessions>, jobs: &Receiver<(Job<Memory>, Option<Handle>)>) {
    while let Ok((job, runtime)) = jobs.recv() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| carry_out(sessions, job, runtime.as_ref()))) {
            tracing::error!(panic = panic_text(panic.as_ref()), "a job of the memory store panicked");
        }
    }
}

fn carry_out(sessions: &Mutex<Sessions>, job: Job<Memory>, runtime: Option<&Handle>) {
    let _entered = runtime.map(Handle::enter);
    match job {
        Job::Write { write, key, done } => {
            let result = lock(sessions).apply(key, std::slice::from_ref(&write));
            done(result);
        }
        Job::Transact(mut operation) => {
            let ran = catch_unwind(AssertUnwindSafe(|| block_on(None, operation.run(&mut MemoryTx(())))));
            let result = match ran {
                Ok(_kept) => {
                    let writes = operation.record();
                    lock(sessions).apply(operation.key(), &writes)
                }
                Err(panic) => Err(StoreError::Failed(format!("an operation panicked: {}", panic_text(panic.as_ref())))),
            };
            operation.done(result);
        }
    }
}

fn lock(sessions: &Mutex<Sessions>) -> MutexGuard<'_, Sessions> {
    sessions.lock().unwrap_or_else(PoisonError::into_inner)
}
