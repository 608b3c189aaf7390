//! A [`Memory`] whose jobs the simulator carries out.

use std::sync::{Arc, Mutex};

use accompanist_core::{Row, SessionKey};

use super::rows::{Batch, State, lock};
use super::{Jobs, Memory};
use crate::store::driven::{Carried, Fate, Medium, Submit};
use crate::store::{Job, StoreError};

/// What is in a memory that survives crashes.
#[derive(Default)]
pub struct MemoryMedium {
    state: Arc<Mutex<State>>,
}

impl Medium for MemoryMedium {
    type Store = Memory;

    fn open(&self, jobs: Arc<dyn Submit<Memory>>) -> Memory {
        Memory { state: Arc::clone(&self.state), jobs: Jobs::Driven(jobs) }
    }

    async fn carry_out(&self, jobs: &mut [Job<Memory>], fate: Fate, _now_ms: i64) -> Vec<Carried> {
        let mut batch = Batch::new(Arc::clone(&self.state));
        let mut carried = Vec::with_capacity(jobs.len());
        for job in jobs {
            carried.push(match job {
                Job::Write { write, key, .. } => {
                    let result = batch.write(*key, std::slice::from_ref(write));
                    Carried { key: *key, result: result.map(|()| vec![write.clone()]) }
                }
                Job::Transact(operation) => {
                    let key = operation.key();
                    Carried { key, result: batch.transact(operation.as_mut()).await }
                }
            });
        }
        if fate == Fate::Happens {
            batch.commit();
        }
        carried
    }

    fn rows(&self) -> Result<Vec<(SessionKey, Row)>, StoreError> {
        Ok(lock(&self.state).rows())
    }
}
