//! The role `Client`, where orders come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Purchases, desk, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Purchases::prepare(Sqlite::open(&arguments.database)?)?;
    let node = arguments.node("client", database).role(place_order::Client::new(Purchases)).start().await?;
    match arguments.desk {
        Some(address) => desk::serve(node, address).await,
        None => until_told(&node).await,
    }
}
