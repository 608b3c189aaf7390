//! What a role's program asks for, and what follows when it can go no further.
//!
//! The driver polls the program after every input. Requests of one poll are gathered; when the poll ends, with the program waiting or at its
//! end, `handle_program_waiting` or `handle_program_ended` makes one write of what there is to write and lets nothing leave before it.
//! First run and replay take the same path: a request takes the recorded entry, or leads to one.

use std::fmt;
use std::sync::Arc;
use std::task::Poll;

use super::parts::{NO_WRITE_YET, Request, Timer};
use super::writes::nothing_depends_on;
use super::{Change, Event, Run, Session};
use crate::canonical::canonical;
use crate::fault::{self, Fault};
use crate::identity::{Digest, Millis, Position, RoleId};
use crate::reason::cut_reason;
use crate::record::{CallRecord, RowState, Said, TransactionRecord, Urgency};
use crate::scope::{Place, Scopes};

/// The program must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// With this result, as JSON.
    Done(Arc<str>),
    /// With a business reason to end the saga.
    Refused(Arc<str>),
    /// With a failure of infrastructure.
    Failed(Arc<str>),
    /// It succeeded, and the driver cannot record its result, for this reason: the saga ends, and what the operation did outside
    /// of the database is undone like any other success.
    Unrecordable(Arc<str>),
}

/// The program did something else than what is recorded of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// Where.
    pub position: Option<Position>,
    /// What is recorded.
    pub recorded: String,
    /// What the program did this time.
    pub attempted: String,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "at {position}: ")?;
        }
        write!(f, "recorded {}, attempted {}", self.recorded, self.attempted)
    }
}

impl Session {
    /// The program sends a message, where [`Session::poll_room`] was ready.
    pub fn program_send(&mut self, at: impl Into<Place>, to: RoleId, payload: Arc<str>) -> Result<(), Stop> {
        self.gives_part_to(to);
        self.send(at.into(), to, payload)
    }

    pub(super) fn send(&mut self, at: Place, to: RoleId, payload: Arc<str>) -> Result<(), Stop> {
        let Place { position, scopes } = at;
        self.go_on(&scopes)?;
        self.acts();
        if !self.peers.contains_key(&to) {
            return self.diverge(position, "a role that takes part", format!("a message to role {}", to.0));
        }
        self.wanted.remove(&(to, position));
        if self.stable_early.remove(&(to, position)) {
            return Ok(());
        }
        if self.keep(to, position, scopes, Said::Value(payload)) {
            return self.diverge(position, "one message", "a second one of the same position".into());
        }
        Ok(())
    }

    /// The program waits for a message.
    pub fn program_receive(&mut self, at: impl Into<Place>, from: RoleId) -> Poll<Result<Arc<str>, Stop>> {
        let Place { position, scopes } = at.into();
        if let Err(stop) = self.go_on(&scopes) {
            return Poll::Ready(Err(stop));
        }
        match self.inbox.get_mut(&(position, from)) {
            None => {
                self.awaited.insert((position, from));
                Poll::Pending
            }
            Some(incoming) => {
                self.inbox_load.remove(incoming);
                let (false, Some(Said::Value(payload))) = (incoming.taken, incoming.take()) else {
                    let attempted = "a second receive of the same position".into();
                    return Poll::Ready(self.diverge(position, "one message", attempted));
                };
                self.awaited.remove(&(position, from));
                self.has_drained = true;
                Poll::Ready(Ok(payload))
            }
        }
    }

    /// The program waits for one of several messages, and takes none.
    pub fn program_offer(&mut self, scopes: &Scopes, messages: &[(Position, RoleId)]) -> Poll<Result<usize, Stop>> {
        if let Err(stop) = self.go_on(scopes) {
            return Poll::Ready(Err(stop));
        }
        match messages.iter().position(|key| self.inbox.contains_key(key)) {
            Some(index) => {
                messages.iter().for_each(|key| _ = self.awaited.remove(key));
                Poll::Ready(Ok(index))
            }
            None => {
                self.awaited.extend(messages.iter().copied());
                Poll::Pending
            }
        }
    }

    /// The program asks for a transaction. Its recorded result, or `None`: it is run, and [`Session::poll_transaction`] gives the result.
    /// `received` is the digest of what the asking thread of the program depends on: all that it has received, whatever came in between for
    /// threads beside it.
    pub fn program_transaction(
        &mut self,
        at: impl Into<Place>,
        operation: &str,
        arguments: Arc<str>,
        received: Digest,
    ) -> Result<Option<Arc<str>>, Stop> {
        let Place { position, scopes } = at.into();
        self.go_on(&scopes)?;
        match self.recorded_transaction(position, operation, &arguments, received)? {
            Some(Some(result)) => return Ok(Some(result)),
            Some(None) => return self.diverge(position, "an operation that is no transaction", operation.to_owned()),
            None => {}
        }
        self.request_allowed(position, &scopes, operation, &arguments)?;
        let request = Request::new(scopes, operation, arguments, received);
        self.acts();
        if self.transaction_requests.insert(position, request).is_some() {
            return self.diverge(position, "one transaction", "a second one at the same position".into());
        }
        if !self.hold_pivot(position) {
            self.runs.push_back(Run::Transaction(position));
        }
        Ok(None)
    }

