//! All that a node knows of one session.

use std::collections::BTreeMap;
use std::sync::Arc;

use accompanist_core::{Header, PeerView, RoleId, Row, RowState, ScopeVote, SessionKey, Stored, View};
use serde::Serialize;
use serde_json::value::RawValue;

use super::audit::Audited;
use super::find::{Part, identities};
use super::finished::outcome;
use super::list::state_name;
use super::undecided::{DeadlineLeft, MissingVote, missing_votes};
use super::waits::{Behind, Wait, Words};
use super::{Fault, Kind, value};
use crate::context::{Definition, short_version};
use crate::node::Shared;
use crate::node::cell::doubt_text;
use crate::node::life::age;
use crate::store::{Store, StoreError};

/// How many records of one kind are shown.
const RECORDS_MAX: usize = 1_000;

/// How long a value may be that is shown in full, in bytes of JSON.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// The answer.
#[derive(Serialize)]
struct All {
    parts: Vec<Inspected>,
    audit: Vec<Audited>,
}

/// A role's part of a session.
#[derive(Serialize)]
struct Inspected {
    session: String,
    id: String,
    choreography: String,
    version: String,
    /// The node of each participant, by its name.
    nodes: BTreeMap<String, String>,
    role: String,
    initiator: String,
    state: &'static str,
    /// Of one that is finished: `committed` or `rolled_back`.
    outcome: Option<&'static str>,
    /// Why it was aborted.
    reason: Option<String>,
    /// Where the abort began.
    aborted_by: Option<String>,
    /// The role's part of the result.
    result: Option<Shown>,
    arguments: Option<Shown>,
    /// Not there for a session that is not in memory.
    age_millis: Option<u64>,
    /// How often the row was written.
    row_version: u32,
    commits: u64,
    /// What is not known of it.
    doubt: Option<&'static str>,
    decided_by_hand: Option<DecidedByHand>,
    /// Why it is parked.
    parked: Option<Parked>,
    deadline: Option<DeadlineLeft>,
    /// Why somebody asked to end it, where this role has voted and has to ask the others.
    cancel: Option<String>,
    /// Until it is decided.
    missing_votes: Vec<MissingVote>,
    waits: Vec<Wait>,
    peers: Vec<Peer>,
    /// In the order of their commits.
    transactions: Vec<Transaction>,
    operations: Vec<Operation>,
    scope_votes: Vec<Scope>,
    /// Records that are not shown, there are so many.
    records_left_out: usize,
}

/// What a person decided of the session.
#[derive(Serialize)]
struct DecidedByHand {
    decision: String,
    reason: String,
    at_ms: i64,
}

#[derive(Serialize)]
struct Parked {
    position: Option<String>,
    recorded: String,
    attempted: String,
}

#[derive(Serialize)]
struct Peer {
    role: String,
    completed: bool,
    done: bool,
    kept_messages: usize,
    refused: Option<String>,
}

