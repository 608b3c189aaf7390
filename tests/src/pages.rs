//! A table that the services of the tests write into, whatever the store: entries, and a history of all that was ever done.

use std::sync::{Arc, Mutex, PoisonError};

use accompanist::store::{Memory, MemoryTx, Sqlite, SqliteTx, Store, StoreError};
use accompanist::{BoxError, rusqlite};

/// The tables in SQLite.
pub const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, line TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS history (id INTEGER PRIMARY KEY, what TEXT NOT NULL);
";

/// The table of a service whose store has none.
#[derive(Clone, Debug, Default)]
pub struct Book(Arc<Mutex<Pages>>);

/// What is in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    /// What stands in it now.
    pub entries: Vec<String>,
    /// All that was ever done, as `enter tea` or `strike tea`.
    pub history: Vec<String>,
}

impl Book {
    fn with<T>(&self, change: impl FnOnce(&mut Pages) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an operation writes with.
pub trait Writes: Send {
    /// Adds an entry, done by `operation`; how many there are then.
    ///
    /// # Errors
    /// Those of the database.
    fn add(&mut self, book: &Book, operation: &str, line: &str) -> Result<u64, rusqlite::Error>;

    /// Takes back the newest of the entries that say so, done by `operation`.
    ///
    /// # Errors
    /// Those of the database, and where there is no such entry.
    fn take_back(&mut self, book: &Book, operation: &str, line: &str) -> Result<(), BoxError>;
}

impl Writes for SqliteTx {
    fn add(&mut self, _: &Book, operation: &str, line: &str) -> Result<u64, rusqlite::Error> {
        self.execute("INSERT INTO history (what) VALUES (?1)", [format!("{operation} {line}")])?;
        self.execute("INSERT INTO entry (line) VALUES (?1)", [line])?;
        self.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))
    }

    fn take_back(&mut self, _: &Book, operation: &str, line: &str) -> Result<(), BoxError> {
        self.execute("INSERT INTO history (what) VALUES (?1)", [format!("{operation} {line}")])?;
        let delete = "DELETE FROM entry WHERE id = (SELECT max(id) FROM entry WHERE line = ?1)";
        if self.execute(delete, [line])? == 1 { Ok(()) } else { Err(format!("there is no entry `{line}`").into()) }
    }
}

impl Writes for MemoryTx {
    fn add(&mut self, book: &Book, operation: &str, line: &str) -> Result<u64, rusqlite::Error> {
        Ok(book.with(|pages| {
            pages.history.push(format!("{operation} {line}"));
            pages.entries.push(line.to_owned());
            pages.entries.len() as u64
        }))
    }

    fn take_back(&mut self, book: &Book, operation: &str, line: &str) -> Result<(), BoxError> {
        book.with(|pages| {
            let newest = pages.entries.iter().rposition(|entry| entry == line);
            pages.entries.remove(newest.ok_or_else(|| format!("there is no entry `{line}`"))?);
            pages.history.push(format!("{operation} {line}"));
            Ok(())
        })
    }
}

/// A store, and what services wrote into it.
pub trait Shelf: Store<Tx: Writes> + Sized {
    /// A new store, in a file of that name if it is in files.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn fresh(directory: &std::path::Path, name: &str) -> Result<Self, StoreError>;

    /// What is committed.
    ///
    /// # Errors
    /// Those of the database.
    fn pages(&self, book: &Book) -> Result<Pages, rusqlite::Error>;
}

impl Shelf for Sqlite {
    fn fresh(directory: &std::path::Path, name: &str) -> Result<Self, StoreError> {
        Self::open(directory.join(format!("{name}.db")))?.with_schema(SCHEMA)
    }

    fn pages(&self, _: &Book) -> Result<Pages, rusqlite::Error> {
        self.read(|connection| {
            let lines = |query: &str| -> Result<Vec<String>, rusqlite::Error> {
                connection.prepare(query)?.query_map([], |row| row.get(0))?.collect()
            };
            let entries = lines("SELECT line FROM entry ORDER BY id")?;
            Ok(Pages { entries, history: lines("SELECT what FROM history ORDER BY id")? })
        })
    }
}

impl Shelf for Memory {
    fn fresh(_: &std::path::Path, _: &str) -> Result<Self, StoreError> {
        Ok(Self::new())
    }

    fn pages(&self, book: &Book) -> Result<Pages, rusqlite::Error> {
        Ok(book.with(|pages| pages.clone()))
    }
}
