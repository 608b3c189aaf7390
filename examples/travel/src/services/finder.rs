//! The search: which hotels are near a place, and what they cost.

use accompanist::rusqlite::Error;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure, IdempotencyKey};
use example_support::history::{literal, with_history};

use super::{point_of, points, table_of_points};
use crate::world::World;
use crate::{Search, Wish};

/// What is near, in kilometres.
pub(crate) const NEAR_KM: f64 = 40.0;

/// The service of the search.
#[derive(Clone, Debug)]
pub struct Finder {
    database: Sqlite,
}

impl Finder {
    /// Makes the tables, and fills them with `world` where they are empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let hotels = table_of_points("hotel", world.hotels.iter().map(|hotel| (&hotel.id, &hotel.at)));
        let prices = world.hotels.iter().map(|hotel| {
            format!("INSERT OR IGNORE INTO price (hotel, price) VALUES ({}, {});\n", literal(&hotel.id), hotel.price)
        });
        let table =
            "CREATE TABLE IF NOT EXISTS price (hotel TEXT PRIMARY KEY, price INTEGER NOT NULL) WITHOUT ROWID;\n";
        let schema = table_of_points("place", &world.places) + &hotels + table + &prices.collect::<String>();
        with_history(database, &schema)
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

impl<D: Database<Tx = SqliteTx>> Search<D> for Finder {
    async fn near(&self, _key: &IdempotencyKey, wish: &Wish) -> Result<Vec<String>, Failure> {
        let near = self.database.read(|connection| {
            let Some(point) = point_of(connection, &wish.place)? else { return Ok(Vec::new()) };
            let mut price = connection.prepare_cached("SELECT price <= ?2 FROM price WHERE hotel = ?1")?;
            let mut near = Vec::new();
            for (hotel, at) in points(connection, "hotel")? {
                let km = point.km_to(at);
                if km <= NEAR_KM && price.query_row((&hotel, wish.price_max), |row| row.get(0))? {
                    near.push((km, hotel));
                }
            }
            near.sort_by(|(one, _), (other, _)| one.total_cmp(other));
            Ok::<_, Error>(near)
        })?;
        Ok(near.into_iter().map(|(_, hotel)| hotel).collect())
    }
}
