//! The mailroom: who is reached where, and what has been sent.

use accompanist::rusqlite::{OptionalExtension as _, params};
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::world::World;
use crate::{Confirmation, Email};

/// The service of the mailroom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mailroom;

impl Mailroom {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let known = world.customers.iter().filter_map(|(name, customer)| Some((name, customer.mail.as_ref()?)));
        let addresses = known.map(|(name, mail)| {
            format!("INSERT OR IGNORE INTO address VALUES ({}, {});\n", literal(name), literal(mail))
        });
        let tables = "CREATE TABLE IF NOT EXISTS address (customer TEXT PRIMARY KEY, mail TEXT NOT NULL) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS sent
            (id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, purpose INTEGER NOT NULL, text TEXT NOT NULL);\n";
        with_history(database, &(tables.to_owned() + &addresses.collect::<String>()))
    }
}

/// What is written to a customer.
pub(crate) fn letter(confirmation: &Confirmation) -> String {
    let Confirmation { order, items, total, payment, tracking } = confirmation;
    let items: Vec<String> = items.iter().map(|item| format!("{} x {}", item.amount, item.product)).collect();
    format!(
        "Your order {order} ({}) is on its way as {tracking}. You have paid {}.{:02}, receipt {payment}.",
        items.join(", "),
        total / 100,
        total % 100
    )
}

impl<D: Database<Tx = SqliteTx>> Email<D> for Mailroom {
    async fn send(&self, tx: &mut SqliteTx, customer: &String, confirmation: &Confirmation) -> Result<(), Failure> {
        let mut select = tx.prepare_cached("SELECT mail FROM address WHERE customer = ?1")?;
        let Some(mail) = select.query_row([customer], |row| row.get::<_, String>(0)).optional()? else {
            return Err(Failure::abort(format!("mail address unknown: {customer}")));
        };
        tx.prepare_cached("INSERT INTO sent (receiver, purpose, text) VALUES (?1, ?2, ?3)")?.execute(params![
            mail,
            confirmation.order,
            letter(confirmation)
        ])?;
        Ok(note(tx, "send", &confirmation.order.to_string())?)
    }
}
