//! The role `Loyalty`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use warehouse::node::{Arguments, log, until_told};
use warehouse::{Club, order_fulfilment};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Club::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.start("loyalty", database, order_fulfilment::Loyalty::new(Club)).await?;
    until_told(&node).await
}
