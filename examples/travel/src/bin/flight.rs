//! The role `Flight`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Airline, book_travel};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Airline::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments.node("flight", database).role(book_travel::Flight::new(Airline)).start().await?;
    until_told(&node).await
}
