//! What operators did, kept in the store: a log can be lost, and others write to it, too.

use accompanist_core::SessionId;

/// How many of these a store keeps at least; from there on it may delete the oldest.
pub const AUDITS_MAX: u32 = 100_000;

/// One thing that an operator asked for, or what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// When, in milliseconds since 1970.
    pub unix_millis: u64,
    /// The session; none where all of them were meant.
    pub session: Option<SessionId>,
    /// The request: `abort`, `settle`, `retry`, `resolve --commit`, `resolve --abort`, `adopt`.
    pub action: String,
    /// `asked`, or what came of it.
    pub outcome: String,
    /// The operator's reason; empty where a request takes none.
    pub reason: String,
    /// The user of the operating system who asked, where that is known.
    pub uid: Option<u32>,
}
