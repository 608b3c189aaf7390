//! Long frames in pieces, so that others go between them.
//!
//! A frame of more than [`PIECE_BYTES`] waits in a queue of its own. Whenever nothing else waits, one more piece of the first of them goes out:
//! a short frame or a heartbeat waits for one piece, not for megabytes. A piece is announced by its length with [`IS_PIECE`], the last one
//! of its frame with [`IS_LAST`] as well; the first one begins with the sender's clock when the frame was sent (i64), for no heartbeat says
//! how long the frame has waited in that queue. Of one direction's long frames one is under way at a time.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use super::wire::{FRAME_BYTES_MAX, LENGTH_BYTES, clock_ms, invalid};
use crate::seldom::Seldom;

/// Bytes of a frame that go out together. At 4 Mbit/s they take an eighth of a second.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// Marks of a piece in the announced length, which is never so large.
const IS_PIECE: u32 = 1 << 31;
const IS_LAST: u32 = 1 << 30;

/// Bytes of the clock before the first piece.
const CLOCK_BYTES: usize = 8;

/// How long a long frame may take from when it was sent until all of it is there. An older one is dropped, and its session sends it again.
pub(super) const LONG_FRAME_LIFE_MAX: Duration = Duration::from_secs(90);

/// From how long on that is worth a warning.
const SLOW_FROM: Duration = Duration::from_secs(5);

/// The long frames that are to go out.
#[derive(Debug, Default)]
pub(super) struct LongFrames {
    frames: VecDeque<LongFrame>,
    /// What of them is not among the bytes that go out yet.
    bytes: usize,
}

#[derive(Debug)]
struct LongFrame {
    bytes: Vec<u8>,
    sent: usize,
    since_ms: i64,
}

impl LongFrames {
    pub(super) fn push(&mut self, frame: &[u8]) {
        self.bytes += frame.len();
        self.frames.push_back(LongFrame { bytes: frame.to_vec(), sent: 0, since_ms: clock_ms() });
    }

    /// How many bytes of them wait here.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends the next piece to `out`, if there is one.
    pub(super) fn take_piece(&mut self, out: &mut Vec<u8>) {
        let Some(frame) = self.frames.front_mut() else { return };
        let rest = frame.bytes.get(frame.sent..).unwrap_or_default();
        let piece = rest.get(..PIECE_BYTES).unwrap_or(rest);
        let is_last = piece.len() == rest.len();
        let clock = frame.since_ms.to_le_bytes();
        let clock: &[u8] = if frame.sent == 0 { &clock } else { &[] };
        let length = u32::try_from(clock.len() + piece.len()).expect("a piece is short");
        let marks = IS_PIECE | if is_last { IS_LAST } else { 0 };
        out.extend_from_slice(&(length | marks).to_le_bytes());
        out.extend_from_slice(clock);
        out.extend_from_slice(piece);
        frame.sent += piece.len();
        self.bytes -= piece.len();
        if is_last {
            self.frames.pop_front();
        }
    }
}

/// What the bytes behind an announced length are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    Heartbeat,
    Frame(usize),
    Piece { length: usize, is_last: bool },
}

impl Announced {
    /// An error where it is longer than it may be.
    pub(super) fn read(length: [u8; LENGTH_BYTES]) -> io::Result<Self> {
        let announced = u32::from_le_bytes(length);
        let is_piece = announced & IS_PIECE != 0;
        let length = (announced & !if is_piece { IS_PIECE | IS_LAST } else { 0 }) as usize;
        let length_max = if is_piece { PIECE_BYTES + CLOCK_BYTES } else { FRAME_BYTES_MAX };
        if length > length_max {
            return Err(invalid(format!("it announced a frame of {length} bytes, more than {length_max}")));
        }
        Ok(match (is_piece, length) {
            (true, _) => Self::Piece { length, is_last: announced & IS_LAST != 0 },
            (false, 0) => Self::Heartbeat,
            (false, _) => Self::Frame(length),
        })
    }
}

/// The long frame that comes in.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    /// Its bytes so far, and when it was sent by the sender's clock.
    begun: Option<(Vec<u8>, i64)>,
    slow: Seldom,
}

