//! The durable state of one role's part of one session, and the writes that change it: one *session row* and its records.
//!
//! A store keeps them in the database that the role's transactions use. Every [`Write`] is atomic, carries the whole new row, and names the
//! version of the row that it replaces; a store refuses one that would replace another. So whatever changes a session excludes everything
//! else that does, at every isolation level, and also where no row exists yet (the key is unique). A version names the run of the role that
//! made it, for a run that was given up may have left writes in the store's queue: one of them replaces the row that the next run has read, and
//! then nothing of that next run's may be stored, not even what would replace its own write that was refused.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::identity::{Digest, Header, Position, RoleId, WriteId};
use crate::scope::{ScopeVote, Scopes};

/// The session row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which session, and its parties.
    pub header: Arc<Header>,
    /// Which write left it so, see [`Row::version_after`].
    pub version: u64,
    /// How many transactions have committed: the order that a rollback reverses.
    pub commits: u64,
    /// Where the role stands.
    pub state: RowState,
    /// The session's arguments as JSON, at the initiator.
    pub arguments: Option<Arc<str>>,
    /// When the session is to be decided, at the initiator, if it has been said.
    pub deadline: Option<Deadline>,
}

impl Row {
    /// The version that a write of the run `run` makes of the row of version `replaces`: the number of the writes so far in the lower half, the run
    /// in the upper one. It fits into an `i64`.
    pub fn version_after(replaces: u64, run: u32) -> u64 {
        let writes = (replaces as u32).wrapping_add(1).max(1);
        u64::from(run & (u32::MAX >> 1)) << 32 | u64::from(writes)
    }

    /// How many writes there have been.
    pub fn writes(&self) -> u32 {
        self.version as u32
    }
}

/// When a session is to be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// In milliseconds since 1970, by the initiator's clock when the session started.
    pub unix_millis: u64,
    /// So many milliseconds after the start.
    pub within_millis: u64,
}

/// Where a role stands, durably.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowState {
    /// Its program runs.
    Active,
    /// Its program ended with this result (JSON), and it voted *completed*.
    Voted {
        /// The role's part of the result.
        result: Arc<str>,
    },
    /// The session is aborted; what has no undone mark is being undone. With every transaction undone, it is *compensated*.
    Aborting {
        /// Whose abort vote caused it: itself where it is the origin.
        via: RoleId,
        /// Why.
        reason: Arc<str>,
        /// Nobody was told of the session but the client.
        local: bool,
    },
    /// All roles completed.
    Committed {
        /// The role's part of the result.
        result: Arc<str>,
    },
    /// Every role is known to be done: the row only answers duplicates until its retention time is over.
    Finished {
        /// The role's part of the result, or the reason of the abort.
        outcome: Result<Arc<str>, Arc<str>>,
    },
}

/// A committed transaction; or the intent to call an operation outside of the database, which a rollback undoes in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionRecord {
    /// Where.
    pub position: Position,
    /// The scopes around it: it is undone with each of them.
    pub scopes: Scopes,
    /// The value of the row's commit counter after it: its place in the order of commits.
    pub sequence: u64,
    /// `Service.operation`.
    pub operation: Arc<str>,
    /// The arguments in full, as JSON: a rollback never replays.
    pub arguments: Arc<str>,
    /// The result as JSON; `None` of an intent whose call has not returned: it may have happened or not, and may do so yet.
    pub result: Option<Arc<str>>,
    /// Of all that its thread of the program had received before it.
    pub received: Digest,
    /// It has been undone, or was refused and so did nothing.
    pub undone: bool,
}

/// The recorded result of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecord {
    /// Where.
    pub position: Position,
    /// The scopes around it.
    pub scopes: Scopes,
    /// `Service.operation`.
    pub operation: Arc<str>,
    /// Of the arguments.
    pub arguments: Digest,
    /// The result as JSON.
    pub result: Arc<str>,
    /// Of all that its thread of the program had received before it.
    pub received: Digest,
}

