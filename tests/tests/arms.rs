//! What runs side by side within one role, and groups of roles, on both runtimes: the same results, each effect once, and a restart that
//! finds what it did whatever order messages come in then.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use accompanist::store::{Memory, Sqlite};
use accompanist::{Node, RoleId};
use accompanist_tests::by_hand::Step::{Each, Enter, Look, Mine, Offer, Par, Receive, Rounds, Send};
use accompanist_tests::by_hand::{MEMBER, Piece};
use accompanist_tests::clerk::{Behaviour, Clerk};
use accompanist_tests::pages::Shelf;
use accompanist_tests::stage::{Stage, TIMING};
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

const A: RoleId = RoleId(0);
const B: RoleId = RoleId(1);
/// The group of `grouped`, by its declared role.
const WORKER: RoleId = RoleId(1);

/// Both roles have transactions and calls in two arms at once.
fn busy() -> Piece {
    let a = |base: u32, line: &'static str| {
        vec![
            Look(base, line),
            Enter(base + 1, line),
            Send(base + 2, B, line),
            Receive(base + 3, B),
            Look(base + 4, line),
            Enter(base + 5, line),
        ]
    };
    let b = |base: u32, line: &'static str| {
        vec![Receive(base + 2, A), Enter(base + 6, line), Look(base + 7, line), Send(base + 3, A, line)]
    };
    Piece::new(
        "Busy",
        &[],
        &[
            ("A", vec![Par(1, vec![a(10, "tea"), a(20, "jam"), vec![Look(30, "ink"), Enter(31, "ink")]])]),
            ("B", vec![Par(1, vec![b(10, "tea"), b(20, "jam")]), Enter(40, "end")]),
        ],
    )
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_have_their_results_in_order_and_their_effects_once_on_the_plain_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let ended = within("the session", busy().plainly::<Memory>(&[1, 1], &[], directory.path())).await;
    let (seen, entries): (Vec<_>, Vec<_>) = ended.into_iter().map(|(seen, entries)| (seen.unwrap(), entries)).unzip();
    assert_eq!(seen, [["tea", "jam"], ["tea", "jam"]]);
    assert_eq!(sorted(entries[0].clone()), ["ink", "jam", "jam", "tea", "tea"]);
    assert_eq!(entries[1].last().map(String::as_str), Some("end"));
}

