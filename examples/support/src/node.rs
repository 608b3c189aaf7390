//! What the binaries of roles have in common: their arguments, and a node over one SQLite file and TCP.

use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use accompanist::store::{Sqlite, Store};
use accompanist::{Node, NodeBuilder};
use anyhow::Context as _;
use clap::Parser;
use serde::de::DeserializeOwned;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

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
    /// What the database begins with, where it is new (JSON)
    #[arg(long, value_name = "FILE")]
    pub world: Option<PathBuf>,
    /// Ends when standard input does, and so with whoever started it
    #[arg(long)]
    pub end_with_stdin: bool,
    /// How it speaks to the other nodes
    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub certificates: Certificates,
}

/// How the process of the role is started at which sessions start.
#[derive(Clone, Debug, Parser)]
pub struct DeskArguments {
    /// What it has in common with the processes of other roles
    #[command(flatten)]
    pub arguments: Arguments,
    /// Where requests are taken
    #[arg(long, value_name = "ADDRESS")]
    pub desk: SocketAddr,
}

/// PEM files for TLS with the other nodes: all of them, or none.
#[cfg(feature = "tls")]
#[derive(Clone, Debug, clap::Args)]
pub struct Certificates {
    /// Speaks TLS with the other nodes: the certificate of this one, which names it
    #[arg(long, value_name = "FILE", requires_all = ["tls_key", "tls_authorities"])]
    pub tls_certificate: Option<PathBuf>,
    /// The key of the certificate
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_key: Option<PathBuf>,
    /// The authorities that issue the nodes' certificates
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    pub tls_authorities: Option<PathBuf>,
}

#[cfg(feature = "tls")]
impl Certificates {
    /// What a transport is given; `None` where there are none.
    pub fn tls(&self) -> Option<accompanist::transport::Tls> {
        let (certificate, key) = (self.tls_certificate.as_ref()?, self.tls_key.as_ref()?);
        Some(accompanist::transport::Tls::files(certificate, key, self.tls_authorities.as_ref()?))
    }
}

fn parse_peer(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, address) = text.split_once('=').ok_or("it has the form NAME=ADDRESS, as in payment=127.0.0.1:7002")?;
    let address = address.parse().map_err(|error| format!("`{address}` is not an address: {error}"))?;
    Ok((name.to_owned(), address))
}

impl Arguments {
    /// What the database begins with: nothing, where there is no `--world`.
    ///
    /// # Errors
    /// Where the file of `--world` cannot be read.
    pub fn world<W: DeserializeOwned + Default>(&self) -> anyhow::Result<W> {
        let Some(world) = &self.world else {
            tracing::info!("without `--world` a new database begins with nothing in it");
            return Ok(W::default());
        };
        read_json(world)
    }

    /// A node `name` over `database`, which is given its roles and started by the caller.
    pub fn node(&self, name: &str, database: Sqlite) -> NodeBuilder<Sqlite> {
        if self.end_with_stdin {
            std::thread::spawn(|| {
                // Nothing is read but the end; an error is one, too.
                let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
                std::process::exit(0);
            });
        }
        self.reached(Node::builder(name, database))
    }

    /// Gives a node its address and its peers, and its certificates where there are some.
    pub fn reached<S: Store>(&self, builder: NodeBuilder<S>) -> NodeBuilder<S> {
        let builder = builder.listen(self.listen).peers(self.peers.clone());
        #[cfg(feature = "tls")]
        if let Some(tls) = self.certificates.tls() {
            return builder.tls(tls);
        }
        builder
    }
}

/// Reads a JSON file.
///
/// # Errors
/// Where it is not there or not of this form.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not of the form that is read here", path.display()))
}

/// Logs go to standard error, as `RUST_LOG` says; warnings where it says nothing.
pub fn log() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(LevelFilter::WARN));
    let writes =
        tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(writes.with_filter(filter)).init();
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
