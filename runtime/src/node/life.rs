//! Since when a session is there, and what of it has been counted.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use accompanist_core::{Millis, RowState, Session};

use super::metrics::{Counters, count};

/// What a node remembers of a session besides the session itself, for those who look at the node.
#[derive(Debug)]
pub(super) struct Life {
    /// By the node's clock; negative where the session is older than the node's run.
    since_millis: AtomicI64,
    /// Its outcome has been counted, in this run or an earlier one.
    is_counted: AtomicBool,
}

impl Life {
    /// Of a session that comes into memory.
    pub(super) fn begin(session: &Session, counts: &Counters, now: Millis) -> Self {
        let is_initiator = session.header().initiator == session.key().role;
        match session.state() {
            None if session.runs_program() && is_initiator => count(&counts.sessions_started),
            None if session.runs_program() => count(&counts.sessions_joined),
            None => {}
            Some(_) if session.runs_program() => count(&counts.replays),
            Some(_) => {}
        }
        let is_decided = matches!(session.state(), Some(RowState::Committed { .. } | RowState::Aborting { .. }));
        Self { since_millis: AtomicI64::new(signed(now)), is_counted: AtomicBool::new(is_decided) }
    }

    /// The session is of that age already.
    pub(super) fn has_lived(&self, age: Duration) {
        self.since_millis.fetch_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// Goes on where `earlier` ended: the same session, read again from the store.
    pub(super) fn take_over(&self, earlier: &Self) {
        self.since_millis.store(earlier.since_millis(), Ordering::Relaxed);
        self.is_counted.fetch_or(earlier.is_counted.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The outcome is known: it is counted once.
    pub(super) fn decided(&self, committed: bool, counts: &Counters) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            count(if committed { &counts.sessions_committed } else { &counts.sessions_aborted });
        }
    }

    /// By the node's clock.
    pub(super) fn since_millis(&self) -> i64 {
        self.since_millis.load(Ordering::Relaxed)
    }

    /// How long the session has been there.
    pub(super) fn age(&self, now: Millis) -> Duration {
        age(self.since_millis(), now)
    }
}

/// How long something has been there that is there since then, by the node's clock.
pub(super) fn age(since_millis: i64, now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(signed(now).saturating_sub(since_millis)).unwrap_or(0))
}

fn signed(at: Millis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}
