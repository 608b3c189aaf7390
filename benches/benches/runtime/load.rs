//! One after the other, or many at a time; and what it takes of the processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// How many are under way where many are.
pub const IN_FLIGHT: usize = 64;

/// How long each of `count` takes, one after the other.
pub async fn one_by_one<F>(count: u64, next: &mut u64, run: impl Fn(u64) -> F) -> anyhow::Result<Vec<Duration>>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let mut times = Vec::new();
    for _ in 0..count {
        *next += 1;
        let started = Instant::now();
        run(*next).await?;
        times.push(started.elapsed());
    }
    Ok(times)
}

/// How many per second, when `count` are run by [`IN_FLIGHT`] clients.
pub async fn rate<T, F>(
    count: u64,
    next: &mut u64,
    subject: &Arc<T>,
    run: impl Fn(Arc<T>, u64) -> F + Clone + Send + 'static,
) -> anyhow::Result<f64>
where
    T: Send + Sync + 'static,
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let started = Instant::now();
    let (orders, last) = (Arc::new(AtomicU64::new(*next)), *next + count);
    let mut clients = JoinSet::new();
    for _ in 0..IN_FLIGHT {
        let (orders, subject, run) = (Arc::clone(&orders), Arc::clone(subject), run.clone());
        clients.spawn(async move {
            loop {
                let order = orders.fetch_add(1, Ordering::Relaxed) + 1;
                if order > last {
                    return anyhow::Ok(());
                }
                run(Arc::clone(&subject), order).await?;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended??;
    }
    *next = last;
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
