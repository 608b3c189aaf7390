//! Which session somebody means.

use std::collections::BTreeSet;
use std::sync::Arc;

use accompanist_core::{Header, RoleId, SessionId, SessionKey, Stored};

use super::{Fault, Kind};
use crate::node::cell::{Cell, lock};
use crate::node::table::Slot;
use crate::node::{PARTICIPANTS_MAX, Shared};
use crate::store::Store;

/// The shortest beginning of a session's identity that names it, in hexadecimal digits.
pub(super) const PREFIX_DIGITS_MIN: usize = 4;

/// A role's part of a session that is not finished.
pub(super) enum Part<S: Store> {
    Live(Arc<Cell<S>>),
    /// It is being read from the store.
    Reading(SessionKey),
    /// Its version is not deployed here.
    Undeployed {
        key: SessionKey,
        header: Arc<Header>,
        since_millis: i64,
    },
}

impl<S: Store> Part<S> {
    pub(super) fn key(&self) -> SessionKey {
        match self {
            Self::Live(cell) => cell.key,
            Self::Reading(key) | Self::Undeployed { key, .. } => *key,
        }
    }

    pub(super) fn header(&self) -> Option<&Arc<Header>> {
        match self {
            Self::Live(cell) => Some(&cell.header),
            Self::Reading(_) => None,
            Self::Undeployed { header, .. } => Some(header),
        }
    }
}

impl<S: Store> Shared<S> {
    /// Everything that is not finished.
    pub(super) fn parts(&self) -> Vec<Part<S>> {
        let sessions = lock(&self.sessions);
        let mut parts: Vec<_> = sessions
            .slots
            .iter()
            .map(|(key, slot)| match slot {
                Slot::Live(cell) => Part::Live(Arc::clone(cell)),
                Slot::Opening(_) => Part::Reading(*key),
            })
            .collect();
        drop(sessions);
        parts.extend(lock(&self.undeployed).iter().map(|(key, waiting)| Part::Undeployed {
            key: *key,
            header: Arc::clone(&waiting.header),
            since_millis: waiting.since_millis,
        }));
        parts
    }

    /// The parts of the one session that `name` means, of those that are not finished; none where it means none.
    pub(super) fn named(&self, name: &str) -> Result<Vec<Part<S>>, Fault> {
        let mut parts = self.parts();
        let has_id = |part: &Part<S>| part.header().is_some_and(|header| header.client_id == name);
        if parts.iter().any(has_id) {
            parts.retain(has_id);
        } else {
            let is_prefix = is_hexadecimal(name) && name.len() >= PREFIX_DIGITS_MIN;
            parts.retain(|part| is_prefix && part.key().session.to_string().starts_with(&name.to_lowercase()));
        }
        let sessions: BTreeSet<_> = parts.iter().map(|part| part.key().session).collect();
        if sessions.len() > 1 {
            let sessions: Vec<_> = sessions.iter().take(5).map(SessionId::to_string).collect();
            let message = format!("`{name}` could be any of {}; name one of these", sessions.join(", "));
            return Err(Fault::new(Kind::Ambiguous, message));
        }
        Ok(parts)
    }

    /// What is stored of the finished session that `name` means: a client's id at the node where it started, or a whole identity.
    pub(super) async fn find_finished(&self, name: &str) -> Result<Option<(RoleId, Stored)>, Fault> {
        let failed = |error: crate::store::StoreError| Fault::new(Kind::Unavailable, error.to_string());
        for choreography in self.repertoire.names() {
            if let Some(stored) = self.store.find_client(choreography, name).await.map_err(failed)? {
                return Ok(Some((stored.row.header.initiator, stored)));
            }
        }
        let Some(session) = session_id(name) else { return Ok(None) };
        for role in (0..=u16::MAX).map(RoleId).take(PARTICIPANTS_MAX) {
            if let Some(stored) = self.store.find(SessionKey { session, role }).await.map_err(failed)? {
                return Ok(Some((role, stored)));
            }
        }
        Ok(None)
    }

    pub(super) fn unknown(&self, name: &str) -> Fault {
        let message = format!(
            "node `{}` knows no session `{name}`: it has none of that id, or has forgotten it; an identity can be shortened to \
             {PREFIX_DIGITS_MIN} digits",
            self.name
        );
        Fault::new(Kind::UnknownSession, message)
    }
}

fn is_hexadecimal(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The identity that is written so.
fn session_id(name: &str) -> Option<SessionId> {
    let mut id = [0; 32];
    if name.len() != 2 * id.len() || !is_hexadecimal(name) {
        return None;
    }
    for (byte, digits) in id.iter_mut().zip(name.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(SessionId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_as_they_are_written() {
        let id = SessionId(std::array::from_fn(|index| u8::try_from(7 * index).expect("it is small")));
        assert_eq!(session_id(&id.to_string()), Some(id));
        assert_eq!(session_id(&id.to_string()[1..]), None);
        assert_eq!(session_id(&"g".repeat(64)), None);
    }
}
