//! Timers: a role waits where it stands, for a time that outlives its node.
//!
//! Two records tell of one, both as results of calls. The first says when it is due, by the time of day, and is asked for as soon as the role
//! gets there; the second says that it is over. Nothing depends on either of them: a message behind a timer says no more than that the role
//! has got there, and a role that runs again after it lost a record waits once more and sends the same. So both are lazy, and nothing is
//! withheld for their sake. What follows takes the second one along in its own commit: a role that has done anything durable behind a timer
//! never waits for it again, whatever has become of the clock.
//!
//! While a node runs, a timer is timed by its clock, which does not jump. A run that finds the first record times what is left by the time of
//! day, and never gives more than the whole time again.

use std::sync::Arc;
use std::task::Poll;

use super::parts::Timer;
use super::program::{Divergence, Stop};
use super::wait::Wait;
use super::{Change, Session};
use crate::identity::Digest;
use crate::record::CallRecord;
use crate::scope::Place;

/// The operation of the record that says when it is due, in milliseconds since 1970.
const BEGUN: &str = "sleep";
/// The operation of the record that says that it is over.
const ENDED: &str = "slept";

impl Session {
    /// The program waits for `millis` milliseconds, from when it first got here; it is `unix_millis` now, by the time of day. `received` is as
    /// for [`Session::program_transaction`].
    pub fn program_sleep(
        &mut self,
        at: impl Into<Place>,
        millis: u64,
        received: Digest,
        unix_millis: u64,
    ) -> Poll<Result<(), Stop>> {
        let place = at.into();
        let position = place.position;
        if let Err(stop) = self.go_on(&place.scopes) {
            return Poll::Ready(Err(stop));
        }
        if !self.waits.contains_key(&position) {
            match self.time_left(&place, millis, received, unix_millis) {
                Err(stop) => return Poll::Ready(Err(stop)),
                Ok(None) => return Poll::Ready(Ok(())),
                Ok(Some(left_millis)) => {
                    self.acts();
                    self.waits.insert(position, Wait::of_sleep(place.scopes.clone(), left_millis));
                }
            }
        }
        if !self.waits.get(&position).is_some_and(Wait::has_elapsed) {
            return Poll::Pending;
        }
        self.waits.remove(&position);
        self.timers.remove(&Timer::Wait(position));
        self.record_sleep(Place { position: position.behind(), ..place }, ENDED, "null".into(), millis, received);
        Poll::Ready(Ok(()))
    }

    /// How long it is still to wait; nothing where that is over.
    fn time_left(
        &mut self,
        place: &Place,
        millis: u64,
        received: Digest,
        unix_millis: u64,
    ) -> Result<Option<u64>, Stop> {
        let arguments = millis.to_string();
        let due = self.recorded_call(place.position, BEGUN, &arguments, received)?;
        if due.is_some() && self.recorded_call(place.position.behind(), ENDED, &arguments, received)?.is_some() {
            return Ok(None);
        }
        self.request_allowed(place.position, &place.scopes, BEGUN, &arguments)?;
        let Some(due) = due else {
            let due = unix_millis.saturating_add(millis).to_string();
            self.record_sleep(place.clone(), BEGUN, due.into(), millis, received);
            return Ok(Some(millis));
        };
        match due.parse::<u64>() {
            Ok(due) => Ok(Some(due.saturating_sub(unix_millis).min(millis))),
            Err(_) => {
                let attempted = "reading it as a time of day".to_owned();
                self.park(Divergence { position: Some(place.position), recorded: due.to_string(), attempted });
                Err(Stop)
            }
        }
    }

    fn record_sleep(&mut self, place: Place, operation: &str, result: Arc<str>, millis: u64, received: Digest) {
        let Place { position, scopes } = place;
        let arguments = Digest::of(millis.to_string().as_bytes());
        let record = CallRecord { position, scopes, operation: operation.into(), arguments, result, received };
        self.calls.insert(position, Box::new(record.clone()));
        self.unwritten.push(Change::Call(record));
        self.visited.insert(position, ());
    }
}

/// Whether nothing depends on a change.
pub(super) fn is_of_sleep(change: &Change) -> bool {
    matches!(change, Change::Call(record) if [BEGUN, ENDED].contains(&&*record.operation))
}
