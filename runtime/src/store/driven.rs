//! Stores whose jobs are carried out by somebody else than their own thread: the simulator.

use std::sync::Arc;

use accompanist_core::{Row, SessionKey, Write};

use super::{Job, Store, StoreError};
use crate::context::Database;

/// Takes the jobs of a store.
pub trait Submit<D: Database>: Send + Sync {
    /// Queues a job; never calls its completion before it returns.
    fn submit(&self, job: Job<D>);

    /// The time of day, in milliseconds since 1970.
    fn now_ms(&self) -> i64;
}

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is durable.
    Happens,
    /// Nothing of it is left.
    IsLost,
}

/// What became of a job.
#[derive(Debug)]
pub struct Carried {
    /// Whose job it was.
    pub key: SessionKey,
    /// What it wrote of its session, if the commit happens; or why it was refused.
    pub result: Result<Vec<Write>, StoreError>,
}

/// What of a store survives a crash.
pub trait Medium: Send + Sync + 'static {
    /// The store.
    type Store: Store + Clone;

    /// A handle of the store whose jobs go to `jobs`.
    fn open(&self, jobs: Arc<dyn Submit<Self::Store>>) -> Self::Store;

    /// Carries out jobs in one transaction, at this time of day, and calls no completion.
    fn carry_out(
        &self,
        jobs: &mut [Job<Self::Store>],
        fate: Fate,
        now_ms: i64,
    ) -> impl Future<Output = Vec<Carried>> + Send;

    /// Every row.
    fn rows(&self) -> Result<Vec<(SessionKey, Row)>, StoreError>;
}
