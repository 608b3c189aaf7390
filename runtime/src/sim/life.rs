//! One run of a simulated process, from its start to its crash: whatever belongs to it does nothing any more once it is over.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::world::World;
use crate::context::BoxFuture;
use crate::node::Played;

/// Whether a process runs.
#[derive(Debug, Default)]
pub(super) struct Life {
    is_over: AtomicBool,
    stands_still: AtomicBool,
    over: Notify,
    /// Who goes on when it no longer stands still.
    still: Mutex<Vec<Waker>>,
}

impl Life {
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.over.notify_waiters();
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        let over = self.over.notified();
        if !self.is_over() {
            over.await;
        }
    }

    pub(super) fn stands_still(&self) -> bool {
        self.stands_still.load(Ordering::Relaxed)
    }

    pub(super) fn pause(&self) {
        self.stands_still.store(true, Ordering::Relaxed);
    }

    pub(super) fn resume(&self) {
        self.stands_still.store(false, Ordering::Relaxed);
        let wakers = std::mem::take(&mut *self.still.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The tasks and random numbers of a process.
pub(super) struct Process {
    pub(super) world: Arc<World>,
    pub(super) life: Arc<Life>,
    /// Which node's it is.
    node: usize,
    /// It is the so-manieth that was started.
    number: u32,
    tasks: Mutex<JoinSet<()>>,
}

impl Process {
    pub(super) fn new(world: Arc<World>, node: usize, life: Arc<Life>) -> Self {
        let number = world.with(|state| {
            state.processes += 1;
            state.processes
        });
        Self { world, life, node, number, tasks: Mutex::default() }
    }

    /// Ends it and all its tasks.
    pub(super) fn end(&self) {
        self.life.end();
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Played for Process {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if self.life.is_over() {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                self.world.fail("a task of the node panicked".to_owned(), None);
            }
        }
        tasks.spawn(Task { life: Arc::clone(&self.life), task });
    }

    fn random_16(&self) -> [u8; 16] {
        let (one, two) = self.world.with(|state| (state.random.next(), state.random.next()));
        (u128::from(one) << 64 | u128::from(two)).to_le_bytes()
    }

    fn unix_millis(&self) -> u64 {
        u64::try_from(self.world.time_of_day(self.node)).unwrap_or_default()
    }

    fn incarnation(&self) -> u32 {
        self.number
    }
}

/// A task of a process, which stands still when that does.
struct Task {
    life: Arc<Life>,
    task: BoxFuture<'static, ()>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.life.is_over() {
            return Poll::Ready(());
        }
        if self.life.stands_still() {
            self.life.still.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
            return Poll::Pending;
        }
        self.task.as_mut().poll(cx)
    }
}
