//! What a role does again when it runs again, and what a rollback does and leaves: with generated code, over SQLite, with restarts. No frame
//! comes again by the clock (`stage::TIMING`).
#![allow(clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::time::Duration;

use accompanist::{Cancelled, Error};
use accompanist_tests::clerk::Behaviour;
use accompanist_tests::generated::trials::{Chain, Looked, Recalled, Rounds, Stamped, Turns};
use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

const LINE: &str = "tea";

fn line() -> String {
    LINE.to_owned()
}

async fn refused<T: std::fmt::Debug>(settled: impl Future<Output = Result<T, Error>>) -> String {
    let error = within("the end of the session", settled).await.expect_err("the session was refused");
    error.reason().expect("it was aborted").to_owned()
}

/// The messages that a node has sent, with their bytes.
fn messages(stage: &Stage, from: &str) -> Vec<String> {
    let said = |line: &&str| line.starts_with(&format!("{from} -> ")) && line.contains(": Message");
    stage.tap.trace().lines().filter(said).map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_sends_the_same_bytes() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    // C never hears of anything until all have run twice.
    stage.tap.hold(|_, to, kind| to == "c" && kind == Kind::Message);
    let session = stage.accepted(Turns { line: line() }, "1").await;
    until("the messages to c", || (stage.tap.held() >= 2).then_some(())).await;
    let first: Vec<Vec<String>> = ["a", "b"].map(|from| messages(&stage, from)).into();
    drop(session);
    stage.restart(&["a", "b"]).await;
    for (from, first) in ["a", "b"].into_iter().zip(first) {
        let again = || messages(&stage, from).split_off(first.len());
        let distinct: BTreeSet<String> = first.iter().cloned().collect();
        let sent = || (again().into_iter().collect::<BTreeSet<String>>().len() >= distinct.len()).then_some(());
        until(("the messages of", from, "again"), sent).await;
        assert_eq!(again().into_iter().collect::<BTreeSet<String>>(), distinct, "{from}");
    }
    stage.tap.release();
    within("the end", stage.start(Turns { line: line() }, "1").settled()).await.expect("a result");
    stage.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_that_are_large_nested_or_nothing_are_the_same_in_a_replay() {
    // 40,000 lines are about a megabyte as they are recorded.
    for (id, lines) in [("none", 0), ("one", 1), ("many", 40_000)] {
        let mut stage = Stage::with(&["a", "c"]).await;
        stage.tap.hold(|from, to, kind| (from, to, kind) == ("c", "a", Kind::Message));
        let session = stage.accepted(Recalled { lines }, id).await;
        until("c's answer", || (stage.tap.held() > 0).then_some(())).await;
        drop(session);
        stage.tap.lose_held();
        let calls =
            |stage: &Stage| [("a", "recall"), ("a", "ring"), ("c", "ring")].map(|(n, o)| stage.clerk(n).calls(o));
        assert_eq!(calls(&stage), [1, 1, 1]);
        stage.restart(&["a", "c"]).await;
        let (all, there) = within("the end", stage.start(Recalled { lines }, id).settled()).await.expect("a result");
        assert_eq!((all.len() as u64, there as u64), (lines, lines));
        assert!(all.iter().all(|(text, _)| text.starts_with("1: ")), "it is that of the first call");
        let numbers = |at: usize| all[at].1.clone();
        assert!(lines < 40_000 || (numbers(39_998), numbers(1)) == (Some(vec![u64::MAX, 39_998]), None));
        assert_eq!(calls(&stage), [1, 1, 1], "none is called again");
        stage.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_and_arms_are_undone_in_reverse_of_the_order_they_committed_in() {
    for restarted in [false, true] {
        let mut stage = Stage::with(&["a", "c"]).await;
        stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
        stage.tap.hold(move |from, _, kind| restarted && from == "c" && kind == Kind::Aborted);
        let session = stage.accepted(Rounds { line: line() }, "1").await;
        let ending = if restarted {
            until("the refusal", || (stage.tap.held() > 0).then_some(())).await;
            stage.tap.lose_held();
            drop(session);
            stage.restart(&["a"]).await;
            refused(stage.start(Rounds { line: line() }, "1").settled()).await
        } else {
            refused(session.settled()).await
        };
        assert_eq!(ending, "no more");
        let history = stage.pages("a").history;
        let (done, undone) = history.split_at(history.len() / 2);
        assert_eq!(done[..3], ["enter round 1", "enter round 2", "enter round 3"]);
        let arms: BTreeSet<&str> = done[3..].iter().map(String::as_str).collect();
        assert_eq!(arms, ["enter left", "enter right", "note left", "note right"].into());
        let reversed: Vec<String> =
            done.iter().rev().map(|what| what.replace("enter", "strike").replace("note", "erase")).collect();
        assert_eq!(undone, reversed);
        assert_eq!(stage.pages("a").entries, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_undone_stays_and_all_else_is_undone() {
    let stage = Stage::with(&["a", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    assert_eq!(refused(stage.start(Stamped { line: line() }, "1").settled()).await, "no more");
    stage.settle().await;
    assert_eq!(stage.pages("a").history, ["enter tea", "stamp tea", "note tea", "erase tea", "strike tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_nothing_to_undo_is_rolled_back_all_the_same() {
    let mut stage = Stage::with(&["a"]).await;
    stage.clerk("a").tell("look", Behaviour::Refuses("nothing there"));
    let session = stage.accepted(Looked { line: line() }, "1").await;
    until("the refusal", || (stage.states("a") == ["aborting"]).then_some(())).await;
    stage.up("b").await;
    assert_eq!(refused(session.settled()).await, "nothing there");
    stage.settle().await;
    for name in ["a", "b"] {
        assert_eq!(stage.pages(name).history, Vec::<String>::new(), "{name}");
    }
    assert_eq!(refused(stage.start(Looked { line: line() }, "1").settled()).await, "nothing there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_while_it_rolls_back_changes_nothing() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("not now"));
    let session = stage.accepted(Chain { line: line() }, "1").await;
    until("the rollback", || (stage.clerk("b").calls("strike") > 0).then_some(())).await;
    let cancelled = within("the cancel", stage.node("a").cancel("Chain", "1", "never mind")).await;
    assert_eq!(cancelled.expect("an answer"), Cancelled::Aborted { reason: "no more".to_owned() });
    stage.clerk("b").tell("strike", Behaviour::Works);
    assert_eq!(refused(session.settled()).await, "no more");
    stage.settle().await;
    for name in ["a", "b"] {
        assert_eq!(stage.pages(name).history, ["enter tea", "strike tea"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_waits_for_a_dead_role_and_keeps_its_reason() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Waits);
    let session = stage.accepted(Chain { line: line() }, "1").await;
    until("c's transaction", || (stage.clerk("c").calls("enter") > 0).then_some(())).await;
    stage.down("b");
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    until("a is told", || (stage.states("a") == ["aborting"]).then_some(())).await;
    let settled = tokio::spawn(session.settled());
    until("a's part is undone", || (stage.pages("a").history.len() == 2).then_some(())).await;
    assert!(!settled.is_finished(), "b has not undone its part");
    stage.restart(&["a", "c"]).await;
    assert!(within("the old node", settled).await.expect("no panic").is_err(), "its node has ended");
    let again = tokio::spawn(stage.start(Chain { line: line() }, "1").settled());
    until("c waits for b", || (stage.states("c") == ["aborting"]).then_some(())).await;
    assert!(!again.is_finished());
    stage.up("b").await;
    assert_eq!(refused(async { again.await.expect("no panic") }).await, "no more");
    stage.settle().await;
    assert_eq!(stage.pages("b").history, ["enter tea", "strike tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_over_everywhere_is_forgotten() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    let chain = || Chain { line: line() };
    within("the first", stage.start(chain(), "done").settled()).await.expect("a result");
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    assert_eq!(refused(stage.start(chain(), "undone").settled()).await, "no more");
    stage.settle().await;
    stage.down("c");
    stage.accepted(chain(), "waits").await;
    until("b's part", || (stage.pages("b").history.last().is_some_and(|what| what == "enter tea")).then_some(())).await;
    let forgotten = stage.node("a").forget(Duration::ZERO).await.expect("the store works");
    assert_eq!((forgotten, stage.states("a").len()), (2, 1), "those that are over; the one under way stays");
    stage.clerk("c").tell("enter", Behaviour::Works);
    stage.up("c").await;
    within("the last", stage.start(chain(), "waits").settled()).await.expect("a result");
    stage.settle().await;
    assert_eq!(stage.node("a").forget(Duration::ZERO).await.expect("the store works"), 1);
    assert_eq!(stage.states("a"), Vec::<String>::new());
}
