//! The role `Loyalty`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use warehouse::{Club, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Club::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("loyalty", database).role(order_fulfilment::Loyalty::new(Club)).start().await?;
    until_told(&node).await
}
