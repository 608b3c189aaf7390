//! A [`Sqlite`] whose jobs the simulator carries out: a database in memory with one connection, which nobody uses while a transaction is open.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::{Row, SessionKey};
use rusqlite::Connection;

use super::checkpoint::Checkpoints;
use super::files::Files;
use super::guard::Guard;
use super::queue::queue;
use super::row_ids::RowIds;
use super::writer::{self, Batch, COMMIT, ROLLBACK, Writer};
use super::{Backing, Options, Sqlite, SqliteTx, registry, rows, schema, write};
use crate::store::driven::{Carried, Fate, Medium, Submit};
use crate::store::{Audit, Job, StoreError};

thread_local! {
    /// The time of day of whoever's jobs are carried out, in milliseconds since 1970.
    pub(super) static PLAYED_MS: Cell<Option<i64>> = const { Cell::new(None) };
}

/// Runs `body` at this time of day.
fn at<T>(now_ms: i64, body: impl FnOnce() -> T) -> T {
    let before = PLAYED_MS.replace(Some(now_ms));
    let output = catch_unwind(AssertUnwindSafe(body));
    PLAYED_MS.set(before);
    output.unwrap_or_else(|panic| resume_unwind(panic))
}

/// A database that survives crashes.
#[derive(Clone)]
pub struct SqliteMedium {
    database: Arc<Mutex<Database>>,
    /// Over all runs. Frames carry it, and some are sent while a transaction holds the database.
    total_commits: Arc<AtomicU64>,
}

struct Database {
    writer: Writer,
    commits: u64,
}

/// Takes no jobs.
struct Nobody;

impl Submit<Sqlite> for Nobody {
    fn submit(&self, _job: Job<Sqlite>) {}

    fn now_ms(&self) -> i64 {
        0
    }
}

/// A handle of it.
#[derive(Clone)]
pub(super) struct Driven {
    medium: SqliteMedium,
    jobs: Arc<dyn Submit<Sqlite>>,
}

impl SqliteMedium {
    /// An empty database that `prepare` has given what a service needs.
    pub(crate) fn new(prepare: impl FnOnce(Sqlite) -> Result<Sqlite, StoreError>) -> Result<Self, StoreError> {
        let mut connection = schema::open_memory()?;
        let guard = Arc::new(Guard::default());
        guard.install(&mut connection).map_err(|error| schema::store_error(&error))?;
        let writer = Writer {
            path: ":memory:".into(),
            files: Files::default(),
            options: Options::default(),
            connection: Some(SqliteTx { connection, row_ids: RowIds::default() }),
            guard,
            queue: queue(Duration::ZERO).1,
            checkpoints: Checkpoints::none(),
            runtime: None,
            alone: 0,
            doubtful_log: false,
            _marks: None,
            _lock: None,
            never_waits: true,
        };
        let medium =
            Self { database: Arc::new(Mutex::new(Database { writer, commits: 0 })), total_commits: Arc::default() };
        prepare(medium.open(Arc::new(Nobody)))?;
        Ok(medium)
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    fn connection(&self) -> Result<&Connection, StoreError> {
        let connection = self.writer.connection.as_ref();
        Ok(&connection.ok_or_else(|| StoreError::Failed("the database is gone".to_owned()))?.connection)
    }

    /// Ends the transaction, as is said.
    fn end(&mut self, batch: &mut Batch, fate: Fate, total_commits: &AtomicU64) -> Result<(), StoreError> {
        if let Some(error) = batch.lost.take() {
            return Err(error);
        }
        if !batch.open {
            return Ok(());
        }
        let ended = match fate {
            Fate::Happens => registry::count_commit(self.connection()?)
                .map_err(|error| schema::store_error(&error))
                .and_then(|count| writer::execute(self.connection()?, COMMIT).map(|()| count)),
            Fate::IsLost => return writer::execute(self.connection()?, ROLLBACK),
        };
        match &ended {
            Ok(count) => {
                self.commits += 1;
                total_commits.store(*count, Ordering::Release);
            }
            // A constraint that is checked at last, say.
            Err(_) => writer::execute(self.connection()?, ROLLBACK)?,
        }
        ended.map(drop)
    }
}

impl Medium for SqliteMedium {
    type Store = Sqlite;

