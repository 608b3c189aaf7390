//! Every operation notes itself in the table `history`, in the same transaction: that is how an audit knows what took effect, and how often.

use accompanist::rusqlite::{Connection, Error};
use accompanist::store::{Sqlite, SqliteTx, StoreError};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY,
    operation TEXT NOT NULL,
    subject TEXT NOT NULL
);";

/// `database` with a history and what `schema` makes.
///
/// # Errors
/// Those of the database.
pub fn with_history(database: Sqlite, schema: &str) -> Result<Sqlite, StoreError> {
    database.with_schema(format!("{TABLE}\n{schema}"))
}

/// Notes that `operation` took effect on `subject`.
///
/// # Errors
/// Those of the database.
pub fn note(tx: &SqliteTx, operation: &str, subject: &str) -> Result<(), Error> {
    tx.prepare_cached("INSERT INTO history (operation, subject) VALUES (?1, ?2)")?.execute([operation, subject])?;
    Ok(())
}

/// How often `operation` took effect.
///
/// # Errors
/// Those of the database.
pub fn count(database: &Connection, operation: &str) -> Result<u64, Error> {
    database.query_row("SELECT count(*) FROM history WHERE operation = ?1", [operation], |row| row.get(0))
}

/// `text` as a literal of SQL.
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