async fn at_once_on<S: Shelf>() {
    let directory = tempfile::tempdir().unwrap();
    let store = S::fresh(directory.path(), "ab").unwrap();
    let (piece, clerk) = (busy(), Clerk::default());
    let builder = Node::builder("ab", store).timing(TIMING).assign("A", "ab").assign("B", "ab");
    let node = piece.cast(&[0, 1], builder, &clerk).start().await.unwrap();
    let sessions = (0..40).map(|_| {
        let start = node.start(piece.clone());
        tokio::spawn(async move { start.settled().await })
    });
    for session in sessions.collect::<Vec<_>>() {
        assert_eq!(within("a session", session).await.unwrap().unwrap(), ["tea", "jam"]);
    }
    let pages = node.store().pages(&clerk.book).unwrap();
    assert_eq!((pages.entries.len(), pages.history.len()), (40 * 8, 40 * 8), "nothing is done twice");
    assert_eq!(clerk.calls("look"), 40 * 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_commit_at_once_over_memory() {
    at_once_on::<Memory>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_commit_at_once_over_sqlite() {
    at_once_on::<Sqlite>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_comes_up_while_a_transaction_runs_is_in_its_commit() {
    // The call of one arm returns while the transaction of the other is in the store. What comes before them is durable then: no commit that
    // the call waits for waits for the transaction.
    let arms = vec![vec![Enter(4, "tea")], vec![Look(5, "tea"), Send(6, B, "seen")]];
    let a = vec![Send(2, B, "go"), Receive(3, B), Par(1, arms)];
    let b = vec![Receive(2, A), Send(3, A, "on"), Par(1, vec![vec![], vec![Receive(6, A)]])];
    let piece = Piece::new("Riding", &[], &[("A", a), ("B", b)]);
    let stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1])]).await;
    stage.clerk("a").tell("enter", Behaviour::Waits);
    let session = stage.accepted(piece, "1").await;
    until("both", || (stage.clerk("a").calls("enter") + stage.clerk("a").calls("look") == 2).then_some(())).await;
    // Time for the call's record to come up behind the transaction. Where it does not, this sees another order, which must hold as well.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    stage.clerk("a").tell("enter", Behaviour::Works);
    assert_eq!(within("the session", session.settled()).await.unwrap(), ["on"]);
    assert_eq!((stage.clerk("a").calls("enter"), stage.clerk("a").calls("look")), (1, 1), "the store refused nothing");
    stage.settle().await;
    assert_eq!(stage.pages("a").history, ["enter tea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_role_takes_the_messages_of_its_arms_in_any_order() {
    let to_b = |base: u32, line: &'static str| vec![Send(base, B, line), Receive(base + 1, B)];
    let at_b = |base: u32, line: &'static str| vec![Receive(base, A), Enter(base + 2, line), Send(base + 1, A, line)];
    let piece = Piece::new(
        "Restarted",
        &[],
        &[
            ("A", vec![Par(1, vec![to_b(10, "tea"), to_b(20, "jam")]), Receive(31, B)]),
            (
                "B",
                vec![
                    Par(1, vec![at_b(10, "tea"), at_b(20, "jam")]),
                    Enter(30, "both"),
                    Look(32, "both"),
                    Send(31, A, "end"),
                ],
            ),
        ],
    );
    for reversed in [(false, false), (false, true), (true, false), (true, true)] {
        let mut stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1])]).await;
        stage.clerk("b").tell("look", Behaviour::Waits);
        let release = |stage: &Stage, reversed| match reversed {
            true => stage.tap.release_reversed(),
            false => stage.tap.release(),
        };
        let messages = |from: &str, _: &str, kind: Kind| from == "a" && kind == Kind::Message;
        stage.tap.hold(messages);
        let session = stage.accepted(piece.clone(), "1").await;
        until("what both arms send", || (stage.tap.held() >= 3).then_some(())).await;
        release(&stage, reversed.0);
        until("the call", || (stage.clerk("b").calls("look") == 1).then_some(())).await;

        stage.tap.hold(messages);
        stage.restart(&["b"]).await;
        until("what both arms sent", || (stage.tap.held() >= 3).then_some(())).await;
        release(&stage, reversed.1);
        until("the call again", || (stage.clerk("b").calls("look") == 2).then_some(())).await;
        stage.clerk("b").tell("look", Behaviour::Works);
        assert_eq!(within("the session", session.settled()).await.unwrap(), ["tea", "jam", "end"], "{reversed:?}");
        stage.settle().await;
        assert_eq!(stage.pages("b").history.len(), 3, "each transaction once");
    }
}

