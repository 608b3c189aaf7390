//! The role `Payment`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use warehouse::{Bank, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Bank::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("payment", database).role(order_fulfilment::Payment::new(Bank)).start().await?;
    until_told(&node).await
}
