//! The table of sessions that were running when processes died: see [`crate::store::Crashes`].

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use accompanist_core::{RoleId, SessionId, SessionKey};
use rusqlite::{Connection, params};

use super::schema::{beside, opening};
use crate::store::StoreError;
use crate::store::crashes::{Crashes, LastEnd, MARKED_DEATHS_MAX, Marks};

/// Made where it is missing: sessions do not depend on it, so it is part of no format. `version` is
/// that of the session's row at the last death, and -1 where it had none.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS accompanist_crash (
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  deaths INTEGER NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (session, role)
) STRICT;
";

/// One death more, if the session has made no progress since the last one.
const COUNT: &str = "
INSERT INTO accompanist_crash (session, role, deaths, version)
SELECT ?1, ?2, 1, coalesce((SELECT version FROM accompanist_session WHERE session = ?1 AND role = ?2), -1)
WHERE NOT EXISTS (SELECT 1 FROM accompanist_session WHERE session = ?1 AND role = ?2 AND finished_at IS NOT NULL)
ON CONFLICT (session, role) DO UPDATE
SET deaths = CASE version WHEN excluded.version THEN deaths + 1 ELSE 1 END, version = excluded.version";

/// Those that have made progress, and those that were not running at the last death. What is in
/// quarantine was not.
const FORGET: &str = "
DELETE FROM accompanist_crash
WHERE version <> coalesce((SELECT version FROM accompanist_session AS row
                           WHERE row.session = accompanist_crash.session AND row.role = accompanist_crash.role), -1)";

/// Counts the sessions that were running when the last process died, durably; what is in quarantine
/// from now on, and the marks of this process.
pub(super) fn begin(connection: &mut Connection, path: &Path) -> Result<(Arc<Crashes>, Option<Marks>), StoreError> {
    let failed = |error: rusqlite::Error| opening(path, &error);
    connection.execute_batch(TABLE).map_err(failed)?;
    let begun = Marks::begin(beside(path, ".running"));
    let (marks, end, file) = match begun {
        Ok((marks, end, file)) => (Some(marks), end, file),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "what runs cannot be marked: a session that ends the process will not be known");
            (None, LastEnd::Clean, None)
        }
    };
    count(connection, &end).map_err(failed)?;
    // Only now: a process that dies in between counts the same death once more, and not never.
    if let Some(marks) = &marks {
        Marks::clear(marks.path(), file.as_ref());
    }
    crashes(connection, file).map(|crashes| (crashes, marks)).map_err(failed)
}

fn count(connection: &mut Connection, end: &LastEnd) -> Result<(), rusqlite::Error> {
    let is_empty = |connection: &Connection| {
        connection.query_row("SELECT NOT EXISTS (SELECT 1 FROM accompanist_crash)", [], |row| row.get::<_, bool>(0))
    };
    let running = match end {
        LastEnd::Clean => [].as_slice(),
        LastEnd::Died(running) => running,
    };
    // The usual case writes nothing.
    if running.is_empty() && is_empty(connection)? {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for SessionKey { session, role } in running {
        transaction.prepare_cached(COUNT)?.execute(params![session.0, role.0])?;
    }
    transaction.execute(FORGET, [])?;
    let mut select = transaction.prepare("SELECT session, role FROM accompanist_crash WHERE deaths < ?1")?;
    let counted = select.query_map([MARKED_DEATHS_MAX], key)?.collect::<Result<Vec<_>, _>>()?;
    drop(select);
    for SessionKey { session, role } in counted.iter().filter(|key| !running.contains(key)) {
        delete(&transaction, SessionKey { session: *session, role: *role })?;
    }
    transaction.commit()
}

/// Counts begin anew for this session.
pub(super) fn delete(connection: &Connection, key: SessionKey) -> Result<(), rusqlite::Error> {
    let sql = "DELETE FROM accompanist_crash WHERE session = ?1 AND role = ?2";
    connection.prepare_cached(sql)?.execute(params![key.session.0, key.role.0]).map(drop)
}

fn crashes(connection: &Connection, file: Option<File>) -> Result<Arc<Crashes>, rusqlite::Error> {
    let mut select = connection.prepare("SELECT session, role, deaths FROM accompanist_crash")?;
    let found = select.query_map([], |row| Ok((key(row)?, row.get::<_, u32>(2)?)))?;
    // The first death left no mark.
    let deaths = found.map(|found| found.map(|(key, deaths)| (key, deaths + 1)));
    Ok(Crashes::new(deaths.collect::<Result<BTreeMap<_, _>, _>>()?, file))
}

fn key(row: &rusqlite::Row<'_>) -> Result<SessionKey, rusqlite::Error> {
    Ok(SessionKey { session: SessionId(row.get(0)?), role: RoleId(row.get(1)?) })
}
