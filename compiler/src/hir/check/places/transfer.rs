//! Communication: who sends, and to whom.

use super::{Placer, Transfer};
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Choreography, ExprId, ExprKind, LocalId, Place, Player, RoleId, RoleKind, place};
use crate::lir::To;
use crate::span::Span;

/// A variable's value at those whom it was sent to.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// What it is called there; nothing where nobody takes it.
    pub name: Option<LocalId>,
    /// Who holds it.
    pub place: Place,
    /// The communication.
    pub span: Span,
}

impl Placer<'_> {
    pub(super) fn communicate(
        &mut self,
        expr: ExprId,
        value: ExprId,
        from: Option<(RoleId, Span)>,
        to: &[(RoleId, Span)],
    ) -> Place {
        let held = match from {
            Some((role, _)) => {
                self.pick(value, role, self.body[expr].span);
                match self.places.expr(value) {
                    // What has no place is sent by whoever is named: that is how the message orders two roles.
                    Place::Everywhere => Place::at(role),
                    held => held.clone(),
                }
            }
            None => self.walk(value),
        };
        let result = Place::Roles(to.iter().map(|(role, _)| *role).collect());
        if self.own_outside(value) {
            return result;
        }
        let is_needed = self.receivers(to).iter().any(|player| !held.is_held_by(player));
        let Place::Roles(roles) = &held else {
            return result;
        };
        if roles.is_empty()
            && let Some((role, span)) = to.first()
        {
            self.need(value, *role, *span);
        }
        if !is_needed && !roles.is_empty() {
            self.nothing_sent(expr, value, from.is_none(), to);
        }
        if !is_needed || roles.is_empty() {
            return result;
        }
        let group = |role: &RoleId| self.choreography.is_group(*role);
        let sender = match (from, roles.first()) {
            (Some((role, _)), _) => role,
            (None, Some(only)) if roles.len() == 1 && !group(only) => *only,
            (None, first) => match self.members_with(&held)[..] {
                // What all members hold is sent by the one whose copy of the block this is.
                [member] if roles.iter().all(group) => member,
                ref members => {
                    self.ambiguous_sender(expr, value, &held, members.last().copied());
                    first.copied().unwrap_or(RoleId(0))
                }
            },
        };
        self.transfer(expr, sender, to, &held);
        result
    }

    /// The members in whose blocks this stands that hold what lives at `held`, outermost first.
    fn members_with(&self, held: &Place) -> Vec<RoleId> {
        let holds = |member: &RoleId| self.choreography.holds(held, *member);
        self.places.members.iter().copied().filter(holds).collect()
    }

    fn ambiguous_sender(&mut self, expr: ExprId, value: ExprId, held: &Place, member: Option<RoleId>) {
        let Place::Roles(roles) = held else { return };
        let name = |role: RoleId| self.choreography.role_name(role).to_owned();
        let senders = roles.iter().copied().map(name).collect();
        let is_group = roles.iter().all(|role| self.choreography.is_group(*role));
        let group = is_group.then(|| member.map(name));
        let (span, whole) = (self.body[value].span, self.body[expr].span);
        let is_whole = is_postfix(&self.body[value].kind);
        self.diagnostics.push(Meaning::AmbiguousSender { senders, group, is_whole, span, whole }.into());
    }

    fn nothing_sent(&mut self, expr: ExprId, value: ExprId, is_plain: bool, to: &[(RoleId, Span)]) {
        let (whole, sent) = (&self.body[expr], &self.body[value]);
        let to = to.iter().map(|(role, _)| self.choreography.role_name(*role).to_owned()).collect();
        let sending = Span { start: sent.span.end, ..whole.span };
        let is_removable = is_plain && matches!(whole.kind, ExprKind::Communicate { within: None, .. });
        let value = match &sent.kind {
            ExprKind::Local(local) => Some(self.body[*local].name.clone()),
            _ => None,
        };
        let (sending, span) = (is_removable.then_some(sending), whole.span);
        self.diagnostics.push(Meaning::NothingSent { value, to, sending, span }.into());
    }

    /// Remembers that a variable was sent, and what it is called where it arrives.
    pub(super) fn arrive(&mut self, expr: ExprId, name: Option<LocalId>) {
        let (ExprKind::Communicate { value, within: None, .. }, span) = (&self.body[expr].kind, self.body[expr].span)
        else {
            return;
        };
        let ExprKind::Local(sent) = self.body[*value].kind else { return };
        let place = self.places.expr(expr).clone();
        self.places.arrivals.entry(sent).or_default().push(Arrival { name, place, span });
        self.places.sources.extend(name.map(|name| (name, sent)));
        self.arrived.push(sent);
    }

    /// Forgets what was sent in a block that ends, where as many had been sent before it.
    pub(super) fn leave(&mut self, outside: usize) {
        for sent in self.arrived.drain(outside..) {
            self.places.arrivals.get_mut(&sent).map(Vec::pop);
        }
    }

    /// A message to all of `to` that do not hold what it says.
    pub(super) fn transfer(&mut self, expr: ExprId, from: RoleId, to: &[(RoleId, Span)], held: &Place) {
        let players = self.receivers(to).into_iter().filter(|player| !held.is_held_by(player));
        let to = players.map(|player| {
            let to = recipient(self.choreography, &player, &self.places.members);
            (player, to)
        });
        let to = to.collect();
        self.places.transfers.insert(expr, Transfer { from, to });
    }

    /// All who play a role that is sent to.
    fn receivers(&self, to: &[(RoleId, Span)]) -> Vec<Player> {
        let roles = to.iter().map(|(role, _)| *role).collect();
        place::playing(&self.choreography.roles, &self.places.members, &roles)
    }
}

/// Whether `@Role` written behind an expression is about all of it, whatever it is made of.
fn is_postfix(kind: &ExprKind) -> bool {
    matches!(
        kind,
        ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Construct { .. }
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Index(..)
            | ExprKind::Apply(..)
            | ExprKind::Operation { .. }
            | ExprKind::Call(_)
    )
}

/// Whom a message goes to that one who plays these parts is to receive, and nobody else.
pub fn recipient(choreography: &Choreography, player: &Player, members: &[RoleId]) -> To {
    let others = members.iter().copied().filter(|member| !player.members.contains(member));
    let except = others.filter(|member| choreography.overlap(*member, player.base)).collect();
    let mut own = player.members.iter().copied();
    let role = match choreography.kind(player.base) {
        RoleKind::Group => own.next().unwrap_or(player.base),
        RoleKind::Single | RoleKind::Member(_) => player.base,
    };
    To { role, also: own.collect(), except }
}
