//! Connections that say nothing, many of them, while a peer comes back.

use std::time::Instant;

use super::*;

/// Connections that are made in a second, in bursts, and how long it goes on at most.
const CONNECTIONS_PER_BURST: usize = 20;
const BURST_EVERY: Duration = Duration::from_millis(20);
const FLOOD_DURATION_MAX: Duration = Duration::from_secs(20);

/// How long a peer that was restarted may take to be back.
const BACK_WITHIN: Duration = Duration::from_secs(2);

/// Connections that the flood keeps open. They are its own descriptors that a test runs out of.
const KEPT_MAX: usize = 300;

/// Makes a thousand connections a second to `address`, from the address at which peers are, and says nothing on any of them.
async fn flood(address: SocketAddr, count: Arc<AtomicUsize>) {
    let mut kept = std::collections::VecDeque::new();
    let mut bursts = tokio::time::interval(BURST_EVERY);
    let end = Instant::now() + FLOOD_DURATION_MAX;
    while Instant::now() < end {
        bursts.tick().await;
        for _ in 0..CONNECTIONS_PER_BURST {
            if let Ok(Ok(socket)) = timeout(BURST_EVERY, TcpStream::connect(address)).await {
                kept.push_back(socket);
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        while kept.len() > KEPT_MAX {
            kept.pop_front();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_is_back_at_once_while_a_thousand_connections_a_second_say_nothing() {
    for over in everyhow() {
        let (a, mut b) = pair(over).await;
        let count = Arc::new(AtomicUsize::new(0));
        let flooding = tokio::spawn(flood(b.address, Arc::clone(&count)));
        while count.load(Ordering::Relaxed) < 500 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        drop(a);
        // Three times: the machine may have other things to do.
        let (mut took, mut a) = (vec![], None);
        for _ in 0..3 {
            drop(a.take());
            let begun = Instant::now();
            let mut back = Node::start(over, "a", anywhere(), &[("b", b.address)]).await;
            back.connected("b").await;
            took.push(begun.elapsed());
            a = Some(back);
        }
        let a = a.unwrap();
        took.sort_unstable();
        println!("{over:?}: back after {took:?}, with {count:?} silent connections so far");
        assert!(!flooding.is_finished(), "{over:?}: the flood goes on");
        assert!(took[1] < BACK_WITHIN, "{over:?}: it took {took:?}, with {count:?} connections so far");
        // Refusals of the flood come between.
        while b.next().await != Event::Connected("a".to_owned()) {}
        a.link.send("b", b"back");
        while b.next().await != Event::Frame("a".to_owned(), b"back".to_vec()) {}
        flooding.abort();
    }
}

/// Its greeting could have come together with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_hung_up_on_soon() {
    for over in everyhow() {
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let socket = TcpStream::connect(b.address).await.unwrap();
        let begun = Instant::now();
        closes(Stream::plain(socket)).await;
        assert!(begun.elapsed() < wire::HANDSHAKE_DURATION_MAX, "{over:?}: after {:?}", begun.elapsed());
        assert!(b.refuses().await.contains("its greeting did not come"));
    }
}
