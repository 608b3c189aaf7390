//! SQLite: the service's tables and the sessions' rows in one file, so that an operation and the record that it ran are one commit.

mod audit;
mod checkpoint;
mod crashes;
mod digest;
#[cfg(feature = "sim")]
mod driven;
mod files;
mod guard;
mod queue;
mod registry;
mod requests;
mod row_ids;
mod rows;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod write;
mod writer;

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use accompanist_core::{RoleId, SessionId, SessionKey, Stored};
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use self::checkpoint::{Checkpoints, Progress};
#[cfg(feature = "sim")]
pub use self::driven::SqliteMedium;
use self::files::Files;
use self::guard::Guard;
use self::queue::{Command, Submitter};
use self::row_ids::RowIds;
use self::writer::Writer;
use super::registry::{Lineage, Registry};
use super::{Audit, Crashes, Finished, FinishedQuery, Job, Store, StoreError};
use crate::context::Database;

/// Rows that are deleted in one commit when sessions are forgotten, so that no commit waits long for it.
const FORGET_ROWS_MAX: u32 = 512;

/// What can be set of a [`Sqlite`].
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a write that nothing waits for may wait for one to share a commit with.
    pub laziness: Duration,
    /// The size that the database may grow to, in bytes and without its write-ahead log; from there on, commits are refused as on a full disk.
    pub bytes_max: Option<u64>,
    /// Whether opening reads the table of sessions and its indexes through, and refuses a database in which they do not agree: a damaged index
    /// would hide a session, which then could happen again. Takes some seconds for a million sessions.
    pub check: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { laziness: Duration::from_millis(20), bytes_max: None, check: true }
    }
}

/// A SQLite database with the sessions of a node and the tables of its services. Cloning gives another handle of the same one.
///
/// One process at a time uses a database: a lock on `<path>.lock` sees to that. The file `<path>.running` is there as long as it does: where
/// a process left it, that process died ([`Crashes`]). All writing is done by one thread, and what is ready
/// together is committed together; an operation that waits for something else than its database therefore stops all others. Dropping the last
/// handle waits for what is queued.
///
/// A database is on a local disk, and a copy of it is made with SQLite's means (`VACUUM INTO`, the backup interface), not by copying the file.
///
/// ```
/// use accompanist::store::Sqlite;
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path().join("shop.db");
/// let database = Sqlite::open(path)?.with_schema("CREATE TABLE IF NOT EXISTS stock (item TEXT PRIMARY KEY, count INTEGER NOT NULL)")?;
/// let items: u64 = database.read(|connection| connection.query_row("SELECT count(*) FROM stock", [], |row| row.get(0)))?;
/// assert_eq!(items, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Sqlite {
    backing: Backing,
    /// Which database it is, in its present opening.
    lineage: Arc<Lineage>,
    /// None where no process can die.
    crashes: Option<Arc<Crashes>>,
}

/// Who carries out the jobs.
#[derive(Clone)]
enum Backing {
    Threads(Arc<Shared>),
    #[cfg(feature = "sim")]
    Driven(driven::Driven),
}

/// Closes the queue and waits for the writer when the last handle goes.
struct Shared {
    queue: Option<Submitter>,
    writer: Option<JoinHandle<()>>,
    /// For the node: what it asks for is small and must not wait for a query of somebody's.
    reader: Mutex<Connection>,
    /// For [`Sqlite::read`].
    queries: Mutex<Connection>,
    progress: Arc<Progress>,
}

/// What an operation writes with: a [`rusqlite::Connection`] in a transaction that the store began and will commit.
///
/// Everything that ends a transaction, opens another database or changes how commits work is refused, and so is what changes the store's own
/// tables (`accompanist_…`); savepoints with other names are allowed.
#[derive(Debug)]
pub struct SqliteTx {
    connection: Connection,
    row_ids: RowIds,
}

impl Deref for SqliteTx {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqlite").finish_non_exhaustive()
    }
}

impl Database for Sqlite {
    type Tx = SqliteTx;
}