    /// The result of the transaction at `position`, once it has run.
    pub fn poll_transaction(&mut self, at: impl Into<Place>) -> Poll<Result<Arc<str>, Stop>> {
        let Place { position, scopes } = at.into();
        self.poll_returned(&scopes, self.transactions.get(&position).and_then(|record| record.result.as_ref()))
    }

    /// The program asks for an operation whose result is recorded. Like [`Session::program_transaction`].
    pub fn program_call(
        &mut self,
        at: impl Into<Place>,
        operation: &str,
        arguments: Arc<str>,
        received: Digest,
    ) -> Result<Option<Arc<str>>, Stop> {
        let Place { position, scopes } = at.into();
        self.go_on(&scopes)?;
        if let Some(result) = self.recorded_call(position, operation, &arguments, received)? {
            return Ok(Some(result));
        }
        self.request_allowed(position, &scopes, operation, &arguments)?;
        let request = Request::new(scopes, operation, arguments, received);
        self.acts();
        if self.call_requests.insert(position, request).is_some() {
            return self.diverge(position, "one call", "a second one at the same position".into());
        }
        self.gated_calls.push_back((NO_WRITE_YET, position));
        Ok(None)
    }

    /// The result of the call at `position`, once it has returned.
    pub fn poll_call(&mut self, at: impl Into<Place>) -> Poll<Result<Arc<str>, Stop>> {
        let Place { position, scopes } = at.into();
        let called = self.calls.get(&position).map(|record| &record.result);
        let intended = || self.transactions.get(&position).and_then(|record| record.result.as_ref());
        self.poll_returned(&scopes, called.or_else(intended))
    }

    /// The program ends the session by intent.
    pub fn program_refuse(&mut self, reason: Arc<str>) {
        self.program_refuse_in(&Scopes::default(), reason);
    }

    /// The program ends the innermost of `scopes` by intent, or the session where there is none.
    pub fn program_refuse_in(&mut self, scopes: &Scopes, reason: Arc<str>) {
        if self.go_on(scopes).is_ok() {
            self.refuse_in(scopes, reason);
        }
    }

    pub(super) fn refuse_in(&mut self, scopes: &Scopes, reason: Arc<str>) {
        let reason = cut_reason(reason);
        match scopes.innermost() {
            None => self.refusal = Some(reason),
            Some(scope) => self.refuse_scope(scope, reason),
        }
    }

    /// Whether the transaction at `position` is (still) to be run.
    pub fn may_run(&self, position: Position) -> bool {
        self.is_requested(position) && !self.is_held()
    }

    /// Whether the program waits for the transaction at `position`.
    pub(super) fn is_requested(&self, position: Position) -> bool {
        !self.stopped && !self.parked && self.transaction_requests.contains_key(&position)
    }

    /// Asks again for the transactions that were not run while the program was held. One that is
    /// still running answers first, and the second request is then ignored.
    pub(super) fn run_requested(&mut self) {
        let held = self.held_pivot();
        let requested = self.transaction_requests.keys().copied().filter(|position| Some(*position) != held);
        self.runs.extend(requested.map(Run::Transaction));
    }

    /// The transaction at `position` has run, in a transaction of the database that is still open. Whether what it wrote is to be kept;
    /// the program is to be polled next, and the writes that then come up belong to the same commit.
    /// After that poll, [`Session::keeps_transaction`] must be asked as well.
    pub fn handle_transaction_ran(&mut self, position: Position, ran: Ran, now: Millis) -> bool {
        if !self.may_run(position) {
            return false;
        }
        match ran {
            Ran::Done(result) => {
                let Some(request) = self.transaction_requests.remove(&position) else { return false };
                let record = TransactionRecord {
                    position,
                    scopes: request.scopes,
                    sequence: self.next_sequence(),
                    operation: request.operation,
                    arguments: request.arguments,
                    result: Some(result),
                    received: request.received,
                    undone: false,
                };
                self.transactions.insert(position, Box::new(record.clone()));
                self.unwritten.push(Change::Transaction(record));
                self.visited.insert(position, ());
                self.pivot_ran(position);
                true
            }
            // Nothing that it wrote is kept, so there is nothing to undo.
            Ran::Refused(reason) | Ran::Unrecordable(reason) => {
                let scopes = self.transaction_requests.get(&position).map(|request| request.scopes.clone());
                self.refuse_in(&scopes.unwrap_or_default(), reason);
                false
            }
            Ran::Failed(reason) => {
                self.failed(Timer::Transaction(position), reason, now);
                false
            }
        }
    }

