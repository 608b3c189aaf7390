//! The jobs that wait for the writer: prompt ones begin a batch at once, lazy ones when a prompt one comes or their time is over.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use accompanist_core::Urgency;
use rusqlite::Connection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::Sqlite;
use crate::store::{Audit, Job, StoreError};

/// A longer laziness is this one: any clock can be set for it.
const LAZINESS_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

/// A change that belongs to no session.
pub(super) type Change = Box<dyn FnOnce(&Connection) -> Result<(), rusqlite::Error> + Send>;

/// What the writer is asked for.
pub(super) enum Command {
    /// A job, and the runtime in which it was submitted, if any.
    Job(Job<Sqlite>, Option<Handle>),
    /// Delete at most `rows_max` rows that have been finished since `cutoff_ms` or longer.
    Forget { cutoff_ms: i64, rows_max: u32, reply: oneshot::Sender<Result<u64, StoreError>> },
    /// Record what an operator did.
    Audit { audit: Audit, reply: oneshot::Sender<Result<(), StoreError>> },
    /// Change what the registry holds.
    Change { change: Change, reply: oneshot::Sender<Result<(), StoreError>> },
    /// Run the service's own schema.
    Schema { sql: String, reply: std::sync::mpsc::Sender<Result<(), StoreError>> },
}

impl Command {
    pub(super) fn is_lazy(&self) -> bool {
        match self {
            Self::Job(Job::Write { write, .. }, _) => write.urgency == Urgency::Lazy,
            Self::Job(Job::Transact(_), _)
            | Self::Forget { .. }
            | Self::Audit { .. }
            | Self::Change { .. }
            | Self::Schema { .. } => false,
        }
    }
}

/// Makes a queue, for those who submit and for the writer.
pub(super) fn queue(laziness: Duration) -> (Submitter, Queue) {
    let shared = Arc::new(Shared::default());
    let queue = Queue { shared: Arc::clone(&shared), taken: VecDeque::new(), laziness: laziness.min(LAZINESS_MAX) };
    (Submitter(shared), queue)
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    commands: VecDeque<Command>,
    /// One of them is not lazy.
    is_prompt: bool,
    /// Since when there has been one.
    since: Option<Instant>,
    sleep: Sleep,
    /// Nobody submits any more, or nobody writes any more.
    is_closed: bool,
}

/// What wakes the writer. A wake-up costs both sides more than what it is for, so that a lazy job does without one while the writer looks at the
/// queue soon anyway.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    UntilPrompt,
    UntilAny,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }
}

impl State {
    fn take(&mut self) -> VecDeque<Command> {
        self.sleep = Sleep::Awake;
        self.is_prompt = false;
        std::mem::take(&mut self.commands)
    }
}

/// The queue, as those who submit see it. The writer ends when it is gone and nothing is left.
pub(super) struct Submitter(Arc<Shared>);

impl Submitter {
    /// Queues a command; gives it back where nobody writes any more.
    pub(super) fn send(&self, command: Command) -> Option<Command> {
        let mut state = self.0.lock();
        if state.is_closed {
            return Some(command);
        }
        let is_prompt = !command.is_lazy();
        state.is_prompt |= is_prompt;
        if state.commands.is_empty() {
            state.since = Some(Instant::now());
        }
        state.commands.push_back(command);
        let wakes = match state.sleep {
            Sleep::Awake => false,
            Sleep::UntilPrompt => is_prompt,
            Sleep::UntilAny => true,
        };
        if wakes {
            state.sleep = Sleep::Awake;
            drop(state);
            self.0.changed.notify_one();
        }
        None
    }
}

impl Drop for Submitter {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The queue, as the writer sees it.
pub(super) struct Queue {
    shared: Arc<Shared>,
    taken: VecDeque<Command>,
    laziness: Duration,
}

impl Queue {
    /// Waits until a batch is due; `false` when nothing will come any more and nothing waits.
    pub(super) fn wait(&mut self) -> bool {
        // What a full batch left behind is due.
        if !self.taken.is_empty() {
            return true;
        }
        let mut state = self.shared.lock();
        // What is lazy comes after something else mostly, and soon: for so long it wakes nobody.
        let mut look = Some(Instant::now() + self.laziness);
        loop {
            let due = match (state.commands.is_empty(), state.since) {
                (true, _) if state.is_closed => return false,
                (true, _) => look,
                (false, Some(since)) if !state.is_prompt && !state.is_closed => Some(since + self.laziness),
                (false, _) => break,
            };
            let Some(due) = due else {
                state.sleep = Sleep::UntilAny;
                state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = due.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                state.sleep = Sleep::UntilPrompt;
                let waited = self.shared.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            } else if state.commands.is_empty() {
                look = None;
            } else {
                break;
            }
        }
        self.taken = state.take();
        true
    }

    /// The next command of a batch, while it is open; what is lazy has waited for it, and is in it all the same.
    pub(super) fn next(&mut self, is_open: bool) -> Option<Command> {
        if self.taken.is_empty() && is_open {
            self.taken = self.shared.lock().take();
        }
        self.taken.pop_front_if(|next| is_open || next.is_lazy())
    }
}

impl Drop for Queue {
    /// What is left will not be done, and whoever waits for it hears of that.
    fn drop(&mut self) {
        self.shared.close();
        // Without the lock: what they hold may submit something, when it is dropped.
        let left = self.shared.lock().take();
        drop(left);
    }
}
