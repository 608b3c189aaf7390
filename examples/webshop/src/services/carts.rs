//! The carts: what is in them, and which order it is kept for.

use accompanist::rusqlite::params;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::world::World;
use crate::{Cart, Line};

/// The service of the carts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carts;

impl Carts {
    /// Makes the tables, and fills them with `world` where they are new: a cart that was emptied stays empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let carts = world.carts.iter().map(|(cart, lines)| {
            let lines = lines.iter().map(|(product, amount)| {
                let product = literal(product);
                let line = format!("INSERT OR IGNORE INTO line SELECT {cart}, {product}, {amount}, NULL");
                format!("{line} WHERE NOT EXISTS (SELECT * FROM cart WHERE id = {cart});\n")
            });
            lines.collect::<String>() + &format!("INSERT OR IGNORE INTO cart (id) VALUES ({cart});\n")
        });
        let tables = "CREATE TABLE IF NOT EXISTS cart (id INTEGER PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS line
            (cart INTEGER, product TEXT, amount INTEGER NOT NULL, held_for INTEGER, PRIMARY KEY (cart, product)) WITHOUT ROWID;\n";
        with_history(database, &(tables.to_owned() + &carts.collect::<String>()))
    }
}

/// The lines of a cart that are kept for an order.
fn held(tx: &SqliteTx, cart: u64, order: u64) -> Result<Vec<Line>, accompanist::rusqlite::Error> {
    let sql = "SELECT product, amount FROM line WHERE cart = ?1 AND held_for = ?2 ORDER BY product";
    let mut select = tx.prepare_cached(sql)?;
    let lines = select.query_map([cart, order], |row| Ok(Line { product: row.get(0)?, amount: row.get(1)? }))?;
    lines.collect()
}

impl<D: Database<Tx = SqliteTx>> Cart<D> for Carts {
    async fn hold(&self, tx: &mut SqliteTx, cart: &u64, order: &u64) -> Result<Vec<Line>, Failure> {
        let is_held = tx
            .prepare_cached("SELECT EXISTS (SELECT * FROM line WHERE cart = ?1 AND held_for IS NOT NULL)")?
            .query_row([cart], |row| row.get(0))?;
        if is_held {
            return Err(Failure::abort(format!("cart is being ordered: {cart}")));
        }
        let update = "UPDATE line SET held_for = ?2 WHERE cart = ?1";
        if tx.prepare_cached(update)?.execute([cart, order])? == 0 {
            return Err(Failure::abort(format!("cart is empty: {cart}")));
        }
        note(tx, "hold", &order.to_string())?;
        Ok(held(tx, *cart, *order)?)
    }

    async fn release(&self, tx: &mut SqliteTx, cart: &u64, order: &u64, lines: &Vec<Line>) -> Result<(), BoxError> {
        let update = "UPDATE line SET held_for = NULL WHERE cart = ?1 AND held_for = ?2";
        if tx.prepare_cached(update)?.execute([cart, order])? != lines.len() {
            return Err(format!("cart {cart} is not kept for order {order} as it was").into());
        }
        Ok(note(tx, "release", &order.to_string())?)
    }

    async fn empty(&self, tx: &mut SqliteTx, cart: &u64, order: &u64) -> Result<Vec<Line>, Failure> {
        let lines = held(tx, *cart, *order)?;
        tx.prepare_cached("DELETE FROM line WHERE cart = ?1 AND held_for = ?2")?.execute([cart, order])?;
        note(tx, "empty", &order.to_string())?;
        Ok(lines)
    }

    async fn refill(&self, tx: &mut SqliteTx, cart: &u64, order: &u64, lines: &Vec<Line>) -> Result<(), BoxError> {
        let mut insert =
            tx.prepare_cached("INSERT INTO line (cart, product, amount, held_for) VALUES (?1, ?2, ?3, ?4)")?;
        for line in lines {
            insert.execute(params![cart, line.product, line.amount, order])?;
        }
        Ok(note(tx, "refill", &order.to_string())?)
    }
}
