//! Runs futures in an order that a seed chooses. Time passes only when none of them can go on, and little of it: when that does not help, they never
//! will.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::sleep;

use super::desk::Desk;
use crate::random::Random;

/// A boxed future.
pub type Future<'f, T> = Pin<Box<dyn std::future::Future<Output = T> + 'f>>;

/// Futures that wait for what never comes, by their indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck(pub Vec<usize>);

/// How often futures are polled before they count as stuck.
const POLLS_MAX: u64 = 2_000_000;

/// How much time passes when nobody can go on: longer than any role of a program sleeps, and far shorter than a receive waits.
const PAUSE: Duration = Duration::from_millis(5);

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// A future, its index, and whether it is to be polled.
type Running<'f, T> = (usize, Future<'f, T>, Arc<Woken>);

fn ready<T>(running: &[Running<'_, T>]) -> Vec<usize> {
    (0..running.len()).filter(|at| running[*at].2.0.load(Ordering::Acquire)).collect()
}

/// Whether somebody can go on after a while.
fn woken_by<T>(clock: &Runtime, running: &[Running<'_, T>]) -> bool {
    clock.block_on(sleep(PAUSE));
    !ready(running).is_empty()
}

/// Runs them all to their ends, and between them the transactions of `desk`.
pub fn run_all<T>(futures: Vec<Future<'_, T>>, desk: &Desk, random: &mut Random) -> Result<Vec<T>, Stuck> {
    let mut running: Vec<Running<'_, T>> = futures
        .into_iter()
        .enumerate()
        .map(|(index, future)| (index, future, Arc::new(Woken(AtomicBool::new(true)))))
        .collect();
    let mut ended: Vec<(usize, T)> = Vec::new();
    let mut polls = 0;
    let clock = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a clock is there");
    let _entered = clock.enter();
    while !running.is_empty() {
        let ready = ready(&running);
        polls += 1;
        let commits = desk.waiting();
        if polls > POLLS_MAX || ready.is_empty() && commits == 0 && !woken_by(&clock, &running) {
            return Err(Stuck(running.iter().map(|(index, ..)| *index).collect()));
        }
        if ready.is_empty() && commits == 0 {
            continue;
        }
        let next = random.below(ready.len() + commits);
        if next >= ready.len() && commits > 0 {
            desk.carry_out(next - ready.len());
            continue;
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
