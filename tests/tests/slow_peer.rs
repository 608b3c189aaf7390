//! A peer that reads nothing for a while: what waits for it is bounded in bytes, those who start sessions feel it, and everything goes on when it reads.

use std::net::Ipv4Addr;

use accompanist::store::Memory;
use accompanist::transport::Tcp;
use accompanist::{Limits, Node, NodeBuilder};
use accompanist_tests::clerk::Clerk;
use accompanist_tests::generated::trials::{Looked, looked};
use accompanist_tests::proxy::Proxy;
use accompanist_tests::recorder::Recorder;
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::{until, within};

/// Sessions, and bytes of what each is started with and sends on.
const STARTS: usize = 90;
const LINE_BYTES: usize = 400_000;

/// What sessions may hold, half of it to be sent, which is more than sockets take by themselves (some
/// 8 MB); and what may wait for the peer: much less than all sessions send.
const STARTED_BYTES_MAX: usize = 24_000_000;
const OUTGOING_BYTES_MAX: usize = 1_000_000;

/// The clock brings nothing back: no frame is sent again before it has been asked for.
fn node(name: &str, clerk: &Clerk) -> NodeBuilder<Memory> {
    let builder = Node::builder(name, Memory::new()).timing(TIMING);
    if name == "a" { builder.role(looked::A::new(clerk.clone())) } else { builder.role(looked::B::new(clerk.clone())) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_holds_starts_back_and_everything_settles_when_it_reads() {
    let tcp = Tcp::bind("127.0.0.1:0").await.expect("a port").with_peers([("a", "127.0.0.1:9")]);
    let proxy = Proxy::start(Ipv4Addr::LOCALHOST, tcp.local_address().expect("its address")).await;
    let (clerk_a, clerk_b) = (Clerk::default(), Clerk::default());
    let _b = node("b", &clerk_b).transport(tcp).start().await.expect("it starts");
    let recorder = Recorder::default();
    let tcp = Tcp::new("127.0.0.1:0", [("b", proxy.address())]).outgoing_bytes_max(OUTGOING_BYTES_MAX);
    let limits = Limits { started_bytes_max: STARTED_BYTES_MAX, ..Limits::default() };
    let a = node("a", &clerk_a).limits(limits).transport(recorder.around(tcp)).start().await.expect("it starts");
    let line = || "x".repeat(LINE_BYTES);
    within("a session", a.start(Looked { line: line() }).settled()).await.expect("a result");

    proxy.change(|weather| weather.forth_blocked = true);
    let starts: Vec<_> = (0..STARTS)
        .map(|number| tokio::spawn(a.start(Looked { line: line() }).id(number.to_string()).settled()))
        .collect();
    let waiting_bytes = || recorder.link("a").waiting_bytes("b");
    until("starts that wait, and a full queue", || {
        let is_full = waiting_bytes() > OUTGOING_BYTES_MAX / 2;
        // As many as there is room for when each has begun, and has sent nothing yet.
        (is_full && a.counts().starts_waiting as usize >= STARTS - STARTED_BYTES_MAX / LINE_BYTES).then_some(())
    })
    .await;
    // Each holds what it was started with, and what it sends.
    let counts = a.counts();
    assert!(counts.started_bytes as usize <= STARTED_BYTES_MAX * 5 / 2, "{counts:?}");
    assert!(counts.sessions as usize <= STARTED_BYTES_MAX / LINE_BYTES, "{counts:?}");
    assert!(waiting_bytes() <= OUTGOING_BYTES_MAX, "{} bytes wait", waiting_bytes());
    let refused = within("a refusal", a.start(Looked { line: line() }).try_accepted()).await.expect_err("no room");
    assert!(refused.is_overloaded() && refused.to_string().contains("bytes in memory"), "{refused}");
    // Cut off in the middle: all that there is, more than the queue takes, is to be said again at once.
    proxy.change(|weather| weather.cuts += 1);

    proxy.heal();
    for start in starts {
        within("the end", start).await.expect("no panic").expect("a result");
    }
    assert_eq!(clerk_b.calls("enter"), STARTS as u64 + 1);
    until("rest", || (a.counts().sessions == 0).then_some(())).await;
    let counts = a.counts();
    assert_eq!((counts.started_bytes, counts.starts_waiting, counts.kept_bytes), (0, 0, 0));
}
