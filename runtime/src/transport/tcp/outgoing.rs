//! What goes out to one peer: on the socket at once where it takes it, else into a bounded buffer that the connection's task empties.

use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::pieces::{LongFrames, PIECE_BYTES};
use super::stream::Stream;
use super::wire::{FRAME_BYTES_MAX, LENGTH_BYTES, clock_ms};

/// A frame that follows another within this time is left to the connection's task, which sends what has gathered with one call: whoever is alone
/// pays no hand-over, and whoever is busy pays one call for many frames.
const GATHER: Duration = Duration::from_micros(100);

/// Bytes of buffer that are kept when it is empty.
const BUFFER_BYTES_KEPT: usize = 64 * 1024;

/// The way out to one peer.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Bytes that may wait for a peer that does not read. A frame that does not fit is dropped and counted, and its session told when there is room
    /// again. One frame is always taken when nothing waits, however long it is.
    bytes_max: usize,
    state: Mutex<State>,
    /// The task has something to do: bytes wait, or the connection broke.
    work: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// `None` while there is no connection: then everything is dropped.
    stream: Option<Arc<Stream>>,
    /// What waits. Its first `written` bytes are on the socket already.
    waiting: Vec<u8>,
    written: usize,
    /// What goes out behind that, piece by piece.
    long: LongFrames,
    /// When a frame last went out at once.
    direct: Option<Instant>,
    /// The socket refused bytes for good.
    broken: Option<io::ErrorKind>,
    dropped_frames: u64,
    /// Frames were dropped for want of room, the shortest of so many bytes, and whoever sent them has not been told that there is some again.
    owes_room: Option<usize>,
    /// Bytes that were written out of the buffer, ever.
    drained_bytes: u64,
}

impl Outgoing {
    /// With so many bytes that may wait.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), work: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frames go out over `stream` from now on.
    pub(super) fn open(&self, stream: Arc<Stream>) {
        let mut state = self.state();
        state.clear();
        state.stream = Some(stream);
    }

    /// Frames are dropped from now on, and so is what waits: nothing survives a connection.
    pub(super) fn close(&self) {
        self.state().clear();
    }

    /// Frames dropped for want of a connection or of room.
    pub(super) fn dropped_frames(&self) -> u64 {
        self.state().dropped_frames
    }

    /// How many bytes were written out of the buffer, while something is in it: a number that stays is a peer that does not read.
    pub(super) fn drained_bytes(&self) -> Option<u64> {
        let state = self.state();
        (state.waiting_bytes() > 0).then_some(state.drained_bytes)
    }

