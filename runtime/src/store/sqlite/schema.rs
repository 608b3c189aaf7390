//! The database file: who may use it, how it is opened, and its tables.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension as _};

use super::registry;
use crate::store::StoreError;

/// The format of the tables below. A version of the library refuses a database of a newer format by name.
pub(super) const FORMAT: i64 = 6;

/// How long a connection waits for a lock that another connection holds: somebody's command-line tool, or a backup.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps: the store's own (about twenty) and the service's.
const STATEMENTS_CACHED_MAX: usize = 256;

/// Bytes of the write-ahead log that are written once when a database is opened, and overwritten from then on.
///
/// A commit that makes the file longer costs the file system a journal commit besides the data's own flush, about twice the time of one that
/// overwrites. A log of zeros is an empty one to SQLite, whose frames carry checksums and the salt of the current round.
pub(super) const LOG_BYTES: u64 = 4 * 1024 * 1024;

/// The table of logged messages, apart from the others because databases of the format before have none. Its rows are in the order of their
/// coming, and not of their positions, which are digests: a session that logs much writes at one place.
const MESSAGES: &str = "
CREATE TABLE accompanist_message (
  number INTEGER PRIMARY KEY,
  id INTEGER NOT NULL,
  sender INTEGER NOT NULL,
  position BLOB NOT NULL,
  scopes BLOB NOT NULL,
  said TEXT NOT NULL,
  content TEXT,
  digest BLOB NOT NULL
) STRICT;
CREATE INDEX accompanist_message_session ON accompanist_message (id);
";

/// The tables. Times are milliseconds since 1970; `digest` covers every other column of its row but the times (`rows.rs`), except those of a
/// session's header, which the session's own name (`session`) is a digest of, and `records`, the number of the session's records in the other
/// tables: one that cannot be found is missed. The `result` of a transaction is empty where it is the intent of a call that has not returned. `scopes` are positions of 16 bytes each, the outermost first.
///
/// `version` is that of the row (`Row::version_after`): how often it was written in the lower half, and by which run of the role in the upper one.
///
/// `id` counts sessions in the order of their start: it keeps what is written in one span of time on neighbouring pages, so that a commit
/// and a group of commits write few of them. The index by `finished_at` serves two questions: what is unfinished (null), and what can go.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS accompanist_session (
  id INTEGER PRIMARY KEY,
  session BLOB NOT NULL,
  role INTEGER NOT NULL,
  choreography TEXT NOT NULL,
  client_id TEXT NOT NULL,
  state TEXT NOT NULL,
  version INTEGER NOT NULL,
  commits INTEGER NOT NULL,
  records INTEGER NOT NULL,
  arguments TEXT,
  result TEXT,
  reason TEXT,
  via INTEGER,
  local INTEGER,
  started_at INTEGER NOT NULL,
  finished_at INTEGER,
  initiator INTEGER NOT NULL,
  nodes TEXT NOT NULL,
  participants TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  nonce BLOB NOT NULL,
  digest BLOB NOT NULL,
  deadline_at INTEGER,
  deadline_within INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS accompanist_session_key ON accompanist_session (session, role);
CREATE UNIQUE INDEX IF NOT EXISTS accompanist_session_client ON accompanist_session (choreography, client_id)
  WHERE role = initiator;
CREATE INDEX IF NOT EXISTS accompanist_session_finished ON accompanist_session (finished_at);
CREATE TABLE IF NOT EXISTS accompanist_transaction (
  id INTEGER NOT NULL,
  position BLOB NOT NULL,
  scopes BLOB NOT NULL,
  sequence INTEGER NOT NULL,
  operation TEXT NOT NULL,
  arguments TEXT NOT NULL,
  result TEXT NOT NULL,
  received BLOB NOT NULL,
  undone INTEGER NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accompanist_call (
  id INTEGER NOT NULL,
  position BLOB NOT NULL,
  scopes BLOB NOT NULL,
  operation TEXT NOT NULL,
  arguments BLOB NOT NULL,
  result TEXT NOT NULL,
  received BLOB NOT NULL,
  digest BLOB NOT NULL,
  PRIMARY KEY (id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accompanist_scope_vote (
  id INTEGER NOT NULL,
  position BLOB NOT NULL,
  scopes BLOB NOT NULL,
  vote TEXT NOT NULL,
  reason TEXT,
  digest BLOB NOT NULL,
  PRIMARY KEY (id, position)
) STRICT, WITHOUT ROWID;
";

/// A database that outlives its connections is a file: what SQLite would make in memory, or for a while, keeps nothing.
pub(super) fn check_path(path: &Path) -> Result<(), StoreError> {
    let text = path.to_string_lossy();
    if text.is_empty() || text.starts_with(":memory:") || text.starts_with("file:") {
        return Err(StoreError::Failed(format!(
            "`{text}` is not the path of a file: name a file, or keep everything in memory by `accompanist::store::Memory::new()`"
        )));
    }
    Ok(())
}

/// The file that `path` leads to, by its own name: SQLite puts its other files beside that one,
/// and not beside a symbolic link to it. Where there is none yet, it is made, empty, so that
/// nobody but its owner can read it or write to it.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let failed = |cause: &dyn std::fmt::Display| StoreError::Failed(format!("`{}`: {cause}", path.display()));
    let resolved = match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_privately(path).map_err(|error| failed(&cannot_be_made(path, &error)))?;
            path.canonicalize()
        }
        resolved => resolved,
    };
    let resolved = resolved.map_err(|error| failed(&error))?;
    if resolved.is_dir() {
        return Err(failed(&"is a directory; name a file in it"));
    }
    // SQLite makes its other files with the rights of this one.
    restrict(&resolved).map_err(|error| failed(&format!("its rights cannot be set: {error}")))?;
    if links(&resolved) > 1 {
        return Err(failed(
            &"has several names (hard links): SQLite would keep a write-ahead log for each, and lose commits; keep one name",
        ));
    }
    Ok(resolved)
}

