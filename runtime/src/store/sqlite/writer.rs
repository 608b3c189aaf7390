//! The thread that owns the connection which writes. It takes what is queued, runs it in one transaction (each operation in a savepoint of its
//! own where others are in it), commits, and so makes many jobs durable by one sync.
//!
//! Where a commit fails or the transaction is lost, all its jobs are told so, none is tried again here, and after a failed commit the connection is
//! opened anew: what a failed sync left in the caches of operating system and SQLite is unknown. Such a commit may still turn out to have
//! happened; sessions bear that, for they read their row again. Nothing is appended to a log whose sync has failed, for the disk may have a gap where the caches
//! show a commit, and what stands behind a gap is lost: all that the log is seen to hold is first moved into the database file, with a sync of its own.
//! The jobs that come next are committed one by one for a while, so that one that spoils every commit does not spoil the others' for ever.

use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accompanist_core::{SessionKey, Write};
use rusqlite::{Connection, ErrorCode};
use tokio::runtime::Handle;

use super::checkpoint::{self, Checkpoints};
use super::files::Files;
use super::guard::Guard;
use super::queue::{Command, Queue};
use super::row_ids::RowIds;
use super::schema::{self, store_error};
use super::{Options, Sqlite, SqliteTx, registry, write};
use crate::store::block_on::{at_once, block_on, panic_text};
use crate::store::crashes::Marks;
use crate::store::{Job, StoreError, Transact};

/// Jobs that share one commit.
const BATCH_JOBS_MAX: usize = 256;

/// How long jobs that come are added to a batch after the first one that somebody waits for: it waits for the last one.
const BATCH_DURATION_MAX: Duration = Duration::from_micros(500);

/// Not in the words that an operation might prepare itself: its statements share the cache with these.
const BEGIN: &str = "BEGIN IMMEDIATE /* accompanist */";
pub(super) const COMMIT: &str = "COMMIT /* accompanist */";
pub(super) const ROLLBACK: &str = "ROLLBACK /* accompanist */";
const SAVEPOINT: &str = "SAVEPOINT accompanist_job";
const RELEASE: &str = "RELEASE accompanist_job";
const ROLLBACK_TO: &str = "ROLLBACK TO accompanist_job";

/// Whom to tell, and what.
enum Completion {
    Write(Box<dyn FnOnce(Result<(), StoreError>) + Send>),
    Transact(Box<dyn Transact<Sqlite>>),
    Forget(tokio::sync::oneshot::Sender<Result<u64, StoreError>>, u64),
    Audit(tokio::sync::oneshot::Sender<Result<(), StoreError>>),
    Change(tokio::sync::oneshot::Sender<Result<(), StoreError>>),
    Schema(std::sync::mpsc::Sender<Result<(), StoreError>>),
}

/// A job of a batch, and what came of it.
struct Told {
    completion: Completion,
    outcome: Result<(), StoreError>,
    session: Option<SessionKey>,
    is_lazy: bool,
}

/// One transaction and its jobs.
#[derive(Default)]
pub(super) struct Batch {
    told: Vec<Told>,
    /// The transaction has begun.
    pub(super) open: bool,
    /// Something in it is to be committed.
    kept: bool,
    /// It was rolled back under the jobs that it had kept, and why.
    pub(super) lost: Option<StoreError>,
}

/// Why a job's part of the transaction is taken back.
pub(super) enum TakenBack {
    /// The operation wanted it so; it may still have something to record.
    ByOperation,
    /// It cannot stand.
    Refused(StoreError),
}

/// The state of the writing thread.
pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) files: Files,
    pub(super) options: Options,
    /// `None` when it could not be opened again after a failure.
    pub(super) connection: Option<SqliteTx>,
    pub(super) guard: Arc<Guard>,
    pub(super) queue: Queue,
    pub(super) checkpoints: Checkpoints,
    /// The runtime in which a job was submitted last; operations run inside it.
    pub(super) runtime: Option<Handle>,
    /// Jobs still to be committed alone, after a batch that failed.
    pub(super) alone: usize,
    /// What the log holds may not be on the disk, and nothing is to be appended to it.
    pub(super) doubtful_log: bool,
    /// Gone before the lock: the next process may make its own then.
    pub(super) _marks: Option<Marks>,
    /// Held as long as the thread writes.
    pub(super) _lock: Option<File>,
    /// Operations must be ready at once: nothing would wake the thread that waits for them.
    pub(super) never_waits: bool,
}

