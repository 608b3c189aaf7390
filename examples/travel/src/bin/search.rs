//! The role `Search`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Finder, search_hotels};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Finder::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("search", database.clone())
        .role(search_hotels::Search::new(Finder::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
