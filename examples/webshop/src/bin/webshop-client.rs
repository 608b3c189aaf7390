//! The role `Client`, where orders come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{DeskArguments, log};
use webshop::{Purchases, desk, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let DeskArguments { arguments, desk } = DeskArguments::parse();
    let database = Purchases::prepare(Sqlite::open(&arguments.database)?)?;
    let node = arguments.node("client", database).role(place_order::Client::new(Purchases)).start().await?;
    desk::serve(node, desk).await
}
