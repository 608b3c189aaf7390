//! Which session somebody means.

use std::collections::BTreeSet;
use std::sync::Arc;

use accompanist_core::{Header, SessionId, SessionKey};

use super::{Fault, Kind};
use crate::node::Shared;
use crate::node::cell::{Cell, lock};
use crate::node::table::Slot;
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

/// The first and the last identity that begin with these digits.
pub(super) fn identities(digits: &str) -> Option<(SessionId, SessionId)> {
    let fill = |digit: char| {
        let filled: String = digits.chars().chain(std::iter::repeat(digit)).take(2 * 32).collect();
        let mut id = [0; 32];
        for (byte, digits) in id.iter_mut().zip(filled.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(SessionId(id))
    };
    let are_digits = is_hexadecimal(digits) && (PREFIX_DIGITS_MIN..=2 * 32).contains(&digits.len());
    if are_digits { Some((fill('0')?, fill('f')?)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_as_they_are_written() {
        let id = SessionId(std::array::from_fn(|index| u8::try_from(7 * index).expect("it is small")));
        let text = id.to_string();
        assert_eq!(identities(&text), Some((id, id)));
        assert_eq!(identities(&text.to_uppercase()), Some((id, id)));
        let (first, last) = identities(&text[..5]).expect("they are digits");
        assert!(first < id && id < last, "{first} {last}");
        assert_eq!((&first.to_string()[..7], &last.to_string()[..7]), ("0007000", "00070ff"));
        for none in ["", "000", "g000", &format!("{text}0")] {
            assert_eq!(identities(none), None, "{none}");
        }
    }
}
