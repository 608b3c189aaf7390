//! Order fulfilment: a warehouse, a payment provider and a loyalty programme, each with a database of its own, joined by the choreography in
//! `warehouse.chor` and nothing else.

pub mod audit;
pub mod desk;
pub mod drive;
pub mod model;
pub mod node;
mod services;

pub use services::{Bank, Club, Shop};

accompanist::choreo!("warehouse.chor");
