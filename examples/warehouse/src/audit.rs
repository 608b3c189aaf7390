//! The audit: do the three databases, each read by itself, agree to the last unit with what the customers were told?

use std::collections::BTreeMap;
use std::path::Path;

use accompanist::rusqlite::{Connection, OpenFlags};
use anyhow::Context as _;

use crate::desk::Outcome;
use crate::model::{Order, World};
use crate::services::{CENTS_PER_POINT, stock};

/// What happened at one role, from its history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How many transactions committed.
    pub transactions: u64,
    /// How many of them were compensated.
    pub compensations: u64,
}

/// What the databases say.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Per role.
    pub work: BTreeMap<&'static str, Work>,
    /// Every difference, in words.
    pub differences: Vec<String>,
}

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
    let [warehouse, payment, loyalty] = ["warehouse", "payment", "loyalty"].map(|role| open(directory, role));
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
    findings.compare("pieces in stock of", &pieces, &stock(&warehouse)?.into_iter().collect());
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
        let done = count(database, operation)?;
        let undone = count(database, compensation)?;
        let work = findings.work.entry(role).or_default();
        work.transactions += done;
        work.compensations += undone;
        if done.checked_sub(undone) != Some(committed.len() as u64) {
            findings.differences.push(format!(
                "{} orders are fulfilled, but {operation} took effect {done} times and {compensation} {undone} times",
                committed.len()
            ));
        }
    }
    for (name, database) in [("warehouse", &warehouse), ("payment", &payment), ("loyalty", &loyalty)] {
        let open: u64 =
            database.query_row("SELECT count(*) FROM accompanist_session WHERE finished_at IS NULL", [], |row| {
                row.get(0)
            })?;
        if open > 0 {
            findings.differences.push(format!("{open} sessions are not over at the {name}"));
        }
    }
    Ok(findings)
}

impl Findings {
    fn compare(&mut self, what: &str, expected: &BTreeMap<String, u64>, found: &BTreeMap<String, u64>) {
        let mut names: Vec<_> = expected.keys().chain(found.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (expected, found) = (expected.get(name), found.get(name));
            if expected != found {
                let say = |count: Option<&u64>| count.map_or("none".to_owned(), u64::to_string);
                self.differences.push(format!("{what} {name}: {} expected, {} found", say(expected), say(found)));
            }
        }
    }
}

fn open(directory: &Path, role: &str) -> anyhow::Result<Connection> {
    let path = directory.join(format!("{role}.db"));
    Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_context(|| format!("cannot open {}", path.display()))
}

fn map(database: &Connection, sql: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut select = database.prepare(sql)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn count(database: &Connection, operation: &str) -> anyhow::Result<u64> {
    Ok(database.query_row("SELECT count(*) FROM history WHERE operation = ?1", [operation], |row| row.get(0))?)
}
