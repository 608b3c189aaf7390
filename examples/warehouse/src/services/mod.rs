//! The three services: each knows its own tables and nothing of the others.
//!
//! Every operation notes itself in the table `history`, in the same transaction: that is how the audit knows what took effect, and how often.

mod bank;
mod club;
mod shop;

pub use bank::Bank;
pub(crate) use club::CENTS_PER_POINT;
pub use club::Club;
pub use shop::Shop;
pub(crate) use shop::stock;

use accompanist::store::SqliteTx;

/// The table of everything that took effect.
const HISTORY: &str = "CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY,
    operation TEXT NOT NULL,
    subject TEXT NOT NULL
);";

/// Notes that `operation` took effect on `subject`.
fn note(tx: &SqliteTx, operation: &str, subject: &str) -> Result<(), accompanist::rusqlite::Error> {
    tx.prepare_cached("INSERT INTO history (operation, subject) VALUES (?1, ?2)")?.execute([operation, subject])?;
    Ok(())
}
