//! Accompanist: services coordinate by a choreography, crashes are masked by replay, failed sagas roll back on all roles, and
//! there is no coordinator.

mod context;
mod error;
mod names;
mod node;
pub mod plain;
pub mod store;
pub mod transport;

pub use accompanist_core::{SessionId, Timing};
pub use accompanist_macros::choreo;
pub use context::{
    BoxError, BoxFuture, Choreography, Database, Definition, Failure, IdempotencyKey, Interrupted, Operation, Role,
    RoleId, SessionContext, Site, Transaction, Value, compensate, unknown_operation,
};
pub use error::Error;
pub use node::{
    CLIENT_ID_BYTES_MAX, Counts, Handle, Node, NodeBuilder, NodeContext, RETENTION_DEFAULT, RETENTION_MIN, Start,
};
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[doc(hidden)]
pub use serde;
