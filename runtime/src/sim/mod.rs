//! The simulator: choreographies on a virtual clock, network and disk, with faults, from one seed.
//!
//! It runs the generated code, the services and the [`Node`](crate::Node) that run in production, unchanged. Time passes as fast as the computer can make it;
//! frames are delayed, lost, repeated and reordered; commits fail, and nodes crash before and after them, are cut off from each other, stand
//! still, and come back. All of that follows from a seed: a run that fails prints its seed, is the same when it is run again, and is drawn as
//! a sequence diagram.
//!
//! When a run is over, the simulator sees to it that all sessions settle, and holds the stores against what is promised: one outcome per session,
//! everything committed or everything undone, each transaction committed and undone at most once and in the right order, nothing acknowledged lost,
//! nothing left when sessions are forgotten. A test adds what its services must agree on.
//!
//! ```
//! use accompanist::sim::{self, Faults};
//! use accompanist::store::{Memory, MemoryTx};
//! use accompanist::{BoxError, Failure};
//!
//! accompanist::choreo! {
//!     service Desk { transaction book(guest: String) -> u64 compensate cancel; }
//!     service Bank { transaction charge(guest: String, cents: u64) compensate refund; }
//!
//!     choreography Booking<Desk, Bank>(guest: String@Desk) -> u64@Desk {
//!         let room = Desk.book(guest);
//!         let bill = (guest, 12_000) ~> Bank;
//!         Bank.charge(bill.0, bill.1);
//!         room
//!     }
//! }
//!
//! struct Hotel;
//!
//! #[derive(Clone, Default)]
//! struct Rooms(u64);
//!
//! impl Desk<Memory> for Hotel {
//!     async fn book(&self, tx: &mut MemoryTx, _guest: &String) -> Result<u64, Failure> {
//!         tx.data::<Rooms>().0 += 1;
//!         Ok(tx.data::<Rooms>().0)
//!     }
//!     async fn cancel(&self, tx: &mut MemoryTx, _guest: &String, _room: &u64) -> Result<(), BoxError> {
//!         tx.data::<Rooms>().0 -= 1;
//!         Ok(())
//!     }
//! }
//!
//! #[derive(Clone, Default)]
//! struct Charged(u64);
//!
//! impl Bank<Memory> for Hotel {
//!     async fn charge(&self, tx: &mut MemoryTx, guest: &String, _cents: &u64) -> Result<(), Failure> {
//!         if guest == "Ben" {
//!             return Err(Failure::abort("card declined"));
//!         }
//!         tx.data::<Charged>().0 += 1;
//!         Ok(())
//!     }
//!     async fn refund(&self, tx: &mut MemoryTx, _guest: &String, _cents: &u64, _paid: &()) -> Result<(), BoxError> {
//!         tx.data::<Charged>().0 -= 1;
//!         Ok(())
//!     }
//! }
//!
//! # fn main() {
//! sim::seeds(0..50).faults(Faults::all()).run(|sim| async move {
//!     let desk = sim.node("desk", sim::memory(), |node| node.role(booking::Desk::new(Hotel)));
//!     let bank = sim.node("bank", sim::memory(), |node| node.role(booking::Bank::new(Hotel)));
//!     let refused = desk.start(Booking { guest: "Ben".into() }).id("1").settled().await;
//!     assert_eq!(refused.unwrap_err().reason(), Some("card declined"));
//!     desk.start(Booking { guest: "Ada".into() }).id("2").settled().await.unwrap();
//!     sim.quiet().await;
//!     assert_eq!(desk.store().data::<Rooms>().0, 1);
//!     assert_eq!(bank.store().data::<Charged>().0, 1);
//! });
//! # }
//! ```

mod cancel;
mod chance;
mod check;
mod client;
mod diagram;
mod disk;
mod faults;
mod history;
mod ledger;
mod life;
mod network;
mod node;
mod optional;
mod pivots;
mod random;
mod roles;
mod seeds;
mod trace;
mod world;

use std::fmt;
use std::future::pending;
use std::ops::Range;
use std::sync::Arc;

pub use self::client::Start;
pub use self::faults::{Fault, Faults};
pub use self::history::{PartHistory, SessionHistory, TransactionHistory};
#[cfg(feature = "sqlite")]
pub use self::node::sqlite;
use self::node::{Host, Typed};
pub use self::node::{SimNode, Simulated, Storage, memory};
pub use self::seeds::{Failed, Report, Seeds, seeds};
use self::world::World;
use crate::node::NodeBuilder;

/// One run, from within. Cloning gives another handle of it.
///
/// Everything happens in one thread, on the virtual clock of a paused tokio runtime: [`tokio::time`] and [`tokio::spawn`] are as usual. What a
/// test does must follow from the seed, too: take chance from [`Sim::random`], and no order from a `HashMap`.
#[derive(Clone)]
pub struct Sim {
    world: Arc<World>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").finish_non_exhaustive()
    }
}

impl Sim {
    /// A new node, which starts by itself. `roles` is given its builder now and after every crash.
    pub fn node<S: Simulated>(
        &self,
        name: &str,
        storage: Storage<S>,
        roles: impl Fn(NodeBuilder<S>) -> NodeBuilder<S> + Send + Sync + 'static,
    ) -> SimNode<S> {
        let mut typed = None;
        self.world.add(name, |index| {
            let host = Arc::new(Typed::new(Arc::clone(&self.world), index, name.to_owned(), storage, roles));
            typed = Some(Arc::clone(&host));
            host as Arc<dyn Host>
        });
        SimNode { typed: typed.expect("the world makes a host of every node") }
    }

    /// No frame gets from any of `one` to any of `other`, nor back, until [`Sim::heal`]. Nodes that are not there are left out.
    pub fn partition(&self, one: &[&str], other: &[&str]) {
        self.cut(one, other);
        self.cut(other, one);
    }

    /// No frame gets from any of `from` to any of `to`, until [`Sim::heal`].
    pub fn cut(&self, from: &[&str], to: &[&str]) {
        let pairs = self.world.with(|state| {
            let known = |names: &[&str]| names.iter().filter_map(|name| state.node(name)).collect::<Vec<_>>();
            let (from, to) = (known(from), known(to));
            from.into_iter().flat_map(|one| to.iter().map(move |other| (one, *other))).collect::<Vec<_>>()
        });
        self.world.cut(&pairs);
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        let count = self.world.hosts().len();
        let pairs: Vec<_> = (0..count).flat_map(|one| (0..count).map(move |other| (one, other))).collect();
        self.world.heal(&pairs);
    }

    /// Ends all faults for the rest of the run, starts what is down, and waits until every session has settled and every client has been answered.
    /// What the simulator checks is checked.
    ///
    /// # Panics
    /// Never of itself: where a session never settles, or a check fails, the run ends here.
    pub async fn quiet(&self) {
        if let Err((what, session)) = self.world.quiet().await {
            self.world.fail(what, session);
            pending::<()>().await;
        }
    }

    /// What has been committed so far, session by session.
    pub fn history(&self) -> Vec<SessionHistory> {
        self.world.with(|state| history::of(&state.ledger))
    }

    /// A number of the range, which follows from the seed.
    pub fn random(&self, range: Range<u64>) -> u64 {
        self.world.with(|state| state.random.within(range))
    }
}
