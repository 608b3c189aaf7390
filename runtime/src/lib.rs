//! Accompanist: services that work together by a choreography. Crashes are masked by replay, failed sagas roll back on all roles, and there is no
//! coordinator.
//!
//! [`choreo!`] makes Rust of a choreography: a trait for each service, and for each role what a [`Node`] plays. A node has a [`store`] and, where the other
//! roles are elsewhere, a [`transport`]. The same generated code runs on the [`plain`] runtime, in memory.
//!
//! ```
//! use accompanist::store::{Memory, MemoryTx};
//! use accompanist::{BoxError, Failure, Node};
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
//! impl Desk<Memory> for Hotel {
//!     async fn book(&self, _tx: &mut MemoryTx, _guest: &String) -> Result<u64, Failure> {
//!         Ok(7)
//!     }
//!     async fn cancel(&self, _tx: &mut MemoryTx, _guest: &String, _room: &u64) -> Result<(), BoxError> {
//!         Ok(())
//!     }
//! }
//!
//! impl Bank<Memory> for Hotel {
//!     async fn charge(&self, _tx: &mut MemoryTx, guest: &String, _cents: &u64) -> Result<(), Failure> {
//!         if guest == "Ben" { Err(Failure::abort("card declined")) } else { Ok(()) }
//!     }
//!     async fn refund(&self, _tx: &mut MemoryTx, _guest: &String, _cents: &u64, _paid: &()) -> Result<(), BoxError> {
//!         Ok(())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), accompanist::Error> {
//! let node = Node::builder("hotel", Memory::new())
//!     .assign("Desk", "hotel")
//!     .assign("Bank", "hotel")
//!     .role(booking::Desk::new(Hotel))
//!     .role(booking::Bank::new(Hotel))
//!     .start()
//!     .await?;
//! assert_eq!(node.start(Booking { guest: "Ada".into() }).id("1").settled().await?, 7);
//! let refused = node.start(Booking { guest: "Ben".into() }).id("2").settled().await;
//! assert_eq!(refused.unwrap_err().reason(), Some("card declined"));
//! # Ok(())
//! # }
//! ```

mod arms;
mod context;
mod deep;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod json;
mod loopback;
mod names;
mod node;
pub mod plain;
mod quoted;
mod seldom;
#[cfg(feature = "signal")]
mod signal;
#[cfg(feature = "sim")]
pub mod sim;
#[doc(hidden)]
pub mod size;
pub mod store;
pub mod transport;

pub use accompanist_core::{Position, REASON_BYTES_MAX, Retry, SessionId, Timing};
pub use accompanist_macros::choreo;
pub use arms::{all, both};
pub use context::{
    Abort, BoxError, BoxFuture, Choreography, Compensated, Database, Definition, Failure, IdempotencyKey, Interrupted,
    Operation, Role, RoleId, ServiceOperation, SessionContext, Site, Transaction, Value, compensate, compensate_call,
    only_member, unknown_operation,
};
pub use deep::CALL_DEPTH_MAX;
#[doc(hidden)]
pub use deep::{Call, deep};
pub use error::Error;
pub use json::VALUE_DEPTH_MAX;
pub use node::{
    CLIENT_ID_BYTES_MAX, Cancelled, Counts, Handle, LOG_AFTER_DEFAULT, Limits, Node, NodeBuilder, NodeContext,
    PARTICIPANTS_MAX, Peer, RETENTION_DEFAULT, RETENTION_MIN, Start, Unfinished,
};
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[doc(hidden)]
pub use serde;
#[cfg(feature = "signal")]
pub use signal::stop_signal;
pub use size::VALUE_PARTS_MAX;

/// What generated code says of [`http`], where there is such a thing.
#[cfg(feature = "http")]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_http {
    ($($items:tt)*) => { $($items)* };
}

/// What generated code says of HTTP, where the feature `http` is off.
#[cfg(not(feature = "http"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __with_http {
    ($($items:tt)*) => {};
}
