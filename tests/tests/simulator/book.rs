//! A service that writes lines into a book, refuses some, and fails now and then.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use accompanist::rusqlite::{Connection, OptionalExtension, params};
use accompanist::sim::{Sim, SimNode, Simulated};
use accompanist::store::{Memory, MemoryTx, Sqlite, SqliteTx};
use accompanist::{BoxError, Failure};
use accompanist_tests::generated::simulated::Book;

/// One of so many lines is refused by an operation of a node, always the same ones.
const REFUSES_ONE_IN: u64 = 9;

/// How often each line stands in a node's book, by operation and line.
pub type Lines = BTreeMap<String, u64>;

/// Who keeps a node's book.
#[derive(Clone, Debug)]
pub struct Keeper {
    sim: Sim,
    name: &'static str,
    forgets: bool,
}

impl Keeper {
    pub fn new(sim: &Sim, name: &'static str) -> Self {
        Self { sim: sim.clone(), name, forgets: false }
    }

    /// Another one, who forgets to undo what they entered.
    pub fn forgetful(sim: &Sim, name: &'static str) -> Self {
        Self { forgets: true, ..Self::new(sim, name) }
    }

    /// Whether an operation may write a line.
    fn may_write(&self, operation: &str, line: &str) -> Result<(), Failure> {
        if self.sim.random(0..20) == 0 {
            return Err(std::io::Error::other("the pen is dry").into());
        }
        let mut hasher = DefaultHasher::new();
        (self.name, operation, line).hash(&mut hasher);
        if hasher.finish().is_multiple_of(REFUSES_ONE_IN) {
            return Err(Failure::abort(format!("{} does not {operation} {line}", self.name)));
        }
        Ok(())
    }

    /// Whether a line may be undone now.
    fn may_erase(&self) -> Result<(), BoxError> {
        match self.sim.random(0..20) {
            0 => Err("the rubber is lost".into()),
            _ => Ok(()),
        }
    }

    fn write(&self, lines: &mut Lines, operation: &str, line: &str) -> Result<u64, Failure> {
        self.may_write(operation, line)?;
        let count = lines.entry(format!("{operation} {line}")).or_default();
        *count += 1;
        Ok(*count)
    }

    fn erase(&self, lines: &mut Lines, operation: &str, line: &str) -> Result<(), BoxError> {
        self.may_erase()?;
        let key = format!("{operation} {line}");
        let count = lines.get_mut(&key).ok_or("there is no such line")?;
        *count -= 1;
        if *count == 0 {
            lines.remove(&key);
        }
        Ok(())
    }

    async fn look(&self) -> Result<u64, Failure> {
        tokio::time::sleep(std::time::Duration::from_millis(self.sim.random(0..2_000))).await;
        Ok(self.sim.random(0..1_000))
    }

    /// Writes a line in SQL; how often it stands there then.
    fn insert(&self, tx: &SqliteTx, operation: &str, line: &str) -> Result<u64, Failure> {
        self.may_write(operation, line)?;
        tx.execute("INSERT INTO line (text) VALUES (?1)", [format!("{operation} {line}")])?;
        let count = "SELECT count(*) FROM line WHERE text = ?1";
        Ok(tx.query_row(count, [format!("{operation} {line}")], |row| row.get(0))?)
    }

    fn delete(&self, tx: &SqliteTx, operation: &str, line: &str, count: u64) -> Result<(), BoxError> {
        self.may_erase()?;
        let last = "SELECT max(id) FROM line WHERE text = ?1";
        let last: Option<i64> =
            tx.query_row(last, [format!("{operation} {line}")], |row| row.get(0)).optional()?.flatten();
        let rows = tx.execute("DELETE FROM line WHERE id = ?1", params![last])?;
        if rows == 1 { Ok(()) } else { Err(format!("line {count} of `{operation} {line}` is gone").into()) }
    }
}

/// The table of a book.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS line (id INTEGER PRIMARY KEY, text TEXT NOT NULL)";

impl Book<Memory> for Keeper {
    async fn enter(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.write(tx.data(), "enter", line)
    }

    async fn strike(&self, tx: &mut MemoryTx, line: &String, _count: &u64) -> Result<(), BoxError> {
        if self.forgets {
            return Ok(());
        }
        self.erase(tx.data(), "enter", line)
    }

    async fn note(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.write(tx.data(), "note", line)
    }

    async fn erase(&self, tx: &mut MemoryTx, line: &String, _count: &u64) -> Result<(), BoxError> {
        self.erase(tx.data(), "note", line)
    }

    async fn look(&self, _key: &accompanist::IdempotencyKey, _line: &String) -> Result<u64, Failure> {
        self.look().await
    }

    async fn give(&self, tx: &mut MemoryTx, line: &String) -> Result<u64, Failure> {
        self.write(tx.data(), "give", line)
    }
}

impl Book<Sqlite> for Keeper {
    async fn enter(&self, tx: &mut SqliteTx, line: &String) -> Result<u64, Failure> {
        self.insert(tx, "enter", line)
    }

    async fn strike(&self, tx: &mut SqliteTx, line: &String, count: &u64) -> Result<(), BoxError> {
        self.delete(tx, "enter", line, *count)
    }

    async fn note(&self, tx: &mut SqliteTx, line: &String) -> Result<u64, Failure> {
        self.insert(tx, "note", line)
    }

    async fn erase(&self, tx: &mut SqliteTx, line: &String, count: &u64) -> Result<(), BoxError> {
        self.delete(tx, "note", line, *count)
    }

    async fn look(&self, _key: &accompanist::IdempotencyKey, _line: &String) -> Result<u64, Failure> {
        self.look().await
    }

    async fn give(&self, tx: &mut SqliteTx, line: &String) -> Result<u64, Failure> {
        self.insert(tx, "give", line)
    }
}

/// A store that a book is kept in.
pub trait Shelf: Simulated {
    /// What is committed.
    fn lines(&self) -> Lines;
}

impl Shelf for Memory {
    fn lines(&self) -> Lines {
        self.data()
    }
}

impl Shelf for Sqlite {
    fn lines(&self) -> Lines {
        let read = |connection: &Connection| {
            let mut select = connection.prepare("SELECT text, count(*) FROM line GROUP BY text")?;
            select
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, accompanist::rusqlite::Error>>()
        };
        self.read(read).expect("the table is there")
    }
}

/// The book of a node.
pub fn book<S: Shelf>(node: &SimNode<S>) -> (String, Lines) {
    (node.name().to_owned(), node.store().lines())
}

/// The books hold what was committed and not undone, line by line.
pub fn agree(sim: &Sim, books: Vec<(String, Lines)>) {
    let mut expected: BTreeMap<String, Lines> = BTreeMap::new();
    for part in sim.history().iter().flat_map(|session| &session.parts) {
        for done in part.transactions.iter().filter(|done| !done.undone) {
            let operation = done.operation.trim_start_matches("Book.");
            let (line,): (String,) = serde_json::from_str(&done.arguments).expect("it has one argument");
            *expected.entry(part.node.clone()).or_default().entry(format!("{operation} {line}")).or_default() += 1;
        }
    }
    for (name, lines) in books {
        assert_eq!(lines, expected.remove(&name).unwrap_or_default(), "the book of {name}");
    }
    assert!(expected.is_empty(), "{expected:?}");
}
