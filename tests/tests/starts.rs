//! Starting sessions: an id is one session, whoever asks and when; and what cannot be started is refused with words that help.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use accompanist::store::{Memory, Sqlite};
use accompanist::transport::{Inbound, Link, LocalNetwork, Tcp, Transport};
use accompanist::{CLIENT_ID_BYTES_MAX, Error, Node, Timing};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::generated::trials::{Alone, Chain, Fork, alone, chain};
use accompanist_tests::pages::SCHEMA;
use accompanist_tests::stage::{Stage, TIMING};
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

fn chain(line: &str) -> Chain {
    Chain { line: line.to_owned() }
}

/// The second start with other arguments is refused, and says which id it is about.
async fn check_other_arguments(stage: &Stage) {
    let error = within("other arguments", stage.start(chain("coffee"), "1").settled()).await.expect_err("it is in use");
    assert!(error.is_id_in_use() && error.to_string().contains("`1`"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_started_by_many_at_once_runs_once_and_answers_all() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    let starts: Vec<_> = (0..32).map(|_| tokio::spawn(stage.start(chain("tea"), "1").settled())).collect();
    for start in starts {
        assert_eq!(within("a start", start).await.expect("no panic").expect("a result"), 1);
    }
    check_other_arguments(&stage).await;
    for name in ["a", "b", "c"] {
        assert_eq!(stage.pages(name).history, ["enter tea"], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_started_again_when_it_is_over_gives_the_same_result() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    let first = stage.accepted(chain("tea"), "1").await;
    let session = first.session();
    assert_eq!(within("the first", first.settled()).await.expect("a result"), 1);
    stage.settle().await;
    for restarted in [false, true] {
        if restarted {
            stage.restart(&["a"]).await;
        }
        let again = stage.accepted(chain("tea"), "1").await;
        assert_eq!(again.session(), session, "restarted: {restarted}");
        assert_eq!(within("the second", again.settled()).await.expect("a result"), 1);
        assert_eq!(within("another", stage.start(chain("tea"), "1").decided()).await.expect("a result"), 1);
        check_other_arguments(&stage).await;
    }
    assert_eq!(stage.pages("c").history, ["enter tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_started_again_after_a_crash_on_the_way_is_the_same_session() {
    let mut stage = Stage::with(&["a", "b"]).await;
    let first = stage.accepted(chain("tea"), "1").await;
    let session = first.session();
    stage.restart(&["a", "b"]).await;
    let error = within("the first", first.settled()).await.expect_err("its node is gone");
    assert!(error.to_string().contains("goes on when it runs again"), "{error}");
    let again = stage.accepted(chain("tea"), "1").await;
    assert_eq!(again.session(), session);
    check_other_arguments(&stage).await;
    stage.up("c").await;
    assert_eq!(within("the second", again.settled()).await.expect("a result"), 1);
    assert_eq!(stage.pages("a").history, ["enter tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_started_again_while_it_rolls_back_waits_for_the_end_of_that() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("c").tell("enter", Behaviour::Refuses("no more"));
    stage.clerk("b").tell("strike", Behaviour::Fails("the disk is slow"));
    let first = stage.accepted(chain("tea"), "1").await;
    let reason = |error: Error| error.reason().map(ToOwned::to_owned);
    assert_eq!(within("the reason", first.decided()).await.map_err(reason), Err(Some("no more".to_owned())));
    for restarted in [false, true] {
        if restarted {
            stage.restart(&["a"]).await;
        }
        let again = stage.accepted(chain("tea"), "1").await;
        assert_eq!(within("the reason", again.decided()).await.map_err(reason), Err(Some("no more".to_owned())));
        check_other_arguments(&stage).await;
    }
    let again = tokio::spawn(stage.start(chain("tea"), "1").settled());
    until("some tries", || (stage.clerk("b").calls("strike") > 5).then_some(())).await;
    assert!(!again.is_finished(), "it is not over as long as something is not undone");
    stage.clerk("b").tell("strike", Behaviour::Works);
    assert_eq!(within("the end", again).await.expect("no panic").map_err(reason), Err(Some("no more".to_owned())));
    assert_eq!(stage.pages("a").history, ["enter tea", "strike tea"]);
    assert_eq!(stage.pages("b").history, ["enter tea", "strike tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_refused_by_the_first_operation_stays_refused_and_nobody_else_hears_of_it() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    stage.clerk("a").tell("enter", Behaviour::Refuses("sold out"));
    for round in 0..3 {
        if round == 2 {
            stage.restart(&["a"]).await;
        }
        let error = within("the refusal", stage.start(chain("tea"), "1").settled()).await.expect_err("refused");
        assert_eq!((error.is_aborted(), error.reason()), (true, Some("sold out")));
        check_other_arguments(&stage).await;
        // It would work now; but it is the same session.
        stage.clerk("a").tell("enter", Behaviour::Works);
    }
    assert_eq!(stage.clerk("a").calls("enter"), 1);
    assert_eq!(stage.tap.sent(|_, _, _| true), 0);
    let mine: Vec<String> = Vec::new();
    assert_eq!((stage.pages("a").history, stage.states("b")), (mine.clone(), mine));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_one_session_of_each_choreography_and_free_again_when_forgotten() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    let chain = stage.accepted(chain("tea"), "1").await;
    let fork = stage.accepted(Fork { line: "tea".to_owned() }, "1").await;
    let alone = stage.accepted(Alone { line: "tea".to_owned() }, "1").await;
    let first = alone.session();
    assert!(chain.session() != fork.session() && fork.session() != first);
    within("the chain", chain.settled()).await.expect("a result");
    within("the fork", fork.settled()).await.expect("a result");
    within("alone", alone.settled()).await.expect("a result");
    stage.settle().await;
    assert_eq!(stage.node("a").forget(std::time::Duration::ZERO).await.expect("the store works"), 3);
    // The same id and arguments, and by the nonce another session: nothing of the two can be taken for the other's.
    let again = stage.accepted(Alone { line: "tea".to_owned() }, "1").await;
    assert_ne!(again.session(), first);
    within("again", again.settled()).await.expect("a result");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_started_says_why() {
    let stage = Stage::with(&["a", "b"]).await;
    let alone = || Alone { line: "tea".to_owned() };
    let cases = [
        (
            within("b", stage.node("b").start(chain("tea")).settled()).await,
            "a session of `Chain` starts at the role `A`, which this node does not play",
        ),
        (
            within("a long id", stage.start(alone(), &"x".repeat(CLIENT_ID_BYTES_MAX + 1)).settled()).await,
            "the session's id is longer than 512 bytes",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.expect_err("it cannot be started").to_string(), expected);
    }
    let longest = stage.start(alone(), &"x".repeat(CLIENT_ID_BYTES_MAX)).settled();
    assert_eq!(within("the longest id", longest).await.expect("a result"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_reach_a_role_refuses_to_start_what_it_could_not_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let open = |name: &str| Sqlite::open(directory.path().join(name)).and_then(|store| store.with_schema(SCHEMA));
    let alone = Node::builder("a", open("1").expect("a new database"))
        .role(chain::A::new(Clerk::default()))
        .start()
        .await
        .expect("it starts");
    let without = Node::builder("a", open("2").expect("a new database"))
        .role(chain::A::new(Clerk::default()))
        .transport(Tcp::new("127.0.0.1:0", [("b", "127.0.0.1:1")]))
        .start()
        .await
        .expect("it starts");
    for (node, expected) in [
        (alone, "the role `B` of `Chain` is played by the node `b`, which this node has no way to: name it in `peers`"),
        (
            without,
            "the role `C` of `Chain` is played by the node `c`, which this node has no way to: name it in `peers`",
        ),
    ] {
        let error = within("a refusal", node.start(chain("tea")).settled()).await.expect_err("nobody is there");
        assert!(error.to_string().starts_with(expected), "{error}");
        let sessions = node
            .store()
            .read(|connection| connection.query_row("SELECT count(*) FROM accompanist_session", [], |row| row.get(0)));
        assert_eq!(sessions, Ok(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_belongs_to_one_node() {
    let stage = Stage::with(&["a"]).await;
    let error = Sqlite::open(stage.path("a")).expect_err("it is in use").to_string();
    assert!(error.contains("a.db.lock") && error.contains("another process uses this database"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_does_not_take_up_the_sessions_of_another() {
    let mut stage = Stage::with(&["a"]).await;
    stage.accepted(chain("tea"), "1").await;
    stage.down("a");
    let left = stage.open("a").await;
    let other = Node::builder("b", left).role(chain::B::new(Clerk::default())).start().await;
    let expected = "the database is that of the node `a`, with its part of the unfinished session `1` of Chain, and this is the node `b`: \
                    give each node its own database, and the name that it had";
    assert_eq!(other.map(drop).expect_err("it is another's").to_string(), expected);
    // Nothing has changed: its own node goes on.
    stage.up("a").await;
    stage.up("b").await;
    stage.up("c").await;
    assert_eq!(within("the end", stage.start(chain("tea"), "1").settled()).await.expect("a result"), 1);
    assert_eq!(stage.pages("a").history, ["enter tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_configured_wrongly_says_so() {
    let builder = || Node::builder("a", Memory::new());
    let twice = builder().role(alone::A::new(Clerk::default())).role(alone::A::new(Clerk::default()));
    let cases = [
        (twice.start().await, "the role `Alone.A` is given twice"),
        (builder().peers([("b", "127.0.0.1:1")]).start().await, "there are `peers`, but no address to `listen` at"),
        (
            builder().listen("127.0.0.1:0").transport(LocalNetwork::new().transport()).start().await,
            "`listen` and `transport` are two ways to one end: take one",
        ),
        (
            builder().listen("127.0.0.1:0").peers([("b", "127.0.0.1:1"), ("b", "127.0.0.1:2")]).start().await,
            "the transport cannot start: two peers are named `b`",
        ),
    ];
    for (result, expected) in cases {
        assert_eq!(result.map(drop).expect_err("it is wrong").to_string(), expected);
    }
}

/// A transport that hears of its peer, and from it, while it is being started.
struct Hasty {
    sent: Arc<Mutex<Vec<String>>>,
}

struct HastyLink(Arc<Mutex<Vec<String>>>);

impl Transport for Hasty {
    type Link = HastyLink;

    async fn start(self, _: &str, inbound: Arc<dyn Inbound>) -> io::Result<HastyLink> {
        inbound.connected("b");
        tokio::task::yield_now().await;
        Ok(HastyLink(self.sent))
    }
}

impl Link for HastyLink {
    fn send(&self, node: &str, _: &[u8]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(node.to_owned());
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_says_while_the_transport_starts_is_not_lost() {
    let store = Memory::new();
    let start = |sent: &Arc<Mutex<Vec<String>>>| {
        // A day: the clock brings nothing back.
        let timing = Timing { resend_millis_min: 86_400_000, resend_millis_max: 86_400_000, ..TIMING };
        let transport = Hasty { sent: Arc::clone(sent) };
        Node::builder("a", store.clone())
            .timing(timing)
            .role(chain::A::new(Clerk::default()))
            .transport(transport)
            .start()
    };
    let sent: [Arc<Mutex<Vec<String>>>; 2] = Default::default();
    let to_b = |sent: &Mutex<Vec<String>>| {
        sent.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|node| *node == "b").count()
    };
    let [first, second] = &sent;
    let node = start(first).await.expect("it starts");
    within("the start", node.start(chain("tea")).accepted()).await.expect("it is accepted");
    until("the message", || (to_b(first) > 0).then_some(())).await;
    drop(node);
    let _node = start(second).await.expect("it starts again");
    until("the message again", || (to_b(second) > 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_started_again_when_it_is_decided_is_answered_though_a_role_is_away() {
    let mut stage = Stage::with(&["a", "b", "c"]).await;
    // A hears all votes, and nobody that it did.
    stage.tap.hold(|from, _, kind| from != "a" && kind == Kind::Committed);
    let first = stage.accepted(chain("tea"), "1").await;
    let session = first.session();
    assert_eq!(within("the first", first.settled()).await.expect("a result"), 1);
    until("the record", || (stage.states("a") == ["committed"]).then_some(())).await;
    stage.down("c");
    stage.restart(&["a"]).await;
    assert_eq!(stage.states("a"), ["committed"]);
    let again = stage.accepted(chain("tea"), "1").await;
    assert_eq!(again.session(), session);
    assert_eq!(within("the second", again.settled()).await.expect("a result"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_longer_than_any_transport_carries_are_refused() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    let line = "x".repeat(16 * 1024 * 1024);
    let error = within("the end", stage.start(chain(&line), "1").settled()).await.expect_err("they are too long");
    let expected = "the arguments have 16777227 bytes of JSON, and this node takes 15728640";
    assert!(error.is_too_large());
    assert_eq!(error.to_string(), expected);
    assert_eq!((stage.tap.sent(|_, _, kind| kind == Kind::Message), stage.states("a")), (0, Vec::new()));
}
