//! A role that has no part on the path that was taken is not waited for.

use accompanist::Cancelled;
use accompanist_tests::generated::trials::{Errand, Relay};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

/// The couriers.
const COURIERS: [&str; 2] = ["b", "c"];

fn errand(chosen: u64) -> Errand {
    Errand { line: "food".to_owned(), chosen }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_was_not_chosen_may_never_have_been_there() {
    let mut stage = Stage::with(&["a", "b"]).await;
    for (id, chosen) in [("1", 0), ("2", 9)] {
        let start = stage.start(errand(chosen), id).members("Courier", COURIERS);
        within("the session", start.settled()).await.expect("it commits without c");
    }
    until("b is settled", || (stage.pages("b").history == ["enter food"]).then_some(())).await;
    assert!(stage.node("a").counts().sessions > 0, "a keeps what c has not heard of");
    stage.restart(&["a"]).await;
    stage.up("c").await;
    stage.settle().await;
    assert!(stage.pages("c").history.is_empty(), "c has done nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_another_role_has_not_chosen_may_never_have_been_there() {
    let mut stage = Stage::with(&["a", "b"]).await;
    for (id, chosen) in [("1", 0), ("2", 9)] {
        let relay = Relay { line: "food".to_owned(), chosen };
        let start = stage.start(relay, id).members("Courier", COURIERS);
        within("the session", start.settled()).await.expect("it commits without c");
    }
    until("b is settled", || (stage.pages("b").history == ["enter food"; 3]).then_some(())).await;
    stage.restart(&["a", "b"]).await;
    stage.up("c").await;
    stage.settle().await;
    assert!(stage.pages("c").history.is_empty(), "c has done nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_another_role_has_chosen_is_waited_for() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let relay = Relay { line: "food".to_owned(), chosen: 1 };
    let start = stage.start(relay, "1").members("Courier", COURIERS);
    let session = within("the start", start.accepted()).await.expect("it is accepted");
    until("b has done its part", || (stage.pages("b").history == ["enter food"]).then_some(())).await;
    stage.restart(&["b"]).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(stage.pages("b").history, ["enter food"], "it is neither rolled back nor at its end");
    stage.up("c").await;
    within("the session", session.settled()).await.expect("it commits");
    stage.settle().await;
    assert_eq!(stage.pages("c").history, ["enter food"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_courier_that_was_chosen_is_waited_for() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let start = stage.start(errand(1), "1").members("Courier", COURIERS);
    let session = within("the start", start.accepted()).await.expect("it is accepted");
    let written = || (stage.pages("a").history == ["enter food"]).then_some(());
    until("a has done its part", written).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(stage.pages("a").history, ["enter food"], "it is neither rolled back nor at its end");
    stage.up("c").await;
    within("the session", session.settled()).await.expect("it commits");
    stage.settle().await;
    assert_eq!(stage.pages("c").history, ["enter food"]);
}

/// What was rolled back is told to everyone, and kept until everyone has answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_without_its_chosen_courier_can_be_cancelled() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let start = stage.start(errand(1), "1").members("Courier", COURIERS);
    let session = within("the start", start.accepted()).await.expect("it is accepted");
    let cancelled = tokio::spawn(async move { session.cancel("nobody brings it").await });
    let cancelled = within("the cancel", cancelled).await.expect("no panic").expect("it is decided");
    assert_eq!(cancelled, Cancelled::Aborted { reason: "nobody brings it".to_owned() });
    stage.up("c").await;
    stage.settle().await;
    assert!(stage.pages("c").history.is_empty(), "c has done nothing");
    assert_eq!(stage.pages("a").history.len() % 2, 0, "what a did is undone");
}
