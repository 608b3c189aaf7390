//! A transaction that nothing undoes and that its role does last runs when every other role has
//! voted, and its commit decides the session.
#![allow(clippy::panic, reason = "a test stops at what it does not expect")]

use accompanist::Cancelled;
use accompanist_tests::clerk::Behaviour;
use accompanist_tests::generated::trials::Delivery;
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

fn delivery() -> Delivery {
    Delivery { line: "food".to_owned() }
}

/// B has nothing left to do but to give the food away.
async fn at_the_pivot(stage: &Stage) {
    until("b comes to its pivot", || (stage.pages("b").history == ["enter food"]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_is_down_no_longer_gives_food_away() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let session = stage.accepted(delivery(), "1").await;
    at_the_pivot(&stage).await;
    let cancelled = tokio::spawn(async move {
        let cancelled = session.cancel("nobody brings it").await;
        (cancelled, session.settled().await)
    });
    stage.up("c").await;
    let (cancelled, ended) = within("the cancel", cancelled).await.expect("no panic");
    let aborted = Cancelled::Aborted { reason: "nobody brings it".to_owned() };
    assert_eq!(cancelled.expect("it is decided"), aborted);
    assert!(ended.expect_err("rolled back").is_aborted());
    stage.settle().await;
    assert_eq!(stage.pages("b").history, ["enter food", "strike food"], "nothing was given away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pivot_runs_once_all_others_have_voted_though_its_role_and_the_initiator_restart() {
    let mut stage = Stage::with(&["a", "b"]).await;
    stage.accepted(delivery(), "1").await;
    at_the_pivot(&stage).await;
    for names in [&["b"][..], &["a"], &["a", "b"]] {
        stage.restart(names).await;
        assert_eq!(stage.pages("b").history, ["enter food"], "c has not voted");
    }
    stage.up("c").await;
    let session = stage.accepted(delivery(), "1").await;
    within("the session", session.settled()).await.expect("it commits");
    stage.settle().await;
    assert_eq!(stage.pages("b").history, ["enter food", "stamp food"]);
    assert_eq!(stage.pages("c").history, ["enter food"]);
    let late = stage.node("a").cancel("Delivery", "1", "too late").await;
    assert_eq!(late.expect("an answer"), Cancelled::TooLate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pivot_that_refuses_or_that_another_role_prevents_leaves_nothing() {
    for (name, operation) in [("b", "stamp"), ("c", "enter")] {
        let stage = Stage::with(&["a", "b", "c"]).await;
        stage.clerk(name).tell(operation, Behaviour::Refuses("eaten"));
        let ended = within("the session", stage.start(delivery(), "1").settled()).await;
        assert_eq!(ended.expect_err("rolled back").reason(), Some("eaten"));
        stage.settle().await;
        assert_eq!(stage.pages("a").history, ["enter food", "strike food"]);
        assert_eq!(stage.pages("b").history.len() % 2, 0, "nothing was given away");
        assert!(!stage.pages("b").history.contains(&"stamp food".to_owned()), "nothing was given away");
    }
}
