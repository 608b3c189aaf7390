//! Every value lives where all that it is made of lives, and is used only there.

mod choice;
mod construct;
mod mentions;
mod spread;
mod transfer;

pub use transfer::{Arrival, recipient};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::misplaced;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{
    Body, Choreography, Demand, ExprId, ExprKind, Hir, LocalId, Lost, Pattern, Place, Player, RoleId, RoleKind,
    RoleSet, Spread, Stmt, StmtKind, Ty, place,
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

/// Where the values of a body live.
#[derive(Clone, Debug, Default)]
pub struct Places {
    exprs: Vec<Place>,
    locals: Vec<Place>,
    /// The communications in which a message is sent.
    pub transfers: BTreeMap<ExprId, Transfer>,
    /// Who checks a `require`, by its condition.
    pub requires: BTreeMap<ExprId, Place>,
    /// Where values live whose parts may live at different places.
    pub spreads: BTreeMap<ExprId, Spread>,
    /// Who knows which branch of a choice was taken, once it is over; of a loop, those at its guard.
    pub known: BTreeMap<ExprId, Place>,
    /// What all can be where the walk is: one for each declared role, and for the members of groups around.
    pub everyone: Arc<[Player]>,
    /// Those of them that a choice is about, while it is found out who knows of it.
    pub players: Arc<[Player]>,
    /// Which roles each expression is about.
    mentions: Vec<mentions::Mentions>,
    /// The expressions with something in them that was refused before: who acts in them is not known.
    refused: BTreeSet<ExprId>,
    /// The members whose blocks stand around.
    pub members: Vec<RoleId>,
    /// Values of choices that some roles lack only because they do not know the choice.
    pub lost: BTreeMap<ExprId, Lost>,
    /// The same for the variables bound to them.
    pub lost_locals: BTreeMap<LocalId, Lost>,
    /// Where each variable was sent to in the blocks around, in that order.
    pub arrivals: BTreeMap<LocalId, Vec<Arrival>>,
    /// Of a variable that is bound to what was sent, the one that was sent.
    pub sources: BTreeMap<LocalId, LocalId>,
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
    let taken_apart = BTreeMap::new();
    let mut placer =
        Placer { hir, choreography, body, places, knowledge, diagnostics, taken_apart, arrived: Vec::new() };
    for param in &choreography.params {
        placer.set_local(param.local, param.at.place());
    }
    placer.demand(choreography.root, Demand::placed(&choreography.result));
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
    /// Values whose parts may live at different places, for they are taken apart at once or not used.
    taken_apart: BTreeMap<ExprId, Demand>,
    /// The variables in the order in which they were sent, in the blocks around.
    arrived: Vec<LocalId>,
}

impl Placer<'_> {
    fn set_local(&mut self, local: LocalId, place: Place) {
        if let Some(slot) = self.places.locals.get_mut(local.0 as usize) {
            *slot = place;
        }
    }

    fn tail(&self, mut expr: ExprId) -> ExprId {
        while let ExprKind::Block(_, Some(tail)) = &self.body[expr].kind {
            expr = *tail;
        }
        expr
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
        self.diagnostics.push(Grouping::OwnOutside { value, span, group, to: None }.into());
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
            ExprKind::Tuple(items) if self.taken_apart.contains_key(&expr) => self.walk_parts(expr, items),
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items) => self.meet(expr, items),
            ExprKind::Construct { fields, base, .. } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                self.meet(expr, &parts)
            }
            ExprKind::TupleField(value, index) => self.tuple_field(expr, *value, *index),
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
                let outside = self.arrived.len();
                stmts.iter().for_each(|stmt| self.stmt(stmt));
                let place = tail.map_or(Place::Everywhere, |tail| self.walk(tail));
                self.leave(outside);
                place
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
                self.in_one_place(expr, place)
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
            StmtKind::Abort(role, value) | StmtKind::Sleep(role, value) => {
                self.walk(*value);
                self.need(*value, *role, stmt.span);
            }
            StmtKind::Select(..) => {}
            StmtKind::Expr(expr) => {
                self.demand(*expr, Demand::Unused);
                self.walk(*expr);
                self.arrive(*expr, None);
            }
        }
    }

    fn bind(&mut self, pattern: &Pattern, place: &Place) {
        for local in pattern.bindings() {
            self.set_local(local, place.clone());
        }
    }
}