    /// Whether the call at `position` is (still) waited for: where not, it may be given up.
    pub fn awaits_call(&self, position: Position) -> bool {
        !self.stopped && !self.parked && self.call_requests.contains_key(&position)
    }

    /// The call at `position` has returned. The program is to be polled next.
    pub fn handle_call_returned(&mut self, position: Position, ran: Ran, now: Millis) {
        if !self.awaits_call(position) {
            return;
        }
        match ran {
            Ran::Done(result) => {
                let Some(request) = self.call_requests.remove(&position) else { return };
                if self.intended_returned(position, &result) {
                    return;
                }
                let record = CallRecord {
                    position,
                    scopes: request.scopes,
                    operation: request.operation,
                    arguments: Digest::of(canonical(&request.arguments).as_bytes()),
                    result,
                    received: request.received,
                };
                self.calls.insert(position, Box::new(record.clone()));
                self.unwritten.push(Change::Call(record));
                self.visited.insert(position, ());
            }
            Ran::Refused(reason) => {
                self.intended_refused(position);
                self.refuse_call(position, reason);
            }
            Ran::Unrecordable(reason) if fault::is_on(Fault::ForgetsUnrecordable) => {
                self.intended_refused(position);
                self.refuse_call(position, reason);
            }
            // The intent stands: a rollback undoes it.
            Ran::Unrecordable(reason) => self.refuse_call(position, reason),
            Ran::Failed(reason) => self.failed(Timer::Call(position), reason, now),
        }
    }

    fn refuse_call(&mut self, position: Position, reason: Arc<str>) {
        let scopes = self.call_requests.get(&position).map(|request| request.scopes.clone());
        self.refuse_in(&scopes.unwrap_or_default(), reason);
    }

    /// The program waits: every branch of it for something that is not there.
    pub fn handle_program_waiting(&mut self, now: Millis) {
        self.program_paused(None, now);
    }

    /// The program has run to its end with `result`, as JSON.
    pub fn handle_program_ended(&mut self, result: Arc<str>, now: Millis) {
        self.program_paused(Some(result), now);
    }

    fn program_paused(&mut self, ended: Option<Arc<str>>, now: Millis) {
        self.clock = now;
        self.settle_pivot(ended.is_some());
        let refusal = self.refusal.take();
        if !self.stopped && !self.parked {
            match (refusal, ended) {
                (Some(reason), _) => self.refuse(reason),
                (None, Some(result)) => self.complete(result),
                (None, None) => self.cancel_paused(),
            }
        }
        // What has just run is recorded whatever came of the program: its writes are in the commit that is being made.
        let starts = !self.parked && self.start_is_due();
        if !self.stopped && (!self.unwritten.is_empty() || starts) {
            let is_waited_for = starts || !self.unwritten.iter().all(nothing_depends_on);
            self.write(RowState::Active, if is_waited_for { Urgency::Prompt } else { Urgency::Lazy });
        }
        if self.stopped || self.parked {
            self.fresh.clear();
            self.give_room_back();
            return;
        }
        let gate = self.gate;
        for key in std::mem::take(&mut self.fresh) {
            if let Some(message) = self.outgoing.get_mut(&key) {
                message.after = gate;
            }
            self.held.push_back(key);
        }
        for (after, _) in self.gated_calls.iter_mut().rev().take_while(|(after, _)| *after == NO_WRITE_YET) {
            *after = gate;
        }
        self.waits_paused(now);
        self.scopes_paused(now);
        self.pivot_paused();
        self.release();
        self.ask_for_room();
        self.inbox_paused();
        self.arm_log(now);
        self.enter_state(now);
        self.roll_scopes_back();
        self.give_room_back();
    }

    /// The saga ends here, unless this role has promised that it will not (rule A1).
    fn refuse(&mut self, reason: Arc<str>) {
        match self.state() {
            Some(RowState::Voted { result }) => {
                let recorded = format!("the result {result}");
                self.park(Divergence { position: None, recorded, attempted: format!("the refusal `{reason}`") });
            }
            _ if self.may_be_excused() => {
                let recorded = "a role without a part in the session".to_owned();
                self.park(Divergence { position: None, recorded, attempted: format!("the refusal `{reason}`") });
            }
            _ => self.abort_as_origin(reason),
        }
    }

