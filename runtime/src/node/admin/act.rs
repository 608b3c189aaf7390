//! What an operator does to sessions: try again, abort, settle by hand.

use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{Cancel, Session, Trying};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::find::Part;
use super::inspect::Shown;
use super::list::state_name;
use super::request::{Abort, Settle};
use super::{Fault, Kind};
use crate::node::Shared;
use crate::node::cell::Cell;
use crate::store::Store;

/// How long an answer waits for what it says to be durable.
const DURABLE_WITHIN: Duration = Duration::from_secs(10);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(2);

impl<S: Store> Shared<S> {
    /// Tries again now what fails of `session`, or of all of them, and sends again what nobody has answered.
    pub(super) async fn retry(&self, session: Option<&str>) -> Result<Value, Fault> {
        let parts = match session {
            Some(name) => self.existing(name)?,
            None => self.parts(),
        };
        let (mut sessions, mut tried) = (0, 0);
        for part in parts {
            if let Part::Live(cell) = part {
                sessions += 1;
                cell.step(|session, now| tried += session.handle_retry(now));
                // There may be very many.
                tokio::task::yield_now().await;
            }
        }
        tracing::info!(node = self.name, session, sessions, tried, "an operator has things tried again");
        Ok(json!({ "sessions": sessions, "tried": tried }))
    }

    /// Ends a session.
    pub(super) async fn abort(&self, abort: &Abort) -> Result<Value, Fault> {
        let cells = self.live_parts(&abort.session)?;
        let reason: Arc<str> = abort.reason.as_str().into();
        let mut passed_on = false;
        for cell in &cells {
            // A cell that is dead does nothing with it.
            let mut answer = None;
            cell.step(|session, _| answer = Some(session.handle_cancel(Arc::clone(&reason))));
            match answer {
                Some(Cancel::Aborts) => {
                    durable(cell).await?;
                    let (session, id) = (cell.key.session, &cell.header.client_id);
                    tracing::warn!(%session, id, node = self.name, %reason, "an operator has aborted the session");
                    return Ok(json!({ "outcome": "aborted", "session": session.to_string() }));
                }
                Some(Cancel::PassedOn) => passed_on = true,
                Some(Cancel::TooLate) => {}
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
    pub(super) async fn settle(&self, settle: &Settle) -> Result<Value, Fault> {
        let mut cells = self.live_parts(&settle.session)?;
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
        if !cell.step_within(None, |session, _| session.handle_undone_by_hand(position)) {
            let message =
                format!("the compensation of `{operation}` is being tried right now; look again, and ask again");
            return Err(Fault::new(Kind::Busy, message));
        }
        durable(&cell).await?;
        tracing::warn!(
            session = %cell.key.session,
            id = cell.header.client_id,
            node = self.name,
            role = role(&cell),
            %operation,
            %arguments,
            %position,
            failure = failure.as_deref(),
            reason = settle.reason,
            "an operator has undone this by hand; it counts as undone from now on"
        );
        let arguments = Shown::new(&arguments);
        Ok(
            json!({ "operation": operation, "arguments": arguments, "role": role(&cell), "position": position.to_string() }),
        )
    }

    /// The parts of the session; an error where there are none.
    fn existing(&self, name: &str) -> Result<Vec<Part<S>>, Fault> {
        let parts = self.named(name)?;
        if parts.is_empty() { Err(self.unknown(name)) } else { Ok(parts) }
    }

    /// Those with which something can be done; an error where there are none.
    fn live_parts(&self, name: &str) -> Result<Vec<Arc<Cell<S>>>, Fault> {
        let mut cells = Vec::new();
        let mut why =
            Fault::new(Kind::Busy, "the session is being read from the store, which may be failing; ask again");
        for part in self.existing(name)? {
            match part {
                Part::Live(cell) => cells.push(cell),
                Part::Reading(_) => {}
                Part::Undeployed { header, .. } => why = Fault::new(Kind::Unavailable, self.not_deployed(&header)),
            }
        }
        if cells.is_empty() { Err(why) } else { Ok(cells) }
    }
}

/// Waits until all that the session has asked to be written is durable.
async fn durable<S: Store>(cell: &Cell<S>) -> Result<(), Fault> {
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
