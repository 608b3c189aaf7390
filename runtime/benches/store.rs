//! What one lone commit costs through the SQLite store, beside the bare loop that does the same with nothing around it.
//!
//! `cargo bench -p accompanist --bench store [-- <directory> [<commits> [bare|record|store]]]`; the directory decides which disk is
//! measured, and the last word what is run, so that `strace -f -c -e trace=fsync,fdatasync,pwrite64` counts one of them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark stops at what it does not expect"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use accompanist::rusqlite::{Connection, params};
use accompanist::store::{Job, Sqlite, SqliteTx, Store, StoreError, Transact};
use accompanist::{BoxFuture, RoleId};
use accompanist_core::{
    Change, Digest, Header, Position, Row, RowState, Scopes, SessionKey, TransactionRecord, Urgency, Write, WriteId,
};

const STOCK: &str = "CREATE TABLE IF NOT EXISTS stock (item INTEGER PRIMARY KEY, count INTEGER NOT NULL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT OR IGNORE INTO stock SELECT i, 1000000 FROM n;";
const TAKE: &str = "UPDATE stock SET count = count - 1 WHERE item = ?1";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(2000);
    let only = arguments.next();
    let measured = |what: &str| only.as_ref().is_none_or(|only| only == what);
    let directory = tempfile::tempdir_in(directory).expect("a directory to write in");
    let bare = measured("bare").then(|| Bare::open(&directory.path().join("bare.db")));
    let recording = measured("record").then(|| Bare::open(&directory.path().join("record.db")));
    let store = measured("store").then(|| Subject::open(&directory.path().join("store.db")));
    // In turns, so that what else happens to the disk happens to all.
    let (mut bare_times, mut recording_times) = (Vec::new(), Vec::new());
    let (mut missed, mut first, mut second, mut found) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        bare_times.extend(bare.as_ref().map(|bare| bare.commit(number, false)));
        recording_times.extend(recording.as_ref().map(|bare| bare.commit(number, true)));
        let Some(store) = &store else { continue };
        missed.push(store.find(number, false));
        first.push(store.commit(number, 1));
        second.push(store.commit(number, 2));
        found.push(store.find(number, true));
    }
    report("bare: one UPDATE", bare_times);
    report("bare: one UPDATE, one INSERT", recording_times);
    report("store: first transaction of a session", first);
    report("store: second transaction of a session", second);
    report("store: find, none", missed);
    report("store: find, one with two transactions", found);
    if let Some(store) = store {
        println!("{:<42} {:>8} commits, {} transactions", "store", store.store.commits() - 1, 2 * count);
        in_flight(&store.store, count);
    }
}

/// The loop that a service would write itself.
struct Bare(Connection);

impl Bare {
    fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        connection.execute_batch("PRAGMA synchronous = FULL").unwrap();
        connection.execute_batch(STOCK).unwrap();
        connection
            .execute_batch("CREATE TABLE done (id BLOB PRIMARY KEY, result TEXT NOT NULL) WITHOUT ROWID")
            .unwrap();
        Self(connection)
    }

    /// The service's write, and a row that says that it happened if `record`, as anyone needs who wants it once.
    fn commit(&self, number: usize, record: bool) -> Duration {
        let begin = Instant::now();
        self.0.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        self.0.prepare_cached(TAKE).unwrap().execute([(number % 100) as i64]).unwrap();
        if record {
            let id = Digest::of(&number.to_le_bytes()).0.to_le_bytes();
            let mut insert = self.0.prepare_cached("INSERT INTO done VALUES (?1, ?2)").unwrap();
            insert.execute(params![id, "{\"reserved\":1}"]).unwrap();
        }
        self.0.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
        begin.elapsed()
    }
}

struct Subject {
    store: Sqlite,
    sender: Sender<Result<(), StoreError>>,
    receiver: Receiver<Result<(), StoreError>>,
}

