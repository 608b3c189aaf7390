//! The exchange: amounts in other currencies.

use accompanist::rusqlite::OptionalExtension as _;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure, IdempotencyKey};
use example_support::history::{literal, with_history};

use crate::Currency;
use crate::world::{World, converted};

/// The service of the exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    database: Sqlite,
}

impl Exchange {
    /// Makes the table, and fills it with `world` where it is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let rates = world
            .rates
            .iter()
            .map(|(currency, rate)| format!("INSERT OR IGNORE INTO rate VALUES ({}, {rate});\n", literal(currency)));
        let table = "CREATE TABLE IF NOT EXISTS rate (currency TEXT PRIMARY KEY, per_million INTEGER NOT NULL) WITHOUT ROWID;\n";
        with_history(database, &(table.to_owned() + &rates.collect::<String>()))
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

impl<D: Database<Tx = SqliteTx>> Currency<D> for Exchange {
    async fn convert(&self, _key: &IdempotencyKey, cents: &u64, currency: &String) -> Result<u64, Failure> {
        let rate = self.database.read(|connection| {
            let mut select = connection.prepare_cached("SELECT per_million FROM rate WHERE currency = ?1")?;
            select.query_row([currency], |row| row.get(0)).optional()
        })?;
        let Some(rate) = rate else {
            return Err(Failure::abort(format!("no such currency: {currency}")));
        };
        converted(*cents, rate).ok_or_else(|| Failure::abort("more than there is in the world"))
    }
}
