//! Scopes and receives that wait for a limited time, on both runtimes: the same answers, the same entries, and after a restart no others.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use accompanist::RoleId;
use accompanist::store::Memory;
use accompanist_tests::by_hand::Step::{Enter, Look, Mine, Par, Receive, ReceiveWithin, Refuse, Rounds, Saga, Send};
use accompanist_tests::by_hand::{Piece, Scope, Step};
use accompanist_tests::clerk::Behaviour;
use accompanist_tests::stage::Stage;
use accompanist_tests::tap::Kind;
use accompanist_tests::wait::{until, within};

const A: RoleId = RoleId(0);
const B: RoleId = RoleId(1);

fn saga(site: u32, steps: Vec<Step>) -> Step {
    Saga(site, vec![A, B], Scope::default(), steps)
}

fn pair(name: &'static str, a: Vec<Step>, b: Vec<Step>) -> Piece {
    Piece::new(name, &[], &[("A", a), ("B", b)])
}

/// What both roles are to see and to have entered: at A, at B.
struct Expected<'a> {
    seen: [&'a [&'a str]; 2],
    entries: [&'a [&'a str]; 2],
}

/// Runs `piece` on both runtimes; on nodes, also with both restarted while A has its look, which comes after what is tested.
async fn plays(piece: Piece, expected: Expected<'_>) {
    let directory = tempfile::tempdir().unwrap();
    let ended = within("the plain runtime", piece.plainly::<Memory>(&[1, 1], &[], directory.path())).await;
    for (index, (seen, entries)) in ended.into_iter().enumerate() {
        assert_eq!(seen.unwrap(), expected.seen[index], "plainly, at {index}");
        assert_eq!(entries, expected.entries[index], "plainly, at {index}");
    }
    for restarted in [false, true] {
        let mut stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1])]).await;
        if restarted {
            stage.clerk("a").tell("look", Behaviour::Waits);
        }
        let session = stage.accepted(piece.clone(), "1").await;
        if restarted {
            until("the look", || (stage.clerk("a").calls("look") >= 1).then_some(())).await;
            stage.restart(&["a", "b"]).await;
            stage.clerk("a").tell("look", Behaviour::Works);
        }
        drop(session);
        let again = within("the answer", stage.start(piece.clone(), "1").settled()).await.unwrap();
        assert_eq!(again, expected.seen[0], "on nodes, {restarted}");
        stage.settle().await;
        assert_eq!(stage.pages("a").entries, expected.entries[0], "on nodes, at a, {restarted}");
        assert_eq!(stage.pages("b").entries, expected.entries[1], "on nodes, at b, {restarted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_all_complete_gives_its_value_and_stands() {
    let a = vec![saga(1, vec![Enter(2, "one"), Send(3, B, "go"), Receive(4, B)]), Look(5, "after"), Send(6, B, "end")];
    let b = vec![saga(1, vec![Receive(3, A), Enter(2, "two"), Send(4, A, "on")]), Receive(6, A)];
    let expected = Expected { seen: [&["on"], &["go", "end"]], entries: [&["one"], &["two"]] };
    plays(pair("Completes", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_a_role_refuses_is_undone_at_all_and_the_session_goes_on() {
    let a = vec![
        Enter(9, "before"),
        saga(1, vec![Enter(2, "one"), Enter(7, "more"), Send(3, B, "go"), Receive(4, B)]),
        Look(5, "after"),
        Enter(8, "else"),
        Send(6, B, "end"),
    ];
    let b = vec![saga(1, vec![Receive(3, A), Enter(2, "two"), Refuse("no")]), Enter(8, "else"), Receive(6, A)];
    let expected = Expected {
        seen: [&["failed by B: no"], &["failed by B: no", "end"]],
        entries: [&["before", "else"], &["else"]],
    };
    plays(pair("Refused", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_inner_scope_did_is_undone_with_the_outer_one() {
    let inner = |line| saga(10, vec![Enter(11, line)]);
    let a = vec![saga(1, vec![inner("one"), Send(3, B, "go"), Receive(4, B)]), Look(5, "after"), Send(6, B, "end")];
    let b = vec![saga(1, vec![inner("two"), Receive(3, A), Refuse("no")]), Receive(6, A)];
    let expected = Expected { seen: [&["failed by B: no"], &["failed by B: no", "end"]], entries: [&[], &[]] };
    plays(pair("Nested", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inner_scope_that_fails_leaves_the_outer_one_as_it_was() {
    let a = vec![
        saga(1, vec![Enter(2, "kept"), Rounds(20, 2, vec![saga(10, vec![Enter(11, "one"), Receive(12, B)])])]),
        Look(5, "after"),
        Send(6, B, "end"),
    ];
    let b = vec![saga(1, vec![Rounds(20, 2, vec![saga(10, vec![Enter(11, "two"), Refuse("no")])])]), Receive(6, A)];
    let no = "failed by B: no";
    let expected = Expected { seen: [&[no, no], &[no, no, "end"]], entries: [&["kept"], &[]] };
    plays(pair("Inner", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_in_arms_fail_on_their_own() {
    let a = vec![
        Par(
            1,
            vec![
                vec![saga(2, vec![Enter(3, "one"), Receive(4, B)])],
                vec![saga(5, vec![Enter(6, "two"), Receive(7, B)])],
            ],
        ),
        Look(8, "after"),
        Send(9, B, "end"),
    ];
    let b = vec![
        Par(1, vec![vec![saga(2, vec![Refuse("no")])], vec![saga(5, vec![Send(7, A, "well"), Enter(6, "three")])]]),
        Receive(9, A),
    ];
    let expected =
        Expected { seen: [&["failed by B: no", "well"], &["failed by B: no", "end"]], entries: [&["two"], &["three"]] };
    plays(pair("Arms", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_takes_no_longer_than_it_may() {
    let timed = |millis, steps| Saga(1, vec![A, B], Scope { within_millis: millis, hurries: false }, steps);
    let a = vec![timed(Some(40), vec![Enter(2, "one"), Receive(3, B)]), Look(5, "after"), Send(6, B, "end")];
    // B sends when it hears that the scope is over.
    let b = vec![timed(None, vec![Enter(2, "two"), Receive(4, A)]), Receive(6, A)];
    let why = "failed by A: not completed within 40 ms";
    let expected = Expected { seen: [&[why], &[why, "end"]], entries: [&[], &[]] };
    plays(pair("Timed", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_does_not_ask_why_goes_on_at_once() {
    let hurried = |steps| Saga(1, vec![A, B], Scope { within_millis: None, hurries: true }, steps);
    // A goes on before B has come to the scope: B comes there only when A has.
    let a = vec![hurried(vec![Enter(2, "one"), Refuse("no")]), Look(5, "after"), Send(6, B, "end")];
    let b = vec![Receive(6, A), hurried(vec![Enter(2, "two")])];
    let expected = Expected { seen: [&["failed"], &["end", "failed"]], entries: [&[], &[]] };
    plays(pair("Hurried", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_a_group_is_named_with_its_index() {
    let workers = [RoleId(1), RoleId(2), RoleId(3)];
    let everyone: Vec<RoleId> = [A].into_iter().chain(workers).collect();
    let scope = |steps| Saga(1, everyone.clone(), Scope::default(), steps);
    // Member 0 works for a moment; 1 and 2 refuse, and the lower of them counts.
    let a = vec![scope(vec![Enter(2, "one")])];
    let worker = vec![scope(vec![Mine(3, RoleId(1), vec![Enter(4, "two")]), Refuse("no")])];
    let piece = Piece::new("Members", &[1], &[("A", a), ("Worker", worker)]);
    let directory = tempfile::tempdir().unwrap();
    for (seen, entries) in within("plainly", piece.plainly::<Memory>(&[1, 3], &[], directory.path())).await {
        let seen = seen.unwrap();
        assert!(seen[0].starts_with("failed by Worker[") && seen[0].ends_with("]: no"), "{seen:?}");
        assert_eq!(entries, Vec::<String>::new());
    }
    let stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1])]).await;
    let seen = within("it", stage.start(piece, "1").members("Worker", ["b", "b", "b"]).settled()).await.unwrap();
    assert!(seen[0].starts_with("failed by Worker[") && seen[0].ends_with("]: no"), "{seen:?}");
    stage.settle().await;
    assert_eq!((stage.pages("a").entries.len(), stage.pages("b").entries.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_in_time_is_received_and_one_too_late_is_dropped() {
    let a =
        vec![ReceiveWithin(1, B, 60_000), ReceiveWithin(2, B, 10), Look(5, "after"), Send(3, B, "end"), Receive(4, B)];
    let b = vec![Send(1, A, "soon"), Receive(3, A), Send(2, A, "late"), Send(4, A, "well")];
    let expected = Expected { seen: [&["soon", "nothing", "well"], &["end"]], entries: [&[], &[]] };
    plays(pair("Waits", a, b), expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_received_in_time_is_received_again_however_long_it_takes_then() {
    let a = vec![ReceiveWithin(1, B, 300), Enter(2, "one"), Look(5, "after"), Send(3, B, "end")];
    let b = vec![Send(1, A, "soon"), Receive(3, A)];
    let piece = pair("Anew", a, b);
    let mut stage = Stage::playing(&piece, [("a", vec![0]), ("b", vec![1])]).await;
    stage.clerk("a").tell("look", Behaviour::Waits);
    drop(stage.accepted(piece.clone(), "1").await);
    until("the look", || (stage.clerk("a").calls("look") == 1).then_some(())).await;
    stage.down("a");
    stage.tap.hold(|from, _, kind| from == "b" && kind == Kind::Message);
    stage.up("a").await;
    stage.clerk("a").tell("look", Behaviour::Works);
    until("the message", || (stage.tap.held() >= 1).then_some(())).await;
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    stage.tap.release();
    let seen = within("the session", stage.start(piece, "1").settled()).await.unwrap();
    assert_eq!(seen, ["soon"]);
    stage.settle().await;
    assert_eq!(stage.pages("a").history, ["enter one"]);
}
