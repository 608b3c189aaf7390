//! What a node needs of a database: the session rows and records beside the service's own tables, changed in the same commits.

mod audit;
mod block_on;
#[cfg(test)]
mod contract;
#[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "a store in memory ends with its process"))]
pub(crate) mod crashes;
#[cfg(feature = "sim")]
pub(crate) mod driven;
mod finished;
mod memory;
mod registry;
#[cfg(feature = "sqlite")]
mod sqlite;
mod suspects;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{RoleId, SessionId, SessionKey, Stored, Write};

pub use self::audit::{AUDITS_MAX, Audit};
#[cfg(feature = "sim")]
pub(crate) use self::block_on::panic_text;
pub use self::crashes::{Crashes, DEATHS_MAX};
pub use self::finished::{Finished, FinishedCursor, FinishedQuery};
#[cfg(feature = "sim")]
pub(crate) use self::memory::MemoryMedium;
pub use self::memory::{Memory, MemoryTx};
pub use self::registry::{
    Known, Lineage, Mismatch, OPENINGS_MAX, Opening, Outcome, Registry, Resolved, Shared as SharedSession,
};
#[cfg(all(feature = "sim", feature = "sqlite"))]
pub(crate) use self::sqlite::SqliteMedium;
#[cfg(feature = "sqlite")]
pub use self::sqlite::{Options as SqliteOptions, Sqlite, SqliteTx};
use crate::context::{BoxFuture, Database};

/// A database that keeps sessions.
///
/// # Contract
/// - Jobs take effect in the order in which one thread submitted them; the completions of one session's jobs are called in that order, after the
///   commit is durable, and from any thread. Several jobs may share one commit (group commit).
/// - A [`Write`] is refused with [`StoreError::Conflict`] when the row in the store is not of the version that it replaces.
/// - A failed commit is reported to every job in it; the store never tries the same commit again. After one, it reopens what it must.
/// - [`Urgency::Lazy`](accompanist_core::Urgency::Lazy) writes ride on the next prompt commit, and wait for one no longer than the store's laziness.
pub trait Store: Database {
    /// All roles' parts of sessions that are not finished, in any order.
    fn unfinished(&self) -> impl Future<Output = Result<Vec<(RoleId, Stored)>, StoreError>> + Send;

    /// What is stored of one session, if anything.
    fn find(&self, key: SessionKey) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// What is stored of the session that started here, as initiator of `choreography`, with the client's id `client_id`, if anything.
    fn find_client(
        &self,
        choreography: &str,
        client_id: &str,
    ) -> impl Future<Output = Result<Option<Stored>, StoreError>> + Send;

    /// What all roles' parts of sessions that are not finished are called, in the order of their start, and how old each is. A node that starts
    /// takes them up one after the other. A store that does not know their ages makes them begin anew with the node.
    fn ages(&self) -> impl Future<Output = Result<Vec<(SessionKey, Duration)>, StoreError>> + Send {
        async {
            let key = |(role, stored): (RoleId, Stored)| SessionKey { session: stored.row.header.session_id(), role };
            Ok(self.unfinished().await?.into_iter().map(|part| (key(part), Duration::ZERO)).collect())
        }
    }

    /// At most `limit` roles' parts of sessions that are finished and not forgotten, the newest
    /// first.
    ///
    /// # Errors
    /// Also where the store does not list them, which is what it says unless it has its own.
    fn finished(
        &self,
        _query: FinishedQuery,
        _limit: usize,
    ) -> impl Future<Output = Result<Vec<Finished>, StoreError>> + Send {
        async { Err(StoreError::Failed("this store does not list finished sessions".to_owned())) }
    }

    /// Records durably what an operator did. A store without a place for it does nothing.
    fn record_audit(&self, _audit: Audit) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// What operators did to a session, the oldest first.
    fn audits(&self, _session: SessionId) -> impl Future<Output = Result<Vec<Audit>, StoreError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// How many commits it has made durable since it was opened, each one sync; zero for a store that does not say.
    fn commits(&self) -> u64 {
        0
    }

    /// What to do about a failure of an operation, where the store knows of a cause that trying
    /// again does not cure.
    fn advice(_failure: &str) -> Option<&'static str>
    where
        Self: Sized,
    {
        None
    }

    /// Which database it is, and what is remembered of the databases of peers. A store without that is gone with its process: peers do not
    /// remember it, and cannot tell it from another one.
    fn registry(&self) -> Option<Arc<dyn Registry>> {
        None
    }

    /// Where a node over this store listens for operators, unless it is told otherwise; nowhere for a store that is no file.
    fn admin_path(&self) -> Option<PathBuf> {
        None
    }

    /// Queues a job. Never waits, and never calls the job's completion before it returns.
    fn submit(&self, job: Job<Self>)
    where
        Self: Sized;

    /// Returns when what was submitted before is durable, or has failed. A store that never puts a write off has nothing to do.
    fn flush(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Deletes the rows that have been finished for `retention` or longer, and says how many.
    fn forget(&self, retention: Duration) -> impl Future<Output = Result<u64, StoreError>> + Send;
}

/// Something to be committed.
pub enum Job<D: Database> {
    /// A write of a session's own.
    Write {
        /// The write; its session and role are `key`.
        write: Write,
        /// Whose.
        key: SessionKey,
        /// Called once it is durable, or never will be.
        done: Box<dyn FnOnce(Result<(), StoreError>) + Send>,
    },
    /// An operation of the service, and the writes that record it.
    Transact(Box<dyn Transact<D>>),
}

impl<D: Database> Job<D> {
    /// Tells the job, from another thread, that it will never be done.
    fn fail(self, error: StoreError) {
        std::thread::spawn(move || match self {
            Self::Write { done, .. } => done(Err(error)),
            Self::Transact(operation) => operation.done(Err(error)),
        });
    }
}

impl<D: Database> fmt::Debug for Job<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { write, key, .. } => f.debug_tuple("Write").field(key).field(&write.id).finish(),
            Self::Transact(_) => f.write_str("Transact"),
        }
    }
}

/// An operation that runs inside a transaction of the store's.
pub trait Transact<D: Database>: Send {
    /// Whose it is.
    fn key(&self) -> SessionKey;

    /// Runs the operation. `false` takes back what it wrote.
    fn run<'a>(&'a mut self, tx: &'a mut D::Tx) -> BoxFuture<'a, bool>;

    /// Called when the operation's writes are kept, or were taken back, and before the commit: the session's writes that belong to the same
    /// commit. Where one of them is refused, all of the operation's writes are taken back.
    fn record(&mut self) -> Vec<Write>;

    /// Called once the commit is durable, or never will be. An operation that was taken back and recorded nothing needs no commit.
    fn done(self: Box<Self>, result: Result<(), StoreError>);
}

/// Why a store did not do what it was asked for.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// The row in the store is not of the version that the write replaces: somebody else wrote it.
    Conflict,
    /// There is no room.
    Full(String),
    /// What is stored cannot be read: by this version, or at all.
    Corrupt(String),
    /// Anything else that the database says.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => {
                f.write_str("another process wrote the session; see that one process only uses the database")
            }
            Self::Full(cause) => write!(f, "the database has no room: {cause}"),
            Self::Corrupt(cause) => write!(f, "the database holds what cannot be read: {cause}"),
            Self::Failed(cause) => write!(f, "the database failed: {cause}"),
        }
    }
}

impl std::error::Error for StoreError {}
