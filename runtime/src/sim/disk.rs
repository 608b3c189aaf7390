//! The virtual disk of a node: carries out a store's jobs in tasks of the run, several in one commit, and not always as it should.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::Urgency;
use tokio::sync::Notify;

use super::faults::Fault;
use super::life::Life;
use super::trace::Noted;
use super::world::World;
use crate::store::driven::{Carried, Fate, Medium, Submit};
use crate::store::{Job, StoreError};

/// How long a write that nothing waits for waits for one to share a commit with.
const LAZINESS: Duration = Duration::from_millis(20);

/// How long a slow commit takes at most.
const SLOW_COMMIT_MILLIS: u64 = 1_000;

/// How many jobs share a commit at most.
const BATCH_JOBS_MAX: u64 = 8;

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

    fn now_ms(&self) -> i64 {
        self.world.time_of_day(self.node)
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
            let carried = self.medium.carry_out(&mut jobs, plan.fate, self.now_ms()).await;
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

impl World {
    fn plan_commit(&self, node: usize) -> Plan {
        let now = self.now();
        self.with(|state| {
            state.commits += 1;
            let mut millis = (state.random.skewed(1..8), state.random.within(0..2));
            if state.draws(Fault::SlowCommit) {
                millis.0 += state.random.within(0..SLOW_COMMIT_MILLIS);
            }
            let jobs_max = state.random.within(1..BATCH_JOBS_MAX + 1) as usize;
            let is_full = state.hosts.get(node).is_some_and(|slot| slot.full_until > now);
            let mut plan = Plan { fate: Fate::Happens, told: None, crashes: false, jobs_max, millis };
            let failed = || Some(StoreError::Failed("the disk reports an error".to_owned()));
            if is_full {
                (plan.fate, plan.told) = (Fate::IsLost, Some(StoreError::Full("the disk is full".to_owned())));
            } else if state.draws(Fault::CrashBeforeCommit) {
                (plan.fate, plan.crashes) = (Fate::IsLost, true);
            } else if state.draws(Fault::CrashAfterCommit) {
                plan.crashes = true;
            } else if state.draws(Fault::FailedCommit) {
                (plan.fate, plan.told) = (Fate::IsLost, failed());
            } else if state.draws(Fault::HiddenCommit) {
                plan.told = failed();
            } else if state.draws(Fault::LyingDisk) {
                plan.fate = Fate::IsLost;
            }
            plan
        })
    }

    /// A commit has come to what was planned.
    fn committed(&self, node: usize, carried: Vec<Carried>, plan: &Plan) {
        let now = self.now();
        let violation = self.with(|state| {
            let mut violation = None;
            for carried in &carried {
                if let Err(error @ (StoreError::Failed(_) | StoreError::Corrupt(_))) = &carried.result {
                    violation.get_or_insert((error.to_string(), carried.key.session));
                }
            }
            if plan.fate == Fate::Happens {
                for carried in &carried {
                    for write in carried.result.iter().flatten() {
                        if let Err(what) = state.ledger.commit(node, carried.key, write) {
                            violation.get_or_insert((what, carried.key.session));
                        }
                    }
                }
            }
            state.trace.note(now, Noted::Commit { node, carried, plan: plan.clone() });
            violation
        });
        if let Some((what, session)) = violation {
            self.fail(what, Some(session));
        }
    }
}
