//! The table of what operators asked for while no node ran over the database: sessions that are to
//! be aborted. `chor abort` writes it, while it holds the database's lock; the node reads it when
//! it starts, and asks each session to end before its program is run.
//!
//! A request stays until its session has no part here any more that could end so, and is deleted
//! when the database is opened next: a process that dies on the way asks once more.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::SessionId;
use rusqlite::Connection;

/// Made where it is missing: no session depends on it, so it is part of no format.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS accompanist_request (
  session BLOB PRIMARY KEY,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Those of sessions that have ended or are being rolled back. One that is in quarantine may have
/// no row yet.
const DELETE_OVER: &str = "
DELETE FROM accompanist_request AS request
WHERE NOT EXISTS (SELECT 1 FROM accompanist_session AS row
                  WHERE row.session = request.session AND row.state IN ('active', 'voted'))
  AND (EXISTS (SELECT 1 FROM accompanist_session AS row WHERE row.session = request.session)
       OR NOT EXISTS (SELECT 1 FROM accompanist_crash AS crash WHERE crash.session = request.session))";

/// Deletes what has been done.
pub(super) fn delete_over(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.execute(DELETE_OVER, []).map(drop)
}

/// The sessions that are to be aborted, and why.
pub(super) fn aborts(connection: &Connection) -> Result<BTreeMap<SessionId, Arc<str>>, rusqlite::Error> {
    let mut select = connection.prepare("SELECT session, reason FROM accompanist_request")?;
    let aborts = select.query_map([], |row| Ok((SessionId(row.get(0)?), Arc::from(row.get::<_, String>(1)?))))?;
    aborts.collect()
}
