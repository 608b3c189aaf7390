//! Ending a node gracefully: nothing new begins, what is in flight gets its time, and what is left goes on later.

use std::time::Duration;

use accompanist::Limits;
use accompanist_tests::clerk::Behaviour;
use accompanist_tests::generated::trials::{Chain, Looked};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{WAIT_MAX, until, within};

fn chain(line: &str) -> Chain {
    Chain { line: line.to_owned() }
}

fn looked(line: &str) -> Looked {
    Looked { line: line.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_drains_lets_nothing_in_and_sessions_in_flight_end() {
    let limits = Limits { sessions_started_max: 2, ..Limits::default() };
    let stage = Stage::casting(&["a", "b"], move |_, builder, _| builder.limits(limits)).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    let sessions = [stage.accepted(looked("tea"), "1").await, stage.accepted(looked("tea"), "2").await];
    let waiting = tokio::spawn(stage.start(looked("tea"), "3").accepted());
    until("one that waits", || (stage.node("a").counts().starts_waiting == 1).then_some(())).await;
    let node = stage.node("a").clone();
    let drained = tokio::spawn(async move { node.drain(WAIT_MAX).await });
    let error = within("one that waits", waiting).await.expect("no panic").expect_err("it is not let in any more");
    assert!(error.is_draining() && error.is_not_accepted(), "{error}");
    let error = within("a start", stage.start(looked("tea"), "4").accepted()).await.expect_err("it is not let in");
    assert!(error.is_draining(), "{error}");
    // Who asks for a session that there is gets it.
    let again = stage.accepted(looked("tea"), "1").await;
    assert!(!drained.is_finished());
    stage.clerk("a").tell("look", Behaviour::Works);
    for session in sessions.into_iter().chain([again]) {
        within("the end", session.settled()).await.expect("a result");
    }
    let left = within("the end of draining", drained).await.expect("no panic").expect("the store works");
    assert_eq!(left, []);
    assert_eq!(stage.states("a"), ["finished", "finished"], "what was put off is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_told_and_goes_on_when_the_node_is_started_again() {
    let mut stage = Stage::with(&["a", "c"]).await;
    let session = stage.accepted(chain("tea"), "1").await.session();
    let left = within("draining", stage.node("a").drain(Duration::from_millis(50))).await.expect("the store works");
    let left: Vec<_> =
        left.iter().map(|it| (it.session, it.choreography.as_str(), it.client_id.as_str(), it.role.as_str())).collect();
    assert_eq!(left, [(session, "Chain", "1", "A")]);
    stage.restart(&["a"]).await;
    stage.up("b").await;
    let again = stage.accepted(chain("tea"), "1").await;
    assert_eq!(again.session(), session);
    assert_eq!(within("the end", again.settled()).await.expect("a result"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_others_begin_wait_for_a_node_that_drains_to_be_started_again() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    let left = within("draining", stage.node("b").drain(Duration::from_secs(1))).await.expect("the store works");
    assert_eq!(left, []);
    let session = stage.accepted(chain("tea"), "1").await;
    until("what would begin it", || (stage.node("b").counts().frames_dropped > 0).then_some(())).await;
    assert_eq!((stage.states("b"), stage.node("b").counts().sessions), (Vec::new(), 0));
    stage.restart(&["b"]).await;
    assert_eq!(within("the end", session.settled()).await.expect("a result"), 1);
}
