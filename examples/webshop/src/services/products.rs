//! The catalogue: what products cost and weigh.

use accompanist::rusqlite::OptionalExtension as _;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure, IdempotencyKey};
use example_support::history::{literal, with_history};

use crate::world::World;
use crate::{Catalogue, Item, Line};

/// The service of the catalogue.
#[derive(Clone, Debug)]
pub struct Products {
    database: Sqlite,
}

impl Products {
    /// Makes the table, and fills it with `world` where it is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let products = world.products.iter().map(|(name, product)| {
            let (cents, grams, sold) = (product.cents, product.grams, product.sold);
            format!("INSERT OR IGNORE INTO product VALUES ({}, {cents}, {grams}, {sold});\n", literal(name))
        });
        let table = "CREATE TABLE IF NOT EXISTS product
            (name TEXT PRIMARY KEY, cents INTEGER NOT NULL, grams INTEGER NOT NULL, sold INTEGER NOT NULL) WITHOUT ROWID;\n";
        with_history(database, &(table.to_owned() + &products.collect::<String>()))
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

impl<D: Database<Tx = SqliteTx>> Catalogue<D> for Products {
    async fn price(&self, _key: &IdempotencyKey, lines: &Vec<Line>) -> Result<Vec<Item>, Failure> {
        self.database.read(|connection| {
            let mut select = connection.prepare_cached("SELECT cents, grams FROM product WHERE name = ?1 AND sold")?;
            let mut items = Vec::new();
            for Line { product, amount } in lines {
                let found = select.query_row([product], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                let Some((cents, grams)) = found else {
                    return Err(Failure::abort(format!("not sold any more: {product}")));
                };
                items.push(Item { product: product.clone(), amount: *amount, cents, grams });
            }
            Ok(items)
        })
    }
}
