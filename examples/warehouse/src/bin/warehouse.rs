//! The role `Warehouse`, where orders come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use warehouse::node::{Arguments, log, until_told};
use warehouse::{Shop, desk, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Shop::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.start("warehouse", database, order_fulfilment::Warehouse::new(Shop)).await?;
    match arguments.desk {
        Some(address) => desk::serve(node, address).await,
        None => until_told(&node).await,
    }
}
