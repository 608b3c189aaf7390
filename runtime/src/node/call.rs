//! A recorded operation under way: a task of its own, which holds no lock and no transaction of the store, and takes as long as it takes.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::Ran;
use tokio::sync::oneshot;

use super::role::{ErasedCall, catch_panic};
use super::transact::compensated;
use crate::context::{BoxError, BoxFuture, IdempotencyKey};

/// A recorded operation that the program waits for. Dropping it gives up the try that is under way.
pub(super) struct Call {
    operation: Arc<dyn ErasedCall>,
    /// Its other end ends the task; `None` before the first try.
    under_way: Option<oneshot::Sender<()>>,
}

impl Call {
    /// The operation's name.
    pub(super) fn name(&self) -> &'static str {
        self.operation.name()
    }

    pub(super) fn new(operation: Arc<dyn ErasedCall>) -> Self {
        Self { operation, under_way: None }
    }

    /// One try of it, which ends without a result when it is given up.
    pub(super) fn attempt(
        &mut self,
        key: IdempotencyKey,
        limit: Option<Duration>,
    ) -> impl Future<Output = Option<Ran>> + Send + 'static {
        let (under_way, given_up) = oneshot::channel();
        self.under_way = Some(under_way);
        let attempt = attempt(Arc::clone(&self.operation), key, limit);
        async move {
            tokio::select! {
                biased;
                _ = given_up => None,
                ran = attempt => Some(ran),
            }
        }
    }
}

/// One try of the compensation of a recorded operation.
pub(super) async fn undo(
    compensation: BoxFuture<'static, Result<(), BoxError>>,
    limit: Option<Duration>,
) -> Result<(), Arc<str>> {
    let undo = catch_panic(compensation);
    let Some(limit) = limit else { return compensated(undo.await) };
    match tokio::time::timeout(limit, undo).await {
        Ok(undone) => compensated(undone),
        Err(_) => Err(too_long(limit)),
    }
}

fn too_long(limit: Duration) -> Arc<str> {
    format!("it took longer than {} ms", limit.as_millis()).into()
}

/// One try of a recorded operation.
async fn attempt(operation: Arc<dyn ErasedCall>, key: IdempotencyKey, limit: Option<Duration>) -> Ran {
    let call = catch_panic(operation.call(key));
    let ran = match limit {
        None => call.await,
        Some(limit) => match tokio::time::timeout(limit, call).await {
            Ok(ran) => ran,
            Err(_) => return Ran::Failed(too_long(limit)),
        },
    };
    ran.unwrap_or_else(|panic| Ran::Failed(panic.into()))
}
