//! Futures that run side by side within one task: the arms of a `par` and the members of an `each`. Called by generated code.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

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

/// Runs all to their ends, or until one is interrupted. Where they are few, every poll polls all that
/// have not ended; where they are many, only those that were woken, in the order of the arms.
pub async fn all<T, F: Future<Output = Result<T, Interrupted>>>(arms: Vec<F>) -> Result<Vec<T>, Interrupted> {
    let woken = (arms.len() > POLLED_MAX).then(|| Woken::new(arms.len()));
    let mut left = arms.len();
    let mut arms: Vec<Arm<T, F>> = arms.into_iter().map(|arm| Arm::Running(Box::pin(arm))).collect();
    poll_fn(move |cx| {
        let polled: Vec<usize> = match &woken {
            Some(woken) => woken.take(cx.waker()),
            None => (0..arms.len()).collect(),
        };
        for index in polled {
            let Some(arm) = arms.get_mut(index) else { continue };
            let Arm::Running(future) = arm else { continue };
            let polled = match &woken {
                Some(woken) => future.as_mut().poll(&mut Context::from_waker(&woken.waker(index))),
                None => future.as_mut().poll(cx),
            };
            match polled {
                Poll::Ready(Ok(value)) => {
                    *arm = Arm::Ended(Box::new(value));
                    left -= 1;
                }
                Poll::Ready(Err(interrupted)) => return Poll::Ready(Err(interrupted)),
                Poll::Pending => {}
            }
        }
        if left > 0 {
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

/// So many arms are polled each time: they cost less than to tell which are to be.
const POLLED_MAX: usize = 2;

/// Which of many arms are to be polled.
struct Woken(Arc<Mutex<Arms>>);

struct Arms {
    /// Which of them, each once.
    woken: Vec<usize>,
    is_woken: Vec<bool>,
    /// Whoever polls all of them.
    waker: Waker,
}

/// Wakes one arm.
struct ArmWaker {
    index: usize,
    arms: Arc<Mutex<Arms>>,
}

impl Woken {
    /// All of so many arms are.
    fn new(count: usize) -> Self {
        let arms = Arms { woken: (0..count).collect(), is_woken: vec![true; count], waker: Waker::noop().clone() };
        Self(Arc::new(Mutex::new(arms)))
    }

    /// Those that are to be polled now; whoever polls them is woken when others are.
    fn take(&self, waker: &Waker) -> Vec<usize> {
        let mut arms = lock(&self.0);
        arms.waker.clone_from(waker);
        let mut woken = std::mem::take(&mut arms.woken);
        for index in &woken {
            if let Some(is_woken) = arms.is_woken.get_mut(*index) {
                *is_woken = false;
            }
        }
        woken.sort_unstable();
        woken
    }

    fn waker(&self, index: usize) -> Waker {
        Arc::new(ArmWaker { index, arms: Arc::clone(&self.0) }).into()
    }
}

impl Wake for ArmWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut arms = lock(&self.arms);
        if let Some(is_woken @ false) = arms.is_woken.get_mut(self.index) {
            *is_woken = true;
            arms.woken.push(self.index);
        }
        let waker = arms.waker.clone();
        drop(arms);
        waker.wake();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::future::{Future, pending, poll_fn, ready};
    use std::pin::pin;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Wake, Waker};

    use super::{all, both, lock};
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
        let mut few = pin!(all(vec![meets(&at, 2), meets(&at, 1)]));
        assert!(few.as_mut().poll(&mut context).is_pending());
        let ended = few.as_mut().poll(&mut context);
        assert!(matches!(ended, Poll::Ready(Ok(values)) if values == [2, 1]), "in the order of the arms");
    }

    #[test]
    fn of_many_arms_those_that_were_woken_are_polled() {
        let (polls, is_open) = (AtomicU32::new(0), AtomicU32::new(0));
        let wakers = Mutex::new(BTreeMap::new());
        let arm = |index: u32| {
            poll_fn({
                let (polls, is_open, wakers) = (&polls, &is_open, &wakers);
                move |cx| {
                    polls.fetch_add(1, Ordering::Relaxed);
                    lock(wakers).insert(index, cx.waker().clone());
                    let is_open = is_open.load(Ordering::Relaxed) > index;
                    if is_open { Poll::Ready(Ok(index)) } else { Poll::Pending }
                }
            })
        };
        let woken = Arc::new(Counted(AtomicU32::new(0)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let mut hundred = pin!(all((0..100).map(arm).collect()));
        assert!(hundred.as_mut().poll(&mut context).is_pending());
        assert!(hundred.as_mut().poll(&mut context).is_pending());
        assert_eq!(polls.load(Ordering::Relaxed), 100, "each once");
        is_open.store(100, Ordering::Relaxed);
        for index in (1..100).rev() {
            let waker = lock(&wakers).remove(&index).expect("it waits");
            waker.wake_by_ref();
            waker.wake();
            assert_eq!(woken.0.load(Ordering::Relaxed), 2 * (100 - index), "whoever waits for all is woken");
            assert!(hundred.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(polls.load(Ordering::Relaxed), 199);
        lock(&wakers).remove(&0).expect("it waits").wake();
        let ended = hundred.as_mut().poll(&mut context);
        assert!(matches!(ended, Poll::Ready(Ok(values)) if values == (0..100).collect::<Vec<_>>()));
    }

    struct Counted(AtomicU32);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
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
