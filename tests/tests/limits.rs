//! What is over a limit waits, comes again, or is refused in words; nothing that was accepted is lost, and memory stays bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use accompanist::store::{Memory, Sqlite, SqliteOptions};
use accompanist::{Limits, Node, Timing};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Again, Alone, Apart, Chain, Looked, alone, apart};
use accompanist_tests::pages::SCHEMA;
use accompanist_tests::stage::{Stage, TIMING};
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

/// What was dropped comes again soon.
const SOON: Timing = Timing { resend_millis_min: 20, resend_millis_max: 100, ..TIMING };

fn looked(line: &str) -> Looked {
    Looked { line: line.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_over_the_limit_wait_or_are_refused() {
    let limits = Limits { sessions_started_max: 3, ..Limits::default() };
    let stage = Stage::casting(&["a", "b"], move |_, builder, _| builder.limits(limits)).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    for id in ["1", "2", "3"] {
        stage.accepted(looked("tea"), id).await;
    }
    let refused =
        within("a start", stage.start(looked("tea"), "4").try_accepted()).await.expect_err("there is no room");
    assert!(refused.is_overloaded() && refused.is_not_accepted(), "{refused}");
    // One that there is takes no room.
    within("the first", stage.start(looked("tea"), "1").try_accepted()).await.expect("it is there");
    let waiting: Vec<_> =
        ["4", "5", "4"].map(|id| tokio::spawn(stage.start(looked("tea"), id).settled())).into_iter().collect();
    until("those that wait", || (stage.node("a").counts().starts_waiting == 3).then_some(())).await;
    assert_eq!(stage.node("a").counts().sessions, 3);
    stage.clerk("a").tell("look", Behaviour::Works);
    for start in waiting {
        within("the end", start).await.expect("no panic").expect("a result");
    }
    stage.settle().await;
    assert_eq!(stage.states("a").len(), 5, "the id that was started twice is one session");
    assert_eq!(stage.node("a").counts().starts_waiting, 0);
}

/// `ACCOMPANIST_STARTS=100000` starts as many.
#[tokio::test(flavor = "multi_thread")]
async fn many_starts_against_a_stopped_peer_take_bounded_memory_and_all_complete_when_it_is_back() {
    const SESSIONS_MAX: u64 = 50;
    let starts = std::env::var("ACCOMPANIST_STARTS").ok().and_then(|text| text.parse().ok()).unwrap_or(500);
    let limits = Limits { sessions_started_max: SESSIONS_MAX as usize, ..Limits::default() };
    let mut stage = Stage::casting(&["a"], move |_, builder, _| builder.limits(limits)).await;
    let done = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..starts)
        .map(|number: u64| {
            let (start, done) = (stage.start(looked("tea"), &number.to_string()), Arc::clone(&done));
            tokio::spawn(async move {
                start.settled().await.expect("a result");
                done.fetch_add(1, Ordering::SeqCst);
            })
        })
        .collect();
    let waiting = || stage.node("a").counts().starts_waiting;
    let mut seen = 0;
    while seen < starts - SESSIONS_MAX {
        seen = until("one caller more", || Some(waiting()).filter(|waiting| *waiting > seen)).await;
    }
    assert_eq!(stage.node("a").counts().sessions, SESSIONS_MAX);
    stage.up("b").await;
    for caller in callers {
        assert!(stage.node("a").counts().sessions <= SESSIONS_MAX);
        within("the end", caller).await.expect("no panic");
    }
    assert_eq!(done.load(Ordering::SeqCst), starts);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_peer_over_the_limit_leave_no_row_and_come_again() {
    const SESSIONS_MAX: u64 = 2;
    let limits = Limits { sessions_of_peer_max: SESSIONS_MAX as usize, ..Limits::default() };
    let stage = Stage::casting(&["a", "b"], move |name, builder, _| {
        let builder = builder.timing(SOON);
        if name == "b" { builder.limits(limits) } else { builder }
    });
    let stage = stage.await;
    stage.clerk("b").tell("enter", Behaviour::Fails("not yet"));
    let again = |line: &str| Again { line: line.to_owned() };
    let mut sessions = Vec::new();
    for number in 0..12 {
        sessions.push(stage.accepted(again("tea"), &number.to_string()).await);
    }
    until("what is dropped", || (stage.node("b").counts().frames_dropped > 20).then_some(())).await;
    assert_eq!(stage.node("b").counts().sessions, SESSIONS_MAX);
    assert_eq!(stage.states("b"), Vec::<String>::new());
    stage.clerk("b").tell("enter", Behaviour::Works);
    for session in sessions {
        within("the end", session.settled()).await.expect("a result");
    }
    assert_eq!(stage.pages("b").history.len(), 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_at_the_edge() {
    let limits = Limits { payload_bytes_max: 1_000, ..Limits::default() };
    let stage = Stage::casting(
        &["a", "b", "c"],
        move |name, builder, _| {
            if name == "b" { builder.limits(limits) } else { builder }
        },
    );
    let stage = stage.await;
    let chain = Chain { line: "x".repeat(2_000) };
    let _session = stage.accepted(chain, "1").await;
    let refused = || stage.tap.sent(|from, to, kind| (from, to, kind) == ("b", "a", Kind::Refused));
    until("a refusal", || (refused() > 0).then_some(())).await;
    assert_eq!(stage.states("b"), Vec::<String>::new());
    let node = Node::builder("a", Memory::new()).role(alone::A::new(Clerk::default())).limits(limits);
    let node = node.start().await.expect("it starts");
    let start = |bytes| node.start(Alone { line: "x".repeat(bytes) }).settled();
    let error = within("a start", start(2_000)).await.expect_err("it is too large");
    let words = "the arguments have 2011 bytes of JSON, and this node takes 1000";
    assert!(error.is_too_large() && !error.is_not_accepted(), "{error}");
    assert_eq!(error.to_string(), words);
    assert_eq!(within("a small one", start(500)).await.expect("a result"), 1);
    for limits in [
        Limits { payload_bytes_max: 16 * 1024 * 1024, ..limits },
        Limits { sessions_started_max: 0, ..limits },
        Limits { sessions_of_peer_max: 0, ..limits },
    ] {
        let error = Node::builder("a", Memory::new()).limits(limits).start().await.expect_err("it is no limit");
        assert!(error.is_configuration(), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_takes_nothing_on_and_what_is_in_flight_goes_on_when_there_is_room() {
    const IN_FLIGHT: usize = 20;
    let directory = tempfile::tempdir().expect("a directory");
    let options = SqliteOptions { bytes_max: Some(600_000), ..SqliteOptions::default() };
    let database = Sqlite::open_with(directory.path().join("a.db"), options).expect("a new database");
    let database = database.with_schema(SCHEMA).expect("it takes the tables");
    let database = database.with_schema("CREATE TABLE ballast (bytes BLOB)").expect("it takes the table");
    let clerk = Clerk::default();
    clerk.tell("look", Behaviour::Waits);
    let node = Node::builder("a", database.clone())
        .timing(TIMING)
        .assign("B", "a")
        .role(apart::A::new(clerk.clone()))
        .role(apart::B::new(clerk.clone()))
        .role(alone::A::new(clerk.clone()));
    let node = node.start().await.expect("it starts");
    let mut in_flight = Vec::new();
    for number in 0..IN_FLIGHT {
        let start = node.start(Apart { line: "tea".to_owned() }).id(format!("apart {number}")).accepted();
        in_flight.push(within("the start", start).await.expect("there is room"));
    }
    until("the calls", || (clerk.under_way() == IN_FLIGHT).then_some(())).await;
    for bytes in [4_000, 400, 100, 10] {
        let insert = format!("INSERT INTO ballast VALUES (zeroblob({bytes}))");
        while database.clone().with_schema(insert.as_str()).is_ok() {}
    }
    let full = AtomicBool::new(false);
    for number in 0..500 {
        let start = node.start(Alone { line: "tea".to_owned() }).id(number.to_string()).settled();
        if let Err(error) = within("a start", start).await {
            assert!(error.is_store_full() && error.is_not_accepted(), "{error}");
            full.store(true, Ordering::SeqCst);
            break;
        }
    }
    assert!(full.load(Ordering::SeqCst), "the disk becomes full");
    // Pages have room for what a few of the sessions record, but not for the rest: it waits.
    clerk.tell("look", Behaviour::Works);
    let refused = until("a refusal at once", || Some(node.start(Alone { line: "tea".to_owned() }).accepted())).await;
    assert!(within("the refusal", refused).await.is_err_and(|error| error.is_store_full()));
    assert!(node.counts().sessions > 0, "what is in flight needs room");
    database.clone().with_schema("DELETE FROM ballast").expect("there is room to make room");
    for session in in_flight {
        within("a session in flight", session.settled()).await.expect("a result");
    }
    until("the end of all sessions", || (node.counts().sessions == 0).then_some(())).await;
    within("a start", node.start(Alone { line: "tea".to_owned() }).id("last").settled()).await.expect("a result");
}
