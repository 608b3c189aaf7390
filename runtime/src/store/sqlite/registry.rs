//! The database's identity, its openings, and what it remembers of peers: see
//! [`crate::store::Registry`].

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::{RoleId, RowState, SessionId, SessionKey};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::queue::Command;
use super::schema::store_error;
use super::{Backing, Sqlite, crashes, requests, rows, writer_gone};
use crate::context::BoxFuture;
use crate::store::registry::{Known, Lineage, OPENINGS_MAX, Opening, Outcome, Registry, Resolved, Shared};
use crate::store::{Crashes, StoreError};

/// The tables that format 6 has more than format 5. `commits` counts the database's commits;
/// `doubtful_id` is the last session that it had when it was last adopted. `accompanist_lost` are
/// sessions that others know and this database does not; `accompanist_resolution` is what operators
/// decided of sessions.
pub(super) const TABLES: &str = "
CREATE TABLE accompanist_identity (
  identity BLOB NOT NULL,
  generation INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  doubtful_id INTEGER NOT NULL
) STRICT;
INSERT INTO accompanist_identity VALUES (randomblob(16), 0, 0, 0);
CREATE TABLE accompanist_opening (
  incarnation INTEGER PRIMARY KEY,
  run INTEGER NOT NULL,
  commits INTEGER NOT NULL
) STRICT;
CREATE TABLE accompanist_peer (
  node TEXT PRIMARY KEY,
  identity BLOB NOT NULL,
  generation INTEGER NOT NULL,
  incarnation INTEGER NOT NULL,
  run INTEGER NOT NULL,
  commits INTEGER NOT NULL
) STRICT;
CREATE TABLE accompanist_lost (
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  initiator INTEGER NOT NULL,
  choreography TEXT NOT NULL,
  client_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  PRIMARY KEY (session, role)
) STRICT;
CREATE INDEX accompanist_lost_client ON accompanist_lost (choreography, client_id) WHERE role = initiator;
CREATE TABLE accompanist_resolution (
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  decision TEXT NOT NULL,
  reason TEXT NOT NULL,
  decided_at INTEGER NOT NULL,
  PRIMARY KEY (session, role)
) STRICT;
";

/// Openings that the database keeps, more than are told.
const OPENINGS_KEPT: u32 = 1_024;

/// Records that the database has been opened.
pub(super) fn begin_opening(connection: &mut Connection) -> Result<(), rusqlite::Error> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO accompanist_opening (incarnation, run, commits)
         SELECT (SELECT coalesce(max(incarnation), 0) + 1 FROM accompanist_opening), random(), commits
         FROM accompanist_identity",
        [],
    )?;
    transaction.execute(
        "DELETE FROM accompanist_opening
         WHERE incarnation <= (SELECT max(incarnation) FROM accompanist_opening) - ?1",
        [OPENINGS_KEPT],
    )?;
    transaction.commit()
}

/// One commit more: part of each commit of the writer's.
pub(super) fn count_commit(connection: &Connection) -> Result<u64, rusqlite::Error> {
    let sql = "UPDATE accompanist_identity SET commits = commits + 1 RETURNING commits /* accompanist */";
    connection.prepare_cached(sql)?.query_row([], |row| row.get(0))
}

pub(super) fn commits(connection: &Connection) -> Result<u64, rusqlite::Error> {
    connection.query_row("SELECT commits FROM accompanist_identity", [], |row| row.get(0))
}

pub(super) fn lineage(connection: &Connection) -> Result<Lineage, rusqlite::Error> {
    let (identity, generation) =
        connection.query_row("SELECT identity, generation FROM accompanist_identity", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let sql = "SELECT incarnation, run, commits FROM accompanist_opening ORDER BY incarnation DESC LIMIT ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let openings = statement.query_map([OPENINGS_MAX], |row| {
        Ok((row.get::<_, u64>(0)?, Opening { run: row.get(1)?, commits: row.get(2)? }))
    })?;
    let mut openings: Vec<_> = openings.collect::<Result<_, _>>()?;
    openings.reverse();
    let incarnation = openings.last().map_or(0, |(incarnation, _)| *incarnation);
    let openings = openings.into_iter().map(|(_, opening)| opening).collect();
    Ok(Lineage { identity, generation, incarnation, openings })
}