    /// Rule S1: the start is part of the initiator's first commit, unless anything is ready to leave before that.
    fn start_is_due(&self) -> bool {
        self.row.is_none()
            && self.me == self.header.initiator
            && (self.transaction_requests.is_empty()
                || self.holds_pivot()
                || !self.fresh.is_empty()
                || !self.gated_calls.is_empty())
    }

    fn complete(&mut self, result: Arc<str>) {
        self.ended = true;
        self.close_inbox();
        let missed = self.missed();
        if missed > 0 {
            let recorded = format!("{} operations", self.visited.len() + missed);
            let attempted = format!("the end after {}", self.visited.len());
            self.park(Divergence { position: None, recorded, attempted });
            return;
        }
        self.visited.clear();
        match self.state() {
            // Nobody waits for its vote.
            _ if self.is_untouched() => {}
            Some(RowState::Voted { result: recorded }) if canonical(recorded) == canonical(&result) => {
                // Now it is known which votes need not be waited for.
                self.tell_parts();
                self.decide_if_all_completed();
            }
            Some(RowState::Voted { result: recorded }) => {
                let (recorded, attempted) = (format!("the result {recorded}"), format!("the result {result}"));
                self.park(Divergence { position: None, recorded, attempted });
            }
            _ => {
                self.tells_early = self.may_tell_early();
                // What is said at the end waits for it, though.
                self.tells_early &= !self.is_awaited_by_pivot();
                let is_waited_for = !self.tells_early || !self.fresh.is_empty();
                let urgency = if is_waited_for { Urgency::Prompt } else { Urgency::Lazy };
                self.write(RowState::Voted { result }, urgency);
                self.tell_early();
            }
        }
    }

    /// Whether the program may do anything within `scopes`.
    pub(super) fn go_on(&self, scopes: &Scopes) -> Result<(), Stop> {
        let stops = self.stopped || self.parked || self.refusal.is_some() || self.is_given_up(scopes);
        if stops { Err(Stop) } else { Ok(()) }
    }

    fn poll_returned(&self, scopes: &Scopes, returned: Option<&Arc<str>>) -> Poll<Result<Arc<str>, Stop>> {
        match (self.go_on(scopes), returned) {
            (Err(stop), _) => Poll::Ready(Err(stop)),
            (Ok(()), Some(result)) => Poll::Ready(Ok(Arc::clone(result))),
            (Ok(()), None) => Poll::Pending,
        }
    }

    /// A failure of infrastructure: another try, or the end of the saga.
    fn failed(&mut self, timer: Timer, reason: Arc<str>, now: Millis) {
        let reason = cut_reason(reason);
        let (position, request) = match timer {
            Timer::Transaction(position) => (position, self.transaction_requests.get_mut(&position)),
            Timer::Call(position) => (position, self.call_requests.get_mut(&position)),
            Timer::Resend
            | Timer::Wait(_)
            | Timer::Scope(_)
            | Timer::Compensation
            | Timer::Log
            | Timer::Settle
            | Timer::Deadline => {
                return;
            }
        };
        let Some(request) = request else { return };
        request.attempts += 1;
        request.failure = Some(Arc::clone(&reason));
        let (operation, attempts) = (Arc::clone(&request.operation), request.attempts);
        let of_operation = self.retries.as_ref().and_then(|retries| retries.operations.get(&operation));
        let retry = *of_operation.unwrap_or(&self.timing.retry);
        if !retry.goes_on(attempts) {
            let scopes = request.scopes.clone();
            let (given_up, said) = (Arc::clone(&operation), Arc::clone(&reason));
            self.events.push_back(Event::OperationGivenUp { operation: given_up, reason: said, attempts });
            let reason = match attempts {
                1 => format!("{operation} failed: {reason}"),
                _ => format!("{operation} failed {attempts} times, at last with: {reason}"),
            };
            self.refuse_in(&scopes, reason.into());
            return;
        }
        self.timers.insert(timer, now.plus(retry.pause_millis(attempts, self.key(), position)));
        self.events.push_back(Event::OperationFailed { operation, reason, attempts });
        // Rule S2: the client's answer no longer hangs on this commit.
        if self.row.is_none() && self.me == self.header.initiator {
            self.write(RowState::Active, Urgency::Prompt);
        }
    }

    pub(super) fn diverge<T>(&mut self, position: Position, recorded: &str, attempted: String) -> Result<T, Stop> {
        self.park(Divergence { position: Some(position), recorded: recorded.into(), attempted });
        Err(Stop)
    }

    /// Stops the program for good in this run; nothing that is stored is touched.
    pub(super) fn park(&mut self, divergence: Divergence) {
        if !self.parked {
            self.parked = true;
            self.divergence = Some(Box::new(divergence.clone()));
            self.forget_messages();
            self.events.push_back(Event::Parked(divergence));
        }
    }
}
