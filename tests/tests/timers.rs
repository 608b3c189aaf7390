//! Timers on real nodes over SQLite: they are waited for once, whoever is started again meanwhile, and end with what is around them.
#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::time::{Duration, Instant};

use accompanist::store::Memory;
use accompanist::{Cancelled, RoleId};
use accompanist_tests::by_hand::Step::{Enter, Receive, ReceiveWithin, Saga, Send, Sleep};
use accompanist_tests::by_hand::{Piece, Scope, Step};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

const A: RoleId = RoleId(0);
const B: RoleId = RoleId(1);

/// Longer than any test takes.
const AGES_MILLIS: u64 = 3_600_000;

/// A tells B, which sleeps, makes an entry, and answers.
fn nap(millis: u64) -> Piece {
    let a = vec![Send(1, B, "tea"), Receive(5, B)];
    let b = vec![Receive(1, A), Enter(2, "tired"), Sleep(3, millis), Enter(4, "awake"), Send(5, A, "well")];
    Piece::new("Nap", &[], &[("A", a), ("B", b)])
}

async fn playing(piece: &Piece) -> Stage {
    Stage::playing(piece, [("a", vec![0]), ("b", vec![1])]).await
}

/// B has come to its timer.
async fn asleep(stage: &Stage) {
    until("b has come to its timer", || (stage.pages("b").history == ["enter tired"]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t1_a_timer_fires_once_over_restarts() {
    const MILLIS: u64 = 4_000;
    let (piece, began) = (nap(MILLIS), Instant::now());
    let mut stage = playing(&piece).await;
    drop(stage.accepted(piece.clone(), "1").await);
    asleep(&stage).await;
    let slept_since = Instant::now();
    for names in [&["b"][..], &["a"], &["b", "a"], &["b"]] {
        tokio::time::sleep(Duration::from_millis(600)).await;
        stage.restart(names).await;
    }
    let last_restart = Instant::now();
    assert_eq!(stage.pages("b").history, ["enter tired"], "it sleeps");
    let seen = within("the session", stage.start(piece, "1").settled()).await.unwrap();
    assert_eq!(seen, ["well"]);
    assert!(began.elapsed() >= Duration::from_millis(MILLIS), "it has slept for {:?}", slept_since.elapsed());
    let left = last_restart.elapsed();
    assert!(left < Duration::from_millis(MILLIS - 600), "it began anew: it slept for {left:?} after the last restart");
    stage.restart(&["a", "b"]).await;
    stage.settle().await;
    assert_eq!(stage.pages("b").history, ["enter tired", "enter awake"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_ends_with_its_session() {
    let piece = nap(AGES_MILLIS);
    let mut stage = playing(&piece).await;
    for restarted in [false, true] {
        let id = format!("{restarted}");
        let before = stage.pages("b").history.len();
        drop(stage.accepted(piece.clone(), &id).await);
        until("b has come to its timer", || (stage.pages("b").history.len() > before).then_some(())).await;
        if restarted {
            stage.restart(&["a", "b"]).await;
        }
        let cancelled = within("the cancel", stage.node("a").cancel("Nap", &id, "no more")).await.unwrap();
        assert_eq!(cancelled, Cancelled::Aborted { reason: "no more".to_owned() });
        stage.settle().await;
        assert_eq!(stage.pages("b").entries, Vec::<String>::new());
    }
    let start = stage.start(piece, "3").within(Duration::from_millis(300));
    let error = within("the deadline", start.settled()).await.unwrap_err();
    assert_eq!(error.reason(), Some("not decided within 300 ms"));
}

fn saga(site: u32, millis: Option<u64>, steps: Vec<Step>) -> Step {
    Saga(site, vec![A, B], Scope { within_millis: millis, hurries: false }, steps)
}

/// On both runtimes: what A sees, and what stands in B's book.
async fn plays(piece: Piece, seen: &[&str], entries: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let ended = within("the plain runtime", piece.plainly::<Memory>(&[1, 1], &[], directory.path())).await;
    let mut ended = ended.into_iter();
    let (a, b) = (ended.next().unwrap(), ended.next().unwrap());
    assert_eq!((a.0.unwrap(), b.1), (owned(seen), owned(entries)), "plainly");
    let stage = playing(&piece).await;
    assert_eq!(within("the session", stage.start(piece, "1").settled()).await.unwrap(), seen);
    stage.settle().await;
    assert_eq!(stage.pages("b").entries, entries);
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_ends_with_its_scope() {
    let why = "failed by B: not completed within 100 ms";
    let a = vec![saga(1, None, vec![Receive(3, B)]), Receive(4, B)];
    let slow = vec![Enter(2, "in vain"), Sleep(5, AGES_MILLIS), Send(3, A, "never")];
    let b = vec![saga(1, Some(100), slow), Sleep(6, 10), Enter(7, "otherwise"), Send(4, A, "well")];
    plays(Piece::new("Limited", &[], &[("A", a), ("B", b)]), &[why, "well"], &["otherwise"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_go_on_while_a_role_sleeps() {
    // B's other arm answers A, which then sleeps itself, and hears the end.
    let asks = vec![Send(1, B, "tea"), Receive(2, B), Sleep(3, 20), Send(4, B, "go")];
    let a = vec![Step::Par(5, vec![Vec::new(), asks]), Receive(9, B)];
    let arms = vec![
        vec![Sleep(6, 400), Enter(7, "slept")],
        vec![Receive(1, A), Send(2, A, "here"), Receive(4, A), Enter(8, "went on")],
    ];
    let b = vec![Step::Par(5, arms), Send(9, A, "end")];
    plays(Piece::new("Arms", &[], &[("A", a), ("B", b)]), &["here", "end"], &["went on", "slept"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receive_is_patient_while_its_sender_sleeps() {
    let a = vec![ReceiveWithin(1, B, 50), Send(2, B, "go"), Receive(3, B)];
    let b = vec![Sleep(4, 300), Send(1, A, "late"), Receive(2, A), Send(3, A, "end")];
    plays(Piece::new("Late", &[], &[("A", a), ("B", b)]), &["nothing", "end"], &[]).await;
}
