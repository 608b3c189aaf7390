//! The names of the roles of a run's sessions.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::{Frame, Header, RoleId, SessionId};

use super::trace::Noted;
use super::world::State;
use crate::context::Definition;

/// Names roles as their choreographies do. A session's header says which choreography it is of, and
/// how many members its groups have.
#[derive(Default)]
pub(super) struct RoleNames {
    definitions: BTreeMap<[u8; 32], &'static Definition>,
    headers: BTreeMap<SessionId, Arc<Header>>,
}

impl RoleNames {
    /// Those of all sessions of which the run still knows something.
    pub(super) fn of(state: &State) -> Self {
        let mut names = Self { definitions: state.ledger.definitions.clone(), ..Self::default() };
        for (key, part) in &state.ledger.parts {
            names.headers.insert(key.session, Arc::clone(&part.header));
        }
        for (_, noted) in &state.trace.events {
            names.hear(noted);
        }
        names
    }

    /// Keeps the headers of what happened.
    fn hear(&mut self, noted: &Noted) {
        match noted {
            Noted::Arrives { bytes, .. }
            | Noted::Lost { bytes, .. }
            | Noted::CutOff { bytes, .. }
            | Noted::NobodyThere { bytes, .. } => {
                if let Some(Frame { session, header: Some(header), .. }) = Frame::decode(bytes) {
                    self.headers.insert(session, header);
                }
            }
            Noted::Commit { carried, .. } => {
                for carried in carried {
                    for write in carried.result.iter().flatten() {
                        self.headers.insert(carried.key.session, Arc::clone(&write.row.header));
                    }
                }
            }
            Noted::Connected(..)
            | Noted::Cut(..)
            | Noted::Heals(..)
            | Noted::Starts(_)
            | Noted::Crashes(_)
            | Noted::Pauses(_)
            | Noted::Resumes(_)
            | Noted::DiskFull(_)
            | Noted::ClockTurned(..)
            | Noted::Told { .. } => {}
        }
    }

    /// The name of a role, with its index where it is a group's member. Where nobody has said
    /// which choreography the session is of, its number.
    pub(super) fn name(&self, session: SessionId, role: RoleId) -> String {
        let header = self.headers.get(&session);
        let named = header.and_then(|header| {
            let definition = self.definitions.get(&header.fingerprint)?;
            header.part(role).map(|(declared, index)| definition.member_name(declared, index))
        });
        named.unwrap_or_else(|| format!("role {}", role.0))
    }
}

#[cfg(test)]
mod tests {
    use accompanist_core::Body;

    use super::*;

    static ORDER: Definition = Definition {
        name: "Order",
        fingerprint: [7; 32],
        roles: &["Shop", "Courier", "Bank"],
        groups: &[RoleId(1)],
        initiator: RoleId(0),
        participants: &[RoleId(0), RoleId(1), RoleId(2)],
        begins: &[],
        pivots: &[],
        optional: &[],
        givers: &[],
    };

    /// A frame of a session of the choreography with this fingerprint. Only the first frames of a
    /// session have its header.
    fn frame(fingerprint: [u8; 32], has_header: bool) -> (SessionId, Noted) {
        let nodes = [vec!["shop"], vec!["one", "two"], vec!["bank"]];
        let header = Header {
            choreography: "Order".to_owned(),
            fingerprint,
            initiator: RoleId(0),
            client_id: "1".to_owned(),
            nonce: [0; 16],
            nodes: nodes.map(|nodes| nodes.into_iter().map(str::to_owned).collect()).to_vec(),
            participants: vec![RoleId(0), RoleId(1), RoleId(2), RoleId(3)],
        };
        let session = header.session_id();
        let header = has_header.then(|| Arc::new(header));
        let frame = Frame { session, from: RoleId(0), to: RoleId(2), header, body: Body::Ask };
        (session, Noted::Lost { from: 0, to: 1, bytes: frame.encode().into() })
    }

    fn names(heard: &[&Noted]) -> RoleNames {
        let definitions = BTreeMap::from([(ORDER.fingerprint, &ORDER)]);
        let mut names = RoleNames { definitions, ..RoleNames::default() };
        heard.iter().for_each(|noted| names.hear(noted));
        names
    }

    #[test]
    fn roles_have_their_names_and_members_their_index() {
        let (session, first) = frame(ORDER.fingerprint, true);
        let names = names(&[&first, &frame(ORDER.fingerprint, false).1]);
        let all: Vec<_> = (0..5).map(|role| names.name(session, RoleId(role))).collect();
        assert_eq!(all, ["Shop", "Courier[0]", "Courier[1]", "Bank", "role 4"]);
    }

    #[test]
    fn roles_of_what_is_not_known_have_their_number() {
        let (headless, later) = frame(ORDER.fingerprint, false);
        assert_eq!(names(&[&later]).name(headless, RoleId(0)), "role 0");
        let (other, first) = frame([8; 32], true);
        assert_eq!(names(&[&first]).name(other, RoleId(3)), "role 3");
    }
}
