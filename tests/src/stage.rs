//! Nodes `a`, `b`, `c`, … in one process, each over a SQLite file of its own: they play the roles of `fixtures/trials.chor`, and go and come back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use accompanist::store::{Sqlite, StoreError};
use accompanist::{Choreography, Node, NodeBuilder, Retry, Start, Timing, rusqlite};

use crate::by_hand::Piece;
use crate::clerk::Clerk;
use crate::generated::trials::{
    again, alone, apart, chain, delivery, errand, fork, looked, recalled, relay, rounds, stamped, turns,
};
use crate::pages::{Pages, SCHEMA, Shelf as _};
use crate::tap::Tap;
use crate::wait::{until, within};

/// Operations are tried again soon and for ever.
pub const RETRY: Retry = Retry::new().for_ever().pauses(Duration::from_millis(2), Duration::from_millis(20));

/// No frame is sent again by the clock within a test: what is lost comes back because somebody asks, or not at all.
pub const TIMING: Timing =
    Timing { resend_millis_min: 600_000, resend_millis_max: 600_000, retry: RETRY, retry_compensations: RETRY };

/// Gives the builder of the node of that name its roles, played with the help of its clerk.
type Cast = Box<dyn Fn(&str, NodeBuilder<Sqlite>, &Clerk) -> NodeBuilder<Sqlite> + Send + Sync>;

/// The nodes, and what is between them.
pub struct Stage {
    directory: tempfile::TempDir,
    /// What is between them.
    pub tap: Tap,
    timing: Timing,
    clerks: BTreeMap<String, Clerk>,
    nodes: BTreeMap<String, Node<Sqlite>>,
    /// What is played besides: a piece, and which of its declared roles a node plays.
    pieces: Vec<(Piece, BTreeMap<&'static str, Vec<u16>>)>,
    cast: Option<Cast>,
}

impl Stage {
    /// Nodes that play `piece`, each the declared roles that are given for it, started.
    pub async fn playing<const N: usize>(piece: &Piece, cast: [(&'static str, Vec<u16>); N]) -> Self {
        let mut stage = Self::with_timing(&[], TIMING).await;
        stage.pieces.push((piece.clone(), cast.clone().into()));
        for (name, _) in cast {
            stage.up(name).await;
        }
        stage
    }

    /// These nodes, started; each plays besides what `cast` gives it.
    pub async fn casting(
        names: &[&str],
        cast: impl Fn(&str, NodeBuilder<Sqlite>, &Clerk) -> NodeBuilder<Sqlite> + Send + Sync + 'static,
    ) -> Self {
        let mut stage = Self::with_timing(&[], TIMING).await;
        stage.cast = Some(Box::new(cast));
        for name in names {
            stage.up(name).await;
        }
        stage
    }

    /// These nodes, started.
    pub async fn with(names: &[&str]) -> Self {
        Self::with_timing(names, TIMING).await
    }

    /// These nodes, started, with that patience.
    ///
    /// # Panics
    /// Where a node does not start.
    pub async fn with_timing(names: &[&str], timing: Timing) -> Self {
        let directory = tempfile::tempdir().expect("there is a temporary directory");
        let mut stage = Self {
            directory,
            tap: Tap::default(),
            timing,
            clerks: BTreeMap::new(),
            nodes: BTreeMap::new(),
            pieces: Vec::new(),
            cast: None,
        };
        for name in names {
            stage.up(name).await;
        }
        stage
    }

    /// The database of a node.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.db"))
    }

    /// Opens the database of a node, which may just be closing.
    ///
    /// # Panics
    /// Where it cannot be opened.
    pub async fn open(&self, name: &str) -> Sqlite {
        let path = self.path(name);
        let opened = until(("the database of", name), || match Sqlite::open(&path) {
            Err(StoreError::Failed(cause)) if cause.contains("is locked") => None,
            opened => Some(opened),
        });
        opened.await.and_then(|database| database.with_schema(SCHEMA)).expect("the database opens")
    }

    /// Starts a node, over what it left, and waits until it and those that are up know of each other.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn up(&mut self, name: &str) {
        self.tap.note(format!("{name} is started"));
        let database = self.open(name).await;
        let pairs: Vec<(String, String)> = self
            .nodes
            .keys()
            .flat_map(|other| [(name.to_owned(), other.clone()), (other.clone(), name.to_owned())])
            .collect();
        let before: Vec<u64> = pairs.iter().map(|(node, other)| self.tap.connected(node, other)).collect();
        let clerk = self.clerks.entry(name.to_owned()).or_default().clone();
        let builder = Node::builder(name, database).timing(self.timing).transport(self.tap.transport());
        let builder = self.pieces.iter().fold(cast(name, builder, &clerk), |builder, (piece, cast)| {
            let Some(roles) = cast.get(name) else { return builder };
            piece.cast(roles, piece.tell(cast, builder), &clerk)
        });
        let builder = match &self.cast {
            Some(cast) => cast(name, builder, &clerk),
            None => builder,
        };
        let node = builder.start().await.expect("the node starts");
        self.nodes.insert(name.to_owned(), node);
        for ((node, other), before) in pairs.iter().zip(before) {
            until(("a connection of", node, other), || (self.tap.connected(node, other) > before).then_some(())).await;
        }
    }

