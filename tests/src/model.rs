//! Types and functions of the choreographies in `fixtures/` that Rust owns.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};

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

/// Which version of the type behind [`Parcel`] is deployed: 1 has no channel; 2 must have one; 3 has one with a default.
pub static PARCEL_VERSION: AtomicU8 = AtomicU8::new(1);

/// A type that changes while sessions are in flight.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// Its number.
    pub id: u64,
    /// Who sends it.
    pub customer: String,
    /// How it was ordered.
    pub channel: String,
}

#[derive(Serialize, Deserialize)]
struct ParcelForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    id: u64,
    customer: String,
}

impl Serialize for Parcel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let channel = (PARCEL_VERSION.load(Ordering::SeqCst) > 1).then(|| self.channel.clone());
        ParcelForm { channel, id: self.id, customer: self.customer.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ParcelForm { id, customer, channel } = ParcelForm::deserialize(deserializer)?;
        match (PARCEL_VERSION.load(Ordering::SeqCst), channel) {
            (2, None) => Err(serde::de::Error::missing_field("channel")),
            (_, channel) => Ok(Self { id, customer, channel: channel.unwrap_or_default() }),
        }
    }
}

/// Nests as deep as it is made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nest {
    inner: Vec<Nest>,
}

/// A nest of that many nests and one.
pub fn nest(depth: &u64) -> Nest {
    (0..*depth).fold(Nest { inner: vec![] }, |inner, _| Nest { inner: vec![inner] })
}

/// A text of so many bytes.
pub fn text_of(bytes: &usize) -> String {
    "a".repeat(*bytes)
}
