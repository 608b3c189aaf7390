//! The nine defects of the prototype, each through the public interface: generated code, nodes over SQLite, restarts. What an operation does is
//! told to its clerk; no frame comes again by the clock (`stage::TIMING`), so nothing passes because somebody waited long enough.
#![allow(clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::time::Duration;

use accompanist::store::{Job, Store, StoreError};
use accompanist::{Database, Error, Handle, Node, RoleId};
use accompanist_core::{SessionKey, Stored};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Again, Alone, Chain, Fork, Looked, Turns, alone};
use accompanist_tests::pages::{Book, Writes};
use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

const LINE: &str = "tea";

fn chain() -> Chain {
    Chain { line: LINE.to_owned() }
}

fn fork() -> Fork {
    Fork { line: LINE.to_owned() }
}

fn turns() -> Turns {
    Turns { line: LINE.to_owned() }
}

async fn refused<T: std::fmt::Debug>(settled: impl Future<Output = Result<T, Error>>) -> String {
    let error = within("the end of the session", settled).await.expect_err("the session was refused");
    error.reason().expect("it was aborted").to_owned()
}

/// The undoing of a history, newest first.
fn undone(history: &[&str]) -> Vec<String> {
    let of = |what: &&str| match what.split_once(' ') {
        Some(("enter", line)) => format!("strike {line}"),
        Some((_, line)) => format!("erase {line}"),
        None => String::new(),
    };
    history.iter().rev().map(of).collect()
}

const AT_A: [&str; 4] = ["enter a1", "note a2", "note a3", "enter a4"];
const AT_B: [&str; 4] = ["note b1", "enter b2", "note b3", "enter b4"];

