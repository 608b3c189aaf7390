//! Every value lives where all that it is made of lives, and is used only there.

mod choice;
mod construct;
mod mentions;
mod transfer;

pub use transfer::recipient;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::misplaced;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{
    At, Body, Choreography, ExprId, ExprKind, Hir, LocalId, Pattern, PatternKind, Place, Placed, Player, RoleId,
    RoleKind, RoleSet, Stmt, StmtKind, Ty, place,
};
use crate::lir::{Facts, To};
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
    pub to: Vec<(Player, To)>,
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
    /// Where the parts of a tuple live whose parts may live at different places.
    pub parts: BTreeMap<ExprId, Vec<Place>>,
    /// Who knows which branch of a choice was taken, once it is over; of a loop, those at its guard.
    pub known: BTreeMap<ExprId, Place>,
    /// What all can be where the walk is: one for each declared role, and for the members of groups around.
    pub everyone: Arc<[Player]>,
    /// Those of them that a choice is about, while it is found out who knows of it.
    pub players: Arc<[Player]>,
    /// Which roles each expression is about.
    mentions: Vec<mentions::Mentions>,
    /// The members whose blocks stand around.
    pub members: Vec<RoleId>,
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

    /// What is kept of it once the choreography is projected.
    pub fn into_facts(self) -> Facts {
        Facts { values: self.exprs, transfers: self.transfers, requires: self.requires }
    }
}

/// Places every value, and reports those used where they do not live.
pub fn place(
    hir: &Hir,
    choreography: &Choreography,
    knowledge: &mut dyn Knowledge,
    diagnostics: &mut Diagnostics,
) -> Places {
    let body = &choreography.body;
    let places = Places {
        exprs: vec![Place::Error; body.exprs.len()],
        locals: vec![Place::Error; body.locals.len()],
        everyone: choreography.role_ids().map(Player::new).collect(),
        mentions: vec![mentions::Mentions::default(); body.exprs.len()],
        ..Places::default()
    };
    let taken_apart = BTreeSet::new();
    let mut placer = Placer { hir, choreography, body, places, knowledge, diagnostics, taken_apart };
    for param in &choreography.params {
        placer.set_local(param.local, param.at.place());
    }
    placer.mark_split(choreography.root, &choreography.result);
    placer.walk(choreography.root);
    placer.check_result(choreography.root, &choreography.result);
    placer.places
}

