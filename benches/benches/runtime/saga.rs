//! Sagas alone, one after the other: in turns with the baseline, so that a slow minute of the machine hits both.

use std::path::Path;
use std::time::Duration;

use accompanist::store::{Sqlite, SqliteTx, Store};
use accompanist_benches::bare_chain::BareChain;
use accompanist_benches::chains::{self, Chain, Five, NODES, One, Plain, Three};
use accompanist_benches::figures::percentile;
use accompanist_benches::slow::Slow;

use super::load::one_by_one;
use super::table::{Aim, Row, Unit};

/// Sagas of one round.
const SAGAS: u64 = 60;

/// Sagas that are not counted.
const WARM_UP: u64 = 30;

/// What a sync takes longer on a slow disk.
const SLOW: Duration = Duration::from_millis(1);

/// The databases of the first `count` nodes.
pub fn stores(directory: &Path, count: usize) -> anyhow::Result<Vec<Sqlite>> {
    NODES.iter().take(count).map(|node| chains::open(directory, node)).collect()
}

pub fn millis(times: &mut [Duration], per_cent: usize) -> f64 {
    percentile(times, per_cent).as_secs_f64() * 1e3
}

/// The times of sagas of `length` services, and of the bare loop.
struct Pairs {
    ours: Vec<Duration>,
    bare: Vec<Duration>,
}

impl Pairs {
    async fn measure<S: Store<Tx = SqliteTx>>(
        chain: &Chain<S>,
        bare: &BareChain,
        length: usize,
        rounds: usize,
    ) -> anyhow::Result<Self> {
        let run = async |order| match length {
            1 => chain.run(One { order }).await,
            3 => chain.run(Three { order }).await,
            _ => chain.run(Five { order }).await,
        };
        let mut next = 0;
        one_by_one(WARM_UP, &mut next, run).await?;
        one_by_one(WARM_UP, &mut next, |order| bare.run(order)).await?;
        let mut pairs = Self { ours: Vec::new(), bare: Vec::new() };
        for _ in 0..rounds {
            pairs.ours.extend(one_by_one(SAGAS, &mut next, run).await?);
            chain.quiet().await;
            pairs.bare.extend(one_by_one(SAGAS, &mut next, |order| bare.run(order)).await?);
        }
        Ok(pairs)
    }

    fn row(&mut self, figure: &str, per_cent: usize) -> Row {
        let name = format!("{figure}, p{per_cent}");
        Row::new(name, millis(&mut self.ours, per_cent), Unit::Millis)
            .beside(millis(&mut self.bare, per_cent), "bare loop")
    }
}

pub async fn lone(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let chain = Chain::start(stores(directory, 3)?).await?;
    let bare = BareChain::start(directory, 3, Duration::ZERO)?;
    let mut pairs = Pairs::measure(&chain, &bare, 3, rounds).await?;
    let half = pairs.row("lone saga of three services", 50);
    let most = pairs.row("lone saga of three services", 99);
    Ok(vec![half.aim(Aim::TimesAtMost(2.0)).aim(Aim::AtMost(1.0)), most])
}

pub async fn slow(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let stores = stores(directory, 3)?.into_iter().map(|store| Slow::new(store, SLOW)).collect();
    let chain = Chain::start(stores).await?;
    let bare = BareChain::start(directory, 3, SLOW)?;
    let mut pairs = Pairs::measure(&chain, &bare, 3, rounds).await?;
    let half = pairs.row("the same, syncs 1 ms slower", 50);
    let most = pairs.row("the same, syncs 1 ms slower", 99);
    Ok(vec![half.aim(Aim::AtMost(4.5)), most])
}

pub async fn chains(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let chain = Chain::start(stores(directory, NODES.len())?).await?;
    let mut rows = Vec::new();
    for length in [1, 3, 5] {
        let bare = BareChain::start(directory, length, Duration::ZERO)?;
        let mut pairs = Pairs::measure(&chain, &bare, length, rounds).await?;
        rows.push(pairs.row(&format!("lone saga of {length} services, in a row"), 50));
    }
    Ok(rows)
}

pub async fn rollback(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let chain = Chain::start(stores(directory, 3)?).await?;
    let (mut forward, mut whole, mut back) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for round in 0..=rounds {
        let times = one_by_one(SAGAS, &mut next, |order| chain.run(Three { order })).await?;
        chain.quiet().await;
        let mut undone = Vec::new();
        for _ in 0..SAGAS {
            next += 1;
            undone.push(chain.roll_back(next).await?);
        }
        chain.quiet().await;
        // The first one warms up.
        if round > 0 {
            forward.extend(times);
            whole.extend(undone.iter().map(|(whole, _)| *whole));
            back.extend(undone.iter().map(|(_, back)| *back));
        }
    }
    let forward = millis(&mut forward, 50);
    let row = |figure, times: &mut Vec<Duration>| {
        Row::new(figure, millis(times, 50), Unit::Millis).beside(forward, "three done")
    };
    Ok(vec![
        row("three undone: from the refusal to the end, p50", &mut back).aim(Aim::TimesAtMost(2.0)),
        row("three done and undone: from the start, p50", &mut whole),
    ])
}

pub async fn plain(directory: &Path, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let chain = Chain::start(stores(directory, 3)?).await?;
    let plain = Plain::open(directory)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut next = 0;
    for round in 0..=rounds {
        let resilient = one_by_one(SAGAS, &mut next, |order| chain.run(Three { order })).await?;
        chain.quiet().await;
        let plain = one_by_one(SAGAS, &mut next, |order| plain.run(order)).await?;
        if round > 0 {
            ours.extend(resilient);
            theirs.extend(plain);
        }
    }
    let row = Row::new("lone saga of three services, resilient, p50", millis(&mut ours, 50), Unit::Millis);
    Ok(vec![row.beside(millis(&mut theirs, 50), "plain runtime")])
}
