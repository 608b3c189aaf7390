//! The table of what operators did.

use accompanist_core::SessionId;
use rusqlite::{Connection, params};

use super::schema::store_error;
use crate::store::{AUDITS_MAX, Audit, StoreError};

/// Made where it is missing: it is no part of what sessions depend on, and so of no format.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS accompanist_audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  session BLOB,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  uid INTEGER
) STRICT;
CREATE INDEX IF NOT EXISTS accompanist_audit_session ON accompanist_audit (session);
";

const INSERT: &str =
    "INSERT INTO accompanist_audit (at, session, action, outcome, reason, uid) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const DELETE_OLD: &str = "DELETE FROM accompanist_audit WHERE id <= ?1";

const SELECT: &str = "SELECT at, action, outcome, reason, uid FROM accompanist_audit WHERE session = ?1 ORDER BY id";

/// Adds one, and deletes the oldest where there are too many.
pub(super) fn insert(connection: &Connection, audit: &Audit) -> Result<(), StoreError> {
    let insert = || {
        let at = i64::try_from(audit.unix_millis).unwrap_or(i64::MAX);
        let session = audit.session.map(|session| session.0);
        connection.prepare_cached(INSERT)?.execute(params![
            at,
            session,
            audit.action,
            audit.outcome,
            audit.reason,
            audit.uid
        ])?;
        let oldest = connection.last_insert_rowid().saturating_sub(i64::from(AUDITS_MAX));
        connection.prepare_cached(DELETE_OLD)?.execute([oldest]).map(drop)
    };
    insert().map_err(|error| store_error(&error))
}

/// Those of one session, in the order in which they were made.
pub(super) fn of_session(connection: &Connection, session: SessionId) -> Result<Vec<Audit>, StoreError> {
    let select = || {
        let mut select = connection.prepare_cached(SELECT)?;
        let audits = select.query_map([session.0], |row| {
            Ok(Audit {
                unix_millis: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                session: Some(session),
                action: row.get(1)?,
                outcome: row.get(2)?,
                reason: row.get(3)?,
                uid: row.get(4)?,
            })
        })?;
        audits.collect::<Result<_, rusqlite::Error>>()
    };
    select().map_err(|error| store_error(&error))
}
