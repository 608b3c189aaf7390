//! What the core reports of its session: answers to clients, counters and log lines.

use std::sync::Arc;

use accompanist_core::{Doubt, Event};

use super::Cell;
use crate::error::Error;
use crate::node::Shared;
use crate::node::metrics::count;
use crate::node::waiters::{Waiters, ending};
use crate::quoted::quoted;
use crate::store::Store;

impl<S: Store> Cell<S> {
    pub(super) fn tell(self: &Arc<Self>, shared: &Arc<Shared<S>>, waiters: &mut Waiters, event: Event) {
        let (session, id, node) = (self.key.session, quoted(&self.header.client_id), &shared.name);
        match event {
            Event::Accepted => waiters.accept(),
            Event::Decided(outcome) => {
                self.life.decided(outcome.is_ok(), &shared.counts);
                waiters.decide(ending(outcome));
            }
            Event::Settled(outcome) => waiters.settle(ending(outcome)),
            // Without the spans around them, whose fields a formatter would print in each line:
            // they say what these say.
            Event::OperationFailed { operation, reason, attempts } => {
                count(&shared.counts.operations_failed);
                // What trying does not cure is said at the first attempt and the last.
                let is_known = attempts > 1 && S::advice(&reason).is_some();
                let reason = quoted(&reason);
                if is_known {
                    tracing::debug!(parent: None, %id, node, %operation, attempts, %reason, "an operation failed again");
                } else {
                    tracing::warn!(parent: None, %id, node, %operation, attempts, %reason, "an operation failed and is tried again");
                }
            }
            Event::OperationGivenUp { operation, reason, attempts } => {
                count(&shared.counts.operations_failed);
                let reason = quoted(&reason);
                tracing::error!(parent: None, %session, %id, node, %operation, attempts, %reason, "an operation failed for the last time, and what was done is rolled back");
            }
            Event::CompensationFailed { operation, reason, attempts } => {
                count(&shared.counts.compensations_failed);
                let reason = quoted(&reason);
                tracing::error!(parent: None, %id, node, %operation, attempts, %reason, "a compensation failed and is tried again");
            }
            Event::PeerRefused { role, reason } => {
                // A peer may say so as often as it likes.
                let Some(unsaid) = shared.peer_refusals.says() else { return };
                let role = self.role.definition().participant_name(&self.header, role);
                let reason = quoted(&reason);
                tracing::error!(%session, %id, node, role, %reason, unsaid, "a role cannot take part; the session waits for it");
            }
            Event::Doubtful(doubt) => {
                count(&shared.counts.memory_lost);
                let role = self.role.definition().participant_name(&self.header, self.key.role);
                let what = doubt_text(doubt);
                tracing::error!(%session, %id, node, role, "{what}");
                let error = Error::unavailable(what);
                waiters.decide(Err(error.clone()));
                waiters.settle(Err(error));
            }
            Event::PeerForgot { role } => {
                count(&shared.counts.memory_lost);
                let role = self.role.definition().participant_name(&self.header, role);
                tracing::error!(%session, %id, node, role, "a role that had voted knows nothing of the session any more: its database lost what it did in it, which stands nowhere now");
            }
            Event::Contradiction { role } => {
                count(&shared.counts.memory_lost);
                let role = self.role.definition().participant_name(&self.header, role);
                tracing::error!(%session, %id, node, role, "this role rolls back what the others have committed: a database has lost what it knew, or a person decided otherwise");
            }
            Event::Parked(divergence) => {
                tracing::error!(%session, %id, node, divergence = %quoted(&divergence.to_string()), "the session is parked: its program does not go on");
                let error = Error::parked(divergence.to_string());
                waiters.decide(Err(error.clone()));
                waiters.settle(Err(error));
            }
            Event::Finished => {
                shared.remove(self);
                waiters.place = None;
            }
        }
    }
}

/// What is not known of a session, for people.
pub(in crate::node) fn doubt_text(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Asking => "this database may lack what it knew of the session; others are asked how it stands",
        Doubt::Behind => {
            "all roles have committed the session, and this database lacks this role's part of it: see by `chor inspect` what is there, put right by hand what is not, and decide by `chor resolve`"
        }
        Doubt::Forgotten => {
            "the role that decides the session knows nothing of it: restore its database, or decide by `chor resolve`"
        }
    }
}
