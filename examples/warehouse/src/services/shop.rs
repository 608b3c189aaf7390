//! The warehouse: stock, reservations, shipments.

use accompanist::rusqlite::params;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::Warehouse;
use crate::model::{Order, World};

/// The warehouse's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shop;

impl Shop {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let stock = world.stock.iter().map(|(sku, pieces)| {
            format!("INSERT OR IGNORE INTO stock (sku, pieces) VALUES ({}, {pieces});\n", literal(sku))
        });
        let fill: String = stock.collect();
        let schema = format!(
            "CREATE TABLE IF NOT EXISTS stock (sku TEXT PRIMARY KEY, pieces INTEGER NOT NULL CHECK (pieces >= 0)) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS shipment (order_id INTEGER PRIMARY KEY, tracking TEXT NOT NULL);
            {fill}"
        );
        with_history(database, &schema)
    }
}

impl<D: Database<Tx = SqliteTx>> Warehouse<D> for Shop {
    fn total(&self, order: &Order) -> u64 {
        order.total()
    }

    async fn reserve(&self, tx: &mut SqliteTx, order: &Order) -> Result<u64, Failure> {
        let mut take = tx.prepare_cached("UPDATE stock SET pieces = pieces - ?2 WHERE sku = ?1 AND pieces >= ?2")?;
        for item in &order.items {
            if take.execute(params![item.sku, item.count])? == 0 {
                return Err(Failure::abort(format!("out of stock: {}", item.sku)));
            }
        }
        note(tx, "reserve", &order.id.to_string())?;
        Ok(order.pieces())
    }

    async fn release(&self, tx: &mut SqliteTx, order: &Order, _pieces: &u64) -> Result<(), BoxError> {
        let mut put_back = tx.prepare_cached("UPDATE stock SET pieces = pieces + ?2 WHERE sku = ?1")?;
        for item in &order.items {
            put_back.execute(params![item.sku, item.count])?;
        }
        Ok(note(tx, "release", &order.id.to_string())?)
    }

    async fn ship(&self, tx: &mut SqliteTx, order: &Order) -> Result<String, Failure> {
        let pieces = order.pieces();
        if pieces > PARCEL_PIECES_MAX {
            return Err(Failure::abort(format!(
                "parcel too large: the carrier takes {PARCEL_PIECES_MAX} pieces at most"
            )));
        }
        let tracking = format!("ACC-{:08}", order.id);
        tx.prepare_cached("INSERT INTO shipment (order_id, tracking) VALUES (?1, ?2)")?
            .execute(params![order.id, tracking])?;
        note(tx, "ship", &order.id.to_string())?;
        Ok(tracking)
    }

    async fn recall(&self, tx: &mut SqliteTx, order: &Order, _tracking: &String) -> Result<(), BoxError> {
        tx.prepare_cached("DELETE FROM shipment WHERE order_id = ?1")?.execute([order.id])?;
        Ok(note(tx, "recall", &order.id.to_string())?)
    }
}

/// What the carrier takes in one parcel, in pieces.
const PARCEL_PIECES_MAX: u64 = 12;
