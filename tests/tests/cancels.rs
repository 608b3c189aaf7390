//! Sessions that are ended by request, or by their deadline: who started one is told what came of it, and nothing of it stands.

use std::time::Duration;

use accompanist::Cancelled;
use accompanist_tests::generated::trials::Chain;
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

fn tea() -> Chain {
    Chain { line: "tea".to_owned() }
}

fn aborted(reason: &str) -> Cancelled {
    Cancelled::Aborted { reason: reason.to_owned() }
}

/// A session on the nodes `a` and `b` that waits for `c`, which is not there.
async fn under_way(stage: &Stage) {
    until("b has done its part", || (stage.pages("b").history == ["enter tea"]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_under_way_is_cancelled_by_its_handle_and_undone() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let handle = stage.accepted(tea(), "1").await;
    under_way(&stage).await;
    let node = stage.node("a").clone();
    let by_id = tokio::spawn(async move { node.cancel("Chain", "1", "me too").await });
    let cancelled = tokio::spawn(async move {
        let cancelled = handle.cancel("changed my mind").await;
        (cancelled, handle.settled().await)
    });
    stage.up("c").await;
    let (first, ending) = within("the cancel", cancelled).await.expect("no panic");
    let (first, second) = (first.expect("it is decided"), within("the other", by_id).await.expect("no panic"));
    assert_eq!(second.expect("it is decided"), first, "there is one reason");
    assert!(first == aborted("changed my mind") || first == aborted("me too"), "{first:?}");
    assert!(ending.expect_err("rolled back").is_aborted());
    stage.settle().await;
    for name in ["a", "b"] {
        assert_eq!(stage.pages(name).history, ["enter tea", "strike tea"], "{name}");
    }
    assert_eq!(stage.node("a").cancel("Chain", "1", "again").await.expect("an answer"), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_completed_is_not_cancelled_and_one_that_is_not_there_is_unknown() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    within("the session", stage.start(tea(), "1").settled()).await.expect("a result");
    for restarted in [false, true] {
        if restarted {
            stage.restart(&["a"]).await;
        }
        let node = stage.node("a");
        assert_eq!(node.cancel("Chain", "1", "late").await.expect("an answer"), Cancelled::TooLate);
        assert_eq!(node.cancel("Chain", "2", "what?").await.expect("an answer"), Cancelled::Unknown);
        assert_eq!(node.cancel("Choir", "1", "what?").await.expect("an answer"), Cancelled::Unknown);
    }
    assert_eq!(stage.pages("c").history, ["enter tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_outlives_its_node() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let start = stage.start(tea(), "1").within(Duration::from_millis(1_500));
    within("the start", start.accepted()).await.expect("it is accepted");
    under_way(&stage).await;
    stage.restart(&["a"]).await;
    let again = stage.accepted(tea(), "1").await;
    let error = within("the deadline", again.decided()).await.expect_err("without c it cannot be decided otherwise");
    assert_eq!(error.reason(), Some("not decided within 1500 ms"));
    stage.up("c").await;
    stage.settle().await;
    for name in ["a", "b"] {
        assert_eq!(stage.pages(name).history, ["enter tea", "strike tea"], "{name}");
    }
}
