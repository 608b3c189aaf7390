//! Whether the store has room: a node whose disk is full takes nothing on, lets its sessions wait, and tries one thing at a time until there is room.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::cell::lock;
use crate::store::StoreError;

/// How long a full store is left alone before something is tried, at first and at most; it doubles.
const TRY_MILLIS: (u64, u64) = (20, 5_000);

/// A store that fills up again so soon is said to be full once only.
const CALM: Duration = Duration::from_secs(30);

/// What a node knows of its store's room.
#[derive(Debug)]
pub(super) struct Room {
    full: AtomicBool,
    tries: Mutex<Tries>,
    /// There is room again.
    again: Notify,
    /// Those who wait for room try one after the other.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Tries {
    pause_millis: u64,
    next: Instant,
    full_since: Option<Instant>,
}

impl Room {
    pub(super) fn new() -> Self {
        let tries = Tries { pause_millis: TRY_MILLIS.0, next: Instant::now(), full_since: None };
        Self {
            full: AtomicBool::new(false),
            tries: Mutex::new(tries),
            again: Notify::new(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// A commit failed for want of room.
    pub(super) fn is_missing(&self, node: &str, error: &StoreError) {
        let now = Instant::now();
        let mut tries = lock(&self.tries);
        tries.next = now + Duration::from_millis(tries.pause_millis);
        if self.full.swap(true, Ordering::Relaxed) {
            return;
        }
        let is_news = tries.full_since.replace(now).is_none_or(|since| now.duration_since(since) > CALM);
        if is_news {
            tries.pause_millis = TRY_MILLIS.0;
            tracing::error!(node, %error, "no room: no session is accepted, and those in flight wait and go on by themselves when there is room");
        }
    }

    /// A commit succeeded.
    pub(super) fn is_there(&self, node: &str) {
        if self.full.load(Ordering::Relaxed) && self.full.swap(false, Ordering::Relaxed) {
            tracing::info!(node, "there is room again");
            self.again.notify_waiters();
        }
    }

    /// Whether something new may be begun: always while there is room, and now and then when there is none, to see whether that has changed.
    pub(super) fn may_try(&self) -> bool {
        if !self.full.load(Ordering::Relaxed) {
            return true;
        }
        let now = Instant::now();
        let mut tries = lock(&self.tries);
        let may = now >= tries.next;
        if may {
            tries.next = now + tries.pause();
        }
        may
    }

    /// Waits until there is room, or until it is this one's turn to see whether there is.
    pub(super) async fn wait(&self) {
        let _turn = self.turn.lock().await;
        let again = self.again.notified();
        if !self.full.load(Ordering::Relaxed) {
            return;
        }
        let pause = lock(&self.tries).pause();
        tokio::select! {
            biased;
            () = again => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Tries {
    /// The next pause.
    fn pause(&mut self) -> Duration {
        let pause = Duration::from_millis(self.pause_millis);
        self.pause_millis = (self.pause_millis * 2).min(TRY_MILLIS.1);
        pause
    }
}
