//! Services in a row as roles of a choreography, each on a node of its own with a SQLite file, joined by TCP.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use accompanist::plain::PlainSession;
use accompanist::store::{Sqlite, SqliteOptions, SqliteTx, Store};
use accompanist::transport::Tcp;
use accompanist::{BoxError, Choreography, Counts, Database, Failure, Limits, Node, NodeBuilder};

use crate::{SCHEMA, UPDATE, row};

accompanist::choreo!("chains.chor");

/// The names of the nodes, in order: that of a role in lower case.
pub const NODES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The service of every role. It notes when it last refused.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    refused: Arc<Mutex<Option<Instant>>>,
}

fn add(tx: &SqliteTx, order: u64, amount: i64) -> Result<(), accompanist::rusqlite::Error> {
    tx.prepare_cached(UPDATE)?.execute((row(order), amount))?;
    Ok(())
}

impl<D: Database<Tx = SqliteTx>> Step<D> for Counter {
    async fn take(&self, tx: &mut SqliteTx, order: &u64) -> Result<u64, Failure> {
        add(tx, *order, 1)?;
        Ok(*order)
    }
    async fn check(&self, _: &mut SqliteTx, _: &u64) -> Result<u64, Failure> {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Err(Failure::abort("refused, as always"))
    }
    async fn put(&self, tx: &mut SqliteTx, order: &u64, _: &u64) -> Result<(), BoxError> {
        Ok(add(tx, *order, -1)?)
    }
}

/// Opens the database of a node, with the service's table.
///
/// # Errors
/// Those of opening a database.
pub fn open(directory: &Path, node: &str) -> anyhow::Result<Sqlite> {
    // What a damaged index does is nothing to measure, and reading it through takes its time.
    let options = SqliteOptions { check: false, ..SqliteOptions::default() };
    Ok(Sqlite::open_with(directory.join(format!("{node}.db")), options)?.with_schema(SCHEMA)?)
}

/// Has the node `name` play its roles in all choreographies.
pub fn cast<S: Store<Tx = SqliteTx>>(builder: NodeBuilder<S>, name: &str, service: &Counter) -> NodeBuilder<S> {
    let of = || service.clone();
    match name {
        "a" => {
            let builder = builder.role(one::A::new(of())).role(undone::A::new(of()));
            builder.role(three::A::new(of())).role(five::A::new(of())).role(asleep::A::new(of()))
        }
        "b" => builder.role(three::B::new(of())).role(undone::B::new(of())).role(five::B::new(of())),
        "c" => builder.role(three::C::new(of())).role(undone::C::new(of())).role(five::C::new(of())),
        "d" => builder.role(five::D::new(of())),
        _ => builder.role(five::E::new(of())),
    }
}

/// The nodes.
pub struct Chain<S: Store> {
    nodes: Vec<Node<S>>,
    service: Counter,
}

impl<S: Store<Tx = SqliteTx>> Chain<S> {
    /// Starts as many nodes as `stores` are given.
    ///
    /// # Errors
    /// Those of starting a node.
    pub async fn start(stores: Vec<S>) -> anyhow::Result<Self> {
        let service = Counter::default();
        let mut transports = Vec::new();
        for _ in &stores {
            transports.push(Tcp::bind("127.0.0.1:0").await?);
        }
        let addresses: Vec<_> = transports.iter().filter_map(Tcp::local_address).collect();
        let peers: Vec<_> = NODES.into_iter().zip(addresses).collect();
        let mut nodes = Vec::new();
        for ((name, store), transport) in NODES.into_iter().zip(stores).zip(transports) {
            let builder = Node::builder(name, store).transport(transport.with_peers(peers.clone()));
            nodes.push(cast(builder, name, &service).limits(limits()).start().await?);
        }
        Ok(Self { nodes, service })
    }

    /// Runs a session and waits until it is over.
    ///
    /// # Errors
    /// Where it is rolled back.
    pub async fn run<C: Choreography>(&self, choreography: C) -> anyhow::Result<C::Output> {
        let first = self.nodes.first().ok_or_else(|| anyhow::anyhow!("there is no node"))?;
        Ok(first.start(choreography).settled().await?)
    }

    /// Runs a session that is refused after three transactions, and says how long it took until they were undone, from its start and from the
    /// refusal.
    ///
    /// # Errors
    /// Where it is not refused.
    pub async fn roll_back(&self, order: u64) -> anyhow::Result<(Duration, Duration)> {
        let started = Instant::now();
        anyhow::ensure!(self.run(Undone { order }).await.is_err(), "it is refused");
        let refused = self.service.refused.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(started);
        Ok((started.elapsed(), refused.elapsed()))
    }

    /// What each node has done.
    pub fn counts(&self) -> impl Iterator<Item = Counts> {
        self.nodes.iter().map(Node::counts)
    }

    /// Waits until no node holds a session.
    pub async fn quiet(&self) {
        while self.counts().any(|counts| counts.sessions > 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// What a node of the benchmarks takes on: as many sessions as it is to hold.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        sessions_started_max: 1_000_000,
        sessions_of_peer_max: 1_000_000,
        started_bytes_max: usize::MAX,
        ..Limits::default()
    }
}

/// Three services on the plain runtime, with a database each for what the services write.
pub struct Plain {
    stores: [Arc<Sqlite>; 3],
    service: Counter,
}

impl Plain {
    /// With the databases in `directory`.
    ///
    /// # Errors
    /// Those of opening a database.
    pub fn open(directory: &Path) -> anyhow::Result<Self> {
        let [a, b, c] = ["plain-a", "plain-b", "plain-c"].map(|name| open(directory, name));
        Ok(Self { stores: [Arc::new(a?), Arc::new(b?), Arc::new(c?)], service: Counter::default() })
    }

    /// Runs a session.
    ///
    /// # Errors
    /// Where it is rolled back.
    pub async fn run(&self, order: u64) -> anyhow::Result<()> {
        let (session, of) = (PlainSession::new(), || self.service.clone());
        let [a, b, c] = &self.stores;
        let parts = tokio::join!(
            session.play(three::A::new(of()), a, Three { order }),
            session.play(three::B::new(of()), b, ()),
            session.play(three::C::new(of()), c, ()),
        );
        parts.0?;
        parts.1?;
        Ok(parts.2?)
    }
}
