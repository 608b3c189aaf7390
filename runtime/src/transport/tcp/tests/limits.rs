//! Peers that send too much, read nothing, or never stop talking.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_frame_closes_its_connection() {
    for over in everyhow() {
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let (stream, reply) = dial(over, ("b", b.address), &hello("a", "b", 1)).await;
        assert!(matches!(reply, Reply::Welcome { .. }));
        b.connected("a").await;
        stream.write_all(&framed(b"fine")).await.unwrap();
        b.hears("a", b"fine").await;
        stream.write_all(&(FRAME_BYTES_MAX as u32 + 1).to_le_bytes()).await.unwrap();
        closes(stream).await;
        dial(over, ("b", b.address), &hello("a", "b", 2)).await;
        b.connected("a").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_does_not_read_costs_bounded_memory() {
    for over in everyhow() {
        let mut b = Node::start(over, "b", anywhere(), &[("a", anywhere())]).await;
        let (stream, _) = dial(over, ("b", b.address), &hello("a", "b", 1)).await;
        b.connected("a").await;
        let frame = vec![7; 100_000];
        let mut sent = 0;
        while b.link.dropped_frames("a") < 100 {
            b.link.send("a", &frame);
            sent += 1;
            assert!(sent < 10_000, "a gigabyte was taken");
        }
        // What was taken arrives whole when the peer reads again, and then there is room.
        let taken = sent - b.link.dropped_frames("a");
        assert!(taken as usize * frame.len() >= OUTGOING_BYTES_MAX / 2);
        for _ in 0..taken {
            assert_eq!(next_frame(&stream).await, frame);
        }
        let dropped = b.link.dropped_frames("a");
        b.link.send("a", b"room again");
        assert_eq!(next_frame(&stream).await, b"room again");
        assert_eq!(b.link.dropped_frames("a"), dropped);
        // Those whose frames were dropped are told, once.
        assert_eq!(b.next().await, Event::Room("a".to_owned()));
        assert!(b.events.try_recv().is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_room_is_told_when_there_is_some_and_everything_arrives() {
    for over in everyhow() {
        const BYTES_MAX: usize = 300_000;
        let mut b = Node::start_by("b", anywhere(), &[("a", anywhere())], |tcp| {
            over.tcp(tcp, "b").outgoing_bytes_max(BYTES_MAX)
        })
        .await;
        let (stream, _) = dial(over, ("b", b.address), &hello("a", "b", 1)).await;
        b.connected("a").await;
        // More than sockets hold; some of the frames have room only when nothing else waits.
        let frames: Vec<Vec<u8>> =
            (0..400_u32).map(|number| vec![number as u8; if number % 50 == 0 { 400_000 } else { 60_000 }]).collect();
        let mut sent = 0;
        let mut send = || {
            while let Some(frame) = frames.get(sent).filter(|frame| b.link.send("a", frame)) {
                // A piece has its length, and the first one the time.
                assert!(b.link.waiting_bytes("a") <= BYTES_MAX.max(frame.len()) + 12);
                sent += 1;
            }
            sent == frames.len()
        };
        assert!(!send(), "it is more than there is room for");
        let count = frames.len();
        let reader = tokio::spawn(async move {
            let (mut read, mut reader) = (Vec::new(), Reader::default());
            while read.len() < count {
                read.push(reader.next_frame(&stream).await);
            }
            read
        });
        loop {
            assert_eq!(timeout(PATIENCE, b.events.recv()).await.unwrap(), Some(Event::Room("a".to_owned())));
            if send() {
                break;
            }
        }
        let mut read = timeout(PATIENCE, reader).await.unwrap().unwrap();
        // Short ones go out between the pieces of long ones.
        read.sort_by_key(|frame| frame.len());
        let mut frames = frames.clone();
        frames.sort_by_key(Vec::len);
        assert!(read == frames);
    }
}

/// Without heartbeats, which would bring along what is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_socket_has_no_room_for_goes_out_when_it_has() {
    for over in everyhow() {
        let (reader, writer, outgoing) = ends(over, OUTGOING_BYTES_MAX).await;
        let (draining, to) = (Arc::clone(&outgoing), Arc::clone(&writer));
        let drain = tokio::spawn(async move { draining.drain(&to, || {}).await });
        // One after another, so that each goes to the socket at once, until that has no room for all of one: of a frame that was taken, some is
        // left, encrypted or as it is.
        let frames = [vec![7; 60_000], vec![8; 100], vec![9; 5_000]];
        let mut sent = 0;
        while outgoing.waiting_bytes() == 0 && !writer.is_behind() {
            assert!(outgoing.frames(&frames.each_ref().map(Vec::as_slice)));
            sent += 1;
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        for _ in 0..sent {
            for frame in &frames {
                assert_eq!(timeout(PATIENCE, next_frame(&reader)).await.unwrap(), *frame, "{over:?}");
            }
        }
        drain.abort();
    }
}

/// Takes some time for each frame, as a node does, and counts them.
#[derive(Default)]
struct Slow(std::sync::atomic::AtomicUsize);

impl Inbound for Slow {
    fn frame(&self, _: &str, _: &[u8]) {
        std::thread::sleep(Duration::from_micros(100));
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn connected(&self, _: &str) {}
}

/// What the peer says; a test that fails ends with it.
const FRAMES_OF_TALKER: usize = 200_000;

/// A turn takes a buffer of 64 KiB at most, 3,120 frames of 21 bytes: six turns are less than
/// this, however fast the machine is. Without turns it is twice as much.
const FRAMES_OF_TURNS_MAX: usize = 25_000;

/// On one thread, all that there is to do is behind what a peer says.
#[tokio::test]
async fn a_peer_that_never_stops_talking_leaves_others_their_turn() {
    let tcp = Tcp::bind(anywhere()).await.unwrap().with_peers([("a", anywhere())]);
    let address = tcp.local_address().unwrap();
    let slow = Arc::new(Slow::default());
    let link = tcp.start("b", Arc::<Slow>::clone(&slow)).await.unwrap();
    let (stream, _) = dial(Over::Plain, ("b", address), &hello("a", "b", 1)).await;
    let mut stream = stream.into_socket().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let talker = std::thread::spawn(move || {
        let frames = framed(b"and another thing").repeat(1_000);
        // The other end hangs up when the test is over.
        (0..FRAMES_OF_TALKER / 1_000).try_for_each(|_| std::io::Write::write_all(&mut stream, &frames))
    });
    while slow.0.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let heard = slow.0.load(Ordering::Relaxed);
    assert!(heard < FRAMES_OF_TURNS_MAX, "others had their turn only after {heard} frames");
    drop((link, talker));
}
