//! A node of a run, which crashes and comes back over what its disk holds.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::{Row, SessionKey};

use super::client::Start;
use super::disk::Disk;
use super::life::{Life, Process};
use super::network::SimTransport;
use super::world::World;
use crate::context::{BoxFuture, Choreography};
use crate::node::{Node, NodeBuilder};
use crate::store::driven::Medium;
use crate::store::{Memory, MemoryMedium, Store, StoreError};
#[cfg(feature = "sqlite")]
use crate::store::{Sqlite, SqliteMedium};

/// A store that the simulator can run: [`Memory`], and [`Sqlite`](crate::store::Sqlite) with the feature `sqlite`.
pub trait Simulated: Store + Clone + sealed::OnMedium {}

impl Simulated for Memory {}

impl sealed::OnMedium for Memory {
    type Medium = MemoryMedium;
}

#[cfg(feature = "sqlite")]
impl Simulated for Sqlite {}

#[cfg(feature = "sqlite")]
impl sealed::OnMedium for Sqlite {
    type Medium = SqliteMedium;
}

pub(super) mod sealed {
    use crate::store::Store;
    use crate::store::driven::Medium;

    /// What of a store survives a crash.
    pub trait OnMedium: Store {
        /// It.
        type Medium: Medium<Store = Self>;
    }
}

/// What a node of a run keeps its sessions on. It survives the node's crashes.
pub struct Storage<S: Simulated>(pub(super) S::Medium);

impl<S: Simulated> fmt::Debug for Storage<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

/// A node's [`Memory`]. What a service keeps in its transactions' [`data`](crate::store::MemoryTx::data) survives crashes as what is committed in a
/// database does; read it by [`SimNode::store`].
pub fn memory() -> Storage<Memory> {
    Storage(MemoryMedium::default())
}

/// A node's [`Sqlite`]: a database in memory, which survives the node's crashes. `prepare` gives it the service's tables, as
/// [`Sqlite::with_schema`] does. An operation must wait for nothing but its database.
///
/// # Errors
/// Those of `prepare`.
#[cfg(feature = "sqlite")]
pub fn sqlite(prepare: impl FnOnce(Sqlite) -> Result<Sqlite, StoreError>) -> Result<Storage<Sqlite>, StoreError> {
    SqliteMedium::new(prepare).map(Storage)
}

/// A node without the type of its store.
pub(super) trait Host: Send + Sync {
    fn name(&self) -> &str;
    /// Its process, while it runs.
    fn life(&self) -> Option<Arc<Life>>;
    /// Starts it.
    fn boot(self: Arc<Self>) -> BoxFuture<'static, Result<(), String>>;
    /// Ends it at once; whether it was up.
    fn kill(&self) -> bool;
    /// How many sessions it has that are not finished; `None` while it is down.
    fn sessions(&self) -> Option<u64>;
    /// What its disk holds.
    fn rows(&self) -> Result<Vec<(SessionKey, Row)>, StoreError>;
    /// Forgets what is finished.
    fn forget(self: Arc<Self>) -> BoxFuture<'static, Result<u64, String>>;
}

type Roles<S> = Box<dyn Fn(NodeBuilder<S>) -> NodeBuilder<S> + Send + Sync>;

pub(super) struct Typed<S: Simulated> {
    name: String,
    pub(super) index: usize,
    pub(super) world: Arc<World>,
    medium: Arc<S::Medium>,
    roles: Roles<S>,
    running: Mutex<Option<Running<S>>>,
}

struct Running<S: Simulated> {
    process: Arc<Process>,
    node: Node<S>,
}

impl<S: Simulated> Typed<S> {
    pub(super) fn new(
        world: Arc<World>,
        index: usize,
        name: String,
        storage: Storage<S>,
        roles: impl Fn(NodeBuilder<S>) -> NodeBuilder<S> + Send + Sync + 'static,
    ) -> Self {
        let running = Mutex::new(None);
        Self { name, index, world, medium: Arc::new(storage.0), roles: Box::new(roles), running }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running<S>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node and its process, while it runs and does not stand still.
    pub(super) fn up(&self) -> Option<(Node<S>, Arc<Life>)> {
        let running = self.running();
        let running = running.as_ref().filter(|running| !running.process.life.stands_still())?;
        Some((running.node.clone(), Arc::clone(&running.process.life)))
    }

    async fn start(self: Arc<Self>) -> Result<(), String> {
        let life = Arc::new(Life::default());
        self.world.set_life(self.index, Some(Arc::clone(&life)));
        let process = Arc::new(Process::new(Arc::clone(&self.world), self.index, Arc::clone(&life)));
        let disk = Disk::new(Arc::clone(&self.world), self.index, Arc::clone(&life), Arc::clone(&self.medium));
        let disk = Arc::new(disk);
        let submit: Arc<Disk<S::Medium>> = Arc::clone(&disk);
        self.medium.begins().map_err(|error| error.to_string())?;
        let store = self.medium.open(submit);
        crate::node::Played::spawn(&*process, Box::pin(disk.run()));
        let transport = SimTransport { world: Arc::clone(&self.world), node: self.index, life };
        let played: Arc<Process> = Arc::clone(&process);
        let builder = (self.roles)(Node::builder(self.name.clone(), store)).transport(transport).within(played);
        let builder = match self.world.stability {
            Some((log_after, kept_bytes_max)) => builder.stability(log_after, kept_bytes_max),
            None => builder,
        };
        let node = builder.start().await.map_err(|error| error.to_string())?;
        self.world.with(|state| {
            state.ledger.pivots.extend(node.pivots());
            state.ledger.definitions.extend(node.definitions().map(|definition| (definition.fingerprint, definition)));
        });
        *self.running() = Some(Running { process, node });
        Ok(())
    }
}

impl<S: Simulated> Host for Typed<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn life(&self) -> Option<Arc<Life>> {
        self.running().as_ref().map(|running| Arc::clone(&running.process.life))
    }

