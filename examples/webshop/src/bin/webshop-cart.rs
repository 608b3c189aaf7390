//! The role `Cart`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Carts, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Carts::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("cart", database).role(place_order::Cart::new(Carts)).start().await?;
    until_told(&node).await
}
