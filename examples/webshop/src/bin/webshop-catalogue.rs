//! The role `Catalogue`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Products, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Products::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("catalogue", database.clone())
        .role(place_order::Catalogue::new(Products::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
