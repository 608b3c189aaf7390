//! The session core: the protocol of one role's part in one session, as a pure state machine.
//!
//! Inputs are `handle_*`, outputs `poll_*`. There is no clock, socket, task or randomness in it: the driver brings time and bytes.

mod canonical;
mod fault;
mod frame;
mod headers;
mod identity;
mod reason;
mod record;
mod retry;
mod scope;
mod session;

pub use canonical::canonical;
pub use frame::{Body, Frame, Outcome, POSITIONS_MAX, Progress, Standing, Vote};
pub use headers::Headers;
pub use identity::{Digest, Header, Millis, Path, Position, RoleId, SessionId, SessionKey, WriteId, members, part};
pub use reason::{REASON_BYTES_MAX, cut_reason};
pub use record::{
    CallRecord, Change, Deadline, LoggedMessage, RecordKinds, Row, RowState, Said, ScopeVoteRecord, Stored,
    TransactionRecord, Urgency, Write,
};
pub use retry::{Retries, Retry};
pub use scope::{Place, ScopeAbort, ScopeEnd, ScopeNews, ScopeVote, Scopes};
pub use session::{
    Cancel, DeadlineView, Divergence, Doubt, Event, INBOX_MESSAGES_MAX, OptionalRoles, PeerView, Ran, Resolution, Run,
    Session, Stability, Stop, Timing, Trying, Unresolvable, View, WaitsFor, answer_ask, answer_finished,
    answer_unknown, begins_session,
};
