//! Every value lives where all that it is made of lives, and is used only there.

use std::collections::BTreeMap;

use super::misplaced;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{
    Body, Choreography, ExprId, ExprKind, LocalId, Pattern, Place, Placed, RoleId, RoleSet, Stmt, StmtKind, Ty,
};
use crate::span::Span;

/// Who knows which branch of a choice was taken, once it is over.
pub trait Knowledge {
    /// The roles that know of the choice `choice`, whose parts have been placed.
    fn known(&mut self, places: &Places, choice: ExprId, diagnostics: &mut Diagnostics) -> Place;
}

/// A communication: who sends, and who is sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The sender.
    pub from: RoleId,
    /// The receivers that do not hold the value already.
    pub to: Vec<RoleId>,
}

/// Roles that would hold the value of a choice if they knew which branch was taken.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The roles.
    pub roles: RoleSet,
    /// The choice.
    pub choice: ExprId,
}

/// Where the values of a body live.
#[derive(Clone, Debug, Default)]
pub struct Places {
    exprs: Vec<Place>,
    locals: Vec<Place>,
    /// The communications in which a message is sent.
    pub transfers: BTreeMap<ExprId, Transfer>,
    /// Who checks a `require`, by its condition.
    pub requires: BTreeMap<ExprId, Place>,
    /// The tuple that is the choreography's result and whose parts live at different places.
    pub split: BTreeMap<ExprId, Placed>,
    /// Values of choices that some roles lack only because they do not know the choice.
    pub lost: BTreeMap<ExprId, Lost>,
    /// The same for the variables bound to them.
    pub lost_locals: BTreeMap<LocalId, Lost>,
}

impl Places {
    /// Where an expression lives.
    pub fn expr(&self, id: ExprId) -> &Place {
        self.exprs.get(id.0 as usize).unwrap_or(&Place::Error)
    }

    /// Where a variable lives.
    pub fn local(&self, id: LocalId) -> &Place {
        self.locals.get(id.0 as usize).unwrap_or(&Place::Error)
    }
}

/// Places every value, and reports those used where they do not live.
pub fn place(choreography: &Choreography, knowledge: &mut dyn Knowledge, diagnostics: &mut Diagnostics) -> Places {
    let body = &choreography.body;
    let places = Places {
        exprs: vec![Place::Error; body.exprs.len()],
        locals: vec![Place::Error; body.locals.len()],
        ..Places::default()
    };
    let mut placer = Placer { choreography, body, places, knowledge, diagnostics };
    for param in &choreography.params {
        // Without a role only where the one that is written is unknown.
        if !param.roles.is_empty() {
            let roles = param.roles.iter().map(|(role, _)| *role).collect();
            placer.set_local(param.local, Place::Roles(roles));
        }
    }
    placer.mark_split(choreography.root, &choreography.result);
    placer.walk(choreography.root);
    placer.check_result(choreography.root, &choreography.result);
    placer.places
}

struct Placer<'a> {
    choreography: &'a Choreography,
    body: &'a Body,
    places: Places,
    knowledge: &'a mut dyn Knowledge,
    diagnostics: &'a mut Diagnostics,
}

