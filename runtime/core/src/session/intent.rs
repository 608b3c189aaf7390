//! Operations outside of the role's database that a rollback undoes (hole H19 of the specification).
//!
//! Such an operation shares no commit with its record. So its *intent* is durable before it is called, as the record of a transaction without
//! a result, and its result after; a role that runs again calls it again, by the same key. A rollback undoes it in its turn, with a result or
//! without one: whoever carries it out bars a call of that key that is still on its way. One that was refused at once did nothing, and is marked undone.

use std::sync::Arc;

use super::parts::{NO_WRITE_YET, Request};
use super::program::Stop;
use super::{Change, Run, Session};
use crate::fault::{self, Fault};
use crate::identity::{Digest, Position};
use crate::record::TransactionRecord;
use crate::scope::Place;

impl Session {
    /// The program asks for an operation outside of the database that a rollback undoes. Like [`Session::program_call`], and
    /// [`Session::poll_call`] gives its result.
    pub fn program_intent(
        &mut self,
        at: impl Into<Place>,
        operation: &str,
        arguments: Arc<str>,
        received: Digest,
    ) -> Result<Option<Arc<str>>, Stop> {
        let Place { position, scopes } = at.into();
        self.go_on(&scopes)?;
        let recorded = self.recorded_transaction(position, operation, &arguments, received)?;
        if let Some(Some(result)) = recorded {
            return Ok(Some(result));
        }
        let is_intended = recorded.is_some();
        if !is_intended {
            self.request_allowed(position, &scopes, operation, &arguments)?;
            let record = TransactionRecord {
                position,
                scopes: scopes.clone(),
                sequence: self.next_sequence(),
                operation: operation.into(),
                arguments: Arc::clone(&arguments),
                result: None,
                received,
                undone: false,
            };
            self.transactions.insert(position, Box::new(record.clone()));
            self.unwritten.push(Change::Transaction(record));
            self.visited.insert(position, ());
        }
        let request = Request { is_again: is_intended, ..Request::new(scopes, operation, arguments, received) };
        self.acts();
        self.call_requests.insert(position, request);
        if is_intended || fault::is_on(Fault::CallsBeforeIntent) {
            self.runs.push_back(Run::Call(position));
        } else {
            self.gated_calls.push_back((NO_WRITE_YET, position));
        }
        Ok(None)
    }

    /// The operation at `position` has returned. Whether it was an intended one.
    pub(super) fn intended_returned(&mut self, position: Position, result: &Arc<str>) -> bool {
        let Some(record) = self.transactions.get_mut(&position) else { return false };
        record.result = Some(Arc::clone(result));
        self.unwritten.push(Change::Returned { position, result: Arc::clone(result) });
        true
    }

    /// The operation at `position` was refused: there is nothing to undo, if it was an intended one and was called only once. Another call of it
    /// may be on its way still, and may not be refused when it comes.
    pub(super) fn intended_refused(&mut self, position: Position) {
        let is_only = |request: &&Request| !request.is_again && request.attempts == 0;
        if self.call_requests.get(&position).filter(is_only).is_none() {
            return;
        }
        if let Some(record) = self.transactions.get_mut(&position) {
            record.undone = true;
            self.unwritten.push(Change::Undone(position));
        }
    }
}
