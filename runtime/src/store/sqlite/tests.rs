//! Tests of what is SQLite's own; `contract.rs` has those that every store passes.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

mod damage;
mod paths;
mod queue;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use accompanist_core::{Change, RowState, SessionKey, Stored, Urgency, Write};
use proptest::prelude::*;
use rusqlite::Connection;
use tempfile::TempDir;

use super::{Options, Sqlite, SqliteTx};
use crate::context::BoxFuture;
use crate::store::contract::{self, Log, call, key, now, row, stored, transaction, write};
use crate::store::{Job, Store, StoreError, Transact};

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("node.db")
    }

    fn open(&self) -> Sqlite {
        let schema = "CREATE TABLE IF NOT EXISTS stock (item INTEGER PRIMARY KEY, count INTEGER NOT NULL UNIQUE)";
        Sqlite::open(self.path()).unwrap().with_schema(schema).unwrap()
    }
}

fn count(store: &Sqlite) -> u64 {
    let count = |connection: &Connection| connection.query_row("SELECT count(*) FROM stock", [], |row| row.get(0));
    store.read(count).map(|count: u32| u64::from(count)).unwrap()
}

#[test]
fn keeps_the_contract() {
    let place = Place::new();
    let number = std::cell::Cell::new(0);
    contract::check(|| {
        number.set(number.get() + 1);
        Sqlite::open(place.0.path().join(format!("{}.db", number.get()))).unwrap()
    });
}

#[test]
fn a_database_in_memory_is_refused() {
    for path in ["", ":memory:", "file::memory:?cache=shared"] {
        let error = Sqlite::open(path).expect_err("it is no file").to_string();
        assert!(error.contains("store::Memory"), "{error}");
    }
}

#[test]
fn an_operation_and_its_record_are_kept_or_taken_back_together() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let insert = |item: i64, keep| {
        move |tx: &mut SqliteTx| {
            tx.execute("INSERT INTO stock VALUES (?1, ?1)", [item]).unwrap();
            keep
        }
    };
    log.run(&store, key(1), vec![write(1, 1, vec![])], insert(1, true)).unwrap();
    assert_eq!(count(&store), 1);
    assert!(log.run(&store, key(1), vec![write(1, 1, vec![])], insert(2, true)).is_err(), "a record that is refused");
    log.run(&store, key(2), vec![write(2, 1, vec![])], insert(3, false)).unwrap();
    assert_eq!(count(&store), 1);
    // The same among others in one commit: the writer is held until all are queued.
    let (release, held) = channel();
    store.submit(Job::Transact(log.operation(0, key(3), vec![write(3, 1, vec![])], move |_| held.recv().is_ok())));
    store.submit(Job::Transact(log.operation(1, key(4), vec![write(4, 1, vec![])], insert(4, true))));
    store.submit(Job::Transact(log.operation(2, key(4), vec![write(4, 1, vec![])], insert(5, true))));
    store.submit(Job::Transact(log.operation(3, key(5), vec![], insert(6, false))));
    store.submit(Job::Transact(log.operation(4, key(6), vec![write(6, 1, vec![])], insert(7, true))));
    release.send(()).unwrap();
    let results: Vec<_> = (0..5).map(|_| log.next()).collect();
    let told: Vec<_> = results.iter().map(|(name, result)| (*name, result.is_ok())).collect();
    assert_eq!(told, [(0, true), (1, true), (2, false), (3, true), (4, true)]);
    assert_eq!(count(&store), 3);
}

#[test]
fn what_is_ready_together_shares_one_commit() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let before = store.commits();
    let (release, held) = channel();
    store.submit(Job::Transact(log.operation(0, key(0), vec![write(0, 1, vec![])], move |_| held.recv().is_ok())));
    (1..100).for_each(|number| log.write(&store, number, key(number), write(number, 1, vec![])));
    release.send(()).unwrap();
    (0..100).for_each(|_| log.next().1.unwrap());
    let commits = store.commits() - before;
    assert!(commits < 50, "{commits} commits of 100 writes that were there together");
}

#[test]
fn lazy_writes_ride_along() {
    let place = Place::new();
    let options = Options { laziness: contract::PATIENCE * 2, ..Options::default() };
    let store = Sqlite::open_with(place.path(), options).unwrap();
    let log = Log::new();
    let before = store.commits();
    // It takes longer to write than jobs are added to a batch.
    log.write(&store, 1, key(1), Write { urgency: Urgency::Lazy, ..large(1, 8_000_000) });
    log.write(&store, 2, key(2), write(2, 1, vec![]));
    // In one commit; and who waits is told first.
    assert!(matches!((log.next(), log.next()), ((2, Ok(())), (1, Ok(())))));
    assert_eq!(store.commits() - before, 1);
    // And what is lazy is not lost when the last handle goes.
    log.write(&store, 3, key(3), Write { urgency: Urgency::Lazy, ..write(3, 1, vec![]) });
    drop(store);
    assert!(matches!(log.next(), (3, Ok(()))));
    assert!(stored(&place.open(), 3).is_some());
}

