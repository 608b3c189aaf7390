//! Tests over real sockets.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod limits;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::wire::{self, Epoch, Hello, MAGIC, Reply, VERSION, clock_ms};
use super::*;

/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Connected(String),
    Frame(String, Vec<u8>),
    Room(String),
}

/// Tells a test what happens to a node.
struct Ear(UnboundedSender<Event>);

impl Inbound for Ear {
    fn frame(&self, from: &str, frame: &[u8]) {
        let _ = self.0.send(Event::Frame(from.to_owned(), frame.to_vec()));
    }

    fn connected(&self, node: &str) {
        let _ = self.0.send(Event::Connected(node.to_owned()));
    }

    fn room(&self, node: &str) {
        let _ = self.0.send(Event::Room(node.to_owned()));
    }
}

struct Node {
    link: TcpLink,
    address: SocketAddr,
    events: UnboundedReceiver<Event>,
}

impl Node {
    /// Starts `name` at `address`, which another one may just be leaving.
    async fn start(name: &str, address: SocketAddr, peers: &[(&str, SocketAddr)]) -> Self {
        Self::start_with(name, address, peers, OUTGOING_BYTES_MAX).await
    }

    async fn start_with(
        name: &str,
        address: SocketAddr,
        peers: &[(&str, SocketAddr)],
        outgoing_bytes_max: usize,
    ) -> Self {
        let bind = async {
            loop {
                match Tcp::bind(address).await {
                    Ok(tcp) => break tcp,
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        };
        let tcp = timeout(PATIENCE, bind).await.unwrap().with_peers(peers.iter().copied());
        let tcp = tcp.outgoing_bytes_max(outgoing_bytes_max);
        let address = tcp.local_address().unwrap();
        let (sender, events) = unbounded_channel();
        let link = tcp.start(name, Arc::new(Ear(sender))).await.unwrap();
        Self { link, address, events }
    }

    async fn next(&mut self) -> Event {
        timeout(PATIENCE, self.events.recv()).await.expect("an event").unwrap()
    }

    async fn connected(&mut self, peer: &str) {
        assert_eq!(self.next().await, Event::Connected(peer.to_owned()));
    }

    async fn hears(&mut self, peer: &str, frame: &[u8]) {
        assert_eq!(self.next().await, Event::Frame(peer.to_owned(), frame.to_vec()));
    }
}

fn anywhere() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Nodes `a` and `b` that are connected; `a` dials.
async fn pair() -> (Node, Node) {
    // `b` accepts and needs no address of `a`'s.
    let mut b = Node::start("b", anywhere(), &[("a", anywhere())]).await;
    let mut a = Node::start("a", anywhere(), &[("b", b.address)]).await;
    a.connected("b").await;
    b.connected("a").await;
    (a, b)
}

fn hello(node: &str, peer: &str, connection: u64) -> Hello {
    let epoch = Epoch { process: 1, connection };
    Hello { node: node.to_owned(), peer: peer.to_owned(), epoch, clock_ms: clock_ms() }
}

/// Dials by hand, and says what the answer is.
async fn dial(to: SocketAddr, hello: &Hello) -> (TcpStream, Reply) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    wire::greet(&mut stream, hello).await.unwrap();
    let reply = timeout(PATIENCE, wire::greeting(&mut stream)).await.unwrap().unwrap();
    (stream, reply)
}

async fn closes(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // An end or a reset: both close.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the end of the connection");
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_le_bytes()[..], frame].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_arrive_whole_and_in_order_both_ways() {
    let (mut a, mut b) = pair().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_outside_of_the_runtime_sends() {
    let (a, mut b) = pair().await;
    let thread = std::thread::spawn(move || {
        a.link.send("b", b"from outside");
        a
    });
    b.hears("a", b"from outside").await;
    drop(thread.join());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_restarts_is_connected_again() {
    let (mut a, b) = pair().await;
    let address = b.address;
    drop(b);
    let mut b = Node::start("b", address, &[("a", anywhere())]).await;
    a.connected("b").await;
    b.connected("a").await;
    a.link.send("b", b"again");
    b.hears("a", b"again").await;
    drop(a);
    let mut a = Node::start("a", anywhere(), &[("b", address)]).await;
    a.connected("b").await;
    b.connected("a").await;
    b.link.send("a", b"and again");
    a.hears("b", b"and again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_without_a_connection_is_dropped() {
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let mut a = Node::start("a", anywhere(), &[("b", listener.local_addr().unwrap())]).await;
    a.link.send("b", b"too early");
    assert_eq!(a.link.dropped_frames("b"), 1);
    let (mut stream, _) = listener.accept().await.unwrap();
    let _: Hello = wire::greeting(&mut stream).await.unwrap();
    wire::greet(&mut stream, &Reply::Welcome { node: "b".to_owned(), clock_ms: clock_ms() }).await.unwrap();
    a.connected("b").await;
    a.link.send("b", b"now");
    assert_eq!(next_frame(&mut stream).await, b"now");
}

/// The next frame on a socket, past heartbeats.
async fn next_frame(stream: &mut TcpStream) -> Vec<u8> {
    loop {
        let length = stream.read_u32_le().await.unwrap();
        let mut body = vec![0; if length == 0 { 8 } else { length as usize }];
        stream.read_exact(&mut body).await.unwrap();
        if length > 0 {
            return body;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_refused_and_told_why() {
    let (a, mut b) = pair().await;
    let cases = [
        (hello("a", "c", 1), "this is node `b`, not `c`"),
        (hello(&"x".repeat(1000), "b", 1), "no more than 255 bytes"),
        (hello("z", "b", 1), "node `z` is not among the peers of `b`"),
        (hello("b", "b", 1), "node `b` is not among"),
    ];
    for (hello, expected) in cases {
        let (stream, reply) = dial(b.address, &hello).await;
        assert!(matches!(&reply, Reply::Refused { reason } if reason.contains(expected)), "{reply:?}");
        closes(stream).await;
    }
    let (_, reply) = dial(a.address, &hello("b", "a", 1)).await;
    assert!(matches!(&reply, Reply::Refused { reason } if reason.contains("`a` dials `b`")), "{reply:?}");
    // The connection that stands does not notice.
    a.link.send("b", b"still here");
    b.hears("a", b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_other_versions_are_refused() {
    let (a, mut b) = pair().await;
    let other_version = [&MAGIC[..], &(VERSION + 1).to_le_bytes(), &2_u32.to_le_bytes(), b"??"].concat();
    let long = [&MAGIC[..], &VERSION.to_le_bytes(), &u32::MAX.to_le_bytes()].concat();
    let malformed = [&MAGIC[..], &VERSION.to_le_bytes(), &3_u32.to_le_bytes(), &[255; 3]].concat();
    let speaks = format!("speaks version {}", VERSION + 1);
    let cases = [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "does not speak the protocol"),
        (other_version, speaks.as_str()),
        (long, "more than 4096"),
        (malformed, "malformed"),
    ];
    for (bytes, expected) in cases {
        let mut stream = TcpStream::connect(b.address).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        // What was not read may take the answer back with it; the connection is closed in any case.
        if let Ok(reply) = timeout(PATIENCE, wire::greeting::<Reply>(&mut stream)).await.unwrap() {
            assert!(matches!(&reply, Reply::Refused { reason } if reason.contains(expected)), "{reply:?}");
        }
        closes(stream).await;
    }
    // Nothing at all, and less than a greeting.
    drop(TcpStream::connect(b.address).await.unwrap());
    TcpStream::connect(b.address).await.unwrap().write_all(&MAGIC[..3]).await.unwrap();
    a.link.send("b", b"still here");
    b.hears("a", b"still here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialer_does_not_believe_another_name() {
    let listener = TcpListener::bind(anywhere()).await.unwrap();
    let mut a = Node::start("a", anywhere(), &[("b", listener.local_addr().unwrap())]).await;
    for name in ["c", "a", "", "b"] {
        let (mut stream, _) = listener.accept().await.unwrap();
        let hello: Hello = wire::greeting(&mut stream).await.unwrap();
        assert_eq!((hello.node.as_str(), hello.peer.as_str()), ("a", "b"));
        wire::greet(&mut stream, &Reply::Welcome { node: name.to_owned(), clock_ms: clock_ms() }).await.unwrap();
        if name != "b" {
            closes(stream).await;
            assert!(a.events.try_recv().is_err());
        } else {
            a.connected("b").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_connection_takes_the_place_of_a_half_open_one() {
    let mut b = Node::start("b", anywhere(), &[("a", anywhere())]).await;
    let (mut old, _) = dial(b.address, &hello("a", "b", 5)).await;
    b.connected("a").await;
    old.write_all(&framed(b"old")).await.unwrap();
    b.hears("a", b"old").await;
    // Half a frame is on the way when the newer one comes.
    old.write_all(b"\x0e\0\0\0nev").await.unwrap();
    let (mut new, _) = dial(b.address, &hello("a", "b", 6)).await;
    b.connected("a").await;
    let _ = old.write_all(b" complete").await;
    closes(old).await;
    new.write_all(&framed(b"new")).await.unwrap();
    b.hears("a", b"new").await;
    // One that was dialed before it, and comes late, is refused and changes nothing.
    let (late, reply) = dial(b.address, &hello("a", "b", 4)).await;
    assert!(matches!(&reply, Reply::Refused { reason } if reason.contains("newer")), "{reply:?}");
    closes(late).await;
    new.write_all(&framed(b"still new")).await.unwrap();
    b.hears("a", b"still new").await;
    b.link.send("a", b"to the newer");
    assert_eq!(next_frame(&mut new).await, b"to the newer");
    // Another process of the same name counts anew.
    let mut other = hello("a", "b", 1);
    other.epoch.process = 0;
    dial(b.address, &other).await;
    b.connected("a").await;
    closes(new).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_old_is_not_delivered() {
    let mut b = Node::start("b", anywhere(), &[("a", anywhere())]).await;
    let (mut stream, _) = dial(b.address, &hello("a", "b", 1)).await;
    b.connected("a").await;
    let heartbeat = |at_ms: i64| [&0_u32.to_le_bytes()[..], &at_ms.to_le_bytes()].concat();
    stream.write_all(&[heartbeat(clock_ms()), framed(b"fresh")].concat()).await.unwrap();
    b.hears("a", b"fresh").await;
    // As after an hour in a socket whose reader was stopped.
    stream.write_all(&[heartbeat(clock_ms() - 3_600_000), framed(b"stale")].concat()).await.unwrap();
    closes(stream).await;
    // A clock that is an hour behind is a clock, and no delay.
    let behind = Hello { clock_ms: clock_ms() - 3_600_000, ..hello("a", "b", 2) };
    let (mut stream, _) = dial(b.address, &behind).await;
    b.connected("a").await;
    stream.write_all(&[heartbeat(clock_ms() - 3_600_000), framed(b"slow clock")].concat()).await.unwrap();
    b.hears("a", b"slow clock").await;
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
    let mut a = Node::start("a", anywhere(), &[("a", anywhere())]).await;
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
    let (over, mut rallied) = unbounded_channel();
    let rally = || Arc::new(Rally { link: Mutex::new(None), count: AtomicUsize::new(0), over: over.clone() });
    let (a, b) = (rally(), rally());
    let b_tcp = Tcp::bind(anywhere()).await.unwrap();
    let b_address = b_tcp.local_address().unwrap();
    let b_link = Arc::new(b_tcp.with_peers([("a", anywhere())]).start("b", Arc::clone(&b) as _).await.unwrap());
    let a_link = Arc::new(Tcp::new(anywhere(), [("b", b_address)]).start("a", Arc::clone(&a) as _).await.unwrap());
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
