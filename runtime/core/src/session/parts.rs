//! What a session keeps of its peers, messages and requests.

use std::sync::Arc;

use crate::identity::{Digest, Position, WriteId};

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
}

/// A message of the program to another role.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) payload: Arc<str>,
    /// It leaves only when this write is durable; none yet, as long as the poll of the program that made it is under way.
    pub(super) after: WriteId,
    pub(super) stable: bool,
}

impl Outgoing {
    pub(super) fn new(payload: Arc<str>) -> Self {
        Self { payload, after: NO_WRITE_YET, stable: false }
    }
}

/// A message of the program from another role.
#[derive(Clone, Debug)]
pub(super) enum Incoming {
    Waiting(Arc<str>),
    Consumed,
}

/// An operation that the program asked for and that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) operation: Arc<str>,
    pub(super) arguments: Arc<str>,
    pub(super) received: Digest,
    pub(super) attempts: u32,
}

/// What waits for a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Resend,
    Transaction(Position),
    Call(Position),
    Compensation,
}
