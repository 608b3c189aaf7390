//! The six services: each knows its own tables and nothing of the others.
//!
//! Every transaction notes itself in its database's history: that is how the audit knows what took effect, and how often. What only asks is a recorded
//! operation, and reads what is committed.

mod airline;
mod atlas;
mod calendar;
mod finder;
mod guide;
mod rooms;

pub use airline::Airline;
pub use atlas::Atlas;
pub use calendar::Calendar;
pub use finder::Finder;
pub(crate) use finder::NEAR_KM;
pub use guide::Guide;
pub use rooms::Rooms;

use accompanist::rusqlite::{Connection, Error, OptionalExtension as _};

use crate::world::Point;

/// Where a place is, from the table `place` that whoever deals with distances has.
fn point_of(database: &Connection, place: &str) -> Result<Option<Point>, Error> {
    let mut select = database.prepare_cached("SELECT lat, lon FROM place WHERE name = ?1")?;
    select.query_row([place], |row| Ok(Point { lat: row.get(0)?, lon: row.get(1)? })).optional()
}

/// All rows of a table with a name and a point.
fn points(database: &Connection, table: &str) -> Result<Vec<(String, Point)>, Error> {
    let mut select = database.prepare_cached(&format!("SELECT name, lat, lon FROM {table} ORDER BY name"))?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, Point { lat: row.get(1)?, lon: row.get(2)? })))?;
    rows.collect()
}

/// A table with a name and a point, and its rows, as SQL.
fn table_of_points<'a>(table: &str, rows: impl IntoIterator<Item = (&'a String, &'a Point)>) -> String {
    let rows = rows.into_iter().map(|(name, at)| {
        let name = example_support::history::literal(name);
        format!("INSERT OR IGNORE INTO {table} (name, lat, lon) VALUES ({name}, {}, {});\n", at.lat, at.lon)
    });
    let head = format!(
        "CREATE TABLE IF NOT EXISTS {table} (name TEXT PRIMARY KEY, lat REAL NOT NULL, lon REAL NOT NULL) WITHOUT ROWID;\n"
    );
    head + &rows.collect::<String>()
}
