//! One after the other, or many at a time; and what it takes of the processors.

use std::sync::Arc;
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

/// How many per second, when `count` are run, [`IN_FLIGHT`] at a time.
pub async fn rate<T, F>(
    count: u64,
    next: &mut u64,
    subject: &Arc<T>,
    run: impl Fn(Arc<T>, u64) -> F,
) -> anyhow::Result<f64>
where
    F: Future<Output = anyhow::Result<()>> + Send + 'static,
{
    let started = Instant::now();
    let mut under_way = JoinSet::new();
    for _ in 0..count {
        if under_way.len() >= IN_FLIGHT {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        *next += 1;
        under_way.spawn(run(Arc::clone(subject), *next));
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
