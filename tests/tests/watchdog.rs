//! User code that holds up others: it is named, and where it waits inside a transaction it is ended.
#![cfg(unix)]
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use accompanist::store::{Memory, MemoryTx, Sqlite, SqliteTx};
use accompanist::{BoxError, Failure, IdempotencyKey, Limits, Node, NodeBuilder};
use accompanist_tests::wait::{until, within};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};

accompanist::choreo! {
    service Keeper {
        transaction keep(x: u64) -> u64 compensate give_back;
        transaction keep_both(x: u64) -> u64 compensate give_both_back;
        fn ask(x: u64) -> u64;
        pure fn twice(x: u64) -> u64;
    }
    choreography Child<A: Keeper>(x: u64@A) -> u64@A { A.keep(x) }
    choreography Nested<A: Keeper>(x: u64@A) -> u64@A { A.keep_both(x) }
    choreography Asks<A: Keeper>(x: u64@A) -> u64@A { A.ask(x) }
    choreography Counts<A: Keeper>(x: u64@A) -> u64@A { A.twice(x) }
}

/// Its `keep_both` waits for another session of its node; `ask` and `twice` block their thread.
struct K<N>(Arc<OnceLock<N>>);

impl<N> Clone for K<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

const BLOCKS_FOR: Duration = Duration::from_millis(1_600);

macro_rules! keeper {
    ($store:ty, $tx:ty) => {
        impl Keeper<$store> for K<Node<$store>> {
            async fn keep(&self, _: &mut $tx, x: &u64) -> Result<u64, Failure> {
                Ok(*x)
            }
            async fn give_back(&self, _: &mut $tx, _: &u64, _: &u64) -> Result<(), BoxError> {
                Ok(())
            }
            async fn keep_both(&self, _: &mut $tx, x: &u64) -> Result<u64, Failure> {
                let node = self.0.get().unwrap().clone();
                Ok(node.start(Child { x: *x }).id("child").settled().await?)
            }
            async fn give_both_back(&self, _: &mut $tx, _: &u64, _: &u64) -> Result<(), BoxError> {
                Ok(())
            }
            async fn ask(&self, _: &IdempotencyKey, x: &u64) -> Result<u64, Failure> {
                std::thread::sleep(BLOCKS_FOR);
                Ok(*x)
            }
            fn twice(&self, x: &u64) -> u64 {
                std::thread::sleep(BLOCKS_FOR);
                x * 2
            }
        }
    };
}
keeper!(Memory, MemoryTx);
keeper!(Sqlite, SqliteTx);

macro_rules! start {
    ($store:expr, $transaction_millis_max:expr) => {{
        let keeper = K(Arc::new(OnceLock::new()));
        let limits = Limits { transaction_millis_max: $transaction_millis_max, ..Limits::default() };
        let node: NodeBuilder<_> = Node::builder("a", $store).limits(limits);
        let node = node.role(child::A::new(keeper.clone())).role(nested::A::new(keeper.clone()));
        let node = node.role(asks::A::new(keeper.clone())).role(counts::A::new(keeper.clone()));
        let node = node.start().await.unwrap();
        let _ = keeper.0.set(node.clone());
        node
    }};
}

/// The events of this process, each with its fields.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

impl<S: tracing::Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(fields.0);
    }
}

impl Warnings {
    fn global() -> &'static Self {
        static WARNINGS: OnceLock<Warnings> = OnceLock::new();
        WARNINGS.get_or_init(|| {
            let warnings = Self::default();
            let subscriber = tracing_subscriber::registry().with(warnings.clone());
            tracing::subscriber::set_global_default(subscriber).unwrap();
            warnings
        })
    }

    /// What was said of `operation`.
    fn of(&self, operation: &str) -> Option<BTreeMap<&'static str, String>> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |fields: &&BTreeMap<_, String>| {
            fields.get("operation").is_some_and(|name| name == operation) && fields.contains_key("running_ms")
        };
        seen.iter().find(of).cloned()
    }
}

macro_rules! ends_by_the_limit {
    ($store:expr) => {{
        let node = start!($store, 300);
        let nested = tokio::spawn(node.start(Nested { x: 5 }).id("nested").settled());
        let other = within("another session", node.start(Child { x: 1 }).settled()).await;
        assert_eq!(other.unwrap(), 1);
        // Tried again, it finds that the other session has ended.
        assert_eq!(within("the nested one", nested).await.unwrap().unwrap(), 5);
        assert_eq!(within("its end", node.drain(Duration::from_secs(5))).await.unwrap(), []);
    }};
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_awaits_another_session_of_its_node_fails_by_a_limit_and_the_node_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    ends_by_the_limit!(Memory::new());
    ends_by_the_limit!(Sqlite::open(directory.path().join("a.db")).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_holds_the_database_is_named_to_the_log_and_to_whoever_looks_at_a_session_behind_it() {
    let warnings = Warnings::global();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.db");
    let node = start!(Sqlite::open(&path).unwrap(), 2_500);
    let nested = tokio::spawn(node.start(Nested { x: 5 }).id("nested").settled());
    let warned = until("the warning", || warnings.of("Keeper.keep_both")).await;
    assert!(warned["message"].contains("a transaction holds the database"), "{warned:?}");
    assert!(warned["running_ms"].parse::<u64>().unwrap() >= 1_000, "{warned:?}");
    let socket = format!("{}.sock", path.display());
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap());
        let request = json!({ "version": 1, "request": "inspect", "session": "child" });
        stream.write_all(format!("{request}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        answers.read_line(&mut answer).unwrap();
        serde_json::from_str::<Value>(&answer).unwrap()
    });
    let child = within("an answer", asked).await.unwrap();
    let behind = &child["answer"]["parts"][0]["waits"][0]["behind"];
    assert_eq!(behind["operation"], "Keeper.keep_both", "{child}");
    assert_eq!(behind["session"].as_str().unwrap(), warned["session"]);
    assert!(behind["millis"].as_u64().unwrap() >= 1_000);
    assert_eq!(within("the nested one", nested).await.unwrap().unwrap(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_blocks_a_worker_thread_is_named() {
    let warnings = Warnings::global();
    let node = start!(Memory::new(), 0);
    assert_eq!(within("an answer", node.start(Asks { x: 5 }).settled()).await.unwrap(), 5);
    assert_eq!(within("an answer", node.start(Counts { x: 5 }).settled()).await.unwrap(), 10);
    for what in ["Keeper.ask", "a `pure fn` or `extern fn` of A in Counts"] {
        let warned = warnings.of(what).unwrap_or_else(|| panic!("nothing was said of {what}"));
        assert!(warned["message"].contains("blocks a worker thread"), "{warned:?}");
    }
}
