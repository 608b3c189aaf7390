//! The role `Profile`.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Guide, search_hotels};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Guide::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("profile", database.clone())
        .role(search_hotels::Profile::new(Guide::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
