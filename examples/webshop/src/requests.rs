//! What customers put into carts and order, all of it from one seed.

use std::collections::BTreeMap;

use example_support::random::Random;

use crate::Order;
use crate::world::{Customer, World};

/// So many products are in a cart at most.
const PRODUCTS_MAX: u32 = 4;
/// So many of one product are in a cart at most.
const AMOUNT_MAX: u32 = 3;
/// One of so many orders is for the cart of the order before it, as if somebody had pressed the button twice.
const TWICE_IN: u32 = 12;
/// One of so many orders is sent somewhere else than home.
const ELSEWHERE_IN: u32 = 30;

/// So many orders, numbered from 1, and what is in their carts.
pub fn orders(world: &World, count: usize, random: &mut Random) -> (Vec<Order>, BTreeMap<u64, BTreeMap<String, u32>>) {
    let products: Vec<&String> = world.products.keys().collect();
    let customers: Vec<(&String, &Customer)> = world.customers.iter().collect();
    let (mut orders, mut carts): (Vec<Order>, BTreeMap<u64, BTreeMap<String, u32>>) = Default::default();
    for id in (1..).take(count) {
        if let Some(before) = orders.last().filter(|_| random.below(TWICE_IN) == 0) {
            orders.push(Order { id, ..before.clone() });
            continue;
        }
        let Some((name, customer)) = random.pick(&customers).copied() else { break };
        let kinds = 1 + random.below(PRODUCTS_MAX);
        let lines = (0..kinds).filter_map(|_| {
            let product = random.pick(&products).map(|product| (*product).clone())?;
            Some((product, 1 + random.below(AMOUNT_MAX)))
        });
        carts.insert(id, lines.collect());
        let country = if random.below(ELSEWHERE_IN) == 0 { "Atlantis".to_owned() } else { customer.country.clone() };
        let (customer, currency, card) = (name.clone(), customer.currency.clone(), customer.card.clone());
        orders.push(Order { id, cart: id, customer, country, currency, card });
    }
    (orders, carts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything() {
        let product = crate::world::Product { cents: 1, grams: 1, sold: true };
        let customer =
            Customer { country: "here".to_owned(), mail: None, card: "1".to_owned(), currency: "EUR".to_owned() };
        let products = ["a", "b", "c"].map(|name| (name.to_owned(), product.clone()));
        let customers = ["x", "y"].map(|name| (name.to_owned(), customer.clone()));
        let world = World { products: products.into(), customers: customers.into(), ..World::default() };
        let all = |seed| {
            let mut random = Random::new(seed);
            let (orders, carts) = orders(&world, 100, &mut random);
            (format!("{orders:?} {carts:?}"), orders, carts)
        };
        let (text, made, carts) = all(7);
        assert_eq!(text, all(7).0);
        assert_ne!(text, all(8).0);
        assert_eq!(made.len(), 100);
        assert!(carts.len() < 100 && made.iter().all(|order| carts.contains_key(&order.cart)), "{text}");
    }
}
