//! Recursion: calls nest up to a limit that is the same on every runtime, and cost heap, not the thread's stack. A session that
//! calls itself deeper ends for a reason, is undone, and does not end its process.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Debug;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use accompanist::plain::PlainSession;
use accompanist::sim::{self, Faults};
use accompanist::store::{Memory, Sqlite, Store};
use accompanist::transport::LocalNetwork;
use accompanist::{BoxError, CALL_DEPTH_MAX, Error, Failure, Node};
use accompanist_tests::generated::recursion::{
    Book, Both, Descend, Pass, Within, both, descend, pass, within as scope,
};
use accompanist_tests::oracle::Case;
use accompanist_tests::wait::{until, within};
use chor::interpret::{Limits, Outcome, Setup, interpret};
use chor::source::Sources;

const DEEP: u64 = 1_000_000;

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    fn note(&self, what: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Store> Book<S> for Notes {
    async fn enter(&self, _: &mut S::Tx, n: &u64) -> Result<u64, Failure> {
        self.note(format!("enter {n}"));
        Ok(*n)
    }
    async fn strike(&self, _: &mut S::Tx, n: &u64, _: &u64) -> Result<(), BoxError> {
        self.note(format!("strike {n}"));
        Ok(())
    }
}

fn said<T: Debug>(result: Result<T, Error>) -> Result<String, String> {
    result.map(|value| format!("{value:?}")).map_err(|error| match error.reason() {
        Some(reason) => reason.to_owned(),
        None => format!("not aborted: {error}"),
    })
}

/// How a session of `A` and `B` ends on the plain runtime and between two nodes: alike. With services, what they noted is known.
macro_rules! ends {
    ($module:ident, $arguments:expr, $($service:expr)?) => {{
        let store = Arc::new(Memory::new());
        let session = PlainSession::new();
        let (plain, _) = within("the plain session", async {
            tokio::join!(
                session.play($module::A::new($($service)?), &store, $arguments),
                session.play($module::B::new($($service)?), &store, ()),
            )
        })
        .await;
        let plain = said(plain);
        let network = LocalNetwork::new();
        let builder = |name: &str| Node::builder(name, Memory::new()).transport(network.transport());
        let a = builder("a").role($module::A::new($($service)?)).start().await.expect("the node starts");
        let b = builder("b").role($module::B::new($($service)?)).start().await.expect("the node starts");
        let settled = said(within("the session", a.start($arguments).settled()).await);
        until("the end", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
        assert_eq!(plain, settled, "the plain runtime and nodes do the same");
        settled
    }};
}

#[track_caller]
fn is_too_deep(reason: &str, call: &str) {
    let place = reason.split_once(": `").map(|(place, _)| place).unwrap_or_default();
    assert!(place.contains("recursion.chor:") || place.contains("deep.chor:"), "{reason}");
    let expected = format!(
        "{place}: `{call}` nests calls of choreographies more than {CALL_DEPTH_MAX} deep: a loop goes on for longer"
    );
    assert_eq!(reason, expected);
}

const CALL: &str = "Pass<B, A>(n - 1 ~> B)";

#[tokio::test(flavor = "multi_thread")]
async fn calls_of_choreographies_nest_up_to_a_limit_on_every_runtime() {
    let depth = u64::from(CALL_DEPTH_MAX);
    assert_eq!(ends!(pass, Pass { n: depth },), Ok("()".to_owned()));
    for n in [depth + 1, DEEP] {
        is_too_deep(&ends!(pass, Pass { n },).expect_err("it is too deep"), CALL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_calls_itself_too_deeply_is_undone() {
    let notes = Notes::default();
    let reason = ends!(descend, Descend { n: DEEP }, notes.clone()).expect_err("it is too deep");
    is_too_deep(&reason, CALL);
    assert_eq!(notes.taken(), ["enter 1000000", "strike 1000000", "enter 1000000", "strike 1000000"]);
    assert_eq!(ends!(descend, Descend { n: 100 }, notes.clone()), Ok("100".to_owned()));
    let reason = ends!(scope, Within { n: DEEP }, notes.clone()).expect("it goes on");
    is_too_deep(reason.trim_matches('"'), CALL);
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_nest_where_calls_of_choreographies_are_deep() {
    let n = u64::from(CALL_DEPTH_MAX);
    assert_eq!(ends!(both, Both { n, m: 400 },), Ok("80200".to_owned()));
    let reason = ends!(both, Both { n, m: DEEP },).expect_err("it is too deep");
    assert!(reason.ends_with("`sum` calls itself too deeply"), "{reason}");
}

async fn node(name: &str, network: &LocalNetwork, directory: &Path) -> Node<Sqlite> {
    // A node that was ended is done with its database a little later.
    let store = until("the database", || Sqlite::open(directory.join(format!("{name}.db"))).ok()).await;
    let builder = Node::builder(name, store).transport(network.transport());
    let notes = Notes::default();
    let node = match name {
        "a" => builder.role(descend::A::new(notes)),
        _ => builder.role(descend::B::new(notes)),
    };
    node.start().await.expect("the node starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_restarts_over_a_session_of_deep_calls() {
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let network = LocalNetwork::new();
    let n = u64::from(CALL_DEPTH_MAX) - 1;
    for (id, n, ends) in [("as deep as may be", n, true), ("deeper", DEEP, false)] {
        let a = node("a", &network, directory.path()).await;
        drop(within("the start", a.start(Descend { n }).id(id).accepted()).await.expect("it is accepted"));
        drop(a);
        let a = node("a", &network, directory.path()).await;
        let b = node("b", &network, directory.path()).await;
        let again = a.start(Descend { n }).id(id);
        tokio::time::sleep(Duration::from_millis(200)).await;
        // In the middle of it.
        drop(b);
        let b = node("b", &network, directory.path()).await;
        let settled = said(within("the session", again.settled()).await);
        assert_eq!(settled.is_ok(), ends, "{settled:?}");
        until("the end", || (a.counts().sessions + b.counts().sessions == 0).then_some(())).await;
        drop((a, b));
    }
}

#[test]
fn the_simulator_ends_deep_calls() {
    sim::seeds(0..3).faults(Faults::none()).run(|sim| async move {
        let a = sim.node("a", sim::memory(), |node| node.role(pass::A::new()));
        let _b = sim.node("b", sim::memory(), |node| node.role(pass::B::new()));
        a.start(Pass { n: 200 }).id("1").settled().await.expect("it is not too deep");
        let refused = a.start(Pass { n: DEEP }).id("2").settled().await.expect_err("it is too deep");
        is_too_deep(refused.reason().unwrap_or_default(), CALL);
        sim.quiet().await;
    });
}

const PROGRAM: &str = "choreography Pass<A, B>(n: u64@A) { if n > 0 { Pass<B, A>(n - 1 ~> B); } }
choreography Main<A, B>(x: bool@A) -> u64@A { let n: u64@A = 1_000_000; Pass<A, B>(n); A ~> B; n }";
const SUM: &str = "fn sum(n: u64) -> u64 { if n == 0 { 0 } else { n + sum(n - 1) } }
choreography Main<A, B>(x: bool@A) -> u64@A { A ~> B; let n: u64@A = 1_000_000; sum(n) }";

fn case(text: &str) -> Case {
    let compilation = chor::compile(&Sources::single("deep.chor", text), &chor::Options::default());
    Case::new(Arc::new(compilation), 7).expect("it can be started")
}

/// Of the thread that the test machine runs in; only what is touched of it counts.
const STACK_BYTES: usize = 1 << 30;

#[test]
fn the_machine_and_the_interpreter_end_deep_calls() {
    // The machine polls one role within another's call: its own stack is as deep as the calls.
    let ended = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(end_deep_calls).expect("a thread starts");
    ended.join().expect("it ends by a limit");
}

fn end_deep_calls() {
    for (text, why) in [(PROGRAM, "`Pass<B, A>(n - 1 ~> B)` nests calls"), (SUM, "`sum` calls itself too deeply")] {
        let case = case(text);
        let played = case.played(0).expect("it ends");
        for ended in played.ended.values() {
            let reason = ended.as_ref().expect_err("it is too deep");
            assert!(reason.contains(why), "{reason}");
        }
        for limits in [Limits::default(), Limits { steps: u64::MAX, ..Limits::default() }] {
            let world = accompanist_tests::machine::World::new(7, 0, true);
            let mut services = accompanist_tests::machine::Asked { world: &world, hir: &case.compilation.hir };
            let setup = Setup { groups: case.groups.clone(), arguments: case.arguments(), order: 0 };
            let run = interpret(&case.compilation, case.choreography, &setup, &mut services, limits);
            assert_eq!(run.outcome, Outcome::Endless);
        }
    }
}
