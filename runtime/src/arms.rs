//! Futures that run side by side within one task: the arms of a `par` and the members of an `each`. Called by generated code.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;

use crate::context::Interrupted;

/// Runs both to their ends, or until one is interrupted. Every poll polls both, so that neither waits for the other.
pub async fn both<A, B>(
    a: impl Future<Output = Result<A, Interrupted>>,
    b: impl Future<Output = Result<B, Interrupted>>,
) -> Result<(A, B), Interrupted> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(move |cx| {
        if first.is_none()
            && let Poll::Ready(ended) = a.as_mut().poll(cx)
        {
            match ended {
                Ok(value) => first = Some(value),
                Err(interrupted) => return Poll::Ready(Err(interrupted)),
            }
        }
        if second.is_none()
            && let Poll::Ready(ended) = b.as_mut().poll(cx)
        {
            match ended {
                Ok(value) => second = Some(value),
                Err(interrupted) => return Poll::Ready(Err(interrupted)),
            }
        }
        match (first.take(), second.take()) {
            (Some(value), Some(other)) => Poll::Ready(Ok((value, other))),
            ended => {
                (first, second) = ended;
                Poll::Pending
            }
        }
    })
    .await
}

/// Runs all to their ends, or until one is interrupted. Every poll polls all that have not ended.
pub async fn all<T, F: Future<Output = Result<T, Interrupted>>>(arms: Vec<F>) -> Result<Vec<T>, Interrupted> {
    let mut arms: Vec<Arm<T, F>> = arms.into_iter().map(|arm| Arm::Running(Box::pin(arm))).collect();
    poll_fn(move |cx| {
        let mut running = false;
        for arm in &mut arms {
            let Arm::Running(future) = arm else { continue };
            match future.as_mut().poll(cx) {
                Poll::Ready(Ok(value)) => *arm = Arm::Ended(Box::new(value)),
                Poll::Ready(Err(interrupted)) => return Poll::Ready(Err(interrupted)),
                Poll::Pending => running = true,
            }
        }
        if running {
            return Poll::Pending;
        }
        let ended = std::mem::take(&mut arms).into_iter().filter_map(|arm| match arm {
            Arm::Ended(value) => Some(*value),
            Arm::Running(_) => None,
        });
        Poll::Ready(Ok(ended.collect()))
    })
    .await
}

/// Both are boxed, so that an arm moves freely whatever it holds.
enum Arm<T, F> {
    Running(Pin<Box<F>>),
    Ended(Box<T>),
}

#[cfg(test)]
mod tests {
    use std::future::{Future, pending, poll_fn, ready};
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::{all, both};
    use crate::context::Interrupted;

    fn poll_once<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Goes on when the count has come to `count`, which it raises itself first.
    async fn meets(at: &AtomicU32, count: u32) -> Result<u32, Interrupted> {
        at.fetch_add(1, Ordering::Relaxed);
        poll_fn(|_| if at.load(Ordering::Relaxed) >= count { Poll::Ready(Ok(count)) } else { Poll::Pending }).await
    }

    #[test]
    fn every_poll_polls_all_that_have_not_ended() {
        let at = AtomicU32::new(0);
        let mut two = pin!(both(meets(&at, 2), meets(&at, 1)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(two.as_mut().poll(&mut context).is_pending());
        assert!(matches!(two.as_mut().poll(&mut context), Poll::Ready(Ok((2, 1)))));

        let at = AtomicU32::new(0);
        let mut three = pin!(all(vec![meets(&at, 3), meets(&at, 1), meets(&at, 2)]));
        assert!(three.as_mut().poll(&mut context).is_pending());
        let ended = three.as_mut().poll(&mut context);
        assert!(matches!(ended, Poll::Ready(Ok(values)) if values == [3, 1, 2]), "in the order of the arms");
    }

    #[test]
    fn the_first_interruption_ends_it() {
        let interrupted = || ready(Err::<(), _>(Interrupted::new()));
        assert!(matches!(poll_once(both(pending::<Result<(), _>>(), interrupted())), Poll::Ready(Err(_))));
        assert!(matches!(poll_once(all(vec![interrupted()])), Poll::Ready(Err(_))));
    }

    #[test]
    fn no_arms_end_at_once() {
        let none: Vec<std::future::Ready<Result<(), Interrupted>>> = Vec::new();
        assert!(matches!(poll_once(all(none)), Poll::Ready(Ok(values)) if values.is_empty()));
    }
}