/// Makes the file at `path`, or that which a symbolic link at `path` names.
fn create_privately(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn cannot_be_made(path: &Path, error: &io::Error) -> String {
    match std::fs::read_link(path) {
        Ok(target) => format!("is a symbolic link to `{}`, which cannot be made: {error}", target.display()),
        Err(_) => format!("cannot be made: {error}"),
    }
}

/// Takes everybody's rights to the database and its other files. What the owner lets a group do
/// by hand stays as it is, but for the lock: only who may write the database may open that, for
/// whoever can open it can hold it.
#[cfg(unix)]
fn restrict(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let group_writes = path.metadata()?.permissions().mode() & 0o020 != 0;
    for suffix in ["", "-wal", "-shm", ".lock"] {
        let file = beside(path, suffix);
        let Ok(metadata) = file.metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o7777;
        let excess = if suffix == ".lock" && !group_writes { 0o077 } else { 0o007 };
        if mode & excess != 0 {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode & !excess))?;
            tracing::warn!(path = %file.display(), "others could open this file of a database; they cannot any more");
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn restrict(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// How many names a file has.
#[cfg(unix)]
fn links(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().map_or(1, |metadata| metadata.nlink())
}

#[cfg(not(unix))]
fn links(_path: &Path) -> u64 {
    1
}

/// Makes sure that no other process (nor this one, twice) uses the database: two writers would each see the other's writes as conflicts.
/// The lock goes with the file handle, so also with the process. Only who may write the database
/// may open it.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = beside(path, ".lock");
    let failed = |cause: &dyn std::fmt::Display| StoreError::Failed(format!("`{}`: {cause}", lock_path.display()));
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&lock_path).map_err(|error| failed(&format!("cannot be opened: {error}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(
            &"is locked: another process uses this database; give each process a database of its own, or end the other one",
        )),
        Err(TryLockError::Error(error)) => Err(failed(&format!("cannot be locked: {error}"))),
    }
}

/// Opens a connection that writes.
pub(super) fn open_writer(path: &Path, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| opening(path, &error))?;
    configure(&connection).map_err(|error| opening(path, &error))?;
    let mode: String = connection
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(|error| opening(path, &error))?;
    if mode != "wal" {
        let cause = format!("`{}`: the file system does not allow a write-ahead log (got `{mode}`)", path.display());
        return Err(StoreError::Failed(cause));
    }
    if let Some(bytes) = bytes_max {
        let limit = || {
            let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
            let pages = (bytes / u64::from(page_bytes.max(1))).max(1);
            connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
        };
        limit().map_err(|error| opening(path, &error))?;
    }
    Ok(connection)
}

/// Opens a database in memory, with its tables.
#[cfg(feature = "sim")]
pub(super) fn open_memory() -> Result<Connection, StoreError> {
    let path = Path::new(":memory:");
    let mut connection = Connection::open_in_memory().map_err(|error| opening(path, &error))?;
    configure(&connection).map_err(|error| opening(path, &error))?;
    prepare(&mut connection, path)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        configure(&connection)?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        Ok(connection)
    };
    open().map_err(|error| opening(path, &error))
}

/// `synchronous = FULL` makes a commit durable before it returns; `fullfsync` makes that true on macOS. Checkpoints are the checkpointer's.
fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED_MAX);
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 0;",
    )
}

