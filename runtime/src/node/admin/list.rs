//! Listing sessions.

use accompanist_core::{Millis, RowState, Session, SessionKey};
use serde::Serialize;
use serde_json::value::RawValue;

use super::find::Part;
use super::request::{Filter, LISTED_DEFAULT, LISTED_MAX};
use super::undecided::DeadlineLeft;
use super::waits::{Behind, Wait, Words};
use super::{Fault, Kind, value};
use crate::context::short_version;
use crate::node::Shared;
use crate::node::life::age;
use crate::node::watch::Watch;
use crate::store::Store;

/// What a list says of a role's part of a session.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) session: String,
    /// The client's id; not there while the session is being read.
    pub(super) id: Option<String>,
    pub(super) choreography: Option<String>,
    pub(super) version: Option<String>,
    pub(super) role: Option<String>,
    /// One of [`STATES`].
    pub(super) state: &'static str,
    /// Of one that is finished: `committed` or `rolled_back`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<&'static str>,
    /// And why it was rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// How long ago it started; of one that is finished, how long ago it ended.
    pub(super) age_millis: u64,
    /// An operation or compensation fails.
    pub(super) stuck: bool,
    /// Its program did something else than what is recorded.
    pub(super) parked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<DeadlineLeft>,
    /// Why somebody asked to end it, where this role has voted and has to ask the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cancel: Option<String>,
    /// A few of the things that it waits for.
    pub(super) waits: Vec<Wait>,
}

/// How many of the things that a session waits for a list says.
const WAITS_MAX: usize = 4;

/// Before its first write; as the row says; being read from the store; of a version that is not deployed.
const STATES: [&str; 8] = ["starting", "active", "voted", "aborting", "committed", FINISHED, "reading", "undeployed"];

/// The state of what is in the store only.
const FINISHED: &str = "finished";

#[derive(Serialize)]
pub(super) struct Listed {
    pub(super) sessions: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<usize>,
    pub(super) next: Option<String>,
}

/// The name of where a session stands.
pub(super) fn state_name(state: Option<&RowState>) -> &'static str {
    match state {
        None => "starting",
        Some(RowState::Active) => "active",
        Some(RowState::Voted { .. }) => "voted",
        Some(RowState::Aborting { .. }) => "aborting",
        Some(RowState::Committed { .. }) => "committed",
        Some(RowState::Finished { .. }) => FINISHED,
    }
}

/// What is asked of every session before any is shown.
struct Seen<S: Store> {
    since_millis: i64,
    key: SessionKey,
    part: Part<S>,
}

impl<S: Store> Shared<S> {
    /// Those that the filter lets through, the oldest first.
    pub(super) async fn list(&self, filter: &Filter) -> Result<Box<RawValue>, Fault> {
        if let Some(state) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
            let message = format!("there is no state `{state}`; the states are {}", STATES.join(", "));
            return Err(Fault::new(Kind::BadRequest, message));
        }
        if filter.state.as_deref() == Some(FINISHED) {
            return self.list_finished(filter).await;
        }
        self.list_unfinished(filter)
    }

    fn list_unfinished(&self, filter: &Filter) -> Result<Box<RawValue>, Fault> {
        let after = filter.after.as_deref().map(cursor).transpose()?;
        let now = self.clock.now();
        let mut seen: Vec<_> =
            self.parts().into_iter().filter(|part| fits(filter, part)).map(|part| see(part, now)).collect();
        seen.sort_by_key(|seen| (seen.since_millis, seen.key));
        let total = seen.len();
        if let Some((since_millis, session, role)) = &after {
            let place = |seen: &Seen<S>| (seen.since_millis, seen.key.session.to_string(), seen.key.role.0);
            seen.retain(|seen| place(seen) > (*since_millis, session.clone(), *role));
        }
        let limit = filter.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
        let next = seen
            .get(limit)
            .and_then(|_| seen.get(limit - 1))
            .map(|last| format!("{}:{}:{}", last.since_millis, last.key.session, last.key.role.0));
        let sessions = seen.iter().take(limit).map(|seen| summary(seen, now, &self.watch)).collect();
        value(Listed { sessions, total: Some(total), next })
    }
}

/// What is said of a cursor that is none.
pub(super) const AFTER_IS_NONE: &str = "`after` is not what an answer called `next`";

fn cursor(text: &str) -> Result<(i64, String, u16), Fault> {
    let mut parts = text.split(':');
    let (since, session, role) = (parts.next(), parts.next(), parts.next());
    let read = || Some((since?.parse().ok()?, session?.to_owned(), role?.parse().ok()?));
    read().ok_or_else(|| Fault::new(Kind::BadRequest, AFTER_IS_NONE))
}

fn fits<S: Store>(filter: &Filter, part: &Part<S>) -> bool {
    let choreography = part.header().map(|header| header.choreography.as_str());
    if filter.choreography.as_deref().is_some_and(|wanted| choreography != Some(wanted)) {
        return false;
    }
    let of_session = |session: &Session| {
        filter.state.as_deref().is_none_or(|wanted| state_name(session.state()) == wanted)
            && (!filter.stuck || session.is_failing())
            && (!filter.parked || session.is_parked())
    };
    let of_other =
        |state: &str| filter.state.as_deref().is_none_or(|wanted| state == wanted) && !filter.stuck && !filter.parked;
    match part {
        Part::Live(cell) => cell.look(of_session),
        Part::Reading(_) => of_other("reading"),
        Part::Undeployed { .. } => of_other("undeployed"),
    }
}

fn see<S: Store>(part: Part<S>, now: Millis) -> Seen<S> {
    let since_millis = match &part {
        Part::Live(cell) => cell.life.since_millis(),
        Part::Reading(_) => i64::try_from(now.0).unwrap_or(i64::MAX),
        Part::Undeployed { since_millis, .. } => *since_millis,
    };
    Seen { since_millis, key: part.key(), part }
}

fn summary<S: Store>(seen: &Seen<S>, now: Millis, watch: &Watch) -> Summary {
    let header = seen.part.header();
    let blank = Summary {
        session: seen.key.session.to_string(),
        id: header.map(|header| header.client_id.clone()),
        choreography: header.map(|header| header.choreography.clone()),
        version: header.map(|header| short_version(&header.fingerprint)),
        role: None,
        state: "reading",
        outcome: None,
        reason: None,
        age_millis: u64::try_from(age(seen.since_millis, now).as_millis()).unwrap_or(u64::MAX),
        stuck: false,
        parked: false,
        deadline: None,
        cancel: None,
        waits: Vec::new(),
    };
    match &seen.part {
        Part::Reading(_) => blank,
        Part::Undeployed { key, .. } => {
            Summary { state: "undeployed", role: Some(format!("role {}", key.role.0)), ..blank }
        }
        Part::Live(cell) => {
            let definition = cell.role.definition();
            let (mut view, stuck) = cell.look(|session| (session.view(), session.is_failing()));
            view.waits.truncate(WAITS_MAX);
            Summary {
                role: Some(definition.participant_name(&cell.header, cell.key.role)),
                state: state_name(view.row.as_ref().map(|row| &row.state)),
                stuck,
                parked: view.parked.is_some(),
                deadline: view.deadline.map(|deadline| DeadlineLeft::new(deadline, now)),
                cancel: view.cancel.as_deref().map(ToOwned::to_owned),
                waits: Words { header: &cell.header, definition, now, behind: Behind::of(watch, cell.key) }
                    .waits(&view),
                ..blank
            }
        }
    }
}