struct Placer<'a> {
    hir: &'a Hir,
    choreography: &'a Choreography,
    body: &'a Body,
    places: Places,
    knowledge: &'a mut dyn Knowledge,
    diagnostics: &'a mut Diagnostics,
    /// Tuples whose parts may live at different places, for they are taken apart at once or not used.
    taken_apart: BTreeSet<ExprId>,
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
        match &self.body[expr].kind {
            ExprKind::Tuple(parts) | ExprKind::Par(parts) if parts.len() == items.len() => {
                self.places.split.insert(expr, placed.clone());
                self.taken_apart.insert(expr);
                for (part, item) in parts.iter().zip(items) {
                    self.mark_split(*part, item);
                }
            }
            ExprKind::Call(_) => {
                self.places.split.insert(expr, placed.clone());
                self.taken_apart.insert(expr);
            }
            _ => {}
        }
    }

    /// The tuple that an expression ends in is taken apart, or not used at all.
    fn take_apart(&mut self, expr: ExprId) -> ExprId {
        let tail = self.tail(expr);
        self.taken_apart.insert(tail);
        tail
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
            Placed::At(ty, at, span) if !ty.is_unit() => self.need_at(tail, &at.place(), *span),
            Placed::At(..) => {}
            Placed::Tuple(items, span) => match &self.body[tail].kind {
                ExprKind::Tuple(parts) | ExprKind::Par(parts) if self.places.split.contains_key(&tail) => {
                    for (part, item) in parts.iter().zip(items) {
                        self.check_result(*part, item);
                    }
                }
                ExprKind::Call(_) => {
                    let parts = self.places.parts.get(&tail).cloned().unwrap_or_default();
                    for (part, item) in parts.iter().zip(items) {
                        self.check_part(tail, part, item, *span);
                    }
                }
                _ => items.iter().for_each(|item| self.check_result(tail, item)),
            },
        }
    }

    /// Whether a part of a call's result lives where the choreography's says.
    fn check_part(&mut self, call: ExprId, part: &Place, wanted: &Placed, span: Span) {
        let Placed::At(ty, at, _) = wanted else {
            return;
        };
        let wanted = at.place();
        let fits = match (&wanted, part) {
            (Place::Each(group), Place::Each(other)) => group == other,
            (Place::Roles(roles) | Place::Each(roles), part) => {
                roles.iter().all(|role| self.choreography.holds(part, *role))
            }
            (Place::Everywhere | Place::Error, _) => true,
        };
        if !fits && !ty.is_unit() {
            let missing = match &wanted {
                Place::Roles(roles) | Place::Each(roles) => {
                    roles.iter().copied().find(|role| !self.choreography.holds(part, *role))
                }
                Place::Everywhere | Place::Error => None,
            };
            if let Some(role) = missing {
                let problem = misplaced::needed(self.choreography, &self.places, call, role, span);
                self.diagnostics.push(problem);
            }
        }
    }

    /// Reports a value that is needed at a place where it does not live. `by` is what needs it.
    fn need_at(&mut self, expr: ExprId, place: &Place, by: Span) {
        match place {
            Place::Everywhere | Place::Error => {}
            Place::Each(group) if *self.places.expr(expr) == Place::Each(group.clone()) => {}
            Place::Roles(roles) | Place::Each(roles) => {
                for role in roles {
                    self.need(expr, *role, by);
                }
            }
        }
    }

    /// Reports a value that is needed at a role where it does not live. `by` is what needs it.
    fn need(&mut self, expr: ExprId, role: RoleId, by: Span) {
        let place = self.places.expr(expr);
        if self.body[expr].ty == Ty::Never || self.choreography.holds(place, role) {
            return;
        }
        if self.own_outside(expr) {
            return;
        }
        let problem = misplaced::needed(self.choreography, &self.places, expr, role, by);
        self.diagnostics.push(problem);
    }

    /// Reports what each member has for itself, used where no member is.
    fn own_outside(&mut self, expr: ExprId) -> bool {
        let Place::Each(group) = self.places.expr(expr) else {
            return false;
        };
        let group = group.iter().map(|role| self.choreography.role_name(*role).to_owned()).collect();
        let value = match &self.body[expr].kind {
            ExprKind::Local(local) => Some(self.body[*local].name.clone()),
            _ => None,
        };
        let span = self.body[expr].span;
        self.diagnostics.push(Grouping::OwnOutside { value, span, group }.into());
        true
    }

    /// Places an expression and all its parts.
    fn walk(&mut self, expr: ExprId) -> Place {
        let place = self.place_of(expr);
        if let Some(slot) = self.places.exprs.get_mut(expr.0 as usize) {
            *slot = place.clone();
        }
        self.note(expr);
        place
    }

    fn place_of(&mut self, expr: ExprId) -> Place {
        let body = self.body;
        match &body[expr].kind {
            ExprKind::Literal(_) | ExprKind::Len(_) | ExprKind::MemberIndex(_) => Place::Everywhere,
            ExprKind::Error => Place::Error,
            ExprKind::Local(local) => {
                place::inside(&self.choreography.roles, self.places.local(*local), &self.places.members)
            }
            ExprKind::Tuple(items) if self.taken_apart.contains(&expr) => self.walk_parts(expr, items),
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items) => self.meet(expr, items),
            ExprKind::Construct { fields, base, .. } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                self.meet(expr, &parts)
            }
            ExprKind::TupleField(value, index) => self.tuple_field(*value, *index),
            ExprKind::Field(value, _) | ExprKind::Unary(_, value) => self.walk(*value),
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => self.meet(expr, &[*one, *two]),
            ExprKind::Operation { role, args, .. } => {
                for arg in args {
                    self.walk(*arg);
                    self.need(*arg, *role, body[expr].span);
                }
                Place::at(*role)
            }
            ExprKind::At(value, role) => {
                self.pick(*value, *role, body[expr].span);
                Place::at(*role)
            }
            ExprKind::Communicate { value, from, to, .. } => self.communicate(expr, *value, *from, to),
            ExprKind::Message { from, to } => {
                self.transfer(expr, *from, to, &Place::at(*from));
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
            ExprKind::Call(call) => self.call(expr, call),
            ExprKind::While { condition, body, otherwise } => {
                self.choice(expr, *condition, &[], &[*body, *otherwise]);
                Place::Everywhere
            }
            ExprKind::For { pattern, items, body } => {
                self.choice(expr, *items, &[pattern], &[*body]);
                Place::Everywhere
            }
            ExprKind::Members(members) => self.members(expr, members),
            ExprKind::Par(arms) => {
                let place = self.walk_parts(expr, arms);
                if place.is_nowhere() && !self.taken_apart.contains(&expr) {
                    self.diagnostics.push(Grouping::PartsApart { span: body[expr].span }.into());
                    return Place::Error;
                }
                place
            }
            ExprKind::Saga(saga) => {
                let errors = self.diagnostics.error_count();
                if let Some(why) = saga.why {
                    self.set_local(why, Place::Everywhere);
                }
                let places = [saga.body, saga.otherwise].map(|branch| (branch, self.walk(branch)));
                self.chosen(expr, None, errors, &places)
            }
            ExprKind::Mutate { target, args, .. } => {
                let place = self.target(target);
                for arg in args {
                    self.walk(*arg);
                    self.need_at(*arg, &place, body[expr].span);
                }
                place
            }
        }
    }

    /// The parts of a tuple that is taken apart.
    fn walk_parts(&mut self, expr: ExprId, items: &[ExprId]) -> Place {
        let parts: Vec<Place> = items.iter().map(|item| self.walk(*item)).collect();
        let place = parts.iter().fold(Place::Everywhere, |one, two| self.choreography.meet(&one, two));
        self.places.parts.insert(expr, parts);
        place
    }

    fn tuple_field(&mut self, value: ExprId, index: u32) -> Place {
        let tail = self.take_apart(value);
        let place = self.walk(value);
        match self.places.parts.get(&tail).and_then(|parts| parts.get(index as usize)) {
            Some(part) => part.clone(),
            None => place,
        }
    }

    /// `value@role`
    fn pick(&mut self, value: ExprId, role: RoleId, by: Span) {
        self.walk(value);
        if let ExprKind::Local(local) = &self.body[value].kind
            && let Place::Each(group) = self.places.local(*local)
        {
            let own = match &self.choreography.kind(role) {
                RoleKind::Member(of) => of.iter().copied().collect::<RoleSet>() == *group,
                RoleKind::Single | RoleKind::Group => group.contains(&role),
            };
            if own {
                self.set_expr(value, Place::at(role));
                return;
            }
        }
        if let Place::Each(group) = self.places.expr(value)
            && group.contains(&role)
        {
            self.set_expr(value, Place::at(role));
            return;
        }
        self.need(value, role, by);
    }

    /// The roles that hold all parts, of which there must be one.
    fn meet(&mut self, expr: ExprId, parts: &[ExprId]) -> Place {
        let mut place = Place::Everywhere;
        for part in parts {
            let other = self.walk(*part);
            place = self.choreography.meet(&place, &other);
        }
        if place.is_nowhere() {
            let problem = misplaced::apart(self.choreography, &self.places, self.body[expr].span, parts);
            self.diagnostics.push(problem);
            return Place::Error;
        }
        place
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, annotation, value) => self.let_(pattern, annotation.as_ref(), *value),
            StmtKind::Assign(target, value) => {
                self.walk(*value);
                let place = self.target(target);
                self.need_at(*value, &place, target.span);
            }
            StmtKind::Require(condition, reason) => {
                let (one, two) = (self.walk(*condition), self.walk(*reason));
                let place = self.choreography.meet(&one, &two);
                if let Place::Each(_) = place {
                    self.own_outside(*condition);
                }
                if place.is_nowhere() {
                    let problem = misplaced::apart(self.choreography, &self.places, stmt.span, &[*condition, *reason]);
                    self.diagnostics.push(problem);
                }
                self.places.requires.insert(*condition, place);
            }
            StmtKind::Abort(role, reason) => {
                self.walk(*reason);
                self.need(*reason, *role, stmt.span);
            }
            StmtKind::Select(..) => {}
            StmtKind::Expr(expr) => {
                self.take_apart(*expr);
                self.walk(*expr);
            }
        }
    }

    fn let_(&mut self, pattern: &Pattern, annotation: Option<&At>, value: ExprId) {
        if let PatternKind::Tuple(_) = &pattern.kind {
            self.take_apart(value);
        }
        let mut place = self.walk(value);
        let tail = self.tail(value);
        if let Some(at) = annotation {
            let span = at.roles.first().map_or(self.body[value].span, |(_, span)| *span);
            place = at.place();
            self.need_at(value, &place, span);
        }
        match (&pattern.kind, self.places.parts.get(&tail).cloned()) {
            (PatternKind::Tuple(items), Some(parts)) if annotation.is_none() && items.len() == parts.len() => {
                for (item, part) in items.iter().zip(&parts) {
                    self.bind(item, part);
                }
            }
            _ => self.bind(pattern, &place),
        }
        if let Some(lost) = misplaced::lost(self.body, &self.places, value) {
            for local in pattern.bindings() {
                self.places.lost_locals.insert(local, lost.clone());
            }
        }
    }

    fn bind(&mut self, pattern: &Pattern, place: &Place) {
        for local in pattern.bindings() {
            self.set_local(local, place.clone());
        }
    }
}