impl Sqlite {
    /// Opens the database at `path`, which is created where there is none.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where the file is no database or has the format of a newer version; [`StoreError::Failed`] where another process
    /// uses it, or it cannot be opened. A database in memory is not one: see [`Memory`](crate::store::Memory).
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_with(path, Options::default())
    }

    /// As [`Sqlite::open`], with options.
    ///
    /// # Errors
    /// See [`Sqlite::open`].
    pub fn open_with(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let path = path.as_ref();
        schema::check_path(path)?;
        let path = &schema::resolve(path)?;
        let lock = schema::lock(path)?;
        let mut connection = schema::open_writer(path, options.bytes_max)?;
        schema::prepare(&mut connection, path)?;
        if options.check {
            schema::check(&connection, path)?;
        }
        // An earlier run may have ended because a sync failed. Whoever reads meanwhile must not keep a node from starting.
        if let Err(error) = self::checkpoint::empty(&connection, path) {
            tracing::warn!(%error, "the node starts all the same");
            schema::preallocate_log(&connection, path)?;
        }
        let opened = registry::begin_opening(&mut connection)
            .and_then(|()| Ok((registry::lineage(&connection)?, registry::commits(&connection)?)));
        let (lineage, commits) = opened.map_err(|error| schema::opening(path, &error))?;
        let (crashes, marks) = crashes::begin(&mut connection, path)?;
        requests::delete_over(&connection).map_err(|error| schema::opening(path, &error))?;
        let checkpoints = Checkpoints::start(path, schema::open_writer(path, None)?)?;
        let guard = Arc::new(Guard::default());
        let connection = writer::connect(path, options, &guard)?;
        let progress = checkpoints.progress();
        progress.set_total_commits(commits);
        let (submitter, queue) = queue::queue(options.laziness);
        let writer = Writer {
            path: path.to_owned(),
            files: Files::of(path)?,
            options,
            connection: Some(SqliteTx { connection, row_ids: RowIds::default() }),
            guard,
            queue,
            checkpoints,
            runtime: Handle::try_current().ok(),
            alone: 0,
            doubtful_log: false,
            _marks: marks,
            _lock: Some(lock),
            never_waits: false,
        };
        let (reader, queries) = (schema::open_reader(path)?, schema::open_reader(path)?);
        let writer = thread::Builder::new()
            .name("accompanist-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Failed(format!("the writing thread cannot be started: {error}")))?;
        let (reader, queries) = (Mutex::new(reader), Mutex::new(queries));
        let shared = Shared { queue: Some(submitter), writer: Some(writer), reader, queries, progress };
        let backing = Backing::Threads(Arc::new(shared));
        Ok(Self { backing, lineage: Arc::new(lineage), crashes: Some(crashes) })
    }

    /// Runs the service's own schema, in a transaction: `CREATE TABLE IF NOT EXISTS …`.
    ///
    /// # Errors
    /// [`StoreError::Failed`] with SQLite's words, and nothing of it is kept.
    pub fn with_schema(self, sql: impl Into<String>) -> Result<Self, StoreError> {
        match &self.backing {
            Backing::Threads(shared) => {
                let (reply, answer) = mpsc::channel();
                shared.send(Command::Schema { sql: sql.into(), reply })?;
                answer.recv().map_err(|_| writer_gone())??;
            }
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.run_schema(&sql.into())?,
        }
        Ok(self)
    }

    /// How many commits have been made durable since it was opened: each is one sync, and what shared one counts once.
    pub fn commits(&self) -> u64 {
        match &self.backing {
            Backing::Threads(shared) => shared.progress.commits(),
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.commits(),
        }
    }

    /// Runs queries outside of any session, on a connection that cannot write. It sees what is committed. As long as it runs, the write-ahead
    /// log cannot be shortened, and other calls of `read` wait.
    ///
    /// # Errors
    /// Those of `query`.
    pub fn read<T, E>(&self, query: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        match &self.backing {
            Backing::Threads(shared) => query(&shared.queries.lock().unwrap_or_else(PoisonError::into_inner)),
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.read(query),
        }
    }

    /// As [`Sqlite::read`], for the node: what it asks for is small.
    fn read_rows<T>(&self, query: impl FnOnce(&Connection) -> T) -> T {
        match &self.backing {
            Backing::Threads(shared) => query(&shared.reader.lock().unwrap_or_else(PoisonError::into_inner)),
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.read(query),
        }
    }
}

