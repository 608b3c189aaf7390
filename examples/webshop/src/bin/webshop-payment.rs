//! The role `Payment`: a sidecar of the program that charges cards, which knows nothing of it. All that is to be said of it is where it is.

use accompanist::http::Service;
use accompanist::store::Sqlite;
use clap::Parser;
use example_support::history::with_history;
use example_support::node::{self, log, until_told};
use webshop::place_order;

#[derive(Debug, Parser)]
struct Sidecar {
    #[command(flatten)]
    node: node::Arguments,
    /// The program that charges cards
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7090")]
    service: String,
    /// Says nothing, not even of what fails and is tried again
    #[arg(long)]
    quiet: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let sidecar = Sidecar::parse();
    if !sidecar.quiet {
        log();
    }
    let database = with_history(Sqlite::open(&sidecar.node.database)?, "")?;
    let service = Service::new(&sidecar.service)?;
    let node = sidecar.node.node("payment", database).role(place_order::Payment::new(service)).start().await?;
    until_told(&node).await
}
