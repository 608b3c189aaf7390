//! What operators ask of sessions that are over.

use std::time::Duration;

use accompanist_core::{Row, SessionId, SessionKey};

/// Which finished sessions are asked for.
#[derive(Clone, Debug)]
pub enum FinishedQuery {
    /// All of them, or those of one choreography; where `before` is given, those that finished
    /// before that one.
    Newest {
        /// The choreography.
        choreography: Option<String>,
        /// Where the answer before this one ended.
        before: Option<FinishedCursor>,
    },
    /// The sessions whose identity is one of these or between them.
    Identity(SessionId, SessionId),
    /// The sessions with this id of the client's, also those that started at another node.
    ClientId(String),
}

/// The place of a session among those that are finished. What the numbers mean is the store's
/// matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FinishedCursor(pub i64, pub i64);

/// A role's part of a session that is over.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The session and the role.
    pub key: SessionKey,
    /// Its row, with the outcome.
    pub row: Row,
    /// How long ago it finished.
    pub ago: Duration,
    /// Its place.
    pub cursor: FinishedCursor,
}
