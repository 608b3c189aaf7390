//! Taking up what is stored, when a node starts: the first sessions before anybody is let in, and the others, where there are many, while the node
//! works already.
//!
//! What comes for a session whose turn has not come is dropped, as by any transport: a session that is taken up asks its peers to send again. A
//! client that starts or cancels one waits until all are there.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use accompanist_core::{RowState, SessionKey, Stored};
use tokio::sync::watch;

use super::cell::{Cell, lock};
use super::waiters::Waiters;
use super::{Shared, Undeployed};
use crate::context::short_version;
use crate::error::Error;
use crate::store::{Store, StoreError};

/// Sessions that are taken up before a start of the node returns: so many take a moment.
const AT_ONCE_MAX: usize = 1_000;

/// Sessions that are taken up in a row before others get their turn.
const IN_A_ROW_MAX: usize = 16;

/// Whether all that was stored has been taken up.
#[derive(Debug)]
pub(super) struct Recovery {
    is_over: watch::Sender<bool>,
}

impl Recovery {
    pub(super) fn new() -> Self {
        Self { is_over: watch::Sender::new(false) }
    }

    pub(super) fn is_over(&self) -> bool {
        *self.is_over.borrow()
    }

    async fn over(&self) {
        // The sender is this.
        let _ = self.is_over.subscribe().wait_for(|is_over| *is_over).await;
    }
}

/// The parts of sessions that are still to be taken up, in the order of their start.
pub(super) struct Left {
    keys: std::vec::IntoIter<(SessionKey, Duration)>,
    /// Those of versions that are not deployed here, how many of each, and an id.
    undeployed: BTreeMap<(String, String), (u64, String)>,
}

impl Left {
    pub(super) fn new(keys: Vec<(SessionKey, Duration)>) -> Self {
        Self { keys: keys.into_iter(), undeployed: BTreeMap::new() }
    }

    /// That the database is that of the node `name`. One session tells, for all of a database are of one node. Taken for its own, a session of
    /// another node's would be begun anew here, and what has been committed in it would be neither found nor undone.
    pub(super) async fn check_is_of<S: Store>(&self, name: &str, store: &S) -> Result<(), Error> {
        let Some((key, _)) = self.keys.as_slice().first() else { return Ok(()) };
        let stored = store.find(*key).await.map_err(|error| Error::configuration(error.to_string()))?;
        let Some(header) = stored.map(|stored| stored.row.header) else { return Ok(()) };
        match header.node(key.role) {
            Some(owner) if owner != name => Err(Error::configuration(format!(
                "the database is that of the node `{owner}`, with its part of the unfinished session `{}` of {}, and this is the node `{name}`: give each node its own database, and the name that it had",
                header.client_id, header.choreography
            ))),
            _ => Ok(()),
        }
    }
}

impl<S: Store> Shared<S> {
    /// The first sessions, and the node before it is known to any other: they take their first steps when it is.
    pub(super) async fn take_up_first(self: &Arc<Self>, left: &mut Left) -> Result<Vec<Arc<Cell<S>>>, StoreError> {
        let mut cells = Vec::new();
        for (key, age) in left.keys.by_ref().take(AT_ONCE_MAX) {
            cells.extend(self.take_up(key, age, &mut left.undeployed).await?);
        }
        Ok(cells)
    }

    /// The others, one after the other; without waiting where there are none.
    pub(super) fn take_up_others(self: &Arc<Self>, mut left: Left) {
        if left.keys.len() == 0 {
            return self.all_taken_up(&left);
        }
        let weak = Arc::downgrade(self);
        self.process.spawn(async move {
            while let Some(shared) = Weak::upgrade(&weak) {
                for (key, age) in left.keys.by_ref().take(IN_A_ROW_MAX) {
                    match shared.take_up(key, age, &mut left.undeployed).await {
                        Ok(Some(cell)) => cell.step(|_, _| {}),
                        Ok(None) => {}
                        Err(error) => {
                            tracing::error!(node = shared.name, session = %key.session, %error, "a stored session cannot be read; it waits, untouched");
                        }
                    }
                }
                if left.keys.len() == 0 {
                    return shared.all_taken_up(&left);
                }
                drop(shared);
                tokio::task::yield_now().await;
            }
        });
    }

    fn all_taken_up(&self, left: &Left) {
        // Once per version, however many they are.
        for ((choreography, version), (sessions, first_id)) in &left.undeployed {
            tracing::error!(
                node = self.name,
                choreography,
                version,
                sessions,
                first_id,
                "stored sessions are of a role or version that is not deployed here; they wait, untouched"
            );
        }
        self.recovery.is_over.send_replace(true);
    }

    /// Takes up a session. One of a choreography or version that is not deployed here is left untouched.
    async fn take_up(
        self: &Arc<Self>,
        key: SessionKey,
        age: Duration,
        undeployed: &mut BTreeMap<(String, String), (u64, String)>,
    ) -> Result<Option<Arc<Cell<S>>>, StoreError> {
        let Some(stored) = self.store.find(key).await?.filter(is_unfinished) else { return Ok(None) };
        let header = Arc::clone(&stored.row.header);
        let Some(role) = self.repertoire.role(&header, key.role) else {
            let since_millis = i64::try_from(age.as_millis()).map_or(i64::MIN, |age| -age);
            let version = (header.choreography.clone(), short_version(&header.fingerprint));
            undeployed.entry(version).or_insert_with(|| (0, header.client_id.clone())).0 += 1;
            lock(&self.undeployed).insert(key, Undeployed { header, since_millis });
            return Ok(None);
        };
        let place = (key.role == header.initiator).then(|| self.admission.recovered());
        let waiters = Waiters { place, ..Waiters::recovered() };
        let cell = self.recover(stored, key.role, role, waiters, 0);
        cell.life.has_lived(age);
        Ok(Some(cell))
    }

    /// Waits, where the session that started here with this client's id is stored and may have to be taken up, until that has been done.
    pub(super) async fn taken_up(&self, choreography: &str, client_id: &str) -> Result<(), Error> {
        if self.recovery.is_over() {
            return Ok(());
        }
        let stored = self.store.find_client(choreography, client_id).await.map_err(Error::unavailable)?;
        if stored.is_some_and(|stored| is_unfinished(&stored)) {
            self.recovery.over().await;
        }
        Ok(())
    }
}

fn is_unfinished(stored: &Stored) -> bool {
    !matches!(stored.row.state, RowState::Finished { .. })
}
