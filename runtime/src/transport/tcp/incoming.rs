//! What comes in on one connection: bytes into frames, and the two bounds that make a frame's life finite.
//!
//! A connection on which nothing was heard for [`SILENCE_MAX`] is closed. And no frame is delivered that may have been under way for more than
//! [`FRAME_AGE_MAX`], however it came about: a stopped process, a suspended machine, a slow reader behind full buffers. Heartbeats carry the
//! sender's clock and stand between the frames, so what comes after one was sent after its time. Clocks of two machines differ; the
//! difference is the smallest one ever seen between a heartbeat's time and its arrival.

use std::io;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::yield_now;

use super::stream::Stream;
use super::wire::{FRAME_BYTES_MAX, HANDSHAKE_DURATION_MAX, HEARTBEAT_BYTES, LENGTH_BYTES, clock_ms, invalid};

/// How often each side says that it is there, whatever else it says.
pub(super) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a connection may be silent.
pub const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How old a frame may be, as far as the connection's clocks tell.
const FRAME_AGE_MAX: Duration = Duration::from_secs(10);

/// The bound on a frame's life that this transport enforces, which a session's retention time has to exceed: the age that is
/// checked, and as much as the difference of the clocks can be wrong by, the duration of a handshake.
pub const FRAME_LIFE_MAX: Duration = FRAME_AGE_MAX.saturating_add(HANDSHAKE_DURATION_MAX);

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
}

impl Frames {
    pub(super) fn new(age: Age) -> Self {
        Self { bytes: vec![0; BUFFER_BYTES], end: 0, age }
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
            let length = u32::from_le_bytes(*length) as usize;
            if length == 0 {
                let Some((sent_ms, _)) = body.split_first_chunk::<HEARTBEAT_BYTES>() else {
                    break LENGTH_BYTES + HEARTBEAT_BYTES;
                };
                self.age.heartbeat(i64::from_le_bytes(*sent_ms), now_ms);
                begin += LENGTH_BYTES + HEARTBEAT_BYTES;
                continue;
            }
            if length > FRAME_BYTES_MAX {
                return Err(invalid(format!("it announced a frame of {length} bytes, more than {FRAME_BYTES_MAX}")));
            }
            let Some(frame) = body.get(..length) else { break LENGTH_BYTES + length };
            self.age.check(now_ms)?;
            deliver(frame);
            begin += LENGTH_BYTES + length;
        };
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
