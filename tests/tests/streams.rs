//! Sessions that send much: what a sender keeps is bounded, its receiver writes the rest down, and either may go and come back in between.
//!
//! `ACCOMPANIST_PIECES=50000` sends as many pieces of 1 KiB.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accompanist::store::{Sqlite, SqliteTx};
use accompanist::{BoxError, Failure, Limits, rusqlite};
use accompanist_tests::stage::Stage;
use accompanist_tests::wait::{until, within};

accompanist::choreo! {
    service Writer { pure fn piece(number: u64) -> String; }
    service Reader { transaction note(bytes: u64) -> u64 compensate forget; }

    choreography Stream<A: Writer, B: Reader>(pieces: u64@A) -> u64@A {
        let mut number: u64@A = 0;
        let mut bytes: u64@B = 0;
        while number < pieces {
            let piece = A.piece(number) ~> B;
            bytes = bytes + piece.len().to_u64();
            number = number + 1;
        }
        B.note(bytes) ~> A
    }
}

/// Less than a hundred pieces.
const KEPT_BYTES_MAX: usize = 64 * 1024;
const PIECE_BYTES: u64 = 1024;

struct Piece;

impl Writer<Sqlite> for Piece {
    fn piece(&self, number: &u64) -> String {
        format!("{number:0>width$}", width = PIECE_BYTES as usize)
    }
}

struct Noted;

impl Reader<Sqlite> for Noted {
    async fn note(&self, _tx: &mut SqliteTx, bytes: &u64) -> Result<u64, Failure> {
        Ok(*bytes)
    }

    async fn forget(&self, _tx: &mut SqliteTx, _bytes: &u64, _noted: &u64) -> Result<(), BoxError> {
        Ok(())
    }
}

fn pieces(unless_asked: u64) -> u64 {
    std::env::var("ACCOMPANIST_PIECES").ok().and_then(|asked| asked.parse().ok()).unwrap_or(unless_asked)
}

async fn stage() -> Stage {
    let limits = Limits { kept_bytes_max: KEPT_BYTES_MAX, ..Limits::default() };
    let cast = move |name: &str, builder: accompanist::NodeBuilder<Sqlite>, _: &accompanist_tests::clerk::Clerk| {
        let builder = builder.limits(limits);
        if name == "a" { builder.role(stream::A::new(Piece)) } else { builder.role(stream::B::new(Noted)) }
    };
    Stage::casting(&["a", "b"], cast).await
}

/// How many messages a node has written down and still has.
fn logged(stage: &Stage, node: &str) -> u64 {
    let count = |connection: &rusqlite::Connection| {
        connection.query_row("SELECT count(*) FROM accompanist_message", [], |row| row.get(0))
    };
    stage.node(node).store().read(count).expect("the table is there")
}

/// Waits until `node` has written down so many messages, and notes meanwhile the most that `a` keeps.
async fn has_logged(stage: &Stage, node: &str, messages: u64, most_kept: &AtomicU64) {
    until(("messages at", node, messages), || {
        most_kept.fetch_max(stage.node("a").counts().kept_bytes, Ordering::Relaxed);
        (logged(stage, node) >= messages).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m6_a_sender_of_much_keeps_little_though_its_receiver_goes_and_comes_back() {
    let pieces = pieces(6_000);
    let mut stage = stage().await;
    let most_kept = Arc::new(AtomicU64::new(0));
    let session = stage.accepted(Stream { pieces }, "1").await;
    has_logged(&stage, "b", pieces / 2, &most_kept).await;
    stage.restart(&["b"]).await;
    let settled = tokio::spawn(session.settled());
    while !settled.is_finished() {
        most_kept.fetch_max(stage.node("a").counts().kept_bytes, Ordering::Relaxed);
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert_eq!(settled.await.expect("no panic").expect("a result"), pieces * PIECE_BYTES);
    let most_kept = most_kept.load(Ordering::Relaxed);
    assert!((1..=KEPT_BYTES_MAX as u64).contains(&most_kept), "{most_kept} bytes were kept");
    stage.settle().await;
    assert_eq!((logged(&stage, "a"), logged(&stage, "b")), (0, 0), "what was written down goes with the session");
    assert_eq!(stage.node("a").counts().kept_bytes, 0);
    // A write for each half of the room at most, and not one for each message.
    let writes = stage.node("a").counts().writes_prompt;
    assert!(writes < 20, "{writes} writes at A");
}

#[tokio::test(flavor = "multi_thread")]
async fn m6_a_sender_of_much_goes_and_comes_back_and_sends_little_again() {
    let pieces = 2_000;
    let mut stage = stage().await;
    let most_kept = AtomicU64::new(0);
    let session = stage.accepted(Stream { pieces }, "1").await;
    has_logged(&stage, "b", pieces / 2, &most_kept).await;
    drop(session);
    stage.restart(&["a"]).await;
    let again = within("the end", stage.start(Stream { pieces }, "1").settled()).await;
    assert_eq!(again.expect("a result"), pieces * PIECE_BYTES);
    stage.settle().await;
    assert_eq!(logged(&stage, "b"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_session_writes_no_message_down() {
    let stage = stage().await;
    let session = stage.accepted(Stream { pieces: 20 }, "1").await;
    within("the end", session.settled()).await.expect("a result");
    stage.settle().await;
    // The start. The vote of one that only asks is lazy, that of the other is in its transaction, and the ends of both are lazy.
    let counts = ["a", "b"].map(|node| stage.node(node).counts());
    assert_eq!(counts.map(|counts| counts.writes_prompt), [1, 0]);
}
