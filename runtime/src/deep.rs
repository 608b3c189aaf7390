//! Recursion: what calls itself costs heap, not the thread's stack, up to a limit on how deep calls nest.
//!
//! A call of a choreography is a future within its caller's, so polling the innermost one goes through all of them on one stack;
//! dropping does, too. Both grow the stack where little of it is left.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::context::BoxFuture;

/// How deep calls of choreographies may nest: the same on every runtime, so that what passes a test does so in production. A
/// deeper one ends the session. Each step of a session goes through all calls that it is within, so more would be slow.
pub const CALL_DEPTH_MAX: u32 = 1_000;

/// With less left of it than this, the stack grows: room for one call, and for the JSON of a value of the most levels.
const STACK_LEFT_BYTES_MIN: usize = 512 * 1024;

/// By how much it grows.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// What `run` comes to, on a stack that has room for it. Called by generated code.
#[doc(hidden)]
pub fn deep<T>(run: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(STACK_LEFT_BYTES_MIN, STACK_BYTES, run)
}

/// A call of a choreography: a future that may nest as deep as calls may. Made by generated code.
#[doc(hidden)]
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'a, T>(Option<BoxFuture<'a, T>>);

impl<'a, T> Call<'a, T> {
    /// The call whose program is `program`.
    pub fn new(program: impl Future<Output = T> + Send + 'a) -> Self {
        Self(Some(Box::pin(program)))
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl<T> Future for Call<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Some(program) => deep(|| program.as_mut().poll(cx)),
            // Only when it is dropped.
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        let program = self.0.take();
        deep(|| drop(program));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::Call;

    fn nested(depth: u32, waits: bool) -> Call<'static, u32> {
        Call::new(async move {
            match depth {
                0 if waits => std::future::pending().await,
                0 => 0,
                _ => nested(depth - 1, waits).await + 1,
            }
        })
    }

    #[test]
    fn calls_nest_as_deep_as_there_is_memory() {
        let depth = 200_000;
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(pin!(nested(depth, false)).poll(&mut context), Poll::Ready(depth));
        // One that waits is dropped by its outermost call.
        let mut waits = Box::pin(nested(depth, true));
        assert_eq!(waits.as_mut().poll(&mut context), Poll::Pending);
        drop(waits);
    }
}
