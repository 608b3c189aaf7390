//! Clients of a run that ask to end a session, until they are answered.

use std::sync::Arc;

use accompanist_core::SessionId;

use super::client::{Waiting, impatience, pause};
use super::faults::Fault;
use super::node::{SimNode, Simulated};
use super::trace::Noted;
use crate::error::Error;
use crate::node::Cancelled;

impl<S: Simulated> SimNode<S> {
    /// Asks to end the session of `choreography` that started here with the id `id`, as a client does that asks until it is answered; see
    /// [`Node::cancel`](crate::Node::cancel). What it is told must be what everybody else is.
    ///
    /// # Errors
    /// What a client does wrong, as [`Node::cancel`](crate::Node::cancel) reports it.
    pub async fn cancel(&self, choreography: &str, id: &str, reason: &str) -> Result<Cancelled, Error> {
        let world = Arc::clone(&self.typed.world);
        let _waiting = Waiting::new(&world);
        loop {
            let acknowledged = self.acknowledged(choreography, id);
            let answer = match self.typed.up() {
                None => None,
                Some((node, life)) => tokio::select! {
                    biased;
                    () = life.ended() => None,
                    () = impatience(&world) => None,
                    answer = async move { node.cancel(choreography, id, reason).await } => Some(answer),
                },
            };
            match answer {
                Some(Err(error)) if error.is_unavailable() || error.is_not_accepted() => {}
                Some(Ok(cancelled)) => {
                    self.cancelled(id, acknowledged.or_else(|| self.acknowledged(choreography, id)), &cancelled);
                    if acknowledged.is_some() && cancelled == Cancelled::Unknown {
                        self.lost(acknowledged);
                    }
                    return Ok(cancelled);
                }
                Some(Err(error)) => return Err(error),
                None => {}
            }
            pause(&world).await;
        }
    }

    fn acknowledged(&self, choreography: &str, id: &str) -> Option<SessionId> {
        self.typed.world.with(|state| {
            let mut ids = state.ledger.ids.iter();
            let is_it = |(node, of, known): &(usize, &str, String)| {
                (*node, *of, known.as_str()) == (self.typed.index, choreography, id)
            };
            ids.find_map(|(key, session)| is_it(key).then_some(*session))
        })
    }

    /// The client is told what came of its request.
    fn cancelled(&self, id: &str, session: Option<SessionId>, cancelled: &Cancelled) {
        let world = &self.typed.world;
        let (what, committed) = match cancelled {
            Cancelled::Aborted { reason } => (format!("cancelled: {reason}"), Some(false)),
            Cancelled::TooLate => ("too late to cancel".to_owned(), Some(true)),
            Cancelled::Unknown => ("nothing to cancel".to_owned(), None),
        };
        let now = world.now();
        world.with(|state| {
            state.trace.note(now, Noted::Told { node: self.typed.index, id: id.to_owned(), what });
        });
        if let (Some(session), Some(committed)) = (session, committed) {
            let kept = world.with(|state| state.ledger.answer(session, committed));
            kept.unwrap_or_else(|what| world.fail(what, Some(session)));
        }
    }

    /// A session that was acknowledged is known until it is forgotten, which a clock that jumps may bring about.
    fn lost(&self, session: Option<SessionId>) {
        let world = &self.typed.world;
        if world.with(|state| state.counts.get(Fault::ClockJump)) == 0 {
            world.fail("it was acknowledged, and cannot be cancelled, for it is unknown".to_owned(), session);
        }
    }
}
