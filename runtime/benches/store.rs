//! What one lone commit costs through the SQLite store, beside the bare loop that does the same with nothing around it.
//!
//! `cargo bench -p accompanist --bench store [-- <directory> [<commits>]]`; the directory decides which disk is measured.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use accompanist::rusqlite::{Connection, params};
use accompanist::store::{Job, Sqlite, SqliteTx, Store, StoreError, Transact};
use accompanist::{BoxFuture, RoleId};
use accompanist_core::{
    Change, Digest, Header, Position, Row, RowState, SessionKey, TransactionRecord, Urgency, Write, WriteId,
};

const STOCK: &str = "CREATE TABLE IF NOT EXISTS stock (item INTEGER PRIMARY KEY, count INTEGER NOT NULL);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) INSERT OR IGNORE INTO stock SELECT i, 1000000 FROM n;";
const TAKE: &str = "UPDATE stock SET count = count - 1 WHERE item = ?1";

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let directory = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let count = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(1000);
    let directory = tempfile::tempdir_in(directory).expect("a directory to write in");
    for round in 0..2 {
        bare(&directory.path().join(format!("bare-{round}.db")), count);
        bare_with_record(&directory.path().join(format!("record-{round}.db")), count);
        store(&directory.path().join(format!("store-{round}.db")), count);
    }
}

/// The service's write alone.
fn bare(path: &Path, count: usize) {
    let connection = open(path);
    let times = (0..count).map(|number| {
        let begin = Instant::now();
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        connection.prepare_cached(TAKE).unwrap().execute([(number % 100) as i64]).unwrap();
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
        begin.elapsed()
    });
    report("bare: one UPDATE", times.collect());
}

/// The service's write and a row that says that it happened, as anyone does who wants it once.
fn bare_with_record(path: &Path, count: usize) {
    let connection = open(path);
    connection.execute_batch("CREATE TABLE done (id BLOB PRIMARY KEY, result TEXT NOT NULL) WITHOUT ROWID").unwrap();
    let times = (0..count).map(|number| {
        let begin = Instant::now();
        connection.prepare_cached("BEGIN IMMEDIATE").unwrap().execute([]).unwrap();
        connection.prepare_cached(TAKE).unwrap().execute([(number % 100) as i64]).unwrap();
        let id = Digest::of(&number.to_le_bytes()).0.to_le_bytes();
        let mut insert = connection.prepare_cached("INSERT INTO done VALUES (?1, ?2)").unwrap();
        insert.execute(params![id, "{\"reserved\":1}"]).unwrap();
        connection.prepare_cached("COMMIT").unwrap().execute([]).unwrap();
        begin.elapsed()
    });
    report("bare: one UPDATE, one INSERT", times.collect());
}

fn open(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    connection.execute_batch("PRAGMA synchronous = FULL").unwrap();
    connection.execute_batch(STOCK).unwrap();
    connection
}

fn store(path: &Path, count: usize) {
    let store = Sqlite::open(path).unwrap().with_schema(STOCK).unwrap();
    let mut keys = Vec::new();
    let (sender, receiver) = channel::<Result<(), StoreError>>();
    let mut first = Vec::new();
    let mut second = Vec::new();
    let mut missed = Vec::new();
    for number in 0..count {
        let header = Arc::new(header(number));
        let key = SessionKey { session: header.session_id(), role: RoleId((number % 2) as u16) };
        let begin = Instant::now();
        assert!(block_on(store.find(key)).unwrap().is_none());
        missed.push(begin.elapsed());
        first.push(commit(&store, key, &header, 1, number, &sender, &receiver));
        keys.push((key, header));
    }
    for (number, (key, header)) in keys.iter().enumerate() {
        second.push(commit(&store, *key, header, 2, number, &sender, &receiver));
    }
    let found = keys.iter().map(|(key, _)| {
        let begin = Instant::now();
        assert!(block_on(store.find(*key)).unwrap().is_some());
        begin.elapsed()
    });
    report("store: first transaction of a session", first);
    report("store: second transaction of a session", second);
    report("store: find, none", missed);
    report("store: find, one with two transactions", found.collect());
    in_flight(&store, count);
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

fn commit(
    store: &Sqlite,
    key: SessionKey,
    header: &Arc<Header>,
    version: u64,
    number: usize,
    sender: &Sender<Result<(), StoreError>>,
    receiver: &std::sync::mpsc::Receiver<Result<(), StoreError>>,
) -> Duration {
    let operation = Take { key, header: Arc::clone(header), version, number, done: sender.clone() };
    let begin = Instant::now();
    store.submit(Job::Transact(Box::new(operation)));
    receiver.recv().unwrap().unwrap();
    begin.elapsed()
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
            sequence: self.version,
            operation: Arc::from("Stock.reserve"),
            arguments: Arc::from("[\"cast iron pan\",2,\"order-000042\"]"),
            result: Arc::from("{\"reserved\":2,\"shelf\":\"A-17\"}"),
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
        };
        vec![Write { id: WriteId(1), row, changes: vec![Change::Transaction(record)], urgency: Urgency::Prompt }]
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
        nodes: vec!["warehouse".to_owned(), "payment".to_owned(), "loyalty".to_owned()],
        participants: vec![RoleId(0), RoleId(1), RoleId(2)],
    }
}

fn report(what: &str, mut times: Vec<Duration>) {
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
