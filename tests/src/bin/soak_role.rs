//! A role of the soak as a process: `soak_role ROLE ARGUMENTS…`.

use std::time::Duration;

use accompanist::Node;
use accompanist::store::{Sqlite, SqliteOptions};
use accompanist_tests::generated::soak::{payout, purchase, voyage};
use accompanist_tests::soak::desk;
use accompanist_tests::soak::till::Till;
use clap::Parser;
use example_support::node::{DeskArguments, log};

#[derive(Parser)]
struct Soaked {
    role: String,
    /// Bytes that the database may have
    #[arg(long)]
    bytes_max: Option<u64>,
    #[command(flatten)]
    arguments: DeskArguments,
}

/// How long finished sessions are remembered: as short as may be where no frame is long, so that a run sees them go.
const RETENTION: Duration = Duration::from_secs(16);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    log();
    let Soaked { role, bytes_max, arguments: DeskArguments { arguments, desk: address } } = Soaked::parse();
    // With whoever started it, this process ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let database = Sqlite::open_with(&arguments.database, SqliteOptions { bytes_max, ..SqliteOptions::default() })?;
    let database = Till::prepare(database)?;
    let till = Till::new(&role);
    let builder = arguments.reached(Node::builder(&role, database));
    let builder = match &*role {
        "shop" => builder
            .role(purchase::Shop::new(till.clone()))
            .role(payout::Shop::new(till.clone()))
            .role(voyage::Shop::new(till)),
        "bank" => builder
            .role(purchase::Bank::new(till.clone()))
            .role(payout::Bank::new(till.clone()))
            .role(voyage::Bank::new(till)),
        "club" => builder
            .role(purchase::Club::new(till.clone()))
            .role(payout::Club::new(till.clone()))
            .role(voyage::Club::new(till)),
        other => anyhow::bail!("there is no role {other}"),
    };
    let node = builder.start().await?;
    let forgetting = node.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // On a full disk they stay for now.
            let _ = forgetting.forget(RETENTION).await;
        }
    });
    desk::serve(node, address).await
}
