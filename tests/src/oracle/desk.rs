//! A store for services that keep nothing: a transaction is committed when the schedule says so.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use accompanist::store::{Job, Store, StoreError};
use accompanist::{Database, RoleId};
use accompanist_core::{SessionKey, Stored};

/// The store. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    jobs: Arc<Mutex<VecDeque<Job<Desk>>>>,
}

impl Database for Desk {
    type Tx = ();
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Job<Self>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many transactions wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Carries out the one that waits at `index`.
    pub fn carry_out(&self, index: usize) {
        let job = self.lock().remove(index);
        match job {
            Some(Job::Transact(mut operation)) => {
                let ran = pin!(operation.run(&mut ())).poll(&mut Context::from_waker(Waker::noop()));
                let result = match ran {
                    Poll::Ready(_) => Ok(()),
                    Poll::Pending => Err(StoreError::Failed("an operation waits".to_owned())),
                };
                operation.record();
                operation.done(result);
            }
            Some(Job::Write { done, .. }) => done(Ok(())),
            None => {}
        }
    }
}

impl Store for Desk {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        Ok(Vec::new())
    }

    async fn find(&self, _key: SessionKey) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    async fn find_client(&self, _choreography: &str, _client_id: &str) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    fn submit(&self, job: Job<Self>) {
        self.lock().push_back(job);
    }

    async fn forget(&self, _retention: Duration) -> Result<u64, StoreError> {
        Ok(0)
    }
}