#[test]
fn lazy_writes_wait_no_longer_than_the_laziness() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    // Whether the writer sleeps, or has just written something and looks again soon.
    for pause in [Options::default().laziness * 3, Duration::ZERO, Duration::ZERO, Options::default().laziness / 2] {
        std::thread::sleep(pause);
        let number = store.commits() as u32 + 1;
        assert!(log.commit(&store, key(number), Write { urgency: Urgency::Lazy, ..write(number, 1, vec![]) }).is_ok());
    }
}

#[test]
fn what_is_taken_back_commits_nothing() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let before = store.commits();
    log.run(&store, key(1), vec![], |tx| tx.execute("INSERT INTO stock VALUES (1, 1)", []).is_err()).unwrap();
    assert_eq!(store.commits(), before);
}

#[test]
fn a_second_user_is_told_of_the_first() {
    let place = Place::new();
    let first = place.open();
    let refused = Sqlite::open(place.path()).unwrap_err().to_string();
    assert!(refused.contains("node.db.lock") && refused.contains("another process"), "{refused}");
    drop(first);
    place.open();
}

#[test]
fn a_full_database_refuses_and_goes_on_when_there_is_room() {
    let place = Place::new();
    let options = Options { bytes_max: Some(200_000), ..Options::default() };
    let store = Sqlite::open_with(place.path(), options).unwrap();
    let log = Log::new();
    let mut number = 0;
    let refused = loop {
        number += 1;
        if let Err(error) = log.commit(&store, key(number), large(number, 20_000)) {
            break error;
        }
    };
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    assert!(number > 2 && stored(&store, number).is_none() && stored(&store, number - 1).is_some());
    let state = RowState::Finished { outcome: Ok(Arc::from("")) };
    for number in 1..number {
        let row = accompanist_core::Row { arguments: None, ..row(number, 2, state.clone()) };
        let settled = Write { row, ..write(number, 2, vec![]) };
        log.commit(&store, key(number), settled).unwrap();
    }
    now(store.forget(std::time::Duration::ZERO)).unwrap();
    log.commit(&store, key(number), large(number, 20_000)).unwrap();
}

#[test]
fn a_row_that_was_taken_back_lends_its_number_to_no_other() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let refused = log.commit(&store, key(1), write(1, 1, vec![Change::Undone(accompanist_core::Position(3))]));
    assert!(matches!(refused, Err(StoreError::Failed(_))));
    log.commit(&store, key(2), write(2, 1, vec![])).unwrap();
    let other = stored(&store, 2);
    assert!(matches!(log.commit(&store, key(1), write(1, 2, vec![])), Err(StoreError::Conflict)));
    assert_eq!(stored(&store, 2), other);
    for version in [1, 2] {
        log.commit(&store, key(1), write(1, version, vec![])).unwrap();
    }
    assert_eq!(stored(&store, 2), other);
}

#[test]
#[cfg(unix)]
fn nothing_is_committed_to_files_that_are_gone_or_replaced() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    log.commit(&store, key(1), write(1, 1, vec![])).unwrap();
    for (number, suffix) in (2..).step_by(2).zip(["", "-wal", ".lock"]) {
        let file = place.0.path().join(format!("node.db{suffix}"));
        let away = place.0.path().join("away");
        std::fs::rename(&file, &away).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        for is_replaced in [false, true] {
            if is_replaced {
                std::fs::copy(&away, &file).unwrap();
            }
            let error =
                log.commit(&store, key(number), write(number, 1, vec![])).expect_err("it would be lost").to_string();
            assert!(error.contains(&format!("node.db{suffix}` was deleted, moved or replaced")), "{error}");
        }
        std::fs::rename(&away, &file).unwrap();
        log.commit(&store, key(number + 1), write(number + 1, 1, vec![])).unwrap();
    }
    drop(store);
    let store = place.open();
    let numbers: Vec<u32> = (1..9).filter(|number| stored(&store, *number).is_some()).collect();
    assert_eq!(numbers, [1, 3, 5, 7]);
}

/// A write of some pages.
fn large(number: u32, bytes: usize) -> Write {
    let mut large = write(number, 1, vec![]);
    large.row.arguments = Some(Arc::from("x".repeat(bytes)));
    large
}

