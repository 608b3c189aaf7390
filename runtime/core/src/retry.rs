//! How operations that fail are tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::identity::{Digest, Position, SessionKey};

/// How an operation that fails is tried again: how often, and after which pauses.
///
/// The pause doubles from try to try, up to the longest one. A part of it is taken off by chance, so that sessions that failed together do not
/// come back together; chance is drawn from the session and the operation's place in it, and so is the same in every run.
///
/// ```
/// use std::time::Duration;
/// use accompanist_core::Retry;
/// let patient = Retry::new().attempts(20).pauses(Duration::from_millis(200), Duration::from_secs(60));
/// let hasty = Retry::new().attempts(1).time_limit(Duration::from_secs(2));
/// assert_ne!(patient, hasty);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    attempts_max: u32,
    pause_millis_min: u64,
    pause_millis_max: u64,
    jitter_percent: u32,
    time_limit: Option<Duration>,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Retry {
    /// Eight tries, with pauses of 50 ms to 10 s, up to a fifth shorter by chance, and no limit on a try's time.
    pub const fn new() -> Self {
        Self { attempts_max: 8, pause_millis_min: 50, pause_millis_max: 10_000, jitter_percent: 20, time_limit: None }
    }

    /// As a compensation is tried unless something else is said: pauses of 50 ms to a minute, for ever.
    pub const fn of_compensations() -> Self {
        Self { pause_millis_max: 60_000, ..Self::new() }.for_ever()
    }

    /// How often an operation is tried in all, at least once, before its failure ends the saga. A compensation is tried for ever, whatever is
    /// said here.
    #[must_use]
    pub const fn attempts(self, attempts_max: u32) -> Self {
        Self { attempts_max, ..self }
    }

    /// It is tried until it does not fail.
    #[must_use]
    pub const fn for_ever(self) -> Self {
        self.attempts(u32::MAX)
    }

    /// The first pause and the longest one, in whole milliseconds.
    #[must_use]
    pub const fn pauses(self, first: Duration, longest: Duration) -> Self {
        Self { pause_millis_min: millis(first), pause_millis_max: millis(longest), ..self }
    }

    /// How much shorter a pause may be by chance, in percent of it: none for 0, down to nothing for 100.
    #[must_use]
    pub const fn jitter(self, percent: u32) -> Self {
        Self { jitter_percent: percent, ..self }
    }

    /// How long one try may take; then its future is dropped, and it counts as failed. For recorded operations (`fn`) only: a transaction runs in
    /// its database, and waits for nothing else.
    #[must_use]
    pub const fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: Some(limit), ..self }
    }

    /// How long one try may take.
    pub const fn limit(&self) -> Option<Duration> {
        self.time_limit
    }

    /// Whether there is another try after so many.
    pub const fn goes_on(&self, attempts: u32) -> bool {
        attempts < self.attempts_max || self.attempts_max == u32::MAX
    }

    /// The pause after so many tries of what stands at `position`, in milliseconds.
    pub fn pause_millis(&self, attempts: u32, key: SessionKey, position: Position) -> u64 {
        let pause = doubled(self.pause_millis_min, attempts.saturating_sub(1), self.pause_millis_max);
        let most = pause.saturating_mul(u64::from(self.jitter_percent.min(100))) / 100;
        if most == 0 {
            return pause;
        }
        let chance = Digest::of(&key.session.0)
            .then(position, &[key.role.0.to_le_bytes().as_slice(), &attempts.to_le_bytes()].concat());
        let taken = u64::try_from(chance.0 % (u128::from(most) + 1)).unwrap_or(most);
        pause - taken
    }
}

const fn millis(duration: Duration) -> u64 {
    let millis = duration.as_millis();
    if millis > u64::MAX as u128 { u64::MAX } else { millis as u64 }
}

/// `first`, doubled so many times, and no more than `max`.
pub(crate) fn doubled(first: u64, times: u32, max: u64) -> u64 {
    1u64.checked_shl(times).map_or(max, |factor| first.saturating_mul(factor)).min(max)
}

/// What is said of single operations, by their names (`Service.operation`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// Of operations.
    pub operations: BTreeMap<Arc<str>, Retry>,
    /// Of compensations, by the names of the operations that they undo.
    pub compensations: BTreeMap<Arc<str>, Retry>,
    /// The operations outside of the database that a rollback undoes.
    pub outside: BTreeSet<Arc<str>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{RoleId, SessionId};

    fn key(session: u8) -> SessionKey {
        SessionKey { session: SessionId([session; 32]), role: RoleId(1) }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let retry = Retry::new().pauses(Duration::from_millis(3), Duration::from_millis(20)).jitter(0);
        let pauses: Vec<_> = (1..=5).map(|attempts| retry.pause_millis(attempts, key(0), Position(1))).collect();
        assert_eq!(pauses, [3, 6, 12, 20, 20]);
        assert_eq!(retry.pause_millis(u32::MAX, key(0), Position(1)), 20);
    }

    #[test]
    fn chance_is_the_same_in_every_run_and_different_between_sessions() {
        let retry = Retry::new().pauses(Duration::from_secs(1), Duration::from_secs(1)).jitter(30);
        let pauses = |position| -> Vec<u64> {
            (0..200).map(|session| retry.pause_millis(1, key(session), Position(position))).collect()
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
        assert!(pauses(1).iter().all(|pause| (700..=1_000).contains(pause)));
        assert!(pauses(1).iter().any(|pause| *pause < 750) && pauses(1).iter().any(|pause| *pause > 950));
        let all = Retry::new().jitter(u32::MAX);
        assert!(all.pause_millis(1, key(0), Position(1)) <= 50);
    }

    #[test]
    fn an_operation_is_tried_as_often_as_said() {
        assert!(Retry::new().attempts(2).goes_on(1) && !Retry::new().attempts(2).goes_on(2));
        assert!(!Retry::new().attempts(0).goes_on(1));
        assert!(Retry::new().for_ever().goes_on(u32::MAX));
    }
}
