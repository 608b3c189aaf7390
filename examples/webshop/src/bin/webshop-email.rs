//! The role `Email`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use webshop::{Mailroom, place_order};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Mailroom::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("email", database).role(place_order::Email::new(Mailroom)).start().await?;
    until_told(&node).await
}
