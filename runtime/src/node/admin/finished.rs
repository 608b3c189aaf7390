//! Sessions that are over: the store has them, until they are forgotten.

use std::collections::BTreeSet;

use accompanist_core::{RowState, SessionId};
use serde_json::value::RawValue;

use super::find::{PREFIX_DIGITS_MIN, identities};
use super::list::{AFTER_IS_NONE, Listed, Summary, state_name};
use super::request::{Filter, LISTED_DEFAULT, LISTED_MAX};
use super::{Fault, Kind, value};
use crate::context::short_version;
use crate::node::{PARTICIPANTS_MAX, Shared};
use crate::store::{Finished, FinishedCursor, FinishedQuery, Store, StoreError};

/// How a finished session ended.
pub(super) fn outcome(state: &RowState) -> Option<&'static str> {
    match state {
        RowState::Finished { outcome: Ok(_) } => Some("committed"),
        RowState::Finished { outcome: Err(_) } => Some("rolled_back"),
        RowState::Active | RowState::Voted { .. } | RowState::Aborting { .. } | RowState::Committed { .. } => None,
    }
}

fn failed(error: StoreError) -> Fault {
    Fault::new(Kind::Unavailable, error.to_string())
}

impl<S: Store> Shared<S> {
    /// Those that the filter lets through, the newest first.
    pub(super) async fn list_finished(&self, filter: &Filter) -> Result<Box<RawValue>, Fault> {
        let before = filter.after.as_deref().map(cursor).transpose()?;
        let limit = filter.limit.unwrap_or(LISTED_DEFAULT).clamp(1, LISTED_MAX);
        let query = FinishedQuery::Newest { choreography: filter.choreography.clone(), before };
        // What is over neither fails nor runs.
        let mut found = match filter.stuck || filter.parked {
            true => Vec::new(),
            false => self.store.finished(query, limit.saturating_add(1)).await.map_err(failed)?,
        };
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more).map(|last| last.cursor);
        let next = last.map(|FinishedCursor(at, id)| format!("{at}:{id}"));
        let sessions = found.iter().map(|finished| self.summary_of_finished(finished)).collect();
        value(Listed { sessions, total: None, next })
    }

    fn summary_of_finished(&self, finished: &Finished) -> Summary {
        let header = &finished.row.header;
        let role = match self.repertoire.definition(header, &self.name) {
            Ok(definition) => definition.participant_name(header, finished.key.role),
            Err(_) => format!("role {}", finished.key.role.0),
        };
        let reason = match &finished.row.state {
            RowState::Finished { outcome: Err(reason) } => Some(reason.to_string()),
            RowState::Finished { outcome: Ok(_) }
            | RowState::Active
            | RowState::Voted { .. }
            | RowState::Aborting { .. }
            | RowState::Committed { .. } => None,
        };
        Summary {
            session: finished.key.session.to_string(),
            id: Some(header.client_id.clone()),
            choreography: Some(header.choreography.clone()),
            version: Some(short_version(&header.fingerprint)),
            role: Some(role),
            state: state_name(Some(&finished.row.state)),
            outcome: outcome(&finished.row.state),
            reason,
            age_millis: u64::try_from(finished.ago.as_millis()).unwrap_or(u64::MAX),
            stuck: false,
            parked: false,
            deadline: None,
            cancel: None,
            waits: Vec::new(),
        }
    }

    /// The parts of the one finished session that `name` means: by the client's id, by its
    /// identity, or by the beginning of that.
    pub(super) async fn finished_named(&self, name: &str) -> Result<Vec<Finished>, Fault> {
        let by_id = FinishedQuery::ClientId(name.to_owned());
        let mut found = self.store.finished(by_id, PARTICIPANTS_MAX).await.map_err(failed)?;
        if let (true, Some((first, last))) = (found.is_empty(), identities(name)) {
            let by_identity = FinishedQuery::Identity(first, last);
            found = self.store.finished(by_identity, PARTICIPANTS_MAX).await.map_err(failed)?;
        }
        let sessions: BTreeSet<_> = found.iter().map(|finished| finished.key.session).collect();
        if sessions.len() > 1 {
            let sessions: Vec<_> = sessions.iter().take(5).map(SessionId::to_string).collect();
            let message = format!(
                "`{name}` could be any of {}, which are finished; name one of these by {PREFIX_DIGITS_MIN} digits or more",
                sessions.join(", ")
            );
            return Err(Fault::new(Kind::Ambiguous, message));
        }
        found.sort_by_key(|finished| finished.key.role);
        Ok(found)
    }
}

fn cursor(text: &str) -> Result<FinishedCursor, Fault> {
    let read = |(at, id): (&str, &str)| Some(FinishedCursor(at.parse().ok()?, id.parse().ok()?));
    text.split_once(':').and_then(read).ok_or_else(|| Fault::new(Kind::BadRequest, AFTER_IS_NONE))
}
