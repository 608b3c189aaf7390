//! Tests over real sockets.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it does not expect")]

#[cfg(feature = "tls")]
pub(super) mod authority;
mod flood;
mod limits;
mod outgoing;
mod slow;
pub(super) mod stage;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use self::stage::{
    Ear, Event, Node, Over, PATIENCE, Reader, anywhere, closes, dial, ends, everyhow, framed, hello, next_frame, pair,
    welcome,
};
use super::stream::Stream;
use super::wire::{self, Epoch, Hello, MAGIC, Reply, VERSION, Verdict, clock_ms};
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn frames_arrive_whole_and_in_order_both_ways() {
    for over in everyhow() {
        let (mut a, mut b) = pair(over).await;
        for length in [1, 3, 200, 65_531, 65_532, 65_533, 1_000_000, 2, FRAME_BYTES_MAX] {
            let frame: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            a.link.send("b", &frame);
            b.hears("a", &frame).await;
            b.link.send("a", &frame);
            a.hears("b", &frame).await;
        }
        for number in 0..10_000_u32 {
            a.link.send("b", &number.to_le_bytes());
        }
        for number in 0..10_000_u32 {
            b.hears("a", &number.to_le_bytes()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_outside_of_the_runtime_sends() {
    for over in everyhow() {
        let (a, mut b) = pair(over).await;
        let thread = std::thread::spawn(move || {
            a.link.send("b", b"from outside");
            a
        });
        b.hears("a", b"from outside").await;
        drop(thread.join());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_restarts_is_connected_again() {
    for over in everyhow() {
        let (mut a, b) = pair(over).await;
        let address = b.address;
        drop(b);
        let mut b = Node::start(over, "b", address, &[("a", anywhere())]).await;
        a.connected("b").await;
        b.connected("a").await;
        a.link.send("b", b"again");
        b.hears("a", b"again").await;
        drop(a);
        let mut a = Node::start(over, "a", anywhere(), &[("b", address)]).await;
        a.connected("b").await;
        b.connected("a").await;
        b.link.send("a", b"and again");
        a.hears("b", b"and again").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_without_a_connection_is_dropped() {
    for over in everyhow() {
        let listener = TcpListener::bind(anywhere()).await.unwrap();
        let mut a = Node::start(over, "a", anywhere(), &[("b", listener.local_addr().unwrap())]).await;
        a.link.send("b", b"too early");
        assert_eq!(a.link.dropped_frames("b"), 1);
        let stream = over.answered(listener.accept().await.unwrap().0, "b").await;
        let _: Hello = wire::greeting(&stream, wire::GREETING_BYTES_MAX).await.unwrap();
        welcome(&stream, "b").await;
        assert_eq!(wire::greeting::<Verdict>(&stream, wire::ANSWER_BYTES_MAX).await.unwrap(), Verdict::Admitted);
        a.connected("b").await;
        a.link.send("b", b"now");
        assert_eq!(next_frame(&stream).await, b"now");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_told_why() {
    for over in everyhow() {
        let (a, mut b) = pair(over).await;
        let cases = [
            (hello("a", "c", 1), "this is node `b`, not `c`"),
            (hello(&"x".repeat(1000), "b", 1), "no more than 255 bytes"),
            (hello("z", "b", 1), "node `z` is not among the peers of `b`"),
            (hello("b", "b", 1), "node `b` is not among"),
        ];
        for (hello, expected) in cases {
            let (stream, reply) = dial(over, ("b", b.address), &hello).await;
            assert!(matches!(&reply, Reply::Refused { reason, .. } if reason.contains(expected)), "{reply:?}");
            assert!(b.refuses().await.contains(expected));
            closes(stream).await;
        }
        let (_, reply) = dial(over, ("a", a.address), &hello("b", "a", 1)).await;
        assert!(matches!(&reply, Reply::Refused { reason, .. } if reason.contains("`a` dials `b`")), "{reply:?}");
        // The connection that stands does not notice.
        a.link.send("b", b"still here");
        b.hears("a", b"still here").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_other_versions_are_refused() {
    for over in everyhow() {
        let (a, mut b) = pair(over).await;
        let other_version = [&MAGIC[..], &(VERSION + 1).to_le_bytes(), &2_u32.to_le_bytes(), b"??"].concat();
        let long = [&MAGIC[..], &VERSION.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
        let malformed = [&MAGIC[..], &VERSION.to_le_bytes(), &3_u32.to_le_bytes(), &[255; 3]].concat();
        let speaks = format!("speaks version {}", VERSION + 1);
        let cases = [
            (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak the protocol"),
            (other_version, speaks.as_str()),
            (long, "more than 16384"),
            (malformed, "malformed"),
        ];
        for (bytes, expected) in cases {
            let stream = Stream::plain(TcpStream::connect(b.address).await.unwrap());
            stream.write_all(&bytes).await.unwrap();
            let reply =
                timeout(PATIENCE, wire::greeting::<Reply>(&stream, wire::ANSWER_BYTES_MAX)).await.unwrap().unwrap();
            assert!(matches!(&reply, Reply::Refused { reason, .. } if reason.contains(expected)), "{reply:?}");
            assert!(b.refuses().await.contains(expected));
            closes(stream).await;
        }
        // Nothing at all, and less than a greeting.
        drop(TcpStream::connect(b.address).await.unwrap());
        TcpStream::connect(b.address).await.unwrap().write_all(&MAGIC[..3]).await.unwrap();
        a.link.send("b", b"still here");
        b.hears("a", b"still here").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialer_does_not_believe_another_name() {
    for over in everyhow() {
        let listener = TcpListener::bind(anywhere()).await.unwrap();
        let mut a = Node::start(over, "a", anywhere(), &[("b", listener.local_addr().unwrap())]).await;
        for name in ["c", "a", "", "b"] {
            let stream = over.answered(listener.accept().await.unwrap().0, "b").await;
            let hello: Hello = wire::greeting(&stream, wire::GREETING_BYTES_MAX).await.unwrap();
            assert_eq!((hello.node.as_str(), hello.peer.as_str()), ("a", "b"));
            welcome(&stream, name).await;
            if name != "b" {
                closes(stream).await;
                assert!(a.refuses().await.contains("answers where `b` should be"));
            } else {
                a.connected("b").await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_takes_the_place_of_a_half_open_one() {
    for over in everyhow() {
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let (old, _) = dial(over, ("b", b.address), &hello("a", "b", 5)).await;
        b.connected("a").await;
        old.write_all(&framed(b"old")).await.unwrap();
        b.hears("a", b"old").await;
        // Half a frame is on the way when the newer one comes.
        old.write_all(b"\x0e\0\0\0nev").await.unwrap();
        let (new, _) = dial(over, ("b", b.address), &hello("a", "b", 6)).await;
        b.connected("a").await;
        let _ = old.write_all(b" complete").await;
        closes(old).await;
        new.write_all(&framed(b"new")).await.unwrap();
        b.hears("a", b"new").await;
        // One that was dialed before it, and comes late, is refused and changes nothing.
        let (late, reply) = dial(over, ("b", b.address), &hello("a", "b", 4)).await;
        assert!(matches!(&reply, Reply::Refused { reason, .. } if reason.contains("newer")), "{reply:?}");
        closes(late).await;
        new.write_all(&framed(b"still new")).await.unwrap();
        b.hears("a", b"still new").await;
        b.link.send("a", b"to the newer");
        assert_eq!(next_frame(&new).await, b"to the newer");
        // Another process of the same name counts anew.
        let mut other = hello("a", "b", 1);
        other.epoch.process = 0;
        dial(over, ("b", b.address), &other).await;
        b.connected("a").await;
        closes(new).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_is_not_delivered() {
    for over in everyhow() {
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let (stream, _) = dial(over, ("b", b.address), &hello("a", "b", 1)).await;
        b.connected("a").await;
        let heartbeat = |at_ms: i64| [&0_u32.to_le_bytes()[..], &at_ms.to_le_bytes()].concat();
        stream.write_all(&[heartbeat(clock_ms()), framed(b"fresh")].concat()).await.unwrap();
        b.hears("a", b"fresh").await;
        // As after an hour in a socket whose reader was stopped.
        stream.write_all(&[heartbeat(clock_ms() - 3_600_000), framed(b"stale")].concat()).await.unwrap();
        closes(stream).await;
        // A clock that is an hour behind is a clock, and no delay.
        let behind = Hello { clock_ms: clock_ms() - 3_600_000, ..hello("a", "b", 2) };
        let (stream, _) = dial(over, ("b", b.address), &behind).await;
        b.connected("a").await;
        stream.write_all(&[heartbeat(clock_ms() - 3_600_000), framed(b"slow clock")].concat()).await.unwrap();
        b.hears("a", b"slow clock").await;
    }
}

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let outgoing = super::outgoing::Outgoing::new(OUTGOING_BYTES_MAX);
    let heard_ms = std::sync::atomic::AtomicI64::new(clock_ms() - SILENCE_MAX.as_millis() as i64 - 1);
    let end = super::peer::beat(&outgoing, &heard_ms).await;
    assert!(end.to_string().contains("nothing was heard"), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_must_be_unique_and_short() {
    let silent = || Arc::new(Ear(unbounded_channel().0));
    let twice = Tcp::new(anywhere(), [("b", "127.0.0.1:1"), ("b", "127.0.0.1:2")]).start("a", silent()).await;
    assert!(twice.unwrap_err().to_string().contains("two peers are named `b`"));
    for name in ["", &"x".repeat(300)] {
        assert!(Tcp::new(anywhere(), [("b", "127.0.0.1:1")]).start(name, silent()).await.is_err());
        assert!(Tcp::new(anywhere(), [(name, "127.0.0.1:1")]).start("a", silent()).await.is_err());
    }
    let taken = TcpListener::bind(anywhere()).await.unwrap().local_addr().unwrap();
    let _holder = TcpListener::bind(taken).await.unwrap();
    let refused = Tcp::new(taken, [("b", "127.0.0.1:1")]).start("a", silent()).await.unwrap_err();
    assert!(refused.to_string().contains(&taken.to_string()), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_reaches_itself() {
    let mut a = Node::start(Over::Plain, "a", anywhere(), &[("a", anywhere())]).await;
    a.link.send("a", b"me");
    a.hears("a", b"me").await;
    a.link.send("nobody", b"dropped");
}

/// Answers every frame from within the call that brings it, as a node does, until a number of them has come.
struct Rally {
    link: Mutex<Option<Arc<TcpLink>>>,
    count: AtomicUsize,
    over: UnboundedSender<()>,
}

impl Inbound for Rally {
    fn frame(&self, from: &str, frame: &[u8]) {
        if self.count.fetch_add(1, Ordering::Relaxed) == 1000 {
            let _ = self.over.send(());
        }
        if let Some(link) = self.link.lock().unwrap().as_ref() {
            link.send(from, frame);
        }
    }

    fn connected(&self, _: &str) {}
}

#[tokio::test]
async fn frames_are_answered_from_within() {
    for over in everyhow() {
        let (ended, mut rallied) = unbounded_channel();
        let rally = || Arc::new(Rally { link: Mutex::new(None), count: AtomicUsize::new(0), over: ended.clone() });
        let (a, b) = (rally(), rally());
        let b_tcp = Tcp::bind(anywhere()).await.unwrap();
        let b_address = b_tcp.local_address().unwrap();
        let b_link = Arc::new(
            over.tcp(b_tcp, "b").with_peers([("a", anywhere())]).start("b", Arc::clone(&b) as _).await.unwrap(),
        );
        let a_link = Arc::new(
            over.tcp(Tcp::new(anywhere(), [("b", b_address)]), "a").start("a", Arc::clone(&a) as _).await.unwrap(),
        );
        *a.link.lock().unwrap() = Some(Arc::clone(&a_link));
        *b.link.lock().unwrap() = Some(b_link);
        // Until the connection is there, frames are dropped.
        while a.count.load(Ordering::Relaxed) == 0 {
            a_link.send("b", b"ball");
            tokio::task::yield_now().await;
        }
        timeout(PATIENCE, rallied.recv()).await.unwrap().unwrap();
        (*a.link.lock().unwrap(), *b.link.lock().unwrap()) = (None, None);
    }
}
