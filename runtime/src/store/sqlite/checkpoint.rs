//! Moves the write-ahead log into the database file, off the path of commits, so that the log stays where its space is allocated.
//!
//! When the log has grown to [`CHECKPOINT_PAGES`], a thread with a connection of its own moves it over without stopping commits. What was
//! committed meanwhile, little, the writer moves after its next commit; then all has been moved, and SQLite begins the log at its start again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, SyncSender};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::schema::{self, LOG_BYTES};
use crate::store::StoreError;

/// Pages in the log (of 4096 bytes and 24 of header) from which on it is moved: well before what is preallocated is used up.
const CHECKPOINT_PAGES: u32 = (LOG_BYTES / LOG_PAGE_BYTES * 6 / 10) as u32;

/// What a page takes in the log, with its header.
const LOG_PAGE_BYTES: u64 = 4120;

/// Pages in the log from which on the writer itself moves them, stopping commits: commits came faster than the checkpointer, or a reader
/// has kept an old state alive for long.
const LOG_PAGES_MAX: u32 = CHECKPOINT_PAGES * 16;

/// A checkpoint that moves nothing: it tells how long the log is.
const LOOK: &str = "PRAGMA wal_checkpoint(NOOP)";

/// How much of the log is moved: what no reader still needs, without waiting; or all of it, and
/// the file is made empty.
#[derive(Clone, Copy)]
enum Mode {
    Passive,
    Truncate,
}

/// What the writer and the checkpointer tell each other.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Pages in the log after the last commit.
    pages: AtomicU32,
    /// Commits that wrote something, each one sync.
    commits: AtomicU64,
    /// Commits of the database over all its openings, as the last durable one left it.
    total_commits: AtomicU64,
    /// The checkpointer works.
    running: AtomicBool,
    /// It has ended, and the writer has not done its part.
    ended: AtomicBool,
    /// That the log cannot be emptied has been said, and it has not been emptied since.
    warned: AtomicBool,
    /// Pages in the log when that was tried last.
    tried_pages: AtomicU32,
}

impl Progress {
    /// Commits so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Commits of the database over all its openings.
    pub(super) fn total_commits(&self) -> u64 {
        self.total_commits.load(Ordering::Acquire)
    }

