//! What a run finds recorded of an earlier one: a request of the program takes the record of its position, which must fit it.

use std::sync::Arc;

use super::program::{Divergence, Stop};
use super::{Change, Session};
use crate::canonical::canonical;
use crate::identity::{Digest, Position};
use crate::record::RowState;
use crate::scope::Scopes;

impl Session {
    /// The arguments of the session cannot be read: they were written by other code.
    pub fn handle_unreadable_arguments(&mut self, error: &str) {
        self.park(Divergence {
            position: None,
            recorded: "arguments of another type".into(),
            attempted: format!("reading them: {error}"),
        });
    }

    /// The message that `program_receive` gave cannot be read as what the program expects: its sender runs other code.
    pub fn handle_unreadable(&mut self, position: Position, error: &str) {
        self.park(Divergence {
            position: Some(position),
            recorded: "a value of another type".into(),
            attempted: format!("reading it: {error}"),
        });
    }

    /// The record of a transaction, if there is one: its result, where that is known.
    pub(super) fn recorded_transaction(
        &mut self,
        position: Position,
        operation: &str,
        arguments: &Arc<str>,
        received: Digest,
    ) -> Result<Option<Option<Arc<str>>>, Stop> {
        let Some(record) = self.transactions.get(&position) else { return Ok(None) };
        let fits = (&*record.operation, canonical(&record.arguments), record.received)
            == (operation, canonical(arguments), received);
        let (result, recorded) = (record.result.clone(), describe(&record.operation, &record.arguments));
        self.visit(position, fits, result, recorded, operation, arguments).map(Some)
    }

    /// The place of the next transaction in the order of commits.
    pub(super) fn next_sequence(&self) -> u64 {
        let before = self.row.as_ref().map_or(0, |row| row.commits);
        let unwritten = self.unwritten.iter().filter(|change| matches!(change, Change::Transaction(_)));
        before + unwritten.count() as u64 + 1
    }

    /// The result of a call, if it is recorded.
    pub(super) fn recorded_call(
        &mut self,
        position: Position,
        operation: &str,
        arguments: &str,
        received: Digest,
    ) -> Result<Option<Arc<str>>, Stop> {
        let Some(record) = self.calls.get(&position) else { return Ok(None) };
        let digest = Digest::of(canonical(arguments).as_bytes());
        let fits = (&*record.operation, record.arguments, record.received) == (operation, digest, received);
        let (result, recorded) = (Arc::clone(&record.result), describe(&record.operation, "other arguments"));
        self.visit(position, fits, result, recorded, operation, arguments).map(Some)
    }

    /// A role that has voted, of the session or of a scope around, has nothing left to do there that is not recorded.
    pub(super) fn request_allowed(
        &mut self,
        position: Position,
        scopes: &Scopes,
        operation: &str,
        arguments: &str,
    ) -> Result<(), Stop> {
        if matches!(self.state(), Some(RowState::Voted { .. })) || self.has_voted_of(scopes) {
            return self.diverge(position, "nothing", describe(operation, arguments));
        }
        Ok(())
    }

    pub(super) fn visit<T>(
        &mut self,
        position: Position,
        fits: bool,
        result: T,
        recorded: String,
        operation: &str,
        arguments: &str,
    ) -> Result<T, Stop> {
        if !fits {
            return self.diverge(position, &recorded, describe(operation, arguments));
        }
        if self.visited.insert(position, ()).is_some() {
            return self.diverge(position, "one operation", format!("{operation} a second time at the same position"));
        }
        Ok(result)
    }

    /// How many records the program has not come by, but for those of bodies that were aborted.
    pub(super) fn missed(&self) -> usize {
        let transactions = self.transactions.values().map(|record| (record.position, &record.scopes));
        let calls = self.calls.values().map(|record| (record.position, &record.scopes));
        let missed = |(position, scopes): &(Position, &Scopes)| {
            !self.visited.contains_key(position) && !self.is_given_up(scopes)
        };
        transactions.chain(calls).filter(missed).count() + self.missed_scopes()
    }
}

fn describe(operation: &str, arguments: &str) -> String {
    format!("{operation}{arguments}")
}
