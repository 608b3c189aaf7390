//! `chor abort` on the database of a node that does not run: the request is recorded there, with
//! the audit, in one commit, while the database's lock is held. The node reads it when it starts,
//! before it runs the session. The tables are the runtime's (`runtime/src/store/sqlite`).

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use serde_json::{Value, json};

use super::VERSION;
use super::show::clean;

/// The format of the database that is known here.
const FORMAT: i64 = 6;

/// How long another connection, a backup say, may hold the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The shortest beginning of a session's identity that names it, in hexadecimal digits.
const PREFIX_DIGITS_MIN: usize = 4;

/// The longest reason that is recorded, in bytes; the audit has less of it.
const REASON_BYTES_MAX: usize = 16 * 1024;
const AUDITED_BYTES_MAX: usize = 4 * 1024;

/// A role's part of a session; one that was in quarantine before its first row has none.
struct Part {
    session: Vec<u8>,
    state: String,
    reason: Option<String>,
}

/// Why the request was not recorded.
pub enum Fault {
    /// The database cannot be used.
    Failed(String),
    /// There is nothing to abort, or it is not said what.
    Refused(String),
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> Fault + '_ {
    move |error| Fault::Failed(format!("{}: {error}", path.display()))
}

/// Records that the session is to be aborted; the answer, in the words of the protocol.
pub fn abort(database: &Path, session: &str, reason: &str) -> Result<Value, Fault> {
    if reason.trim().is_empty() {
        return Err(Fault::Refused("the reason is empty; others will read it".to_owned()));
    }
    let shown = database.display();
    let path = database.canonicalize().map_err(|error| Fault::Failed(format!("{shown}: {error}")))?;
    let lock = lock(&path)?;
    let mut connection = open(&path)?;
    let parts = named(&connection, session).map_err(failed(&path))?;
    let answer = asked(&mut connection, &path, session, &parts, reason);
    // The lock is held until the database is closed.
    connection.close().map_err(|(_, error)| failed(&path)(error))?;
    drop(lock);
    Ok(json!({ "version": VERSION, "answer": answer? }))
}

/// Nobody starts the node meanwhile.
fn lock(path: &Path) -> Result<File, Fault> {
    let beside = beside(path, ".lock");
    let shown = beside.display();
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&beside).map_err(|error| Fault::Failed(format!("{shown}: {error}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::Failed(format!(
            "the node of {} runs, and does not listen beside its database; name its socket by `--node` (`NodeBuilder::admin`), or end the node and ask again",
            path.display()
        ))),
        Err(TryLockError::Error(error)) => Err(Fault::Failed(format!("{shown} cannot be locked: {error}"))),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn open(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
        let is_there = |name: &str| {
            let sql = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
            Ok::<_, rusqlite::Error>(connection.query_row(sql, [name], |_| Ok(())).optional()?.is_some())
        };
        let format = match is_there("accompanist_meta")? {
            true => connection
                .query_row("SELECT value FROM accompanist_meta WHERE key = 'format'", [], |row| row.get::<_, i64>(0))
                .optional()?,
            false => None,
        };
        let has_requests = is_there("accompanist_request")?;
        Ok((connection, format, has_requests))
    };
    let (connection, format, has_requests) = opened().map_err(failed(path))?;
    let shown = path.display();
    match (format, has_requests) {
        (Some(FORMAT), true) => Ok(connection),
        (None, _) => Err(Fault::Failed(format!("{shown} is not the database of a node"))),
        (Some(_), _) => Err(Fault::Failed(format!(
            "{shown} was written by another version of the node; start the node, and abort the session then"
        ))),
    }
}

