//! The world that the demo plays in: products, rates, countries, customers and carts. Every service keeps the part of it that is its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What there is at the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Products, by their names.
    pub products: BTreeMap<String, Product>,
    /// What 1 000 000 cents of the shop's own currency are in cents of others.
    pub rates: BTreeMap<String, u64>,
    /// Countries that parcels are sent to.
    pub countries: BTreeMap<String, Country>,
    /// Customers, by their names.
    pub customers: BTreeMap<String, Customer>,
    /// What is in each cart: how many of which products.
    pub carts: BTreeMap<u64, BTreeMap<String, u32>>,
}

/// A product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Product {
    /// Its price, in cents of the shop's own currency.
    pub cents: u64,
    /// Its weight.
    pub grams: u64,
    /// Whether it is to be had.
    #[serde(default = "yes")]
    pub sold: bool,
}

fn yes() -> bool {
    true
}

/// A country.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Country {
    /// What a parcel costs, in cents of the shop's own currency.
    pub cents: u64,
    /// What each kilogram that it has begun costs besides.
    pub cents_per_kg: u64,
    /// The heaviest parcel that is carried there.
    pub grams_max: u64,
}

/// A customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Customer {
    /// Where parcels go.
    pub country: String,
    /// Where mails go, where that is known.
    pub mail: Option<String>,
    /// The number of the customer's card.
    pub card: String,
    /// What the customer pays in.
    pub currency: String,
}

impl Country {
    /// What a parcel costs.
    #[must_use]
    pub fn fee(&self, grams: u64) -> u64 {
        self.cents.saturating_add(self.cents_per_kg.saturating_mul(grams.div_ceil(1000)))
    }
}

/// An amount in another currency, of which 1 000 000 cents are `rate`: a part of a cent is a cent.
#[must_use]
pub fn converted(cents: u64, rate: u64) -> Option<u64> {
    let parts = u128::from(cents) * u128::from(rate);
    u64::try_from(parts.div_ceil(1_000_000)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_rounded_up() {
        let country = Country { cents: 400, cents_per_kg: 150, grams_max: 5000 };
        assert_eq!([0, 1, 1000, 1001].map(|grams| country.fee(grams)), [400, 550, 550, 700]);
        assert_eq!([0, 1, 100].map(|cents| converted(cents, 1_081_300)), [Some(0), Some(2), Some(109)]);
        assert_eq!((converted(7, 1_000_000), converted(u64::MAX, 1_000_001)), (Some(7), None));
    }
}
