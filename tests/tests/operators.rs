//! Operators of running nodes: what they see, and what they can do, over a real socket.
#![cfg(unix)]
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use accompanist::store::Memory;
use accompanist::{Node, rusqlite};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Alone, Chain, alone};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};
use serde_json::{Value, json};

fn chain() -> Chain {
    Chain { line: "tea".to_owned() }
}

/// The socket of a node of a stage.
fn socket(stage: &Stage, name: &str) -> PathBuf {
    PathBuf::from(format!("{}.sock", stage.path(name).display()))
}

/// The answers to some lines, one after the other on one connection.
async fn lines(socket: &Path, lines: &[String]) -> Vec<Value> {
    let (socket, lines) = (socket.to_owned(), lines.to_vec());
    let asked = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(socket).expect("the node listens");
        let mut answers = BufReader::new(stream.try_clone().expect("there are file handles"));
        let mut read = Vec::new();
        for line in lines {
            stream.write_all(format!("{line}\n").as_bytes()).expect("the node reads");
            let mut answer = String::new();
            answers.read_line(&mut answer).expect("the node answers");
            read.push(serde_json::from_str(&answer).expect("the answer is JSON"));
        }
        read
    });
    within("an answer", asked).await.expect("no panic")
}

/// The answer to one request.
async fn ask(socket: &Path, request: Value) -> Value {
    let mut request = request;
    request["version"] = json!(1);
    lines(socket, &[request.to_string()]).await.remove(0)
}

/// A session that C refused and that is stuck at B, where `strike` fails.
async fn stuck() -> (Stage, accompanist::Handle<u64>) {
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("the disk is slow"));
    let handle = stage.accepted(chain(), "1").await;
    until("a failing compensation", || (stage.node("b").counts().compensations_stuck == 1).then_some(())).await;
    (stage, handle)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_waits_says_for_whom() {
    let stage = Stage::with(&["a", "b"]).await;
    stage.accepted(chain(), "1").await;
    let listed = |name| {
        ask_until(socket(&stage, name), json!({ "request": "sessions" }), |answer| {
            !answer["answer"]["sessions"][0]["waits"].as_array().is_none_or(Vec::is_empty)
                && answer["answer"]["sessions"][0]["waits"][0]["for"] != "write"
                && answer["answer"]["sessions"][0]["waits"][0]["for"] != "transaction"
        })
    };
    let at_a = listed("a").await;
    assert_eq!((&at_a["version"], &at_a["node"], &at_a["answer"]["total"]), (&json!(1), &json!("a"), &json!(1)));
    let session = &at_a["answer"]["sessions"][0];
    assert_eq!(
        (&session["id"], &session["role"], &session["choreography"]),
        (&json!("1"), &json!("A"), &json!("Chain"))
    );
    assert_eq!(session["waits"][0]["for"], "message");
    assert_eq!((&session["waits"][0]["role"], &session["waits"][0]["node"]), (&json!("C"), &json!("c")));
    let at_b = listed("b").await;
    assert_eq!(
        (&at_b["answer"]["sessions"][0]["state"], &at_b["answer"]["sessions"][0]["role"]),
        (&json!("voted"), &json!("B"))
    );
    assert_eq!(at_b["answer"]["sessions"][0]["waits"][0]["for"], "vote");
    let inspected = ask(&socket(&stage, "b"), json!({ "request": "inspect", "session": "1" })).await;
    let part = &inspected["answer"]["parts"][0];
    assert_eq!(part["transactions"][0]["operation"], "Ledger.enter");
    assert_eq!(part["transactions"][0]["arguments"]["json"], json!(["tea"]));
    assert_eq!(part["nodes"], json!({ "A": "a", "B": "b", "C": "c" }));
    assert!(
        part["peers"].as_array().expect("a list").iter().any(|peer| peer["role"] == "C" && peer["kept_messages"] == 1),
        "{part}"
    );
}

