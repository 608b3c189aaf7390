//! What a newcomer and an operator see: of mistakes, of failures, and of sessions that are over.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::store::{Memory, Sqlite, SqliteTx};
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Node, Retry};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

accompanist::choreo! {
    service Shelf { transaction put(id: u64) -> u64 compensate take; }
    service Counter { fn count(how: String) -> u64; }

    choreography Store<Desk: Shelf>(id: u64@Desk) -> u64@Desk {
        Desk.put(id)
    }

    choreography Ask<Desk: Shelf, Till: Counter>(how: String@Desk) -> u64@Desk {
        Desk.put(18446744073709551615);
        let told = how ~> Till;
        Till.count(told) ~> Desk
    }
}

#[derive(Clone)]
struct Wood;

impl Shelf<Sqlite> for Wood {
    async fn put(&self, tx: &mut SqliteTx, id: &u64) -> Result<u64, Failure> {
        tx.execute("INSERT INTO shelf VALUES (?1)", [id.to_string()])?;
        Ok(*id)
    }
    async fn take(&self, tx: &mut SqliteTx, id: &u64, _: &u64) -> Result<(), BoxError> {
        tx.execute("DELETE FROM shelf WHERE id = ?1", [id.to_string()])?;
        Ok(())
    }
}

/// A service whose errors are `anyhow`'s, and boxed ones.
#[derive(Clone)]
struct Beads;

impl<D: Database> Counter<D> for Beads {
    async fn count(&self, _: &IdempotencyKey, how: &String) -> Result<u64, Failure> {
        let boxed = || -> Result<u64, BoxError> { how.parse().map_err(Into::into) };
        let by_anyhow = || -> anyhow::Result<u64> { anyhow::Context::context(how.parse(), "no number") };
        match how.as_str() {
            "refuse" => Err(Failure::abort("no\nbeads\x1b[2J")),
            "wait" => {
                std::future::pending::<()>().await;
                Ok(0)
            }
            how if how.starts_with('+') => Ok(boxed()?),
            _ => Ok(by_anyhow()?),
        }
    }
}

/// What is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// The log of this process, which its tests share: each looks for the names of its own node.
    fn global() -> Self {
        static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
        let begin = || {
            let log = Log::default();
            let level = tracing_subscriber::filter::LevelFilter::INFO;
            tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).with_max_level(level).init();
            log
        };
        LOG.get_or_init(begin).clone()
    }

    fn lines(&self, with: &str) -> Vec<String> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&bytes);
        text.lines().filter(|line| line.contains(with)).map(ToOwned::to_owned).collect()
    }
}

/// The answer of a node's socket to one request, as it is written.
async fn ask_text(database: &Path, request: Value) -> String {
    let socket = format!("{}.sock", database.canonicalize().unwrap().display());
    let mut request = request;
    request["version"] = json!(1);
    tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap()
}

async fn ask(database: &Path, request: Value) -> Value {
    serde_json::from_str(&ask_text(database, request).await).unwrap()
}

const SHELF: &str = "CREATE TABLE IF NOT EXISTS shelf (id TEXT NOT NULL)";

/// A node that plays both roles.
async fn node(name: &str, database: &Path) -> Node<Sqlite> {
    let store = Sqlite::open(database).unwrap().with_schema(SHELF).unwrap();
    Node::builder(name, store)
        .assign("Desk", name)
        .assign("Ask.Till", name)
        .retries(Retry::new().attempts(3).pauses(Duration::from_millis(1), Duration::from_millis(2)))
        .role(store::Desk::new(Wood))
        .role(ask::Desk::new(Wood))
        .role(ask::Till::new(Beads))
        .start()
        .await
        .unwrap()
}

