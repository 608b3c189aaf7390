//! A slow link: long frames arrive in their time, and short ones do not wait for them.

use std::time::Instant;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;

use super::*;

/// 4 Mbit/s, and a frame that takes longer on such a link than a frame may be old.
const BYTES_PER_TICK: usize = 25_000;
const TICK: Duration = Duration::from_millis(50);
const LONG_BYTES: usize = 6_000_000;

/// How long a short frame may wait: what the system and the proxy hold, and one piece.
const SHORT_WITHIN: Duration = Duration::from_secs(5);

/// Passes bytes on from `a` to `b` at the speed of the link, and back at once. It holds little itself.
async fn slow_link(listener: TcpListener, to: SocketAddr) {
    let (mut from_a, mut to_a) = listener.accept().await.unwrap().0.into_split();
    let (mut from_b, mut to_b) = TcpStream::connect(to).await.unwrap().into_split();
    tokio::spawn(async move { tokio::io::copy(&mut from_b, &mut to_a).await });
    let (mut ticks, mut bytes) = (tokio::time::interval(TICK), vec![0; BYTES_PER_TICK]);
    loop {
        ticks.tick().await;
        match from_a.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => to_b.write_all(&bytes[..count]).await.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_frame_arrives_over_a_slow_link_and_short_ones_go_between() {
    for over in everyhow() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(32 * 1024).unwrap();
        socket.bind(anywhere()).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let proxy = listener.local_addr().unwrap();
        let link = tokio::spawn(slow_link(listener, b.address));
        let mut a = Node::start(over, "a", anywhere(), &[("b", proxy)]).await;
        a.connected("b").await;
        b.connected("a").await;
        let long: Vec<u8> = (0..LONG_BYTES).map(|index| (index % 251) as u8).collect();
        let begun = Instant::now();
        assert!(a.link.send("b", &long));
        // One at a time, while the long one is under way.
        let (mut between, mut waited_max, mut whole) = (0_u32, Duration::ZERO, None);
        while whole.is_none() {
            let sent = Instant::now();
            assert!(a.link.send("b", &between.to_le_bytes()));
            loop {
                match b.next().await {
                    Event::Frame(_, frame) if frame == between.to_le_bytes() => break,
                    Event::Frame(_, frame) => whole = Some(frame),
                    other => unreachable!("{over:?}: {other:?} after {:?}", begun.elapsed()),
                }
            }
            waited_max = waited_max.max(sent.elapsed());
            between += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let took = begun.elapsed();
        assert!(whole.is_some_and(|whole| whole == long));
        assert!(took > Duration::from_secs(10), "the link is slow: {took:?}");
        assert!(between > 3 && waited_max < SHORT_WITHIN, "{over:?}: {between} short ones, {waited_max:?} at most");
        println!("{over:?}: {LONG_BYTES} bytes took {took:?}; {between} short frames waited {waited_max:?} at most");
        link.abort();
    }
}