    fn boot(self: Arc<Self>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(self.start())
    }

    fn kill(&self) -> bool {
        let Some(Running { process, node }) = self.running().take() else { return false };
        process.end();
        drop(node);
        true
    }

    fn sessions(&self) -> Option<u64> {
        self.running().as_ref().map(|running| running.node.counts().sessions)
    }

    fn rows(&self) -> Result<Vec<(SessionKey, Row)>, StoreError> {
        self.medium.rows()
    }

    fn forget(self: Arc<Self>) -> BoxFuture<'static, Result<u64, String>> {
        Box::pin(async move {
            let Some((node, _)) = self.up() else { return Err(format!("the node `{}` is down", self.name)) };
            node.forget(Duration::ZERO).await.map_err(|error| error.to_string())
        })
    }
}

/// A node of a run. Cloning gives another handle of it.
///
/// It starts by itself, crashes when it is told to or when a fault does it, and is up again after a while.
pub struct SimNode<S: Simulated> {
    pub(super) typed: Arc<Typed<S>>,
}

impl<S: Simulated> Clone for SimNode<S> {
    fn clone(&self) -> Self {
        Self { typed: Arc::clone(&self.typed) }
    }
}

impl<S: Simulated> fmt::Debug for SimNode<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimNode").field("name", &self.typed.name).finish_non_exhaustive()
    }
}

impl<S: Simulated> SimNode<S> {
    /// The node's name.
    pub fn name(&self) -> &str {
        &self.typed.name
    }

    /// Starts a session here, as a client does that asks until it is answered.
    pub fn start<A: Choreography + Sync>(&self, arguments: A) -> Start<S, A> {
        Start::new(Arc::clone(&self.typed), arguments)
    }

    /// What its store holds, to be read: also while the node is down.
    pub fn store(&self) -> S {
        let life = Arc::new(Life::default());
        life.end();
        let disk = Disk::new(Arc::clone(&self.typed.world), self.typed.index, life, Arc::clone(&self.typed.medium));
        self.typed.medium.open(Arc::new(disk))
    }

    /// Whether the node is up.
    pub fn is_up(&self) -> bool {
        self.typed.life().is_some()
    }

    /// Ends the node at once, as a power cut does: what is not committed is lost. It stays down until [`SimNode::restart`] or
    /// [`Sim::quiet`](super::Sim::quiet).
    ///
    /// All tasks of the node end with it, and operations where they wait. What a service has spawned itself, by [`tokio::spawn`], is a task of the
    /// run, not of the node: it goes on after the crash, as what another process does. A service that spawns hands such a task what ends it, and
    /// does nothing in it that must not outlive the node.
    pub fn crash(&self) {
        self.typed.world.kill(self.typed.index);
    }

    /// Starts the node where it is down.
    pub async fn restart(&self) {
        self.typed.world.boot(self.typed.index).await;
    }

    /// Lets the node stand still: it neither sees nor does anything, and does not know of it. [`SimNode::resume`] lets it go on.
    pub fn pause(&self) {
        self.typed.world.pause(self.typed.index);
    }

    /// Lets the node go on after [`SimNode::pause`].
    pub fn resume(&self) {
        self.typed.world.resume(self.typed.index);
    }

    /// Puts the node's time of day forward by so many milliseconds, or back. The time that passes stays as it is.
    pub fn turn_clock(&self, millis: i64) {
        self.typed.world.turn_clock(self.typed.index, millis);
    }

    /// Lets all commits fail for a while, for want of room.
    pub fn fill_disk(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.typed.world.fill_disk(self.typed.index, millis);
    }
}
