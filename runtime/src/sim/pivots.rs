//! What must hold of transactions that nothing undoes and that decide their session: when one has
//! committed, every other role has voted, its own role votes in the same commit, and the session
//! is never rolled back.

use accompanist_core::{Change, RoleId, RowState, SessionKey, TransactionRecord, Write};

use super::ledger::{Ledger, Part};

impl Ledger {
    /// Of a durable write with such a transaction, what is wrong with it.
    pub(super) fn decided_by(&self, key: SessionKey, write: &Write) -> Result<(), String> {
        let header = &write.row.header;
        let records = write.changes.iter().filter_map(|change| match change {
            Change::Transaction(record) => Some(record),
            Change::Returned { .. }
            | Change::Call(_)
            | Change::Undone(_)
            | Change::ScopeVote(_)
            | Change::Message(_)
            | Change::Drop(_) => None,
        });
        let is_pivot = |record: &&TransactionRecord| self.pivots.contains(&(header.fingerprint, record.position));
        let Some(record) = { records }.find(is_pivot) else { return Ok(()) };
        let has_voted = |role: &RoleId| {
            let part = self.parts.get(&SessionKey { session: key.session, role: *role });
            part.is_some_and(|part| match &part.state {
                RowState::Voted { .. } | RowState::Committed { .. } | RowState::Finished { outcome: Ok(_) } => true,
                RowState::Active | RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) } => false,
            })
        };
        match header.participants.iter().find(|role| !has_voted(role)) {
            Some(role) => Err(format!("{} commits, and role {} has not voted", record.operation, role.0)),
            None => Ok(()),
        }
    }

    /// The transaction of a part that decided its session, if it has committed.
    pub(super) fn pivot_of<'a>(&self, part: &'a Part) -> Option<&'a TransactionRecord> {
        let fingerprint = part.header.fingerprint;
        part.transactions.iter().find(|record| self.pivots.contains(&(fingerprint, record.position)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use accompanist_core::{Digest, Header, Position, Row, Scopes, Urgency, WriteId};

    use super::*;

    const PIVOT: Position = Position(7);

    fn header() -> Arc<Header> {
        Arc::new(Header {
            choreography: "Meal".into(),
            fingerprint: [1; 32],
            initiator: RoleId(0),
            client_id: "1".into(),
            nonce: [0; 16],
            nodes: vec![vec!["shop".into()], vec!["courier".into()]],
            participants: vec![RoleId(0), RoleId(1)],
        })
    }

    /// The first write of a role, which leaves it in `state`.
    fn write(role: u16, state: RowState, changes: Vec<Change>) -> (SessionKey, Write) {
        let header = header();
        let key = SessionKey { session: header.session_id(), role: RoleId(role) };
        let version = Row::version_after(0, 1);
        let row = Row { header, version, commits: 0, state, arguments: None, deadline: None };
        (key, Write { id: WriteId(1), replaces: 0, row, changes, urgency: Urgency::Prompt })
    }

    fn voted() -> RowState {
        RowState::Voted { result: "null".into() }
    }

    fn given_away() -> Vec<Change> {
        vec![Change::Transaction(TransactionRecord {
            position: PIVOT,
            scopes: Scopes::default(),
            sequence: 1,
            operation: "Courier.give".into(),
            arguments: "[]".into(),
            result: Some("null".into()),
            received: Digest::default(),
            undone: false,
        })]
    }

    /// What is wrong when the courier commits after the shop has written this.
    fn after(shop: Option<RowState>, courier: RowState) -> Result<(), String> {
        let mut ledger = Ledger::default();
        ledger.pivots.insert(([1; 32], PIVOT));
        if let Some(state) = shop {
            let (key, shop) = write(0, state, Vec::new());
            ledger.commit(0, key, &shop).expect("it is right");
        }
        let (key, courier) = write(1, courier, given_away());
        ledger.commit(1, key, &courier)
    }

    #[test]
    fn a_pivot_commits_with_its_own_vote_when_all_others_have_voted() {
        assert_eq!(after(Some(voted()), voted()), Ok(()));
        let early = Err("Courier.give commits, and role 0 has not voted".to_owned());
        assert_eq!(after(Some(RowState::Active), voted()), early);
        assert_eq!(after(None, voted()), early);
        let alone = Err("Courier.give commits, and role 1 has not voted".to_owned());
        assert_eq!(after(Some(voted()), RowState::Active), alone);
    }
}
