//! What the benchmarks measure: the same three services under the resilient runtime, and as a bare loop of commits and messages.

pub mod bare;
pub mod bare_chain;
pub mod chains;
pub mod choreography;
pub mod delay;
pub mod figures;
pub mod orchestrator;
pub mod slow;

/// What every transaction of the benchmarks does.
pub const UPDATE: &str = "UPDATE counter SET value = value + ?2 WHERE id = ?1";

/// The table that it does it to.
pub const SCHEMA: &str = "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
    WITH RECURSIVE ids (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM ids WHERE id < 999)
    INSERT OR IGNORE INTO counter SELECT id, 0 FROM ids;";

/// The row that the transactions of an order change.
pub fn row(order: u64) -> u64 {
    order % 1000
}