#[derive(Serialize)]
struct Transaction {
    sequence: u64,
    position: String,
    operation: String,
    arguments: Shown,
    /// None as long as it is only intended: the call may have happened or not.
    result: Option<Shown>,
    undone: bool,
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct Operation {
    position: String,
    operation: String,
    result: Shown,
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct Scope {
    position: String,
    /// `done`, `aborted` or `stopped`.
    vote: &'static str,
    reason: Option<String>,
}

/// A value: in full, or where it is long how it begins.
#[derive(Serialize)]
pub(super) struct Shown {
    bytes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    begins: Option<String>,
}

impl Shown {
    pub(super) fn new(json: &str) -> Self {
        let bytes = json.len();
        let is_short = bytes <= VALUE_BYTES_MAX;
        match is_short.then(|| RawValue::from_string(json.to_owned())).and_then(Result::ok) {
            Some(value) => Self { bytes, json: Some(value), begins: None },
            None => Self { bytes, json: None, begins: Some(json.chars().take(200).collect()) },
        }
    }
}

impl<S: Store> Shared<S> {
    /// Each role's part of the session at this node.
    pub(super) async fn inspect(&self, name: &str) -> Result<Box<RawValue>, Fault> {
        let mut parts = Vec::new();
        let mut session = None;
        for part in self.named(name)? {
            session = Some(part.key().session);
            match part {
                Part::Live(cell) => {
                    let now = self.clock.now();
                    let view = cell.look(accompanist_core::Session::view);
                    let definition = cell.role.definition();
                    let behind = Behind::of(&self.watch, cell.key);
                    let words = Words { header: &cell.header, definition, now, behind };
                    let waits = words.waits(&view);
                    let deadline = view.deadline.map(|deadline| DeadlineLeft::new(deadline, now));
                    let millis = u64::try_from(cell.life.age(now).as_millis()).ok();
                    let state = state_name(view.row.as_ref().map(|row| &row.state));
                    let inspected = inspected(cell.key, &cell.header, Some(definition), &view, state);
                    parts.push((cell.key, Inspected { waits, deadline, age_millis: millis, ..inspected }));
                }
                Part::Reading(_) => {
                    let message = "the session is being read from the store, which may be failing; ask again";
                    return Err(Fault::new(Kind::Busy, message));
                }
                Part::Undeployed { key, header, since_millis } => {
                    let found = self.store.find(key).await;
                    let found = found.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))?;
                    let view = found.map_or_else(nothing, of_stored);
                    let millis = u64::try_from(age(since_millis, self.clock.now()).as_millis()).ok();
                    let inspected = inspected(key, &header, None, &view, "undeployed");
                    parts.push((key, Inspected { age_millis: millis, ..inspected }));
                }
            }
        }
        if parts.is_empty() {
            parts = self.inspect_finished(name).await?;
        }
        for (key, part) in &mut parts {
            part.decided_by_hand = self.decided_by_hand(*key)?;
        }
        let parts: Vec<_> = parts.into_iter().map(|(_, part)| part).collect();
        let session = session.or_else(|| parts.first().and_then(|part| Some(identities(&part.session)?.0)));
        let audit = match session {
            Some(session) => self.store.audits(session).await.map_err(unavailable)?,
            None => Vec::new(),
        };
        value(All { parts, audit: audit.into_iter().map(Audited::from).collect() })
    }

    /// The parts of a session that is over.
    async fn inspect_finished(&self, name: &str) -> Result<Vec<(SessionKey, Inspected)>, Fault> {
        let mut parts = Vec::new();
        for finished in self.finished_named(name).await? {
            let stored = self.store.find(finished.key).await.map_err(unavailable)?;
            let view = of_stored(stored.ok_or_else(|| self.unknown(name))?);
            let header = Arc::clone(&finished.row.header);
            let definition = self.repertoire.definition(&header, &self.name).ok();
            let state = state_name(view.row.as_ref().map(|row| &row.state));
            parts.push((finished.key, inspected(finished.key, &header, definition, &view, state)));
        }
        if parts.is_empty() { Err(self.unknown(name)) } else { Ok(parts) }
    }
}

fn unavailable(error: StoreError) -> Fault {
    Fault::new(Kind::Unavailable, error.to_string())
}

impl<S: Store> Shared<S> {
    fn decided_by_hand(&self, key: SessionKey) -> Result<Option<DecidedByHand>, Fault> {
        let found = self.peers.registry().map_or(Ok(None), |registry| registry.find_resolved(key));
        let found = found.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))?;
        Ok(found.map(|resolved| DecidedByHand {
            decision: resolved.decision,
            reason: resolved.reason,
            at_ms: resolved.at_ms,
        }))
    }
}

fn nothing() -> View {
    View {
        row: None,
        parked: None,
        doubt: None,
        transactions: Vec::new(),
        calls: Vec::new(),
        scope_votes: Vec::new(),
        waits: Vec::new(),
        peers: Vec::new(),
        deadline: None,
        cancel: None,
        missing_votes: Vec::new(),
    }
}

fn of_stored(stored: Stored) -> View {
    let Stored { row, mut transactions, calls, scope_votes, messages: _ } = stored;
    transactions.sort_by_key(|record| record.sequence);
    View { row: Some(row), transactions, calls, scope_votes, ..nothing() }
}

