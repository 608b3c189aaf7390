//! A type changes while sessions are in flight. Code that cannot read what is stored parks them and touches nothing, and they go
//! on with code that can; a new field with a default does not stop them.
#![allow(missing_docs, reason = "a test")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::store::{Sqlite, SqliteTx};
use accompanist::transport::LocalNetwork;
use accompanist::{BoxError, Failure, IdempotencyKey, Node, Retry};
use accompanist_tests::generated::deployed::{Depot, Make, Ship, make, ship};
use accompanist_tests::model::{PARCEL_VERSION, Parcel};
use accompanist_tests::wait::{until, within};

/// The version that is deployed is one for the whole process.
static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    waits: Arc<AtomicBool>,
}

impl Notes {
    fn note(&self, what: &str, id: u64) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what} {id}"));
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Depot<Sqlite> for Notes {
    async fn reserve(&self, _: &mut SqliteTx, parcel: &Parcel) -> Result<Parcel, Failure> {
        self.note("reserve", parcel.id);
        Ok(parcel.clone())
    }
    async fn release(&self, _: &mut SqliteTx, parcel: &Parcel, output: &Parcel) -> Result<(), BoxError> {
        assert_eq!(parcel, output);
        self.note("release", parcel.id);
        Ok(())
    }
    async fn label(&self, _: &IdempotencyKey, parcel: &Parcel) -> Result<Parcel, Failure> {
        self.note("label", parcel.id);
        Ok(parcel.clone())
    }
    async fn book(&self, _: &IdempotencyKey, parcel: &Parcel) -> Result<Parcel, Failure> {
        self.note("book", parcel.id);
        Ok(parcel.clone())
    }
    async fn unbook(&self, _: &IdempotencyKey, parcel: &Parcel, output: Option<&Parcel>) -> Result<(), BoxError> {
        assert_eq!(Some(parcel), output);
        self.note("unbook", parcel.id);
        Ok(())
    }
    async fn make(&self, _: &mut SqliteTx, id: &u64) -> Result<Parcel, Failure> {
        self.note("make", *id);
        Ok(Parcel { id: *id, customer: "Ada".to_owned(), channel: String::new() })
    }
    async fn unmake(&self, _: &mut SqliteTx, id: &u64, output: &Parcel) -> Result<(), BoxError> {
        assert_eq!(*id, output.id);
        self.note("unmake", *id);
        Ok(())
    }
    async fn wait(&self, _: &IdempotencyKey) -> Result<(), Failure> {
        if self.waits.load(Ordering::SeqCst) {
            self.note("wait", 0);
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// Nodes `a` and `b` with that version of the type.
async fn deployed(version: u8, directory: &Path, notes: &Notes) -> [Node<Sqlite>; 2] {
    let network = LocalNetwork::new();
    let retry = Retry::new().for_ever().pauses(Duration::from_millis(2), Duration::from_millis(20));
    // A node that was ended is done with its database a little later.
    let store = |name: &str| {
        let path = directory.join(format!("{name}.db"));
        until("the database", move || Sqlite::open(&path).ok())
    };
    let (of_a, of_b) = (store("a").await, store("b").await);
    // Only now: code of the nodes before may run until then.
    PARCEL_VERSION.store(version, Ordering::SeqCst);
    let builder =
        |name: &str, store| Node::builder(name, store).transport(network.transport()).retry_compensations(retry);
    let a = builder("a", of_a).role(ship::A::new(notes.clone())).role(make::A::new(notes.clone()));
    let b = builder("b", of_b).role(ship::B::new(notes.clone())).role(make::B::new(notes.clone()));
    [a.start().await.expect("the node starts"), b.start().await.expect("the node starts")]
}

fn parcel() -> Ship {
    Ship { parcel: Parcel { id: 7, customer: "Ada".to_owned(), channel: String::new() } }
}

/// Sessions of both choreographies, each up to where B waits.
async fn in_flight(directory: &Path, notes: &Notes) {
    notes.waits.store(true, Ordering::SeqCst);
    let [a, _b] = deployed(1, directory, notes).await;
    drop(within("a start", a.start(parcel()).id("1").accepted()).await.expect("it is accepted"));
    drop(within("a start", a.start(Make { id: 8 }).id("2").accepted()).await.expect("it is accepted"));
    until("both wait", || (notes.lines().iter().filter(|line| *line == "wait 0").count() == 2).then_some(())).await;
}

const DONE: [&str; 6] = ["book 7", "label 7", "make 8", "reserve 7", "reserve 7", "reserve 8"];

/// What was noted but for the waiting, sorted.
fn sorted(notes: &Notes) -> Vec<String> {
    let mut lines: Vec<String> = notes.lines().into_iter().filter(|line| line != "wait 0").collect();
    lines.sort();
    lines
}

/// Both sessions end well, and nothing was done twice or undone.
async fn go_on([a, b]: &[Node<Sqlite>; 2], notes: &Notes) {
    let shipped = within("the end", a.start(parcel()).id("1").settled()).await.expect("it goes on");
    assert_eq!((shipped.id, shipped.customer.as_str(), shipped.channel.as_str()), (7, "Ada", ""));
    assert_eq!(within("the end", a.start(Make { id: 8 }).id("2").settled()).await.expect("it goes on"), 8);
    until("the end", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
    assert_eq!(sorted(notes), DONE);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_cannot_read_what_is_stored_parks_and_touches_nothing() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (directory, notes) = (tempfile::tempdir().expect("a directory"), Notes::default());
    in_flight(directory.path(), &notes).await;
    notes.waits.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        let [a, b] = deployed(2, directory.path(), &notes).await;
        until("both are parked", || (a.counts().sessions_parked == 2).then_some(())).await;
        assert_eq!((a.counts().sessions_aborted, b.counts().sessions_aborted), (0, 0));
        assert_eq!(sorted(&notes), DONE, "nothing is called or undone");
    }
    go_on(&deployed(1, directory.path(), &notes).await, &notes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_field_with_a_default_does_not_park() {
    let _alone = ONE_AT_A_TIME.lock().await;
    let (directory, notes) = (tempfile::tempdir().expect("a directory"), Notes::default());
    in_flight(directory.path(), &notes).await;
    notes.waits.store(false, Ordering::SeqCst);
    let nodes = deployed(3, directory.path(), &notes).await;
    go_on(&nodes, &notes).await;
    assert!(nodes.iter().all(|node| node.counts().sessions_parked == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compensation_waits_for_code_that_reads_what_it_undoes() {
    let _alone = ONE_AT_A_TIME.lock().await;
    for version in [1, 3] {
        let (directory, notes) = (tempfile::tempdir().expect("a directory"), Notes::default());
        in_flight(directory.path(), &notes).await;
        {
            let [a, b] = deployed(2, directory.path(), &notes).await;
            until("both are parked", || (a.counts().sessions_parked == 2).then_some(())).await;
            for (choreography, id) in [("Ship", "1"), ("Make", "2")] {
                let ended = tokio::time::timeout(Duration::from_secs(5), a.cancel(choreography, id, "enough")).await;
                assert!(ended.is_ok(), "{ended:?}");
            }
            until("it is tried", || (b.counts().compensations_failed > 5).then_some(())).await;
            assert_eq!(sorted(&notes), DONE, "nothing is undone");
        }
        let [a, b] = deployed(version, directory.path(), &notes).await;
        until("the end", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
        let is_undone = |line: &String| line.starts_with("release") || line.starts_with("un");
        let undone: Vec<String> = sorted(&notes).into_iter().filter(is_undone).collect();
        assert_eq!(undone, ["release 7", "release 7", "release 8", "unbook 7", "unmake 8"]);
    }
}