/// What format 3 has more than format 2: deadlines. The digest of a row without one is the same.
const FORMAT_2_TO_3: &str = "
ALTER TABLE accompanist_session ADD COLUMN deadline_at INTEGER;
ALTER TABLE accompanist_session ADD COLUMN deadline_within INTEGER;
";

/// What format 5 has more than format 4, which logged messages came with, are transactions without a result; what format 6
/// has more is the registry.
const TO_FORMAT_6: &str = "UPDATE accompanist_meta SET value = 6 WHERE key = 'format'";

/// Creates the tables where there are none, brings those of earlier formats to this one, and refuses all others.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    prepare_sessions(connection, path)?;
    let tables = [super::audit::TABLE, super::requests::TABLE];
    tables.into_iter().try_for_each(|table| connection.execute_batch(table)).map_err(|error| opening(path, &error))
}

fn prepare_sessions(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    match format(connection).map_err(|error| opening(path, &error))? {
        Some(FORMAT) => return Ok(()),
        Some(before @ 2..=5) => {
            let mut migrate = || {
                let transaction = connection.transaction()?;
                if before == 2 {
                    transaction.execute_batch(FORMAT_2_TO_3)?;
                }
                if before < 4 {
                    transaction.execute_batch(MESSAGES)?;
                }
                transaction.execute_batch(registry::TABLES)?;
                transaction.execute_batch(TO_FORMAT_6)?;
                transaction.commit()
            };
            return migrate().map_err(|error| opening(path, &error));
        }
        None => {}
        Some(other) => {
            return Err(StoreError::Corrupt(format!(
                "`{}` has format {other}, and this version of accompanist reads formats 2 to {FORMAT}: use the version that wrote it",
                path.display()
            )));
        }
    }
    let mut create = || {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.execute_batch(MESSAGES)?;
        transaction.execute_batch(registry::TABLES)?;
        transaction
            .execute_batch("CREATE TABLE accompanist_meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT")?;
        transaction.execute("INSERT INTO accompanist_meta (key, value) VALUES ('format', ?1)", [FORMAT])?;
        transaction.commit()
    };
    create().map_err(|error| opening(path, &error))
}

/// The format of a database; `None` for one that has no tables of ours yet.
fn format(connection: &Connection) -> Result<Option<i64>, rusqlite::Error> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'accompanist_meta'";
    if connection.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    connection.query_row("SELECT value FROM accompanist_meta WHERE key = 'format'", [], |row| row.get(0)).optional()
}

/// Refuses a database whose table of sessions is damaged, or does not agree with its indexes.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let findings = || {
        let mut statement = connection.prepare("PRAGMA integrity_check(accompanist_session)")?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
    };
    let findings = findings().map_err(|error| opening(path, &error))?;
    if findings == ["ok"] {
        return Ok(());
    }
    let cause = format!("`{}`: accompanist_session: {}", path.display(), findings.join("; "));
    Err(StoreError::Corrupt(cause))
}

/// Writes zeros at the end of the write-ahead log until it has [`LOG_BYTES`]. They are appended while this connection holds the write lock, so
/// that they overwrite nobody's frames. Only speed depends on it.
pub(super) fn preallocate_log(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(|error| opening(path, &error))?;
    let appended = append_zeros(&beside(path, "-wal"));
    connection.execute_batch("ROLLBACK").map_err(|error| opening(path, &error))?;
    if let Err(error) = appended {
        tracing::warn!(%error, path = %path.display(), "the write-ahead log could not be preallocated; commits will take longer");
    }
    Ok(())
}

fn append_zeros(log_path: &Path) -> io::Result<()> {
    let mut log = File::options().append(true).open(log_path)?;
    let zeros = [0; 64 * 1024];
    let mut missing = LOG_BYTES.saturating_sub(log.metadata()?.len());
    while missing > 0 {
        let count = usize::try_from(missing).unwrap_or(usize::MAX).min(zeros.len());
        log.write_all(zeros.get(..count).unwrap_or_default())?;
        missing = missing.saturating_sub(count as u64);
    }
    log.sync_all()
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The error of opening `path`.
pub(super) fn opening(path: &Path, error: &rusqlite::Error) -> StoreError {
    match store_error(error) {
        StoreError::Conflict => StoreError::Conflict,
        StoreError::Full(cause) => StoreError::Full(format!("`{}`: {cause}", path.display())),
        StoreError::Corrupt(cause) => StoreError::Corrupt(format!("`{}`: {cause}", path.display())),
        StoreError::Failed(cause) => StoreError::Failed(format!("`{}`: {cause}", path.display())),
    }
}

/// What an error of SQLite's is to a node.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
        _ => StoreError::Failed(text),
    }
}