fn inspected(
    key: SessionKey,
    header: &Header,
    definition: Option<&'static Definition>,
    view: &View,
    state: &'static str,
) -> Inspected {
    let name = |role: RoleId| match definition {
        Some(definition) => definition.participant_name(header, role),
        None => format!("role {}", role.0),
    };
    let row = view.row.as_ref();
    let row_state = row.map(|row| &row.state);
    let (result, reason, via) = ending(row_state);
    let node = |role: &RoleId| Some((name(*role), header.node(*role)?.to_owned()));
    let left_out = [view.transactions.len(), view.calls.len(), view.scope_votes.len()];
    Inspected {
        session: key.session.to_string(),
        id: header.client_id.clone(),
        choreography: header.choreography.clone(),
        version: short_version(&header.fingerprint),
        nodes: header.participants.iter().filter_map(node).collect(),
        role: name(key.role),
        initiator: name(header.initiator),
        state,
        outcome: row_state.and_then(outcome),
        reason,
        aborted_by: via.map(name),
        result,
        arguments: row.and_then(|row| row.arguments.as_deref()).map(Shown::new),
        age_millis: None,
        row_version: row.map_or(0, Row::writes),
        commits: row.map_or(0, |row| row.commits),
        doubt: view.doubt.map(doubt_text),
        decided_by_hand: None,
        parked: view.parked.as_ref().map(|divergence| Parked {
            position: divergence.position.map(|position| position.to_string()),
            recorded: divergence.recorded.clone(),
            attempted: divergence.attempted.clone(),
        }),
        deadline: None,
        cancel: view.cancel.as_deref().map(ToOwned::to_owned),
        missing_votes: missing_votes(view, header, name),
        waits: Vec::new(),
        peers: view.peers.iter().map(|known| peer(known, name(known.role))).collect(),
        transactions: transactions(view),
        operations: operations(view),
        scope_votes: scope_votes(view),
        records_left_out: left_out.iter().map(|count| count.saturating_sub(RECORDS_MAX)).sum(),
    }
}

fn ending(state: Option<&RowState>) -> (Option<Shown>, Option<String>, Option<RoleId>) {
    match state {
        Some(
            RowState::Voted { result } | RowState::Committed { result } | RowState::Finished { outcome: Ok(result) },
        ) => (Some(Shown::new(result)), None, None),
        Some(RowState::Aborting { via, reason, .. }) => (None, Some(reason.to_string()), Some(*via)),
        Some(RowState::Finished { outcome: Err(reason) }) => (None, Some(reason.to_string()), None),
        None | Some(RowState::Active) => (None, None, None),
    }
}

fn peer(known: &PeerView, role: String) -> Peer {
    Peer {
        role,
        completed: known.completed,
        done: known.done,
        kept_messages: known.kept,
        refused: known.refused.as_deref().map(ToOwned::to_owned),
    }
}

fn transactions(view: &View) -> Vec<Transaction> {
    let shown = view.transactions.iter().take(RECORDS_MAX);
    shown
        .map(|record| Transaction {
            sequence: record.sequence,
            position: record.position.to_string(),
            operation: record.operation.to_string(),
            arguments: Shown::new(&record.arguments),
            result: record.result.as_deref().map(Shown::new),
            undone: record.undone,
            scopes: record.scopes.iter().map(|scope| scope.to_string()).collect(),
        })
        .collect()
}

fn operations(view: &View) -> Vec<Operation> {
    let shown = view.calls.iter().take(RECORDS_MAX);
    shown
        .map(|record| Operation {
            position: record.position.to_string(),
            operation: record.operation.to_string(),
            result: Shown::new(&record.result),
            scopes: record.scopes.iter().map(|scope| scope.to_string()).collect(),
        })
        .collect()
}

fn scope_votes(view: &View) -> Vec<Scope> {
    let shown = view.scope_votes.iter().take(RECORDS_MAX);
    shown
        .map(|record| {
            let (vote, reason) = match &record.vote {
                ScopeVote::Done => ("done", None),
                ScopeVote::Aborted { reason } => ("aborted", Some(reason.to_string())),
                ScopeVote::Stopped => ("stopped", None),
            };
            Scope { position: record.position.to_string(), vote, reason }
        })
        .collect()
}
