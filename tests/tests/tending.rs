//! `chor sessions`, `inspect`, `retry`, `abort`, `settle` and `metrics` against a running node, each as the command line does it.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use accompanist_tests::clerk::Behaviour;
use accompanist_tests::generated::trials::Chain;
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

/// The command line of `chor`, as a binary of this package.
const CHOR: &str = env!("CARGO_BIN_EXE_chor_of_tests");

/// Runs the command line, and looks at its exit code and at what it says.
fn check(arguments: &[&str], code: i32, words: &[&str]) -> String {
    let run = Command::new(CHOR).args(arguments).stdin(Stdio::null()).output().expect("the binary starts");
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert_eq!(run.status.code(), Some(code), "of {arguments:?}: {said}");
    for words in words {
        assert!(said.contains(words), "of {arguments:?}: `{words}` is not in\n{said}");
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_saga_is_found_looked_at_and_settled() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("the disk is slow"));
    let handle = stage.accepted(Chain { line: "tea".to_owned() }, "order-1").await;
    until("a failing compensation", || (stage.node("b").counts().compensations_stuck == 1).then_some(())).await;
    let (a, b) = (stage.path("a").display().to_string(), stage.path("b").display().to_string());
    let text = check(
        &["sessions", "--stuck", "--node", &b],
        0,
        &["ID", "order-1", "aborting", "the compensation of Ledger.enter"],
    );
    assert!(!text.contains('\x1b'), "no colours but at a terminal: {text}");
    let socket = format!("{b}.sock");
    let json = check(&["sessions", "--node", &socket, "--message-format", "json"], 0, &[]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("it is JSON");
    assert_eq!(json.pointer("/answer/sessions/0/stuck"), Some(&serde_json::json!(true)));
    let shown = [
        "the disk is slow",
        "failed",
        "next try in",
        "commit 1",
        "[\"tea\"]",
        "aborted by   C",
        "reason       no more",
    ];
    // It may be running just then.
    until("a pause between two tries", || {
        let arguments = ["inspect", "order-1", "--node", &b];
        let run = Command::new(CHOR).args(arguments).output().expect("the binary starts");
        let said = String::from_utf8_lossy(&run.stdout).into_owned();
        shown.iter().all(|words| said.contains(words)).then_some(())
    })
    .await;
    check(&["retry", "--all", "--node", &b], 0, &["1 session told to go on"]);
    check(&["abort", "order-1", "--node", &b, "--reason", "x"], 0, &["it is being rolled back already"]);
    check(&["settle", "order-1", "--node", &a, "--reason", "x"], 1, &["only one that fails"]);
    until("a pause between two tries", || {
        let arguments = ["settle", "order-1", "--node", &b, "--reason", "refunded by hand"];
        let run = Command::new(CHOR).args(arguments).output().expect("the binary starts");
        run.status.success().then(|| String::from_utf8_lossy(&run.stdout).into_owned())
    })
    .await;
    within("the end", handle.settled()).await.expect_err("it is rolled back");
    stage.settle().await;
    check(&["sessions", "--node", &b], 0, &["no sessions"]);
    check(&["retry", "nothing", "--node", &b], 1, &["knows no session `nothing`"]);
    check(&["metrics", "--node", &b], 0, &["accompanist_sessions_aborted_total{node=\"b\"} 1"]);
    let elsewhere = stage.path("elsewhere").display().to_string();
    check(&["sessions", "--node", &elsewhere], 2, &["no node listens at", "nearby are", "a.db.sock"]);
    check(&["settle", "order-1", "--node", &b], 2, &["--reason"]);
    check(&["settle", "--help"], 0, &["Example:", "Undo first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undecided_session_shows_its_deadline_whose_vote_is_missing_and_a_pending_cancel() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let (a, b) = (stage.path("a").display().to_string(), stage.path("b").display().to_string());
    let start = stage.start(Chain { line: "tea".to_owned() }, "order-2").within(Duration::from_secs(3_600));
    drop(within("the start", start.accepted()).await.expect("it is accepted"));
    until("the vote of b at a", || says(&["inspect", "order-2", "--node", &a], &["B has voted completed"])).await;
    for restarted in [false, true] {
        if restarted {
            stage.restart(&["a"]).await;
            until("b's vote again", || says(&["inspect", "order-2", "--node", &a], &["B has voted"])).await;
        }
        let votes = "no vote yet  A (node a)\n             C (node c)\n";
        let shown = check(&["inspect", "order-2", "--node", &a], 0, &[votes, ", 1 h 0 min after the start\n"]);
        assert!(shown.contains("deadline     in 59 min ") && !shown.contains("\ncancel "), "{shown}");
        check(&["sessions", "--node", &a], 0, &["; deadline in 59 min "]);
    }
    check(&["inspect", "order-2", "--node", &b], 0, &["no vote yet  A (node a) counts the votes: inspect"]);

    // B has voted, and whoever could end the session is away.
    stage.down("a");
    check(&["abort", "order-2", "--reason", "nobody pays", "--node", &b], 0, &["passed on"]);
    let cancel = "cancel       asked of those that have not voted; reason: nobody pays\n";
    let shown = check(&["inspect", "order-2", "--node", &b], 0, &[cancel, "the vote of A (node a)"]);
    assert!(!shown.contains("the vote of C"), "B does not know whether C has voted: {shown}");
    check(&["sessions", "--node", &b], 0, &["; a cancel is pending"]);
    stage.up("a").await;
    let aborts = ["aborting", "reason       nobody pays"];
    until("the abort", || says(&["inspect", "order-2", "--node", &b], &aborts)).await;
    let shown = check(&["inspect", "order-2", "--node", &a], 0, &[]);
    let undecided = ["\ncancel ", "\ndeadline ", "no vote yet"];
    assert!(!undecided.iter().any(|words| shown.contains(words)), "it is decided: {shown}");
}

/// Whether the command line says all of this.
fn says(arguments: &[&str], words: &[&str]) -> Option<()> {
    let run = Command::new(CHOR).args(arguments).output().expect("the binary starts");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    words.iter().all(|words| said.contains(words)).then_some(())
}
