//! What a node says to itself, by way of a queue. It never waits and loses nothing in silence: what the queue
//! has no room for is refused, and the receiver hears of it once there is room again.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

/// The sending end.
#[derive(Debug)]
pub(crate) struct Loopback<T> {
    sender: mpsc::Sender<T>,
    refused: Arc<Notify>,
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Looped<T> {
    receiver: mpsc::Receiver<T>,
    refused: Arc<Notify>,
    has_refused: bool,
}

/// What the receiving end hears.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard<T> {
    Item(T),
    /// At least half of the queue is free, and something was refused before.
    Room,
}

/// A queue for so many items.
pub(crate) fn loopback<T>(items_max: usize) -> (Loopback<T>, Looped<T>) {
    let (sender, receiver) = mpsc::channel(items_max);
    let refused = Arc::new(Notify::new());
    (Loopback { sender, refused: Arc::clone(&refused) }, Looped { receiver, refused, has_refused: false })
}

impl<T> Loopback<T> {
    /// `false` where there is no room. A queue whose receiver is gone takes everything.
    pub(crate) fn send(&self, item: T) -> bool {
        match self.sender.try_send(item) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.refused.notify_one();
                false
            }
        }
    }
}

impl<T> Looped<T> {
    /// The next item, or that there is room again. `None` once the sender is gone and all has been heard.
    pub(crate) async fn next(&mut self) -> Option<Heard<T>> {
        loop {
            if self.has_refused && self.receiver.len() <= self.receiver.max_capacity() / 2 {
                self.has_refused = false;
                return Some(Heard::Room);
            }
            tokio::select! {
                biased;
                () = self.refused.notified() => self.has_refused = true,
                item = self.receiver.recv() => return item.map(Heard::Item),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_refused_is_told_once_half_of_the_queue_is_free() {
        let (sender, mut receiver) = loopback(4);
        assert!((0..4).all(|item| sender.send(item)));
        assert!(!sender.send(4) && !sender.send(5));
        let mut heard = vec![];
        for _ in 0..5 {
            heard.push(receiver.next().await);
        }
        let item = |item| Some(Heard::Item(item));
        assert_eq!(heard, [item(0), item(1), Some(Heard::Room), item(2), item(3)]);
        drop(sender);
        assert_eq!(receiver.next().await, None);
    }
}