impl Assembly {
    /// One more piece; gives the frame when it is whole and not too old. `difference_ms` is how far this clock is ahead of the sender's.
    pub(super) fn add(
        &mut self,
        piece: &[u8],
        is_last: bool,
        now_ms: i64,
        difference_ms: i64,
    ) -> io::Result<Option<Vec<u8>>> {
        let (mut frame, since_ms) = match self.begun.take() {
            Some((mut frame, since_ms)) => {
                frame.extend_from_slice(piece);
                (frame, since_ms)
            }
            None => {
                let Some((clock, piece)) = piece.split_first_chunk::<CLOCK_BYTES>() else {
                    return Err(invalid(
                        "the first piece of a frame says when it was sent, and this one does not".to_owned(),
                    ));
                };
                (piece.to_vec(), i64::from_le_bytes(*clock))
            }
        };
        if frame.len() > FRAME_BYTES_MAX {
            return Err(invalid(format!("the pieces of a frame have more than {FRAME_BYTES_MAX} bytes")));
        }
        if !is_last {
            self.begun = Some((frame, since_ms));
            return Ok(None);
        }
        frame.shrink_to_fit();
        let took_ms = now_ms.saturating_sub(since_ms).saturating_sub(difference_ms);
        let is_too_old = took_ms > LONG_FRAME_LIFE_MAX.as_millis() as i64;
        if took_ms > SLOW_FROM.as_millis() as i64
            && let Some(unsaid) = self.slow.says()
        {
            let (bytes, kbit_per_s) = (frame.len(), frame.len() as i64 * 8 / took_ms);
            if is_too_old {
                let life_ms = LONG_FRAME_LIFE_MAX.as_millis();
                tracing::warn!(
                    bytes,
                    took_ms,
                    kbit_per_s,
                    life_ms,
                    unsaid,
                    "a long message took longer than it may, and is dropped; its sender sends it again: send less at once, or use a faster link"
                );
            } else {
                tracing::warn!(
                    bytes,
                    took_ms,
                    kbit_per_s,
                    unsaid,
                    "a long message was long under way: the link is slow, or much is sent over it"
                );
            }
        }
        Ok((!is_too_old).then_some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of a frame as they come in.
    fn pieces(frame: &[u8]) -> Vec<(Vec<u8>, bool)> {
        let mut long = LongFrames::default();
        long.push(frame);
        let mut pieces = Vec::new();
        while long.bytes() > 0 {
            let mut out = Vec::new();
            long.take_piece(&mut out);
            let (length, body) = out.split_first_chunk().expect("a length");
            let Ok(Announced::Piece { length, is_last }) = Announced::read(*length) else { unreachable!("a piece") };
            assert_eq!(length, body.len());
            pieces.push((body.to_vec(), is_last));
        }
        pieces
    }

    fn assembled(pieces: &[(Vec<u8>, bool)], now_ms: i64, difference_ms: i64) -> io::Result<Option<Vec<u8>>> {
        let mut assembly = Assembly::default();
        let mut whole = None;
        for (piece, is_last) in pieces {
            assert!(whole.is_none());
            whole = assembly.add(piece, *is_last, now_ms, difference_ms)?;
        }
        Ok(whole)
    }

    #[tokio::test]
    async fn a_frame_in_pieces_is_whole_again() {
        for length in [PIECE_BYTES + 1, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 1, FRAME_BYTES_MAX] {
            let frame: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let pieces = pieces(&frame);
            assert_eq!(pieces.len(), length.div_ceil(PIECE_BYTES));
            assert!(assembled(&pieces, clock_ms(), 0).expect("they fit").is_some_and(|whole| whole == frame));
        }
    }

    #[tokio::test]
    async fn a_long_frame_lives_for_a_bounded_time_by_the_clocks_of_both() {
        let pieces = pieces(&[7; PIECE_BYTES + 1]);
        let life_ms = LONG_FRAME_LIFE_MAX.as_millis() as i64;
        let now_ms = clock_ms();
        assert!(assembled(&pieces, now_ms + life_ms - 1_000, 0).expect("they fit").is_some());
        assert!(assembled(&pieces, now_ms + life_ms + 1_000, 0).expect("they fit").is_none(), "it is too old");
        assert!(assembled(&pieces, now_ms + life_ms + 1_000, 5_000).expect("they fit").is_some(), "our clock is ahead");
    }

    #[tokio::test]
    async fn pieces_that_do_not_fit_end_the_connection() {
        let mut assembly = Assembly::default();
        assert!(assembly.add(&[1; CLOCK_BYTES - 1], true, 0, 0).is_err());
        let mut assembly = Assembly::default();
        let mut endless = (0..=FRAME_BYTES_MAX / PIECE_BYTES).map(|_| assembly.add(&[1; PIECE_BYTES], false, 0, 0));
        assert!(endless.any(|added| added.is_err()));
        let read = |length: u32| Announced::read(length.to_le_bytes());
        assert!(read(IS_PIECE | (PIECE_BYTES + CLOCK_BYTES + 1) as u32).is_err());
        assert!(read(IS_LAST).is_err() && read(FRAME_BYTES_MAX as u32 + 1).is_err());
        assert_eq!(read(0).expect("it is one"), Announced::Heartbeat);
    }
}
