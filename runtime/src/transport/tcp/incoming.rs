//! What comes in on one connection: bytes into frames, and the two bounds that make a frame's life finite.
//!
//! A connection on which nothing was heard for [`SILENCE_MAX`] is closed. And no frame is delivered that may have been under way for more than
//! [`FRAME_AGE_MAX`], however it came about: a stopped process, a suspended machine, a slow reader behind full buffers. Heartbeats carry the
//! sender's clock and stand between the frames, so what comes after one was sent after its time. Clocks of two machines differ; the
//! difference is the smallest one ever seen between a heartbeat's time and its arrival. The age of a frame is judged when its first byte
//! comes: how long the rest of it takes is a matter of the link's speed, and bounded by [`TRANSFER_DURATION_MAX`]; `pieces.rs` bounds the
//! life of frames that are longer than that.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::pieces::{Announced, Assembly, LONG_FRAME_LIFE_MAX};
use super::stream::Stream;
use super::wire::{HANDSHAKE_DURATION_MAX, HEARTBEAT_BYTES, LENGTH_BYTES, clock_ms};

/// How often each side says that it is there, whatever else it says.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a connection may be silent.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How old a frame may be when its first byte comes, as far as the connection's clocks tell.
const FRAME_AGE_MAX: Duration = Duration::from_secs(10);

/// How long a frame, or a piece of a long one, may take from its first byte to its last.
const TRANSFER_DURATION_MAX: Duration = Duration::from_secs(30);

/// The bound on a frame's life that this transport enforces, which a session's retention time has to exceed: the life of a long frame, which is
/// more than the age and the transfer of a short one, and as much as the difference of the clocks can be wrong by, the duration of a handshake.
pub const FRAME_LIFE_MAX: Duration = LONG_FRAME_LIFE_MAX.saturating_add(HANDSHAKE_DURATION_MAX);
const _: () = assert!(LONG_FRAME_LIFE_MAX.as_secs() >= FRAME_AGE_MAX.as_secs() + TRANSFER_DURATION_MAX.as_secs());

/// Bytes of buffer that are kept, and read at once.
const BUFFER_BYTES: usize = 64 * 1024;

/// How long one connection may go on delivering while others wait for their turn: a peer that never stops talking is heard like any other.
const TURN_DURATION_MAX: Duration = Duration::from_millis(2);

/// How old what comes in can be.
#[derive(Debug)]
pub(super) struct Age {
    /// The smallest difference between our clock and the sender's.
    difference_ms: i64,
    /// The sender's clock at its last heartbeat.
    sent_ms: i64,
}

impl Age {
    /// With the sender's clock as the greeting told it.
    pub(super) fn new(sent_ms: i64, now_ms: i64) -> Self {
        Self { difference_ms: now_ms.saturating_sub(sent_ms), sent_ms }
    }

    fn heartbeat(&mut self, sent_ms: i64, now_ms: i64) {
        self.difference_ms = self.difference_ms.min(now_ms.saturating_sub(sent_ms));
        self.sent_ms = sent_ms;
    }

    /// Of what comes at `now_ms`.
    fn check(&self, now_ms: i64) -> io::Result<()> {
        let age_ms = now_ms.saturating_sub(self.sent_ms).saturating_sub(self.difference_ms);
        if age_ms <= FRAME_AGE_MAX.as_millis() as i64 {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, format!("what it carries may be {age_ms} ms old")))
    }
}

/// The bytes that are there and no frame yet.
#[derive(Debug)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    /// How many of them were received.
    end: usize,
    age: Age,
    /// When the first byte came of a frame that is not all there.
    begun_ms: Option<i64>,
    assembly: Assembly,
}

impl Frames {
    pub(super) fn new(age: Age) -> Self {
        Self { bytes: vec![0; BUFFER_BYTES], end: 0, age, begun_ms: None, assembly: Assembly::default() }
    }

