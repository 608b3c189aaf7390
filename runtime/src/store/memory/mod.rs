//! A store in memory, for tests of choreographies without a database: what it holds is gone with its last handle.

mod data;
#[cfg(feature = "sim")]
mod driven;
mod rows;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use accompanist_core::{RoleId, SessionId, SessionKey, Stored};
use tokio::runtime::Handle;

use self::data::Data;
#[cfg(feature = "sim")]
pub use self::driven::MemoryMedium;
use self::rows::{Batch, State, lock};
use super::block_on::{block_on, panic_text};
use super::{Audit, Finished, FinishedQuery, Job, Store, StoreError};
use crate::context::Database;

/// Sessions in memory, and what services keep beside them. Cloning gives another handle of the same store; a node that is started anew with one
/// finds what the last left.
///
/// A service keeps one value of each type that it likes, and changes it within its transactions ([`MemoryTx::data`]).
#[derive(Clone)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    jobs: Jobs,
}

/// Who carries out the jobs.
#[derive(Clone)]
enum Jobs {
    Thread(Sender<(Job<Memory>, Option<Handle>)>),
    #[cfg(feature = "sim")]
    Driven(Arc<dyn super::driven::Submit<Memory>>),
}

/// What an operation is handed by a [`Memory`]: the services' values, to be changed together with the record that the operation ran.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use accompanist::Failure;
/// use accompanist::store::MemoryTx;
///
/// #[derive(Clone, Default)]
/// struct Stock(BTreeMap<String, u64>);
///
/// fn reserve(tx: &mut MemoryTx, item: &str) -> Result<u64, Failure> {
///     let left = tx.data::<Stock>().0.get_mut(item).filter(|left| **left > 0);
///     let left = left.ok_or_else(|| Failure::abort("sold out"))?;
///     *left -= 1;
///     Ok(*left)
/// }
/// ```
pub struct MemoryTx {
    state: Arc<Mutex<State>>,
    /// What operations before this one changed in the same commit.
    kept: Data,
    /// What this operation changes.
    changed: Data,
}

impl MemoryTx {
    /// The store's value of this type, which is the default one at first. What the operation changes of it is kept if the operation commits, and
    /// only then. A transaction copies a value before it changes it.
    pub fn data<T: Clone + Default + Send + Sync + 'static>(&mut self) -> &mut T {
        let Self { state, kept, changed } = self;
        changed.entry(|| kept.get().cloned().unwrap_or_else(|| lock(state).data.get().cloned().unwrap_or_default()))
    }
}

impl fmt::Debug for MemoryTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTx").finish_non_exhaustive()
    }
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
        let state = Arc::default();
        let (queue, jobs) = mpsc::channel();
        let shared = Arc::clone(&state);
        if let Err(error) =
            thread::Builder::new().name("accompanist-memory".to_owned()).spawn(move || work(&shared, &jobs))
        {
            tracing::error!(%error, "the memory store's thread cannot be started; its jobs will fail");
        }
        Self { state, jobs: Jobs::Thread(queue) }
    }

    /// The store's value of this type as it is committed.
    pub fn data<T: Clone + Default + Send + Sync + 'static>(&self) -> T {
        lock(&self.state).data.get().cloned().unwrap_or_default()
    }
}

impl Store for Memory {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        Ok(lock(&self.state).unfinished())
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        Ok(lock(&self.state).find(key))
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        Ok(lock(&self.state).find_client(choreography, client_id))
    }

    async fn finished(&self, query: FinishedQuery, limit: usize) -> Result<Vec<Finished>, StoreError> {
        Ok(lock(&self.state).finished(&query, limit))
    }

    async fn record_audit(&self, audit: Audit) -> Result<(), StoreError> {
        lock(&self.state).audit.push(audit);
        Ok(())
    }

    async fn audits(&self, session: SessionId) -> Result<Vec<Audit>, StoreError> {
        let all = &lock(&self.state).audit;
        Ok(all.iter().filter(|audit| audit.session == Some(session)).cloned().collect())
    }

    fn submit(&self, job: Job<Self>) {
        match &self.jobs {
            Jobs::Thread(queue) => {
                if let Err(unsent) = queue.send((job, Handle::try_current().ok())) {
                    let error = StoreError::Failed("the memory store's thread has ended".to_owned());
                    unsent.0.0.fail(error);
                }
            }
            #[cfg(feature = "sim")]
            Jobs::Driven(jobs) => jobs.submit(job),
        }
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        Ok(lock(&self.state).forget(retention))
    }
}

fn work(state: &Arc<Mutex<State>>, jobs: &Receiver<(Job<Memory>, Option<Handle>)>) {
    while let Ok((job, runtime)) = jobs.recv() {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| carry_out(state, job, runtime.as_ref()))) {
            tracing::error!(panic = panic_text(panic.as_ref()), "a job of the memory store panicked");
        }
    }
}

fn carry_out(state: &Arc<Mutex<State>>, job: Job<Memory>, runtime: Option<&Handle>) {
    let _entered = runtime.map(Handle::enter);
    let mut batch = Batch::new(Arc::clone(state));
    match job {
        Job::Write { write, key, done } => {
            let result = batch.write(key, std::slice::from_ref(&write));
            batch.commit();
            done(result);
        }
        Job::Transact(mut operation) => {
            let result = block_on(None, batch.transact(operation.as_mut()));
            batch.commit();
            operation.done(result.map(drop));
        }
    }
}