/// Opens a connection for the writer.
pub(super) fn connect(path: &std::path::Path, options: Options, guard: &Arc<Guard>) -> Result<Connection, StoreError> {
    let mut connection = schema::open_writer(path, options.bytes_max)?;
    guard.install(&mut connection).map_err(|error| store_error(&error))?;
    Ok(connection)
}

impl Writer {
    /// Works until every handle of the store is gone and the queue is empty.
    pub(super) fn run(mut self) {
        while self.queue.wait() {
            self.batch();
        }
    }

    fn batch(&mut self) {
        let mut batch = Batch::default();
        let mut waited_for: Option<Instant> = None;
        let jobs_max = if self.alone > 0 { 1 } else { BATCH_JOBS_MAX };
        while batch.lost.is_none() && batch.told.len() < jobs_max {
            let is_open = waited_for.is_none_or(|since| since.elapsed() < BATCH_DURATION_MAX);
            let Some(command) = self.queue.next(is_open) else { break };
            if !command.is_lazy() {
                waited_for.get_or_insert_with(Instant::now);
            }
            self.take(&mut batch, command);
        }
        self.alone = self.alone.saturating_sub(batch.told.len());
        let committed = self.commit(&mut batch);
        if committed.is_err() {
            self.alone = BATCH_JOBS_MAX;
        }
        for Told { completion, outcome, .. } in in_turn(batch.told) {
            completion.call(outcome.and_then(|()| committed.clone()), self.runtime.as_ref());
        }
        if let Some(connection) = &self.connection {
            self.checkpoints.after_batch(&connection.connection);
        }
    }

    fn take(&mut self, batch: &mut Batch, command: Command) {
        let is_lazy = command.is_lazy();
        let (completion, outcome, session) = match command {
            Command::Job(Job::Write { write, key, done }, runtime) => {
                self.runtime = runtime.or(self.runtime.take());
                let outcome = self.write(batch, key, &write);
                (Completion::Write(done), outcome, Some(key))
            }
            Command::Job(Job::Transact(mut operation), runtime) => {
                self.runtime = runtime.or(self.runtime.take());
                let outcome = self.transact(batch, operation.as_mut());
                let session = operation.key();
                (Completion::Transact(operation), outcome.map(drop), Some(session))
            }
            Command::Forget { cutoff_ms, rows_max, reply } => {
                let forgotten = self.attempt(batch, |connection, _| {
                    write::forget(connection, cutoff_ms, rows_max).map_err(TakenBack::Refused)
                });
                let count = forgotten.as_ref().copied().unwrap_or(0);
                (Completion::Forget(reply, count), forgotten.map(drop).map_err(refusal), None)
            }
            Command::Audit { audit, reply } => {
                let recorded = self.attempt(batch, |connection, _| {
                    super::audit::insert(connection, &audit).map_err(TakenBack::Refused)
                });
                (Completion::Audit(reply), recorded.map_err(refusal), None)
            }
            Command::Change { change, reply } => {
                let changed = self.attempt(batch, |connection, _| {
                    change(connection).map_err(|error| TakenBack::Refused(store_error(&error)))
                });
                (Completion::Change(reply), changed.map_err(refusal), None)
            }
            Command::Schema { sql, reply } => {
                let outcome = self.attempt(batch, |connection, guard| run_schema(connection, guard, &sql));
                (Completion::Schema(reply), outcome.map_err(refusal), None)
            }
        };
        batch.told.push(Told { completion, outcome, session, is_lazy });
    }

    /// Without a savepoint, which costs as much as the write: a conflict is found by its first statement, which has then changed nothing. Whatever
    /// else goes wrong is the database's trouble, and takes the whole batch with it.
    pub(super) fn write(&mut self, batch: &mut Batch, key: SessionKey, write: &Write) -> Result<(), StoreError> {
        let connection = self.connection()?;
        if !batch.open {
            execute(connection, BEGIN)?;
            batch.open = true;
        }
        match write::apply(connection, key, write) {
            Ok(()) => {
                batch.kept = true;
                Ok(())
            }
            Err(StoreError::Conflict) if !connection.is_autocommit() => Err(StoreError::Conflict),
            Err(error) => {
                if !connection.is_autocommit() {
                    // Where that fails too, the commit will say so.
                    let _ = execute(connection, ROLLBACK);
                }
                Err(refusal(lost(batch, Some(TakenBack::Refused(error)))))
            }
        }
    }

