//! The virtual disk of a node: carries out a store's jobs in tasks of the run, several in one commit, and not always as it should.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::Urgency;
use tokio::sync::Notify;

use super::life::Life;
use super::world::World;
use crate::store::driven::{Carried, Fate, Medium, Submit};
use crate::store::{Job, StoreError};

/// How long a write that nothing waits for waits for one to share a commit with.
const LAZINESS: Duration = Duration::from_millis(20);

/// What a commit comes to.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) fate: Fate,
    /// What the jobs are told, where that is not what happened.
    pub(super) told: Option<StoreError>,
    /// The node crashes before it hears of it.
    pub(super) crashes: bool,
    /// How many jobs share it at most.
    pub(super) jobs_max: usize,
    /// How long it takes until it is durable, and until the jobs are told.
    pub(super) millis: (u64, u64),
}

/// The disk, as one run of its node sees it.
pub(super) struct Disk<M: Medium> {
    world: Arc<World>,
    node: usize,
    life: Arc<Life>,
    medium: Arc<M>,
    queue: Mutex<VecDeque<Job<M::Store>>>,
    arrived: Notify,
}

impl<M: Medium> Submit<M::Store> for Disk<M> {
    fn submit(&self, job: Job<M::Store>) {
        if !self.life.is_over() {
            self.queue().push_back(job);
            self.arrived.notify_one();
        }
    }
}

impl<M: Medium> Disk<M> {
    pub(super) fn new(world: Arc<World>, node: usize, life: Arc<Life>, medium: Arc<M>) -> Self {
        Self { world, node, life, medium, queue: Mutex::default(), arrived: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<Job<M::Store>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until the node is over.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            while self.queue().is_empty() {
                self.arrived.notified().await;
            }
            let is_lazy = |job: &Job<_>| matches!(job, Job::Write { write, .. } if write.urgency == Urgency::Lazy);
            if self.queue().iter().all(is_lazy) {
                tokio::time::sleep(LAZINESS).await;
            }
            let plan = self.world.plan_commit(self.node);
            tokio::time::sleep(Duration::from_millis(plan.millis.0)).await;
            let mut jobs: Vec<_> = {
                let mut queue = self.queue();
                let count = queue.len().min(plan.jobs_max);
                queue.drain(..count).collect()
            };
            let carried = self.medium.carry_out(&mut jobs, plan.fate).await;
            let results: Vec<_> = carried.iter().map(outcome).collect();
            self.world.committed(self.node, carried, &plan);
            if plan.crashes {
                return self.world.crash(self.node);
            }
            tokio::time::sleep(Duration::from_millis(plan.millis.1)).await;
            for (job, result) in jobs.into_iter().zip(results) {
                let result = result.and_then(|()| plan.told.clone().map_or(Ok(()), Err));
                match job {
                    Job::Write { done, .. } => done(result),
                    Job::Transact(operation) => operation.done(result),
                }
            }
        }
    }
}

fn outcome(carried: &Carried) -> Result<(), StoreError> {
    carried.result.as_ref().map(drop).map_err(Clone::clone)
}
