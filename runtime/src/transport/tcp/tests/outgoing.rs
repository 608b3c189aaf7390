//! Frames that go out by one call.

use super::*;

/// A frame may find no room behind another one of the same call, though nothing waits: it is taken when that is on the socket, or whoever sent it
/// is told when there is room.
#[tokio::test(flavor = "multi_thread")]
async fn frames_of_one_call_do_not_take_one_another_s_room_for_ever() {
    for bytes_max in [OUTGOING_BYTES_MAX, 50_000] {
        let (reader, writer, outgoing) = ends(Over::Plain, bytes_max).await;
        let (draining, to, room) = (Arc::clone(&outgoing), Arc::clone(&writer), Arc::new(tokio::sync::Notify::new()));
        let told = Arc::clone(&room);
        let drain = tokio::spawn(async move { draining.drain(&to, || told.notify_one()).await });
        let reading = tokio::spawn(async move { while next_frame(&reader).await.len() != 1 {} });
        for _ in 0..20 {
            if !outgoing.frames(&[&[1; 100], &vec![2; bytes_max]]) {
                timeout(PATIENCE, room.notified()).await.expect("there is room again");
            }
        }
        while !outgoing.frames(&[&[3]]) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        timeout(PATIENCE, reading).await.expect("all that was taken comes").unwrap();
        drain.abort();
    }
}

/// Of all lengths, and more of them than one call takes: whole, once, in each thread's order.
#[tokio::test(flavor = "multi_thread")]
async fn many_frames_from_many_threads() {
    for over in everyhow() {
        let (reader, writer, outgoing) = ends(over, 1 << 30).await;
        let (draining, to) = (Arc::clone(&outgoing), Arc::clone(&writer));
        let drain = tokio::spawn(async move { draining.drain(&to, || {}).await });
        const CALLS: u32 = 60;
        const FRAMES: u32 = 700;
        let threads: Vec<_> = (0..3_u32)
            .map(|thread| {
                let outgoing = Arc::clone(&outgoing);
                std::thread::spawn(move || {
                    for call in 0..CALLS {
                        let frame = |frame: u32| {
                            let number = call * FRAMES + frame;
                            let mut bytes = vec![number as u8; 8 + (number as usize * 37) % 900];
                            bytes[..4].copy_from_slice(&thread.to_le_bytes());
                            bytes[4..8].copy_from_slice(&number.to_le_bytes());
                            bytes
                        };
                        let frames: Vec<_> = (0..FRAMES).map(frame).collect();
                        assert!(outgoing.frames(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()));
                        std::thread::sleep(Duration::from_micros(u64::from(call % 4) * 200));
                    }
                })
            })
            .collect();
        let mut next = [0_u32; 3];
        for _ in 0..3 * CALLS * FRAMES {
            let frame = timeout(PATIENCE, next_frame(&reader)).await.unwrap();
            let thread = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
            let number = u32::from_le_bytes(frame[4..8].try_into().unwrap());
            assert_eq!(number, next[thread], "{over:?}");
            assert_eq!(frame.len(), 8 + (number as usize * 37) % 900);
            next[thread] += 1;
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drain.abort();
    }
}
