//! What may come up very often, and is said once in a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is said.
const INTERVAL: Duration = Duration::from_secs(1);

/// When something was last said, and how often it has come up since.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Whether it is to be said now; with how often it has come up unsaid.
    pub(crate) fn says(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, unsaid) = &mut *state;
        if said.is_some_and(|said| now.duration_since(said) < INTERVAL) {
            *unsaid += 1;
            return None;
        }
        *said = Some(now);
        Some(std::mem::take(unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_up_often_is_said_once_in_a_while_with_how_often() {
        let seldom = Seldom::default();
        assert_eq!([seldom.says(), seldom.says(), seldom.says()], [Some(0), None, None]);
        tokio::time::sleep(INTERVAL).await;
        assert_eq!([seldom.says(), seldom.says()], [Some(2), None]);
    }
}