    /// Runs an operation and records it, or takes it back and records that; what was written of its session.
    pub(super) fn transact(
        &mut self,
        batch: &mut Batch,
        operation: &mut dyn Transact<Sqlite>,
    ) -> Result<Vec<Write>, StoreError> {
        let key = operation.key();
        let (runtime, never_waits) = (self.runtime.clone(), self.never_waits);
        let ran = self.attempt(batch, |connection, guard| {
            run_operation(connection, guard, runtime.as_ref(), never_waits, operation)?;
            let writes = record(operation)?;
            apply_all(connection, key, &writes)?;
            Ok(writes)
        });
        match ran {
            Ok(writes) => Ok(writes),
            Err(TakenBack::Refused(error)) => Err(error),
            Err(TakenBack::ByOperation) => {
                let writes = record(operation).map_err(refusal)?;
                if !writes.is_empty() {
                    self.attempt(batch, |connection, _| apply_all(connection, key, &writes)).map_err(refusal)?;
                }
                Ok(writes)
            }
        }
    }

    /// Runs `body` in the batch's transaction, so that what it wrote is kept or taken back as a whole. The first job of a transaction needs no
    /// savepoint: taking it back is taking back everything.
    fn attempt<T>(
        &mut self,
        batch: &mut Batch,
        body: impl FnOnce(&mut SqliteTx, &Guard) -> Result<T, TakenBack>,
    ) -> Result<T, TakenBack> {
        let nested = batch.kept;
        let guard = Arc::clone(&self.guard);
        let connection = self.connection().map_err(TakenBack::Refused)?;
        if !batch.open {
            execute(connection, BEGIN).map_err(TakenBack::Refused)?;
            batch.open = true;
        } else if nested {
            execute(connection, SAVEPOINT).map_err(TakenBack::Refused)?;
        }
        let mut result = body(connection, &guard);
        if result.is_ok()
            && nested
            && !connection.is_autocommit()
            && let Err(error) = execute(connection, RELEASE)
        {
            result = Err(TakenBack::Refused(error));
        }
        if connection.is_autocommit() {
            return Err(lost(batch, result.err()));
        }
        if result.is_ok() {
            batch.kept = true;
        } else if nested {
            let undone = execute(connection, ROLLBACK_TO).and_then(|()| execute(connection, RELEASE));
            if let Err(error) = undone {
                let _ = execute(connection, ROLLBACK);
                return Err(lost(batch, Some(TakenBack::Refused(error))));
            }
        } else {
            execute(connection, ROLLBACK).map_err(TakenBack::Refused)?;
            batch.open = false;
        }
        result
    }

    /// Makes the batch durable.
    fn commit(&mut self, batch: &mut Batch) -> Result<(), StoreError> {
        if let Some(error) = batch.lost.take() {
            return Err(error);
        }
        let (true, Some(connection)) = (batch.open, &self.connection) else { return Ok(()) };
        if let Err(error) = self.files.check() {
            // Said once, and again only after many that succeeded.
            if self.alone == 0 {
                tracing::error!(%error, "nothing is committed");
            }
            let _ = execute(connection, ROLLBACK);
            return Err(error);
        }
        let committed = registry::count_commit(connection).and_then(|count| {
            run(connection, COMMIT)?;
            #[cfg(test)]
            super::tests::sync(&self.path)?;
            Ok(count)
        });
        let cause = match committed {
            Ok(count) => {
                self.checkpoints.committed(connection);
                self.checkpoints.progress().set_total_commits(count);
                return Ok(());
            }
            Err(cause) => cause,
        };
        let error = store_error(&cause);
        // Once, and again only after many that succeeded.
        if self.alone == 0 {
            tracing::error!(%error, path = %self.path.display(), "a commit failed; its jobs are told, and the database is opened anew");
        } else {
            tracing::debug!(%error, path = %self.path.display(), "another commit failed");
        }
        if !connection.is_autocommit() {
            let _ = execute(connection, ROLLBACK);
        }
        if cause.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
            self.connection = None;
            self.doubtful_log = true;
        }
        Err(error)
    }

    /// The connection, opened again if it was given up.
    fn connection(&mut self) -> Result<&mut SqliteTx, StoreError> {
        match &mut self.connection {
            Some(connection) => Ok(connection),
            none => {
                self.files.check()?;
                let connection = connect(&self.path, self.options, &self.guard)?;
                if self.doubtful_log {
                    checkpoint::empty(&connection, &self.path)?;
                    self.doubtful_log = false;
                }
                Ok(none.insert(SqliteTx { connection, row_ids: RowIds::default() }))
            }
        }
    }
}

