//! The service of `fixtures/soak.chor` over SQLite: a till, and the history of all that was ever done to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use accompanist::store::{Sqlite, SqliteTx, StoreError};
use accompanist::{BoxError, Database, Failure, IdempotencyKey, rusqlite};

use super::plan::refusal;
use crate::generated::soak;
use crate::generated::soak::Job;

/// What is in a till at first.
pub const FULL_TILL: i64 = 1_000_000;

/// The tables. Nothing in them keeps an operation from taking effect twice: that is for the runtime to do.
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS till (one INTEGER PRIMARY KEY CHECK (one = 1), amount INTEGER NOT NULL);
INSERT OR IGNORE INTO till VALUES (1, 1000000);
CREATE TABLE IF NOT EXISTS history (number INTEGER PRIMARY KEY, session TEXT NOT NULL, operation TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ballast (bytes BLOB NOT NULL);
";

/// The till of a role.
#[derive(Clone, Debug)]
pub struct Till {
    role: String,
}

impl Till {
    /// Makes the tables where there are none.
    ///
    /// # Errors
    /// Those of the database.
    pub fn prepare(database: Sqlite) -> Result<Sqlite, StoreError> {
        database.with_schema(SCHEMA)
    }

    /// That of a role.
    pub fn new(role: &str) -> Self {
        Self { role: role.to_owned() }
    }

    /// Refuses where the job says so.
    fn allow(&self, job: &Job, operation: &str) -> Result<(), Failure> {
        let operation = format!("{}.{operation}", self.role);
        if job.refuser == operation { Err(Failure::abort(refusal(&operation))) } else { Ok(()) }
    }
}

fn note(tx: &SqliteTx, job: &Job, operation: &str) -> Result<(), rusqlite::Error> {
    tx.prepare_cached("INSERT INTO history (session, operation) VALUES (?1, ?2)")?
        .execute([&job.id, operation])
        .map(drop)
}

fn change(tx: &SqliteTx, amount: i64) -> Result<i64, rusqlite::Error> {
    tx.prepare_cached("UPDATE till SET amount = amount + ?1 RETURNING amount")?.query_row([amount], |row| row.get(0))
}

impl<D: Database<Tx = SqliteTx>> soak::Till<D> for Till {
    /// Writes first: of what is refused nothing may be left.
    async fn take(&self, tx: &mut SqliteTx, job: &Job) -> Result<i64, Failure> {
        note(tx, job, "take")?;
        let left = change(tx, -(job.amount as i64))?;
        self.allow(job, "take").map(|()| left)
    }

    async fn give_back(&self, tx: &mut SqliteTx, job: &Job, _: &i64) -> Result<(), BoxError> {
        note(tx, job, "give_back")?;
        change(tx, job.amount as i64)?;
        Ok(())
    }

    async fn mark(&self, tx: &mut SqliteTx, job: &Job) -> Result<(), Failure> {
        note(tx, job, "mark")?;
        self.allow(job, "mark")
    }

    async fn unmark(&self, tx: &mut SqliteTx, job: &Job, (): &()) -> Result<(), BoxError> {
        Ok(note(tx, job, "unmark")?)
    }

    async fn look(&self, _: &IdempotencyKey, job: &Job) -> Result<u64, Failure> {
        // Waits now and then, so that others overtake it and processes end in the middle.
        if job.amount.is_multiple_of(4) {
            tokio::time::sleep(Duration::from_millis(job.amount)).await;
        }
        Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64)
    }
}
