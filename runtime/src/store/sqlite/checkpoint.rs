//! Moves the write-ahead log into the database file, off the path of commits, so that the log stays where its space is allocated.
//!
//! When the log has grown to [`CHECKPOINT_PAGES`], a thread with a connection of its own moves it over without stopping commits. What was
//! committed meanwhile, little, the writer moves after its next commit; then all has been moved, and SQLite begins the log at its start again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;

use super::schema::{self, LOG_BYTES};
use crate::store::StoreError;

/// Pages in the log (of 4096 bytes and 24 of header) from which on it is moved: well before what is preallocated is used up.
const CHECKPOINT_PAGES: u32 = (LOG_BYTES / 4120 * 6 / 10) as u32;

/// Pages in the log from which on the writer itself moves them, stopping commits: commits came faster than the checkpointer, or a reader
/// has kept an old state alive for long.
const LOG_PAGES_MAX: u32 = CHECKPOINT_PAGES * 16;

/// What the writer and the checkpointer tell each other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Pages in the log after the last commit.
    pages: AtomicU32,
    /// Commits that wrote something, each one sync.
    commits: AtomicU64,
    /// The checkpointer works.
    running: AtomicBool,
    /// It has ended, and the writer has not done its part.
    ended: AtomicBool,
}

impl Progress {
    /// Commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    progress: Arc<Progress>,
    orders: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    path: std::path::PathBuf,
}

impl Checkpoints {
    /// Starts the checkpointer with a connection of its own.
    pub(super) fn start(path: &std::path::Path, mut connection: Connection) -> Result<Self, StoreError> {
        let progress = Arc::new(Progress::default());
        let (orders, received) = mpsc::sync_channel(1);
        let shared = Arc::clone(&progress);
        let work = move || {
            while received.recv() == Ok(()) {
                checkpoint(&mut connection, CheckpointMode::PASSIVE);
                shared.ended.store(true, Ordering::Release);
                shared.running.store(false, Ordering::Release);
            }
        };
        let thread = thread::Builder::new()
            .name("accompanist-checkpoint".to_owned())
            .spawn(work)
            .map_err(|error| StoreError::Failed(format!("the checkpoint thread cannot be started: {error}")))?;
        Ok(Self { progress, orders: Some(orders), thread: Some(thread), path: path.to_owned() })
    }

    /// For a database without a log.
    #[cfg(feature = "sim")]
    pub(super) fn none() -> Self {
        Self { progress: Arc::default(), orders: None, thread: None, path: std::path::PathBuf::new() }
    }

    /// What is known of the log, for others.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Watches how long the log of `connection` gets.
    pub(super) fn watch(&self, connection: &mut Connection) -> Result<(), rusqlite::Error> {
        let progress = Arc::clone(&self.progress);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            progress.pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            progress.commits.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }))
    }

    /// Called by the writer after each batch, when those who waited for it have been told.
    pub(super) fn after_batch(&self, writer: &mut Connection) {
        let pages = self.progress.pages.load(Ordering::Relaxed);
        if pages >= LOG_PAGES_MAX {
            self.shorten(writer);
        } else if self.progress.ended.swap(false, Ordering::Acquire) {
            checkpoint(writer, CheckpointMode::PASSIVE);
        } else if pages >= CHECKPOINT_PAGES && !self.progress.running.swap(true, Ordering::AcqRel) {
            // The channel has room for one order, and none is given while one is carried out.
            let _ = self.orders.as_ref().map(|orders| orders.try_send(()));
        }
    }

    /// Moves everything and gives the log's space back. Without waiting: a reader that keeps an old state alive must not stop commits,
    /// and as long as it does, the log has to grow.
    fn shorten(&self, writer: &mut Connection) {
        let _ = writer.busy_timeout(std::time::Duration::ZERO);
        let emptied = checkpoint(writer, CheckpointMode::TRUNCATE);
        let _ = writer.busy_timeout(schema::BUSY_TIMEOUT);
        if emptied {
            self.progress.pages.store(0, Ordering::Relaxed);
            if let Err(error) = schema::preallocate_log(writer, &self.path) {
                tracing::warn!(%error, "the write-ahead log could not be preallocated; commits will take longer");
            }
            return;
        }
        tracing::warn!(
            path = %self.path.display(),
            pages = self.progress.pages.load(Ordering::Relaxed),
            "the write-ahead log cannot be emptied: some query keeps an old state of the database alive"
        );
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Moves all that the log is seen to hold into the database file, and begins the log anew.
pub(super) fn empty(connection: &mut Connection, path: &std::path::Path) -> Result<(), StoreError> {
    if !checkpoint(connection, CheckpointMode::TRUNCATE) {
        let cause = "the write-ahead log cannot be emptied: the disk fails, or some other process reads the database";
        return Err(StoreError::Failed(format!("`{}`: {cause}", path.display())));
    }
    schema::preallocate_log(connection, path)
}

/// Moves what can be moved, and says whether that was everything. A failure is logged: what was not moved stays in the log, and safe.
fn checkpoint(connection: &mut Connection, mode: CheckpointMode) -> bool {
    match connection.wal_checkpoint_v2(Some(rusqlite::MAIN_DB), mode) {
        Ok((pages, moved)) => pages == moved,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => false,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
            false
        }
    }
}
