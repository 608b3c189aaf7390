//! The role `Client`, where requests come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Calendar, book_travel, desk, search_hotels};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Calendar::prepare(Sqlite::open(&arguments.database)?)?;
    let node = arguments
        .node("client", database)
        .role(search_hotels::Client::new(Calendar))
        .role(book_travel::Client::new(Calendar))
        .start()
        .await?;
    match arguments.desk {
        Some(address) => desk::serve(node, address).await,
        None => until_told(&node).await,
    }
}