#[tokio::test(flavor = "multi_thread")]
async fn defect_1_compensations_run_in_reverse_order_of_commit() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    for (id, restarted) in [("1", false), ("2", true)] {
        // The second time, all that a and b know of the order is what they have written.
        let hold = move |from: &str, _: &str, kind: Kind| restarted && from == "c" && kind == Kind::Aborted;
        stage.tap.hold(hold);
        let session = stage.accepted(turns(), id).await;
        if restarted {
            until("the refusal", || (stage.tap.held() >= 2).then_some(())).await;
            stage.tap.lose_held();
            stage.restart(&["a", "b"]).await;
            assert_eq!(refused(stage.start(turns(), id).settled()).await, "no more");
        } else {
            assert_eq!(refused(session.settled()).await, "no more");
        }
        for (name, done) in [("a", AT_A), ("b", AT_B)] {
            let history = stage.pages(name).history;
            let (_, of_this) = history.split_at(history.len() - 2 * done.len());
            let (first, second) = of_this.split_at(done.len());
            assert_eq!((first, second), (&done.map(ToOwned::to_owned)[..], &undone(&done)[..]), "{name} {id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_2_a_crash_between_compensations_loses_none_and_a_restart_resumes_them() {
    // The one that fails is the last before the crash: before it, none to three have been recorded.
    for (after, failing) in [("a4", "strike a4"), ("a3", "erase a3"), ("a2", "erase a2"), ("a1", "strike a1")] {
        let mut stage = Stage::with(&["a", "b", "c"]).await;
        stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
        stage.clerk("a").tell(failing, Behaviour::Fails("not now"));
        let session = stage.accepted(turns(), "1").await;
        let (operation, _) = failing.split_once(' ').expect("an operation and a line");
        let before = undone(&AT_A).iter().position(|what| what == failing).expect("it is one of them");
        let earlier = undone(&AT_A)[..before].iter().filter(|what| what.starts_with(operation)).count() as u64;
        until("the failure", || (stage.clerk("a").calls(operation) > earlier).then_some(())).await;
        until("those before it", || (stage.pages("a").history.len() == AT_A.len() + before).then_some(())).await;
        // The others are away: what goes on, goes on from a's own record and without a message.
        ["a", "b", "c"].iter().for_each(|name| stage.down(name));
        drop(session);
        stage.clerk("a").tell(failing, Behaviour::Works);
        stage.up("a").await;
        let all: Vec<String> = AT_A.iter().map(|what| (*what).to_owned()).chain(undone(&AT_A)).collect();
        until(("all undone, the crash before", after), || (stage.pages("a").history.len() >= all.len()).then_some(()))
            .await;
        assert_eq!(stage.pages("a").history, all, "each once, in order; the crash before {after}");
        stage.up("b").await;
        stage.up("c").await;
        assert_eq!(refused(stage.start(turns(), "1").settled()).await, "no more");
        stage.settle().await;
        assert_eq!(stage.pages("a").history, all, "and not again");
        assert_eq!(stage.pages("b").entries, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_3_a_compensation_that_fails_or_panics_is_not_acknowledged_as_done() {
    for trouble in [Behaviour::Fails("the disk is slow"), Behaviour::Panics] {
        let mut stage = Stage::with(&["a", "b", "c"]).await;
        stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
        stage.clerk("b").tell("strike", trouble.clone());
        let session = stage.accepted(chain(), "1").await;
        let settled = tokio::spawn(session.settled());
        for restart in [false, true] {
            if restart {
                stage.restart(&["b"]).await;
            }
            let before = stage.clerk("b").calls("strike");
            until("some tries", || (stage.clerk("b").calls("strike") > before + 10).then_some(())).await;
            assert_eq!(stage.tap.sent(|from, _, kind| from == "b" && kind == Kind::Compensated), 0, "{trouble:?}");
            assert_eq!(stage.states("b"), ["aborting"]);
            assert_eq!(stage.pages("b").history, ["enter tea"], "what a failed try wrote is not kept");
        }
        assert!(!settled.is_finished());
        stage.clerk("b").tell("strike", Behaviour::Works);
        assert_eq!(refused(async { settled.await.expect("no panic") }).await, "no more", "the reason is the first one");
        stage.settle().await;
        assert!(stage.tap.sent(|from, _, kind| from == "b" && kind == Kind::Compensated) > 0);
        assert_eq!(stage.pages("b").history, ["enter tea", "strike tea"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_4_an_abort_before_the_first_message_is_remembered() {
    for restarted in [false, true] {
        let mut stage = Stage::with(&["a", "b", "c"]).await;
        stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
        stage.tap.hold(|from, to, kind| (from, to, kind) == ("a", "b", Kind::Message));
        let session = stage.accepted(fork(), "1").await;
        // B hears of the session by its abort, and has nothing to undo.
        assert_eq!(refused(session.settled()).await, "no more");
        assert_eq!(stage.tap.held(), 1);
        if restarted {
            stage.restart(&["b"]).await;
        }
        stage.tap.release();
        stage.settle().await;
        // A session that comes later by the same way shows that the late message has been dealt with.
        stage.clerk("c").tell("enter", Behaviour::Works);
        within("another", stage.start(fork(), "2").settled()).await.expect("it commits");
        stage.settle().await;
        assert_eq!(stage.clerk("b").calls("enter"), 1, "restarted: {restarted}");
        assert_eq!(stage.states("b"), ["finished", "finished"]);
        assert_eq!(stage.pages("b").history, ["enter tea"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_5_a_transaction_does_not_commit_when_its_session_has_been_aborted_meanwhile() {
    // It waits for its next try when the abort comes.
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Waits);
    stage.clerk("b").tell("enter", Behaviour::Fails("not yet"));
    let session = stage.accepted(fork(), "1").await;
    until("some tries", || (stage.clerk("b").calls("enter") > 3).then_some(())).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    assert_eq!(refused(session.settled()).await, "no more");
    stage.clerk("b").tell("enter", Behaviour::Works);
    stage.settle().await;
    assert_eq!(stage.pages("b").history, Vec::<String>::new());

    // It is queued in the store, behind a transaction of another session, when the abort comes.
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("b").tell("enter first", Behaviour::Waits);
    stage.clerk("c").tell("enter tea", Behaviour::Refuses("no more"));
    let first = stage.accepted(Chain { line: "first".to_owned() }, "1").await;
    until("the first", || (stage.clerk("b").calls("enter") == 1).then_some(())).await;
    stage.tap.hold(|from, to, kind| (from, to, kind) == ("c", "b", Kind::Aborted));
    let session = stage.accepted(fork(), "2").await;
    until("the abort", || (stage.tap.held() == 1).then_some(())).await;
    stage.tap.release();
    stage.clerk("b").tell("enter first", Behaviour::Works);
    assert_eq!(refused(session.settled()).await, "no more");
    assert_eq!(within("the first", first.settled()).await.expect("it commits"), 1);
    stage.settle().await;
    assert_eq!(stage.pages("b").history, ["enter first"]);

    // It runs when the abort comes: it commits, and is undone.
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("b").tell("enter", Behaviour::Waits);
    stage.clerk("c").tell("enter", Behaviour::Waits);
    let session = stage.accepted(fork(), "1").await;
    until("the transaction", || (stage.clerk("b").calls("enter") == 1).then_some(())).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    let vote = |_: &str, to: &str, kind: Kind| to == "b" && kind == Kind::Aborted;
    until("the abort", || (stage.tap.sent(vote) == 1).then_some(())).await;
    stage.clerk("b").tell("enter", Behaviour::Works);
    assert_eq!(refused(session.settled()).await, "no more");
    assert_eq!(stage.pages("b").entries, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_6_one_operation_with_one_argument_at_several_places_runs_at_each() {
    for restarted in [false, true] {
        let mut stage = Stage::with(&["a", "b"]).await;
        if restarted {
            stage.tap.hold(|from, to, kind| (from, to, kind) == ("b", "a", Kind::Message));
        }
        let mut session = stage.accepted(Again { line: LINE.to_owned() }, "1").await;
        if restarted {
            // A has done two of its three, and replays them.
            until("b's answer", || (stage.tap.held() == 1).then_some(())).await;
            stage.tap.lose_held();
            stage.restart(&["a", "b"]).await;
            session = stage.accepted(Again { line: LINE.to_owned() }, "1").await;
        }
        assert_eq!(within("the result", session.settled()).await.expect("it commits"), 3);
        assert_eq!(stage.pages("a").history, ["enter tea"; 3], "restarted: {restarted}");
        assert_eq!(stage.pages("b").history, ["enter tea"; 2], "restarted: {restarted}");
    }
}

/// Everything that `d` and a stranger hear, or could have heard.
fn check_nobody_else_hears(stage: &Stage) {
    let others = ["d", "stranger"];
    assert_eq!(stage.tap.sent(|from, to, _| others.contains(&to) || others.contains(&from)), 0);
    for name in others {
        assert_eq!(stage.node(name).counts().frames_received, 0, "{name}");
        assert_eq!(stage.states(name), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_7_messages_survive_a_restart_of_their_sender_and_reach_participants_only() {
    let mut stage = Stage::with(&["a", "d", "stranger"]).await;
    drop(stage.accepted(chain(), "1").await);
    // Nobody was there to hear it; and who said it is gone.
    stage.restart(&["a"]).await;
    stage.up("b").await;
    until("b's transaction", || (stage.pages("b").history == ["enter tea"]).then_some(())).await;
    // The same for a message in the middle, with its first sender away.
    stage.down("a");
    stage.restart(&["b"]).await;
    stage.up("c").await;
    // B has its own message again only by running again, for which it needs a's.
    stage.up("a").await;
    assert_eq!(within("the result", stage.start(chain(), "1").settled()).await.expect("it commits"), 1);
    stage.settle().await;
    for name in ["a", "b", "c"] {
        assert_eq!(stage.pages(name).history, ["enter tea"], "{name}");
    }
    check_nobody_else_hears(&stage);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_7_notices_of_an_abort_survive_a_restart_of_their_sender_and_reach_participants_only() {
    // Who sent the notices comes back last, and finds the others there; or first, and finds nobody.
    for order in [["a", "b", "c"], ["c", "a", "b"]] {
        let mut stage = Stage::with(&["a", "b", "c", "d", "stranger"]).await;
        stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
        stage.tap.hold(|from, _, kind| from == "c" && kind == Kind::Aborted);
        drop(stage.accepted(chain(), "1").await);
        until("the notices", || (stage.tap.held() >= 2).then_some(())).await;
        // They are lost, and who sent them is gone; and those whom they were for.
        stage.tap.lose_held();
        stage.clerk("c").tell("enter", Behaviour::Works);
        stage.restart(&order).await;
        assert_eq!(refused(stage.start(chain(), "1").settled()).await, "no more", "what is refused stays refused");
        stage.settle().await;
        assert_eq!(stage.clerk("c").calls("enter"), 1);
        for name in ["a", "b"] {
            assert_eq!(stage.pages(name).history, ["enter tea", "strike tea"], "{name}");
        }
        check_nobody_else_hears(&stage);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_8_a_session_that_waits_long_holds_nothing_in_the_transport_and_completes() {
    const ROUNDS: usize = 12;
    let mut stage = Stage::with(&["a", "b"]).await;
    let mut told: Option<Handle<u64>> = Some(stage.accepted(chain(), "1").await);
    for round in 0..ROUNDS {
        let names: &[&str] = [&["a"][..], &["b"], &["a", "b"]][round % 3];
        stage.restart(names).await;
        told = Some(stage.accepted(chain(), "1").await).or(told.take());
        until("b's transaction", || (stage.pages("b").history == ["enter tea"]).then_some(())).await;
        for name in ["a", "b"] {
            let counts = stage.node(name).counts();
            assert_eq!(counts.sessions, 1, "{name}, round {round}");
        }
        assert_eq!(stage.states("a"), ["active"]);
        assert_eq!(stage.states("b"), ["voted"]);
    }
    let sent = stage.tap.sent(|_, _, _| true);
    assert!(sent < ROUNDS as u64 * 24, "a wait costs some frames for each restart, not {sent}");
    // Nothing that was said to c in vain is kept anywhere between the nodes: c hears only what is said from now on.
    let to_c = |_: &str, to: &str, _: Kind| to == "c";
    let in_vain = stage.tap.sent(to_c);
    assert!(in_vain > 0, "b has something for c");
    stage.up("c").await;
    let result = within("the result", told.expect("it was asked").settled()).await;
    assert_eq!(result.expect("it commits"), 1);
    stage.settle().await;
    assert!(stage.node("c").counts().frames_received <= stage.tap.sent(to_c) - in_vain);
    for name in ["a", "b", "c"] {
        assert_eq!(stage.pages(name).history, ["enter tea"], "{name}");
    }
}

/// A store that keeps nothing, for a hundred thousand sessions.
#[derive(Clone)]
struct Void {
    jobs: std::sync::mpsc::Sender<Job<Self>>,
}

struct VoidTx;

impl Writes for VoidTx {
    fn add(&mut self, _: &Book, _: &str, _: &str) -> Result<u64, accompanist::rusqlite::Error> {
        Ok(1)
    }

    fn take_back(&mut self, _: &Book, _: &str, _: &str) -> Result<(), accompanist::BoxError> {
        Ok(())
    }
}

impl Database for Void {
    type Tx = VoidTx;
}

impl Void {
    fn new() -> Self {
        let (jobs, queued) = std::sync::mpsc::channel::<Job<Self>>();
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            let _entered = runtime.enter();
            for job in queued {
                match job {
                    Job::Write { done, .. } => done(Ok(())),
                    Job::Transact(mut operation) => {
                        runtime.block_on(operation.run(&mut VoidTx));
                        operation.record();
                        operation.done(Ok(()));
                    }
                }
            }
        });
        Self { jobs }
    }
}

impl Store for Void {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        Ok(Vec::new())
    }

    async fn find(&self, _: SessionKey) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    async fn find_client(&self, _: &str, _: &str) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    fn submit(&self, job: Job<Self>) {
        self.jobs.send(job).expect("the thread runs");
    }

    async fn forget(&self, _: Duration) -> Result<u64, StoreError> {
        Ok(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_9_a_hundred_thousand_sessions_have_as_many_wide_ids() {
    const SESSIONS: usize = 100_000;
    let builder = Node::builder("a", Void::new()).role(alone::A::new(Clerk::default()));
    let node = builder.start().await.expect("the node starts");
    let mut ids = BTreeSet::new();
    for _ in 0..SESSIONS {
        // All alike but for the nonce, down to the client's id: nothing else can tell them apart.
        let start = node.start(Alone { line: String::new() }).id("1");
        let session = start.accepted().await.expect("it is accepted");
        ids.insert(session.session());
        session.settled().await.expect("it commits");
        while node.counts().sessions > 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(ids.len(), SESSIONS);
    let first = ids.first().expect("there are some").to_string();
    assert_eq!(first.len() * 4, 256, "bits of {first}");
    // Each half of each id is as good as random: none comes twice either.
    let low: BTreeSet<_> = ids.iter().map(|id| id.to_string().split_off(48)).collect();
    assert_eq!(low.len(), SESSIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_9_an_operation_without_effect_on_the_database_is_recorded_and_not_run_again() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let looked = || Looked { line: LINE.to_owned() };
    stage.clerk("b").tell("enter", Behaviour::Fails("not yet"));
    let session = stage.accepted(looked(), "1").await;
    until("b's transaction", || (stage.clerk("b").calls("enter") > 0).then_some(())).await;
    drop(session);
    for names in [&["a"][..], &["b"], &["a", "b"]] {
        stage.restart(names).await;
        let before = stage.clerk("b").calls("enter");
        until("b's transaction", || (stage.clerk("b").calls("enter") > before).then_some(())).await;
    }
    stage.clerk("b").tell("enter", Behaviour::Works);
    let (seen, heard) = within("the result", stage.start(looked(), "1").settled()).await.expect("it commits");
    assert_eq!((seen, heard), (1, 1), "what b heard is what a saw");
    assert_eq!(stage.clerk("a").calls("look"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_9_an_operation_that_a_crash_cut_off_is_run_again_with_the_same_key() {
    let mut stage = Stage::with(&["a", "b"]).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    for id in ["1", "2"] {
        drop(stage.accepted(Looked { line: LINE.to_owned() }, id).await);
    }
    until("two calls", || (stage.clerk("a").keys().len() == 2).then_some(())).await;
    stage.restart(&["a"]).await;
    until("two more", || (stage.clerk("a").keys().len() == 4).then_some(())).await;
    let keys: BTreeSet<_> = stage.clerk("a").keys().into_iter().collect();
    assert_eq!(keys.len(), 2, "a key for each session, the same at each try");
    stage.clerk("a").tell("look", Behaviour::Works);
    for id in ["1", "2"] {
        let looked = Looked { line: LINE.to_owned() };
        within("the result", stage.start(looked, id).settled()).await.expect("it commits");
    }
}
