//! One order over three services, as a choreography and as a bare loop: durable writes, latency alone, throughput with 64 under way. The two take
//! turns within one run, so that a slow minute of the machine hits both; compare the ratios, not the milliseconds.
//!
//! `cargo bench -p accompanist-benches --bench order [-- [ROUNDS] [count|lone|many]]`; with `count`, only the durable writes of lone orders are
//! counted, and each order is announced on standard error, so that `benches/strace.sh` can count the same from outside.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use accompanist_benches::bare::Bare;
use accompanist_benches::choreography::Nodes;
use accompanist_benches::figures::{ms, percentile};
use tokio::task::JoinSet;

/// Orders of one round, one after the other.
const LONE_ORDERS: u64 = 100;
/// Orders of one round, many at a time.
const MANY_ORDERS: u64 = 2_000;
/// How many are then under way.
const IN_FLIGHT: usize = 64;

/// What to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Count,
    Lone,
    Many,
    All,
}

#[derive(Default)]
struct Samples {
    latencies: Vec<Duration>,
    rates: Vec<f64>,
}

fn main() -> anyhow::Result<()> {
    let rounds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(10);
    let only = |part: &str| std::env::args().any(|argument| argument == part);
    let part = match (only("count"), only("lone"), only("many")) {
        (true, _, _) => Part::Count,
        (_, true, _) => Part::Lone,
        (_, _, true) => Part::Many,
        _ => Part::All,
    };
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(directory.path(), rounds, part))
}

async fn run(directory: &Path, rounds: u64, part: Part) -> anyhow::Result<()> {
    let (nodes, bare) = (Arc::new(Nodes::start(directory).await?), Arc::new(Bare::start(directory)?));
    let mut next = 0;
    for _ in 0..20 {
        next += 1;
        nodes.order(next).await?;
        bare.order(next).await?;
    }
    let (path, all) = count_commits(&nodes, &mut next, part == Part::Count).await?;
    if part == Part::Count {
        return Ok(());
    }

    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for round in 0..rounds {
        let lone_orders = if part == Part::Many { 0 } else { LONE_ORDERS };
        for _ in 0..lone_orders {
            next += 1;
            let start = Instant::now();
            nodes.order(next).await?;
            ours.latencies.push(start.elapsed());
        }
        nodes.quiet().await;
        for _ in 0..lone_orders {
            next += 1;
            let start = Instant::now();
            bare.order(next).await?;
            theirs.latencies.push(start.elapsed());
        }
        eprintln!("round {} of {rounds}", round + 1);
        if part == Part::Lone {
            continue;
        }
        let shared = Arc::clone(&nodes);
        ours.rates.push(
            rate(next, move |order| {
                let nodes = Arc::clone(&shared);
                async move { nodes.order(order).await }
            })
            .await?,
        );
        nodes.quiet().await;
        let shared = Arc::clone(&bare);
        theirs.rates.push(
            rate(next, move |order| {
                let bare = Arc::clone(&shared);
                async move { bare.order(order).await }
            })
            .await?,
        );
        next += MANY_ORDERS;
    }
    report(path, all, ours, theirs);
    Ok(())
}

/// The commits of lone orders: how many until the answer, and how many until all roles have settled. The most frequent ones, for a lazy write of the
/// order before may come late.
async fn count_commits(nodes: &Nodes, next: &mut u64, announced: bool) -> anyhow::Result<(u64, u64)> {
    let say = |what: &str| {
        if announced {
            eprintln!("{what}");
        }
    };
    let mut counts = std::collections::BTreeMap::new();
    for _ in 0..50 {
        nodes.quiet().await;
        let before = nodes.commits();
        *next += 1;
        say("order requested");
        nodes.order(*next).await?;
        say("order answered");
        let path = nodes.commits() - before;
        nodes.quiet().await;
        say("order settled everywhere");
        *counts.entry((path, nodes.commits() - before)).or_insert(0) += 1;
    }
    println!(
        "commits until the answer and until all is settled, and how many of 50 lone orders took so many: {counts:?}"
    );
    Ok(counts.into_iter().max_by_key(|(_, times)| *times).map(|(counts, _)| counts).unwrap_or_default())
}

async fn rate<F>(first: u64, order: impl Fn(u64) -> F) -> anyhow::Result<f64>
where
    F: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let start = Instant::now();
    let mut under_way = JoinSet::new();
    for number in 1..=MANY_ORDERS {
        if under_way.len() >= IN_FLIGHT {
            under_way.join_next().await.transpose()?.transpose()?;
        }
        under_way.spawn(order(first + number));
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(MANY_ORDERS as f64 / start.elapsed().as_secs_f64())
}

fn report(path: u64, all: u64, mut ours: Samples, mut theirs: Samples) {
    println!("\n{:<34}{:>14}{:>14}{:>8}", "", "choreography", "bare", "ratio");
    for (name, per_cent) in [("latency of a lone order, p50", 50), ("latency of a lone order, p99", 99)] {
        let (a, b) = (percentile(&mut ours.latencies, per_cent), percentile(&mut theirs.latencies, per_cent));
        println!("{name:<34}{:>14}{:>14}{:>8.2}", ms(a), ms(b), a.as_secs_f64() / b.as_secs_f64());
    }
    let median = |rates: &mut Vec<f64>| {
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() / 2).copied().unwrap_or_default()
    };
    let (a, b) = (median(&mut ours.rates), median(&mut theirs.rates));
    println!("{:<34}{:>12.0}/s{:>12.0}/s{:>8.2}", format!("throughput, {IN_FLIGHT} under way"), a, b, a / b);
    println!("{:<34}{path:>14}{:>14}", "durable writes until the answer", 4);
    println!("{:<34}{:>14}{:>14}", "durable writes after it", all - path, 0);
}
