//! A database on a disk whose sync takes longer: what is committed is told a while after it is durable, once for all that shared the commit.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use accompanist::store::{Job, Sqlite, SqliteTx, Store, StoreError, Transact};
use accompanist::{BoxFuture, Database, RoleId};
use accompanist_core::{SessionKey, Stored, Write};

/// See the module.
#[derive(Clone)]
pub struct Slow {
    store: Sqlite,
    pace: Pace,
}

/// How long a sync takes longer. Completions are called by the one thread that commits: whoever sleeps in the first of them holds up the others, and
/// the next commit, as the disk would.
#[derive(Clone)]
struct Pace {
    delay: Duration,
    /// The commits that have been waited for.
    seen: Arc<AtomicU64>,
}

impl Pace {
    fn wait(&self, store: &Sqlite) {
        let commits = store.commits();
        if self.seen.swap(commits, Ordering::Relaxed) != commits {
            std::thread::sleep(self.delay);
        }
    }
}

impl Slow {
    /// `store`, with `delay` added to each commit.
    pub fn new(store: Sqlite, delay: Duration) -> Self {
        Self { store, pace: Pace { delay, seen: Arc::default() } }
    }
}

struct Passed {
    operation: Box<dyn Transact<Slow>>,
    slow: Slow,
}

impl Transact<Sqlite> for Passed {
    fn key(&self) -> SessionKey {
        self.operation.key()
    }

    fn run<'a>(&'a mut self, tx: &'a mut SqliteTx) -> BoxFuture<'a, bool> {
        self.operation.run(tx)
    }

    fn record(&mut self) -> Vec<Write> {
        self.operation.record()
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        self.slow.pace.wait(&self.slow.store);
        self.operation.done(result);
    }
}

impl Database for Slow {
    type Tx = SqliteTx;
}

impl Store for Slow {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        self.store.unfinished().await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        self.store.find(key).await
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        self.store.find_client(choreography, client_id).await
    }

    fn commits(&self) -> u64 {
        self.store.commits()
    }

    fn admin_path(&self) -> Option<PathBuf> {
        self.store.admin_path()
    }

    fn submit(&self, job: Job<Self>) {
        let slow = self.clone();
        self.store.submit(match job {
            Job::Write { write, key, done } => {
                let done = Box::new(move |result| {
                    slow.pace.wait(&slow.store);
                    done(result);
                });
                Job::Write { write, key, done }
            }
            Job::Transact(operation) => Job::Transact(Box::new(Passed { operation, slow })),
        });
    }

    async fn flush(&self) -> Result<(), StoreError> {
        self.store.flush().await
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        self.store.forget(retention).await
    }
}
