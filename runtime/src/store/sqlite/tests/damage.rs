//! What is damaged, or of another version, is refused and never misread.

use std::path::Path;

use accompanist_core::{Change, Said, ScopeVote};
use rusqlite::Connection;

use super::Place;
use crate::store::contract::{Log, call, key, message, now, scope_vote, stored, transaction, write};
use crate::store::sqlite::{Sqlite, rows, schema};
use crate::store::{Store, StoreError};

#[test]
fn another_format_is_refused_by_name() {
    let place = Place::new();
    drop(place.open());
    for format in [1, schema::FORMAT + 1] {
        alter(&place.path(), &format!("UPDATE accompanist_meta SET value = {format}"));
        let refused = Sqlite::open(place.path()).unwrap_err();
        let names = |text: &str| text.contains(&format!("has format {format}")) && text.contains("node.db");
        assert!(matches!(&refused, StoreError::Corrupt(text) if names(text)), "{refused}");
    }
}

#[test]
fn the_formats_before_are_brought_to_this_one() {
    [2, 3, 4, 5].into_iter().for_each(is_brought_to_this_one);
}

fn is_brought_to_this_one(format: i64) {
    let place = Place::new();
    let log = Log::new();
    let store = place.open();
    log.commit(&store, key(2), write(2, 1, vec![Change::Transaction(transaction(1)), Change::Call(call(2))])).unwrap();
    let before = stored(&store, 2).unwrap();
    drop(store);
    for column in ["deadline_at", "deadline_within"].iter().filter(|_| format == 2) {
        alter(&place.path(), &format!("ALTER TABLE accompanist_session DROP COLUMN {column}"));
    }
    if format < 4 {
        alter(&place.path(), "DROP TABLE accompanist_message");
    }
    for table in ["identity", "opening", "peer", "lost", "resolution"] {
        alter(&place.path(), &format!("DROP TABLE accompanist_{table}"));
    }
    alter(&place.path(), &format!("UPDATE accompanist_meta SET value = {format}"));
    for _ in 0..2 {
        let store = place.open();
        assert_eq!(stored(&store, 2).unwrap(), before);
    }
    let store = place.open();
    let message = message(7, Said::Value("1".into()));
    log.commit(&store, key(2), write(2, 2, vec![Change::Message(message.clone())])).unwrap();
    assert_eq!(stored(&store, 2).unwrap().messages, [message]);
    log.commit(&store, key(3), write(3, 1, vec![])).unwrap();
    assert!(stored(&store, 3).unwrap().row.deadline.is_some());
}

#[test]
fn what_is_no_database_is_refused() {
    let place = Place::new();
    std::fs::write(place.path(), "once upon a time".repeat(1000)).unwrap();
    assert!(matches!(Sqlite::open(place.path()), Err(StoreError::Corrupt(text)) if text.contains("node.db")));
    let nowhere = place.0.path().join("no").join("where.db");
    assert!(matches!(Sqlite::open(nowhere), Err(StoreError::Failed(text)) if text.contains("where.db")));
}

#[test]
fn no_change_of_a_column_goes_unnoticed() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let changes = vec![
        Change::Transaction(transaction(1)),
        Change::Call(call(2)),
        Change::ScopeVote(scope_vote(3, ScopeVote::Done)),
        Change::Message(message(4, Said::Value("[7]".into()))),
    ];
    log.commit(&store, key(1), write(1, 1, changes)).unwrap();
    drop(store);
    let changes = [
        ("session", "role", "1"),
        ("session", "choreography", "'Ordeq'"),
        ("session", "client_id", "'order-2'"),
        ("session", "state", "'voted'"),
        ("session", "state", "'finished'"),
        ("session", "version", "3"),
        ("session", "version", "-1"),
        ("session", "commits", "0"),
        ("session", "records", "1"),
        ("session", "arguments", "NULL"),
        ("session", "arguments", "'[1]'"),
        ("session", "result", "''"),
        ("session", "reason", "'x'"),
        ("session", "via", "0"),
        ("session", "local", "0"),
        ("session", "finished_at", "1"),
        ("session", "initiator", "1"),
        ("session", "nodes", "'[]'"),
        ("session", "nodes", "'['"),
        ("session", "participants", "'[0]'"),
        ("session", "fingerprint", "x'00'"),
        ("session", "nonce", "zeroblob(16)"),
        ("session", "digest", "zeroblob(16)"),
        ("session", "deadline_at", "7"),
        ("session", "deadline_at", "-7"),
        ("session", "deadline_within", "NULL"),
        ("transaction", "id", "2"),
        ("transaction", "position", "zeroblob(16)"),
        ("transaction", "scopes", "x''"),
        ("transaction", "sequence", "2"),
        ("transaction", "operation", "'Stock.release'"),
        ("transaction", "arguments", "'[]'"),
        ("transaction", "result", "'4'"),
        ("transaction", "received", "zeroblob(16)"),
        ("transaction", "undone", "1"),
        ("transaction", "digest", "x''"),
        ("call", "position", "zeroblob(16)"),
        ("call", "scopes", "zeroblob(16)"),
        ("call", "operation", "'Clock.later'"),
        ("call", "arguments", "zeroblob(16)"),
        ("call", "result", "CAST(x'ff' AS TEXT)"),
        ("call", "received", "zeroblob(16)"),
        ("call", "digest", "zeroblob(16)"),
        ("scope_vote", "id", "2"),
        ("scope_vote", "position", "zeroblob(16)"),
        ("scope_vote", "scopes", "x''"),
        ("scope_vote", "vote", "'stopped'"),
        ("scope_vote", "vote", "'dome'"),
        ("scope_vote", "reason", "'x'"),
        ("scope_vote", "digest", "zeroblob(16)"),
        ("message", "id", "2"),
        ("message", "sender", "2"),
        ("message", "position", "zeroblob(16)"),
        ("message", "scopes", "x''"),
        ("message", "said", "'done'"),
        ("message", "content", "'[8]'"),
        ("message", "content", "NULL"),
        ("message", "digest", "zeroblob(16)"),
    ];
    let sound = std::fs::read(place.path()).unwrap();
    for (table, column, value) in changes {
        alter(&place.path(), &format!("UPDATE accompanist_{table} SET {column} = {value}"));
        let store = place.open();
        // By the row's own words, for the change may have moved it to another key.
        let found = match (table, column) {
            ("session", "finished_at") => now(store.find(key(1))).map(drop),
            _ => now(store.unfinished()).map(drop),
        };
        let refused = found.expect_err(column);
        assert!(
            matches!(&refused, StoreError::Corrupt(text) if text.contains(table) || text.contains("records")),
            "{column}: {refused}"
        );
        drop(store);
        std::fs::write(place.path(), &sound).unwrap();
    }
}

