//! Those who wait for a session, and what they are told.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::limits::Place;
use crate::error::Error;

/// How a session ended, as JSON of the result or the reason.
pub(super) type Ending = Result<Arc<str>, Error>;

/// Those who wait for a session.
#[derive(Default)]
pub(super) struct Waiters {
    pub(super) accepted: Vec<oneshot::Sender<Result<(), Error>>>,
    pub(super) decided: Vec<oneshot::Sender<Ending>>,
    pub(super) settled: Vec<oneshot::Sender<Ending>>,
    /// Somebody asked to end the session: a cell that takes this one's place is asked again.
    pub(super) cancel: Option<Arc<str>>,
    /// What they wait for has come already.
    pub(super) is_accepted: bool,
    pub(super) decision: Option<Ending>,
    pub(super) settlement: Option<Ending>,
    /// The session's place among those that are in flight, where it started here.
    pub(super) place: Option<Place>,
}

impl Waiters {
    /// For a session that is stored already.
    pub(super) fn recovered() -> Self {
        Self { is_accepted: true, ..Self::default() }
    }

    pub(super) fn accept(&mut self) {
        self.is_accepted = true;
        std::mem::take(&mut self.accepted).into_iter().for_each(|waiter| drop(waiter.send(Ok(()))));
    }

    pub(super) fn decide(&mut self, ending: Ending) {
        std::mem::take(&mut self.decided).into_iter().for_each(|waiter| drop(waiter.send(ending.clone())));
        self.decision.get_or_insert(ending);
    }

    pub(super) fn settle(&mut self, ending: Ending) {
        std::mem::take(&mut self.settled).into_iter().for_each(|waiter| drop(waiter.send(ending.clone())));
        self.settlement.get_or_insert(ending);
    }

    /// The session has ended so, durably.
    pub(super) fn end(&mut self, outcome: &Result<Arc<str>, Arc<str>>) {
        let ending = ending(outcome.clone());
        self.decide(ending.clone());
        self.settle(ending);
    }

    /// Nothing will come any more.
    pub(super) fn refuse(mut self, error: &Error) {
        self.accepted.drain(..).for_each(|waiter| drop(waiter.send(Err(error.clone()))));
        self.decide(Err(error.clone()));
        self.settle(Err(error.clone()));
    }

    pub(super) fn attach(&mut self, more: Self) {
        self.accepted.extend(more.accepted);
        self.decided.extend(more.decided);
        self.settled.extend(more.settled);
        if self.is_accepted {
            self.accept();
        }
        if let Some(decision) = self.decision.clone() {
            self.decide(decision);
        }
        if let Some(settlement) = self.settlement.clone() {
            self.settle(settlement);
        }
    }
}

/// What those who wait are told of an outcome.
pub(super) fn ending(outcome: Result<Arc<str>, Arc<str>>) -> Ending {
    outcome.map_err(Error::aborted)
}
