//! The role `Shipping`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Carrier, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Carrier::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("shipping", database.clone())
        .role(place_order::Shipping::new(Carrier::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