    /// How many bytes wait.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.state().waiting_bytes()
    }

    /// Sends frames, by one call to the socket where it takes them now; `false` where there is no room for one of them. From any thread; never
    /// waits.
    pub(super) fn frames(&self, frames: &[&[u8]]) -> bool {
        let mut state = self.state();
        let mut has_room = true;
        let mut together = Together::default();
        for &frame in frames {
            if !state.has_room_for(frame, together.bytes, self.bytes_max) {
                // Those before it may be on the socket in a moment.
                self.put(&mut state, &mut together.slices());
                together = Together::default();
            }
            let room = state.has_room_for(frame, 0, self.bytes_max);
            if state.stream.is_some() && room && !frame.is_empty() && frame.len() <= FRAME_BYTES_MAX {
                if frame.len() > PIECE_BYTES {
                    state.long.push(frame);
                    self.work.notify_one();
                } else {
                    together.push(frame);
                }
                continue;
            }
            if frame.len() > FRAME_BYTES_MAX {
                tracing::error!(bytes = frame.len(), "a frame is longer than a connection carries, and is dropped");
            }
            state.dropped_frames += 1;
            // Without a connection nobody is told of room: they are told of the next connection.
            if !room && state.stream.is_some() {
                state.owes_room = Some(state.owes_room.map_or(frame.len(), |shortest| shortest.min(frame.len())));
            }
            has_room &= room;
        }
        self.put(&mut state, &mut together.slices());
        has_room
    }

    /// Sends a heartbeat. In the same order as frames, so that it tells how old those after it can be.
    pub(super) fn heartbeat(&self) {
        let mut state = self.state();
        if state.stream.is_some() {
            self.put(&mut state, &mut [IoSlice::new(&0_u32.to_le_bytes()), IoSlice::new(&clock_ms().to_le_bytes())]);
        }
    }

    fn put(&self, state: &mut State, mut pieces: &mut [IoSlice<'_>]) {
        if pieces.is_empty() {
            return;
        }
        let now = Instant::now();
        let busy = state.direct.is_some_and(|direct| now.duration_since(direct) < GATHER);
        if state.waiting.is_empty() && !busy {
            let Some(stream) = &state.stream else { return };
            let result = stream.try_write_vectored(pieces);
            let is_behind = stream.is_behind();
            state.direct = Some(now);
            match result {
                Ok(count) => IoSlice::advance_slices(&mut pieces, count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => {
                    state.broken = Some(error.kind());
                    return self.work.notify_one();
                }
            }
            if pieces.is_empty() && !is_behind {
                return;
            }
        }
        pieces.iter().for_each(|piece| state.waiting.extend_from_slice(piece));
        self.work.notify_one();
    }

    /// Empties the buffer whenever there is something in it, and calls `room` when there is room for what was refused. Ends when the connection
    /// breaks.
    pub(super) async fn drain(&self, stream: &Stream, room: impl Fn()) -> io::Error {
        loop {
            let written = self.write_some(stream);
            if self.has_room_again() {
                // What it sends may have to be written, and nobody waits for that yet.
                room();
                continue;
            }
            match written {
                Ok(true) => self.work.notified().await,
                Ok(false) => {
                    if let Err(error) = stream.writable().await {
                        return error;
                    }
                }
                Err(error) => return error,
            }
        }
    }

    /// Whether half of the buffer is free, and there is room for something that was refused, of which nobody has been told. What is refused again
    /// is longer: so this is not said over and over while nothing is written.
    fn has_room_again(&self) -> bool {
        let mut state = self.state();
        let waiting = state.waiting_bytes();
        let bytes_max = self.bytes_max;
        let fits = |bytes: usize| waiting <= bytes_max / 2 && waiting + LENGTH_BYTES + bytes <= bytes_max;
        state.owes_room.take_if(|shortest| waiting == 0 || fits(*shortest)).is_some()
    }

    /// Writes what the socket takes, and says whether nothing is left.
    fn write_some(&self, stream: &Stream) -> io::Result<bool> {
        let mut state = self.state();
        if let Some(kind) = state.broken {
            return Err(kind.into());
        }
        loop {
            let rest = state.waiting.get(state.written..).unwrap_or_default();
            if rest.is_empty() {
                state.next_piece();
                if state.waiting.is_empty() {
                    break;
                }
                continue;
            }
            match stream.try_write(rest) {
                Ok(count) => {
                    state.written += count;
                    state.drained_bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    state.compact();
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        state.waiting.shrink_to(BUFFER_BYTES_KEPT);
        match stream.flush() {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// Frames for one call, with their lengths.
#[derive(Default)]
struct Together<'a> {
    frames: Vec<([u8; LENGTH_BYTES], &'a [u8])>,
    bytes: usize,
}

impl<'a> Together<'a> {
    fn push(&mut self, frame: &'a [u8]) {
        self.frames.push((u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes(), frame));
        self.bytes += LENGTH_BYTES + frame.len();
    }

    fn slices(&self) -> Vec<IoSlice<'_>> {
        self.frames.iter().flat_map(|(length, frame)| [IoSlice::new(length), IoSlice::new(frame)]).collect()
    }
}

impl State {
    /// Whether a frame may wait behind what waits and so many bytes more: one always may where there is nothing.
    fn has_room_for(&self, frame: &[u8], more_bytes: usize, bytes_max: usize) -> bool {
        let bytes = self.waiting_bytes() + more_bytes;
        bytes == 0 || bytes + LENGTH_BYTES + frame.len() <= bytes_max
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting.len() + self.long.bytes()
    }

    /// All that waited is written: the next piece of a long frame waits, if there is one.
    fn next_piece(&mut self) {
        self.waiting.clear();
        self.written = 0;
        self.long.take_piece(&mut self.waiting);
    }

    fn clear(&mut self) {
        self.stream = None;
        self.waiting = Vec::new();
        self.written = 0;
        self.long = LongFrames::default();
        self.broken = None;
        self.owes_room = None;
    }

    /// Moves the rest to the front when at least half has been written: each byte is moved once on average, and what is written does not
    /// count as waiting for long.
    fn compact(&mut self) {
        if self.written * 2 >= self.waiting.len() {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
    }
}
