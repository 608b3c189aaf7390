//! Reads sessions back, and refuses what is not as it was written.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{
    CallRecord, Deadline, Digest, Header, LoggedMessage, Position, RoleId, Row, ScopeVoteRecord, SessionId, SessionKey,
    Stored, TransactionRecord,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params, params};

use super::digest;
use super::schema::store_error;
use super::state::{self, StateColumns};
use super::write::now_ms;
use crate::store::{Finished, FinishedCursor, FinishedQuery, StoreError};

macro_rules! select_session {
    ($rest:literal) => {
        concat!(
            "SELECT id, session, role, choreography, client_id, state, version, commits, arguments, result, reason, via, local, \
             finished_at IS NOT NULL, initiator, nodes, participants, fingerprint, nonce, digest, records, deadline_at, deadline_within, finished_at FROM accompanist_session ",
            $rest
        )
    };
}

macro_rules! select_transaction {
    ($rest:literal) => {
        concat!(
            "SELECT position, sequence, operation, arguments, result, received, undone, digest, scopes FROM accompanist_transaction ",
            $rest
        )
    };
}

const SESSION_BY_KEY: &str = select_session!("WHERE session = ?1 AND role = ?2");
const SESSION_BY_CLIENT: &str = select_session!("WHERE choreography = ?1 AND client_id = ?2 AND role = initiator");
const SESSIONS_UNFINISHED: &str = select_session!("WHERE finished_at IS NULL ORDER BY id");
const SESSIONS_FINISHED_SINCE: &str = select_session!("WHERE finished_at >= ?1 ORDER BY finished_at DESC");
const STARTS_UNFINISHED: &str =
    "SELECT session, role, started_at FROM accompanist_session WHERE finished_at IS NULL ORDER BY id";
const TRANSACTIONS: &str = select_transaction!("WHERE id = ?1");
const TRANSACTION: &str = select_transaction!("WHERE id = ?1 AND position = ?2");
const CALLS: &str =
    "SELECT position, operation, arguments, result, received, digest, scopes FROM accompanist_call WHERE id = ?1";
const SCOPE_VOTES: &str = "SELECT position, scopes, vote, reason, digest FROM accompanist_scope_vote WHERE id = ?1";

/// In the order of their logging.
const MESSAGES: &str =
    "SELECT sender, position, scopes, said, content, digest FROM accompanist_message WHERE id = ?1 ORDER BY number";

/// What is stored of `key`.
pub(super) fn find(connection: &Connection, key: SessionKey) -> Result<Option<Stored>, StoreError> {
    one(connection, SESSION_BY_KEY, params![key.session.0, key.role.0])
}

/// What is stored of the session that started here with this client id.
pub(super) fn find_client(
    connection: &Connection,
    choreography: &str,
    client_id: &str,
) -> Result<Option<Stored>, StoreError> {
    one(connection, SESSION_BY_CLIENT, params![choreography, client_id])
}

/// All that is not finished, in the order of its start.
pub(super) fn unfinished(connection: &Connection) -> Result<Vec<(RoleId, Stored)>, StoreError> {
    let mut select = prepare(connection, SESSIONS_UNFINISHED)?;
    let mut rows = select.query([]).map_err(|error| store_error(&error))?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next().map_err(|error| store_error(&error))? {
        sessions.push(stored(connection, row)?);
    }
    Ok(sessions)
}

/// The newest that are finished: before that of `?2` and `?3`, and of the choreography `?1` where
/// there is one.
const FINISHED_NEWEST: &str = select_session!(
    "WHERE finished_at IS NOT NULL AND (finished_at, id) < (?2, ?3) AND (?1 IS NULL OR choreography = ?1) \
     ORDER BY finished_at DESC, id DESC LIMIT ?4"
);
const FINISHED_BY_IDENTITY: &str = select_session!(
    "WHERE session BETWEEN ?1 AND ?2 AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC LIMIT ?3"
);
/// Without an index: it is asked by a person, now and then.
const FINISHED_BY_CLIENT: &str =
    select_session!("WHERE client_id = ?1 AND finished_at IS NOT NULL ORDER BY finished_at DESC, id DESC LIMIT ?2");

/// What is finished, the newest first.
pub(super) fn finished(
    connection: &Connection,
    query: &FinishedQuery,
    limit: usize,
) -> Result<Vec<Finished>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match query {
        FinishedQuery::Newest { choreography, before } => {
            let FinishedCursor(at, id) = before.unwrap_or(FinishedCursor(i64::MAX, i64::MAX));
            finished_by(connection, FINISHED_NEWEST, params![choreography, at, id, limit])
        }
        FinishedQuery::Identity(first, last) => {
            finished_by(connection, FINISHED_BY_IDENTITY, params![first.0, last.0, limit])
        }
        FinishedQuery::ClientId(id) => finished_by(connection, FINISHED_BY_CLIENT, params![id, limit]),
    }
}

