//! The geographer: where places, airports and hotels are.

use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure, IdempotencyKey};
use example_support::history::with_history;

use super::{point_of, points, table_of_points};
use crate::Geo;
use crate::world::{World, nearest};

/// How far it may be to the nearest hotel, in kilometres.
const HOTEL_KM_MAX: f64 = 60.0;

/// The geographer's service.
#[derive(Clone, Debug)]
pub struct Atlas {
    database: Sqlite,
}

impl Atlas {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let hotels = table_of_points("hotel", world.hotels.iter().map(|hotel| (&hotel.id, &hotel.at)));
        let schema = table_of_points("place", &world.places) + &table_of_points("airport", &world.airports) + &hotels;
        with_history(database, &schema)
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }

    /// What of `table` is nearest to a place, and how far it is.
    fn nearest(&self, place: &str, table: &str) -> Result<Option<(String, f64)>, Failure> {
        self.database.read(|connection| {
            let Some(point) = point_of(connection, place)? else {
                return Err(Failure::abort(format!("no such place: {place}")));
            };
            Ok(nearest(point, points(connection, table)?))
        })
    }
}

impl<D: Database<Tx = SqliteTx>> Geo<D> for Atlas {
    async fn airport(&self, _key: &IdempotencyKey, place: &String) -> Result<String, Failure> {
        let nearest = self.nearest(place, "airport")?;
        nearest.map(|(code, _)| code).ok_or_else(|| Failure::abort("no airport anywhere"))
    }

    async fn hotel(&self, _key: &IdempotencyKey, place: &String) -> Result<String, Failure> {
        let nearest = self.nearest(place, "hotel")?.filter(|(_, km)| *km <= HOTEL_KM_MAX);
        nearest.map(|(hotel, _)| hotel).ok_or_else(|| Failure::abort(format!("no hotel: none near {place}")))
    }
}