    /// Delivers what comes in over `stream` until it ends or must be closed. Notes in `heard_ms` when something was heard.
    pub(super) async fn receive(
        &mut self,
        stream: &Stream,
        heard_ms: &AtomicI64,
        mut deliver: impl FnMut(&[u8]),
    ) -> io::Error {
        // Since when there was always something to read: waiting for it gives nobody else a turn.
        let mut turn: Option<Instant> = None;
        loop {
            if turn.is_some_and(|since| since.elapsed() > TURN_DURATION_MAX) {
                turn = None;
                yield_now().await;
            }
            if let Err(error) = stream.readable().await {
                return error;
            }
            match stream.try_read(self.bytes.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => {
                    let now_ms = clock_ms();
                    turn.get_or_insert_with(Instant::now);
                    heard_ms.store(now_ms, Ordering::Relaxed);
                    self.end += count;
                    if let Err(error) = self.take(now_ms, &mut deliver) {
                        return error;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => turn = None,
                Err(error) => return error,
            }
        }
    }

    /// Delivers the frames that are complete, and makes room for the next.
    fn take(&mut self, now_ms: i64, deliver: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut begin = 0;
        let needed = loop {
            let rest = self.bytes.get(begin..self.end).unwrap_or_default();
            let Some((length, body)) = rest.split_first_chunk::<LENGTH_BYTES>() else { break LENGTH_BYTES };
            let announced = Announced::read(*length)?;
            let length = match announced {
                Announced::Heartbeat => HEARTBEAT_BYTES,
                Announced::Frame(length) | Announced::Piece { length, .. } => length,
            };
            let Some(body) = body.get(..length) else { break LENGTH_BYTES + length };
            let begun_ms = self.begun_ms.take().unwrap_or(now_ms);
            match announced {
                Announced::Heartbeat => {
                    if let Ok(sent_ms) = body.try_into() {
                        self.age.heartbeat(i64::from_le_bytes(sent_ms), now_ms);
                    }
                }
                Announced::Frame(_) => {
                    self.age.check(begun_ms)?;
                    deliver(body);
                }
                Announced::Piece { is_last, .. } => {
                    self.age.check(begun_ms)?;
                    if let Some(frame) = self.assembly.add(body, is_last, now_ms, self.age.difference_ms)? {
                        deliver(&frame);
                    }
                }
            }
            begin += LENGTH_BYTES + length;
        };
        if begin < self.end {
            let begun_ms = *self.begun_ms.get_or_insert(now_ms);
            check_transfer(begun_ms, now_ms, needed)?;
        }
        self.bytes.copy_within(begin..self.end, 0);
        self.end -= begin;
        self.resize(needed);
        Ok(())
    }

    /// A long frame gets room as its bytes come, not when they are announced.
    fn resize(&mut self, needed: usize) {
        if self.end == self.bytes.len() {
            self.bytes.resize(needed.min(self.end * 2).max(BUFFER_BYTES), 0);
        } else if self.bytes.len() > BUFFER_BYTES && needed <= BUFFER_BYTES && self.end <= BUFFER_BYTES {
            self.bytes.truncate(BUFFER_BYTES);
            self.bytes.shrink_to(BUFFER_BYTES);
        }
    }
}

/// Whether a frame of `bytes` of which the first byte came at `begun_ms` may still come.
fn check_transfer(begun_ms: i64, now_ms: i64, bytes: usize) -> io::Result<()> {
    let took_ms = now_ms.saturating_sub(begun_ms);
    if took_ms <= TRANSFER_DURATION_MAX.as_millis() as i64 {
        return Ok(());
    }
    let what = format!("a frame of {bytes} bytes has been coming for {took_ms} ms, and is not all there");
    Err(io::Error::new(io::ErrorKind::TimedOut, what))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN_MS: i64 = 1_000_000;

    fn taken(frames: &mut Frames, bytes: &[u8], now_ms: i64) -> io::Result<Vec<Vec<u8>>> {
        let mut delivered = Vec::new();
        for &byte in bytes {
            frames.resize(frames.end + 1);
            if let Some(place) = frames.bytes.get_mut(frames.end) {
                *place = byte;
            }
            frames.end += 1;
        }
        frames.take(now_ms, &mut |frame: &[u8]| delivered.push(frame.to_vec()))?;
        Ok(delivered)
    }

    fn frames() -> Frames {
        Frames::new(Age::new(BEGUN_MS, BEGUN_MS))
    }

    #[test]
    fn the_age_of_a_frame_is_judged_when_its_first_byte_comes() {
        let mut frames = frames();
        // Nothing was heard of the sender's clock since, and the rest of the frame takes longer than a frame may be old.
        assert_eq!(taken(&mut frames, &[3, 0, 0, 0, 1], BEGUN_MS + 9_000).expect("it is young"), Vec::<Vec<u8>>::new());
        assert_eq!(taken(&mut frames, &[2, 3], BEGUN_MS + 25_000).expect("it has begun"), [[1, 2, 3]]);
        let error = taken(&mut frames, &[1, 0, 0, 0, 9], BEGUN_MS + 25_000).expect_err("this one may be old");
        assert!(error.to_string().contains("25000 ms old"), "{error}");
    }

    #[test]
    fn a_frame_that_trickles_in_ends_its_connection() {
        let mut frames = frames();
        taken(&mut frames, &[200, 0, 0, 0, 1], BEGUN_MS).expect("it begins");
        taken(&mut frames, &[2], BEGUN_MS + 29_000).expect("it goes on");
        let error = taken(&mut frames, &[3], BEGUN_MS + 31_000).expect_err("it takes too long");
        assert!(error.to_string().contains("204 bytes has been coming for 31000 ms"), "{error}");
    }
}
