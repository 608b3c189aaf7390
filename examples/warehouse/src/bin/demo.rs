//! The demo: three roles as processes, some hundred orders, SIGKILL now and then, and an audit of all three databases at the end.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Parser;
use example_support::cluster::{Cluster, Launch};
use example_support::demo::{self, Folder, Kill, until_told};
use example_support::node::read_json;
use warehouse::audit::audit;
use warehouse::model::{World, read_orders};
use warehouse::{DESK, ROLES};

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
    #[command(flatten)]
    demo: demo::Options,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    until_told(run(Arguments::parse())).await
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let world: World = read_json(&arguments.world)?;
    let orders = read_orders(&arguments.orders)?;
    if orders.is_empty() {
        bail!("{} holds no orders", arguments.orders.display());
    }
    let mut ids = BTreeSet::new();
    if let Some(order) = orders.iter().find(|order| !ids.insert(order.id)) {
        bail!("{} holds two orders with the id {}", arguments.orders.display(), order.id);
    }
    let demo::Options { kills, in_flight, keep } = arguments.demo;
    let folder = Folder::new(keep.as_deref())?;
    let launches = Launch::binaries(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")), &ROLES).await?;
    let cluster = Cluster::start(&launches, DESK, folder.path(), &arguments.world)?;
    // Spread evenly over the run: the last kill comes before the last orders.
    let victims = ROLES.into_iter().cycle().take(kills * ROLES.len());
    let after = |number| number * orders.len() / (kills * ROLES.len() + 1) + 1;
    let kills: Vec<Kill> = (1..).zip(victims).map(|(number, role)| Kill { answers: after(number), role }).collect();
    let run = demo::run(cluster, orders.clone(), in_flight, "orders", &kills).await?;

    let findings = audit(folder.path(), &world, &orders, &run.outcomes)?;
    println!("\n{} orders in {:.1} s\n", orders.len(), run.took.as_secs_f64());
    println!("{}", demo::table_of_outcomes("committed", run.outcomes.values()));
    print!("{}", demo::table_of_roles(&findings.work, &run.kills));
    Ok(demo::verdict(&findings, "The three databases agree with the answers to the last unit."))
}