    fn open(&self, jobs: Arc<dyn Submit<Sqlite>>) -> Sqlite {
        let lineage = self.lock().connection().ok().and_then(|connection| registry::lineage(connection).ok());
        let lineage = lineage.expect("a database in memory can be read");
        let backing = Backing::Driven(Driven { medium: self.clone(), jobs });
        Sqlite { backing, lineage: Arc::new(lineage), crashes: None }
    }

    fn begins(&self) -> Result<(), StoreError> {
        let mut database = self.lock();
        let connection = database.writer.connection.as_mut();
        let connection = connection.ok_or_else(|| StoreError::Failed("the database is gone".to_owned()))?;
        registry::begin_opening(&mut connection.connection).map_err(|error| schema::store_error(&error))
    }

    async fn carry_out(&self, jobs: &mut [Job<Sqlite>], fate: Fate, now_ms: i64) -> Vec<Carried> {
        at(now_ms, || {
            let mut database = self.lock();
            let mut batch = Batch::default();
            let mut carried = Vec::with_capacity(jobs.len());
            for job in jobs {
                carried.push(match job {
                    Job::Write { write, key, .. } => {
                        let result = database.writer.write(&mut batch, *key, write);
                        Carried { key: *key, result: result.map(|()| vec![write.clone()]) }
                    }
                    Job::Transact(operation) => {
                        let key = operation.key();
                        Carried { key, result: database.writer.transact(&mut batch, operation.as_mut()) }
                    }
                });
            }
            if let Err(error) = database.end(&mut batch, fate, &self.total_commits) {
                for carried in &mut carried {
                    carried.result = Err(error.clone());
                }
            }
            carried
        })
    }

    fn rows(&self) -> Result<Vec<(SessionKey, Row)>, StoreError> {
        rows::all(self.lock().connection()?)
    }
}

impl Driven {
    pub(super) fn submit(&self, job: Job<Sqlite>) {
        self.jobs.submit(job);
    }

    pub(super) fn commits(&self) -> u64 {
        self.medium.lock().commits
    }

    pub(super) fn total_commits(&self) -> u64 {
        self.medium.total_commits.load(Ordering::Acquire)
    }

    /// Changes what the registry holds, at once.
    pub(super) fn change(
        &self,
        change: impl FnOnce(&Connection) -> Result<(), rusqlite::Error>,
    ) -> Result<(), StoreError> {
        let database = self.medium.lock();
        change(database.connection()?).map_err(|error| schema::store_error(&error))
    }

    pub(super) fn run_schema(&self, sql: &str) -> Result<(), StoreError> {
        let database = self.medium.lock();
        writer::run_schema(database.connection()?, &database.writer.guard, sql).map_err(writer::refusal)
    }

    pub(super) fn forget(&self, retention_ms: i64) -> Result<u64, StoreError> {
        let cutoff_ms = self.jobs.now_ms().saturating_sub(retention_ms);
        write::forget(self.medium.lock().connection()?, cutoff_ms, u32::MAX)
    }

    pub(super) fn record_audit(&self, audit: &Audit) -> Result<(), StoreError> {
        super::audit::insert(self.medium.lock().connection()?, audit)
    }

    /// Runs queries, which cannot write.
    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> T) -> T {
        let database = self.medium.lock();
        let connection = database.connection().expect("a database in memory is never given up");
        let read_only = |on: &str| connection.execute_batch(&format!("PRAGMA query_only = {on}"));
        let _ = read_only("ON");
        let output = catch_unwind(AssertUnwindSafe(|| query(connection)));
        let _ = read_only("OFF");
        output.unwrap_or_else(|panic| resume_unwind(panic))
    }
}
