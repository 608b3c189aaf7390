//! The traveller's calendar: the trips that are booked.

use accompanist::rusqlite::params;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{note, with_history};

use crate::{Client, Itinerary};

/// The traveller's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calendar;

impl Calendar {
    /// Makes the table.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite) -> Result<Sqlite, StoreError> {
        with_history(database, "CREATE TABLE IF NOT EXISTS trip (id INTEGER PRIMARY KEY, itinerary TEXT NOT NULL);")
    }
}

impl<D: Database<Tx = SqliteTx>> Client<D> for Calendar {
    async fn enter(&self, tx: &mut SqliteTx, itinerary: &Itinerary) -> Result<(), Failure> {
        tx.prepare_cached("INSERT INTO trip (id, itinerary) VALUES (?1, ?2)")?
            .execute(params![itinerary.trip, serde_json::to_string(itinerary)?])?;
        Ok(note(tx, "enter", &itinerary.trip.to_string())?)
    }

    async fn strike(&self, tx: &mut SqliteTx, itinerary: &Itinerary, (): &()) -> Result<(), BoxError> {
        if tx.prepare_cached("DELETE FROM trip WHERE id = ?1")?.execute([itinerary.trip])? != 1 {
            return Err(format!("trip {} is not in the calendar", itinerary.trip).into());
        }
        Ok(note(tx, "strike", &itinerary.trip.to_string())?)
    }
}
