//! Who may start a session, and who waits for it: in order, as sessions end and as what they hold in memory becomes less.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::cell::lock;
use super::limits::Limits;
use crate::error::Error;

/// Senders of callers that wait are looked through for those that have gone when there are so many, and then at each doubling.
const PRUNE_FROM: usize = 1_024;

/// Lets sessions start up to two limits, and others in order as there is room again.
#[derive(Debug)]
pub(super) struct Admission {
    sessions_max: usize,
    bytes_max: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    sessions: usize,
    /// What all of them hold.
    bytes: usize,
    /// Each with what it holds from the start.
    waiting: VecDeque<(usize, oneshot::Sender<Place>)>,
    prune_at: usize,
    /// Nobody is let in any more.
    closed: bool,
}

/// A session's place; dropping it lets the next one in.
pub(super) struct Place {
    admission: Arc<Admission>,
    bytes: usize,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl Place {
    /// The session holds so many bytes now.
    pub(super) fn hold(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if before == bytes {
            return;
        }
        let mut queue = lock(&self.admission.queue);
        queue.bytes = (queue.bytes + bytes).saturating_sub(before);
        drop(queue);
        if bytes < before {
            self.admission.let_in();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queue = lock(&self.admission.queue);
        queue.sessions = queue.sessions.saturating_sub(1);
        queue.bytes = queue.bytes.saturating_sub(self.bytes);
        drop(queue);
        self.admission.let_in();
    }
}

/// What a start gets.
pub(super) enum Admitted {
    Now(Place),
    /// Its turn comes.
    Later(oneshot::Receiver<Place>),
}

impl Admission {
    pub(super) fn new(limits: &Limits) -> Arc<Self> {
        let (sessions_max, bytes_max) = (limits.sessions_started_max, limits.started_bytes_max);
        Arc::new(Self { sessions_max, bytes_max, queue: Mutex::default() })
    }

    /// A place for a session that holds so many bytes at first, now or later; where `waits` is not wanted and there is none, an error.
    pub(super) fn enter(self: &Arc<Self>, bytes: usize, waits: bool) -> Result<Admitted, Error> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Error::draining());
        }
        queue.forget_first_gone();
        if queue.waiting.is_empty() && queue.has_room(self, bytes) {
            return Ok(Admitted::Now(self.place(&mut queue, bytes)));
        }
        if !waits {
            return Err(Error::overloaded(queue.why_full(self)));
        }
        if queue.waiting.len() >= queue.prune_at.max(PRUNE_FROM) {
            queue.waiting.retain(|(_, waiting)| !waiting.is_closed());
            queue.prune_at = queue.waiting.len() * 2;
        }
        let (place, receiver) = oneshot::channel();
        queue.waiting.push_back((bytes, place));
        Ok(Admitted::Later(receiver))
    }

    /// A place for a session that there is already, whatever the limits say.
    pub(super) fn recovered(self: &Arc<Self>) -> Place {
        self.place(&mut lock(&self.queue), 0)
    }

    fn place(self: &Arc<Self>, queue: &mut Queue, bytes: usize) -> Place {
        queue.sessions += 1;
        queue.bytes += bytes;
        Place { admission: Arc::clone(self), bytes }
    }

    /// Whether nobody is let in any more.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.queue).closed
    }

    /// How many starts wait, or have waited and gone.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).waiting.len()
    }

    /// What all sessions hold that started here.
    pub(super) fn bytes(&self) -> usize {
        lock(&self.queue).bytes
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

    /// Lets in whoever there is room for.
    fn let_in(self: &Arc<Self>) {
        loop {
            let (place, waiting) = {
                let mut queue = lock(&self.queue);
                queue.forget_first_gone();
                let Some(bytes) = queue.waiting.front().map(|(bytes, _)| *bytes) else { return };
                if !queue.has_room(self, bytes) {
                    return;
                }
                let Some((_, waiting)) = queue.waiting.pop_front() else { return };
                (self.place(&mut queue, bytes), waiting)
            };
            // Without the lock. Where whoever waited has gone just now, the place is dropped, and lets the next one in.
            let _ = waiting.send(place);
        }
    }
}

impl Queue {
    fn has_room(&self, limits: &Admission, bytes: usize) -> bool {
        let fits = self.bytes.saturating_add(bytes) <= limits.bytes_max || self.bytes == 0;
        self.sessions < limits.sessions_max && fits
    }