impl Completion {
    /// A completion that panics must not end the thread on which all sessions depend.
    fn call(self, result: Result<(), StoreError>, runtime: Option<&Handle>) {
        let _entered = runtime.map(Handle::enter);
        let call = || match self {
            Self::Write(done) => done(result),
            Self::Transact(operation) => operation.done(result),
            Self::Forget(reply, count) => drop(reply.send(result.map(|()| count))),
            Self::Audit(reply) => drop(reply.send(result)),
            Self::Change(reply) => drop(reply.send(result)),
            Self::Schema(reply) => drop(reply.send(result)),
        };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(call)) {
            tracing::error!(panic = panic_text(panic.as_ref()), "a completion panicked");
        }
    }
}

/// Those that somebody waits for are told first, each session of all its jobs in their order; what belongs to no session comes last.
fn in_turn(told: Vec<Told>) -> impl Iterator<Item = Told> {
    let waited_for = |told: &Told| told.session.filter(|_| !told.is_lazy);
    let sessions: BTreeSet<SessionKey> = told.iter().filter_map(waited_for).collect();
    let (first, then): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|told| told.session.is_some_and(|session| sessions.contains(&session)));
    first.into_iter().chain(then)
}

/// Notes that SQLite rolled back the transaction under a job: a full disk or an I/O error does that, and `ON CONFLICT ROLLBACK`.
fn lost(batch: &mut Batch, cause: Option<TakenBack>) -> TakenBack {
    let error = match cause {
        Some(TakenBack::Refused(error)) => error,
        Some(TakenBack::ByOperation) | None => StoreError::Failed(
            "the transaction was rolled back while an operation ran in it: see its own error, or a conflict clause ROLLBACK"
                .to_owned(),
        ),
    };
    batch.open = false;
    if batch.kept {
        batch.lost = Some(error.clone());
    }
    TakenBack::Refused(error)
}

fn run_operation(
    connection: &mut SqliteTx,
    guard: &Guard,
    runtime: Option<&Handle>,
    never_waits: bool,
    operation: &mut dyn Transact<Sqlite>,
) -> Result<(), TakenBack> {
    guard.enter();
    let run = || {
        let running = operation.run(connection);
        if never_waits { at_once(running) } else { Some(block_on(runtime, running)) }
    };
    let ran = catch_unwind(AssertUnwindSafe(run));
    let denied = guard.leave();
    match (ran, denied) {
        (Err(panic), _) => {
            let text = panic_text(panic.as_ref());
            Err(TakenBack::Refused(StoreError::Failed(format!("an operation panicked: {text}"))))
        }
        (Ok(_), Some(denied)) => Err(TakenBack::Refused(StoreError::Failed(format!(
            "an operation tried what it may not do in its transaction: {denied}"
        )))),
        (Ok(None), None) => Err(TakenBack::Refused(StoreError::Failed(
            "an operation waits for something else than its database, which would stop all others".to_owned(),
        ))),
        (Ok(Some(false)), None) => Err(TakenBack::ByOperation),
        (Ok(Some(true)), None) => Ok(()),
    }
}

fn record(operation: &mut dyn Transact<Sqlite>) -> Result<Vec<Write>, TakenBack> {
    catch_unwind(AssertUnwindSafe(|| operation.record())).map_err(|panic| {
        let text = panic_text(panic.as_ref());
        TakenBack::Refused(StoreError::Failed(format!("recording an operation panicked: {text}")))
    })
}

fn apply_all(tx: &mut SqliteTx, key: SessionKey, writes: &[Write]) -> Result<(), TakenBack> {
    // An operation whose transaction is gone must not be recorded in one of its own.
    if tx.is_autocommit() {
        return Err(TakenBack::ByOperation);
    }
    writes.iter().try_for_each(|write| write::apply(tx, key, write)).map_err(TakenBack::Refused)
}

pub(super) fn run_schema(connection: &Connection, guard: &Guard, sql: &str) -> Result<(), TakenBack> {
    guard.enter();
    let ran = connection.execute_batch(sql);
    let failed = |cause: String| TakenBack::Refused(StoreError::Failed(format!("the service's schema: {cause}")));
    match (guard.leave(), ran) {
        (Some(denied), _) => Err(failed(denied)),
        (None, Err(error)) => Err(failed(error.to_string())),
        (None, Ok(())) => Ok(()),
    }
}

pub(super) fn refusal(taken_back: TakenBack) -> StoreError {
    match taken_back {
        TakenBack::Refused(error) => error,
        TakenBack::ByOperation => StoreError::Failed("the operation took itself back".to_owned()),
    }
}

pub(super) fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    run(connection, sql).map_err(|error| store_error(&error))
}

fn run(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
