//! Ending a node gracefully: nothing new begins, and what is in flight gets its time.

use std::time::Duration;

use accompanist_core::SessionId;
use tokio::time::Instant;

use super::Node;
use super::cell::lock;
use super::table::Slot;
use crate::store::{Store, StoreError};

/// How often it is looked whether all sessions have ended.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A session that was in flight when a node had drained; it goes on when the node is started again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The session.
    pub session: SessionId,
    /// Its choreography.
    pub choreography: String,
    /// The id that its client gave it.
    pub client_id: String,
    /// The role that is played here, a member of a group with its index.
    pub role: String,
}

impl<S: Store> Node<S> {
    /// Ends the node gracefully, as far as that can be had within `limit`: from now on nothing starts here, neither for clients
    /// ([`Error::is_draining`](crate::Error::is_draining)) nor for other nodes, which try again later; sessions in flight go on, and what is to be
    /// written is written. Gives the sessions that did not end. Then let go of the node.
    ///
    /// A node that is ended without it loses nothing: its sessions go on when it is started again.
    ///
    /// # Errors
    /// Where the store fails to write what it had put off.
    pub async fn drain(&self, limit: Duration) -> Result<Vec<Unfinished>, StoreError> {
        let deadline = Instant::now() + limit;
        self.shared.admission.close();
        let is_over = || self.shared.recovery.is_over() && lock(&self.shared.sessions).slots.is_empty();
        while !is_over() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY.min(limit)).await;
        }
        self.shared.store.flush().await?;
        let sessions = lock(&self.shared.sessions);
        let left = sessions.slots.values().filter_map(|slot| match slot {
            Slot::Live(cell) => Some(Unfinished {
                session: cell.key.session,
                choreography: cell.header.choreography.clone(),
                client_id: cell.header.client_id.clone(),
                role: cell.role.definition().participant_name(&cell.header, cell.key.role),
            }),
            Slot::Opening(_) => None,
        });
        Ok(left.collect())
    }
}