fn finished_by(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Vec<Finished>, StoreError> {
    let now_ms = now_ms();
    let mut select = prepare(connection, sql)?;
    let mut rows = select.query(parameters).map_err(|error| store_error(&error))?;
    let mut all = Vec::new();
    while let Some(columns) = rows.next().map_err(|error| store_error(&error))? {
        let id = columns.get(0).map_err(|error| unreadable("session", None, &error))?;
        let at: i64 = columns.get(23).map_err(|error| unreadable("session", Some(id), &error))?;
        let (key, row) = session_row(columns, id)?;
        let ago = Duration::from_millis(u64::try_from(now_ms.saturating_sub(at)).unwrap_or(0));
        all.push(Finished { key, row, ago, cursor: FinishedCursor(at, id) });
    }
    Ok(all)
}

/// How long ago everything that is not finished started, by the wall clock.
pub(super) fn ages(connection: &Connection) -> Result<Vec<(SessionKey, Duration)>, StoreError> {
    let now_ms = now_ms();
    let mut select = prepare(connection, STARTS_UNFINISHED)?;
    let ages = select.query_map([], |row| {
        let key = SessionKey { session: SessionId(row.get(0)?), role: RoleId(row.get(1)?) };
        let age_ms = now_ms.saturating_sub(row.get::<_, i64>(2)?);
        Ok((key, Duration::from_millis(u64::try_from(age_ms).unwrap_or(0))))
    });
    ages.and_then(Iterator::collect).map_err(|error| store_error(&error))
}

/// The rows that are not finished, and those that have finished at `since_ms` or later, until `take` has enough.
pub(super) fn each_since(
    connection: &Connection,
    since_ms: i64,
    mut take: impl FnMut(&Row) -> bool,
) -> Result<(), StoreError> {
    for sql in [SESSIONS_UNFINISHED, SESSIONS_FINISHED_SINCE] {
        let mut select = prepare(connection, sql)?;
        let mut rows = match sql {
            SESSIONS_UNFINISHED => select.query([]),
            _ => select.query([since_ms]),
        }
        .map_err(|error| store_error(&error))?;
        while let Some(columns) = rows.next().map_err(|error| store_error(&error))? {
            let id = columns.get(0).map_err(|error| unreadable("session", None, &error))?;
            if !take(&session_row(columns, id)?.1) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Every session row, with whose it is.
#[cfg(feature = "sim")]
pub(super) fn all(connection: &Connection) -> Result<Vec<(SessionKey, Row)>, StoreError> {
    let mut select = prepare(connection, "SELECT session, role FROM accompanist_session ORDER BY id")?;
    let mut keys = select.query([]).map_err(|error| store_error(&error))?;
    let mut all = Vec::new();
    while let Some(row) = keys.next().map_err(|error| store_error(&error))? {
        let session = SessionId(row.get(0).map_err(|error| store_error(&error))?);
        let role = RoleId(row.get(1).map_err(|error| store_error(&error))?);
        let key = SessionKey { session, role };
        all.extend(find(connection, key)?.map(|stored| (key, stored.row)));
    }
    Ok(all)
}

/// The record of the transaction at `position` of the session whose row is `id`.
pub(super) fn transaction(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    position: Position,
) -> Result<Option<TransactionRecord>, StoreError> {
    let mut select = prepare(connection, TRANSACTION)?;
    let record = select
        .query_row(params![id, position.0.to_be_bytes()], |row| Ok(transaction_record(key, row)))
        .optional()
        .map_err(|error| store_error(&error))?;
    record.transpose()
}

/// The session row that `sql` selects, with its records: one statement stays open over the others, so all see one snapshot.
fn one(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Option<Stored>, StoreError> {
    let mut select = prepare(connection, sql)?;
    let mut rows = select.query(parameters).map_err(|error| store_error(&error))?;
    match rows.next().map_err(|error| store_error(&error))? {
        None => Ok(None),
        Some(row) => stored(connection, row).map(|(_, stored)| Some(stored)),
    }
}

fn stored(connection: &Connection, columns: &rusqlite::Row<'_>) -> Result<(RoleId, Stored), StoreError> {
    let id = columns.get(0).map_err(|error| unreadable("session", None, &error))?;
    let (key, row) = session_row(columns, id)?;
    let mut transactions = Vec::new();
    each(connection, TRANSACTIONS, id, |columns| {
        transactions.push(transaction_record(key, columns)?);
        Ok(())
    })?;
    let mut calls = Vec::new();
    each(connection, CALLS, id, |columns| {
        calls.push(call_record(key, columns)?);
        Ok(())
    })?;
    let mut scope_votes = Vec::new();
    each(connection, SCOPE_VOTES, id, |columns| {
        scope_votes.push(scope_vote_record(key, columns)?);
        Ok(())
    })?;
    let mut messages = Vec::new();
    each(connection, MESSAGES, id, |columns| {
        messages.push(logged_message(key, columns)?);
        Ok(())
    })?;
    let expected: i64 = columns.get(20).map_err(|error| unreadable("session", Some(id), &error))?;
    let count = transactions.len() + calls.len() + scope_votes.len() + messages.len();
    if i64::try_from(count) != Ok(expected) {
        return Err(StoreError::Corrupt(format!(
            "row {id} of accompanist_session: it has {expected} records, and {count} are found"
        )));
    }
    Ok((key.role, Stored { row, transactions, calls, scope_votes, messages }))
}

fn each(
    connection: &Connection,
    sql: &str,
    id: i64,
    mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut select = prepare(connection, sql)?;
    let mut rows = select.query([id]).map_err(|error| store_error(&error))?;
    while let Some(columns) = rows.next().map_err(|error| store_error(&error))? {
        take(columns)?;
    }
    Ok(())
}

fn session_row(columns: &rusqlite::Row<'_>, id: i64) -> Result<(SessionKey, Row), StoreError> {
    let place = format!("row {id} of accompanist_session");
    let damaged = |what: &str| StoreError::Corrupt(format!("{place}: {what}"));
    let read = || -> Result<_, rusqlite::Error> {
        let key = SessionKey { session: SessionId(columns.get(1)?), role: RoleId(columns.get(2)?) };
        let nodes: Option<Vec<Vec<String>>> = serde_json::from_str(columns.get_ref(15)?.as_str()?).ok();
        let participants: Option<Vec<u16>> = serde_json::from_str(columns.get_ref(16)?.as_str()?).ok();
        let header = nodes.zip(participants);
        let (choreography, client_id) = (columns.get(3)?, columns.get(4)?);
        let (initiator, fingerprint, nonce) = (RoleId(columns.get(14)?), columns.get(17)?, columns.get(18)?);
        let header = header.map(|(nodes, participants)| Header {
            choreography,
            fingerprint,
            initiator,
            client_id,
            nonce,
            nodes,
            participants: participants.into_iter().map(RoleId).collect(),
        });
        let state = StateColumns {
            name: columns.get_ref(5)?.as_str()?,
            result: columns.get_ref(9)?.as_str_or_null()?,
            reason: columns.get_ref(10)?.as_str_or_null()?,
            via: columns.get(11)?,
            local: columns.get(12)?,
        };
        let (version, commits) = (columns.get::<_, i64>(6)?, columns.get::<_, i64>(7)?);
        let finished: bool = columns.get(13)?;
        Ok((
            key,
            header,
            state,
            version,
            commits,
            columns.get(8)?,
            finished,
            columns.get(19)?,
            (columns.get(21)?, columns.get(22)?),
        ))
    };
    let (key, header, state, version, commits, arguments, finished, digest, deadline) =
        read().map_err(|error| unreadable("session", Some(id), &error))?;
    let arguments: Option<Arc<str>> = arguments;
    let digest: [u8; 16] = digest;
    let header = header.ok_or_else(|| damaged("its nodes or participants are no JSON list"))?;
    if header.session_id() != key.session {
        return Err(damaged("its header is not the one that the session is named after"));
    }
    let (Ok(version), Ok(commits)) = (u64::try_from(version), u64::try_from(commits)) else {
        return Err(damaged("a counter is negative"));
    };
    let deadline = deadline_of(deadline).map_err(|()| damaged("its deadline is none"))?;
    if digest::of_session(key, version, commits, arguments.as_deref(), &state, deadline) != digest {
        return Err(damaged("it does not have the digest that it was written with"));
    }
    if finished != (state.name == "finished") {
        return Err(damaged("its state and its time of finishing contradict each other"));
    }
    let state = state.state().ok_or_else(|| damaged(&format!("`{}` is no state, or misses a part", state.name)))?;
    Ok((key, Row { header: Arc::new(header), version, commits, state, arguments, deadline }))
}

/// The deadline of two columns: both are there, or none is.
fn deadline_of(columns: (Option<i64>, Option<i64>)) -> Result<Option<Deadline>, ()> {
    let (unix_millis, within_millis) = match columns {
        (None, None) => return Ok(None),
        (Some(at), Some(within)) => (u64::try_from(at), u64::try_from(within)),
        (Some(_), None) | (None, Some(_)) => return Err(()),
    };
    Ok(Some(Deadline { unix_millis: unix_millis.map_err(drop)?, within_millis: within_millis.map_err(drop)? }))
}

fn transaction_record(key: SessionKey, columns: &rusqlite::Row<'_>) -> Result<TransactionRecord, StoreError> {
    let read = || -> Result<_, rusqlite::Error> {
        let record = TransactionRecord {
            position: Position(u128::from_be_bytes(columns.get(0)?)),
            scopes: state::scopes(columns.get_ref(8)?.as_blob()?),
            sequence: u64::try_from(columns.get::<_, i64>(1)?).unwrap_or(u64::MAX),
            operation: columns.get(2)?,
            arguments: columns.get(3)?,
            result: state::result(columns.get(4)?),
            received: Digest(u128::from_be_bytes(columns.get(5)?)),
            undone: columns.get(6)?,
        };
        Ok((record, columns.get::<_, [u8; 16]>(7)?))
    };
    let (record, digest) = read().map_err(|error| unreadable_record("transaction", key, &error))?;
    if digest::of_transaction(key, &record) == digest {
        return Ok(record);
    }
    Err(damaged_record("transaction", key, record.position))
}

fn call_record(key: SessionKey, columns: &rusqlite::Row<'_>) -> Result<CallRecord, StoreError> {
    let read = || -> Result<_, rusqlite::Error> {
        let record = CallRecord {
            position: Position(u128::from_be_bytes(columns.get(0)?)),
            scopes: state::scopes(columns.get_ref(6)?.as_blob()?),
            operation: columns.get(1)?,
            arguments: Digest(u128::from_be_bytes(columns.get(2)?)),
            result: columns.get(3)?,
            received: Digest(u128::from_be_bytes(columns.get(4)?)),
        };
        Ok((record, columns.get::<_, [u8; 16]>(5)?))
    };
    let (record, digest) = read().map_err(|error| unreadable_record("call", key, &error))?;
    if digest::of_call(key, &record) == digest {
        return Ok(record);
    }
    Err(damaged_record("call", key, record.position))
}

fn scope_vote_record(key: SessionKey, columns: &rusqlite::Row<'_>) -> Result<ScopeVoteRecord, StoreError> {
    let read = || -> Result<_, rusqlite::Error> {
        let position = Position(u128::from_be_bytes(columns.get(0)?));
        let scopes = state::scopes(columns.get_ref(1)?.as_blob()?);
        let vote = state::vote(columns.get_ref(2)?.as_str()?, columns.get(3)?);
        Ok((position, vote.map(|vote| ScopeVoteRecord { position, scopes, vote }), columns.get::<_, [u8; 16]>(4)?))
    };
    match read().map_err(|error| unreadable_record("scope_vote", key, &error))? {
        (_, Some(record), digest) if digest::of_scope_vote(key, &record) == digest => Ok(record),
        (position, ..) => Err(damaged_record("scope_vote", key, position)),
    }
}

fn logged_message(key: SessionKey, columns: &rusqlite::Row<'_>) -> Result<LoggedMessage, StoreError> {
    let read = || -> Result<_, rusqlite::Error> {
        let (from, position) = (RoleId(columns.get(0)?), Position(u128::from_be_bytes(columns.get(1)?)));
        let scopes = state::scopes(columns.get_ref(2)?.as_blob()?);
        let said = state::said(columns.get_ref(3)?.as_str()?, columns.get(4)?);
        Ok((position, said.map(|said| LoggedMessage { from, position, scopes, said }), columns.get::<_, [u8; 16]>(5)?))
    };
    match read().map_err(|error| unreadable_record("message", key, &error))? {
        (_, Some(message), digest) if digest::of_message(key, &message) == digest => Ok(message),
        (position, ..) => Err(damaged_record("message", key, position)),
    }
}

fn damaged_record(table: &str, key: SessionKey, position: Position) -> StoreError {
    StoreError::Corrupt(format!(
        "accompanist_{table}, session {} role {} position {position}: it does not have the digest that it was written with",
        key.session, key.role.0
    ))
}

fn unreadable_record(table: &str, key: SessionKey, error: &rusqlite::Error) -> StoreError {
    StoreError::Corrupt(format!("accompanist_{table}, session {} role {}: {error}", key.session, key.role.0))
}

fn unreadable(table: &str, id: Option<i64>, error: &rusqlite::Error) -> StoreError {
    let id = id.map_or_else(|| "a row".to_owned(), |id| format!("row {id}"));
    StoreError::Corrupt(format!("{id} of accompanist_{table}: {error}"))
}

fn prepare<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, StoreError> {
    connection.prepare_cached(sql).map_err(|error| store_error(&error))
}
