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

    /// A process begins to use it.
    fn begins(&self) -> Result<(), StoreError> {
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Sender, channel};

    use super::*;
    use crate::store::block_on::block_on;
    use crate::store::{MemoryMedium, contract};

    /// Carries out one job after the other, in a thread, as soon as it comes.
    struct Promptly<D: Database>(Sender<Job<D>>);

    impl<D: Database> Submit<D> for Promptly<D> {
        fn submit(&self, job: Job<D>) {
            let _ = self.0.send(job);
        }

        fn now_ms(&self) -> i64 {
            1
        }
    }

    fn promptly<M: Medium>(medium: M) -> M::Store {
        let (sender, jobs) = channel();
        let store = medium.open(Arc::new(Promptly(sender)));
        std::thread::spawn(move || {
            while let Ok(job) = jobs.recv() {
                let mut job = [job];
                let mut carried = block_on(None, medium.carry_out(&mut job, Fate::Happens, 1));
                let result = carried.pop().map_or(Ok(()), |carried| carried.result.map(drop));
                let [job] = job;
                match job {
                    Job::Write { done, .. } => done(result),
                    Job::Transact(operation) => operation.done(result),
                }
            }
        });
        store
    }

    #[test]
    fn a_driven_memory_keeps_the_contract() {
        contract::check(|| promptly(MemoryMedium::default()));
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn a_driven_database_keeps_the_contract() {
        contract::check(|| promptly(crate::store::SqliteMedium::new(Ok).expect("a database in memory opens")));
    }
}
