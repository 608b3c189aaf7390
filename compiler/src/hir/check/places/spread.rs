//! Values whose parts may live at different places: what is taken apart at once, and where its parts go.

use super::super::misplaced;
use super::Placer;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{InPlace, Lives, Meaning};
use crate::hir::{At, Demand, ExprId, ExprKind, Pattern, PatternKind, Place, Placed, Spread, Ty};
use crate::span::Span;

impl Placer<'_> {
    /// Remembers how far a value is taken apart, before it is placed.
    pub(super) fn demand(&mut self, expr: ExprId, demand: Demand) {
        let (body, expr) = (self.body, self.tail(expr));
        let is_tuple = matches!(&body[expr].ty, Ty::Tuple(items) if !items.is_empty());
        if !is_tuple || matches!(demand, Demand::Whole) {
            return;
        }
        match &body[expr].kind {
            ExprKind::Tuple(items) | ExprKind::Par(items) => {
                for (item, demand) in items.iter().zip(demand.parts(items.len())) {
                    self.demand(*item, demand);
                }
            }
            ExprKind::If(_, then, otherwise) => {
                self.demand(*then, demand.clone());
                self.demand(*otherwise, demand.clone());
            }
            ExprKind::Match(_, arms) => arms.iter().for_each(|(_, arm)| self.demand(*arm, demand.clone())),
            ExprKind::Saga(saga) => {
                self.demand(saga.body, demand.clone());
                self.demand(saga.otherwise, demand.clone());
            }
            ExprKind::TupleField(value, index) => {
                self.demand(*value, Demand::field(&body[*value].ty, *index, demand.clone()));
            }
            ExprKind::Call(_) => {}
            _ => return,
        }
        self.taken_apart.insert(expr, demand);
    }

    /// Where a value that has been placed lives, part by part.
    pub(super) fn spread(&self, expr: ExprId) -> Spread {
        let tail = self.tail(expr);
        let whole = || Spread::Whole(self.places.expr(tail).clone(), misplaced::lost(self.body, &self.places, tail));
        self.places.spreads.get(&tail).cloned().unwrap_or_else(whole)
    }

    /// Keeps where the parts of a value live, and gives where the whole does.
    pub(super) fn set_spread(&mut self, expr: ExprId, spread: Spread) -> Place {
        let place = spread.place(&self.choreography.roles);
        self.places.spreads.insert(expr, spread);
        place
    }

    /// The parts of a tuple that is taken apart.
    pub(super) fn walk_parts(&mut self, expr: ExprId, items: &[ExprId]) -> Place {
        let part = |item: &ExprId| {
            self.walk(*item);
            self.spread(*item)
        };
        let parts = items.iter().map(part).collect();
        self.set_spread(expr, Spread::Parts(parts))
    }

    /// Reports a value whose parts live at different places and that is not taken apart.
    pub(super) fn in_one_place(&mut self, expr: ExprId, place: Place) -> Place {
        if place.is_nowhere() && !self.taken_apart.contains_key(&expr) {
            self.diagnostics.push(Grouping::PartsApart { span: self.body[expr].span }.into());
            self.places.spreads.remove(&expr);
            return Place::Error;
        }
        place
    }

    pub(super) fn tuple_field(&mut self, expr: ExprId, value: ExprId, index: u32) -> Place {
        if !self.taken_apart.contains_key(&expr) {
            self.demand(value, Demand::field(&self.body[value].ty, index, Demand::Whole));
        }
        let place = self.walk(value);
        match self.spread(value).field(index) {
            Spread::Whole(part, _) if self.places.spreads.contains_key(&self.tail(value)) => part,
            part @ Spread::Parts(_) => {
                let place = self.set_spread(expr, part);
                self.in_one_place(expr, place)
            }
            Spread::Whole(..) | Spread::Unused => place,
        }
    }

    pub(super) fn let_(&mut self, pattern: &Pattern, annotation: Option<&At>, value: ExprId) {
        self.demand(value, Demand::of(pattern));
        self.walk(value);
        if let PatternKind::Bind(local) = &pattern.kind {
            self.arrive(value, Some(*local));
        }
        let spread = self.spread(value);
        let Some(at) = annotation else {
            self.bind_spread(pattern, &spread);
            return;
        };
        let span = at.roles.first().map_or(self.body[value].span, |(_, span)| *span);
        let place = at.place();
        self.need_at(value, &place, span);
        self.bind_spread(pattern, &Spread::Whole(place, misplaced::lost(self.body, &self.places, value)));
    }

    /// Places the variables of a pattern.
    fn bind_spread(&mut self, pattern: &Pattern, spread: &Spread) {
        if let (PatternKind::Tuple(items), Spread::Parts(parts)) = (&pattern.kind, spread) {
            for (item, part) in items.iter().zip(parts) {
                self.bind_spread(item, part);
            }
            return;
        }
        self.bind(pattern, &spread.place(&self.choreography.roles));
        if let Spread::Whole(_, Some(lost)) = spread {
            for local in pattern.bindings() {
                self.places.lost_locals.insert(local, lost.clone());
            }
        }
    }

    /// Whether a choreography's result lives where it is to.
    pub(super) fn check_result(&mut self, expr: ExprId, placed: &Placed) {
        let (body, tail) = (self.body, self.tail(expr));
        match placed {
            Placed::At(ty, at, span) if !ty.is_unit() => self.need_at(tail, &at.place(), *span),
            Placed::At(..) => {}
            Placed::Tuple(items, span) => match (&body[tail].kind, self.places.spreads.get(&tail).cloned()) {
                (ExprKind::Tuple(parts) | ExprKind::Par(parts), Some(_)) => {
                    for (part, item) in parts.iter().zip(items) {
                        self.check_result(*part, item);
                    }
                }
                (_, Some(spread)) => {
                    for (index, item) in (0..).zip(items) {
                        self.check_part(tail, &spread.field(index), item, *span);
                    }
                }
                (_, None) => items.iter().for_each(|item| self.check_result(tail, item)),
            },
        }
    }

    /// Whether a part of a value lives where the result says.
    fn check_part(&mut self, value: ExprId, part: &Spread, wanted: &Placed, span: Span) {
        let (ty, at) = match wanted {
            Placed::At(ty, at, _) => (ty, at),
            Placed::Tuple(items, span) => {
                for (index, item) in (0..).zip(items) {
                    self.check_part(value, &part.field(index), item, *span);
                }
                return;
            }
        };
        let choreography = self.choreography;
        let (wanted, place) = (at.place(), part.place(&choreography.roles));
        let missing = match (&wanted, &place) {
            (Place::Each(group), Place::Each(other)) if group == other => None,
            (Place::Roles(roles) | Place::Each(roles), place) => {
                roles.iter().copied().find(|role| !choreography.holds(place, *role))
            }
            (Place::Everywhere | Place::Error, _) => None,
        };
        let Some(role) = missing.filter(|_| !ty.is_unit() && self.body[value].ty != Ty::Never) else {
            return;
        };
        let problem = match part {
            Spread::Whole(_, Some(lost)) if lost.has(choreography, role) => {
                let name = choreography.role_name(role).to_owned();
                misplaced::choice_unknown(choreography, &self.places, value, lost, name)
            }
            Spread::Whole(..) | Spread::Parts(_) | Spread::Unused => {
                let names = |roles: &crate::hir::RoleSet| {
                    roles.iter().map(|role| choreography.role_name(*role).to_owned()).collect()
                };
                let roles = match &place {
                    Place::Roles(roles) | Place::Each(roles) => names(roles),
                    Place::Everywhere | Place::Error => Vec::new(),
                };
                let (role, value) = (choreography.role_name(role).to_owned(), self.body[value].span);
                let parts = vec![Lives { value: None, span: value, roles, instead: None, in_place: InPlace::Never }];
                Meaning::NotHere { role, span: value, by: span, parts }.into()
            }
        };
        self.diagnostics.push(problem);
    }
}