#[test]
fn an_operation_cannot_leave_its_transaction() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    log.commit(&store, key(9), write(9, 1, vec![])).unwrap();
    let attempts = [
        "COMMIT",
        "ROLLBACK",
        "END",
        "BEGIN",
        "SAVEPOINT accompanist_job",
        "RELEASE accompanist_job",
        "ATTACH ':memory:' AS other",
        "PRAGMA synchronous = OFF",
        "PRAGMA journal_mode = DELETE",
        "DELETE FROM accompanist_session",
        "DROP TABLE accompanist_session",
        "UPDATE Accompanist_Session SET state = 'voted'",
    ];
    for sql in attempts {
        let refused = log
            .run(&store, key(1), vec![write(1, 1, vec![])], move |tx| {
                tx.execute("INSERT INTO stock VALUES (1, 1)", []).unwrap();
                tx.execute_batch(sql).is_err()
            })
            .expect_err(sql);
        assert!(refused.to_string().contains("may not do"), "{sql}: {refused}");
        assert_eq!((count(&store), stored(&store, 1)), (0, None), "{sql}");
    }
    // Not seen before it happens, but then.
    let rolled_back = log.run(&store, key(1), vec![write(1, 1, vec![])], |tx| {
        tx.execute("INSERT INTO stock VALUES (1, 1)", []).unwrap();
        tx.execute("INSERT OR ROLLBACK INTO stock VALUES (1, 1)", []).is_err()
    });
    assert!(matches!(rolled_back, Err(StoreError::Failed(text)) if text.contains("rolled back")));
    // Its own savepoints are its own business.
    log.run(&store, key(1), vec![write(1, 1, vec![])], |tx| {
        tx.execute_batch("SAVEPOINT a; INSERT INTO stock VALUES (1, 1); ROLLBACK TO a; INSERT INTO stock VALUES (2, 2)")
            .is_ok()
    })
    .unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn a_deferred_constraint_fails_its_commit_and_then_only_its_own() {
    let place = Place::new();
    let schema = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (parent INTEGER REFERENCES parent DEFERRABLE INITIALLY DEFERRED)";
    let store = place.open().with_schema(schema).unwrap();
    let log = Log::new();
    let orphan = |tx: &mut SqliteTx| tx.execute("INSERT INTO child VALUES (7)", []).is_ok();
    assert!(log.run(&store, key(1), vec![write(1, 1, vec![])], orphan).is_err());
    assert_eq!(stored(&store, 1), None);
    store.submit(Job::Transact(log.operation(1, key(2), vec![write(2, 1, vec![])], orphan)));
    log.write(&store, 2, key(3), write(3, 1, vec![]));
    assert!(log.next().1.is_err());
    log.next().1.unwrap();
}

#[test]
fn the_log_does_not_grow_for_ever() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    for number in 0..3000 {
        log.commit(&store, key(number), write(number, 1, vec![Change::Transaction(transaction(1))])).unwrap();
    }
    let bytes = std::fs::metadata(place.0.path().join("node.db-wal")).unwrap().len();
    assert!(bytes < 2 * super::schema::LOG_BYTES, "{bytes}");
    drop(store);
    assert_eq!(now(place.open().unfinished()).unwrap().len(), 3000);
}

/// Databases whose next commit fails when it has been written and is to be synced.
static FAILING_SYNCS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Asked by the writer after each commit.
pub(super) fn sync(path: &Path) -> Result<(), rusqlite::Error> {
    match FAILING_SYNCS.lock().unwrap().remove(path) {
        true => Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC), None)),
        false => Ok(()),
    }
}

/// The disk may have a gap where it stood, behind which nothing would be found after a crash.
#[test]
fn nothing_is_appended_to_a_log_whose_sync_has_failed() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    let commit = |number| log.commit(&store, key(number), write(number, 1, vec![Change::Transaction(transaction(1))]));
    commit(1).unwrap();
    FAILING_SYNCS.lock().unwrap().insert(place.path());
    assert!(commit(2).is_err(), "whether it happened is not known");
    commit(3).unwrap();
    for (suffixes, there) in [(&["", "-wal"][..], 3), (&[""], 2)] {
        let crashed = Place::new();
        for suffix in suffixes {
            let name = format!("node.db{suffix}");
            std::fs::copy(place.0.path().join(&name), crashed.0.path().join(&name)).unwrap();
        }
        assert_eq!(now(crashed.open().unfinished()).unwrap().len(), there, "in {suffixes:?}");
    }
}

