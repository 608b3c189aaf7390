//! The carrier: what parcels cost, and where they are.

use accompanist::rusqlite::{Connection, Error, OptionalExtension as _, params};
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use example_support::history::{literal, note, with_history};

use crate::Shipping;
use crate::world::{Country, World};

/// The carrier's service.
#[derive(Clone, Debug)]
pub struct Carrier {
    database: Sqlite,
}

impl Carrier {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let countries = world.countries.iter().map(|(name, country)| {
            let (name, cents, per_kg, max) = (literal(name), country.cents, country.cents_per_kg, country.grams_max);
            format!("INSERT OR IGNORE INTO country VALUES ({name}, {cents}, {per_kg}, {max});\n")
        });
        let tables = "CREATE TABLE IF NOT EXISTS country
            (name TEXT PRIMARY KEY, cents INTEGER NOT NULL, cents_per_kg INTEGER NOT NULL, grams_max INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS parcel
            (number INTEGER PRIMARY KEY AUTOINCREMENT, purpose INTEGER NOT NULL UNIQUE, country TEXT NOT NULL, grams INTEGER NOT NULL, worth INTEGER NOT NULL);\n";
        with_history(database, &(tables.to_owned() + &countries.collect::<String>()))
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

fn country(database: &Connection, name: &str) -> Result<Option<Country>, Error> {
    let mut select = database.prepare_cached("SELECT cents, cents_per_kg, grams_max FROM country WHERE name = ?1")?;
    let country = select
        .query_row([name], |row| Ok(Country { cents: row.get(0)?, cents_per_kg: row.get(1)?, grams_max: row.get(2)? }));
    country.optional()
}

impl<D: Database<Tx = SqliteTx>> Shipping<D> for Carrier {
    async fn quote(&self, _key: &IdempotencyKey, to: &String, grams: &u64) -> Result<u64, Failure> {
        let country = self.database.read(|connection| country(connection, to))?;
        let country = country.ok_or_else(|| Failure::abort(format!("nothing is sent there: {to}")))?;
        Ok(country.fee(*grams))
    }

    async fn dispatch(
        &self,
        tx: &mut SqliteTx,
        order: &u64,
        to: &String,
        grams: &u64,
        worth: &u64,
    ) -> Result<String, Failure> {
        let country = country(tx, to)?;
        if country.is_none_or(|country| *grams > country.grams_max) {
            return Err(Failure::abort(format!("parcel too large: {grams} g")));
        }
        tx.prepare_cached("INSERT INTO parcel (purpose, country, grams, worth) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![order, to, grams, worth])?;
        let number = tx.last_insert_rowid();
        note(tx, "dispatch", &order.to_string())?;
        Ok(format!("T-{number:06}"))
    }

    async fn recall(
        &self,
        tx: &mut SqliteTx,
        order: &u64,
        _to: &String,
        _grams: &u64,
        _worth: &u64,
        tracking: &String,
    ) -> Result<(), BoxError> {
        if tx.prepare_cached("DELETE FROM parcel WHERE purpose = ?1")?.execute([order])? != 1 {
            return Err(format!("the parcel {tracking} of order {order} is not on its way").into());
        }
        Ok(note(tx, "recall", &order.to_string())?)
    }
}
