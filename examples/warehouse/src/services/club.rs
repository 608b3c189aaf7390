//! The loyalty programme: members and their points.

use accompanist::rusqlite::{OptionalExtension as _, params};
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::Loyalty;
use crate::model::World;

/// How many cents give one point.
pub(crate) const CENTS_PER_POINT: u64 = 100;

/// The loyalty programme's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Club;

impl Club {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let members = world.customers.iter().map(|(name, customer)| {
            let (name, barred) = (literal(name), u8::from(customer.barred));
            format!("INSERT OR IGNORE INTO member (customer, points, barred) VALUES ({name}, 0, {barred});\n")
        });
        let fill: String = members.collect();
        let schema = format!(
            "CREATE TABLE IF NOT EXISTS member (customer TEXT PRIMARY KEY, points INTEGER NOT NULL CHECK (points >= 0), barred INTEGER NOT NULL)
                WITHOUT ROWID;
            {fill}"
        );
        with_history(database, &schema)
    }
}

impl<D: Database<Tx = SqliteTx>> Loyalty<D> for Club {
    async fn award(&self, tx: &mut SqliteTx, customer: &String, amount: &u64) -> Result<u32, Failure> {
        let barred: Option<bool> = tx
            .prepare_cached("SELECT barred FROM member WHERE customer = ?1")?
            .query_row([customer], |row| row.get(0))
            .optional()?;
        match barred {
            None => return Err(Failure::abort(format!("customer barred: {customer} is no member"))),
            Some(true) => return Err(Failure::abort(format!("customer barred: {customer}"))),
            Some(false) => {}
        }
        let points = u32::try_from(amount / CENTS_PER_POINT)?;
        tx.prepare_cached("UPDATE member SET points = points + ?2 WHERE customer = ?1")?
            .execute(params![customer, points])?;
        note(tx, "award", customer)?;
        Ok(points)
    }

    async fn revoke(&self, tx: &mut SqliteTx, customer: &String, _amount: &u64, points: &u32) -> Result<(), BoxError> {
        tx.prepare_cached("UPDATE member SET points = points - ?2 WHERE customer = ?1")?
            .execute(params![customer, points])?;
        Ok(note(tx, "revoke", customer)?)
    }
}