impl Placer<'_> {
    fn set_local(&mut self, local: LocalId, place: Place) {
        if let Some(slot) = self.places.locals.get_mut(local.0 as usize) {
            *slot = place;
        }
    }

    /// Remembers the tuple that gives a result its parts, if a tuple is written there.
    fn mark_split(&mut self, expr: ExprId, placed: &Placed) {
        let (expr, Placed::Tuple(items, _)) = (self.tail(expr), placed) else {
            return;
        };
        if let ExprKind::Tuple(parts) = &self.body[expr].kind
            && parts.len() == items.len()
        {
            self.places.split.insert(expr, placed.clone());
            for (part, item) in parts.iter().zip(items) {
                self.mark_split(*part, item);
            }
        }
    }

    fn tail(&self, mut expr: ExprId) -> ExprId {
        while let ExprKind::Block(_, Some(tail)) = &self.body[expr].kind {
            expr = *tail;
        }
        expr
    }

    fn check_result(&mut self, expr: ExprId, placed: &Placed) {
        let tail = self.tail(expr);
        match placed {
            Placed::At(ty, roles, span) if !ty.is_unit() => {
                for (role, _) in roles {
                    self.need(tail, *role, *span);
                }
            }
            Placed::At(..) => {}
            Placed::Tuple(items, _) => match &self.body[tail].kind {
                ExprKind::Tuple(parts) if self.places.split.contains_key(&tail) => {
                    for (part, item) in parts.iter().zip(items) {
                        self.check_result(*part, item);
                    }
                }
                _ => items.iter().for_each(|item| self.check_result(tail, item)),
            },
        }
    }

    /// Reports a value that is needed at a role where it does not live. `by` is what needs it.
    fn need(&mut self, expr: ExprId, role: RoleId, by: Span) {
        if self.body[expr].ty == Ty::Never || self.places.expr(expr).holds(role) {
            return;
        }
        let problem = misplaced::needed(self.choreography, &self.places, expr, role, by);
        self.diagnostics.push(problem.into());
    }

    /// Places an expression and all its parts.
    fn walk(&mut self, expr: ExprId) -> Place {
        let place = self.place_of(expr);
        if let Some(slot) = self.places.exprs.get_mut(expr.0 as usize) {
            *slot = place.clone();
        }
        place
    }

    fn place_of(&mut self, expr: ExprId) -> Place {
        let body = self.body;
        match &body[expr].kind {
            ExprKind::Literal(_) => Place::Everywhere,
            ExprKind::Error => Place::Error,
            ExprKind::Local(local) => self.places.local(*local).clone(),
            ExprKind::Tuple(items) if self.places.split.contains_key(&expr) => {
                items.iter().for_each(|item| {
                    self.walk(*item);
                });
                Place::Everywhere
            }
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items) => self.meet(expr, items),
            ExprKind::Construct { fields, base, .. } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                self.meet(expr, &parts)
            }
            ExprKind::Field(value, _) | ExprKind::TupleField(value, _) | ExprKind::Unary(_, value) => self.walk(*value),
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => self.meet(expr, &[*one, *two]),
            ExprKind::Operation { role, args, .. } => {
                for arg in args {
                    self.walk(*arg);
                    self.need(*arg, *role, body[expr].span);
                }
                Place::at(*role)
            }
            ExprKind::At(value, role) => {
                self.walk(*value);
                self.need(*value, *role, body[expr].span);
                Place::at(*role)
            }
            ExprKind::Communicate { value, from, to } => self.communicate(expr, *value, *from, to),
            ExprKind::Message { from, to } => {
                let to = to.iter().map(|(role, _)| *role).collect();
                self.places.transfers.insert(expr, Transfer { from: *from, to });
                Place::Everywhere
            }
            ExprKind::Block(stmts, tail) => {
                stmts.iter().for_each(|stmt| self.stmt(stmt));
                tail.map_or(Place::Everywhere, |tail| self.walk(tail))
            }
            ExprKind::If(condition, then, otherwise) => self.choice(expr, *condition, &[], &[*then, *otherwise]),
            ExprKind::Match(scrutinee, arms) => {
                let (patterns, values): (Vec<&Pattern>, Vec<ExprId>) =
                    arms.iter().map(|(pattern, value)| (pattern, *value)).unzip();
                self.choice(expr, *scrutinee, &patterns, &values)
            }
        }
    }

    /// The roles that hold all parts, of which there must be one.
    fn meet(&mut self, expr: ExprId, parts: &[ExprId]) -> Place {
        let mut place = Place::Everywhere;
        for part in parts {
            place = place.intersect(&self.walk(*part));
        }
        if place.is_nowhere() {
            let problem = misplaced::apart(self.choreography, &self.places, self.body[expr].span, parts);
            self.diagnostics.push(problem.into());
            return Place::Error;
        }
        place
    }

    fn communicate(
        &mut self,
        expr: ExprId,
        value: ExprId,
        from: Option<(RoleId, Span)>,
        to: &[(RoleId, Span)],
    ) -> Place {
        let held = self.walk(value);
        let result = Place::Roles(to.iter().map(|(role, _)| *role).collect());
        let receivers: Vec<RoleId> = to.iter().map(|(role, _)| *role).filter(|role| !held.holds(*role)).collect();
        if let Some((role, _)) = from {
            self.need(value, role, self.body[expr].span);
        }
        let Place::Roles(held) = held else {
            return result;
        };
        let (Some(first), false) = (held.first(), receivers.is_empty()) else {
            if held.is_empty()
                && let Some((role, span)) = to.first()
            {
                self.need(value, *role, *span);
            }
            return result;
        };
        let sender = match from {
            Some((role, _)) => role,
            None => {
                if held.len() > 1 {
                    let senders = held.iter().map(|role| self.choreography.role_name(*role).to_owned()).collect();
                    let (span, whole) = (self.body[value].span, self.body[expr].span);
                    self.diagnostics.push(Meaning::AmbiguousSender { senders, span, whole }.into());
                }
                *first
            }
        };
        self.places.transfers.insert(expr, Transfer { from: sender, to: receivers });
        result
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, annotation, value) => {
                let mut place = self.walk(*value);
                if let Some(roles) = annotation {
                    for (role, span) in roles {
                        self.need(*value, *role, *span);
                    }
                    place = Place::Roles(roles.iter().map(|(role, _)| *role).collect());
                }
                self.bind(pattern, &place);
                if let Some(lost) = misplaced::lost(self.body, &self.places, *value) {
                    for local in pattern.bindings() {
                        self.places.lost_locals.insert(local, lost.clone());
                    }
                }
            }
            StmtKind::Require(condition, reason) => {
                let place = self.walk(*condition).intersect(&self.walk(*reason));
                if place.is_nowhere() {
                    let problem = misplaced::apart(self.choreography, &self.places, stmt.span, &[*condition, *reason]);
                    self.diagnostics.push(problem.into());
                }
                self.places.requires.insert(*condition, place);
            }
            StmtKind::Abort(role, reason) => {
                self.walk(*reason);
                self.need(*reason, *role, stmt.span);
            }
            StmtKind::Select(..) => {}
            StmtKind::Expr(expr) => {
                self.walk(*expr);
            }
        }
    }

    fn bind(&mut self, pattern: &Pattern, place: &Place) {
        for local in pattern.bindings() {
            self.set_local(local, place.clone());
        }
    }

    fn choice(&mut self, expr: ExprId, guard: ExprId, patterns: &[&Pattern], branches: &[ExprId]) -> Place {
        let errors = self.diagnostics.error_count();
        let guard_place = self.walk(guard);
        if guard_place.is_nowhere() {
            let problem = misplaced::apart(self.choreography, &self.places, self.body[guard].span, &[guard]);
            self.diagnostics.push(problem.into());
        }
        for pattern in patterns {
            self.bind(pattern, &guard_place);
        }
        let mut place = Place::Everywhere;
        for branch in branches {
            let branch_place = self.walk(*branch);
            if self.body[*branch].ty != Ty::Never {
                place = place.intersect(&branch_place);
            }
        }
        if self.diagnostics.error_count() > errors || guard_place == Place::Error {
            // What follows from a mistake is not told.
            return Place::Error;
        }
        let known = self.knowledge.known(&self.places, expr, self.diagnostics);
        if self.body[expr].ty.is_unit() || self.body[expr].ty == Ty::Never {
            return Place::Everywhere;
        }
        let result = place.intersect(&known);
        let everyone = || self.choreography.role_ids().collect();
        let branches: RoleSet = match &place {
            Place::Roles(roles) => roles.clone(),
            Place::Everywhere | Place::Error => everyone(),
        };
        let roles: RoleSet = branches.into_iter().filter(|role| !result.holds(*role)).collect();
        if !roles.is_empty() {
            self.places.lost.insert(expr, Lost { roles, choice: expr });
        }
        result
    }
}
