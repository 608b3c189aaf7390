//! What audits have in common: they read each role's database by itself, and say in words what differs from what should be there.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::path::Path;

use accompanist::rusqlite::{Connection, OpenFlags};
use anyhow::Context as _;

use crate::history;

/// What happened at one role, from its history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// How many transactions committed.
    pub transactions: u64,
    /// How many of them were compensated.
    pub compensations: u64,
}

/// What the databases say.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Per role.
    pub work: BTreeMap<&'static str, Work>,
    /// Every difference, in words.
    pub differences: Vec<String>,
}

impl Findings {
    /// Notes every entry that the two maps do not have in common.
    pub fn compare<K: Ord + Display, V: PartialEq + Debug>(
        &mut self,
        what: &str,
        expected: &BTreeMap<K, V>,
        found: &BTreeMap<K, V>,
    ) {
        let mut names: Vec<_> = expected.keys().chain(found.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (expected, found) = (expected.get(name), found.get(name));
            if expected != found {
                let say = |value: Option<&V>| value.map_or("none".to_owned(), |value| format!("{value:?}"));
                self.differences.push(format!("{what} {name}: {} expected, {} found", say(expected), say(found)));
            }
        }
    }

    /// Counts the work of an operation and its compensation at `role`: how often they took effect.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn count_work(
        &mut self,
        role: &'static str,
        database: &Connection,
        operation: &str,
        compensation: &str,
    ) -> anyhow::Result<(u64, u64)> {
        let (done, undone) = (history::count(database, operation)?, history::count(database, compensation)?);
        let work = self.work.entry(role).or_default();
        work.transactions += done;
        work.compensations += undone;
        Ok((done, undone))
    }

    /// Notes sessions that are not over at `role`.
    ///
    /// # Errors
    /// Where the database cannot be read.
    pub fn expect_quiet(&mut self, role: &str, database: &Connection) -> anyhow::Result<()> {
        let open = open_sessions(database)?;
        if open > 0 {
            self.differences.push(format!("{open} sessions are not over at the {role}"));
        }
        Ok(())
    }
}

/// How many sessions are not over in a database.
///
/// # Errors
/// Where it cannot be read.
pub fn open_sessions(database: &Connection) -> anyhow::Result<u64> {
    let count = "SELECT count(*) FROM accompanist_session WHERE finished_at IS NULL";
    Ok(database.query_row(count, [], |row| row.get(0))?)
}

/// Opens the database of a role in `directory`, to be read.
///
/// # Errors
/// Where it is not there.
pub fn open(directory: &Path, role: &str) -> anyhow::Result<Connection> {
    let path = directory.join(format!("{role}.db"));
    Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .with_context(|| format!("cannot open {}", path.display()))
}

/// What a query of names and numbers gives.
///
/// # Errors
/// Where the database cannot be read.
pub fn map(database: &Connection, sql: &str) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut select = database.prepare(sql)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
