//! The airline: flights, and who has which seat.

use accompanist::rusqlite::params;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure};
use example_support::history::{literal, note, with_history};

use crate::world::World;
use crate::{Flight, Seat};

/// The airline's service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Airline;

impl Airline {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let flights = world.flights.iter().map(|flight| {
            let (number, from, to) = (literal(&flight.number), literal(&flight.from), literal(&flight.to));
            let (seats, price) = (flight.seats, flight.price);
            format!("INSERT OR IGNORE INTO flight VALUES ({number}, {from}, {to}, {seats}, {price});\n")
        });
        let tables = "CREATE TABLE IF NOT EXISTS flight
            (number TEXT PRIMARY KEY, origin TEXT NOT NULL, destination TEXT NOT NULL, seats INTEGER NOT NULL, price INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS seat
            (flight TEXT, day INTEGER, number INTEGER, trip INTEGER NOT NULL, PRIMARY KEY (flight, day, number)) WITHOUT ROWID;\n";
        with_history(database, &(tables.to_owned() + &flights.collect::<String>()))
    }
}

impl<D: Database<Tx = SqliteTx>> Flight<D> for Airline {
    async fn book(
        &self,
        tx: &mut SqliteTx,
        trip: &u64,
        from: &String,
        to: &String,
        day: &u32,
    ) -> Result<Seat, Failure> {
        let mut flights = tx.prepare_cached(
            "SELECT number, seats, price FROM flight WHERE origin = ?1 AND destination = ?2 ORDER BY price",
        )?;
        let mut taken = tx.prepare_cached("SELECT number FROM seat WHERE flight = ?1 AND day = ?2")?;
        let mut rows = flights.query([from, to])?;
        let mut flies = false;
        while let Some(row) = rows.next()? {
            flies = true;
            let (flight, seats, price): (String, u32, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let taken: Vec<u32> = taken.query_map(params![flight, day], |row| row.get(0))?.collect::<Result<_, _>>()?;
            if let Some(number) = (1..=seats).find(|number| !taken.contains(number)) {
                tx.prepare_cached("INSERT INTO seat (flight, day, number, trip) VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![flight, day, number, trip])?;
                note(tx, "book", &trip.to_string())?;
                return Ok(Seat { flight, day: *day, number, price });
            }
        }
        let reason = if flies { "no seat" } else { "no flight" };
        Err(Failure::abort(format!("{reason}: from {from} to {to} on day {day}")))
    }

    async fn cancel(
        &self,
        tx: &mut SqliteTx,
        trip: &u64,
        _from: &String,
        _to: &String,
        _day: &u32,
        seat: &Seat,
    ) -> Result<(), BoxError> {
        let freed = tx
            .prepare_cached("DELETE FROM seat WHERE flight = ?1 AND day = ?2 AND number = ?3 AND trip = ?4")?
            .execute(params![seat.flight, seat.day, seat.number, trip])?;
        if freed != 1 {
            return Err(format!("trip {trip} does not have {seat:?}").into());
        }
        Ok(note(tx, "cancel", &trip.to_string())?)
    }
}
