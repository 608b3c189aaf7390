//! The travel guide: what there is to say of hotels.

use accompanist::rusqlite::Error;
use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{Database, Failure, IdempotencyKey};
use example_support::history::{literal, with_history};

use crate::world::World;
use crate::{Hotel, Profile};

/// The guide's service.
#[derive(Clone, Debug)]
pub struct Guide {
    database: Sqlite,
}

impl Guide {
    /// Makes the table, and fills it with `world` where it is empty.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite, world: &World) -> Result<Sqlite, StoreError> {
        let profiles = world.hotels.iter().map(|hotel| {
            let (id, name, words) = (literal(&hotel.id), literal(&hotel.name), literal(&hotel.words));
            let (stars, price) = (hotel.stars, hotel.price);
            format!("INSERT OR IGNORE INTO profile VALUES ({id}, {name}, {stars}, {price}, {words});\n")
        });
        let table = "CREATE TABLE IF NOT EXISTS profile
            (hotel TEXT PRIMARY KEY, name TEXT NOT NULL, stars INTEGER NOT NULL, price INTEGER NOT NULL, words TEXT NOT NULL) WITHOUT ROWID;\n";
        with_history(database, &(table.to_owned() + &profiles.collect::<String>()))
    }

    /// The service over its database.
    #[must_use]
    pub fn new(database: &Sqlite) -> Self {
        Self { database: database.clone() }
    }
}

impl<D: Database<Tx = SqliteTx>> Profile<D> for Guide {
    async fn describe(&self, _key: &IdempotencyKey, hotels: &Vec<String>) -> Result<Vec<Hotel>, Failure> {
        let described = self.database.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT name, stars, price, words FROM profile WHERE hotel = ?1")?;
            let mut describe = |hotel: &String| {
                select.query_row([hotel], |row| {
                    Ok(Hotel { name: row.get(0)?, stars: row.get(1)?, price: row.get(2)?, words: row.get(3)? })
                })
            };
            hotels.iter().map(&mut describe).collect::<Result<_, Error>>()
        });
        Ok(described?)
    }
}
