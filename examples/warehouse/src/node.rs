//! What the three binaries have in common: their arguments, and a node over one SQLite file and TCP.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use accompanist::store::{Sqlite, Store};
use accompanist::{Node, Role};
use clap::Parser;

use crate::model::World;

/// How a role's process is started.
#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// The SQLite file with this service's tables and its sessions; made where there is none
    #[arg(long, value_name = "FILE")]
    pub database: PathBuf,
    /// Where the other nodes reach this one
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Another node: its name and where it is reached
    #[arg(long = "peer", value_name = "NAME=ADDRESS", value_parser = parse_peer)]
    pub peers: Vec<(String, SocketAddr)>,
    /// Stock and customers to begin with, where the database is new (JSON)
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Ends when standard input does, and so with whoever started it
    #[arg(long)]
    pub end_with_stdin: bool,
    /// Where orders are taken (the warehouse only)
    #[arg(long, value_name = "ADDRESS")]
    pub desk: Option<SocketAddr>,
}

fn parse_peer(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("it has the form NAME=ADDRESS, as in payment=127.0.0.1:7002")?;
    let address = address.parse().map_err(|error| format!("`{address}` is not an address: {error}"))?;
    Ok((name.to_owned(), address))
}

impl Arguments {
    /// What the database begins with.
    ///
    /// # Errors
    /// Where the file of `--world` cannot be read.
    pub fn world(&self) -> anyhow::Result<World> {
        self.world.as_deref().map_or_else(|| Ok(World::default()), World::read)
    }

    /// Starts the node `name` over `database`, with one role.
    ///
    /// # Errors
    /// Where the address is taken, or the database holds what this version cannot read.
    pub async fn start<R: Role<Sqlite>>(&self, name: &str, database: Sqlite, role: R) -> anyhow::Result<Node<Sqlite>> {
        if self.end_with_stdin {
            std::thread::spawn(|| {
                // Nothing is read but the end; an error is one, too.
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                std::process::exit(0);
            });
        }
        let node = Node::builder(name, database).listen(self.listen).peers(self.peers.clone()).role(role);
        Ok(node.start().await?)
    }
}

/// Logs go to standard error, as `RUST_LOG` says; warnings where it says nothing.
pub fn log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    let filter = filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}

/// How long sessions in flight may take when the process is told to end.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Runs until the process is told to end, and lets sessions in flight end first.
///
/// # Errors
/// Where signals cannot be listened to, or the database fails.
pub async fn until_told<S: Store>(node: &Node<S>) -> anyhow::Result<()> {
    accompanist::stop_signal().await?;
    let left = node.drain(DRAIN_MAX).await?;
    tracing::info!(node = node.name(), sessions = left.len(), "ends; these sessions go on when it runs again");
    Ok(())
}
