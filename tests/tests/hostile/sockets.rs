//! A peer over real sockets that knows the handshake, and no manners.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use accompanist::transport::tcp::{FRAME_BYTES_MAX, SILENCE_MAX};
use accompanist::transport::{Tcp, TcpLink};
use accompanist_core::{Body, Frame, Outcome, Position, RoleId, SessionId, Vote};
use accompanist_tests::random::Random;
use accompanist_tests::wait::{until, within};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::honest::{HONEST, Honest};
use crate::mutate::Pool;
use crate::{PANICS, count_panics};

/// The hostile node. It sorts first, and so dials.
const EVIL: &str = "0evil";

/// Bytes that may wait for it, and bytes that its own socket takes without its reading any.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;
const SOCKET_BYTES: u32 = 8 * 1024;

/// The transport protocol's version.
const VERSION: u16 = 8;

/// What a dialer says first.
#[derive(Serialize)]
struct Hello<'a> {
    node: &'a str,
    peer: &'a str,
    process: u64,
    connection: u64,
    clock_ms: i64,
    greeting: Vec<u8>,
}

fn clock_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_millis() as i64
}

/// Three honest nodes that expect a fourth, and where they are.
struct Scene {
    honest: Honest<TcpLink>,
    addresses: BTreeMap<&'static str, SocketAddr>,
}

impl Scene {
    async fn start() -> Self {
        count_panics();
        let mut addresses = BTreeMap::new();
        let mut listeners = BTreeMap::new();
        for name in HONEST {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            addresses.insert(name, listener.local_addr().expect("its address"));
            listeners.insert(name, listener);
        }
        drop(listeners);
        let peers: Vec<_> = addresses
            .iter()
            .map(|(name, address)| (*name, *address))
            .chain([(EVIL, "127.0.0.1:9".parse().unwrap())])
            .collect();
        let honest =
            Honest::start(async |name| Tcp::new(addresses[name], peers.clone()).outgoing_bytes_max(OUTGOING_BYTES_MAX))
                .await;
        Self { honest, addresses }
    }

    /// A connection of the hostile node, after the greetings.
    async fn dial(&self, to: &str, connection: u64) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(SOCKET_BYTES).expect("it can be set");
        let mut stream = socket.connect(self.addresses[to]).await.expect("it listens");
        let hello = Hello { node: EVIL, peer: to, process: 7, connection, clock_ms: clock_ms(), greeting: Vec::new() };
        let body = postcard::to_stdvec(&hello).expect("it can be written");
        let greeting = [&b"ACCOMPAN"[..], &VERSION.to_le_bytes(), &(body.len() as u32).to_le_bytes(), &body].concat();
        stream.write_all(&greeting).await.expect("it listens");
        let mut head = [0; 14];
        within("the reply", stream.read_exact(&mut head)).await.expect("a reply");
        let mut reply = vec![0; u32::from_le_bytes([head[10], head[11], head[12], head[13]]) as usize];
        stream.read_exact(&mut reply).await.expect("a reply");
        assert_eq!(reply.first(), Some(&0), "it is welcome: {}", String::from_utf8_lossy(&reply));
        // It admits the other.
        let verdict = [&b"ACCOMPAN"[..], &VERSION.to_le_bytes(), &1_u32.to_le_bytes(), &[0]].concat();
        stream.write_all(&verdict).await.expect("it listens");
        stream
    }
}

fn framed(frame: &[u8]) -> Vec<u8> {
    [&(frame.len() as u32).to_le_bytes()[..], frame].concat()
}

async fn is_closed(mut stream: TcpStream) {
    let mut rest = [0; 4_096];
    // An end or a reset: both close. Heartbeats come before.
    within("the end of the connection", async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} }).await;
}

