//! The audit: do the three databases, each read by itself, agree to the last unit with what the customers were told?

use std::collections::BTreeMap;
use std::path::Path;

use example_support::audit::{Findings, map, open};

use crate::ROLES;
use crate::desk::Outcome;
use crate::model::{Order, World};
use crate::services::CENTS_PER_POINT;

/// The operations and their compensations.
const OPERATIONS: [(&str, &str, &str); 4] = [
    ("warehouse", "reserve", "release"),
    ("warehouse", "ship", "recall"),
    ("payment", "charge", "refund"),
    ("loyalty", "award", "revoke"),
];

/// Compares the databases in `directory` (`warehouse.db`, `payment.db`, `loyalty.db`) with the answers that were given, once all is settled.
///
/// # Errors
/// Where a database cannot be read.
pub fn audit(
    directory: &Path,
    world: &World,
    orders: &[Order],
    outcomes: &BTreeMap<u64, Outcome>,
) -> anyhow::Result<Findings> {
    let [warehouse, payment, loyalty] = ROLES.map(|role| open(directory, role));
    let (warehouse, payment, loyalty) = (warehouse?, payment?, loyalty?);
    let mut findings = Findings::default();
    let committed: Vec<&Order> =
        orders.iter().filter(|order| matches!(outcomes.get(&order.id), Some(Outcome::Fulfilled(_)))).collect();

    let mut pieces = world.stock.clone();
    let mut balances: BTreeMap<_, _> =
        world.customers.iter().map(|(name, customer)| (name.clone(), customer.balance)).collect();
    let mut points: BTreeMap<_, _> = world.customers.keys().map(|name| (name.clone(), 0)).collect();
    for order in &committed {
        for item in &order.items {
            *pieces.entry(item.sku.clone()).or_default() -= item.count;
        }
        *balances.entry(order.customer.clone()).or_default() -= order.total();
        *points.entry(order.customer.clone()).or_default() += order.total() / CENTS_PER_POINT;
    }
    findings.compare("pieces in stock of", &pieces, &map(&warehouse, "SELECT sku, pieces FROM stock")?);
    findings.compare("cents on the card of", &balances, &map(&payment, "SELECT customer, balance FROM card")?);
    findings.compare("points of", &points, &map(&loyalty, "SELECT customer, points FROM member")?);
    let paid = committed.iter().fold(BTreeMap::new(), |mut paid: BTreeMap<String, u64>, order| {
        *paid.entry(order.customer.clone()).or_default() += order.total();
        paid
    });
    let payments = map(&payment, "SELECT customer, sum(amount) FROM payment GROUP BY customer")?;
    findings.compare("cents of payments of", &paid, &payments);
    let shipped = committed.iter().map(|order| (order.id.to_string(), 1)).collect();
    let shipments = map(&warehouse, "SELECT CAST(order_id AS TEXT), count(*) FROM shipment GROUP BY order_id")?;
    findings.compare("shipments of order", &shipped, &shipments);

    for (role, operation, compensation) in OPERATIONS {
        let database = match role {
            "warehouse" => &warehouse,
            "payment" => &payment,
            _ => &loyalty,
        };
        let (done, undone) = findings.count_work(role, database, operation, compensation)?;
        if done.checked_sub(undone) != Some(committed.len() as u64) {
            findings.differences.push(format!(
                "{} orders are fulfilled, but {operation} took effect {done} times and {compensation} {undone} times",
                committed.len()
            ));
        }
    }
    for (role, database) in ROLES.into_iter().zip([&warehouse, &payment, &loyalty]) {
        findings.expect_quiet(role, database)?;
    }
    Ok(findings)
}
