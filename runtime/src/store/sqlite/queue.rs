//! The jobs that wait for the writer: prompt ones begin a batch at once, lazy ones when a prompt one comes or their time is over.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use accompanist_core::Urgency;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Sqlite;
use crate::store::{Job, StoreError};

/// What the writer is asked for.
pub(super) enum Command {
    /// A job, and the runtime in which it was submitted, if any.
    Job(Job<Sqlite>, Option<Handle>),
    /// Delete at most `rows_max` rows that have been finished since `cutoff_ms` or longer.
    Forget { cutoff_ms: i64, rows_max: u32, reply: oneshot::Sender<Result<u64, StoreError>> },
    /// Run the service's own schema.
    Schema { sql: String, reply: std::sync::mpsc::Sender<Result<(), StoreError>> },
}

impl Command {
    fn is_lazy(&self) -> bool {
        match self {
            Self::Job(Job::Write { write, .. }, _) => write.urgency == Urgency::Lazy,
            Self::Job(Job::Transact(_), _) | Self::Forget { .. } | Self::Schema { .. } => false,
        }
    }
}

/// The queue, as the writer sees it.
pub(super) struct Queue {
    incoming: Receiver<Command>,
    waiting: VecDeque<Command>,
    laziness: Duration,
}

impl Queue {
    pub(super) fn new(incoming: Receiver<Command>, laziness: Duration) -> Self {
        Self { incoming, waiting: VecDeque::new(), laziness }
    }

    /// Waits until a batch is due; `false` when nothing will come any more and nothing waits.
    pub(super) fn wait(&mut self) -> bool {
        // What a full batch left behind is due.
        if !self.waiting.is_empty() {
            return true;
        }
        let Ok(first) = self.incoming.recv() else { return false };
        let mut lazy = first.is_lazy();
        self.waiting.push_back(first);
        let due = lazy.then(|| Instant::now() + self.laziness);
        while let (true, Some(due)) = (lazy, due) {
            match self.incoming.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(command) => {
                    lazy = command.is_lazy();
                    self.waiting.push_back(command);
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        true
    }

    /// The next command of a batch: those that waited for it, and, while it is open, those that have come since.
    pub(super) fn next(&mut self, is_open: bool) -> Option<Command> {
        self.waiting.pop_front().or_else(|| if is_open { self.incoming.try_recv().ok() } else { None })
    }
}
