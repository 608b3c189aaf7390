//! The audit: do the databases, each read by itself, and the ledger of the payment program, agree with what the customers were told? Every confirmed order
//! has its payment, its parcel, its mail and an emptied cart; of a refused one nothing is left; and no card is charged twice, or for nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use accompanist::rusqlite::Connection;
use example_support::audit::{Findings, map, open};
use example_support::demo::Outcomes;
use serde::Deserialize;

use crate::desk::Outcome;
use crate::services::letter;
use crate::world::{World, converted};
use crate::{Confirmation, Item, Order, PROGRAM, ROLES};

/// The transactions, and their compensations where they have one.
const OPERATIONS: [(&str, &str, &str); 5] = [
    ("cart", "hold", "release"),
    ("cart", "empty", "refill"),
    ("client", "file", "unfile"),
    ("email", "send", "none"),
    ("shipping", "dispatch", "recall"),
];

/// The cards that the payment program begins with, by their numbers.
pub type Cards = BTreeMap<String, Card>;

/// What is compared of a card.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// What may still be charged.
    pub credit: u64,
}

/// Compares the databases in `directory`, one for each role and the ledger, with the answers that were given, once all is settled.
///
/// # Errors
/// Where a database cannot be read.
pub fn audit(
    directory: &Path,
    world: &World,
    cards: &Cards,
    orders: &[Order],
    outcomes: &Outcomes<Confirmation>,
) -> anyhow::Result<Findings> {
    let databases: BTreeMap<&str, Connection> =
        ROLES.into_iter().map(|role| Ok((role, open(directory, role)?))).collect::<anyhow::Result<_>>()?;
    let mut findings = Findings::default();
    let mut told =
        Told { credits: cards.iter().map(|(number, card)| (number, card.credit)).collect(), ..Told::default() };
    for order in orders {
        match outcomes.get(&order.id) {
            Some(Outcome::Fulfilled(confirmation)) => {
                let wrong = (expected(world, order, confirmation).as_ref() != Some(confirmation)).then(|| {
                    format!("{confirmation:?} is not what was ordered: {order:?}, {:?}", world.carts.get(&order.cart))
                });
                findings.differences.extend(wrong);
                told.confirm(world, order, confirmation, &mut findings);
            }
            Some(Outcome::RolledBack(_)) => told.refused.push(order),
            outcome => findings.differences.push(format!("order {} was answered {outcome:?}", order.id)),
        }
    }
    for (role, database) in &databases {
        told.compare(world, role, database, &mut findings)?;
        findings.expect_quiet(role, database)?;
    }
    for (role, operation, compensation) in OPERATIONS {
        let Some(database) = databases.get(role) else { continue };
        findings.count_work(role, database, operation, compensation)?;
        told.compare_history(role, database, (operation, compensation), &mut findings)?;
    }
    told.compare_ledger(&open(directory, PROGRAM)?, &mut findings)?;
    Ok(findings)
}

/// What the customers were told, in the words of the databases.
#[derive(Default)]
struct Told<'a> {
    purchases: BTreeMap<String, String>,
    parcels: BTreeMap<String, String>,
    mails: BTreeMap<String, String>,
    /// The one line of the ledger that an order has.
    payments: BTreeMap<String, String>,
    /// Cards, and what may still be charged.
    credits: BTreeMap<&'a String, u64>,
    /// Carts, and whose they have become.
    emptied: BTreeMap<u64, u64>,
    confirmed: Vec<&'a Order>,
    refused: Vec<&'a Order>,
}

impl<'a> Told<'a> {
    fn confirm(&mut self, world: &World, order: &'a Order, confirmation: &Confirmation, findings: &mut Findings) {
        self.confirmed.push(order);
        let (id, Order { country, currency, card, .. }) = (order.id.to_string(), order);
        let Confirmation { items, total, payment, tracking, .. } = confirmation;
        let text = serde_json::to_string(confirmation).unwrap_or_else(|error| error.to_string());
        self.purchases.insert(id.clone(), text);
        self.parcels.insert(id.clone(), format!("{tracking} to {country}, {} g, worth {total}", weight(items)));
        let mail = world.customers.get(&order.customer).and_then(|customer| customer.mail.as_deref());
        self.mails.insert(id.clone(), format!("{}: {}", mail.unwrap_or("nowhere"), letter(confirmation)));
        self.payments.insert(id, format!("{payment}: charge of {total} {currency}, {card}"));
        let credit = self.credits.get_mut(card).and_then(|credit| {
            *credit = credit.checked_sub(*total)?;
            Some(())
        });
        if credit.is_none() {
            findings.differences.push(format!("order {} is paid by a card without credit, {card}", order.id));
        }
        if let Some(other) = self.emptied.insert(order.cart, order.id) {
            findings
                .differences
                .push(format!("cart {} is sold by order {other} and by order {}", order.cart, order.id));
        }
    }

