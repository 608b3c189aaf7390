//! The demo: three roles as processes, some hundred orders, SIGKILL now and then, and an audit of all three databases at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use warehouse::audit::{Findings, audit};
use warehouse::desk::Outcome;
use warehouse::drive::{Client, Cluster, Launch};
use warehouse::model::{World, read_orders};

/// Runs the order choreography in three processes and kills them again and again
///
/// Reads orders from a file, sends them to the warehouse, kills each role with SIGKILL several times meanwhile and starts it again, and then
/// checks the three databases against the answers, to the last unit. Exits with 1 where they differ.
#[derive(Debug, Parser)]
#[command(
    after_help = "Example: demo --kills 10 --keep /tmp/orders\n  then look at /tmp/orders/warehouse.db with the sqlite3 shell"
)]
struct Arguments {
    /// The orders, one JSON object a line
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/orders.jsonl"))]
    orders: PathBuf,
    /// Stock and customers at the start
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/data/world.json"))]
    world: PathBuf,
    /// How often each role is killed
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    kills: usize,
    /// How many orders are under way at a time
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    in_flight: u16,
    /// Keeps the databases in this directory, which must be empty or new; otherwise they are deleted
    #[arg(long, value_name = "DIRECTORY")]
    keep: Option<PathBuf>,
}

/// How long the roles may take to settle what is left when the last answer is there.
const SETTLE_MAX: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    tokio::select! {
        ended = run(arguments) => ended,
        // What `run` holds goes with it: the roles' processes, and the databases that are not kept.
        () = told_to_end()? => {
            eprintln!("\nended before its time");
            Ok(ExitCode::from(130))
        }
    }
}

/// Ctrl-C, or SIGTERM.
fn told_to_end() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let world = World::read(&arguments.world)?;
    let orders = read_orders(&arguments.orders)?;
    if orders.is_empty() {
        bail!("{} holds no orders", arguments.orders.display());
    }
    let mut ids = BTreeSet::new();
    if let Some(order) = orders.iter().find(|order| !ids.insert(order.id)) {
        bail!("{} holds two orders with the id {}", arguments.orders.display(), order.id);
    }
    let temporary = tempfile::tempdir()?;
    let directory = match &arguments.keep {
        Some(directory) => {
            std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
            if std::fs::read_dir(directory)?.next().is_some() {
                bail!("{} is not empty; name a new directory", directory.display());
            }
            directory.clone()
        }
        None => temporary.path().to_owned(),
    };
    let mut cluster = Cluster::start(&Launch::binaries().await?, &directory, &arguments.world)?;
    let started = Instant::now();
    let mut client = Client::new(cluster.desk(), orders.clone(), usize::from(arguments.in_flight));

    let progress = Progress::new(orders.len());
    let mut outcomes = BTreeMap::new();
    let kills_total = arguments.kills * cluster.len();
    let mut killed = 0;
    while let Some(answer) = client.next().await {
        outcomes.insert(answer.order, answer.outcome);
        // Spread evenly over the run: the last kill comes before the last orders.
        while killed < kills_total && outcomes.len() * (kills_total + 1) > (killed + 1) * orders.len() {
            cluster.kill_and_restart(killed % cluster.len()).await?;
            killed += 1;
        }
        progress.show(outcomes.len(), killed);
    }
    progress.finish();
    let took = started.elapsed();
    cluster.wait_until_quiet(SETTLE_MAX).await?;
    let kills = cluster.kills().clone();
    if let Some(role) = cluster.stop().await?.first() {
        bail!("the process of the role {role} ended by itself");
    }

    let findings = audit(&directory, &world, &orders, &outcomes)?;
    print!("{}", report(&outcomes, &findings, &kills, took));
    if findings.differences.is_empty() {
        println!("\nThe three databases agree with the answers to the last unit.");
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("\nThe databases differ from the answers:");
    findings.differences.iter().for_each(|difference| eprintln!("  {difference}"));
    Ok(ExitCode::FAILURE)
}

/// A bar on a terminal; a line now and then elsewhere.
struct Progress {
    bar: Option<ProgressBar>,
    orders: usize,
    step: usize,
}

impl Progress {
    fn new(orders: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:40} {pos}/{len} orders, {msg}, {elapsed}");
            ProgressBar::new(orders as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { bar, orders, step: orders.div_ceil(5) }
    }

    fn show(&self, answered: usize, killed: usize) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(answered as u64);
                bar.set_message(format!("{killed} kills"));
            }
            None if answered.is_multiple_of(self.step) => {
                eprintln!("{answered}/{} orders, {killed} kills", self.orders)
            }
            None => {}
        }
    }

    fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }
}

fn report(
    outcomes: &BTreeMap<u64, Outcome>,
    findings: &Findings,
    kills: &BTreeMap<&'static str, u64>,
    took: Duration,
) -> String {
    let mut fulfilled = 0;
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for outcome in outcomes.values() {
        match outcome {
            Outcome::Fulfilled(_) => fulfilled += 1,
            // "out of stock: A-7" and "out of stock: B-1" are one reason.
            Outcome::RolledBack(reason) | Outcome::NotNow(reason) => {
                *reasons.entry(reason.split(':').next().unwrap_or(reason)).or_default() += 1;
            }
        }
    }
    let orders = outcomes.len();
    let mut lines = vec![format!("\n{orders} orders in {:.1} s\n", took.as_secs_f64())];
    lines.push(format!("  {:<34}{fulfilled:>8}", "committed"));
    for (reason, count) in reasons {
        lines.push(format!("  {:<34}{count:>8}", format!("rolled back, {reason}")));
    }
    lines.push(format!("\n  {:<12}{:>14}{:>16}{:>16}", "role", "transactions", "compensations", "kills survived"));
    for (role, work) in &findings.work {
        let killed = kills.get(role).copied().unwrap_or_default();
        lines.push(format!("  {role:<12}{:>14}{:>16}{killed:>16}", work.transactions, work.compensations));
    }
    lines.push(String::new());
    lines.join("\n")
}
