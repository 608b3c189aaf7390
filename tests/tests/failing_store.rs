//! A node whose store fails for a while: it does not wear itself out, and goes on when the store does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use accompanist::store::{Job, Memory, MemoryTx, Store, StoreError, Transact};
use accompanist::{BoxFuture, Database, Node, RoleId};
use accompanist_core::{SessionKey, Stored, Write};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Alone, alone};
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::{until, within};

/// A store in memory that refuses every commit as long as it is told to.
#[derive(Clone)]
struct Failing {
    memory: Memory,
    fails: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
}

/// An operation, as the store in memory takes it.
struct Passed(Box<dyn Transact<Failing>>);

impl Transact<Memory> for Passed {
    fn key(&self) -> SessionKey {
        self.0.key()
    }

    fn run<'a>(&'a mut self, tx: &'a mut MemoryTx) -> BoxFuture<'a, bool> {
        self.0.run(tx)
    }

    fn record(&mut self) -> Vec<Write> {
        self.0.record()
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        self.0.done(result);
    }
}

impl Database for Failing {
    type Tx = MemoryTx;
}

impl Store for Failing {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        self.memory.unfinished().await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        self.memory.find(key).await
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        self.memory.find_client(choreography, client_id).await
    }

    fn submit(&self, job: Job<Self>) {
        if !self.fails.load(Ordering::SeqCst) {
            return self.memory.submit(match job {
                Job::Write { write, key, done } => Job::Write { write, key, done },
                Job::Transact(operation) => Job::Transact(Box::new(Passed(operation))),
            });
        }
        self.refused.fetch_add(1, Ordering::SeqCst);
        std::thread::spawn(move || match job {
            Job::Write { done, .. } => done(Err(StoreError::Full("as it was told".to_owned()))),
            Job::Transact(operation) => operation.done(Err(StoreError::Full("as it was told".to_owned()))),
        });
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        self.memory.forget(retention).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_on_failing_is_tried_less_and_less_often_and_then_the_session_ends() {
    let store = Failing { memory: Memory::new(), fails: Arc::default(), refused: Arc::default() };
    let clerk = Clerk::default();
    clerk.tell("enter", Behaviour::Fails("not yet"));
    let node = Node::builder("a", store.clone()).timing(TIMING).role(alone::A::new(clerk.clone()));
    let node = node.start().await.expect("it starts");
    let started = node.start(Alone { line: "tea".to_owned() }).id("1").accepted();
    let session = within("the start", started).await.expect("it is accepted");
    store.fails.store(true, Ordering::SeqCst);
    clerk.tell("enter", Behaviour::Works);
    until("a refusal", || (store.refused.load(Ordering::SeqCst) > 0).then_some(())).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let refused = store.refused.load(Ordering::SeqCst);
    assert!((3..=12).contains(&refused), "20 ms, 40 ms, 80 ms, … make some seven tries, not {refused}");
    store.fails.store(false, Ordering::SeqCst);
    within("the end", session.settled()).await.expect("a result");
}