    /// Ends a node.
    ///
    /// # Panics
    /// Where somebody else holds it.
    pub fn down(&mut self, name: &str) {
        self.tap.note(format!("{name} is ended"));
        drop(self.nodes.remove(name).expect("the node is up"));
    }

    /// Ends these nodes, and starts them again when all are down.
    pub async fn restart(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.down(name));
        for name in names {
            self.up(name).await;
        }
    }

    /// A node that is up.
    ///
    /// # Panics
    /// Where it is not.
    pub fn node(&self, name: &str) -> &Node<Sqlite> {
        self.nodes.get(name).expect("the node is up")
    }

    /// What does the work of a node, which may be down.
    ///
    /// # Panics
    /// Where there never was such a node.
    pub fn clerk(&self, name: &str) -> &Clerk {
        self.clerks.get(name).expect("there was such a node")
    }

    /// Starts a session at `a`.
    pub fn start<A: Choreography>(&self, arguments: A, id: &str) -> Start<Sqlite, A> {
        self.node("a").start(arguments).id(id)
    }

    /// Starts a session at `a`, durably.
    ///
    /// # Panics
    /// Where it is not accepted.
    pub async fn accepted<A: Choreography>(&self, arguments: A, id: &str) -> accompanist::Handle<A::Output> {
        let accepted = within(("the start of", id), self.start(arguments, id).accepted()).await;
        accepted.expect("the session is accepted")
    }

    /// What a node's service has written.
    ///
    /// # Panics
    /// Where the node is down.
    pub fn pages(&self, name: &str) -> Pages {
        self.node(name).store().pages(&self.clerk(name).book).expect("the tables are there")
    }

    /// How the sessions at a node stand, in the order of their start.
    ///
    /// # Panics
    /// Where the node is down.
    pub fn states(&self, name: &str) -> Vec<String> {
        let states = self.node(name).store().read(|connection| -> Result<Vec<String>, rusqlite::Error> {
            let mut select = connection.prepare("SELECT state FROM accompanist_session ORDER BY id")?;
            select.query_map([], |row| row.get(0))?.collect()
        });
        states.expect("the table of sessions is there")
    }

    /// Waits until the nodes that are up have nothing left to do.
    pub async fn settle(&self) {
        for (name, node) in &self.nodes {
            until(("the end of all sessions at", name), || (node.counts().sessions == 0).then_some(())).await;
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("what was said between the nodes:\n{}", self.tap.trace());
        }
    }
}

/// The roles of the node `name`.
fn cast(name: &str, builder: NodeBuilder<Sqlite>, clerk: &Clerk) -> NodeBuilder<Sqlite> {
    let clerk = || clerk.clone();
    let builder = if ["a", "b", "c"].contains(&name) { builder.allow("Courier", ["b", "c"]) } else { builder };
    match name {
        "a" => builder
            .role(errand::A::new(clerk()))
            .role(relay::A::new(clerk()))
            .role(alone::A::new(clerk()))
            .role(chain::A::new(clerk()))
            .role(fork::A::new(clerk()))
            .role(turns::A::new(clerk()))
            .role(again::A::new(clerk()))
            .role(apart::A::new(clerk()))
            .role(looked::A::new(clerk()))
            .role(rounds::A::new(clerk()))
            .role(stamped::A::new(clerk()))
            .role(delivery::A::new(clerk()))
            .role(recalled::A::new(clerk())),
        "b" => builder
            .role(relay::B::new(clerk()))
            .role(errand::Courier::new(clerk()))
            .role(relay::Courier::new(clerk()))
            .role(chain::B::new(clerk()))
            .role(fork::B::new(clerk()))
            .role(turns::B::new(clerk()))
            .role(again::B::new(clerk()))
            .role(apart::B::new(clerk()))
            .role(looked::B::new(clerk()))
            .role(delivery::B::new(clerk())),
        "c" => builder
            .role(errand::Courier::new(clerk()))
            .role(relay::Courier::new(clerk()))
            .role(chain::C::new(clerk()))
            .role(fork::C::new(clerk()))
            .role(turns::C::new(clerk()))
            .role(rounds::C::new(clerk()))
            .role(stamped::C::new(clerk()))
            .role(delivery::C::new(clerk()))
            .role(recalled::C::new(clerk())),
        "d" => builder.role(chain::D::new()),
        _ => builder,
    }
}
