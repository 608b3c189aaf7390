//! What a session keeps of its peers, messages and requests.

use std::sync::Arc;

use crate::identity::{Digest, Position, WriteId};
use crate::scope::{ScopeVote, Scopes};

/// The gate of what waits for the end of the poll of the program that asked for it.
pub(super) const NO_WRITE_YET: WriteId = WriteId(u64::MAX);

/// What the session knows of another role.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer {
    /// It has said something of the session since the last connection: it has the header.
    pub(super) has_header: bool,
    /// It voted *completed*.
    pub(super) completed: bool,
    /// It has durably reached the outcome.
    pub(super) done: bool,
    /// Its abort vote waits for our *done*.
    pub(super) owed_done: bool,
    /// Why it last said that it cannot take part.
    pub(super) refused: Option<Arc<str>>,
}

/// What is kept for another role until that needs it no more.
#[derive(Clone, Debug)]
pub(super) enum Said {
    /// A message of the program: its value.
    Value(Arc<str>),
    /// A vote of the scope at its position.
    Vote(ScopeVote),
}

/// A message of the program to another role, or a vote of a scope, which is kept and sent like one.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) scopes: Scopes,
    pub(super) said: Said,
    /// It leaves only when this write is durable; none yet, as long as the poll of the program that made it is under way.
    pub(super) after: WriteId,
    pub(super) stable: bool,
}

impl Outgoing {
    pub(super) fn new(scopes: Scopes, said: Said) -> Self {
        Self { scopes, said, after: NO_WRITE_YET, stable: false }
    }
}

/// A message of the program from another role.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) scopes: Scopes,
    /// `None` once the program has taken it.
    pub(super) payload: Option<Arc<str>>,
}

/// An operation that the program asked for and that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) scopes: Scopes,
    pub(super) operation: Arc<str>,
    pub(super) arguments: Arc<str>,
    pub(super) received: Digest,
    pub(super) attempts: u32,
    /// What it said when it last failed.
    pub(super) failure: Option<Arc<str>>,
}

/// What waits for a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Resend,
    Transaction(Position),
    Call(Position),
    /// A receive has waited long enough, or a timer is due.
    Wait(Position),
    /// The body of this scope has taken too long.
    Scope(Position),
    Compensation,
    /// The session is to be decided by now.
    Deadline,
}
