//! Communication: who is sent what. A message from one who has stopped never comes, and who waits for it stops too.

use super::Participant;
use super::held::Held;
use super::run::{Frame, Interpreter, Step};
use super::value::Value;
use crate::hir::{ExprId, Place, RoleId};
use crate::lir::To;

impl<'a> Interpreter<'a> {
    fn send(&mut self, from: Participant, to: impl IntoIterator<Item = Participant>) {
        for receiver in to {
            if self.stopped.contains(&from) {
                self.stopped.insert(receiver);
            } else {
                self.messages += 1;
            }
        }
    }

    /// `value@from ~> to within millis`
    pub(super) fn communicate(
        &mut self,
        frame: &mut Frame<'a>,
        value: ExprId,
        from: Option<RoleId>,
        to: Vec<RoleId>,
        within: Option<u64>,
    ) -> Step<Held> {
        let mut held = self.expr(frame, value)?;
        let place = match from {
            // Of what each member has, the sender's is sent.
            Some(role) => {
                let is_own = matches!(frame.places.expr(value), Place::Roles(roles) if roles.len() == 1 && roles.contains(&role));
                let is_each = matches!(held, Held::Each(_) | Held::Parts(_));
                held = self.pick(frame, value, held, role);
                let has_no_place = *frame.places.expr(value) == Place::Everywhere;
                if is_own || is_each || has_no_place { Place::at(role) } else { frame.places.expr(value).clone() }
            }
            None => frame.places.expr(value).clone(),
        };
        let holders = self.holders(frame, &place);
        let sender = from.and_then(|role| self.players(frame, role).first().copied()).or(holders.first().copied());
        let receivers = self.players_of(frame, to);
        let lacking: Vec<Participant> =
            receivers.into_iter().filter(|receiver| !holders.contains(receiver) && Some(*receiver) != sender).collect();
        let Some(sender) = sender else { return Ok(held) };
        let Some(millis) = within else {
            self.send(sender, lacking);
            return Ok(held);
        };
        let late = lacking.first().is_some_and(|receiver| !self.services.in_time(*receiver, millis));
        if late {
            // Whether it is sent or not, nobody waits for it.
            self.messages += u64::from(!self.stopped.contains(&sender));
            return Ok(Held::One(Value::option(None)));
        }
        self.send(sender, lacking);
        Ok(Held::One(Value::option(Some(held.one()))))
    }

    /// `from ~> to`
    pub(super) fn message(&mut self, frame: &Frame<'a>, from: RoleId, to: Vec<RoleId>) {
        let Some(sender) = self.players(frame, from).first().copied() else { return };
        let receivers = self.players_of(frame, to);
        self.send(sender, receivers.into_iter().filter(|receiver| *receiver != sender));
    }

    /// The selections that the compiler puts at the head of a branch.
    pub(super) fn select(&mut self, frame: &Frame<'a>, choice: ExprId, branch: usize) {
        let Some(selections) = frame.selections.get(&(choice, branch)) else { return };
        for (from, to) in selections {
            if let Some(sender) = self.players(frame, *from).first().copied() {
                let receivers = self.recipients(frame, to);
                self.send(sender, receivers.into_iter().filter(|receiver| *receiver != sender));
            }
        }
    }

    fn recipients(&self, frame: &Frame<'a>, to: &To) -> Vec<Participant> {
        let plays = |role: &RoleId, participant: &Participant| self.players(frame, *role).contains(participant);
        let all = self.players(frame, to.role).into_iter();
        all.filter(|participant| {
            to.also.iter().all(|role| plays(role, participant))
                && !to.except.iter().any(|role| plays(role, participant))
        })
        .collect()
    }
}
