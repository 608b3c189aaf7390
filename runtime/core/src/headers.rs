//! Headers of large sessions, kept for a while: each member of a group of thousands gets the header
//! by a frame of its own, and on one node all of them share one.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::identity::{Header, SessionId};

/// A shorter header is read and written as fast as it is found.
const BYTES_MIN: usize = 1024;

/// How much is kept in all; then it begins anew.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// The headers that a node has lately read or written.
#[derive(Debug, Default)]
pub struct Headers {
    known: BTreeMap<SessionId, (Arc<[u8]>, Arc<Header>)>,
    bytes: usize,
}

impl Headers {
    /// The bytes of a header.
    pub fn write(&mut self, session: SessionId, header: &Arc<Header>) -> Arc<[u8]> {
        if let Some((bytes, known)) = self.known.get(&session)
            && (Arc::ptr_eq(known, header) || known == header)
        {
            return Arc::clone(bytes);
        }
        let bytes: Arc<[u8]> = postcard::to_stdvec(&**header).expect("a header has no failing serializer").into();
        self.keep(session, &bytes, header);
        bytes
    }

    /// The header of some bytes; `None` where they are none.
    pub fn read(&mut self, session: SessionId, bytes: &[u8]) -> Option<Arc<Header>> {
        if bytes.len() >= BYTES_MIN
            && let Some((known, header)) = self.known.get(&session)
            && **known == *bytes
        {
            return Some(Arc::clone(header));
        }
        let (header, []) = postcard::take_from_bytes::<Header>(bytes).ok()? else { return None };
        let header = Arc::new(header);
        if bytes.len() >= BYTES_MIN {
            self.keep(session, &bytes.into(), &header);
        }
        Some(header)
    }

    /// Whether this header has been found to be the one of `session`.
    pub fn knows(&self, session: SessionId, header: &Arc<Header>) -> bool {
        self.known.get(&session).is_some_and(|(_, known)| Arc::ptr_eq(known, header))
    }

    /// Whoever says something else of a session that is known here is no reason to read it anew each time.
    fn keep(&mut self, session: SessionId, bytes: &Arc<[u8]>, header: &Arc<Header>) {
        if !(BYTES_MIN..=BYTES_MAX).contains(&bytes.len()) || header.session_id() != session {
            return;
        }
        if self.bytes + bytes.len() > BYTES_MAX {
            *self = Self::default();
        }
        if self.known.insert(session, (Arc::clone(bytes), Arc::clone(header))).is_none() {
            self.bytes += bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::RoleId;

    fn header(members: usize, nonce: u8) -> Arc<Header> {
        Arc::new(Header {
            choreography: "Fan".into(),
            fingerprint: [7; 32],
            initiator: RoleId(0),
            client_id: "1".into(),
            nonce: [nonce; 16],
            nodes: vec![vec!["a".into()], vec!["worker".into(); members]],
            participants: (0..=members as u16).map(RoleId).collect(),
        })
    }

    #[test]
    fn a_large_header_is_shared_and_a_small_one_is_read() {
        for (members, is_shared) in [(2, false), (1_000, true)] {
            let (mut headers, sent) = (Headers::default(), header(members, 1));
            let session = sent.session_id();
            let bytes = Headers::default().write(session, &sent);
            let read = headers.read(session, &bytes).expect("a header");
            assert_eq!(read, sent);
            let again = headers.read(session, &bytes).expect("a header");
            assert_eq!((Arc::ptr_eq(&read, &again), &again), (is_shared, &sent));
            assert_eq!((headers.knows(session, &read), headers.knows(session, &sent)), (is_shared, false));
            assert_eq!(headers.write(session, &read), bytes);
        }
    }

    #[test]
    fn another_header_for_the_same_session_is_not_taken_for_it() {
        let (mut headers, sent, other) = (Headers::default(), header(1_000, 1), header(1_000, 2));
        let session = sent.session_id();
        let write = |header: &Arc<Header>| Headers::default().write(session, header);
        assert_eq!(headers.read(session, &write(&other)), Some(other.clone()));
        assert_eq!(headers.read(session, &write(&sent)), Some(sent.clone()));
        assert_eq!(headers.read(session, &write(&other)), Some(other), "as it is, which the node refuses");
        assert_eq!(headers.read(session, write(&sent).get(1..).expect("it is long")), None);
        assert_eq!(headers.read(session, &[]), None);
    }

    #[test]
    fn no_more_is_kept_than_there_is_room_for() {
        let mut headers = Headers::default();
        for nonce in 0..20 {
            let sent = header(40_000, nonce);
            headers.write(sent.session_id(), &sent);
            assert!(headers.bytes <= BYTES_MAX);
        }
        assert!(!headers.known.is_empty());
    }
}