#[test]
fn no_flipped_bit_is_misread() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let changes = vec![
        Change::Transaction(transaction(1)),
        Change::Call(call(2)),
        Change::ScopeVote(scope_vote(3, ScopeVote::Done)),
        Change::Message(message(4, Said::Vote(ScopeVote::Stopped))),
    ];
    log.commit(&store, key(1), write(1, 1, changes)).unwrap();
    let expected = stored(&store, 1).unwrap();
    drop(store);
    let sound = std::fs::read(place.path()).unwrap();
    let mut refused = 0;
    // Zeros are unused space; all other bytes are tried, each with another bit.
    let bytes: Vec<_> = (0..sound.len()).filter(|index| sound[*index] != 0).collect();
    for index in bytes {
        let mut damaged = sound.clone();
        damaged[index] ^= 1 << (index % 8);
        std::fs::write(place.path(), damaged).unwrap();
        // What opening does before it allocates and starts threads.
        let read = || {
            let mut connection = schema::open_writer(&place.path(), None)?;
            schema::prepare(&mut connection, &place.path())?;
            schema::check(&connection, &place.path())?;
            rows::find(&connection, key(1))
        };
        match read() {
            Ok(found) => assert_eq!(found.as_ref(), Some(&expected), "byte {index}"),
            Err(_) => refused += 1,
        }
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(place.0.path().join(format!("node.db{suffix}")));
        }
    }
    assert!(refused > 300, "{refused}");
}

fn alter(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
    connection.execute_batch(sql).unwrap();
}

#[cfg(unix)]
#[test]
fn a_database_with_a_second_name_is_refused() {
    let place = Place::new();
    let other = place.0.path().join("other.db");
    let store = place.open();
    std::fs::hard_link(place.path(), &other).unwrap();
    for path in [place.path(), other.clone()] {
        let refused = Sqlite::open(path);
        assert!(
            matches!(&refused, Err(StoreError::Failed(text)) if text.contains("several names (hard links)")),
            "{refused:?}"
        );
    }
    drop(store);
    std::fs::remove_file(other).unwrap();
    place.open();
}

/// What peers are told of a database: the same over restarts, other openings, and each durable commit.
#[test]
fn a_database_has_an_identity_and_counts_its_openings_and_commits() {
    let place = Place::new();
    let log = Log::new();
    let store = place.open();
    let registry = store.registry().unwrap();
    let (first, before) = (registry.lineage(), registry.commits());
    log.commit(&store, key(2), write(2, 1, vec![])).unwrap();
    assert!(registry.commits() > before);
    let commits = registry.commits();
    drop((store, registry));
    let registry = place.open().registry().unwrap();
    let second = registry.lineage();
    assert_eq!((second.identity, second.generation), (first.identity, 0));
    assert_eq!(second.incarnation, first.incarnation + 1);
    assert!(second.check(&first.known()).is_ok() && first.check(&second.known()).is_err());
    assert_eq!(second.openings.last().unwrap().commits, commits);
    assert_ne!(second.openings.last(), first.openings.last());
    drop(registry);
    let other = Place::new().open().registry().unwrap().lineage();
    assert_ne!(other.identity, first.identity);
}
