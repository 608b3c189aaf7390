//! A role of the order example whose process ends at a chosen durable write or message: `crashing_role ROLE [--crash-at POINT] ARGUMENTS…`.

use std::net::SocketAddr;

use accompanist::store::Sqlite;
use accompanist::transport::Tcp;
use accompanist::{Node, Role};
use accompanist_tests::crash::{CrashingStore, CrashingTransport, Point, Trigger};
use clap::Parser;
use example_support::node::{Arguments, log, until_told};
use warehouse::{Bank, Club, Shop, desk, order_fulfilment};

#[derive(Parser)]
struct Crashing {
    role: String,
    #[arg(long)]
    crash_at: Option<Point>,
    /// Where requests are taken, at the role where sessions start.
    #[arg(long)]
    desk: Option<SocketAddr>,
    #[command(flatten)]
    arguments: Arguments,
}

async fn run<R: Role<CrashingStore<Sqlite>>>(crashing: &Crashing, database: Sqlite, role: R) -> anyhow::Result<()> {
    let trigger = Trigger::new(crashing.crash_at);
    let arguments = &crashing.arguments;
    let transport = Tcp::new(arguments.listen, arguments.peers.clone());
    let transport = match arguments.certificates.tls() {
        Some(tls) => transport.with_tls(tls),
        None => transport,
    };
    let node = Node::builder(crashing.role.clone(), CrashingStore::new(database, trigger.clone()))
        .transport(CrashingTransport::new(transport, trigger))
        .role(role)
        .start()
        .await?;
    match crashing.desk {
        Some(address) => desk::serve(node, address).await,
        None => until_told(&node).await,
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let crashing = Crashing::parse();
    let (database, world) = (Sqlite::open(&crashing.arguments.database)?, crashing.arguments.world()?);
    match crashing.role.as_str() {
        "warehouse" => run(&crashing, Shop::prepare(database, &world)?, order_fulfilment::Warehouse::new(Shop)).await,
        "payment" => run(&crashing, Bank::prepare(database, &world)?, order_fulfilment::Payment::new(Bank)).await,
        "loyalty" => run(&crashing, Club::prepare(database, &world)?, order_fulfilment::Loyalty::new(Club)).await,
        other => anyhow::bail!("there is no role {other}"),
    }
}
