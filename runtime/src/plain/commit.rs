//! What the plain runtime does in a store: a transaction or a compensation in one commit, without a record.

use std::sync::Arc;

use accompanist_core::{RoleId, SessionId, SessionKey, Write};
use tokio::sync::oneshot;

use super::board::{Running, Ticket};
use crate::context::{BoxError, BoxFuture, Failure, IdempotencyKey, Role, Transaction};
use crate::json::record_owned;
use crate::node::{PAYLOAD_BYTES_MAX, unrecordable};
use crate::store::{Job, Store, StoreError, Transact};

/// Something to do in one transaction of a store; gives JSON.
pub(super) trait Work<D: Store>: Send + 'static {
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<Arc<str>, Failure>>;
}

/// A transaction of a service.
pub(super) struct Commit<T: Transaction<S, D>, S, D: Store> {
    pub(super) service: Arc<S>,
    pub(super) arguments: T::Arguments,
}

impl<T: Transaction<S, D>, S: Send + Sync + 'static, D: Store> Work<D> for Commit<T, S, D> {
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<Arc<str>, Failure>> {
        Box::pin(async move {
            let output = T::commit(&self.service, tx, &self.arguments).await?;
            record_owned(output, PAYLOAD_BYTES_MAX).map(Arc::from).map_err(|error| Failure::abort(unrecordable(&error)))
        })
    }
}

/// A committed transaction, or an operation outside of the database, as JSON.
#[derive(Clone)]
pub(super) struct Committed {
    pub(super) operation: &'static str,
    pub(super) arguments: Arc<str>,
    /// `None` where it is not known whether it has happened.
    pub(super) output: Option<Arc<str>>,
    /// Of an operation outside of the database.
    pub(super) key: Option<IdempotencyKey>,
}

/// A role without its type, as far as it undoes.
pub(super) trait Undoes<D: Store>: Send + Sync {
    fn compensate<'a>(&'a self, tx: &'a mut D::Tx, record: &'a Committed) -> BoxFuture<'a, Result<(), BoxError>>;
}

impl<D: Store, R: Role<D>> Undoes<D> for R {
    fn compensate<'a>(&'a self, tx: &'a mut D::Tx, record: &'a Committed) -> BoxFuture<'a, Result<(), BoxError>> {
        let (operation, arguments, output) = (record.operation, &record.arguments, record.output.as_deref());
        match &record.key {
            Some(key) => Role::compensate_call(self, key, operation, arguments, output),
            None => Role::compensate(self, tx, operation, arguments, output.unwrap_or("null")),
        }
    }
}

/// The compensation of a transaction.
pub(super) struct Undo<D: Store> {
    pub(super) role: Arc<dyn Undoes<D>>,
    pub(super) record: Committed,
    /// Dropped when the store is done with it, whether or not anybody still waits for that.
    #[allow(dead_code, reason = "that it is dropped says that it is over")]
    pub(super) running: Running,
}

impl<D: Store> Work<D> for Undo<D> {
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<Arc<str>, Failure>> {
        Box::pin(async move {
            self.role.compensate(tx, &self.record).await.map_err(Failure::Infrastructure)?;
            Ok(Arc::from("null"))
        })
    }
}

/// Runs `work` in one commit; its writes are kept where it succeeds, and then `ticket` says so, whether or not anybody still waits here.
pub(super) async fn run_in<D: Store>(
    store: &D,
    work: impl Work<D>,
    ticket: Option<Ticket>,
) -> Result<Arc<str>, Failure> {
    let (reply, waits) = oneshot::channel();
    store.submit(Job::Transact(Box::new(OneCommit { work, result: None, ticket, reply })));
    waits.await.unwrap_or_else(|_| Err(StoreError::Failed("the store is closed".into()).into()))
}

struct OneCommit<W> {
    work: W,
    result: Option<Result<Arc<str>, Failure>>,
    ticket: Option<Ticket>,
    reply: oneshot::Sender<Result<Arc<str>, Failure>>,
}

impl<D: Store, W: Work<D>> Transact<D> for OneCommit<W> {
    fn key(&self) -> SessionKey {
        SessionKey { session: SessionId([0; 32]), role: RoleId(0) }
    }

    fn run<'a>(&'a mut self, tx: &'a mut D::Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let result = self.work.run(tx).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn record(&mut self) -> Vec<Write> {
        Vec::new()
    }

    fn done(mut self: Box<Self>, result: Result<(), StoreError>) {
        let reply = match (result, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::Failed("the store did not run it".into()).into()),
            (Err(error), _) => Err(error.into()),
        };
        if let (Ok(output), Some(ticket)) = (&reply, self.ticket.take()) {
            ticket.committed(Some(Arc::clone(output)));
        }
        // Whoever asked may have gone.
        let _ = self.reply.send(reply);
    }
}
