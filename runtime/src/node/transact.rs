//! What runs inside the store's transactions: operations and compensations, each in one commit with its record.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{Position, Ran, SessionKey, TransactionRecord, Write};
use tracing::Instrument as _;

use super::cell::Cell;
use super::role::{ErasedTransaction, catch_panic};
use super::trace;
use super::watch::{Holds, What};
use crate::context::{BoxError, BoxFuture};
use crate::store::{Store, StoreError, Transact};

/// A transaction of a role's program.
pub(super) struct Transaction<S: Store> {
    cell: Arc<Cell<S>>,
    position: Position,
    operation: Arc<dyn ErasedTransaction<S>>,
    writes: Writes,
}

impl<S: Store> Transaction<S> {
    pub(super) fn new(cell: Arc<Cell<S>>, position: Position, operation: Arc<dyn ErasedTransaction<S>>) -> Self {
        Self { cell, position, operation, writes: Writes::default() }
    }
}

impl<S: Store> Transact<S> for Transaction<S> {
    fn key(&self) -> SessionKey {
        self.cell.key
    }

    fn run<'a>(&'a mut self, tx: &'a mut S::Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            if !self.cell.may_run(self.position) {
                return false;
            }
            let span = trace::step(&self.cell, trace::Step::Transaction, self.position, self.operation.name());
            let name = self.operation.name();
            let ran = within(&self.cell, name, catch_panic(self.operation.commit(tx)).instrument(span.clone())).await;
            let ran = match ran.and_then(|ran| ran.map_err(Arc::from)).unwrap_or_else(Ran::Failed) {
                Ran::Failed(reason) => Ran::Failed(advised::<S>(reason)),
                ran @ (Ran::Done(_) | Ran::Refused(_) | Ran::Unrecordable(_)) => ran,
            };
            trace::ended(&span, &ran);
            drop(span);
            let position = self.position;
            // From here on it is decided: an abort that comes now is written after this commit, and undoes it.
            self.writes.kept = self.cell.step_within(Some(&mut self.writes.pending), |session, now| {
                session.handle_transaction_ran(position, ran, now)
            });
            // One that decides the session is taken back where the program fails behind it in this step.
            self.writes.kept &= self.cell.look(|session| session.keeps_transaction(position));
            if self.writes.kept {
                self.cell.forget_transaction(position);
            }
            self.writes.kept
        })
    }

    fn record(&mut self) -> Vec<Write> {
        self.writes.take(&self.cell)
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        if self.writes.kept && result.is_ok() {
            self.cell.count(|counts| &counts.transactions);
        }
        self.writes.done(&self.cell, result);
    }
}

/// The compensation of a committed transaction.
pub(super) struct Compensation<S: Store> {
    cell: Arc<Cell<S>>,
    record: TransactionRecord,
    writes: Writes,
}

impl<S: Store> Compensation<S> {
    pub(super) fn new(cell: Arc<Cell<S>>, record: TransactionRecord) -> Self {
        Self { cell, record, writes: Writes::default() }
    }
}

impl<S: Store> Transact<S> for Compensation<S> {
    fn key(&self) -> SessionKey {
        self.cell.key
    }

    fn run<'a>(&'a mut self, tx: &'a mut S::Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            if !self.cell.may_compensate(self.record.position) {
                return false;
            }
            let record = &self.record;
            // Only what is intended to be called has no result, and that runs in no transaction.
            let result = record.result.as_deref().unwrap_or("null");
            let compensate = self.cell.role.compensate(tx, &record.operation, &record.arguments, result);
            let span = trace::step(&self.cell, trace::Step::Compensation, record.position, &record.operation);
            let compensate = catch_panic(compensate).instrument(span.clone());
            let result = within(&self.cell, &record.operation, compensate).await;
            let result = result.and_then(compensated).map_err(advised::<S>);
            if let Err(reason) = &result {
                trace::failed(&span, reason);
            }
            drop(span);
            let position = record.position;
            self.writes.kept = self.cell.step_within(Some(&mut self.writes.pending), |session, now| {
                session.handle_compensated(position, result, now)
            });
            self.writes.kept
        })
    }

    fn record(&mut self) -> Vec<Write> {
        self.writes.take(&self.cell)
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        if self.writes.kept && result.is_ok() {
            self.cell.count(|counts| &counts.compensations);
        }
        self.writes.done(&self.cell, result);
    }
}

/// A failure, with what the store knows to do about it.
fn advised<S: Store>(failure: Arc<str>) -> Arc<str> {
    match S::advice(&failure) {
        Some(advice) => format!("{failure}; {advice}").into(),
        None => failure,
    }
}

/// Runs what holds the database, for no longer than it may; the watchdog knows of it meanwhile.
async fn within<S: Store, T>(cell: &Cell<S>, operation: &str, running: impl Future<Output = T>) -> Result<T, Arc<str>> {
    // Not the node itself: it may go while this runs, and is not to end on the writer's thread.
    let Some((watch, millis_max)) = cell.watch() else { return Ok(running.await) };
    let _running = watch.run(Holds::Writer, cell.key, What::Operation(operation.to_owned().into()));
    // Without a runtime there is no timer; a played process has operations that never wait.
    if millis_max == 0 || !watch.is_on() || tokio::runtime::Handle::try_current().is_err() {
        return Ok(running.await);
    }
    let ended = tokio::time::timeout(Duration::from_millis(millis_max), running).await;
    ended.map_err(|_| {
        let waits = "it must wait for nothing but its database, and not for another session of this node";
        format!("the transaction held the database for {millis_max} ms (`transaction_millis_max`): {waits}").into()
    })
}

/// How a compensation ended.
pub(super) fn compensated(ended: Result<Result<(), BoxError>, String>) -> Result<(), Arc<str>> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Arc::from(error.to_string())),
        Err(panic) => Err(Arc::from(panic)),
    }
}

/// The session's writes of one commit.
#[derive(Default)]
struct Writes {
    pending: Vec<Write>,
    /// What the operation itself wrote is in the commit, too.
    kept: bool,
    last: Option<accompanist_core::WriteId>,
}

impl Writes {
    fn take<S: Store>(&mut self, cell: &Cell<S>) -> Vec<Write> {
        self.pending.append(&mut cell.take_riding());
        self.last = self.pending.last().map(|write| write.id);
        std::mem::take(&mut self.pending)
    }

    fn done<S: Store>(&self, cell: &Arc<Cell<S>>, result: Result<(), StoreError>) {
        cell.job_ended();
        match (self.last, result) {
            (Some(id), result) => cell.written(id, result),
            (None, Err(error)) => cell.fail(error),
            (None, Ok(())) => {}
        }
    }
}