/// Asks until the answer is as wanted.
async fn ask_until(socket: PathBuf, request: Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let deadline = tokio::time::Instant::now() + accompanist_tests::wait::WAIT_MAX;
    loop {
        let answer = ask(&socket, request.clone()).await;
        if wanted(&answer) {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "in vain: {answer}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compensation_that_is_stuck_is_settled_by_hand_and_stays_so() {
    let (mut stage, handle) = stuck().await;
    let at_b = socket(&stage, "b");
    let listed = ask(&at_b, json!({ "request": "sessions", "stuck": true })).await;
    let wait = &listed["answer"]["sessions"][0]["waits"][0];
    assert_eq!(
        (&wait["for"], &wait["operation"], &wait["reason"]),
        (&json!("compensation"), &json!("Ledger.enter"), &json!("the disk is slow"))
    );
    assert!(wait["attempts"].as_u64() > Some(0), "{wait}");
    assert_eq!(ask(&socket(&stage, "a"), json!({ "request": "sessions", "stuck": true })).await["answer"]["total"], 0);
    // It may be running just then.
    let request = json!({ "request": "settle", "session": "1", "reason": "by hand" });
    let settled = ask_until(at_b.clone(), request.clone(), |answer| answer["error"]["kind"] != "busy").await;
    assert_eq!(settled["answer"]["operation"], "Ledger.enter", "{settled}");
    let calls = stage.clerk("b").calls("strike");
    let error = within("the end", handle.settled()).await.expect_err("it is rolled back");
    assert_eq!(error.reason(), Some("no more"));
    stage.settle().await;
    stage.restart(&["b"]).await;
    stage.settle().await;
    assert_eq!(stage.clerk("b").calls("strike"), calls, "it is not tried again");
    assert_eq!(stage.pages("b").history, ["enter tea"], "what was undone by hand is the hand's matter");
    let again = ask(&at_b, request).await;
    assert_eq!(again["error"]["kind"], "unknown_session", "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_tried_again_when_told_to() {
    let timing = accompanist::Timing {
        retry_compensations: accompanist::Retry::of_compensations()
            .pauses(std::time::Duration::from_secs(3_600), std::time::Duration::from_secs(3_600)),
        ..accompanist_tests::stage::TIMING
    };
    let stage = Stage::with_timing(&["a", "b", "c"], timing).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("the disk is slow"));
    let handle = stage.accepted(chain(), "1").await;
    until("a failing compensation", || (stage.node("b").counts().compensations_stuck == 1).then_some(())).await;
    stage.clerk("b").tell("strike", Behaviour::Works);
    let retried = ask(&socket(&stage, "b"), json!({ "request": "retry", "session": "1" })).await;
    assert_eq!(retried["answer"], json!({ "sessions": 1, "tried": 1 }));
    within("the end", handle.settled()).await.expect_err("it is rolled back");
    assert_eq!(stage.pages("b").history, ["enter tea", "strike tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_is_durable_when_it_is_answered() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let handle = stage.accepted(chain(), "1").await;
    let request = json!({ "request": "abort", "session": "1", "reason": "the customer called" });
    let aborted = ask(&socket(&stage, "a"), request).await;
    assert_eq!(aborted["answer"]["outcome"], "aborted", "{aborted}");
    stage.restart(&["a"]).await;
    drop(handle);
    stage.up("c").await;
    let again = within("the end", stage.start(chain(), "1").settled()).await.expect_err("it is rolled back");
    assert_eq!(again.reason(), Some("the customer called"));
    let unknown = ask(&socket(&stage, "a"), json!({ "request": "abort", "session": "2", "reason": "no" })).await;
    assert_eq!(unknown["error"]["kind"], "unknown_session");
    stage.settle().await;
    let finished = ask(&socket(&stage, "a"), json!({ "request": "inspect", "session": "1" })).await;
    assert_eq!(finished["answer"]["parts"][0]["state"], "finished");
    assert_eq!(finished["answer"]["parts"][0]["reason"], "the customer called");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_has_voted_passes_an_abort_on_and_one_that_has_committed_is_too_late() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    let request = json!({ "request": "abort", "session": "1", "reason": "the customer called" });
    stage.clerk("c").tell("enter", Behaviour::Waits);
    let handle = stage.accepted(chain(), "1").await;
    let voted = json!({ "request": "sessions", "state": "voted" });
    ask_until(socket(&stage, "b"), voted, |answer| answer["answer"]["total"] == 1).await;
    let passed_on = ask(&socket(&stage, "b"), request.clone()).await;
    assert_eq!(passed_on["answer"], json!({ "outcome": "passed_on", "states": ["voted"] }));
    stage.clerk("c").tell("enter", Behaviour::Works);
    let error = within("the end", handle.settled()).await.expect_err("it is rolled back");
    assert_eq!(error.reason(), Some("the customer called"));
    stage.settle().await;

    // B votes, and is away when all have.
    stage.clerk("c").tell("enter", Behaviour::Waits);
    let handle = stage.accepted(chain(), "3").await;
    let at_a = json!({ "request": "inspect", "session": "3" });
    let has_voted = |answer: &Value| {
        answer["answer"]["parts"][0]["peers"][0]
            == json!({ "role": "B", "completed": true, "done": false, "kept_messages": 1, "refused": null })
    };
    ask_until(socket(&stage, "a"), at_a, has_voted).await;
    stage.down("b");
    stage.clerk("c").tell("enter", Behaviour::Works);
    within("the end", handle.decided()).await.expect("B's vote has come");
    let committed = json!({ "request": "sessions", "state": "committed" });
    ask_until(socket(&stage, "a"), committed, |answer| answer["answer"]["total"] == 1).await;
    let late = ask(&socket(&stage, "a"), json!({ "request": "abort", "session": "3", "reason": "no" })).await;
    assert_eq!(late["answer"], json!({ "outcome": "too_late", "states": ["committed"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_answered_and_harm_nothing() {
    let stage = Stage::with(&["a"]).await;
    let bad = [
        "no",
        "{}",
        "[]",
        "{\"version\":9,\"request\":\"sessions\"}",
        "{\"version\":1,\"request\":\"sessions\",\"limit\":\"x\"}",
    ];
    let mut requests: Vec<String> = bad.map(ToOwned::to_owned).to_vec();
    requests.push(json!({ "version": 1, "request": "sessions" }).to_string());
    let answers = lines(&socket(&stage, "a"), &requests).await;
    let kinds: Vec<_> = answers.iter().map(|answer| answer["error"]["kind"].as_str().unwrap_or("fine")).collect();
    assert_eq!(kinds, ["bad_request", "bad_request", "bad_request", "unsupported_version", "bad_request", "fine"]);
    let long = lines(&socket(&stage, "a"), &["x".repeat(64 * 1024)]).await;
    assert!(
        long[0]["error"]["message"].as_str().is_some_and(|message| message.contains("longer than 65536 bytes")),
        "{long:?}"
    );
    assert_eq!(
        within("a start", stage.start(Alone { line: "tea".to_owned() }, "1").settled()).await.expect("a result"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_go_on_where_they_ended() {
    let stage = Stage::with(&["a"]).await;
    for id in ["1", "2", "3", "4", "5"] {
        stage.accepted(chain(), id).await;
    }
    let at_a = socket(&stage, "a");
    let mut ids = Vec::new();
    let mut request = json!({ "request": "sessions", "limit": 2 });
    loop {
        let answer = ask(&at_a, request.clone()).await;
        assert_eq!(answer["answer"]["total"], 5);
        let sessions = answer["answer"]["sessions"].as_array().expect("a list").clone();
        ids.extend(sessions.iter().map(|session| session["id"].as_str().expect("it has one").to_owned()));
        match &answer["answer"]["next"] {
            Value::Null => break,
            next => request["after"] = next.clone(),
        }
    }
    ids.sort();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_and_ages_say_what_an_operator_watches() {
    let (mut stage, handle) = stuck().await;
    let counted = || Some(stage.node("b").counts()).filter(|counts| counts.compensations_failed > 0);
    let before = until("the failure is counted", counted).await;
    assert_eq!(
        (before.sessions_joined, before.sessions_aborted, before.transactions, before.compensations),
        (1, 1, 1, 0)
    );
    assert!(before.commits > 0, "{before:?}");
    let metrics = ask(&socket(&stage, "b"), json!({ "request": "metrics" })).await;
    assert_eq!(metrics["answer"]["values"]["accompanist_compensations_stuck"], 1.0);
    let text = metrics["answer"]["text"].as_str().expect("a text");
    assert!(text.contains("accompanist_compensations_stuck{node=\"b\"} 1\n"), "{text}");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    let age = stage.node("b").counts().oldest;
    stage.restart(&["b"]).await;
    let after = stage.node("b").counts();
    assert!(after.oldest >= age, "{:?} is less than {age:?} before the restart", after.oldest);
    assert_eq!(after.sessions_aborted, 0, "that was counted before the restart");
    stage.clerk("b").tell("strike", Behaviour::Works);
    within("the end", handle.settled()).await.expect_err("it is rolled back");
    let done = stage.node("b").counts();
    assert_eq!((done.compensations, done.compensations_stuck), (1, 0));
    assert_eq!(stage.node("a").counts().sessions_started, 1);
    stage.clerk("c").tell("enter", Behaviour::Works);
    assert_eq!(within("a start", stage.start(chain(), "2").settled()).await.expect("a result"), 1);
    assert_eq!(stage.node("a").counts().sessions_committed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_has_another_version_or_none_is_listed() {
    let mut stage = Stage::with(&["a"]).await;
    stage.accepted(chain(), "1").await;
    let path = stage.path("a");
    stage.down("a");
    let database = stage.open("a").await;
    let node = Node::builder("a", database).role(alone::A::new(Clerk::default())).start().await.expect("it starts");
    let at_a = PathBuf::from(format!("{}.sock", path.display()));
    let listed = ask(&at_a, json!({ "request": "sessions", "state": "undeployed" })).await;
    assert_eq!(listed["answer"]["sessions"][0]["id"], "1");
    let inspected = ask(&at_a, json!({ "request": "inspect", "session": "1" })).await;
    assert_eq!(inspected["answer"]["parts"][0]["state"], "undeployed", "{inspected}");
    let aborted = ask(&at_a, json!({ "request": "abort", "session": "1", "reason": "no" })).await;
    assert_eq!(aborted["error"]["kind"], "unavailable", "{aborted}");
    assert_eq!(node.counts().sessions_undeployed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_is_where_it_is_told_to_be_and_goes_with_its_node() {
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let path = directory.path().join("here.sock");
    let builder = || Node::builder("a", Memory::new()).role(alone::A::new(Clerk::default())).admin(&path);
    let node = builder().start().await.expect("it starts");
    let error = builder().start().await.expect_err("the path is taken");
    assert!(error.to_string().contains("another node listens there"), "{error}");
    assert_eq!(ask(&path, json!({ "request": "sessions" })).await["answer"]["total"], 0);
    drop(node);
    until("the end of the socket", || (!path.exists()).then_some(())).await;
    builder().start().await.expect("the path is free");
    let node = Node::builder("a", Memory::new()).role(alone::A::new(Clerk::default())).without_admin();
    node.start().await.expect("it starts");
}

/// The queries of the README, over what a node has left.
#[tokio::test(flavor = "multi_thread")]
async fn the_database_of_a_dead_node_says_how_its_sessions_stand() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    let queries = readme.split("```sql\n").nth(1).and_then(|rest| rest.split("```").next()).expect("there are queries");
    let (open, done) = queries.split_once("-- What one session").expect("there are two");
    let (open, done) = (open.to_owned(), format!("-- {}", done.replace("order-1042", "1")));
    let (mut stage, handle) = stuck().await;
    drop(handle);
    for name in ["a", "b", "c"] {
        stage.down(name);
    }
    let read = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let database = rusqlite::Connection::open_with_flags(stage.path("b"), read).expect("it is a database");
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let of_it: (String, String, String, String) = database.query_row(&open, [], row).expect("one is not over");
    assert_eq!(of_it, ("1".to_owned(), "Chain".to_owned(), "aborting".to_owned(), "no more".to_owned()));
    let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let of_it: (String, String, String, bool) = database.query_row(&done, [], row).expect("it did something");
    assert_eq!(of_it, ("Ledger.enter".to_owned(), "[\"tea\"]".to_owned(), "1".to_owned(), false));
}
