//! Accompanist: services coordinate by a choreography, crashes are masked by replay, failed sagas roll back on all roles, and
//! there is no coordinator.

mod context;
pub mod store;
pub mod transport;

pub use context::{
    BoxError, BoxFuture, Choreography, Database, Definition, Failure, IdempotencyKey, Interrupted, Operation, Role,
    RoleId, SessionContext, Site, Transaction, Value, compensate, unknown_operation,
};
#[cfg(feature = "sqlite")]
pub use rusqlite;
#[doc(hidden)]
pub use serde;
