//! The reservations: who has which room in which night.

use accompanist::rusqlite::{Connection, Error, OptionalExtension as _, params};
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use example_support::history::{literal, note, with_history};

use crate::world::World;
use crate::{Reservation, Room};

/// The service of the reservations.
#[derive(Clone, Debug)]
pub struct Rooms {
    database: Sqlite,
}

impl Rooms {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let hotels = world.hotels.iter().map(|hotel| {
            let (id, rooms, price) = (literal(&hotel.id), hotel.rooms, hotel.price);
            format!("INSERT OR IGNORE INTO hotel (id, rooms, price) VALUES ({id}, {rooms}, {price});\n")
        });
        let tables = "CREATE TABLE IF NOT EXISTS hotel (id TEXT PRIMARY KEY, rooms INTEGER NOT NULL, price INTEGER NOT NULL) WITHOUT ROWID;
            CREATE TABLE IF NOT EXISTS stay
            (hotel TEXT, number INTEGER, night INTEGER, trip INTEGER NOT NULL, PRIMARY KEY (hotel, number, night)) WITHOUT ROWID;\n";
        with_history(database, &(tables.to_owned() + &hotels.collect::<String>()))
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

/// The first room of a hotel that is free in all these nights, and its price for all of them.
fn free_room(database: &Connection, hotel: &str, day: u32, nights: u32) -> Result<Option<(u32, u32)>, Error> {
    let known = database
        .prepare_cached("SELECT rooms, price FROM hotel WHERE id = ?1")?
        .query_row([hotel], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((rooms, price)): Option<(u32, u32)> = known else { return Ok(None) };
    let taken: Vec<u32> = database
        .prepare_cached("SELECT DISTINCT number FROM stay WHERE hotel = ?1 AND night >= ?2 AND night < ?2 + ?3")?
        .query_map(params![hotel, day, nights], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let free = (1..=rooms).find(|number| !taken.contains(number));
    Ok(free.map(|number| (number, price.saturating_mul(nights))))
}

impl<D: Database<Tx = SqliteTx>> Reservation<D> for Rooms {
    async fn free(
        &self,
        _key: &IdempotencyKey,
        hotels: &Vec<String>,
        day: &u32,
        nights: &u32,
    ) -> Result<Vec<String>, Failure> {
        let free = self.database.read(|connection| {
            let mut free = Vec::new();
            for hotel in hotels {
                free.extend(free_room(connection, hotel, *day, *nights)?.map(|_| hotel.clone()));
            }
            Ok::<_, Error>(free)
        });
        Ok(free?)
    }

    async fn book(
        &self,
        tx: &mut SqliteTx,
        trip: &u64,
        hotel: &String,
        day: &u32,
        nights: &u32,
    ) -> Result<Room, Failure> {
        let Some((number, price)) = free_room(tx, hotel, *day, *nights)? else {
            return Err(Failure::abort(format!("no room: {hotel}, {nights} nights from day {day}")));
        };
        let mut insert = tx.prepare_cached("INSERT INTO stay (hotel, number, night, trip) VALUES (?1, ?2, ?3, ?4)")?;
        for night in *day..day.saturating_add(*nights) {
            insert.execute(params![hotel, number, night, trip])?;
        }
        note(tx, "book", &trip.to_string())?;
        Ok(Room { hotel: hotel.clone(), number, price })
    }

    async fn cancel(
        &self,
        tx: &mut SqliteTx,
        trip: &u64,
        hotel: &String,
        _day: &u32,
        nights: &u32,
        room: &Room,
    ) -> Result<(), BoxError> {
        let freed = tx
            .prepare_cached("DELETE FROM stay WHERE hotel = ?1 AND number = ?2 AND trip = ?3")?
            .execute(params![hotel, room.number, trip])?;
        if u32::try_from(freed)? != *nights {
            return Err(format!("trip {trip} had {room:?} for {freed} of {nights} nights").into());
        }
        Ok(note(tx, "cancel", &trip.to_string())?)
    }
}
