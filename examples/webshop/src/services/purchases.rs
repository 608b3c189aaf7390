//! The client's purchases: the orders that are confirmed.

use accompanist::rusqlite::params;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{note, with_history};

use crate::{Client, Confirmation};

/// The client's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purchases;

impl Purchases {
    /// Makes the table.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite) -> Result<Sqlite, StoreError> {
        let table = "CREATE TABLE IF NOT EXISTS purchase (id INTEGER PRIMARY KEY, confirmation TEXT NOT NULL);";
        with_history(database, table)
    }
}

impl<D: Database<Tx = SqliteTx>> Client<D> for Purchases {
    async fn file(&self, tx: &mut SqliteTx, confirmation: &Confirmation) -> Result<(), Failure> {
        tx.prepare_cached("INSERT INTO purchase (id, confirmation) VALUES (?1, ?2)")?
            .execute(params![confirmation.order, serde_json::to_string(confirmation)?])?;
        Ok(note(tx, "file", &confirmation.order.to_string())?)
    }

    async fn unfile(&self, tx: &mut SqliteTx, confirmation: &Confirmation, (): &()) -> Result<(), BoxError> {
        if tx.prepare_cached("DELETE FROM purchase WHERE id = ?1")?.execute([confirmation.order])? != 1 {
            return Err(format!("order {} is not among the purchases", confirmation.order).into());
        }
        Ok(note(tx, "unfile", &confirmation.order.to_string())?)
    }
}
