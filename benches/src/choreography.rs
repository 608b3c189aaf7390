//! The three services as roles of a choreography, each on a node of its own with its SQLite file, joined by TCP.

use std::path::Path;
use std::time::Duration;

use accompanist::store::{Sqlite, SqliteTx};
use accompanist::transport::Tcp;
use accompanist::{BoxError, Failure, Node};

use crate::{SCHEMA, UPDATE, row};

accompanist::choreo!("order.chor");

struct Counter;

fn add(tx: &SqliteTx, order: u64, amount: i64) -> Result<(), accompanist::rusqlite::Error> {
    tx.prepare_cached(UPDATE)?.execute((row(order), amount))?;
    Ok(())
}

impl Desk<Sqlite> for Counter {
    async fn open(&self, tx: &mut SqliteTx, order: &u64) -> Result<u64, Failure> {
        add(tx, *order, 1)?;
        Ok(*order)
    }
    async fn reopen(&self, tx: &mut SqliteTx, order: &u64, _: &u64) -> Result<(), BoxError> {
        Ok(add(tx, *order, -1)?)
    }
    async fn close(&self, tx: &mut SqliteTx, order: &u64) -> Result<u64, Failure> {
        add(tx, *order, 1)?;
        Ok(*order)
    }
    async fn unclose(&self, tx: &mut SqliteTx, order: &u64, _: &u64) -> Result<(), BoxError> {
        Ok(add(tx, *order, -1)?)
    }
}

impl Bank<Sqlite> for Counter {
    async fn charge(&self, tx: &mut SqliteTx, order: &u64, amount: &u64) -> Result<u64, Failure> {
        add(tx, *order, i64::try_from(*amount)?)?;
        Ok(*amount)
    }
    async fn refund(&self, tx: &mut SqliteTx, order: &u64, amount: &u64, _: &u64) -> Result<(), BoxError> {
        Ok(add(tx, *order, -i64::try_from(*amount)?)?)
    }
}

impl Club<Sqlite> for Counter {
    async fn award(&self, tx: &mut SqliteTx, order: &u64, amount: &u64) -> Result<u64, Failure> {
        add(tx, *order, i64::try_from(*amount)?)?;
        Ok(*amount)
    }
    async fn revoke(&self, tx: &mut SqliteTx, order: &u64, amount: &u64, _: &u64) -> Result<(), BoxError> {
        Ok(add(tx, *order, -i64::try_from(*amount)?)?)
    }
}

/// The three nodes.
pub struct Nodes {
    desk: Node<Sqlite>,
    others: [Node<Sqlite>; 2],
}

impl Nodes {
    /// Starts them, with their databases in `directory`.
    ///
    /// # Errors
    /// Those of opening databases and sockets.
    pub async fn start(directory: &Path) -> anyhow::Result<Self> {
        let names = ["desk", "bank", "club"];
        let mut transports = Vec::new();
        for _ in names {
            transports.push(Tcp::bind("127.0.0.1:0").await?);
        }
        let addresses: Vec<_> = transports.iter().filter_map(Tcp::local_address).collect();
        let mut nodes = names.into_iter().zip(transports).map(|(name, transport)| {
            let database = Sqlite::open(directory.join(format!("{name}.db")))?.with_schema(SCHEMA)?;
            let peers = names.into_iter().zip(addresses.iter().copied());
            anyhow::Ok(Node::builder(name, database).transport(transport.with_peers(peers)))
        });
        let mut next = || nodes.next().unwrap_or_else(|| Err(anyhow::anyhow!("there are three nodes")));
        let desk = next()?.role(order::Desk::new(Counter)).start().await?;
        let bank = next()?.role(order::Bank::new(Counter)).start().await?;
        let club = next()?.role(order::Club::new(Counter)).start().await?;
        Ok(Self { desk, others: [bank, club] })
    }

    /// Carries out one order.
    ///
    /// # Errors
    /// Where it is not carried out.
    pub async fn order(&self, order: u64) -> anyhow::Result<u64> {
        Ok(self.desk.start(Order { order, amount: 5 }).settled().await?)
    }

    /// How many commits the three databases have made, each one sync.
    pub fn commits(&self) -> u64 {
        self.all().map(|node| node.store().commits()).sum()
    }

    /// Waits until no node holds a session.
    pub async fn quiet(&self) {
        while self.all().any(|node| node.counts().sessions > 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn all(&self) -> impl Iterator<Item = &Node<Sqlite>> {
        std::iter::once(&self.desk).chain(&self.others)
    }
}