/// A asks each worker, and takes their answers; every worker works.
fn grouped() -> Piece {
    let ask = vec![Send(2, MEMBER, "work"), Receive(3, MEMBER)];
    let work = vec![Receive(2, A), Enter(4, "work"), Send(3, A, "done")];
    Piece::new(
        "Grouped",
        &[WORKER.0],
        &[
            ("A", vec![Rounds(5, 2, vec![Each(1, WORKER, ask)])]),
            ("Worker", vec![Rounds(5, 2, vec![Mine(1, WORKER, work)])]),
        ],
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_as_many_members_as_the_session_says_on_the_plain_runtime() {
    for count in [0, 1, 3] {
        let directory = tempfile::tempdir().unwrap();
        let mut ended = within(count, grouped().plainly::<Memory>(&[1, count], &[], directory.path())).await;
        assert_eq!(ended.len(), 1 + count);
        assert_eq!(ended.remove(0).0.unwrap(), vec!["done"; 2 * count]);
        for (seen, entries) in ended {
            assert_eq!((seen.unwrap(), entries), (vec!["work".to_owned(); 2], vec!["work".to_owned(); 2]));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_has_the_members_that_its_session_was_started_with() {
    let piece = grouped();
    let mut stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1]), ("c", vec![1])]).await;
    let start =
        |stage: &Stage, id: &str, nodes: &[&str]| stage.start(piece.clone(), id).members("Worker", nodes.to_vec());
    for (id, nodes) in [("0", vec![]), ("1", vec!["c"]), ("2", vec!["b", "c", "b"])] {
        let seen = within(id, start(&stage, id, &nodes).settled()).await.unwrap();
        assert_eq!(seen, vec!["done"; 2 * nodes.len()]);
    }
    stage.settle().await;
    assert_eq!((stage.pages("b").entries.len(), stage.pages("c").entries.len()), (4, 4));

    // What is stored of every member is found again.
    stage.clerk("c").tell("enter", Behaviour::Waits);
    let session = within("the start", start(&stage, "3", &["b", "c", "b"]).accepted()).await.unwrap();
    until("the members at b", || (stage.pages("b").entries.len() == 6).then_some(())).await;
    stage.clerk("c").tell("enter", Behaviour::Works);
    stage.restart(&["b", "c"]).await;
    assert_eq!(within("the session", session.settled()).await.unwrap(), ["done"; 6]);
    stage.settle().await;
    assert_eq!((stage.pages("b").entries.len(), stage.pages("c").entries.len()), (8, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_says_who_plays_a_group_or_is_told_what_is_missing() {
    let piece = grouped();
    let node = Node::builder("a", Memory::new()).timing(TIMING);
    let node = piece.cast(&[0, 1], node, &Clerk::default()).start().await.unwrap();
    let start = || node.start(piece.clone()).id("1");
    let refused = |error: accompanist::Error| {
        assert!(error.is_configuration(), "{error}");
        error.to_string()
    };
    let unsaid = refused(start().settled().await.unwrap_err());
    assert_eq!(unsaid, "the role `Worker` of `Grouped` is a group: say by `members` which nodes play it");
    let no_group = refused(start().members("A", ["a"]).settled().await.unwrap_err());
    assert_eq!(no_group, "`A` is no group of `Grouped`: `members` is for groups");
    let elsewhere = refused(start().members("Worker", ["a", "b"]).settled().await.unwrap_err());
    assert!(elsewhere.starts_with("the role `Worker` of `Grouped` is played by the node `b`"), "{elsewhere}");
    let crowd = refused(start().members("Worker", vec!["a"; 4_096]).settled().await.unwrap_err());
    assert_eq!(crowd, "a session of `Grouped` would have 4097 participants, more than 4096");

    assert_eq!(within("it", start().members("Worker", ["a"]).settled()).await.unwrap(), ["done"; 2]);
    assert!(start().members("Worker", ["a", "a"]).settled().await.unwrap_err().is_id_in_use());
    assert_eq!(within("it", start().members("Worker", ["a"]).settled()).await.unwrap(), ["done"; 2]);
    drop(node);

    let node = Node::builder("a", Memory::new()).timing(TIMING).members("Grouped.Worker", ["a", "a"]);
    let node = piece.cast(&[0, 1], node, &Clerk::default()).start().await.unwrap();
    assert_eq!(within("the default", node.start(piece).settled()).await.unwrap(), ["done"; 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_start_is_answered_while_other_roles_of_it_end_on_the_same_node() {
    let piece = grouped();
    let node = Node::builder("a", Memory::new()).timing(TIMING).members("Worker", vec!["a"; 8]);
    let node = piece.cast(&[0, 1], node, &Clerk::default()).start().await.unwrap();
    for id in 0..200 {
        for _ in 0..3 {
            let start = node.start(piece.clone()).id(id.to_string());
            assert_eq!(within("it", start.decided()).await.unwrap(), ["done"; 16]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_looks_for_messages_inside_of_calls() {
    let call = |steps| Rounds(7, 1, vec![Rounds(8, 1, steps)]);
    let piece = Piece::new(
        "Called",
        &[],
        &[
            ("A", vec![call(vec![Send(9, B, "inside")])]),
            ("B", vec![Offer(vec![(vec![9], A), (vec![7, 8, 9], A)]), call(vec![Receive(9, A)]), Send(10, A, "late")]),
        ],
    );
    let directory = tempfile::tempdir().unwrap();
    let ended = within("plainly", piece.plainly::<Memory>(&[1, 1], &[], directory.path())).await;
    assert_eq!(ended[1].0.as_ref().unwrap(), &["offered 1", "inside"]);
}
