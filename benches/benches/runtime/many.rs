//! Many sagas at a time: how many per second, and what each takes of processors, disks and network.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use accompanist::Counts;
use accompanist::store::Sqlite;
use accompanist_benches::bare_chain::BareChain;
use accompanist_benches::chains::{Chain, Three};

use super::load::{self, IN_FLIGHT};
use super::process::processor_time;
use super::saga::stores;
use super::table::{Aim, Row, Unit};

/// Sagas of one round.
const SAGAS: u64 = 4_000;

/// Sagas that are not counted.
const WARM_UP: u64 = 1_000;

/// What a saga takes, where many are under way.
pub struct Cost {
    pub per_second: f64,
    pub processor_micros: f64,
}

impl Cost {
    /// Of `count` sagas of three services.
    pub async fn of(chain: &Arc<Chain<Sqlite>>, count: u64, next: &mut u64) -> anyhow::Result<Self> {
        let before = processor_time();
        let run = async |chain: Arc<Chain<Sqlite>>, order| chain.run(Three { order }).await;
        let per_second = load::rate(count, next, chain, run).await?;
        // What follows the answer is part of the cost.
        chain.quiet().await;
        Ok(Self { per_second, processor_micros: micros_each(processor_time() - before, count) })
    }

    async fn of_bare(bare: &Arc<BareChain>, count: u64, next: &mut u64) -> anyhow::Result<Self> {
        let before = processor_time();
        let run = async |bare: Arc<BareChain>, order| bare.run(order).await;
        let per_second = load::rate(count, next, bare, run).await?;
        Ok(Self { per_second, processor_micros: micros_each(processor_time() - before, count) })
    }
}

fn micros_each(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

pub async fn measure(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let chain = Arc::new(Chain::start(stores(directory, 3)?).await?);
    let bare = Arc::new(BareChain::start(directory, 3, Duration::ZERO)?);
    let mut next = 0;
    Cost::of(&chain, WARM_UP, &mut next).await?;
    Cost::of_bare(&bare, WARM_UP, &mut next).await?;
    let before: Vec<Counts> = chain.counts().collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(Cost::of(&chain, SAGAS, &mut next).await?);
        theirs.push(Cost::of_bare(&bare, SAGAS, &mut next).await?);
    }
    let after: Vec<Counts> = chain.counts().collect();
    let each = |what: fn(&Counts) -> u64| {
        let sum = |counts: &[Counts]| counts.iter().map(what).sum::<u64>();
        (sum(&after) - sum(&before)) as f64 / (rounds as u64 * SAGAS).max(1) as f64
    };
    let of = |costs: &[Cost], what: fn(&Cost) -> f64| median(costs.iter().map(what).collect());
    let rate = |costs| of(costs, |cost| cost.per_second);
    let micros = |costs| of(costs, |cost| cost.processor_micros);
    Ok(vec![
        Row::new(format!("sagas of three services, {IN_FLIGHT} in flight"), rate(&ours), Unit::PerSecond)
            .beside(rate(&theirs), "bare loop")
            .aim(Aim::AtLeast(8_000.0)),
        Row::new("processor time of each of them", micros(&ours), Unit::Micros).beside(micros(&theirs), "bare loop"),
        Row::new("syncs of each", each(|counts| counts.commits), Unit::Count),
        Row::new("lazy and lone writes of each", each(|counts| counts.writes_prompt + counts.writes_lazy), Unit::Count),
        Row::new("frames sent for each", each(|counts| counts.frames_sent), Unit::Count).beside(3.0, "bare loop"),
    ])
}