    /// What a role's own tables have.
    fn compare(&self, world: &World, role: &str, database: &Connection, findings: &mut Findings) -> anyhow::Result<()> {
        let found = |sql| texts(database, sql);
        match role {
            "cart" => {
                let full = world.carts.iter().filter(|(cart, _)| !self.emptied.contains_key(cart));
                let lines = full.flat_map(|(cart, lines)| {
                    lines.iter().map(move |(product, amount)| (format!("{cart} of {product}"), amount.to_string()))
                });
                let sql =
                    "SELECT cart || ' of ' || product, amount || ifnull(' kept for order ' || held_for, '') FROM line";
                findings.compare("what is in cart", &lines.collect(), &found(sql)?);
            }
            "client" => {
                let sql = "SELECT CAST(id AS TEXT), confirmation FROM purchase";
                findings.compare("the purchase", &self.purchases, &found(sql)?);
            }
            "email" => {
                let sql = "SELECT CAST(purpose AS TEXT), group_concat(receiver || ': ' || text, ' and ') FROM sent GROUP BY purpose";
                findings.compare("the mail of order", &self.mails, &found(sql)?);
            }
            "shipping" => {
                let sql = "SELECT CAST(purpose AS TEXT), printf('T-%06d to %s, %d g, worth %d', number, country, grams, worth) FROM parcel";
                findings.compare("the parcel of order", &self.parcels, &found(sql)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// A confirmed order took effect once, with nothing undone; all of a refused one was undone.
    fn compare_history(
        &self,
        role: &str,
        database: &Connection,
        (operation, compensation): (&str, &str),
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let count = |operation| {
            let sql = format!("SELECT subject, count(*) FROM history WHERE operation = '{operation}' GROUP BY subject");
            map(database, &sql)
        };
        let (done, undone) = (count(operation)?, count(compensation)?);
        let of =
            |counts: &BTreeMap<String, u64>, order: &Order| counts.get(&order.id.to_string()).copied().unwrap_or(0);
        for (order, is_confirmed) in self.answered() {
            let (done, undone) = (of(&done, order), of(&undone, order));
            let right = if is_confirmed { (done, undone) == (1, 0) } else { done == undone && done <= 1 };
            if !right {
                let answer = if is_confirmed { "confirmed" } else { "refused" };
                findings.differences.push(format!(
                    "order {} is {answer}, but at {role} {operation} took effect {done} times and {compensation} {undone} times",
                    order.id
                ));
            }
        }
        self.expect_known(role, done.keys().chain(undone.keys()), findings);
        Ok(())
    }

    /// The payment program has charged a confirmed order once; it has charged a refused one and given it back, or nothing.
    fn compare_ledger(&self, ledger: &Connection, findings: &mut Findings) -> anyhow::Result<()> {
        let sql = "SELECT CAST(purpose AS TEXT), group_concat(printf('P-%06d: %s of %d %s, %s', id, kind, amount, currency, card), ' and ' ORDER BY id)
            FROM entry GROUP BY purpose";
        let entries = texts(ledger, sql)?;
        for (order, is_confirmed) in self.answered() {
            let id = order.id.to_string();
            let (expected, found) = (self.payments.get(&id), entries.get(&id));
            let right = match found {
                Some(found) if !is_confirmed => is_given_back(found),
                found => found == expected,
            };
            if !right {
                let or = |text: Option<&String>| text.map_or_else(|| "nothing".to_owned(), Clone::clone);
                findings.differences.push(format!(
                    "the ledger's order {id}: {} expected, {} found",
                    or(expected),
                    or(found)
                ));
            }
        }
        self.expect_known(PROGRAM, entries.keys(), findings);
        let credits = map(ledger, "SELECT number, credit FROM card")?;
        let expected = self.credits.iter().map(|(number, credit)| ((*number).clone(), *credit)).collect();
        findings.compare("the credit of card", &expected, &credits);
        let kinds = map(ledger, "SELECT kind, count(*) FROM entry GROUP BY kind")?;
        let work = findings.work.entry(PROGRAM).or_default();
        work.transactions += kinds.get("charge").copied().unwrap_or(0);
        work.compensations += kinds.get("refund").copied().unwrap_or(0);
        Ok(())
    }

    /// Every order, and whether it is confirmed.
    fn answered(&self) -> impl Iterator<Item = (&'a Order, bool)> {
        self.confirmed.iter().map(|order| (*order, true)).chain(self.refused.iter().map(|order| (*order, false)))
    }

    fn expect_known<'b>(&self, place: &str, orders: impl Iterator<Item = &'b String>, findings: &mut Findings) {
        let known: BTreeSet<String> = self.answered().map(|(order, _)| order.id.to_string()).collect();
        let strangers = orders.filter(|order| !known.contains(*order));
        findings.differences.extend(strangers.map(|order| format!("nobody has placed the order {order} of {place}")));
    }
}

/// Whether the lines of an order are a charge and its refund.
fn is_given_back(lines: &str) -> bool {
    let part = |text: &str, kind: &str| Some(text.split_once(&format!(": {kind} of "))?.1.to_owned());
    lines.split_once(" and ").is_some_and(|(first, second)| {
        let (charge, refund) = (part(first, "charge"), part(second, "refund"));
        charge.is_some() && charge == refund
    })
}

fn texts(database: &Connection, sql: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut select = database.prepare(sql)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn weight(items: &[Item]) -> u64 {
    items.iter().map(|item| u64::from(item.amount) * item.grams).sum()
}

/// The confirmation that an order is to have, with the numbers of the payment and the parcel that it has; `None` where it is to have none.
fn expected(world: &World, order: &Order, confirmation: &Confirmation) -> Option<Confirmation> {
    let items = world.carts.get(&order.cart)?.iter().map(|(product, amount)| {
        let known = world.products.get(product).filter(|known| known.sold)?;
        Some(Item { product: product.clone(), amount: *amount, cents: known.cents, grams: known.grams })
    });
    let items: Vec<Item> = items.collect::<Option<_>>()?;
    let country = world.countries.get(&order.country).filter(|country| weight(&items) <= country.grams_max)?;
    let price: u64 = items.iter().map(|item| u64::from(item.amount) * item.cents).sum();
    let total = converted(price + country.fee(weight(&items)), *world.rates.get(&order.currency)?)?;
    Some(Confirmation { order: order.id, items, total, ..confirmation.clone() })
}
