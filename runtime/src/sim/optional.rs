//! What must hold of roles that may have no part in their session: only those may end it without a
//! vote, or never hear of it, and only where they have done nothing and the session commits.

use std::collections::BTreeMap;

use accompanist_core::{Change, Header, RoleId, RowState, SessionId, SessionKey, Write};

use super::ledger::{Ledger, Part};
use crate::context::Definition;

/// Choreographies, by their fingerprints.
type Definitions = BTreeMap<[u8; 32], &'static Definition>;

/// Whether a participant may have no part.
fn is_optional(definitions: &Definitions, header: &Header, participant: RoleId) -> bool {
    let Some(definition) = definitions.get(&header.fingerprint) else { return false };
    header.part(participant).is_some_and(|(role, _)| definition.optional.iter().any(|(optional, _)| *optional == role))
}

/// Whether this write ends the session at a role that has not voted, and had no part.
pub(super) fn ends_without_part(definitions: &Definitions, part: &Part, role: RoleId, write: &Write) -> bool {
    let is_transaction = |change: &Change| matches!(change, Change::Transaction(_));
    matches!((&part.state, &write.row.state), (RowState::Active, RowState::Committed { .. }))
        && is_optional(definitions, &write.row.header, role)
        && part.transactions.is_empty()
        && !write.changes.iter().any(is_transaction)
}

impl Ledger {
    /// Whether all participants that know nothing of a committed session may have had no part.
    pub(super) fn may_be_unknown_to_others(&self, session: SessionId, header: &Header) -> bool {
        let knows = |role: &RoleId| self.parts.contains_key(&SessionKey { session, role: *role });
        header.participants.iter().filter(|role| !knows(role)).all(|role| is_optional(&self.definitions, header, *role))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use accompanist_core::{Digest, Position, Row, Scopes, TransactionRecord, Urgency, WriteId};

    use super::*;

    static ERRAND: Definition = Definition {
        name: "Errand",
        fingerprint: [1; 32],
        roles: &["Shop", "Courier"],
        groups: &[],
        initiator: RoleId(0),
        participants: &[RoleId(0), RoleId(1)],
        begins: &[],
        pivots: &[],
        optional: &[(RoleId(1), &[])],
        givers: &[],
    };

    fn commits(is_optional: bool, changes: Vec<Change>) -> Result<(), String> {
        let header = Arc::new(Header {
            choreography: "Errand".into(),
            fingerprint: [1; 32],
            initiator: RoleId(0),
            client_id: "1".into(),
            nonce: [0; 16],
            nodes: vec![vec!["shop".into()], vec!["courier".into()]],
            participants: vec![RoleId(0), RoleId(1)],
        });
        let key = SessionKey { session: header.session_id(), role: RoleId(1) };
        let state = RowState::Committed { result: "null".into() };
        let row = Row { header, version: Row::version_after(0, 1), commits: 0, state, arguments: None, deadline: None };
        let write = Write { id: WriteId(1), replaces: 0, row, changes, urgency: Urgency::Lazy };
        let mut ledger = Ledger::default();
        ledger.definitions.extend(is_optional.then_some((ERRAND.fingerprint, &ERRAND)));
        ledger.commit(1, key, &write)
    }

    #[test]
    fn only_a_role_that_may_have_no_part_commits_without_a_vote_and_with_nothing_done() {
        let record = TransactionRecord {
            position: Position(7),
            scopes: Scopes::default(),
            sequence: 1,
            operation: "Courier.bring".into(),
            arguments: "[]".into(),
            result: Some("null".into()),
            received: Digest::default(),
            undone: false,
        };
        assert_eq!(commits(true, Vec::new()), Ok(()));
        assert!(commits(true, vec![Change::Transaction(record)]).is_err());
        assert!(commits(false, Vec::new()).is_err());
    }
}
