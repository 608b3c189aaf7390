//! Sessions that ended this node's process each time they ran: held, shown, and let go by an
//! operator.

use std::sync::Arc;

use accompanist_core::{RowState, Session};

use super::Shared;
use super::cell::Cell;
use crate::quoted::quoted;
use crate::store::{Store, StoreError};

/// Why nothing of a session runs.
pub(super) fn quarantined(deaths: u32) -> String {
    format!(
        "in quarantine: the process died {deaths} times in a row while it ran this session; `chor retry` with its id lets it run again"
    )
}

impl<S: Store> Shared<S> {
    /// Holds the session if it is in quarantine; with how many deaths, where it is its rollback
    /// that is held.
    pub(super) fn quarantine(&self, mut session: Session) -> (Session, Option<u32>) {
        let key = session.key();
        let Some(deaths) = self.crashes.as_ref().and_then(|crashes| crashes.deaths(key)) else {
            return (session, None);
        };
        let (node, id) = (&self.name, quoted(&session.header().client_id));
        tracing::error!(node, session = %key.session, %id, deaths, "a session is in quarantine: the process died each time it ran; `chor abort` ends it, `chor retry` lets it run again");
        session.handle_quarantine(deaths);
        let is_rolled_back = matches!(session.state(), Some(RowState::Aborting { .. }));
        (session, is_rolled_back.then_some(deaths))
    }

    /// Lets a session run again, if it is in quarantine.
    ///
    /// # Errors
    /// Those of the store.
    #[cfg_attr(not(all(feature = "admin", unix)), expect(dead_code, reason = "operators ask for it"))]
    pub(super) async fn release(&self, cell: &Arc<Cell<S>>) -> Result<bool, StoreError> {
        let is_held = self.crashes.as_ref().is_some_and(|crashes| crashes.deaths(cell.key).is_some());
        let Some(registry) = self.store.registry().filter(|_| is_held) else { return Ok(false) };
        registry.release(cell.key).await?;
        cell.begin_again();
        Ok(true)
    }
}