/// What this role voted of a scope. With it in the row's writes, and never changed, no transaction of the scope commits after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeVoteRecord {
    /// Which scope.
    pub position: Position,
    /// The scopes around it.
    pub scopes: Scopes,
    /// The vote.
    pub vote: ScopeVote,
}

/// What one role says to another in the course of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A message: its value as JSON.
    Value(Arc<str>),
    /// A vote of the scope at its position.
    Vote(ScopeVote),
}

/// Something that came from another role, and that its sender need not keep any longer: a role that runs again takes it from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedMessage {
    /// Whose it is.
    pub from: RoleId,
    /// Which.
    pub position: Position,
    /// The scopes around it.
    pub scopes: Scopes,
    /// What it says.
    pub said: Said,
}

/// All of it, as a store gives it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The row.
    pub row: Row,
    /// The transactions, in any order.
    pub transactions: Vec<TransactionRecord>,
    /// The recorded results, in any order.
    pub calls: Vec<CallRecord>,
    /// The votes of scopes, in any order.
    pub scope_votes: Vec<ScopeVoteRecord>,
    /// The logged messages, in any order.
    pub messages: Vec<LoggedMessage>,
}

/// One atomic durable write of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its number.
    pub id: WriteId,
    /// The version of the row that it replaces; 0 where it is the first.
    pub replaces: u64,
    /// The new row.
    pub row: Row,
    /// What else changes.
    pub changes: Vec<Change>,
    /// How soon it must be durable.
    pub urgency: Urgency,
}

/// How soon a write must be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Something waits for it: at once, together with what else is ready.
    Prompt,
    /// Nothing waits for it: with the next prompt write, or within the store's laziness.
    Lazy,
}

/// A change of a session's records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A transaction committed, or a call is intended.
    Transaction(TransactionRecord),
    /// The call that was intended at this position returned.
    Returned {
        /// Where.
        position: Position,
        /// The result as JSON.
        result: Arc<str>,
    },
    /// An operation returned.
    Call(CallRecord),
    /// The transaction at this position was undone, or what was intended there was refused.
    Undone(Position),
    /// The role voted of a scope.
    ScopeVote(ScopeVoteRecord),
    /// A message came that its sender need not keep from now on.
    Message(LoggedMessage),
    /// All records of the session go, which are of these kinds: it is settled and the row says the rest.
    Drop(RecordKinds),
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordKinds {
    /// [`TransactionRecord`]s.
    pub transactions: bool,
    /// [`CallRecord`]s.
    pub calls: bool,
    /// [`ScopeVoteRecord`]s.
    pub scope_votes: bool,
    /// [`LoggedMessage`]s.
    pub messages: bool,
}

impl RecordKinds {
    /// None of them.
    pub const NONE: Self = Self { transactions: false, calls: false, scope_votes: false, messages: false };
    /// All of them.
    pub const ALL: Self = Self { transactions: true, calls: true, scope_votes: true, messages: true };

    /// Of what a session has records after `changes`, where it had these before.
    #[must_use]
    pub fn after(self, changes: &[Change]) -> Self {
        changes.iter().fold(self, |kinds, change| match change {
            Change::Transaction(_) => Self { transactions: true, ..kinds },
            Change::Call(_) => Self { calls: true, ..kinds },
            Change::ScopeVote(_) => Self { scope_votes: true, ..kinds },
            Change::Message(_) => Self { messages: true, ..kinds },
            Change::Returned { .. } | Change::Undone(_) => kinds,
            Change::Drop(_) => Self::NONE,
        })
    }
}

impl Stored {
    /// Of what the session has records.
    #[must_use]
    pub fn kinds(&self) -> RecordKinds {
        RecordKinds {
            transactions: !self.transactions.is_empty(),
            calls: !self.calls.is_empty(),
            scope_votes: !self.scope_votes.is_empty(),
            messages: !self.messages.is_empty(),
        }
    }
}
