//! A node that is hostile, and lies: it never ends, blocks or corrupts another one. Frames made from real ones, straight into nodes; and a peer over real sockets that
//! says what it should not, and reads nothing.
//!
//! Some thousands of frames unless said; `ACCOMPANIST_FUZZ_SECONDS=3600 cargo test --release -p accompanist-tests --test hostile` goes on for longer, from another
//! seed with `ACCOMPANIST_FUZZ_SEED`.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at what it does not expect"
)]

mod authority;
mod honest;
mod mutate;
mod sockets;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use accompanist::transport::LocalNetwork;
use accompanist_core::{Body, Frame, RoleId};
use accompanist_tests::random::Random;
use accompanist_tests::wait::until;

use self::honest::{HONEST, Honest, SESSIONS_OF_PEER_MAX};
use self::mutate::Pool;

/// How many frames a normal run tries.
const FRAME_COUNT: u64 = 6_000;

/// How many frames are tried before what honest nodes say is recorded anew.
const FRAMES_OF_POOL: u64 = 500;

/// The node that is hostile, and one that nobody knows.
const HOSTILE: &str = "m";
const STRANGER: &str = "x";

/// Panics so far, in any task.
static PANICS: AtomicU64 = AtomicU64::new(0);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("it is a number"))
}

/// From now on a panic is counted, wherever it is caught.
fn count_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            before(panic);
        }));
    });
}

/// Says so many frames to the honest nodes, in the name of one of `names`.
async fn shout(honest: &Honest<accompanist::transport::LocalLink>, names: &[&str], seed: u64) -> u64 {
    let end = number("ACCOMPANIST_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut count = 0;
    while end.map_or(count < FRAME_COUNT, |end| Instant::now() < end) {
        let pool = Pool::new(&honest.recorder.frames(), HOSTILE);
        for _ in 0..FRAMES_OF_POOL {
            let mut random = Random::new(seed.wrapping_add(count));
            let frame = pool.hostile(&mut random);
            if let Some(decoded) = Frame::decode(&frame) {
                assert_eq!(Frame::decode(&decoded.encode()).as_ref(), Some(&decoded), "what was read can be written");
            }
            let (to, name) = (HONEST[random.below(HONEST.len())], names[random.below(names.len())]);
            honest.recorder.inbound(to).frame(name, &frame);
            count += 1;
            assert_eq!(PANICS.load(Ordering::SeqCst), 0, "a panic, at the latest by frame {count} of seed {seed}");
        }
        tokio::task::yield_now().await;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_a_hostile_node_disturb_no_session_of_others() {
    count_panics();
    let network = LocalNetwork::new();
    let honest = Honest::start(async |_| network.transport()).await;
    let work = honest.work();
    until("some sessions", || (honest.started() > 20).then_some(())).await;
    let seed = number("ACCOMPANIST_FUZZ_SEED").unwrap_or(1);
    let before = honest.started();
    shout(&honest, &[HOSTILE, HOSTILE, STRANGER, ""], seed).await;
    assert!(honest.started() > before, "sessions go on meanwhile");
    honest.end(work).await;
    for name in HONEST {
        let counts = honest.node(name).counts();
        assert!(counts.frames_refused > 100, "{name}: {counts:?}");
        assert!(counts.sessions as usize <= 4 * SESSIONS_OF_PEER_MAX, "{name}: {counts:?}");
    }
}

/// Whoever has a part in a session may say that it started at another node: what that one may have here is not used up by it.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_in_the_name_of_another_node_take_nothing_of_its_room() {
    let network = LocalNetwork::new();
    let honest = Honest::start(async |_| network.transport()).await;
    let work = honest.work();
    until("some sessions", || (honest.started() > 5).then_some(())).await;
    let recorded = honest.recorder.frames();
    let frames = recorded.iter().filter(|recorded| recorded.to == "b").filter_map(|it| Frame::decode(&it.bytes));
    let real = frames.filter(|frame| frame.header.is_some()).find(|frame| matches!(frame.body, Body::Message { .. }));
    let real = real.expect("a session begins at b by a message");
    for number in 0..4 * SESSIONS_OF_PEER_MAX {
        let mut header = (**real.header.as_ref().expect("it has one")).clone();
        header.nonce[..8].copy_from_slice(&number.to_le_bytes());
        header.nodes[2] = vec![HOSTILE.to_owned()];
        let session = header.session_id();
        let frame = Frame { session, from: RoleId(2), header: Some(Arc::new(header)), ..real.clone() };
        honest.recorder.inbound("b").frame(HOSTILE, &frame.encode());
    }
    assert!(honest.node("b").counts().frames_dropped as usize >= SESSIONS_OF_PEER_MAX, "they are over the limit");
    let before = honest.started();
    until("more sessions", || (honest.started() > before + 10).then_some(())).await;
    honest.end(work).await;
}

/// A node that speaks for itself may spoil its own sessions, and no node.
#[tokio::test(flavor = "multi_thread")]
async fn participants_that_lie_end_no_node() {
    count_panics();
    let network = LocalNetwork::new();
    let honest = Honest::start(async |_| network.transport()).await;
    let work = honest.work();
    until("some sessions", || (honest.started() > 20).then_some(())).await;
    honest.end(work).await;
    let seed = number("ACCOMPANIST_FUZZ_SEED").unwrap_or(1).wrapping_add(1 << 40);
    shout(&honest, &[HOSTILE, "a", "b", "c"], seed).await;
    honest.are_there().await;
}
