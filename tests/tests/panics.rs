//! Panics of the user's code, wherever they happen: they end an operation or a session, and nothing else.
#![allow(clippy::panic, reason = "that is what is tried")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::store::Memory;
use accompanist::{BoxError, Database, Failure, IdempotencyKey, Node, Retry};
use accompanist_tests::wait::{until, within};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that goes off when something is done with it.
#[derive(Clone, Debug, PartialEq)]
pub struct Grenade {
    at: String,
}

/// It is read without harm but for the first time, so that what it was made by can be undone.
static READ: AtomicU64 = AtomicU64::new(0);

impl Serialize for Grenade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert_ne!(self.at, "serialize", "goes off");
        serializer.serialize_str(&self.at)
    }
}

impl<'de> Deserialize<'de> for Grenade {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = String::deserialize(deserializer)?;
        assert!(at != "deserialize" || READ.fetch_add(1, Ordering::SeqCst) > 0, "goes off");
        Ok(Self { at })
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(self.at != "drop" || std::thread::panicking(), "goes off");
    }
}

accompanist::choreo! {
    extern type crate::Grenade { at: String }

    service Lab {
        pure fn weigh(line: String) -> u64;
        transaction note(line: String) -> u64 compensate erase;
        transaction make(line: String) -> Grenade compensate unmake;
        fn ask(line: String) -> Grenade;
    }

    choreography Blast<A: Lab>(line: String@A) -> u64@A {
        A.note(line);
        A.make(line);
        A.ask(line);
        A.weigh(line)
    }
}

/// How often each line was noted and not erased, and how often something was tried to be undone.
#[derive(Clone, Default)]
struct Service {
    noted: Arc<Mutex<BTreeMap<String, i64>>>,
    undoing: Arc<AtomicU64>,
}

impl Service {
    fn add(&self, line: &str, count: i64) {
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner).entry(line.to_owned()).or_default() += count;
    }
}

impl<D: Database> Lab<D> for Service {
    fn weigh(&self, line: &String) -> u64 {
        assert!(!["pure", "compensation"].contains(&line.as_str()), "goes off");
        line.len() as u64
    }

    async fn note(&self, _: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        self.add(line, 1);
        Ok(1)
    }

    async fn erase(&self, _: &mut D::Tx, line: &String, _: &u64) -> Result<(), BoxError> {
        self.add(line, -1);
        Ok(())
    }

    async fn make(&self, _: &mut D::Tx, line: &String) -> Result<Grenade, Failure> {
        assert_ne!(line, "operation", "goes off");
        Ok(Grenade { at: line.clone() })
    }

    async fn unmake(&self, _: &mut D::Tx, line: &String, _: &Grenade) -> Result<(), BoxError> {
        assert!(line != "compensation" || self.undoing.fetch_add(1, Ordering::SeqCst) >= 2, "goes off");
        Ok(())
    }

    async fn ask(&self, _: &IdempotencyKey, line: &String) -> Result<Grenade, Failure> {
        assert_ne!(line, "call", "goes off");
        Ok(Grenade { at: "nothing".to_owned() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_session_and_no_other() {
    let service = Service::default();
    let retry = Retry::new().attempts(3).pauses(Duration::from_millis(1), Duration::from_millis(5));
    let node = Node::builder("a", Memory::new())
        .role(blast::A::new(service.clone()))
        .retries(retry)
        .retry_compensations(retry)
        .start()
        .await
        .expect("it starts");
    let blast = |line: &str| node.start(Blast { line: line.to_owned() }).id(line).settled();
    // They share the node, and take turns with one that has nothing wrong.
    for (number, line) in
        ["operation", "call", "pure", "compensation", "serialize", "deserialize", "drop"].into_iter().enumerate()
    {
        let error = within(line, blast(line)).await.expect_err("it goes off");
        let reason = error.reason().unwrap_or_default();
        assert!(error.is_aborted() && reason.contains("panicked") && reason.contains("goes off"), "{line}: {error}");
        let fine = format!("fine {number}");
        assert_eq!(within(&fine, blast(&fine)).await.expect("a result"), 6);
    }
    until("the end of all", || (node.counts().sessions == 0).then_some(())).await;
    for (line, count) in service.noted.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        assert_eq!(*count, i64::from(line.starts_with("fine")), "{line}");
    }
    assert_eq!(node.counts().compensations_failed, 2);
}