fn asks(how: &str) -> Ask {
    Ask { how: how.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_can_be_awaited() {
    let directory = tempfile::tempdir().unwrap();
    let node = node("awaits", &directory.path().join("x.db")).await;
    assert_eq!(node.start(Store { id: 7 }).id("7").await.unwrap(), 7);
    assert_eq!(node.start(Store { id: 7 }).id("7").settled().await.unwrap(), 7, "it was settled");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_anyhow_and_boxed_ones_are_failures() {
    let directory = tempfile::tempdir().unwrap();
    let node = node("errors", &directory.path().join("x.db")).await;
    for (how, expected) in [("5", Ok(5)), ("+5", Ok(5)), ("x", Err("no number")), ("+x", Err("invalid digit"))] {
        let answer = node.start(asks(how)).await;
        match (answer, expected) {
            (Ok(answer), Ok(expected)) => assert_eq!(answer, expected),
            (Err(error), Err(expected)) => assert!(error.reason().unwrap().contains(expected), "{error}"),
            (answer, expected) => panic!("{how}: {answer:?} {expected:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_is_one_short_line_and_the_last_says_what_happens_now() {
    let log = Log::global();
    let directory = tempfile::tempdir().unwrap();
    let node = node("short-lines", &directory.path().join("x.db")).await;
    node.start(asks("x")).id("one\nforged").await.unwrap_err();
    let lines = log.lines("short-lines");
    let failed: Vec<_> = lines.iter().filter(|line| line.contains("Till") || line.contains("Counter.count")).collect();
    assert_eq!(failed.len(), 3, "{lines:#?}");
    for line in &failed {
        assert!(line.len() < 320 && line.matches("no number").count() == 1, "{line}");
        assert!(line.contains("one\\u{a}forged"), "{line}");
    }
    assert!(failed[0].contains("is tried again") && failed[1].contains("is tried again"), "{failed:#?}");
    assert!(failed[2].contains("ERROR") && failed[2].contains("rolled back"), "{failed:#?}");
    assert!(log.lines("").iter().all(|line| !line.starts_with("forged")), "an id forged a line");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_schema_is_named_with_what_makes_it() {
    let log = Log::global();
    let directory = tempfile::tempdir().unwrap();
    let store = Sqlite::open(directory.path().join("x.db")).unwrap();
    let builder = Node::builder("no-schema", store).assign("Desk", "no-schema").role(store::Desk::new(Wood));
    let pauses = Retry::new().pauses(Duration::from_millis(1), Duration::from_millis(2));
    let node = builder.retries(pauses).start().await.unwrap();
    let error = node.start(Store { id: 1 }).await.unwrap_err();
    let reason = error.reason().unwrap();
    assert!(reason.contains("no such table: shelf") && reason.contains("with_schema"), "{reason}");
    let lines = log.lines("no-schema");
    let lines: Vec<_> = lines.iter().filter(|line| line.contains("no such table")).collect();
    assert_eq!(lines.len(), 2, "the first attempt and the last: {lines:#?}");
    assert!(lines.iter().all(|line| line.contains("with_schema")), "{lines:#?}");
}

#[tokio::test]
async fn names_that_nobody_has_are_refused_when_the_node_starts() {
    let builder = |name: &str| Node::builder(name, Memory::new()).role(ask::Till::new(Beads));
    for (started, why) in [
        (builder("a").assign("Tlil", "b").start().await, "`Tlil`, which no choreography of this node has"),
        (builder("a").assign("Store.Till", "b").start().await, "its roles are Ask.Desk, Ask.Till"),
        (builder("a").members("Nobody", ["b"]).start().await, "`Nobody`"),
        (builder("a").assign("Desk", "").start().await, "is empty"),
        (builder("a").assign("Desk", "b\n").start().await, "`b\\u{a}`, has characters that cannot be seen"),
        (builder("a").assign("Desk", " b").start().await, "begins or ends with white space"),
        (builder("a").assign("Ask.Desk", "b".repeat(600)).start().await, "has 600 bytes"),
        (builder("").start().await, "the node's name, ``, is empty"),
        (builder("\u{202e}a").start().await, "cannot be seen"),
    ] {
        let error = started.expect_err(why).to_string();
        assert!(error.contains(why), "{why}: {error}");
    }
    builder("lager 3").assign("Ask.Desk", "büro").assign("Till", "lager 3").start().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_sessions_are_listed_with_how_they_ended() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("x.db");
    let node = node("finished", &database).await;
    node.start(asks("5")).id("good").await.unwrap();
    let refused = node.start(asks("refuse")).id("bad").await.unwrap_err();
    assert_eq!(refused.reason(), Some("no\nbeads\x1b[2J"));
    // The rows are finished lazily.
    let list = || ask(&database, json!({ "request": "sessions", "state": "finished" }));
    let mut listed = list().await;
    while listed["answer"]["sessions"].as_array().unwrap().len() < 4 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        listed = list().await;
    }
    let sessions = listed["answer"]["sessions"].as_array().unwrap();
    let of = |id: &str, role: &str| {
        sessions
            .iter()
            .find(|session| session["id"] == id && session["role"] == role)
            .unwrap_or_else(|| panic!("{id} {role}"))
    };
    for role in ["Desk", "Till"] {
        assert_eq!(
            (&of("good", role)["state"], &of("good", role)["outcome"]),
            (&json!("finished"), &json!("committed"))
        );
        assert_eq!(of("bad", role)["outcome"], "rolled_back");
        assert_eq!(of("bad", role)["reason"], "no\nbeads\x1b[2J");
    }
    // Page by page, each once.
    let mut paged = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut request = json!({ "request": "sessions", "state": "finished", "limit": 1 });
        if after.is_string() {
            request["after"] = after;
        }
        let page = ask(&database, request).await;
        paged.extend(
            page["answer"]["sessions"].as_array().unwrap().iter().map(|it| (it["id"].clone(), it["role"].clone())),
        );
        after = page["answer"]["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let all: Vec<_> = sessions.iter().map(|it| (it["id"].clone(), it["role"].clone())).collect();
    assert_eq!(paged, all);
    // By id, and by the beginning of the identity that a table shows.
    let digits: String = of("bad", "Till")["session"].as_str().unwrap().chars().take(8).collect();
    for name in ["bad", &digits] {
        let inspected = ask(&database, json!({ "request": "inspect", "session": name })).await;
        let parts = inspected["answer"]["parts"].as_array().unwrap();
        assert_eq!(parts.len(), 2, "{inspected}");
        assert!(parts.iter().all(|part| part["outcome"] == "rolled_back"), "{inspected}");
    }
    let aborted = ask(&database, json!({ "request": "abort", "session": "bad", "reason": "late" })).await;
    assert_eq!(aborted["answer"]["outcome"], "already_rolled_back", "{aborted}");
    let aborted = ask(&database, json!({ "request": "abort", "session": "good", "reason": "late" })).await;
    assert_eq!(aborted["answer"]["outcome"], "too_late", "{aborted}");
    let retried = ask(&database, json!({ "request": "retry", "session": "good" })).await;
    assert!(retried["error"]["message"].as_str().unwrap().contains("is finished (committed)"), "{retried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_of_what_is_aborting_says_why_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("x.db");
    let node = node("aborting", &database).await;
    let handle = node.start(asks("wait")).id("1").accepted().await.unwrap();
    // The compensation fails from now on, so that the session stays.
    let table = node.store().clone().with_schema("ALTER TABLE shelf RENAME TO gone");
    table.unwrap();
    let abort = |reason: &str| ask(&database, json!({ "request": "abort", "session": "1", "reason": reason }));
    let first = abort("the \x1b[31mfirst\nreason").await;
    assert_eq!(first["answer"]["outcome"], "aborted", "{first}");
    let second = abort("the second").await;
    let answer = (&second["answer"]["outcome"], &second["answer"]["reason"]);
    assert_eq!(answer, (&json!("already_aborting"), &json!("the \x1b[31mfirst\nreason")));
    // What operators did is in the store, also after a restart.
    let inspected = ask(&database, json!({ "request": "inspect", "session": "1" })).await;
    let audit = inspected["answer"]["audit"].as_array().unwrap().clone();
    let outcomes: Vec<_> = audit.iter().map(|it| it["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["asked", "aborted", "asked", "already_aborting"], "{inspected}");
    assert!(audit[1]["uid"].is_u64() && audit[1]["reason"] == "the \x1b[31mfirst\nreason", "{inspected}");
    node.store().clone().with_schema("ALTER TABLE gone RENAME TO shelf").unwrap();
    ask(&database, json!({ "request": "retry" })).await;
    handle.settled().await.unwrap_err();
    drop(node);
    let again = self::node("aborting", &database).await;
    let inspected = ask(&database, json!({ "request": "inspect", "session": "1" })).await;
    assert_eq!(inspected["answer"]["audit"].as_array().unwrap()[..4], audit[..], "{inspected}");
    drop(again);
    // Nothing of it forged a line of the log.
    let log = Log::global();
    assert!(log.lines("").iter().all(|line| !line.starts_with("reason") && !line.contains('\x1b')));
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_64_bits_are_shown_with_all_their_digits() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("x.db");
    let node = node("digits", &database).await;
    node.start(Store { id: u64::MAX }).id("big").await.unwrap();
    let text = ask_text(&database, json!({ "request": "inspect", "session": "big" })).await;
    assert!(text.contains("18446744073709551615"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_says_which_peers_are_connected_and_since_when() {
    use accompanist::transport::Tcp;
    let log = Log::global();
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("x.db");
    let (a, b) = (Tcp::bind("127.0.0.1:0").await.unwrap(), Tcp::bind("127.0.0.1:0").await.unwrap());
    let (at_a, at_b) = (a.local_address().unwrap(), b.local_address().unwrap());
    let store = Sqlite::open(&database).unwrap().with_schema(SHELF).unwrap();
    let builder = Node::builder("peer-a", store).assign("Desk", "peer-a").role(store::Desk::new(Wood));
    let node_a = builder.transport(a.with_peers([("peer-b", at_b), ("peer-z", "127.0.0.1:1".parse().unwrap())]));
    let node_a = node_a.start().await.unwrap();
    let start_b = |tcp: Tcp| {
        let builder = Node::builder("peer-b", Memory::new()).role(ask::Till::new(Beads));
        builder.transport(tcp.with_peers([("peer-a", at_a)])).start()
    };
    let shown = |connected: bool, connections: u64| {
        let database = database.clone();
        async move {
            loop {
                let answer = ask(&database, json!({ "request": "peers" })).await;
                let peers = answer["answer"]["peers"].as_array().unwrap().clone();
                assert_eq!(peers.iter().map(|peer| &peer["node"]).collect::<Vec<_>>(), ["peer-b", "peer-z"]);
                assert!(peers[1]["connected"] == false && peers[1]["connections"] == 0, "{answer}");
                if peers[0]["connected"] == connected && peers[0]["connections"] == connections {
                    return peers;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    };
    let node_b = start_b(b).await.unwrap();
    shown(true, 1).await;
    assert_eq!((node_a.counts().peers, node_a.counts().peers_connected), (2, 1));
    drop(node_b);
    let peers = shown(false, 1).await;
    assert!(peers[0]["cause"].is_string(), "{peers:?}");
    let node_b = loop {
        // Its port may still be in use for a moment.
        if let Ok(tcp) = Tcp::bind(at_b).await {
            break start_b(tcp).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    shown(true, 2).await;
    assert_eq!(node_a.counts().connections, 2);
    let connected: Vec<_> = log
        .lines("peer-a")
        .into_iter()
        .filter(|line| line.contains("peer=\"peer-b\" ") && line.contains("connected"))
        .collect();
    assert!(connected.iter().any(|line| line.contains("connected again")), "{connected:#?}");
    drop(node_b);
}

/// A type that a choreography in a function uses.
mod model {
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
    pub struct Tag {
        pub id: u64,
    }
}

use model::Tag;

#[tokio::test]
async fn a_choreography_may_stand_in_a_function() {
    accompanist::choreo! {
        extern type Tag { id: u64 }
        struct Pair { first: u64, second: u64 }
        service Sums { fn sum(pair: Pair) -> u64; }

        choreography Add<Home: Sums>(tag: Tag@Home) -> u64@Home {
            let id = tag.id;
            Home.sum(Pair { first: id, second: 1 })
        }
    }

    #[derive(Clone)]
    struct Paper;
    impl<D: Database> Sums<D> for Paper {
        async fn sum(&self, _: &IdempotencyKey, pair: &Pair) -> Result<u64, Failure> {
            Ok(pair.first + pair.second)
        }
    }

    let node = Node::builder("home", Memory::new()).role(add::Home::new(Paper)).without_admin();
    let node = node.start().await.unwrap();
    assert_eq!(node.start(Add { tag: Tag { id: 2 } }).id("1").await.unwrap(), 3);
}

/// The path of a choreography, handed on by another macro as an expression and as a literal.
macro_rules! of_file {
    (expression $file:expr) => {
        accompanist::choreo!($file);
    };
    (literal $file:literal) => {
        accompanist::choreo!($file);
    };
}

mod by_expression {
    of_file!(expression "double.chor");
}

mod by_literal {
    of_file!(literal "double.chor");
}

#[tokio::test]
async fn the_path_of_a_choreography_may_come_out_of_another_macro() {
    let builder = Node::builder("home", Memory::new()).without_admin();
    let builder = builder.role(by_expression::double::Home::new());
    let node = builder.start().await.unwrap();
    assert_eq!(node.start(by_expression::Double { x: 4 }).id("1").await.unwrap(), 8);
    assert_eq!(node.start(by_literal::Double { x: 5 }).id("2").await.unwrap(), 10);
}
