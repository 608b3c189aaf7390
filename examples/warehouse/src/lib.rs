//! Order fulfilment: a warehouse, a payment provider and a loyalty programme, each with a database of its own, joined by the choreography in
//! `warehouse.chor` and nothing else.

pub mod audit;
pub mod desk;
pub mod model;
mod services;

pub use services::{Bank, Club, Shop};

accompanist::choreo!("warehouse.chor");

/// The roles, by the names of their nodes and binaries.
pub const ROLES: [&str; 3] = ["warehouse", "payment", "loyalty"];

/// The role where orders come in.
pub const DESK: &str = "warehouse";
