//! The role `Reservation`, which has a part in both choreographies.

use accompanist::store::Sqlite;
use clap::Parser as _;
use example_support::node::{Arguments, log, until_told};
use travel::{Rooms, book_travel, search_hotels};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let arguments = Arguments::parse();
    let database = Rooms::prepare(Sqlite::open(&arguments.database)?, &arguments.world()?)?;
    let node = arguments
        .node("reservation", database.clone())
        .role(search_hotels::Reservation::new(Rooms::new(&database)))
        .role(book_travel::Reservation::new(Rooms::new(&database)))
        .start()
        .await?;
    until_told(&node).await
}
