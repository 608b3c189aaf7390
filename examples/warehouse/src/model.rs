//! What orders are made of, and the world that the demo starts in.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

/// One article of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The stock keeping unit.
    pub sku: String,
    /// How many, in pieces.
    pub count: u64,
    /// The price of one, in cents.
    pub price: u64,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// Who orders.
    pub customer: String,
    /// What is ordered.
    pub items: Vec<Item>,
}

impl Order {
    /// The price of everything, in cents.
    pub fn total(&self) -> u64 {
        self.items.iter().map(|item| item.count.saturating_mul(item.price)).sum()
    }

    /// The number of pieces.
    pub fn pieces(&self) -> u64 {
        self.items.iter().map(|item| item.count).sum()
    }
}

/// A customer at the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    /// What is on the card, in cents.
    pub balance: u64,
    /// The loyalty programme does not want this customer.
    #[serde(default)]
    pub barred: bool,
}

/// What the three services have at the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Pieces in stock, by stock keeping unit.
    pub stock: BTreeMap<String, u64>,
    /// The customers, by name.
    pub customers: BTreeMap<String, Customer>,
}

/// Reads orders from a file with one JSON object a line.
///
/// # Errors
/// Where the file is not there, or a line is no order.
pub fn read_orders(path: &Path) -> anyhow::Result<Vec<Order>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, line)| {
            serde_json::from_str(line).with_context(|| format!("{}:{}: not an order", path.display(), index + 1))
        })
        .collect()
}
