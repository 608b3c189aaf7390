//! Puts a session's writes into the transaction that is open.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use accompanist_core::{
    CallRecord, Change, LoggedMessage, Position, RecordKinds, RowState, ScopeVoteRecord, SessionKey, TransactionRecord,
    Write,
};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, ToSql, params};

use super::SqliteTx;
use super::digest;
use super::rows;
use super::schema::store_error;
use super::state::{StateColumns, result_column, said_columns, scopes_column, vote_columns};
use crate::store::StoreError;

const INSERT_SESSION: &str = "INSERT INTO accompanist_session (session, role, choreography, client_id, state, version, commits, records, \
     arguments, result, reason, via, local, started_at, finished_at, initiator, nodes, participants, fingerprint, nonce, digest, \
     deadline_at, deadline_within) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)";

macro_rules! update_session {
    ($more:literal) => {
        concat!(
            "UPDATE accompanist_session SET state = ?5, version = ?15, commits = ?6, arguments = ?7, result = ?8, reason = ?9, via = ?10, \
             local = ?11, digest = ?12, records = records * ?13 + ?14",
            $more,
            " WHERE id = ?1 AND session = ?2 AND role = ?3 AND version = ?4"
        )
    };
}

const UPDATE_SESSION: &str = update_session!("");

/// Apart from the others, because a row's place in the index by `finished_at` changes with it.
const FINISH_SESSION: &str = update_session!(", finished_at = coalesce(finished_at, ?16)");

const SELECT_ID: &str = "SELECT id FROM accompanist_session WHERE session = ?1 AND role = ?2";

const INSERT_TRANSACTION: &str = "INSERT INTO accompanist_transaction \
     (id, position, sequence, operation, arguments, result, received, undone, digest, scopes) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const UPDATE_UNDONE: &str =
    "UPDATE accompanist_transaction SET undone = 1, digest = ?3 WHERE id = ?1 AND position = ?2";

const UPDATE_RESULT: &str =
    "UPDATE accompanist_transaction SET result = ?4, digest = ?3 WHERE id = ?1 AND position = ?2";

const INSERT_CALL: &str = "INSERT INTO accompanist_call (id, position, operation, arguments, result, received, digest, scopes) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

const INSERT_SCOPE_VOTE: &str = "INSERT INTO accompanist_scope_vote (id, position, scopes, vote, reason, digest) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

const INSERT_MESSAGE: &str = "INSERT INTO accompanist_message (id, sender, position, scopes, said, content, digest) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

const DELETE_TRANSACTIONS: &str = "DELETE FROM accompanist_transaction WHERE id = ?1";
const DELETE_CALLS: &str = "DELETE FROM accompanist_call WHERE id = ?1";
const DELETE_SCOPE_VOTES: &str = "DELETE FROM accompanist_scope_vote WHERE id = ?1";
const DELETE_MESSAGES: &str = "DELETE FROM accompanist_message WHERE id = ?1";

/// The names of rows that have been finished since `?1` or longer; the state is asked for as well, so that no damage to a time deletes a
/// session that is alive.
const SELECT_FORGETTABLE: &str =
    "SELECT id FROM accompanist_session WHERE finished_at <= ?1 AND state = 'finished' ORDER BY finished_at LIMIT ?2";
const DELETE_SESSION: &str = "DELETE FROM accompanist_session WHERE id = ?1";

