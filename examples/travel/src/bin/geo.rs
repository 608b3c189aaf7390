//! The role `Geo`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Atlas, book_travel};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Atlas::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node =
        arguments.node("geo", database.clone()).role(book_travel::Geo::new(Atlas::new(&database))).start().await?;
    until_told(&node).await
}
