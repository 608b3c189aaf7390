//! The durable record of what operators did.

use accompanist_core::SessionId;
use serde::Serialize;

use super::{Fault, Kind};
use crate::node::Shared;
use crate::store::{Audit, Store};

/// The longest reason that is recorded in full, in bytes.
const REASON_BYTES_MAX: usize = 4 * 1024;

/// A request of an operator's that changes something.
pub(super) struct Asked<'a> {
    pub(super) action: &'static str,
    pub(super) session: Option<SessionId>,
    pub(super) reason: &'a str,
    pub(super) uid: Option<u32>,
}

/// One line of the record, in the words of the protocol.
#[derive(Serialize)]
pub(super) struct Audited {
    unix_millis: u64,
    action: String,
    outcome: String,
    reason: String,
    uid: Option<u32>,
}

impl From<Audit> for Audited {
    fn from(audit: Audit) -> Self {
        let Audit { unix_millis, session: _, action, outcome, reason, uid } = audit;
        Self { unix_millis, action, outcome, reason, uid }
    }
}

impl<S: Store> Shared<S> {
    /// Records durably that something is asked for, before it is done.
    pub(super) async fn audit_asked(&self, asked: &Asked<'_>) -> Result<(), Fault> {
        self.audit(asked, "asked").await
    }

    /// Records what came of it. That it was asked for is durable already, so a failure is logged
    /// only.
    pub(super) async fn audit_outcome(&self, asked: &Asked<'_>, outcome: &str) {
        if let Err(fault) = self.audit(asked, outcome).await {
            let action = asked.action;
            tracing::warn!(node = self.name, action, outcome, cause = fault.message, "the record lacks the outcome");
        }
    }

    async fn audit(&self, asked: &Asked<'_>, outcome: &str) -> Result<(), Fault> {
        let audit = Audit {
            unix_millis: self.process.unix_millis(),
            session: asked.session,
            action: asked.action.to_owned(),
            outcome: outcome.to_owned(),
            reason: asked
                .reason
                .get(..asked.reason.floor_char_boundary(REASON_BYTES_MAX))
                .unwrap_or_default()
                .to_owned(),
            uid: asked.uid,
        };
        let unrecorded = |error| {
            let message = format!("what operators do is recorded first, and that failed: {error}");
            Fault::new(Kind::Unavailable, message)
        };
        self.store.record_audit(audit).await.map_err(unrecorded)
    }
}