/// The log is allocated in advance and overwritten: what a crash leaves in it are frames of this round, then older ones, then zeros.
#[test]
fn what_was_acknowledged_is_there_after_a_crash_at_any_length_of_the_log() {
    let place = Place::new();
    let store = place.open();
    let log = Log::new();
    for number in 0..1000 {
        log.commit(&store, key(number), write(number, 1, vec![Change::Transaction(transaction(1))])).unwrap();
        if number % 90 != 0 {
            continue;
        }
        let crashed = Place::new();
        for suffix in ["", "-wal"] {
            let name = format!("node.db{suffix}");
            std::fs::copy(place.0.path().join(&name), crashed.0.path().join(&name)).unwrap();
        }
        let sessions = now(crashed.open().unfinished()).unwrap();
        assert_eq!(sessions.len(), number as usize + 1);
    }
}

/// Waits for a task of the runtime that it was submitted in.
struct Waiting(std::sync::mpsc::Sender<Result<(), StoreError>>);

impl Transact<Sqlite> for Waiting {
    fn key(&self) -> SessionKey {
        key(1)
    }

    fn run<'a>(&'a mut self, tx: &'a mut SqliteTx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let item = tokio::spawn(async {
                tokio::task::yield_now().await;
                4
            });
            let item: i64 = item.await.unwrap();
            tx.execute("INSERT INTO stock VALUES (?1, ?1)", [item]).is_ok()
        })
    }

    fn record(&mut self) -> Vec<Write> {
        vec![write(1, 1, vec![])]
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        assert!(tokio::runtime::Handle::try_current().is_ok(), "a completion may spawn tasks");
        self.0.send(result).unwrap();
    }
}

#[test]
fn an_operation_may_wait_for_the_runtime() {
    let place = Place::new();
    let store = place.open();
    let (sender, receiver) = channel();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async { store.submit(Job::Transact(Box::new(Waiting(sender)))) });
    receiver.recv_timeout(contract::PATIENCE).unwrap().unwrap();
    assert_eq!(count(&store), 1);
}

#[test]
fn a_completion_may_hold_the_last_handle() {
    let place = Place::new();
    let store = place.open();
    let (sender, receiver) = channel();
    let last = store.clone();
    let done = Box::new(move |result: Result<(), StoreError>| {
        drop(last);
        sender.send(result).unwrap();
    });
    store.submit(Job::Write { write: write(1, 1, vec![]), key: key(1), done });
    drop(store);
    receiver.recv_timeout(contract::PATIENCE).unwrap().unwrap();
}

#[test]
fn reading_cannot_write() {
    let place = Place::new();
    assert!(place.open().read(|connection| connection.execute("INSERT INTO stock VALUES (1, 1)", [])).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_comes_back(
        texts in prop::collection::vec(".{0,300}", 6),
        commits in 0..i64::MAX as u64,
        sequence in 0..i64::MAX as u64,
        numbers in any::<[u128; 4]>(),
        undone in any::<bool>(),
    ) {
        let place = Place::new();
        let text = |index: usize| Arc::<str>::from(texts[index].as_str());
        let mut header = (*contract::header(1)).clone();
        header.client_id = texts[0].clone();
        header.nodes = texts.chunks(4).map(<[String]>::to_vec).collect();
        let key = accompanist_core::SessionKey { session: header.session_id(), role: accompanist_core::RoleId(7) };
        let row = accompanist_core::Row {
            header: Arc::new(header),
            version: 1,
            commits,
            state: RowState::Voted { result: text(1) },
            arguments: Some(text(2)),
            deadline: undone.then_some(accompanist_core::Deadline { unix_millis: sequence, within_millis: commits }),
        };
        let record = accompanist_core::TransactionRecord {
            position: accompanist_core::Position(numbers[0]),
            scopes: numbers.map(accompanist_core::Position).into_iter().collect(),
            sequence,
            operation: text(3),
            arguments: text(4),
            // No JSON is empty: an empty column is an intent's.
            result: undone.then(|| format!("\"{}", text(5)).into()),
            received: accompanist_core::Digest(numbers[1]),
            undone,
        };
        let recorded = accompanist_core::CallRecord {
            position: accompanist_core::Position(numbers[2]),
            arguments: accompanist_core::Digest(numbers[3]),
            ..call(1)
        };
        let vote = contract::scope_vote(numbers[3], accompanist_core::ScopeVote::Aborted { reason: text(0) });
        let expected = Stored {
            row: row.clone(),
            transactions: vec![record.clone()],
            calls: vec![recorded.clone()],
            scope_votes: vec![vote.clone()],
            messages: vec![],
        };
        let changes = vec![Change::Transaction(record), Change::Call(recorded), Change::ScopeVote(vote)];
        let log = Log::new();
        log.commit(&place.open(), key, Write { row, ..write(1, 1, changes) }).unwrap();
        let store = place.open();
        prop_assert_eq!(now(store.find(key)).unwrap(), Some(expected.clone()));
        prop_assert_eq!(now(store.unfinished()).unwrap(), vec![(key.role, expected)]);
    }
}
