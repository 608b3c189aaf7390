//! What a session waits for, in the words of the protocol.

use accompanist_core::{Header, Millis, Position, RoleId, SessionKey, Trying, View, WaitsFor};
use serde::Serialize;

use crate::context::Definition;
use crate::node::watch::Watch;

/// Something that a session waits for.
#[derive(Debug, Default, Serialize)]
pub(super) struct Wait {
    /// `message`, `sleep`, `transaction`, `operation`, `compensation`, `scope_vote`, `vote`, `done`, `over` or `write`.
    #[serde(rename = "for")]
    what: &'static str,
    /// From whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    /// And where that is played.
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// How often it has failed in this run of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    /// Until it is tried again; not there while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_millis: Option<u64>,
    /// Until a timer is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_millis: Option<u64>,
    /// Why it failed last, or why the role says that it cannot take part.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The transaction that holds the database, where this waits behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<Behind>,
}

/// A transaction that holds the database.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Behind {
    operation: String,
    session: String,
    /// For how long.
    millis: u64,
}

impl Behind {
    /// What holds the database of a node, if another one than the session that `waits` does.
    pub(super) fn of(watch: &Watch, waits: SessionKey) -> Option<Self> {
        let running = watch.holds_writer().filter(|running| running.session != waits)?;
        let millis = u64::try_from(running.for_so_long().as_millis()).unwrap_or(u64::MAX);
        Some(Self { operation: running.what.to_string(), session: running.session.session.to_string(), millis })
    }
}

/// Says what sessions wait for.
pub(super) struct Words<'a> {
    pub(super) header: &'a Header,
    pub(super) definition: &'static Definition,
    pub(super) now: Millis,
    /// What holds the database, unless it is this session.
    pub(super) behind: Option<Behind>,
}

impl Words<'_> {
    /// What a session waits for.
    pub(super) fn waits(&self, view: &View) -> Vec<Wait> {
        view.waits.iter().map(|wait| self.wait(view, wait)).collect()
    }

    fn wait(&self, view: &View, wait: &WaitsFor) -> Wait {
        match wait {
            WaitsFor::Message { position, from } => self.role("message", view, *from, Some(*position)),
            WaitsFor::Sleep { position, until } => Wait {
                what: "sleep",
                position: Some(position.to_string()),
                due_millis: until.map(|at| at.0.saturating_sub(self.now.0)),
                ..Wait::default()
            },
            WaitsFor::Transaction(trying) => {
                let behind = self.behind.clone().filter(|_| trying.next_try.is_none());
                Wait { behind, ..self.trying("transaction", trying) }
            }
            WaitsFor::Call(trying) => self.trying("operation", trying),
            WaitsFor::Compensation(trying) => self.trying("compensation", trying),
            WaitsFor::ScopeVote { scope, from } => self.role("scope_vote", view, *from, Some(*scope)),
            WaitsFor::Vote(role) => self.role("vote", view, *role, None),
            WaitsFor::Done(role) => self.role("done", view, *role, None),
            WaitsFor::Over(role) => self.role("over", view, *role, None),
            WaitsFor::Write => Wait { what: "write", behind: self.behind.clone(), ..Wait::default() },
        }
    }

    fn role(&self, what: &'static str, view: &View, role: RoleId, position: Option<Position>) -> Wait {
        let refused = view.peers.iter().find(|peer| peer.role == role).and_then(|peer| peer.refused.as_deref());
        Wait {
            what,
            role: Some(self.definition.participant_name(self.header, role)),
            node: self.header.node(role).map(ToOwned::to_owned),
            position: position.map(|position| position.to_string()),
            reason: refused.map(ToOwned::to_owned),
            ..Wait::default()
        }
    }

    fn trying(&self, what: &'static str, trying: &Trying) -> Wait {
        Wait {
            what,
            position: Some(trying.position.to_string()),
            operation: Some(trying.operation.to_string()),
            attempts: Some(trying.attempts),
            next_try_millis: trying.next_try.map(|at| at.0.saturating_sub(self.now.0)),
            reason: trying.failure.as_deref().map(ToOwned::to_owned),
            ..Wait::default()
        }
    }
}