/// Milliseconds since 1970, by the wall clock: for people, and for the retention time.
pub(super) fn now_ms() -> i64 {
    #[cfg(feature = "sim")]
    if let Some(played_ms) = super::driven::PLAYED_MS.get() {
        return played_ms;
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Applies `write`. On an error some of it may be there: the caller takes it back.
pub(super) fn apply(tx: &mut SqliteTx, key: SessionKey, write: &Write) -> Result<(), StoreError> {
    let id = match write.replaces {
        0 => insert_session(&tx.connection, key, write)?,
        _ => update_session(tx, key, write)?,
    };
    tx.row_ids.put(key, id);
    let connection = &tx.connection;
    write.changes.iter().try_for_each(|change| match change {
        Change::Transaction(record) => insert_transaction(connection, id, key, record),
        Change::Call(record) => insert_call(connection, id, key, record),
        Change::ScopeVote(record) => insert_scope_vote(connection, id, key, record),
        Change::Returned { position, result } => complete(connection, id, key, *position, result),
        Change::Undone(position) => mark_undone(connection, id, key, *position),
        Change::Message(message) => insert_message(connection, id, key, message),
        Change::Drop(kinds) => drop_records(connection, id, *kinds).map_err(|error| store_error(&error)),
    })
}

/// Deletes at most `rows_max` rows that have been finished since `cutoff_ms` or longer, and says how many.
pub(super) fn forget(connection: &Connection, cutoff_ms: i64, rows_max: u32) -> Result<u64, StoreError> {
    let delete = || {
        let mut select = connection.prepare_cached(SELECT_FORGETTABLE)?;
        let ids: Vec<i64> =
            select.query_map(params![cutoff_ms, rows_max], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for id in &ids {
            drop_records(connection, *id, RecordKinds::ALL)?;
            connection.prepare_cached(DELETE_SESSION)?.execute([id])?;
        }
        Ok(ids.len() as u64)
    };
    delete().map_err(|error| store_error(&error))
}

fn insert_session(connection: &Connection, key: SessionKey, write: &Write) -> Result<i64, StoreError> {
    let row = &write.row;
    let header = &row.header;
    // Who reads it makes sure of that in any case.
    if cfg!(debug_assertions) && header.session_id() != key.session {
        return Err(StoreError::Failed(format!("session {} is not that of its header", key.session)));
    }
    let state = StateColumns::of(&row.state);
    let arguments = row.arguments.as_deref();
    let (version, commits) = (signed(row.version)?, signed(row.commits)?);
    let digest = digest::of_session(key, row.version, row.commits, arguments, &state, row.deadline);
    let participants: Vec<u16> = header.participants.iter().map(|role| role.0).collect();
    let deadline_at = row.deadline.map(|deadline| signed(deadline.unix_millis)).transpose()?;
    let deadline_within = row.deadline.map(|deadline| signed(deadline.within_millis)).transpose()?;
    let now_ms = now_ms();
    let mut insert = connection.prepare_cached(INSERT_SESSION).map_err(|error| store_error(&error))?;
    let inserted = insert.execute(params![
        key.session.0,
        key.role.0,
        header.choreography,
        header.client_id,
        state.name,
        version,
        commits,
        records(&write.changes).1,
        arguments,
        state.result,
        state.reason,
        state.via,
        state.local,
        now_ms,
        finished(&row.state).then_some(now_ms),
        header.initiator.0,
        json(&header.nodes)?,
        json(&participants)?,
        header.fingerprint,
        header.nonce,
        digest,
        deadline_at,
        deadline_within
    ]);
    match inserted {
        Ok(_) => Ok(connection.last_insert_rowid()),
        // The session is there, or another one of the same client id.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Err(StoreError::Conflict),
        Err(error) => Err(store_error(&error)),
    }
}

/// Gives the number of the row.
fn update_session(tx: &mut SqliteTx, key: SessionKey, write: &Write) -> Result<i64, StoreError> {
    if let Some(id) = tx.row_ids.get(key)
        && update_row(&tx.connection, id, key, write)?
    {
        return Ok(id);
    }
    let id = id(&tx.connection, key)?.ok_or(StoreError::Conflict)?;
    match update_row(&tx.connection, id, key, write)? {
        true => Ok(id),
        false => Err(StoreError::Conflict),
    }
}

/// Whether the row numbered `id` is that of the session, in the version that is replaced, and so has been replaced.
fn update_row(connection: &Connection, id: i64, key: SessionKey, write: &Write) -> Result<bool, StoreError> {
    let row = &write.row;
    let state = StateColumns::of(&row.state);
    let arguments = row.arguments.as_deref();
    let (version, commits) = (signed(row.version)?, signed(row.commits)?);
    let digest = digest::of_session(key, row.version, row.commits, arguments, &state, row.deadline);
    let (kept, added) = records(&write.changes);
    let replaces = signed(write.replaces)?;
    let values: [&dyn ToSql; 15] = [
        &id,
        &key.session.0,
        &key.role.0,
        &replaces,
        &state.name,
        &commits,
        &arguments,
        &state.result,
        &state.reason,
        &state.via,
        &state.local,
        &digest,
        &kept,
        &added,
        &version,
    ];
    let update = || {
        if !finished(&row.state) {
            return connection.prepare_cached(UPDATE_SESSION)?.execute(values);
        }
        let now_ms = now_ms();
        let values: Vec<&dyn ToSql> = values.into_iter().chain([&now_ms as &dyn ToSql]).collect();
        connection.prepare_cached(FINISH_SESSION)?.execute(&*values)
    };
    update().map(|count| count == 1).map_err(|error| store_error(&error))
}

/// The number of a session's row.
fn id(connection: &Connection, key: SessionKey) -> Result<Option<i64>, StoreError> {
    let select =
        || connection.prepare_cached(SELECT_ID)?.query_row(params![key.session.0, key.role.0], |row| row.get(0));
    select().optional().map_err(|error| store_error(&error))
}

fn insert_transaction(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    record: &TransactionRecord,
) -> Result<(), StoreError> {
    let sequence = signed(record.sequence)?;
    let digest = digest::of_transaction(key, record);
    let insert = || {
        connection.prepare_cached(INSERT_TRANSACTION)?.execute(params![
            id,
            record.position.0.to_be_bytes(),
            sequence,
            record.operation,
            record.arguments,
            result_column(&record.result),
            record.received.0.to_be_bytes(),
            record.undone,
            digest,
            scopes_column(&record.scopes)
        ])
    };
    insert().map(drop).map_err(|error| store_error(&error))
}

fn insert_call(connection: &Connection, id: i64, key: SessionKey, record: &CallRecord) -> Result<(), StoreError> {
    let digest = digest::of_call(key, record);
    let insert = || {
        connection.prepare_cached(INSERT_CALL)?.execute(params![
            id,
            record.position.0.to_be_bytes(),
            record.operation,
            record.arguments.0.to_be_bytes(),
            record.result,
            record.received.0.to_be_bytes(),
            digest,
            scopes_column(&record.scopes)
        ])
    };
    insert().map(drop).map_err(|error| store_error(&error))
}

fn insert_scope_vote(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    record: &ScopeVoteRecord,
) -> Result<(), StoreError> {
    let digest = digest::of_scope_vote(key, record);
    let (vote, reason) = vote_columns(&record.vote);
    let insert = || {
        connection.prepare_cached(INSERT_SCOPE_VOTE)?.execute(params![
            id,
            record.position.0.to_be_bytes(),
            scopes_column(&record.scopes),
            vote,
            reason,
            digest
        ])
    };
    insert().map(drop).map_err(|error| store_error(&error))
}

fn insert_message(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    message: &LoggedMessage,
) -> Result<(), StoreError> {
    let digest = digest::of_message(key, message);
    let (said, content) = said_columns(&message.said);
    let insert = || {
        connection.prepare_cached(INSERT_MESSAGE)?.execute(params![
            id,
            message.from.0,
            message.position.0.to_be_bytes(),
            scopes_column(&message.scopes),
            said,
            content,
            digest
        ])
    };
    insert().map(drop).map_err(|error| store_error(&error))
}

/// Gives an intent its result.
fn complete(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    position: Position,
    result: &Arc<str>,
) -> Result<(), StoreError> {
    let mut record = transaction(connection, id, key, position)?;
    record.result = Some(Arc::clone(result));
    let digest = digest::of_transaction(key, &record);
    let values = params![id, position.0.to_be_bytes(), digest, result];
    let update = || connection.prepare_cached(UPDATE_RESULT)?.execute(values);
    update().map(drop).map_err(|error| store_error(&error))
}

/// A record is read, and so checked, before what becomes of it is made part of its digest.
fn transaction(
    connection: &Connection,
    id: i64,
    key: SessionKey,
    position: Position,
) -> Result<TransactionRecord, StoreError> {
    rows::transaction(connection, id, key, position)?.ok_or_else(|| {
        StoreError::Failed(format!("session {} has no transaction at {position} that could be changed", key.session))
    })
}

fn mark_undone(connection: &Connection, id: i64, key: SessionKey, position: Position) -> Result<(), StoreError> {
    let mut record = transaction(connection, id, key, position)?;
    record.undone = true;
    let digest = digest::of_transaction(key, &record);
    let update = || connection.prepare_cached(UPDATE_UNDONE)?.execute(params![id, position.0.to_be_bytes(), digest]);
    update().map(drop).map_err(|error| store_error(&error))
}

fn drop_records(connection: &Connection, id: i64, kinds: RecordKinds) -> Result<(), rusqlite::Error> {
    let RecordKinds { transactions, calls, scope_votes, messages } = kinds;
    let delete = |is_there: bool, statement| match is_there {
        true => connection.prepare_cached(statement)?.execute([id]).map(drop),
        false => Ok(()),
    };
    delete(transactions, DELETE_TRANSACTIONS)?;
    delete(calls, DELETE_CALLS)?;
    delete(scope_votes, DELETE_SCOPE_VOTES)?;
    delete(messages, DELETE_MESSAGES)
}

/// Whether the session's records stay, and how many come.
fn records(changes: &[Change]) -> (bool, u32) {
    changes.iter().fold((true, 0), |(kept, added), change| match change {
        Change::Transaction(_) | Change::Call(_) | Change::ScopeVote(_) | Change::Message(_) => (kept, added + 1),
        Change::Returned { .. } | Change::Undone(_) => (kept, added),
        Change::Drop(_) => (false, 0),
    })
}

fn finished(state: &RowState) -> bool {
    matches!(state, RowState::Finished { .. })
}

fn signed(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Failed(format!("{number} is more than the database can count to")))
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Failed(error.to_string()))
}
