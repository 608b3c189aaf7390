//! What operators asked of sessions while no node ran over the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::{Session, SessionId};

use super::Shared;
use super::waiters::Waiters;
use crate::quoted::quoted;
use crate::store::{Audit, Store, StoreError};

/// The sessions that are to be aborted, and why.
pub(super) type Aborts = BTreeMap<SessionId, Arc<str>>;

/// What was asked for, as the store has it.
pub(super) fn aborts<S: Store>(store: &S) -> Result<Aborts, StoreError> {
    store.registry().map_or_else(|| Ok(Aborts::new()), |registry| registry.aborts_asked())
}

impl<S: Store> Shared<S> {
    /// Records durably that the node takes up what it was asked for.
    pub(super) async fn record_asked(&self) -> Result<(), StoreError> {
        for (session, reason) in &self.asked {
            let audit = Audit {
                unix_millis: self.process.unix_millis(),
                session: Some(*session),
                action: "abort".to_owned(),
                outcome: "the node has started, and asks the session to end".to_owned(),
                reason: reason.to_string(),
                uid: None,
            };
            self.store.record_audit(audit).await?;
        }
        Ok(())
    }

    /// Asks a session to end that is to be aborted, before its program is run: a client or an
    /// operator has asked for that.
    pub(super) fn cancel_if_asked(&self, session: &mut Session, waiters: &Waiters) {
        let key = session.key();
        if let Some(reason) = &waiters.cancel {
            session.handle_cancel(Arc::clone(reason));
        } else if let Some(reason) = self.asked.get(&key.session) {
            let outcome = session.handle_cancel(Arc::clone(reason));
            let (node, id) = (&self.name, quoted(&session.header().client_id));
            tracing::warn!(node, session = %key.session, %id, reason = %quoted(reason), ?outcome, "an operator asked to abort the session while this node did not run");
        }
    }
}