    /// The first of those that wait is one that waits.
    fn forget_first_gone(&mut self) {
        while self.waiting.front().is_some_and(|(_, waiting)| waiting.is_closed()) {
            self.waiting.pop_front();
        }
    }

    fn why_full(&self, limits: &Admission) -> String {
        if self.sessions >= limits.sessions_max {
            let max = limits.sessions_max;
            return format!("{max} sessions that started here are in flight, the most at a time");
        }
        let (bytes, max) = (self.bytes, limits.bytes_max);
        format!("the sessions in flight that started here hold {bytes} bytes in memory, of {max} at most")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Limits = Limits {
        sessions_started_max: 1,
        started_bytes_max: 100,
        payload_bytes_max: 100,
        sessions_of_peer_max: 1,
        kept_bytes_max: 100,
        inbox_bytes_max: 100,
        outgoing_bytes_max: 100,
        transaction_millis_max: 1,
    };

    fn now(admission: &Arc<Admission>) -> Place {
        match admission.enter(0, true) {
            Ok(Admitted::Now(place)) => place,
            Ok(Admitted::Later(_)) | Err(_) => unreachable!("there is room"),
        }
    }

    fn later(admission: &Arc<Admission>) -> oneshot::Receiver<Place> {
        match admission.enter(0, true) {
            Ok(Admitted::Later(waits)) => waits,
            Ok(Admitted::Now(_)) | Err(_) => unreachable!("there is none"),
        }
    }

    #[test]
    fn places_are_passed_on_in_order_and_past_those_that_have_gone() {
        let admission = Admission::new(&ONE);
        let first = now(&admission);
        let (mut second, gone, mut fourth) = (later(&admission), later(&admission), later(&admission));
        assert!(admission.enter(0, false).is_err_and(|error| error.is_overloaded() && error.is_not_accepted()));
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
        let admission = Admission::new(&ONE);
        let first = now(&admission);
        let second = later(&admission);
        drop(first);
        // It was granted, and nobody took it.
        drop(second);
        drop(now(&admission));
    }

    #[test]
    fn recovered_sessions_are_let_in_over_the_limit_and_nobody_else_until_they_are_below_it() {
        let admission = Admission::new(&ONE);
        let (first, second) = (admission.recovered(), admission.recovered());
        let mut third = later(&admission);
        drop(first);
        assert!(third.try_recv().is_err());
        drop(second);
        assert!(third.try_recv().is_ok());
    }

    #[test]
    fn nobody_is_let_in_once_it_is_closed() {
        let admission = Admission::new(&ONE);
        let _first = now(&admission);
        let mut second = later(&admission);
        admission.close();
        assert!(matches!(second.try_recv(), Err(oneshot::error::TryRecvError::Closed)));
        assert!(admission.enter(0, true).is_err_and(|error| error.is_draining() && error.is_not_accepted()));
    }

    #[test]
    fn starts_wait_until_sessions_hold_less_and_none_overtakes_a_larger_one() {
        let admission = Admission::new(&Limits { sessions_started_max: 10, ..ONE });
        let enter = |bytes| match admission.enter(bytes, true) {
            Ok(Admitted::Later(waits)) => Err(waits),
            Ok(Admitted::Now(place)) => Ok(place),
            Err(_) => unreachable!("it may wait"),
        };
        let mut first = enter(60).expect("there is room");
        let second = enter(40).expect("there is room");
        first.hold(90);
        assert_eq!(admission.bytes(), 130);
        let (mut large, mut small) = (enter(70).expect_err("it waits"), enter(1).expect_err("it waits, too"));
        assert!(
            admission.enter(1, false).is_err_and(|error| error.to_string().contains("130 bytes in memory, of 100"))
        );
        first.hold(40);
        assert!(large.try_recv().is_err() && small.try_recv().is_err(), "80 and 70 are more than 100");
        first.hold(0);
        assert!(large.try_recv().is_err(), "40 and 70 are");
        drop(second);
        let (large, small) = (large.try_recv().expect("there is room"), small.try_recv().expect("for both"));
        assert_eq!(admission.bytes(), 71);
        drop((first, large, small));
        // One that is larger by itself is let in when nobody else holds anything.
        let huge = enter(1_000).expect("it is alone");
        assert!(enter(1).is_err());
        drop(huge);
        assert_eq!(admission.bytes(), 0);
    }
}
