//! The error of the public interface.

use std::fmt;
use std::sync::Arc;

/// Why a session did not give a result, or a node did not do what it was asked for.
#[derive(Clone)]
pub struct Error {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Aborted(Arc<str>),
    IdInUse(String),
    NotAccepted(String),
    Unavailable(String),
    Parked(String),
    Configuration(String),
    Unreadable(String),
    Overloaded(String),
    StoreFull(String),
    Draining,
    TooLarge(String),
    Lost(String),
}

impl Error {
    pub(crate) fn aborted(reason: Arc<str>) -> Self {
        Self { kind: Kind::Aborted(reason) }
    }

    pub(crate) fn id_in_use(id: &str) -> Self {
        Self { kind: Kind::IdInUse(id.to_owned()) }
    }

    pub(crate) fn not_accepted(cause: impl fmt::Display) -> Self {
        Self { kind: Kind::NotAccepted(cause.to_string()) }
    }

    pub(crate) fn store_fails() -> Self {
        Self::unavailable("the store of this session fails at the moment")
    }

    pub(crate) fn unavailable(cause: impl fmt::Display) -> Self {
        Self { kind: Kind::Unavailable(cause.to_string()) }
    }

    pub(crate) fn parked(report: String) -> Self {
        Self { kind: Kind::Parked(report) }
    }

    pub(crate) fn configuration(what: impl Into<String>) -> Self {
        Self { kind: Kind::Configuration(what.into()) }
    }

    pub(crate) fn overloaded(cause: impl Into<String>) -> Self {
        Self { kind: Kind::Overloaded(cause.into()) }
    }

    pub(crate) fn store_full(cause: impl fmt::Display) -> Self {
        Self { kind: Kind::StoreFull(cause.to_string()) }
    }

    pub(crate) fn draining() -> Self {
        Self { kind: Kind::Draining }
    }

    pub(crate) fn too_large(what: impl Into<String>) -> Self {
        Self { kind: Kind::TooLarge(what.into()) }
    }

    pub(crate) fn lost(what: impl Into<String>) -> Self {
        Self { kind: Kind::Lost(what.into()) }
    }

    pub(crate) fn unreadable(what: impl fmt::Display) -> Self {
        Self { kind: Kind::Unreadable(what.to_string()) }
    }

    /// The session was aborted and rolled back on all roles.
    pub fn is_aborted(&self) -> bool {
        matches!(self.kind, Kind::Aborted(_))
    }

    /// A session of the same choreography and id was started before, with other arguments or other members of a group.
    pub fn is_id_in_use(&self) -> bool {
        matches!(self.kind, Kind::IdInUse(_))
    }

    /// The session was not accepted: nothing of it has happened, and it may be started again.
    pub fn is_not_accepted(&self) -> bool {
        matches!(self.kind, Kind::NotAccepted(_) | Kind::Overloaded(_) | Kind::StoreFull(_) | Kind::Draining)
    }

    /// Not accepted: the node has as many sessions in flight as it may.
    pub fn is_overloaded(&self) -> bool {
        matches!(self.kind, Kind::Overloaded(_))
    }

    /// Not accepted: the store has no room. Sessions in flight wait, and go on when there is room.
    pub fn is_store_full(&self) -> bool {
        matches!(self.kind, Kind::StoreFull(_))
    }

    /// Not accepted: the node is being ended ([`Node::drain`](crate::Node::drain)).
    pub fn is_draining(&self) -> bool {
        matches!(self.kind, Kind::Draining)
    }

    /// The arguments are larger than the node takes.
    pub fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge(_))
    }

    /// A session of the same id was started before the database of this node was restored from a backup, which has no record of it. It is not
    /// started a second time; the text says what other nodes know of it.
    pub fn is_lost(&self) -> bool {
        matches!(self.kind, Kind::Lost(_))
    }

    /// There is no answer for now, and it is not known what has happened: start again with the same id to be told.
    pub fn is_unavailable(&self) -> bool {
        matches!(self.kind, Kind::Unavailable(_))
    }

    /// The node or the call is set up wrongly; the text says what to mend.
    pub fn is_configuration(&self) -> bool {
        matches!(self.kind, Kind::Configuration(_))
    }

    /// Arguments or a result cannot be written as JSON, or read as the type that is expected.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.kind, Kind::Unreadable(_))
    }

    /// The version that the session started on is not deployed here, or differs from what is recorded of it: the session waits, untouched, for
    /// one that fits.
    pub fn is_parked(&self) -> bool {
        matches!(self.kind, Kind::Parked(_))
    }

    /// Why the session was aborted; `None` where it was not.
    pub fn reason(&self) -> Option<&str> {
        match &self.kind {
            Kind::Aborted(reason) => Some(reason),
            Kind::IdInUse(_)
            | Kind::NotAccepted(_)
            | Kind::Unavailable(_)
            | Kind::Parked(_)
            | Kind::Configuration(_)
            | Kind::Unreadable(_)
            | Kind::Overloaded(_)
            | Kind::StoreFull(_)
            | Kind::Draining
            | Kind::TooLarge(_)
            | Kind::Lost(_) => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Aborted(reason) => write!(f, "aborted: {reason}"),
            Kind::IdInUse(id) => {
                write!(
                    f,
                    "a session with the id `{id}` was started before with other arguments or members; take another id"
                )
            }
            Kind::NotAccepted(cause) => write!(f, "not accepted, nothing has happened: {cause}"),
            Kind::Unavailable(cause) => write!(f, "no answer for now, ask again with the same id: {cause}"),
            Kind::Parked(report) => {
                write!(f, "parked until an operator looks after it: {report}")
            }
            Kind::Overloaded(cause) => write!(f, "not accepted for now, nothing has happened: {cause}"),
            Kind::StoreFull(cause) => write!(f, "not accepted until there is room, nothing has happened: {cause}"),
            Kind::Draining => {
                f.write_str("not accepted, nothing has happened: the node is being ended; start it at another time")
            }
            Kind::Configuration(what) | Kind::Unreadable(what) | Kind::TooLarge(what) | Kind::Lost(what) => {
                f.write_str(what)
            }
        }
    }
}

/// As [`Display`](fmt::Display): it is what a `main` that returns it prints.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
