//! The role `Warehouse`, where orders come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{DeskArguments, log};
use warehouse::{Shop, desk, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let DeskArguments { arguments, desk } = DeskArguments::parse();
    let database = Shop::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("warehouse", database).role(order_fulfilment::Warehouse::new(Shop)).start().await?;
    desk::serve(node, desk).await
}
