//! What a session that is not decided has before it: its deadline, a cancel, votes.

use accompanist_core::{DeadlineView, Header, Millis, RoleId, View};
use serde::Serialize;

/// When a session is cancelled that is not decided by then.
#[derive(Debug, Serialize)]
pub(super) struct DeadlineLeft {
    /// So many milliseconds after the start.
    within_millis: u64,
    /// So many milliseconds from now; `null` when the deadline has passed.
    left_millis: Option<u64>,
}

impl DeadlineLeft {
    pub(super) fn new(deadline: DeadlineView, now: Millis) -> Self {
        let left_millis = deadline.due.map(|due| due.0.saturating_sub(now.0));
        Self { within_millis: deadline.within_millis, left_millis }
    }
}

/// A role that has not voted, and the node that plays it.
#[derive(Debug, Serialize)]
pub(super) struct MissingVote {
    role: String,
    node: Option<String>,
}

/// Those whose votes a role does not know of. The initiator is told of every vote.
pub(super) fn missing_votes(view: &View, header: &Header, name: impl Fn(RoleId) -> String) -> Vec<MissingVote> {
    let missing = view.missing_votes.iter();
    missing.map(|role| MissingVote { role: name(*role), node: header.node(*role).map(ToOwned::to_owned) }).collect()
}
