//! Types and functions of the choreographies in `fixtures/` that Rust owns.

use std::collections::BTreeMap;

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

/// The first characters of the words of a name.
pub fn initials(name: &str, count: &usize) -> String {
    name.split_whitespace().flat_map(|word| word.chars().take(*count)).collect()
}

/// The item that costs least.
pub fn cheapest(items: &[Item]) -> Option<Item> {
    items.iter().min_by_key(|item| item.price).cloned()
}

/// Half of an amount.
pub fn half(amount: &u64) -> u64 {
    amount / 2
}

/// A value with a field that a choreography does not see.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sealed {
    /// Its name.
    pub name: String,
    /// Its level.
    pub level: u8,
    seal: u64,
}

impl Sealed {
    /// A new one.
    pub fn new(name: &str, seal: u64) -> Self {
        Self { name: name.to_owned(), level: 1, seal }
    }

    /// What it is sealed with.
    pub fn seal(&self) -> u64 {
        self.seal
    }
}

/// Exchange rates by pairs of currencies: JSON has no such keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Cents for a hundred.
    pub by_pair: BTreeMap<(String, String), u64>,
}

/// An amount that is written as twice what it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Doubled {
    /// The amount.
    #[serde(serialize_with = "twice")]
    pub cents: u64,
}

fn twice<S: serde::Serializer>(cents: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(cents * 2)
}
