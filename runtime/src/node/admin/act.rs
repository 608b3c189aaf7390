//! What an operator does to sessions: try again, abort, settle by hand.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{Cancel, Doubt, RowState, Session, Trying};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::audit::Asked;
use super::find::Part;
use super::finished::outcome;
use super::inspect::Shown;
use super::list::state_name;
use super::request::{Abort, Settle};
use super::{Fault, Kind, value};
use crate::node::Shared;
use crate::node::cell::{Cell, doubt_text};
use crate::quoted::quoted;
use crate::store::Store;

/// How long an answer waits for what it says to be durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What was the case when an operator asked to end a session.
enum Before {
    /// It is being rolled back already, for this reason.
    Aborting(String),
    /// It can be asked.
    Open,
}

fn before(session: &Session) -> Before {
    match session.state() {
        Some(RowState::Aborting { reason, .. }) => Before::Aborting(reason.to_string()),
        None
        | Some(RowState::Active | RowState::Voted { .. } | RowState::Committed { .. } | RowState::Finished { .. }) => {
            Before::Open
        }
    }
}

impl<S: Store> Shared<S> {
    /// Tries again now what fails of `session`, or of all of them, and sends again what nobody has answered.
    pub(super) async fn retry(&self, session: Option<&str>, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        let parts = match session {
            Some(name) => self.existing(name).await?,
            None => self.parts(),
        };
        let meant = session.and_then(|_| Some(parts.first()?.key().session));
        let asked = Asked { action: "retry", session: meant, reason: "", uid };
        self.audit_asked(&asked).await?;
        let (mut sessions, mut tried) = (0, 0);
        for part in parts {
            if let Part::Live(cell) = part {
                sessions += 1;
                // Only where it is named: it may end the process once more.
                let is_named = session.is_some();
                if is_named
                    && self.release(&cell).await.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))?
                {
                    tried += 1;
                    continue;
                }
                cell.step(|session, now| tried += session.handle_retry(now));
                // There may be very many.
                tokio::task::yield_now().await;
            }
        }
        tracing::info!(node = self.name, session, sessions, tried, "an operator has things tried again");
        self.audit_outcome(&asked, &format!("{tried} tried at once")).await;
        value(json!({ "sessions": sessions, "tried": tried }))
    }

    /// Ends a session.
    pub(super) async fn abort(&self, abort: &Abort, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        if self.named(&abort.session)?.is_empty()
            && let Some(finished) = self.finished_named(&abort.session).await?.into_iter().next()
        {
            return value(match finished.row.state {
                RowState::Finished { outcome: Err(reason) } => {
                    json!({ "outcome": "already_rolled_back", "reason": reason })
                }
                RowState::Finished { outcome: Ok(_) }
                | RowState::Active
                | RowState::Voted { .. }
                | RowState::Aborting { .. }
                | RowState::Committed { .. } => json!({ "outcome": "too_late", "states": ["finished"] }),
            });
        }
        let cells = self.live_parts(&abort.session).await?;
        let session = cells.first().map(|cell| cell.key.session);
        let asked = Asked { action: "abort", session, reason: &abort.reason, uid };
        self.audit_asked(&asked).await?;
        let answer = self.abort_cells(&cells, abort).await;
        let outcome = match &answer {
            Ok(answer) => answer.get("outcome").and_then(Value::as_str).unwrap_or_default(),
            Err(fault) => &fault.message,
        };
        self.audit_outcome(&asked, outcome).await;
        value(answer?)
    }

    async fn abort_cells(&self, cells: &[Arc<Cell<S>>], abort: &Abort) -> Result<Value, Fault> {
        let reason: Arc<str> = abort.reason.as_str().into();
        let mut passed_on = false;
        for cell in cells {
            // A cell that is dead does nothing with it.
            let mut answer = None;
            cell.step(|session, _| answer = Some((before(session), session.handle_cancel(Arc::clone(&reason)))));
            match answer {
                Some((Before::Aborting(reason), _)) => {
                    return Ok(json!({ "outcome": "already_aborting", "reason": reason }));
                }
                Some((Before::Open, Cancel::Aborts)) => {
                    durable(cell).await?;
                    let (session, id) = (cell.key.session, &cell.header.client_id);
                    tracing::warn!(%session, id = %quoted(id), node = self.name, reason = %quoted(&reason), "an operator has aborted the session");
                    return Ok(json!({ "outcome": "aborted", "session": session.to_string() }));
                }
                Some((Before::Open, Cancel::PassedOn)) => passed_on = true,
                Some((Before::Open, Cancel::TooLate)) => {}
                Some((Before::Open, Cancel::Doubtful)) => {
                    return Err(Fault::new(Kind::Busy, doubt_text(Doubt::Asking)));
                }
                Some((Before::Open, Cancel::Behind)) => {
                    return Err(Fault::new(Kind::NotStuck, doubt_text(Doubt::Behind)));
                }
                Some((Before::Open, Cancel::Forgotten)) => {
                    let message =
                        format!("nobody is left to ask: this role has voted, and {}", doubt_text(Doubt::Forgotten));
                    return Err(Fault::new(Kind::NotStuck, message));
                }
                None => {
                    let message = "the store failed just now; see by `inspect` how the session is, and ask again";
                    return Err(Fault::new(Kind::Unavailable, message));
                }
            }
        }
        let outcome = if passed_on { "passed_on" } else { "too_late" };
        let states: Vec<_> = cells.iter().map(|cell| cell.look(|session| state_name(session.state()))).collect();
        Ok(json!({ "outcome": outcome, "states": states }))
    }

    /// Takes a compensation that fails for done.
    pub(super) async fn settle(&self, settle: &Settle, uid: Option<u32>) -> Result<Box<RawValue>, Fault> {
        let mut cells = self.live_parts(&settle.session).await?;
        let role = |cell: &Arc<Cell<S>>| cell.role.definition().participant_name(&cell.header, cell.key.role);
        cells.retain(|cell| settle.role.as_deref().is_none_or(|wanted| role(cell) == wanted));
        let stuck = |cell: Arc<Cell<S>>| Some((cell.look(Session::stuck_compensation)?, cell));
        let mut stuck: Vec<_> = cells.into_iter().filter_map(stuck).collect();
        if stuck.len() > 1 {
            let roles: Vec<_> = stuck.iter().map(|(_, cell)| role(cell)).collect();
            let message = format!("compensations fail at {}; say by `role` which one is meant", roles.join(", "));
            return Err(Fault::new(Kind::Ambiguous, message));
        }
        let Some((Trying { operation, arguments, position, failure, .. }, cell)) = stuck.pop() else {
            let message = format!(
                "no compensation of `{}` fails at node `{}`; only one that fails can be settled by hand",
                settle.session, self.name
            );
            return Err(Fault::new(Kind::NotStuck, message));
        };
        let asked = Asked { action: "settle", session: Some(cell.key.session), reason: &settle.reason, uid };
        self.audit_asked(&asked).await?;
        if !cell.step_within(None, |session, _| session.handle_undone_by_hand(position)) {
            let message =
                format!("the compensation of `{operation}` is being tried right now; look again, and ask again");
            self.audit_outcome(&asked, "busy").await;
            return Err(Fault::new(Kind::Busy, message));
        }
        durable(&cell).await?;
        let done = format!("{operation} of {} counts as undone", role(&cell));
        self.audit_outcome(&asked, &done).await;
        tracing::warn!(
            session = %cell.key.session,
            id = %quoted(&cell.header.client_id),
            node = self.name,
            role = role(&cell),
            %operation,
            arguments = %quoted(&arguments),
            %position,
            failure = failure.as_deref().map(|failure| quoted(failure).to_string()),
            reason = %quoted(&settle.reason),
            "an operator has undone this by hand; it counts as undone from now on"
        );
        value(Settled {
            operation: operation.to_string(),
            arguments: Shown::new(&arguments),
            role: role(&cell),
            position: position.to_string(),
        })
    }

    /// The parts of the session; an error where there are none.
    async fn existing(&self, name: &str) -> Result<Vec<Part<S>>, Fault> {
        let parts = self.named(name)?;
        if !parts.is_empty() {
            return Ok(parts);
        }
        let finished = self.finished_named(name).await?.into_iter().next();
        Err(match finished.and_then(|finished| outcome(&finished.row.state)) {
            None => self.unknown(name),
            Some(outcome) => {
                let message =
                    format!("`{name}` is finished ({}): nothing of it is left to do", outcome.replace('_', " "));
                Fault::new(Kind::UnknownSession, message)
            }
        })
    }

    /// Those with which something can be done; an error where there are none.
    pub(super) async fn live_parts(&self, name: &str) -> Result<Vec<Arc<Cell<S>>>, Fault> {
        let mut cells = Vec::new();
        let mut why =
            Fault::new(Kind::Busy, "the session is being read from the store, which may be failing; ask again");
        for part in self.existing(name).await? {
            match part {
                Part::Live(cell) => cells.push(cell),
                Part::Reading(_) => {}
                Part::Undeployed { header, .. } => why = Fault::new(Kind::Unavailable, self.not_deployed(&header)),
            }
        }
        if cells.is_empty() { Err(why) } else { Ok(cells) }
    }
}

/// What counts as undone from now on.
#[derive(Serialize)]
struct Settled {
    operation: String,
    arguments: Shown,
    role: String,
    position: String,
}

/// Waits until all that the session has asked to be written is durable.
pub(super) async fn durable<S: Store>(cell: &Cell<S>) -> Result<(), Fault> {
    let last = cell.look(Session::last_write);
    let deadline = Instant::now() + DURABLE_WITHIN;
    while cell.look(Session::durable) < last {
        if cell.is_dead() {
            let message =
                "the store failed before this was durable; see by `inspect` how the session is, and ask again";
            return Err(Fault::new(Kind::Unavailable, message));
        }
        if Instant::now() > deadline {
            let message = format!("asked for, but not durable after {} s; look again", DURABLE_WITHIN.as_secs());
            return Err(Fault::new(Kind::Busy, message));
        }
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