fn peers(connection: &Connection) -> Result<Vec<(String, Known)>, rusqlite::Error> {
    let sql = "SELECT node, identity, generation, incarnation, run, commits FROM accompanist_peer";
    let mut statement = connection.prepare(sql)?;
    let peers = statement.query_map([], |row| {
        let known = Known {
            identity: row.get(1)?,
            generation: row.get(2)?,
            incarnation: row.get(3)?,
            run: row.get(4)?,
            commits: row.get(5)?,
        };
        Ok((row.get(0)?, known))
    })?;
    peers.collect()
}

fn remember(connection: &Connection, node: &str, known: &Known) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO accompanist_peer (node, identity, generation, incarnation, run, commits)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (node) DO UPDATE SET identity = ?2, generation = ?3, incarnation = ?4, run = ?5, commits = ?6";
    let Known { identity, generation, incarnation, run, commits } = known;
    connection.prepare_cached(sql)?.execute(params![node, identity, generation, incarnation, run, commits])?;
    Ok(())
}

fn shared_with(
    connection: &Connection,
    node: &str,
    since_ms: i64,
    sessions_max: usize,
) -> Result<Vec<Shared>, StoreError> {
    let mut found = Vec::new();
    rows::each_since(connection, since_ms, |row| {
        let outcome = match &row.state {
            RowState::Active | RowState::Voted { .. } => Outcome::Unfinished,
            RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => Outcome::Committed,
            RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) } => Outcome::Aborted,
        };
        let header = &row.header;
        let roles = header.participants.iter().filter(|role| header.node(**role) == Some(node));
        found.extend(roles.map(|role| Shared {
            session: header.session_id(),
            role: *role,
            initiator: header.initiator,
            choreography: header.choreography.clone(),
            client_id: header.client_id.clone(),
            outcome,
        }));
        found.len() < sessions_max
    })?;
    found.truncate(sessions_max);
    Ok(found)
}

fn adopt(connection: &Connection, generation: u64, lost: &[Shared]) -> Result<(), rusqlite::Error> {
    connection.execute(
        "UPDATE accompanist_identity SET identity = randomblob(16), generation = ?1,
         doubtful_id = (SELECT coalesce(max(id), 0) FROM accompanist_session)",
        [generation],
    )?;
    let sql = "INSERT OR REPLACE INTO accompanist_lost (session, role, initiator, choreography, client_id, outcome)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut statement = connection.prepare_cached(sql)?;
    for Shared { session, role, initiator, choreography, client_id, outcome } in lost {
        let name = outcome_name(*outcome);
        statement.execute(params![session.0, role.0, initiator.0, choreography, client_id, name])?;
    }
    Ok(())
}

fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unfinished => "unfinished",
        Outcome::Committed => "committed",
        Outcome::Aborted => "aborted",
    }
}

fn is_doubtful(
    connection: &Connection,
    SessionId(session): SessionId,
    RoleId(role): RoleId,
) -> Result<bool, rusqlite::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accompanist_session, accompanist_identity
                              WHERE session = ?1 AND role = ?2 AND id <= doubtful_id)
               OR EXISTS (SELECT 1 FROM accompanist_lost WHERE session = ?1 AND role = ?2)";
    connection.prepare_cached(sql)?.query_row(params![session, role], |row| row.get(0))
}

fn find_lost(connection: &Connection, choreography: &str, client_id: &str) -> Result<Option<Outcome>, rusqlite::Error> {
    let sql = "SELECT outcome FROM accompanist_lost
               WHERE choreography = ?1 AND client_id = ?2 AND role = initiator";
    let name: Option<String> =
        connection.prepare_cached(sql)?.query_row([choreography, client_id], |row| row.get(0)).optional()?;
    Ok(name.map(|name| match name.as_str() {
        "committed" => Outcome::Committed,
        "aborted" => Outcome::Aborted,
        _ => Outcome::Unfinished,
    }))
}

