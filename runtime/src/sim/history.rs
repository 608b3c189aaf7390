//! What has been committed in a run, for tests to look into.

use accompanist_core::{RoleId, RowState, SessionId};

use super::ledger::Ledger;

/// A session of a run, as it is durable.
#[derive(Clone, Debug)]
pub struct SessionHistory {
    /// The session.
    pub session: SessionId,
    /// Its choreography.
    pub choreography: String,
    /// The client's id for it.
    pub id: String,
    /// Its participants that have written something of it, in order.
    pub parts: Vec<PartHistory>,
}

/// One participant's part of a session.
#[derive(Clone, Debug)]
pub struct PartHistory {
    /// Which participant.
    pub role: RoleId,
    /// The node that plays it.
    pub node: String,
    /// Its part of the result as JSON, or the reason of the abort; `None` as long as it has not heard of the outcome.
    pub outcome: Option<Result<String, String>>,
    /// What it has committed, in order.
    pub transactions: Vec<TransactionHistory>,
}

/// A transaction that was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionHistory {
    /// `Service.operation`.
    pub operation: String,
    /// Its arguments as JSON.
    pub arguments: String,
    /// Its result as JSON; `None` of a call that is intended, or was, and has not returned.
    pub result: Option<String>,
    /// It has been undone.
    pub undone: bool,
}

/// All sessions, in the order of their identities.
pub(super) fn of(ledger: &Ledger) -> Vec<SessionHistory> {
    let mut sessions: Vec<SessionHistory> = Vec::new();
    for (key, part) in &ledger.parts {
        let outcome = match &part.state {
            RowState::Active | RowState::Voted { .. } => None,
            RowState::Aborting { reason, .. } => Some(Err(reason.to_string())),
            RowState::Committed { result } => Some(Ok(result.to_string())),
            RowState::Finished { outcome } => {
                Some(outcome.as_ref().map(ToString::to_string).map_err(ToString::to_string))
            }
        };
        let transactions = part.transactions.iter().map(|record| TransactionHistory {
            operation: record.operation.to_string(),
            arguments: record.arguments.to_string(),
            result: record.result.as_ref().map(ToString::to_string),
            undone: record.undone,
        });
        let part_history = PartHistory {
            role: key.role,
            node: part.header.node(key.role).unwrap_or_default().to_owned(),
            outcome,
            transactions: transactions.collect(),
        };
        match sessions.last_mut().filter(|last| last.session == key.session) {
            Some(last) => last.parts.push(part_history),
            None => sessions.push(SessionHistory {
                session: key.session,
                choreography: part.header.choreography.clone(),
                id: part.header.client_id.clone(),
                parts: vec![part_history],
            }),
        }
    }
    sessions
}