/// What somebody says of a session of others: votes, ends, questions.
fn forgeries(session: SessionId) -> Vec<Frame> {
    let bodies = [
        Body::Vote { voter: RoleId(1), vote: Vote::Completed { parts: None } },
        Body::Vote { voter: RoleId(1), vote: Vote::Aborted { reason: "forged".into() } },
        Body::Done { outcome: Outcome::Committed, answer: false },
        Body::Done { outcome: Outcome::Compensated, answer: true },
        Body::Cancel { reason: "forged".into() },
        Body::Refused { reason: "forged".to_owned() },
        Body::Over,
        Body::Need,
        Body::Keep,
        Body::Awaits { positions: vec![Position::BEGIN] },
        Body::Stable { positions: vec![Position::BEGIN, Position(7)] },
    ];
    let mut frames = Vec::new();
    for body in bodies {
        for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 0), (3, 1), (9, 0)] {
            frames.push(Frame { session, from: RoleId(from), to: RoleId(to), header: None, body: body.clone() });
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_peer_disturbs_nobody_over_sockets() {
    let scene = Scene::start().await;
    let work = scene.honest.work();
    until("some sessions", || (scene.honest.started() > 20).then_some(())).await;
    let mut random = Random::new(1);
    let pool = Pool::new(&scene.honest.recorder.frames(), EVIL);
    let replayed: Vec<_> = scene.honest.recorder.frames().into_iter().map(|recorded| recorded.bytes).collect();
    for (number, to) in (1..).zip(HONEST.into_iter().cycle().take(9)) {
        let mut stream = scene.dial(to, number).await;
        // Old frames, word by word, and changed ones.
        for frame in &replayed {
            stream.write_all(&framed(frame)).await.expect("it is read");
        }
        for _ in 0..500 {
            let frame = pool.hostile(&mut random);
            if !frame.is_empty() {
                stream.write_all(&framed(&frame)).await.expect("it is read");
            }
        }
        // Of sessions that are under way right now.
        for recorded in scene.honest.recorder.frames().iter().rev().take(200) {
            let session = Frame::decode(&recorded.bytes).expect("an honest frame").session;
            for frame in forgeries(session) {
                stream.write_all(&framed(&frame.encode())).await.expect("it is read");
            }
        }
        // Nonsense that has a length, a length that is too long, and half a frame.
        match number % 3 {
            0 => {
                stream.write_all(&framed(&[0xff; 1_000])).await.expect("it is read");
                stream.write_all(&u32::MAX.to_le_bytes()).await.expect("it is read");
                is_closed(stream).await;
            }
            1 => {
                stream.write_all(&((FRAME_BYTES_MAX + 1) as u32).to_le_bytes()).await.expect("it is read");
                is_closed(stream).await;
            }
            _ => {
                stream.write_all(&(FRAME_BYTES_MAX as u32).to_le_bytes()).await.expect("it is read");
                stream.write_all(&[7; 100_000]).await.expect("it is read");
                // And never the rest: the next connection takes its place.
            }
        }
    }
    let before = scene.honest.started();
    until("more sessions", || (scene.honest.started() > before + 10).then_some(())).await;
    scene.honest.end(work).await;
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    for name in HONEST {
        let counts = scene.honest.node(name).counts();
        assert!(counts.frames_refused > 100, "{name}: {counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_and_silence_is_hung_up_on() {
    let scene = Scene::start().await;
    let mut stream = scene.dial("b", 1).await;
    stream.write_all(&1_000_u32.to_le_bytes()).await.expect("it is read");
    stream.write_all(&[1; 10]).await.expect("it is read");
    let begun = Instant::now();
    is_closed(stream).await;
    assert!(begun.elapsed() < SILENCE_MAX * 3, "{:?}", begun.elapsed());
    scene.honest.are_there().await;
}

/// It asks and asks, and reads no answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_reads_nothing_costs_as_much_as_is_said_and_is_hung_up_on() {
    let scene = Scene::start().await;
    let work = scene.honest.work();
    let stream = scene.dial("b", 1).await;
    let (mut reader, mut writer) = stream.into_split();
    // Each is answered: of that session nothing is known, and its header is wanted.
    let question = |number: u64| {
        let mut session = [0; 32];
        session[..8].copy_from_slice(&number.to_le_bytes());
        let body = Body::Cancel { reason: "x".repeat(40).into() };
        framed(&Frame { session: SessionId(session), from: RoleId(0), to: RoleId(1), header: None, body }.encode())
    };
    let mut waiting_bytes_max = 0;
    let mut beat = Instant::now();
    let mut asked = 0;
    // Until it hangs up.
    let hung_up = async {
        loop {
            let mut questions: Vec<u8> = (asked..asked + 1_000).flat_map(question).collect();
            asked += 1_000;
            if beat.elapsed() > Duration::from_secs(1) {
                questions.extend([&0_u32.to_le_bytes()[..], &clock_ms().to_le_bytes()].concat());
                beat = Instant::now();
            }
            if writer.write_all(&questions).await.is_err() {
                return;
            }
            let waiting_bytes = scene.honest.recorder.link("b").waiting_bytes(EVIL);
            // And some heartbeats.
            assert!(waiting_bytes <= OUTGOING_BYTES_MAX + 200, "{waiting_bytes} bytes wait");
            waiting_bytes_max = waiting_bytes_max.max(waiting_bytes);
        }
    };
    within("the end of the connection", hung_up).await;
    assert!(waiting_bytes_max > OUTGOING_BYTES_MAX / 2, "{waiting_bytes_max} bytes waited at most, of {asked} answers");
    assert_eq!(scene.honest.recorder.link("b").waiting_bytes(EVIL), 0);
    let _ = reader.read(&mut [0; 16]).await;
    let before = scene.honest.started();
    until("more sessions", || (scene.honest.started() > before + 10).then_some(())).await;
    scene.honest.end(work).await;
}
