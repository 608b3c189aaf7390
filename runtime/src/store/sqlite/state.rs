//! A row's state, a vote of a scope and what a message says, as columns that a person can read, and back.

use std::sync::Arc;

use accompanist_core::{Position, RoleId, RowState, Said, ScopeVote, Scopes};

/// The columns of a [`RowState`].
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct StateColumns<'a> {
    /// `active`, `voted`, `aborting`, `committed` or `finished`.
    pub(super) name: &'a str,
    /// The role's part of the result.
    pub(super) result: Option<&'a str>,
    /// Why the session was aborted.
    pub(super) reason: Option<&'a str>,
    /// The role whose vote aborted it.
    pub(super) via: Option<i64>,
    /// Nobody was told of the session but the client: 0 or 1.
    pub(super) local: Option<i64>,
}

impl<'a> StateColumns<'a> {
    pub(super) fn of(state: &'a RowState) -> Self {
        let named = |name| Self { name, ..Self::default() };
        match state {
            RowState::Active => named("active"),
            RowState::Voted { result } => Self { result: Some(result), ..named("voted") },
            RowState::Aborting { via, reason, local } => Self {
                reason: Some(reason),
                via: Some(i64::from(via.0)),
                local: Some(i64::from(*local)),
                ..named("aborting")
            },
            RowState::Committed { result } => Self { result: Some(result), ..named("committed") },
            RowState::Finished { outcome: Ok(result) } => Self { result: Some(result), ..named("finished") },
            RowState::Finished { outcome: Err(reason) } => Self { reason: Some(reason), ..named("finished") },
        }
    }

    /// The state; `None` for columns that no state has.
    pub(super) fn state(&self) -> Option<RowState> {
        let state = match (self.name, self.result, self.reason) {
            ("active", None, None) => RowState::Active,
            ("voted", Some(result), None) => RowState::Voted { result: Arc::from(result) },
            ("committed", Some(result), None) => RowState::Committed { result: Arc::from(result) },
            ("finished", Some(result), None) => RowState::Finished { outcome: Ok(Arc::from(result)) },
            ("finished", None, Some(reason)) => RowState::Finished { outcome: Err(Arc::from(reason)) },
            ("aborting", None, Some(reason)) => RowState::Aborting {
                via: RoleId(u16::try_from(self.via?).ok()?),
                reason: Arc::from(reason),
                local: self.local? != 0,
            },
            _ => return None,
        };
        // The way back leads to the same columns, or there were some too many.
        let same = StateColumns::of(&state) == *self;
        same.then_some(state)
    }
}

/// The columns of a [`ScopeVote`]: `done`, `aborted` or `stopped`, and why it was aborted.
pub(super) fn vote_columns(vote: &ScopeVote) -> (&'static str, Option<&str>) {
    match vote {
        ScopeVote::Done => ("done", None),
        ScopeVote::Aborted { reason } => ("aborted", Some(reason)),
        ScopeVote::Stopped => ("stopped", None),
    }
}

/// The vote; `None` for columns that no vote has.
pub(super) fn vote(name: &str, reason: Option<Arc<str>>) -> Option<ScopeVote> {
    match (name, reason) {
        ("done", None) => Some(ScopeVote::Done),
        ("aborted", Some(reason)) => Some(ScopeVote::Aborted { reason }),
        ("stopped", None) => Some(ScopeVote::Stopped),
        _ => None,
    }
}

/// The columns of what a message says: `value` and that, or a vote of a scope.
pub(super) fn said_columns(said: &Said) -> (&'static str, Option<&str>) {
    match said {
        Said::Value(value) => ("value", Some(value)),
        Said::Vote(vote) => vote_columns(vote),
    }
}

/// What a message says; `None` for columns that nothing has.
pub(super) fn said(name: &str, content: Option<Arc<str>>) -> Option<Said> {
    match (name, content) {
        ("value", Some(value)) => Some(Said::Value(value)),
        (name, content) => vote(name, content).map(Said::Vote),
    }
}

/// The column of some scopes.
pub(super) fn scopes_column(scopes: &Scopes) -> Vec<u8> {
    scopes.iter().flat_map(|scope| scope.0.to_be_bytes()).collect()
}

/// The scopes of a column, which has the digest of its row.
pub(super) fn scopes(column: &[u8]) -> Scopes {
    let (scopes, _) = column.as_chunks::<16>();
    scopes.iter().map(|scope| Position(u128::from_be_bytes(*scope))).collect()
}

/// The column of a transaction's result: JSON is never empty.
pub(super) fn result_column(result: &Option<Arc<str>>) -> &str {
    result.as_deref().unwrap_or_default()
}

/// The result of its column.
pub(super) fn result(column: Arc<str>) -> Option<Arc<str>> {
    (!column.is_empty()).then_some(column)
}
