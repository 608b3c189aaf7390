//! What a node takes on at most, and who waits until there is room.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use accompanist_core::Stability;
use tokio::sync::oneshot;

use super::cell::lock;
use crate::error::Error;

/// Senders of callers that wait are looked through for those that have gone when there are so many, and then at each doubling.
const PRUNE_FROM: usize = 1_024;

/// What a node takes on at most: `Limits { sessions_started_max: 500, ..Limits::default() }`. Nothing that was accepted is ever dropped: callers
/// wait, and what other nodes send comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of JSON of one message, of the arguments of a session, and of the result of an operation: 15 MiB unless said, which is also the most
    /// that there can be. A message that is longer ends its session.
    pub payload_bytes_max: usize,
    /// Sessions in flight that were started at this node, those that sleep among them, 10,000 unless said. Further starts wait in the order in which they came, or are refused
    /// where they would rather not wait ([`Start::try_accepted`](super::Start::try_accepted)).
    pub sessions_started_max: usize,
    /// Parts in sessions in flight that this node plays on behalf of one other node, where those sessions started, and that were begun here by the
    /// frames of one node, that or another: 50,000 unless said. What would begin a further one is dropped, and comes again. It is to be larger than
    /// `sessions_started_max` there, times the roles played here.
    pub sessions_of_peer_max: usize,
    /// What the messages that a session keeps in memory for one other role may count, their bytes of JSON and a little for each: 4 MiB unless
    /// said. From half of it on, the other role is asked to write them down, so that they need not be kept; and a program that has more to say
    /// waits until there is room. A message that is longer by itself waits until nothing else is kept.
    pub kept_bytes_max: usize,
}

/// The longest message: with the session's header it is still less than a frame of the TCP transport.
pub(super) const PAYLOAD_BYTES_MAX: usize = 15 * 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            sessions_started_max: 10_000,
            sessions_of_peer_max: 50_000,
            kept_bytes_max: Stability::default().kept_bytes_max,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.payload_bytes_max > PAYLOAD_BYTES_MAX {
            return Err(Error::configuration(format!("`payload_bytes_max` is {PAYLOAD_BYTES_MAX} at most")));
        }
        if self.payload_bytes_max == 0 || self.sessions_started_max == 0 || self.sessions_of_peer_max == 0 {
            return Err(Error::configuration("a limit of 0 lets nothing in: give it a larger one"));
        }
        Ok(())
    }
}

/// Lets sessions start up to a limit, and others in order as places become free.
#[derive(Debug)]
pub(super) struct Admission {
    max: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    in_flight: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
    prune_at: usize,
    /// Nobody is let in any more.
    closed: bool,
}

/// A session's place; dropping it lets the next one in.
pub(super) struct Place(Option<Arc<Admission>>);

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(admission) = self.0.take() {
            admission.pass_on();
        }
    }
}

/// What a start gets.
pub(super) enum Admitted {
    Now(Place),
    /// Its turn comes.
    Later(oneshot::Receiver<Place>),
}

impl Admission {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, queue: Mutex::default() })
    }

    /// A place, now or later; where `waits` is not wanted and there is none, an error.
    pub(super) fn enter(self: &Arc<Self>, waits: bool) -> Result<Admitted, Error> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Error::draining());
        }
        if queue.in_flight < self.max {
            queue.in_flight += 1;
            return Ok(Admitted::Now(Place(Some(Arc::clone(self)))));
        }
        if !waits {
            let max = self.max;
            return Err(Error::overloaded(format!(
                "{max} sessions that started here are in flight, the most at a time"
            )));
        }
        if queue.waiting.len() >= queue.prune_at.max(PRUNE_FROM) {
            queue.waiting.retain(|waiting| !waiting.is_closed());
            queue.prune_at = queue.waiting.len() * 2;
        }
        let (place, receiver) = oneshot::channel();
        queue.waiting.push_back(place);
        Ok(Admitted::Later(receiver))
    }

    /// A place for a session that there is already, whatever the limit says.
    pub(super) fn recovered(self: &Arc<Self>) -> Place {
        lock(&self.queue).in_flight += 1;
        Place(Some(Arc::clone(self)))
    }

    /// Whether nobody is let in any more.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.queue).closed
    }

    /// How many starts wait, or have waited and gone.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).waiting.len()
    }

    /// Lets nobody in any more; those that wait hear of it.
    pub(super) fn close(&self) {
        let waiting = {
            let mut queue = lock(&self.queue);
            queue.closed = true;
            std::mem::take(&mut queue.waiting)
        };
        drop(waiting);
    }

    /// A place has become free.
    fn pass_on(self: &Arc<Self>) {
        loop {
            let next = {
                let mut queue = lock(&self.queue);
                let is_over = queue.in_flight > self.max;
                let next = if is_over { None } else { queue.waiting.pop_front() };
                let Some(next) = next else {
                    queue.in_flight = queue.in_flight.saturating_sub(1);
                    return;
                };
                next
            };
            match next.send(Place(Some(Arc::clone(self)))) {
                Ok(()) => return,
                // Whoever waited has gone: the place goes to the next one, and not by being dropped.
                Err(mut unused) => unused.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(admission: &Arc<Admission>) -> Place {
        match admission.enter(true) {
            Ok(Admitted::Now(place)) => place,
            Ok(Admitted::Later(_)) | Err(_) => unreachable!("there is room"),
        }
    }

    fn later(admission: &Arc<Admission>) -> oneshot::Receiver<Place> {
        match admission.enter(true) {
            Ok(Admitted::Later(waits)) => waits,
            Ok(Admitted::Now(_)) | Err(_) => unreachable!("there is none"),
        }
    }

    #[test]
    fn places_are_passed_on_in_order_and_past_those_that_have_gone() {
        let admission = Admission::new(1);
        let first = now(&admission);
        let (mut second, gone, mut fourth) = (later(&admission), later(&admission), later(&admission));
        assert!(admission.enter(false).is_err_and(|error| error.is_overloaded() && error.is_not_accepted()));
        drop(gone);
        drop(first);
        assert!(fourth.try_recv().is_err());
        drop(second.try_recv().expect("it is its turn"));
        let fourth = fourth.try_recv().expect("the third has gone");
        drop(fourth);
        drop(now(&admission));
    }

    #[test]
    fn a_place_that_arrives_too_late_is_passed_on() {
        let admission = Admission::new(1);
        let first = now(&admission);
        let second = later(&admission);
        drop(first);
        // It was granted, and nobody took it.
        drop(second);
        drop(now(&admission));
    }

    #[test]
    fn recovered_sessions_are_let_in_over_the_limit_and_nobody_else_until_they_are_below_it() {
        let admission = Admission::new(1);
        let (first, second) = (admission.recovered(), admission.recovered());
        let mut third = later(&admission);
        drop(first);
        assert!(third.try_recv().is_err());
        drop(second);
        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn nobody_is_let_in_once_it_is_closed() {
        let admission = Admission::new(1);
        let _first = now(&admission);
        let mut second = later(&admission);
        admission.close();
        assert!(matches!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(admission.enter(true).is_err_and(|error| error.is_draining() && error.is_not_accepted()));
    }
}
