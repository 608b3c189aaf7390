//! The digest that every row carries over its own fields: what a failing disk or a stray tool changed is refused, never misread.

use accompanist_core::{CallRecord, Deadline, Digest, LoggedMessage, ScopeVoteRecord, SessionKey, TransactionRecord};

use super::state::{StateColumns, result_column, said_columns, scopes_column, vote_columns};

/// Collects fields, each by its length and bytes, so that no two lists of fields look alike.
struct Fields(Vec<u8>);

impl Fields {
    fn of(table: u8, key: SessionKey) -> Self {
        let mut fields = Self(Vec::with_capacity(512));
        fields.0.push(table);
        fields.0.extend_from_slice(&key.session.0);
        fields.0.extend_from_slice(&key.role.0.to_le_bytes());
        fields
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, text: Option<&str>) -> Self {
        match text {
            None => self.number(u64::MAX),
            Some(text) => self.bytes(text.as_bytes()),
        }
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    fn digest(self) -> [u8; 16] {
        Digest::of(&self.0).0.to_le_bytes()
    }
}

/// Of a session row, without its header, whose digest is the session's name.
pub(super) fn of_session(
    key: SessionKey,
    version: u64,
    commits: u64,
    arguments: Option<&str>,
    state: &StateColumns<'_>,
    deadline: Option<Deadline>,
) -> [u8; 16] {
    let number = |number: Option<i64>| number.map_or([0; 9], tagged);
    let fields = Fields::of(b's', key)
        .number(version)
        .number(commits)
        .text(arguments)
        .bytes(state.name.as_bytes())
        .text(state.result)
        .text(state.reason)
        .bytes(&number(state.via))
        .bytes(&number(state.local));
    match deadline {
        None => fields.digest(),
        Some(deadline) => fields.number(deadline.unix_millis).number(deadline.within_millis).digest(),
    }
}

/// Of a transaction's record.
pub(super) fn of_transaction(key: SessionKey, record: &TransactionRecord) -> [u8; 16] {
    Fields::of(b't', key)
        .bytes(&record.position.0.to_le_bytes())
        .bytes(&scopes_column(&record.scopes))
        .number(record.sequence)
        .bytes(record.operation.as_bytes())
        .bytes(record.arguments.as_bytes())
        .bytes(result_column(&record.result).as_bytes())
        .bytes(&record.received.0.to_le_bytes())
        .number(u64::from(record.undone))
        .digest()
}

/// Of a recorded result.
pub(super) fn of_call(key: SessionKey, record: &CallRecord) -> [u8; 16] {
    Fields::of(b'c', key)
        .bytes(&record.position.0.to_le_bytes())
        .bytes(&scopes_column(&record.scopes))
        .bytes(record.operation.as_bytes())
        .bytes(&record.arguments.0.to_le_bytes())
        .bytes(record.result.as_bytes())
        .bytes(&record.received.0.to_le_bytes())
        .digest()
}

/// Of a vote of a scope.
pub(super) fn of_scope_vote(key: SessionKey, record: &ScopeVoteRecord) -> [u8; 16] {
    let (vote, reason) = vote_columns(&record.vote);
    Fields::of(b'v', key)
        .bytes(&record.position.0.to_le_bytes())
        .bytes(&scopes_column(&record.scopes))
        .bytes(vote.as_bytes())
        .text(reason)
        .digest()
}

/// Of a logged message.
pub(super) fn of_message(key: SessionKey, message: &LoggedMessage) -> [u8; 16] {
    let (said, content) = said_columns(&message.said);
    Fields::of(b'm', key)
        .number(u64::from(message.from.0))
        .bytes(&message.position.0.to_le_bytes())
        .bytes(&scopes_column(&message.scopes))
        .bytes(said.as_bytes())
        .text(content)
        .digest()
}

fn tagged(number: i64) -> [u8; 9] {
    let mut bytes = [1; 9];
    for (to, from) in bytes.iter_mut().skip(1).zip(number.to_le_bytes()) {
        *to = from;
    }
    bytes
}
