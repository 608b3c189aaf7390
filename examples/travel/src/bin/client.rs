//! The role `Client`, where requests come in.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{DeskArguments, log};
use travel::{Calendar, book_travel, desk, search_hotels};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let DeskArguments { arguments, desk } = DeskArguments::parse();
    let database = Calendar::prepare(Sqlite::open(&arguments.database)?)?;
    let node = arguments
        .node("client", database)
        .role(search_hotels::Client::new(Calendar))
        .role(book_travel::Client::new(Calendar))
        .start()
        .await?;
    desk::serve(node, desk).await
}
