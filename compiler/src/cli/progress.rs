//! How far long work is, for someone who waits for it at a terminal; elsewhere, and where it is soon done, nothing.
#![allow(
    clippy::disallowed_types,
    reason = "people's patience is measured by the clock; nothing that is compiled depends on it"
)]

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// What is done sooner than this shows no progress.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a line stands before the next one takes its place.
const REDRAW: Duration = Duration::from_millis(100);

/// A line on the error output that says how much is done; it goes when this is dropped.
pub struct Progress {
    what: &'static str,
    done: usize,
    count: usize,
    /// When the next line may be drawn; never, where nobody sees it.
    next: Option<Instant>,
    is_drawn: Cell<bool>,
}

impl Progress {
    /// Work on so many of something, none of which is done.
    pub fn new(what: &'static str, count: usize) -> Self {
        let is_seen = std::io::stderr().is_terminal();
        Self { what, done: 0, count, next: is_seen.then(|| Instant::now() + PATIENCE), is_drawn: Cell::new(false) }
    }

    /// One more is done.
    pub fn step(&mut self) {
        self.done += 1;
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + REDRAW);
            self.is_drawn.set(true);
            write(&format!("\r\x1b[K{}/{} {}", self.done, self.count, self.what));
        }
    }

    /// Takes the line away, for something else is to be written.
    pub fn clear(&self) {
        if self.is_drawn.replace(false) {
            write("\r\x1b[K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Where nothing can be written, nobody waits for it.
fn write(text: &str) {
    let mut output = std::io::stderr().lock();
    let _ = output.write_all(text.as_bytes()).and_then(|()| output.flush());
}
