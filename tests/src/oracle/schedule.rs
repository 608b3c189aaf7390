//! Runs futures in an order that a seed chooses, without a clock: when none of them can go on, they never will.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::desk::Desk;
use crate::random::Random;

/// A boxed future.
pub type Future<'f, T> = Pin<Box<dyn std::future::Future<Output = T> + 'f>>;

/// Futures that wait for what never comes, by their indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck(pub Vec<usize>);

/// How often futures are polled before they count as stuck.
const POLLS_MAX: u64 = 2_000_000;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs them all to their ends, and between them the transactions of `desk`.
pub fn run_all<T>(futures: Vec<Future<'_, T>>, desk: &Desk, random: &mut Random) -> Result<Vec<T>, Stuck> {
    let mut running: Vec<(usize, Future<'_, T>, Arc<Woken>)> = futures
        .into_iter()
        .enumerate()
        .map(|(index, future)| (index, future, Arc::new(Woken(AtomicBool::new(true)))))
        .collect();
    let mut ended: Vec<(usize, T)> = Vec::new();
    let mut polls = 0;
    while !running.is_empty() {
        let ready: Vec<usize> = (0..running.len()).filter(|at| running[*at].2.0.load(Ordering::Acquire)).collect();
        polls += 1;
        let commits = desk.waiting();
        let next = random.below(ready.len() + commits);
        if next >= ready.len() && commits > 0 {
            desk.carry_out(next - ready.len());
            continue;
        }
        if ready.is_empty() || polls > POLLS_MAX {
            return Err(Stuck(running.iter().map(|(index, ..)| *index).collect()));
        }
        let at = ready[next];
        let (index, future, woken) = &mut running[at];
        woken.0.store(false, Ordering::Release);
        let waker = Waker::from(Arc::clone(woken));
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            ended.push((*index, value));
            drop(running.swap_remove(at));
        }
    }
    ended.sort_by_key(|(index, _)| *index);
    Ok(ended.into_iter().map(|(_, value)| value).collect())
}
