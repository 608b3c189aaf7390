//! Adopting a database that peers refuse: a restored backup, a copy, a new one.

use std::collections::BTreeMap;
use std::time::Duration;

use accompanist_core::{RowState, SessionKey};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::audit::Asked;
use super::{Fault, Kind, value};
use crate::node::Shared;
use crate::node::peers::PeerAnswer;
use crate::store::{Outcome, SharedSession, Store};

/// How long peers are waited for.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How often it looks whether they have answered.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Sessions that an answer names of each kind; it counts all.
const NAMED_MAX: usize = 1_000;

#[derive(Serialize)]
struct Report {
    peers: Vec<Refusing>,
    /// Others know them, and this database does not.
    lost: Named,
    /// Others have committed them, and this database lacks this node's part.
    behind: Named,
    /// They are not finished here; their other roles are asked how they stand.
    open: Named,
    accepted: bool,
}

#[derive(Serialize)]
struct Refusing {
    node: String,
    reason: String,
    answered: bool,
    /// It knows of more sessions than it has told.
    is_cut: bool,
}

#[derive(Default, Serialize)]
struct Named {
    count: usize,
    sessions: Vec<Session>,
}

#[derive(Serialize)]
struct Session {
    session: String,
    id: String,
    choreography: String,
    role: u16,
    /// As far as others know.
    outcome: Outcome,
}

impl Named {
    fn add(&mut self, shared: &SharedSession) {
        self.count += 1;
        if self.sessions.len() < NAMED_MAX {
            self.sessions.push(Session {
                session: shared.session.to_string(),
                id: shared.client_id.clone(),
                choreography: shared.choreography.clone(),
                role: shared.role.0,
                outcome: shared.outcome,
            });
        }
    }
}

impl<S: Store> Shared<S> {
    /// What peers that refuse this node's database know that it does not; with `accept`, it is the
    /// node's from the next start of the node on.
    pub(super) async fn adopt(&self, accept: bool, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        // Without it, nothing is changed.
        if !accept {
            return value(self.adoption(false).await?);
        }
        let asked = Asked { action: "adopt", session: None, reason: "", uid };
        self.audit_asked(&asked).await?;
        let adopted = self.adoption(true).await;
        let outcome = match &adopted {
            Ok(report) => format!("accepted: {} sessions lost, {} behind", report.lost.count, report.behind.count),
            Err(fault) => fault.message.clone(),
        };
        self.audit_outcome(&asked, &outcome).await;
        value(adopted?)
    }

    async fn adoption(&self, accept: bool) -> Result<Report, Fault> {
        let unavailable = |error: crate::store::StoreError| Fault::new(Kind::Unavailable, error.to_string());
        let Some(registry) = self.peers.registry() else {
            return Err(Fault::new(Kind::Unavailable, "the store of this node has no identity"));
        };
        if !self.peers.is_suspended() {
            let message = "no peer refuses the database of this node: there is nothing to adopt";
            return Err(Fault::new(Kind::NotStuck, message));
        }
        let number = self.peers.ask(registry.last_change_ms().map_err(unavailable)?);
        let answers = self.answers(number).await;
        let sessions = most_decided(&answers);
        let (mut lost, mut behind, mut open, mut missing) =
            (Named::default(), Named::default(), Named::default(), Vec::new());
        for shared in sessions.values() {
            let key = SessionKey { session: shared.session, role: shared.role };
            let stored = self.store.find(key).await.map_err(unavailable)?;
            match (stored.map(|stored| stored.row.state), shared.outcome) {
                (None, _) => {
                    lost.add(shared);
                    missing.push((*shared).clone());
                }
                (Some(RowState::Active), Outcome::Committed) => behind.add(shared),
                (Some(RowState::Active | RowState::Voted { .. }), _) => open.add(shared),
                (Some(RowState::Aborting { .. } | RowState::Committed { .. } | RowState::Finished { .. }), _) => {}
            }
        }
        if accept {
            let known = answers.iter().map(|answer| answer.generation);
            let generation = known.chain([registry.lineage().generation]).max().unwrap_or(0) + 1;
            registry.adopt(generation, missing).await.map_err(unavailable)?;
            tracing::warn!(
                node = self.name,
                lost = lost.count,
                behind = behind.count,
                "an operator has adopted this database; the node takes part again when it is started again"
            );
        }
        let peers = answers.into_iter().map(|answer| Refusing {
            answered: answer.sessions.is_some(),
            node: answer.node,
            reason: answer.reason,
            is_cut: answer.is_cut,
        });
        Ok(Report { peers: peers.collect(), lost, behind, open, accepted: accept })
    }

    /// Waits for the answers of those that refuse this node.
    async fn answers(&self, number: u64) -> Vec<PeerAnswer> {
        let deadline = Instant::now() + ANSWERS_WITHIN;
        loop {
            let answers = self.peers.answers(number);
            if answers.iter().all(|answer| answer.sessions.is_some()) || Instant::now() > deadline {
                return answers;
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Each session once, as the peer knows it that knows most of how it ended.
fn most_decided(answers: &[PeerAnswer]) -> BTreeMap<SessionKey, &SharedSession> {
    let mut sessions = BTreeMap::new();
    for shared in answers.iter().filter_map(|answer| answer.sessions.as_ref()).flatten() {
        let known = sessions.entry(SessionKey { session: shared.session, role: shared.role }).or_insert(shared);
        if known.outcome == Outcome::Unfinished {
            *known = shared;
        }
    }
    sessions
}
