//! Operations that fail, hang, and take their time: how often they are tried, with which key, what is given up, and what it costs to wait.

use std::time::Duration;

use accompanist::store::Memory;
use accompanist::{Node, Retry};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Alone, Apart, Chain, Looked, alone};
use accompanist_tests::stage::{RETRY, Stage};
use accompanist_tests::wait::{until, within};

fn chain(line: &str) -> Chain {
    Chain { line: line.to_owned() }
}

fn looked(line: &str) -> Looked {
    Looked { line: line.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_tried_as_often_as_its_own_rule_says() {
    let stage = Stage::casting(&["a", "b", "c"], |_, builder, _| {
        builder.retry("Ledger.enter", RETRY.attempts(3)).retry_compensations(RETRY)
    });
    let stage = stage.await;
    stage.clerk("b").tell("enter", Behaviour::Fails("busy"));
    stage.clerk("a").tell("strike", Behaviour::Fails("busy, too"));
    let session = stage.accepted(chain("tea"), "1").await;
    // More often than an operation is tried, and it is not over.
    until("tries of the compensation", || (stage.clerk("a").calls("strike") > 6).then_some(())).await;
    assert_eq!(stage.clerk("b").calls("enter"), 3);
    assert!(stage.node("a").counts().compensations_failed > 5);
    assert_eq!(stage.states("a"), ["aborting"]);
    stage.clerk("a").tell("strike", Behaviour::Works);
    let error = within("the end", session.settled()).await.expect_err("it was given up");
    assert_eq!(error.reason(), Some("Ledger.enter failed 3 times, at last with: busy"));
    assert_eq!(stage.pages("a").history, ["enter tea", "strike tea"]);
    assert_eq!(stage.node("b").counts().operations_failed, 3, "the last failure counts as well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_given_up_and_tried_again_with_the_same_key() {
    let stage = Stage::casting(&["a", "b"], |_, builder, _| {
        builder.retry("Ledger.look", RETRY.time_limit(Duration::from_millis(30)))
    });
    let stage = stage.await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    let session = stage.accepted(looked("tea"), "1").await;
    until("the third try", || (stage.clerk("a").calls("look") >= 3).then_some(())).await;
    assert!(stage.clerk("a").under_way() <= 1, "what hangs is dropped before it is tried again");
    stage.clerk("a").tell("look", Behaviour::Works);
    within("the end", session.settled()).await.expect("a result");
    let keys = stage.clerk("a").keys();
    assert!(keys.len() >= 3 && keys.iter().all(|key| Some(key) == keys.first()), "{keys:?}");
    until("the last try", || (stage.clerk("a").under_way() == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_without_a_limit_is_dropped_when_its_session_is_aborted_or_its_node_ends() {
    let mut stage = Stage::with(&["a", "b"]).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    let session = stage.accepted(Apart { line: "tea".to_owned() }, "1").await;
    until("the call", || (stage.clerk("a").under_way() == 1).then_some(())).await;
    stage.clerk("b").tell("enter coffee", Behaviour::Refuses("no coffee"));
    let refused = stage.accepted(Apart { line: "coffee".to_owned() }, "2").await;
    let error = within("the refusal", refused.settled()).await.expect_err("it is refused");
    assert_eq!(error.reason(), Some("no coffee"));
    until("the end of its call", || (stage.clerk("a").under_way() == 1).then_some(())).await;
    stage.down("a");
    until("the end of the other", || (stage.clerk("a").under_way() == 0).then_some(())).await;
    drop(session);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_takes_days_survives_restarts_and_costs_nothing_meanwhile() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    let ids: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    for id in &ids {
        stage.accepted(looked(id), id).await;
    }
    for restarts in 1..=3 {
        stage.restart(&["a"]).await;
        let under_way = || stage.clerk("a").calls("look") == 50 * (restarts + 1) && stage.clerk("a").under_way() == 50;
        until(("all calls after restart", restarts), || under_way().then_some(())).await;
    }
    // Others go on beside them, and waiting writes nothing.
    assert_eq!(within("another", stage.start(chain("tea"), "tea").settled()).await.expect("a result"), 1);
    until("its end", || (stage.node("a").counts().sessions == 50).then_some(())).await;
    let commits = stage.node("a").store().commits();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(stage.node("a").store().commits(), commits);
    let keys = stage.clerk("a").keys();
    let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!((keys.len(), distinct.len()), (200, 50), "each of the four tries of a call has its key");
    stage.clerk("a").tell("look", Behaviour::Works);
    for id in &ids {
        let again = within(("the end of", id), stage.start(looked(id), id).settled()).await;
        assert!(again.is_ok(), "{again:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_for_an_operation_that_no_role_has_is_an_error_at_the_start() {
    let start = |name: &str| {
        Node::builder("a", Memory::new()).role(alone::A::new(Clerk::default())).retry(name, Retry::new()).start()
    };
    let error = start("Ledger.entre").await.expect_err("there is no such operation");
    assert!(error.is_configuration(), "{error}");
    let expected = "`retry(\"Ledger.entre\", …)`: no role of this node has such an operation; is it `Ledger.enter`?";
    assert_eq!(error.to_string(), expected);
    let node = start("Ledger.strike").await.expect("it is a compensation");
    let limited = Node::builder("a", Memory::new())
        .role(alone::A::new(Clerk::default()))
        .retry("Ledger.enter", Retry::new().time_limit(Duration::from_secs(1)));
    assert!(limited.start().await.expect_err("it is a transaction").to_string().contains("declared `fn`"));
    let result = within("the end", node.start(Alone { line: "tea".to_owned() }).settled()).await;
    assert_eq!(result.expect("a result"), 1);
}