#[cfg_attr(
    not(feature = "sim"),
    expect(clippy::infallible_destructuring_match, reason = "the simulator has another backing")
)]
impl Store for Sqlite {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        self.read_rows(rows::unfinished)
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        self.read_rows(|connection| rows::find(connection, key))
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        self.read_rows(|connection| rows::find_client(connection, choreography, client_id))
    }

    async fn ages(&self) -> Result<Vec<(SessionKey, Duration)>, StoreError> {
        self.read_rows(rows::ages)
    }

    /// It may read many rows: on the connection for queries, and off the runtime's threads.
    async fn finished(&self, query: FinishedQuery, limit: usize) -> Result<Vec<Finished>, StoreError> {
        let shared = match &self.backing {
            Backing::Threads(shared) => Arc::clone(shared),
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => return driven.read(|connection| rows::finished(connection, &query, limit)),
        };
        let read = move || {
            let connection = shared.queries.lock().unwrap_or_else(PoisonError::into_inner);
            rows::finished(&connection, &query, limit)
        };
        let stopped = |error| StoreError::Failed(format!("the query was stopped: {error}"));
        tokio::task::spawn_blocking(read).await.map_err(stopped)?
    }

    async fn record_audit(&self, audit: Audit) -> Result<(), StoreError> {
        let shared = match &self.backing {
            Backing::Threads(shared) => shared,
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => return driven.record_audit(&audit),
        };
        let (reply, answer) = oneshot::channel();
        shared.send(Command::Audit { audit, reply })?;
        answer.await.map_err(|_| writer_gone())?
    }

    async fn audits(&self, session: SessionId) -> Result<Vec<Audit>, StoreError> {
        self.read_rows(|connection| audit::of_session(connection, session))
    }

    fn commits(&self) -> u64 {
        Self::commits(self)
    }

    /// By SQLite's words, which a service's own errors mostly pass on.
    fn advice(failure: &str) -> Option<&'static str> {
        let lacks = |what: &str| failure.contains(what);
        match (lacks("no such table: "), lacks("no such column: ") || lacks("has no column named ")) {
            (true, _) => Some(
                "give the database its tables before the node starts: \
                 `Sqlite::open(…)?.with_schema(\"CREATE TABLE IF NOT EXISTS …\")?`",
            ),
            (false, true) => Some(
                "the table was made by another schema than this program's: change it in `Sqlite::with_schema`, \
                 by `ALTER TABLE`",
            ),
            (false, false) => None,
        }
    }

    fn registry(&self) -> Option<Arc<dyn Registry>> {
        Some(Arc::new(self.clone()))
    }

    /// Beside the database: `<path>.sock`.
    fn admin_path(&self) -> Option<PathBuf> {
        let beside = |path: &str| PathBuf::from(format!("{path}.sock"));
        self.read_rows(|connection| connection.path().filter(|path| !path.is_empty()).map(beside))
    }

    fn submit(&self, job: Job<Self>) {
        let shared = match &self.backing {
            Backing::Threads(shared) => shared,
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => return driven.submit(job),
        };
        let Some(queue) = &shared.queue else { return };
        if let Some(Command::Job(job, _)) = queue.send(Command::Job(job, Handle::try_current().ok())) {
            job.fail(writer_gone());
        }
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let shared = match &self.backing {
            Backing::Threads(shared) => shared,
            #[cfg(feature = "sim")]
            Backing::Driven(_) => return Ok(()),
        };
        // A command that nothing is put off behind, and that deletes nothing.
        let (reply, answer) = oneshot::channel();
        shared.send(Command::Forget { cutoff_ms: i64::MIN, rows_max: 0, reply })?;
        answer.await.map_err(|_| writer_gone())?.map(drop)
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let shared = match &self.backing {
            Backing::Threads(shared) => shared,
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => return driven.forget(retention_ms),
        };
        let cutoff_ms = write::now_ms().saturating_sub(retention_ms);
        let mut total = 0;
        loop {
            let (reply, answer) = oneshot::channel();
            shared.send(Command::Forget { cutoff_ms, rows_max: FORGET_ROWS_MAX, reply })?;
            let count = answer.await.map_err(|_| writer_gone())??;
            total += count;
            if count < u64::from(FORGET_ROWS_MAX) {
                return Ok(total);
            }
        }
    }
}

impl Shared {
    fn send(&self, command: Command) -> Result<(), StoreError> {
        let queue = self.queue.as_ref().ok_or_else(writer_gone)?;
        queue.send(command).map_or(Ok(()), |_| Err(writer_gone()))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.queue.take());
        let Some(writer) = self.writer.take() else { return };
        // A completion may hold the last handle: then the writer ends by itself.
        if writer.thread().id() != thread::current().id() {
            let _ = writer.join();
        }
    }
}

fn writer_gone() -> StoreError {
    StoreError::Failed("the writing thread has ended".to_owned())
}
