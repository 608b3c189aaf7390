//! The role `Warehouse`, where orders come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use warehouse::{Shop, desk, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Shop::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("warehouse", database).role(order_fulfilment::Warehouse::new(Shop)).start().await?;
    match arguments.desk {
        Some(address) => desk::serve(node, address).await,
        None => until_told(&node).await,
    }
}
