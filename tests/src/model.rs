//! Types of the order choreography that Rust owns.

use serde::{Deserialize, Serialize};

/// An item of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The stock keeping unit.
    pub sku: String,
    /// The price in cents.
    pub price: u64,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// What is ordered.
    pub items: Vec<Item>,
    /// Who orders.
    pub customer: String,
}
