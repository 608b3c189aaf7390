//! Waiting for a condition: no test sleeps for a time and hopes.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long a condition may take to come true. Nothing takes as long unless something is wrong.
pub const WAIT_MAX: Duration = Duration::from_secs(120);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// Where that takes too long: says what it waited for.
pub async fn until<T>(what: impl Debug, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain for {what:?}", WAIT_MAX.as_secs());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The future's output.
///
/// # Panics
/// Where it takes too long: says what it waited for.
pub async fn within<T>(what: impl Debug, future: impl Future<Output = T>) -> T {
    let message = format!("waited {} s at most for {what:?}", WAIT_MAX.as_secs());
    tokio::time::timeout(WAIT_MAX, future).await.expect(&message)
}
