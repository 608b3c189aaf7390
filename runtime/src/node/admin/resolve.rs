//! What an operator decides of a session that cannot end by itself: what XA calls a heuristic
//! decision.

use std::sync::Arc;

use accompanist_core::{Resolution, Session, Unresolvable};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::act::durable;
use super::audit::Asked;
use super::request::{Decision, Resolve};
use super::{Fault, Kind, value};
use crate::node::Shared;
use crate::node::cell::Cell;
use crate::store::{Resolved, Store};

impl<S: Store> Shared<S> {
    /// Decides this node's part of a session.
    pub(super) async fn resolve(&self, resolve: &Resolve, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        let cells = self.live_parts(&resolve.session).await?;
        let session = cells.first().map(|cell| cell.key.session);
        let action = match resolve.decision {
            Decision::Commit => "resolve --commit",
            Decision::Abort => "resolve --abort",
        };
        let asked = Asked { action, session, reason: &resolve.reason, uid };
        self.audit_asked(&asked).await?;
        let decided = self.resolve_cells(cells, resolve).await;
        let outcome = decided.as_ref().map_or_else(|fault| fault.message.as_ref(), |_| "decided");
        self.audit_outcome(&asked, outcome).await;
        value(decided?)
    }

    async fn resolve_cells(&self, mut cells: Vec<Arc<Cell<S>>>, resolve: &Resolve) -> Result<Value, Fault> {
        if let Some(wanted) = &resolve.role {
            cells.retain(|cell| cell.role.definition().participant_name(&cell.header, cell.key.role) == *wanted);
        }
        let open = |cell: &Arc<Cell<S>>| cell.look(Session::resolvable).is_ok();
        let (mut open, settled): (Vec<_>, Vec<_>) = cells.into_iter().partition(open);
        if open.len() > 1 {
            let message = "several roles at this node can be decided; say by `role` which one is meant";
            return Err(Fault::new(Kind::Ambiguous, message));
        }
        let Some(cell) = open.pop() else {
            let why = settled.first().and_then(|cell| cell.look(Session::resolvable).err());
            return Err(Fault::new(Kind::NotStuck, why_not(why)));
        };
        let (decision, resolution) = match resolve.decision {
            Decision::Commit => ("commit", Resolution::Commit),
            Decision::Abort => ("abort", Resolution::Abort),
        };
        let at_ms = i64::try_from(self.process.unix_millis()).unwrap_or(i64::MAX);
        let resolved = Resolved { decision: decision.to_owned(), reason: resolve.reason.clone(), at_ms };
        // First, so that a session which was decided by hand always says so.
        if let Some(registry) = self.peers.registry() {
            let recorded = registry.resolve(cell.key, &resolved).await;
            recorded.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))?;
        }
        let reason = format!("decided by hand: {}", resolve.reason);
        let mut done = None;
        cell.step(|session, _| done = Some(session.handle_resolve(resolution, reason.into())));
        match done {
            Some(Ok(())) => durable(&cell).await?,
            Some(Err(why)) => return Err(Fault::new(Kind::NotStuck, why_not(Some(why)))),
            None => return Err(Fault::new(Kind::Unavailable, "the store failed just now; ask again")),
        }
        let role = cell.role.definition().participant_name(&cell.header, cell.key.role);
        tracing::warn!(
            session = %cell.key.session,
            id = cell.header.client_id,
            node = self.name,
            role,
            decision,
            reason = resolve.reason,
            "an operator has decided this role's part of the session by hand; the others may have ended it otherwise"
        );
        Ok(json!({ "session": cell.key.session.to_string(), "role": role, "decision": decision }))
    }
}

fn why_not(why: Option<Unresolvable>) -> &'static str {
    match why {
        Some(Unresolvable::Undecided) => "this role has not voted: `chor abort` ends the session",
        Some(Unresolvable::Asking) => {
            "the others are being asked how the session stands; wait for them, or see by `chor inspect` who is missing"
        }
        Some(Unresolvable::Decided) => "the outcome of the session is known here already; see it by `chor inspect`",
        None => "this node does not play that role of the session",
    }
}
