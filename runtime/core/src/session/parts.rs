//! What a session keeps of messages and requests.

use std::sync::Arc;

use crate::identity::{Digest, Position, WriteId};
use crate::record::Said;
use crate::scope::Scopes;

/// The gate of what waits for the end of the poll of the program that asked for it.
pub(super) const NO_WRITE_YET: WriteId = WriteId(u64::MAX);

/// A message of the program to another role, or a vote of a scope, which is kept and sent like one.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub(super) scopes: Scopes,
    pub(super) said: Said,
    /// It leaves only when this write is durable; none yet, as long as the poll of the program that made it is under way.
    pub(super) after: WriteId,
}

impl Outgoing {
    pub(super) fn new(scopes: Scopes, said: Said) -> Self {
        Self { scopes, said, after: NO_WRITE_YET }
    }
}

/// A message of the program, or a vote of a scope, from another role.
#[derive(Clone, Debug)]
pub(super) struct Incoming {
    pub(super) scopes: Scopes,
    /// `None` once it is both taken and logged; and where the program has given up waiting for it and it has not come.
    pub(super) said: Option<Said>,
    /// The program has dealt with it.
    pub(super) taken: bool,
    /// The write that it is logged by.
    pub(super) logged: Option<WriteId>,
}

impl Incoming {
    /// Gives what is said to the program, and keeps it as long as it is not logged.
    pub(super) fn take(&mut self) -> Option<Said> {
        self.taken = true;
        if self.logged.is_some() { self.said.take() } else { self.said.clone() }
    }
}

/// An operation that the program asked for and that has not returned.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) scopes: Scopes,
    pub(super) operation: Arc<str>,
    pub(super) arguments: Arc<str>,
    pub(super) received: Digest,
    /// An earlier run may have asked for it.
    pub(super) is_again: bool,
    pub(super) attempts: u32,
    /// What it said when it last failed.
    pub(super) failure: Option<Arc<str>>,
}

impl Request {
    /// One that is asked for the first time.
    pub(super) fn new(scopes: Scopes, operation: &str, arguments: Arc<str>, received: Digest) -> Self {
        Self { scopes, operation: operation.into(), arguments, received, is_again: false, attempts: 0, failure: None }
    }
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
    /// What has come is logged.
    Log,
    /// Not all are done with a session that is decided: it may take long, and that is written down.
    Settle,
    /// The session is to be decided by now.
    Deadline,
}
