//! The role `Currency`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Exchange, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Exchange::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("currency", database.clone())
        .role(place_order::Currency::new(Exchange::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