impl Sqlite {
    /// Changes what the registry holds, in a commit.
    async fn change_registry(
        &self,
        change: impl FnOnce(&Connection) -> Result<(), rusqlite::Error> + Send + 'static,
    ) -> Result<(), StoreError> {
        match &self.backing {
            Backing::Threads(shared) => {
                let (reply, answer) = tokio::sync::oneshot::channel();
                shared.send(Command::Change { change: Box::new(change), reply })?;
                answer.await.map_err(|_| writer_gone())?
            }
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.change(change),
        }
    }
}

impl Registry for Sqlite {
    fn lineage(&self) -> Lineage {
        Lineage::clone(&self.lineage)
    }

    fn commits(&self) -> u64 {
        match &self.backing {
            Backing::Threads(shared) => shared.progress.total_commits(),
            #[cfg(feature = "sim")]
            Backing::Driven(driven) => driven.total_commits(),
        }
    }

    fn peers(&self) -> Result<Vec<(String, Known)>, StoreError> {
        self.read_rows(peers).map_err(|error| store_error(&error))
    }

    fn remember<'a>(&'a self, node: &'a str, known: Known) -> BoxFuture<'a, Result<(), StoreError>> {
        let node = node.to_owned();
        Box::pin(self.change_registry(move |connection| remember(connection, &node, &known)))
    }

    fn shared_with(&self, node: &str, since_ms: i64, sessions_max: usize) -> Result<Vec<Shared>, StoreError> {
        self.read_rows(|connection| shared_with(connection, node, since_ms, sessions_max))
    }

    fn last_change_ms(&self) -> Result<i64, StoreError> {
        let sql = "SELECT max(coalesce(max(started_at), 0), coalesce(max(finished_at), 0)) FROM accompanist_session";
        let read = |connection: &Connection| connection.query_row(sql, [], |row| row.get(0));
        self.read_rows(read).map_err(|error| store_error(&error))
    }

    fn adopt(&self, generation: u64, lost: Vec<Shared>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move { self.change_registry(move |connection| adopt(connection, generation, &lost)).await })
    }

    fn is_doubtful(&self, key: SessionKey) -> Result<bool, StoreError> {
        let read = |connection: &Connection| is_doubtful(connection, key.session, key.role);
        self.read_rows(read).map_err(|error| store_error(&error))
    }

    fn resolve<'a>(&'a self, key: SessionKey, resolved: &'a Resolved) -> BoxFuture<'a, Result<(), StoreError>> {
        let Resolved { decision, reason, at_ms } = resolved.clone();
        Box::pin(self.change_registry(move |connection| {
            let sql = "INSERT OR REPLACE INTO accompanist_resolution (session, role, decision, reason, decided_at)
                       VALUES (?1, ?2, ?3, ?4, ?5)";
            connection.execute(sql, params![key.session.0, key.role.0, decision, reason, at_ms]).map(drop)
        }))
    }

    fn find_resolved(&self, key: SessionKey) -> Result<Option<Resolved>, StoreError> {
        let sql = "SELECT decision, reason, decided_at FROM accompanist_resolution WHERE session = ?1 AND role = ?2";
        let read = |connection: &Connection| {
            let row = |row: &rusqlite::Row<'_>| {
                Ok(Resolved { decision: row.get(0)?, reason: row.get(1)?, at_ms: row.get(2)? })
            };
            connection.prepare_cached(sql)?.query_row(params![key.session.0, key.role.0], row).optional()
        };
        self.read_rows(read).map_err(|error| store_error(&error))
    }

    fn find_lost(&self, choreography: &str, client_id: &str) -> Result<Option<Outcome>, StoreError> {
        self.read_rows(|connection| find_lost(connection, choreography, client_id)).map_err(|error| store_error(&error))
    }

    fn aborts_asked(&self) -> Result<BTreeMap<SessionId, Arc<str>>, StoreError> {
        self.read_rows(requests::aborts).map_err(|error| store_error(&error))
    }

    fn crashes(&self) -> Option<Arc<Crashes>> {
        self.crashes.clone()
    }

    fn release(&self, key: SessionKey) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.change_registry(move |connection| crashes::delete(connection, key)).await?;
            if let Some(crashes) = &self.crashes {
                crashes.release(key);
            }
            Ok(())
        })
    }
}