impl Subject {
    fn open(path: &Path) -> Self {
        let (sender, receiver) = channel();
        Self { store: Sqlite::open(path).unwrap().with_schema(STOCK).unwrap(), sender, receiver }
    }

    fn commit(&self, number: usize, version: u64) -> Duration {
        let header = Arc::new(header(number));
        let operation = Take { key: key(&header, number), header, version, number, done: self.sender.clone() };
        let begin = Instant::now();
        self.store.submit(Job::Transact(Box::new(operation)));
        self.receiver.recv().unwrap().unwrap();
        begin.elapsed()
    }

    fn find(&self, number: usize, there: bool) -> Duration {
        let key = key(&header(number), number);
        let begin = Instant::now();
        assert_eq!(block_on(self.store.find(key)).unwrap().is_some(), there);
        begin.elapsed()
    }
}

/// Every second one at the initiator.
fn key(header: &Header, number: usize) -> SessionKey {
    SessionKey { session: header.session_id(), role: RoleId((number % 2) as u16) }
}

/// 64 transactions at a time.
fn in_flight(store: &Sqlite, count: usize) {
    let (sender, receiver) = channel::<Result<(), StoreError>>();
    let begin = Instant::now();
    for number in 0..count + 64 {
        if number >= 64 {
            receiver.recv().unwrap().unwrap();
        }
        if number < count {
            let header = Arc::new(header(count + number));
            let key = SessionKey { session: header.session_id(), role: RoleId(1) };
            store.submit(Job::Transact(Box::new(Take { key, header, version: 1, number, done: sender.clone() })));
        }
    }
    let per_second = count as f64 / begin.elapsed().as_secs_f64();
    println!("{:<42} {per_second:>8.0} per second", "store: 64 in flight");
}

struct Take {
    key: SessionKey,
    header: Arc<Header>,
    version: u64,
    number: usize,
    done: Sender<Result<(), StoreError>>,
}

impl Transact<Sqlite> for Take {
    fn key(&self) -> SessionKey {
        self.key
    }

    fn run<'a>(&'a mut self, tx: &'a mut SqliteTx) -> BoxFuture<'a, bool> {
        Box::pin(async move { tx.prepare_cached(TAKE).unwrap().execute([(self.number % 100) as i64]).is_ok() })
    }

    fn record(&mut self) -> Vec<Write> {
        let record = TransactionRecord {
            position: Position(u128::from(self.version) << 100 | self.number as u128),
            scopes: Scopes::default(),
            sequence: self.version,
            operation: Arc::from("Stock.reserve"),
            arguments: Arc::from("[\"cast iron pan\",2,\"order-000042\"]"),
            result: Some(Arc::from("{\"reserved\":2,\"shelf\":\"A-17\"}")),
            received: Digest::of(b"received"),
            undone: false,
        };
        let row = Row {
            header: Arc::clone(&self.header),
            version: self.version,
            commits: self.version,
            state: RowState::Active,
            arguments: Some(Arc::from(
                "{\"item\":\"cast iron pan\",\"count\":2,\"customer\":\"c-1234\",\"address\":\"12 High Street\"}",
            )),
            deadline: None,
        };
        vec![Write {
            id: WriteId(1),
            replaces: 0,
            row,
            changes: vec![Change::Transaction(record)],
            urgency: Urgency::Prompt,
        }]
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        self.done.send(result).unwrap();
    }
}

fn header(number: usize) -> Header {
    Header {
        choreography: "OrderFulfilment".to_owned(),
        fingerprint: [7; 32],
        initiator: RoleId(0),
        client_id: format!("order-{number:06}"),
        nonce: [3; 16],
        nodes: ["warehouse", "payment", "loyalty"].map(|node| vec![node.to_owned()]).to_vec(),
        participants: vec![RoleId(0), RoleId(1), RoleId(2)],
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
    if times.is_empty() {
        return;
    }
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    println!("{what:<42} p50 {:>7.1} us   p99 {:>7.1} us", at(50), at(99));
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("a store answers at once"),
    }
}