/// The parts of the session that `name` means: by the client's id or by the beginning of its
/// identity, and those that are not finished before all others.
fn named(connection: &Connection, name: &str) -> Result<Vec<Part>, rusqlite::Error> {
    let part = |row: &Row<'_>| Ok(Part { session: row.get(0)?, state: row.get(1)?, reason: row.get(2)? });
    let is_prefix = name.len() >= PREFIX_DIGITS_MIN && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = if is_prefix { name.to_lowercase() } else { String::new() };
    let begins = "?1 <> '' AND substr(lower(hex(session)), 1, length(?1)) = ?1";
    let by_id = "SELECT session, state, reason FROM accompanist_session WHERE client_id = ?1 AND".to_owned();
    let rows = format!("SELECT session, state, reason FROM accompanist_session WHERE {begins} AND");
    let without_row = "NOT EXISTS (SELECT 1 FROM accompanist_session AS row WHERE row.session = crash.session)";
    let held =
        format!("SELECT session, 'active', NULL FROM accompanist_crash AS crash WHERE {without_row} AND {begins}");
    let queries = [
        (format!("{by_id} finished_at IS NULL"), name),
        (format!("{rows} finished_at IS NULL UNION {held}"), &digits),
        (format!("{by_id} finished_at IS NOT NULL"), name),
        (format!("{rows} finished_at IS NOT NULL"), &digits),
    ];
    for (sql, name) in queries {
        let parts: Vec<Part> = connection.prepare(&sql)?.query_map([name], part)?.collect::<Result<_, _>>()?;
        if !parts.is_empty() {
            return Ok(parts);
        }
    }
    Ok(Vec::new())
}

fn asked(connection: &mut Connection, path: &Path, name: &str, parts: &[Part], reason: &str) -> Result<Value, Fault> {
    let Some(first) = parts.first() else {
        let (name, shown) = (clean(name), path.display());
        return Err(Fault::Refused(format!(
            "{shown} has no session `{name}`: none of that id, or it is forgotten; an identity can be shortened to {PREFIX_DIGITS_MIN} digits"
        )));
    };
    let hex = |session: &[u8]| session.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    if let Some(other) = parts.iter().find(|part| part.session != first.session) {
        let (one, two) = (hex(&first.session), hex(&other.session));
        return Err(Fault::Refused(format!("`{}` could be {one} or {two}; name one of these", clean(name))));
    }
    if let Some(part) = parts.iter().find(|part| part.state == "aborting") {
        return Ok(json!({ "outcome": "already_aborting", "reason": part.reason }));
    }
    if !parts.iter().any(|part| part.state == "active" || part.state == "voted") {
        return Ok(match parts.iter().find_map(|part| part.reason.as_ref()) {
            Some(reason) => json!({ "outcome": "already_rolled_back", "reason": reason }),
            None => json!({ "outcome": "too_late", "states": [first.state] }),
        });
    }
    record(connection, &first.session, reason).map_err(failed(path))?;
    Ok(json!({ "outcome": "recorded", "session": hex(&first.session) }))
}

fn record(connection: &mut Connection, session: &[u8], reason: &str) -> Result<(), rusqlite::Error> {
    let cut = |bytes_max: usize| reason.get(..reason.floor_char_boundary(bytes_max)).unwrap_or_default();
    let now = now_millis();
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT INTO accompanist_request (session, reason, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (session) DO UPDATE SET reason = excluded.reason, at = excluded.at",
        params![session, cut(REASON_BYTES_MAX), now],
    )?;
    transaction.execute(
        "INSERT INTO accompanist_audit (at, session, action, outcome, reason, uid)
         VALUES (?1, ?2, 'abort', 'asked while the node did not run', ?3, ?4)",
        params![now, session, cut(AUDITED_BYTES_MAX), uid()],
    )?;
    transaction.commit()
}

#[allow(clippy::disallowed_types, reason = "the binary says when it was asked")]
fn now_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.ok().and_then(|since| i64::try_from(since.as_millis()).ok()).unwrap_or(0)
}

/// The user who asks, where the system says so.
fn uid() -> Option<u32> {
    #[cfg(target_os = "linux")]
    let uid = std::fs::metadata("/proc/self").ok().map(|own| std::os::unix::fs::MetadataExt::uid(&own));
    #[cfg(not(target_os = "linux"))]
    let uid = None;
    uid
}
