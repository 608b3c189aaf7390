//! Time on a node: milliseconds since it started, and one task that wakes sessions.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use accompanist_core::{Millis, SessionKey};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shared;
use super::cell::lock;
use crate::store::Store;

/// The node's clock: it never goes back, whatever happens to the time of day.
#[derive(Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    pub(super) fn new() -> Self {
        Self { start: Instant::now() }
    }

    pub(super) fn now(&self) -> Millis {
        Millis(u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn instant(&self, at: Millis) -> Instant {
        self.start + Duration::from_millis(at.0)
    }
}

/// Who is to be woken, and when.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: Mutex<BTreeSet<(Millis, SessionKey)>>,
    earlier: Notify,
}

impl Timers {
    /// Wakes the session at `at`. An earlier waking of it stays.
    pub(super) fn arm(&self, at: Millis, key: SessionKey) {
        let mut queue = lock(&self.queue);
        let is_first = queue.first().is_none_or(|(first, _)| at < *first);
        queue.insert((at, key));
        drop(queue);
        if is_first {
            self.earlier.notify_one();
        }
    }

    fn due(&self, now: Millis) -> Vec<SessionKey> {
        let mut queue = lock(&self.queue);
        let mut due = Vec::new();
        while let Some((at, key)) = queue.pop_first() {
            if at > now {
                queue.insert((at, key));
                break;
            }
            due.push(key);
        }
        due
    }

    fn next(&self) -> Option<Millis> {
        lock(&self.queue).first().map(|(at, _)| *at)
    }
}

/// Wakes sessions until the node is gone.
pub(super) async fn run<S: Store>(shared: Weak<Shared<S>>, timers: Arc<Timers>) {
    loop {
        let Some(node) = shared.upgrade() else { return };
        let now = node.clock.now();
        for key in timers.due(now) {
            if let Some(cell) = node.live(key) {
                cell.wake();
            }
        }
        let next = timers.next().map(|at| node.clock.instant(at));
        drop(node);
        match next {
            Some(at) => tokio::select! {
                biased;
                () = tokio::time::sleep_until(at) => {}
                () = timers.earlier.notified() => {}
            },
            None => timers.earlier.notified().await,
        }
    }
}
