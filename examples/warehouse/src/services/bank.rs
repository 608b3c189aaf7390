//! The payment provider: cards and payments.

use accompanist::rusqlite::{OptionalExtension as _, params};
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::Payment;
use crate::model::World;

/// The payment provider's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bank;

impl Bank {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let cards = world.customers.iter().map(|(name, customer)| {
            let (name, balance) = (literal(name), customer.balance);
            format!("INSERT OR IGNORE INTO card (customer, balance) VALUES ({name}, {balance});\n")
        });
        let fill: String = cards.collect();
        let schema = format!(
            "CREATE TABLE IF NOT EXISTS card (customer TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS payment (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, amount INTEGER NOT NULL);
            {fill}"
        );
        with_history(database, &schema)
    }
}

impl<D: Database<Tx = SqliteTx>> Payment<D> for Bank {
    async fn charge(&self, tx: &mut SqliteTx, customer: &String, amount: &u64) -> Result<String, Failure> {
        let balance: Option<u64> = tx
            .prepare_cached("SELECT balance FROM card WHERE customer = ?1")?
            .query_row([customer], |row| row.get(0))
            .optional()?;
        match balance {
            None => return Err(Failure::abort(format!("card declined: {customer} has none"))),
            Some(balance) if balance < *amount => return Err(Failure::abort("card declined: not enough on it")),
            Some(_) => {}
        }
        tx.prepare_cached("UPDATE card SET balance = balance - ?2 WHERE customer = ?1")?
            .execute(params![customer, amount])?;
        let id: i64 = tx
            .prepare_cached("INSERT INTO payment (customer, amount) VALUES (?1, ?2) RETURNING id")?
            .query_row(params![customer, amount], |row| row.get(0))?;
        note(tx, "charge", customer)?;
        Ok(format!("P{id}"))
    }

    async fn refund(&self, tx: &mut SqliteTx, customer: &String, amount: &u64, id: &String) -> Result<(), BoxError> {
        let number: i64 = id.trim_start_matches('P').parse()?;
        if tx.prepare_cached("DELETE FROM payment WHERE id = ?1")?.execute([number])? == 0 {
            return Err(format!("there is no payment {id}").into());
        }
        tx.prepare_cached("UPDATE card SET balance = balance + ?2 WHERE customer = ?1")?
            .execute(params![customer, amount])?;
        Ok(note(tx, "refund", customer)?)
    }
}