    pub(super) fn set_total_commits(&self, count: u64) {
        self.total_commits.store(count, Ordering::Release);
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
    pub(super) fn start(path: &std::path::Path, connection: Connection) -> Result<Self, StoreError> {
        let progress = Arc::new(Progress::default());
        let (orders, received) = mpsc::sync_channel(1);
        let shared = Arc::clone(&progress);
        let work = move || {
            while received.recv() == Ok(()) {
                checkpoint(&connection, Mode::Passive);
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

    /// Called by the writer after each commit: looks how long the log is. By a checkpoint that
    /// moves nothing, and not by the hook that SQLite has for it, which the versions of
    /// `rusqlite` that are allowed do not have alike.
    pub(super) fn committed(&self, writer: &Connection) {
        if self.orders.is_none() {
            return;
        }
        let pages = writer.prepare_cached(LOOK).and_then(|mut look| look.query_row([], |row| row.get::<_, i64>(1)));
        let pages = pages.ok().and_then(|pages| u32::try_from(pages).ok()).unwrap_or(0);
        // A commit that wrote nothing leaves the log as it was.
        if self.progress.pages.swap(pages, Ordering::Relaxed) != pages {
            self.progress.commits.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Called by the writer after each batch, when those who waited for it have been told.
    pub(super) fn after_batch(&self, writer: &Connection) {
        let pages = self.progress.pages.load(Ordering::Relaxed);
        if pages < LOG_PAGES_MAX {
            self.progress.tried_pages.store(0, Ordering::Relaxed);
            if self.progress.warned.swap(false, Ordering::Relaxed) {
                tracing::info!(path = %self.path.display(), "the write-ahead log is short again");
            }
        }
        // While some reader keeps the log from being emptied, that is tried again after each
        // further stretch of it only.
        let tried_pages = self.progress.tried_pages.load(Ordering::Relaxed);
        if pages >= tried_pages.saturating_add(LOG_PAGES_MAX) {
            self.progress.tried_pages.store(pages, Ordering::Relaxed);
            self.shorten(writer);
        } else if self.progress.ended.swap(false, Ordering::Acquire) {
            checkpoint(writer, Mode::Passive);
        } else if pages >= CHECKPOINT_PAGES && !self.progress.running.swap(true, Ordering::AcqRel) {
            // The channel has room for one order, and none is given while one is carried out.
            let _ = self.orders.as_ref().map(|orders| orders.try_send(()));
        }
    }

    /// Moves everything and gives the log's space back. Without waiting: a reader that keeps an old state alive must not stop commits,
    /// and as long as it does, the log has to grow.
    fn shorten(&self, writer: &Connection) {
        let _ = writer.busy_timeout(std::time::Duration::ZERO);
        let emptied = checkpoint(writer, Mode::Truncate);
        let _ = writer.busy_timeout(schema::BUSY_TIMEOUT);
        let path = self.path.display();
        if emptied {
            self.progress.pages.store(0, Ordering::Relaxed);
            self.progress.tried_pages.store(0, Ordering::Relaxed);
            if let Err(error) = schema::preallocate_log(writer, &self.path) {
                tracing::warn!(%error, "the write-ahead log could not be preallocated; commits will take longer");
            }
            return;
        }
        if !self.progress.warned.swap(true, Ordering::Relaxed) {
            let bytes = u64::from(self.progress.pages.load(Ordering::Relaxed)) * LOG_PAGE_BYTES;
            tracing::warn!(%path, bytes, "the write-ahead log grows: some query, a backup perhaps, keeps an old state of the database alive; end it");
        }
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
pub(super) fn empty(connection: &Connection, path: &std::path::Path) -> Result<(), StoreError> {
    if !checkpoint(connection, Mode::Truncate) {
        let cause = "the write-ahead log cannot be emptied: the disk fails, or some other process reads the database";
        return Err(StoreError::Failed(format!("`{}`: {cause}", path.display())));
    }
    schema::preallocate_log(connection, path)
}

/// Moves what can be moved, and says whether that was everything. A failure is logged: what was not moved stays in the log, and safe.
fn checkpoint(connection: &Connection, mode: Mode) -> bool {
    let pragma = match mode {
        Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Mode::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let moved = connection.query_row(pragma, [], |row| {
        let (is_busy, pages, moved): (bool, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(!is_busy && pages == moved)
    });
    match moved {
        Ok(everything) => everything,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => false,
        Err(error) => {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Counts what is said, by level.
    #[derive(Default)]
    struct Said(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Said {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= Level::INFO
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            self.0.lock().expect("nobody panics").push(*event.metadata().level());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    const NOTHING: [Level; 0] = [];

    #[test]
    fn a_reader_of_an_old_state_is_mentioned_once_and_not_with_each_commit() {
        let directory = tempfile::tempdir().expect("there is room");
        let path = directory.path().join("bank.db");
        let open = || schema::open_writer(&path, None).expect("it can be opened");
        let (writer, reader) = (open(), open());
        let checkpoints = Checkpoints::start(&path, open()).expect("threads can be started");
        let write = || {
            writer.execute_batch("CREATE TABLE IF NOT EXISTS t (x); INSERT INTO t VALUES (1)").expect("it is allowed");
        };
        write();
        let said = Arc::new(Mutex::new(Vec::new()));
        let tell = |pages: u32| {
            checkpoints.progress.pages.store(pages, Ordering::Relaxed);
            checkpoints.after_batch(&writer);
            std::mem::take(&mut *said.lock().expect("nobody panics"))
        };
        tracing::subscriber::with_default(Said(Arc::clone(&said)), || {
            for _ in 0..2 {
                reader.execute_batch("BEGIN; SELECT count(*) FROM t").expect("it is allowed");
                write();
                assert_eq!(tell(LOG_PAGES_MAX), [Level::WARN]);
                for more in 1..4_000 {
                    assert_eq!(tell(LOG_PAGES_MAX + more), NOTHING, "after {more} more");
                }
                // It goes on growing: it is tried again, and nothing is said again.
                assert_eq!(tell(3 * LOG_PAGES_MAX), NOTHING);
                reader.execute_batch("ROLLBACK").expect("it is allowed");
                assert_eq!(tell(4 * LOG_PAGES_MAX), NOTHING, "now it can be emptied");
                assert_eq!(checkpoints.progress.pages.load(Ordering::Relaxed), 0);
                assert_eq!(tell(0), [Level::INFO]);
            }
        });
    }
}
