//! Cancelling sessions that started here.

use std::sync::{Arc, Weak};

use accompanist_core::{RowState, SessionKey, Stored};
use tokio::sync::oneshot;

use super::cell::lock;
use super::waiters::{Ending, Waiters};
use super::{Node, Shared, WeakShared};
use crate::context::BoxFuture;
use crate::error::Error;
use crate::store::Store;

/// What came of the request to cancel a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// The session is rolled back, or has been.
    Aborted {
        /// Why: the reason that was given, unless another one was first.
        reason: String,
    },
    /// All roles had completed: the result stands.
    TooLate,
    /// Nothing is known of such a session: it never started here, or was forgotten.
    Unknown,
}

impl<S: Store> Node<S> {
    /// Asks to end the session of `choreography` that started here with the client's id `id`, and waits for its outcome.
    ///
    /// A cancel is a request. It is decided by the first role that has not completed its part; where all have, it is too late. A role that is
    /// away may be the one that decides: so this may take long, and who does not want to wait drops the future; the request stands for as
    /// long as this node runs. Where nothing is heard of it, it may be asked again, also after a restart. After one, this role does not decide
    /// until it does something that it had not done before: its client may have been told the result already. A deadline
    /// ([`Start::within`](crate::Start::within)) holds over a restart.
    pub async fn cancel(&self, choreography: &str, id: &str, reason: impl Into<Arc<str>>) -> Result<Cancelled, Error> {
        self.shared.taken_up(choreography, id).await?;
        let name = self.shared.repertoire.name(choreography);
        let live = name.and_then(|name| lock(&self.shared.clients).get(&(name, id.to_owned())).copied());
        match live {
            Some(key) => self.shared.cancel(key, reason.into()).await,
            None => {
                let stored = self.shared.store.find_client(choreography, id).await.map_err(Error::unavailable)?;
                self.shared.cancelled_before(stored)
            }
        }
    }
}

/// What a handle needs to cancel its session.
pub(super) trait Cancels: Send + Sync {
    fn cancel(&self, reason: Arc<str>) -> BoxFuture<'static, Result<Cancelled, Error>>;
}

pub(super) struct Canceller<S: Store> {
    shared: WeakShared<S>,
    key: SessionKey,
}

impl<S: Store> Canceller<S> {
    pub(super) fn new(shared: &Arc<Shared<S>>, key: SessionKey) -> Self {
        Self { shared: Arc::downgrade(shared), key }
    }
}

impl<S: Store> Cancels for Canceller<S> {
    fn cancel(&self, reason: Arc<str>) -> BoxFuture<'static, Result<Cancelled, Error>> {
        let (shared, key) = (Weak::clone(&self.shared), self.key);
        Box::pin(async move {
            let shared = shared.upgrade().ok_or_else(|| Error::unavailable("the node has stopped"))?;
            shared.cancel(key, reason).await
        })
    }
}

impl<S: Store> Shared<S> {
    async fn cancel(self: &Arc<Self>, key: SessionKey, reason: Arc<str>) -> Result<Cancelled, Error> {
        let (decided, waits) = oneshot::channel();
        if let Some(cell) = self.live(key) {
            cell.cancel(reason, Waiters { decided: vec![decided], ..Waiters::default() })?;
            return outcome(waits.await.map_err(|_| Error::unavailable("the node stopped; ask again"))?);
        }
        if lock(&self.sessions).slots.contains_key(&key) {
            return Err(Error::store_fails());
        }
        self.cancelled_before(self.store.find(key).await.map_err(Error::unavailable)?)
    }

    /// The answer for a session that is not in memory.
    fn cancelled_before(&self, stored: Option<Stored>) -> Result<Cancelled, Error> {
        let Some(stored) = stored else { return Ok(Cancelled::Unknown) };
        match stored.row.state {
            RowState::Finished { outcome: ended } => outcome(ended.map_err(Error::aborted)),
            RowState::Active | RowState::Voted { .. } | RowState::Aborting { .. } | RowState::Committed { .. } => {
                Err(Error::parked(self.not_deployed(&stored.row.header)))
            }
        }
    }
}

fn outcome(ending: Ending) -> Result<Cancelled, Error> {
    match ending {
        Ok(_) => Ok(Cancelled::TooLate),
        Err(error) => match error.reason() {
            Some(reason) => Ok(Cancelled::Aborted { reason: reason.to_owned() }),
            None => Err(error),
        },
    }
}
