//! Receives that wait for a limited time. Whether the message or the end of the wait came first is a result that is recorded, like that of a
//! call: nothing that depends on it leaves before the record, and a role that runs again goes the same way, also where a message that it
//! has taken comes later this time than it would now wait for it.

use std::sync::Arc;
use std::task::Poll;

use super::parts::{Incoming, Timer};
use super::program::Stop;
use super::{Change, Session};
use crate::identity::{Digest, Millis, Position, RoleId};
use crate::record::CallRecord;
use crate::scope::{Place, Scopes};

/// The operation of the records.
const OPERATION: &str = "receive within";
/// Their results.
const ARRIVED: &str = "true";
const NOTHING: &str = "false";

/// A receive that has not ended.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    pub(super) scopes: Scopes,
    /// No message ends it.
    pub(super) sleeps: bool,
    millis: u64,
    clock: WaitClock,
}

impl Wait {
    fn new(scopes: Scopes, millis: u64, sleeps: bool) -> Self {
        Self { scopes, sleeps, millis, clock: WaitClock::Unarmed }
    }

    /// A wait for the clock alone.
    pub(super) fn of_sleep(scopes: Scopes, millis: u64) -> Self {
        Self {
            clock: if millis == 0 { WaitClock::Elapsed } else { WaitClock::Unarmed },
            ..Self::new(scopes, millis, true)
        }
    }

    pub(super) fn has_elapsed(&self) -> bool {
        self.clock == WaitClock::Elapsed
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitClock {
    /// It runs from the end of the poll of the program that is under way.
    Unarmed,
    Runs,
    Elapsed,
}

impl Session {
    /// The program waits for a message, from when it first asks for so many milliseconds; then it is `None`, and a message that comes later
    /// is dropped. `received` is as for [`Session::program_transaction`].
    pub fn program_receive_within(
        &mut self,
        at: impl Into<Place>,
        from: RoleId,
        millis: u64,
        received: Digest,
    ) -> Poll<Result<Option<Arc<str>>, Stop>> {
        let place = at.into();
        if let Err(stop) = self.go_on(&place.scopes) {
            return Poll::Ready(Err(stop));
        }
        match self.recorded_wait(place.position, millis, received) {
            Err(stop) => Poll::Ready(Err(stop)),
            Ok(Some(true)) => self.program_receive(place, from).map_ok(Some),
            Ok(Some(false)) => {
                self.drop_message(place, from);
                Poll::Ready(Ok(None))
            }
            Ok(None) => self.wait_first(place, from, millis, received),
        }
    }

    /// What is recorded: whether the message arrived.
    fn recorded_wait(&mut self, position: Position, millis: u64, received: Digest) -> Result<Option<bool>, Stop> {
        let Some(record) = self.calls.get(&position) else { return Ok(None) };
        let arrived = &*record.result == ARRIVED;
        // A program that waits comes by again and again.
        if !self.visited.contains_key(&position) {
            let arguments = millis.to_string();
            let digest = Digest::of(arguments.as_bytes());
            let fits = (&*record.operation, record.arguments, record.received) == (OPERATION, digest, received);
            let (result, recorded) = (Arc::clone(&record.result), record.operation.to_string());
            self.visit(position, fits, result, recorded, OPERATION, &arguments)?;
        }
        Ok(Some(arrived))
    }

    fn wait_first(
        &mut self,
        place: Place,
        from: RoleId,
        millis: u64,
        received: Digest,
    ) -> Poll<Result<Option<Arc<str>>, Stop>> {
        let Place { position, scopes } = place.clone();
        if let Err(stop) = self.request_allowed(position, &scopes, OPERATION, &millis.to_string()) {
            return Poll::Ready(Err(stop));
        }
        if self.inbox.get(&(position, from)).is_some_and(|incoming| !incoming.taken) {
            self.record_wait(place.clone(), ARRIVED, millis, received);
            return self.program_receive(place, from).map_ok(Some);
        }
        if !self.waits.contains_key(&position) {
            self.acts();
            self.waits.insert(position, Wait::new(scopes, millis, false));
        }
        if self.waits.get(&position).is_some_and(Wait::has_elapsed) {
            self.record_wait(place.clone(), NOTHING, millis, received);
            self.drop_message(place, from);
            return Poll::Ready(Ok(None));
        }
        self.awaited.insert((position, from));
        Poll::Pending
    }

    fn record_wait(&mut self, place: Place, result: &str, millis: u64, received: Digest) {
        let Place { position, scopes } = place;
        self.waits.remove(&position);
        self.timers.remove(&Timer::Wait(position));
        let arguments = Digest::of(millis.to_string().as_bytes());
        let record =
            CallRecord { position, scopes, operation: OPERATION.into(), arguments, result: result.into(), received };
        self.calls.insert(position, Box::new(record.clone()));
        self.unwritten.push(Change::Call(record));
        self.visited.insert(position, ());
    }

    /// A message that comes now is one that the program has dealt with.
    fn drop_message(&mut self, place: Place, from: RoleId) {
        let key = (place.position, from);
        self.awaited.remove(&key);
        let late = || Incoming { scopes: place.scopes, said: None, taken: true, logged: None };
        let incoming = self.inbox.entry(key).or_insert_with(late);
        if !incoming.taken {
            self.inbox_load.remove(incoming);
            incoming.take();
            self.has_drained = true;
        }
    }

    /// The poll of the program has ended: what it waits for since is timed from now.
    pub(super) fn waits_paused(&mut self, now: Millis) {
        for (position, wait) in self.waits.iter_mut().filter(|(_, wait)| wait.clock == WaitClock::Unarmed) {
            wait.clock = WaitClock::Runs;
            self.timers.insert(Timer::Wait(*position), now.plus(wait.millis));
        }
    }

    pub(super) fn wait_elapsed(&mut self, position: Position) {
        if let Some(wait) = self.waits.get_mut(&position) {
            wait.clock = WaitClock::Elapsed;
        }
    }
}
