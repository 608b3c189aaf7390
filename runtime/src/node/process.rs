//! What a node takes of the process in which it runs, besides store, transport and clock: tasks, and random numbers.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::runtime::Handle;

use crate::context::BoxFuture;
use crate::error::Error;

/// A process that is played: its tasks can be stopped, and its random numbers are not.
pub(crate) trait Played: Send + Sync {
    /// Runs a task until it ends or the process does.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// The next number that is as good as random.
    fn random_16(&self) -> [u8; 16];

    /// The time of day, in milliseconds since 1970.
    fn unix_millis(&self) -> u64;

    /// Which process of its node it is.
    fn incarnation(&self) -> u32;
}

/// The process of a node.
pub(super) struct Process {
    runtime: Handle,
    played: Option<Arc<dyn Played>>,
    next_run: AtomicU32,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").finish_non_exhaustive()
    }
}

impl Process {
    pub(super) fn new(runtime: Handle, played: Option<Arc<dyn Played>>) -> Result<Self, Error> {
        let first_run = match &played {
            Some(played) => played.incarnation() << 16,
            None => u32::from_le_bytes(random()?),
        };
        Ok(Self { runtime, played, next_run: AtomicU32::new(first_run) })
    }

    /// A number for a run of a role in a session: no other run has it, neither of this process nor, but for a rare chance, of one before it.
    pub(super) fn next_run(&self) -> u32 {
        self.next_run.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs a task on the runtime.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.played {
            Some(played) => played.spawn(Box::pin(task)),
            None => drop(self.runtime.spawn(task)),
        }
    }

    /// Runs a future to its end on this thread if it is ready at once, and on the runtime if not.
    pub(super) fn now_or_spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let mut future: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(future);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if polled == Poll::Pending {
            self.spawn(future);
        }
    }

    /// The time of day, in milliseconds since 1970: it may jump.
    pub(super) fn unix_millis(&self) -> u64 {
        match &self.played {
            Some(played) => played.unix_millis(),
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }
        }
    }

    /// A random number.
    pub(super) fn random_16(&self) -> Result<[u8; 16], Error> {
        match &self.played {
            Some(played) => Ok(played.random_16()),
            None => random(),
        }
    }
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Error::not_accepted(format!("no random numbers: {error}")))?;
    Ok(bytes)
}
