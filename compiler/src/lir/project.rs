//! Endpoint projection: from a choreography to the program of each role. Choices are projected from the inside out, when the
//! places of their parts are known; see [`Knowledge`].

use std::collections::BTreeMap;

use super::fingerprint::fingerprint;
use super::knowledge::{self, Choice, Part};
use super::sites::{SiteKey, Sites};
use super::{Block, Expr, ExprKind, Firsts, Functions, Label, Program, Projection, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::body::Local;
use crate::hir::check::places::{Knowledge, Places, place};
use crate::hir::check::sessions;
use crate::hir::{self, Choreography, ExprId, Hir, LocalId, Pattern, PatternKind, Place, Placed, RoleId, RoleSet, Ty};
use crate::span::Span;

/// Places and projects every choreography. One with errors has no projection.
pub fn project(hir: &Hir, functions: &Functions, diagnostics: &mut Diagnostics) -> Vec<Projection> {
    let mut projections = Vec::new();
    let has_errors = diagnostics.has_errors();
    for (index, choreography) in hir.choreographies.iter().enumerate() {
        projections.extend(choreography_programs(hir, functions, index, choreography, has_errors, diagnostics));
    }
    projections
}

fn choreography_programs(
    hir: &Hir,
    functions: &Functions,
    index: usize,
    choreography: &Choreography,
    has_errors: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Projection> {
    let mut found = Diagnostics::new();
    let mut projector = Projector::new(hir, choreography);
    let places = place(choreography, &mut projector, &mut found);
    sessions::check(choreography, &mut found);
    let failed = found.has_errors() || has_errors;
    diagnostics.append(found);
    if failed {
        return None;
    }
    let initiator = sessions::initiator(choreography);
    let mut programs: Vec<Program> =
        choreography.role_ids().map(|role| projector.program(&places, role, initiator)).collect();
    projector.sites.number(programs.iter_mut().map(|program| &mut program.body));
    let has_part = |program: &&Program| {
        program.role == initiator || !program.body.stmts.is_empty() || program.body.value.is_some()
    };
    let participants: Vec<RoleId> = programs.iter().filter(has_part).map(|program| program.role).collect();
    for (role, declared) in choreography.role_ids().zip(&choreography.roles) {
        if !participants.contains(&role) {
            let (name, span) = (declared.name.name.clone(), declared.name.span);
            diagnostics.push(Meaning::UnusedRole { name, span }.into());
        }
    }
    let begins = |program: &&Program| {
        program.role != initiator && participants.contains(&program.role) && !Firsts::of(&program.body).tell()
    };
    let begins = programs.iter().filter(begins).map(|program| program.role).collect();
    let fingerprint = fingerprint(hir, choreography, &projector.locals, &programs, functions);
    let locals = projector.locals;
    Some(Projection { choreography: index, locals, programs, initiator, participants, begins, fingerprint })
}

/// A role's part in a choice: what it does, and the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Projected {
    pub(super) stmts: Vec<Stmt>,
    pub(super) value: Option<Expr>,
}

pub(super) struct Projector<'a> {
    pub(super) hir: &'a Hir,
    pub(super) choreography: &'a Choreography,
    locals: Vec<Local>,
    pub(super) sites: Sites,
    /// The choices projected so far, for each role, until the block around them takes them.
    pub(super) choices: BTreeMap<ExprId, Vec<Projected>>,
    /// The choice at the head of whose branches `select` stands.
    within: Option<ExprId>,
}

/// Where a role's statements go while an expression is projected for it.
pub(super) struct Target<'p> {
    pub(super) places: &'p Places,
    pub(super) role: RoleId,
    pub(super) out: Vec<Stmt>,
}

impl Knowledge for Projector<'_> {
    fn known(&mut self, places: &Places, choice: ExprId, diagnostics: &mut Diagnostics) -> Place {
        let (guard, branches): (ExprId, Vec<(Option<Pattern>, ExprId)>) = match &self.choreography.body[choice].kind {
            hir::ExprKind::If(guard, then, otherwise) => (*guard, vec![(None, *then), (None, *otherwise)]),
            hir::ExprKind::Match(guard, arms) => {
                (*guard, arms.iter().map(|(pattern, value)| (Some(pattern.clone()), *value)).collect())
            }
            _ => return Place::Error,
        };
        let guards: Vec<Projected> = self.each_role(|this, role| this.projected(places, role, guard));
        let outer = self.within.replace(choice);
        let mut blocks: Vec<Vec<Block>> =
            self.each_role(|this, role| branches.iter().map(|(_, branch)| this.block(places, role, *branch)).collect());
        self.within = outer;
        let everyone: RoleSet = self.choreography.role_ids().collect();
        let deciders = match places.expr(guard) {
            Place::Roles(roles) => roles.clone(),
            Place::Everywhere | Place::Error => everyone.clone(),
        };
        let body = &self.choreography.body;
        let parts = knowledge::decide(
            &Choice {
                hir: self.hir,
                choreography: self.choreography,
                locals: &self.locals,
                expr: choice,
                guard: body[guard].span,
                deciders: &deciders,
                branches: branches.iter().map(|(_, b)| (body[*b].span, body[*b].ty == Ty::Never)).collect(),
            },
            &mut blocks,
            &mut self.sites,
            diagnostics,
        );
        let told = |part: &Part| matches!(part, Part::Decides | Part::Told(_));
        let known: RoleSet =
            self.choreography.role_ids().zip(&parts).filter(|(_, part)| told(part)).map(|(role, _)| role).collect();
        let patterns: Vec<Option<Pattern>> = branches.into_iter().map(|(pattern, _)| pattern).collect();
        let projected = parts
            .into_iter()
            .zip(blocks)
            .zip(guards)
            .map(|((part, blocks), guard)| self.choice(choice, part, blocks, guard, &patterns));
        let projected = projected.collect();
        self.choices.insert(choice, projected);
        if known == everyone && *places.expr(guard) == Place::Everywhere {
            Place::Everywhere
        } else {
            Place::Roles(known)
        }
    }
}

impl<'a> Projector<'a> {
    /// Nothing is projected yet.
    pub(super) fn new(hir: &'a Hir, choreography: &'a Choreography) -> Self {
        let (locals, sites) = (choreography.body.locals.clone(), Sites::default());
        Self { hir, choreography, locals, sites, choices: BTreeMap::new(), within: None }
    }

    /// The variables of the choreography, and those that projection made.
    pub(super) fn into_locals(self) -> Vec<Local> {
        self.locals
    }
}

impl Projector<'_> {
    fn each_role<T>(&mut self, mut of: impl FnMut(&mut Self, RoleId) -> T) -> Vec<T> {
        self.choreography.role_ids().map(|role| of(self, role)).collect()
    }

    pub(super) fn program(&mut self, places: &Places, role: RoleId, initiator: RoleId) -> Program {
        let choreography = self.choreography;
        let mut body = self.block(places, role, choreography.root);
        let result = choreography.result.at_role(role).unwrap_or(Ty::UNIT);
        if !self.is_split(places, choreography.root) {
            body.value = body.value.and_then(|value| pick(value, &choreography.result, role));
        }
        if result.is_unit() && !body.value.as_ref().is_some_and(|value| value.acts() || value.can_fail()) {
            body.value = None;
        }
        let params = match role == initiator {
            true => choreography.params.iter().map(|param| param.local).collect(),
            false => Vec::new(),
        };
        Program { role, params, body, result }
    }

    fn is_split(&self, places: &Places, mut expr: ExprId) -> bool {
        while let hir::ExprKind::Block(_, Some(tail)) = &self.choreography.body[expr].kind {
            expr = *tail;
        }
        places.split.contains_key(&expr)
    }

    /// A variable without a name.
    pub(super) fn temporary(&mut self, ty: Ty, span: Span) -> LocalId {
        self.locals.push(Local { name: String::new(), span, ty });
        LocalId(u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX))
    }

    fn projected(&mut self, places: &Places, role: RoleId, expr: ExprId) -> Projected {
        let mut target = Target { places, role, out: Vec::new() };
        let value = self.expr(&mut target, expr);
        Projected { stmts: target.out, value }
    }

    fn block(&mut self, places: &Places, role: RoleId, expr: ExprId) -> Block {
        let Projected { stmts, value } = self.projected(places, role, expr);
        let ends = matches!(stmts.last().map(|stmt| &stmt.kind), Some(StmtKind::Refuse(_) | StmtKind::RefusedBy(_)));
        Block { stmts, value: value.filter(|_| !ends) }
    }

    /// What a role does for a statement.
    pub(super) fn stmt(&mut self, target: &mut Target<'_>, stmt: &hir::Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            hir::StmtKind::Let(pattern, _, value) => {
                if let Some(value) = self.expr(target, *value) {
                    let held =
                        pattern.bindings().first().is_none_or(|local| target.places.local(*local).holds(target.role));
                    if held {
                        self.bind(target, pattern, value, span);
                    } else {
                        target.out.extend(discarded(value));
                    }
                }
            }
            hir::StmtKind::Require(condition, reason) => {
                let values = self.operands(target, &[*condition, *reason]);
                let checks = target.places.requires.get(condition).is_some_and(|place| place.holds(target.role));
                if let ([Some(condition), Some(reason)], true) = (values.as_slice(), checks) {
                    let kind = StmtKind::Require(condition.clone(), reason.clone());
                    target.out.push(Stmt { kind, span });
                }
            }
            hir::StmtKind::Abort(role, reason) => {
                let reason = self.expr(target, *reason);
                let kind = match reason {
                    Some(reason) if *role == target.role => StmtKind::Refuse(reason),
                    Some(_) | None => StmtKind::RefusedBy(*role),
                };
                target.out.push(Stmt { kind, span });
            }
            hir::StmtKind::Select(from, to) => {
                let choice = self.within.map_or(u32::MAX, |choice| choice.0);
                for (to, to_span) in to {
                    let site = self.sites.site(SiteKey::Select(*to_span, *to));
                    let label = Label { site, choice, inferred: false };
                    if target.role == *from {
                        target.out.push(Stmt { kind: StmtKind::Select(label, *to), span });
                    } else if target.role == *to {
                        target.out.push(Stmt { kind: StmtKind::Told(label, *from), span });
                    }
                }
            }
            hir::StmtKind::Expr(expr) => {
                if let Some(value) = self.expr(target, *expr) {
                    target.out.extend(discarded(value));
                }
            }
        }
    }

    /// Binds a pattern, giving a value that has just been made its name at once.
    fn bind(&mut self, target: &mut Target<'_>, pattern: &Pattern, value: Expr, span: Span) {
        if let (PatternKind::Bind(local), ExprKind::Local(made)) = (&pattern.kind, &value.kind)
            && let Some(into) = target.out.last_mut().and_then(into_of)
            && *into == Some(*made)
            && self.locals.get(made.0 as usize).is_some_and(|local| local.name.is_empty())
        {
            *into = Some(*local);
            return;
        }
        if let PatternKind::Wildcard = pattern.kind {
            target.out.extend(discarded(value));
            return;
        }
        target.out.push(Stmt { kind: StmtKind::Let(pattern.clone(), value), span });
    }
}

/// What is left of a value that nobody uses: every expression is evaluated, but one that cannot be seen to be.
pub(super) fn discarded(value: Expr) -> Option<Stmt> {
    let span = value.span;
    let pattern = Pattern { kind: PatternKind::Wildcard, ty: value.ty.clone(), span };
    (value.can_fail() || value.acts()).then_some(Stmt { kind: StmtKind::Let(pattern, value), span })
}

fn into_of(stmt: &mut Stmt) -> Option<&mut Option<LocalId>> {
    match &mut stmt.kind {
        StmtKind::Receive { into, .. }
        | StmtKind::Operation { into, .. }
        | StmtKind::If { into, .. }
        | StmtKind::Match { into, .. }
        | StmtKind::Offer { into, .. } => Some(into),
        StmtKind::Let(..)
        | StmtKind::Send(..)
        | StmtKind::Select(..)
        | StmtKind::Told(..)
        | StmtKind::Require(..)
        | StmtKind::Refuse(_)
        | StmtKind::RefusedBy(_) => None,
    }
}

/// The parts that a role keeps of a value that it holds whole.
fn pick(value: Expr, placed: &Placed, role: RoleId) -> Option<Expr> {
    let Placed::Tuple(items, _) = placed else {
        return placed.at_role(role).map(|_| value);
    };
    let part = |(index, item): (u32, &Placed)| {
        let (ty, span) = (item.ty(), value.span);
        pick(Expr { kind: ExprKind::TupleField(Box::new(value.clone()), index), ty, span }, item, role)
    };
    let mut kept: Vec<Expr> = (0..).zip(items).filter_map(part).collect();
    if kept.len() < 2 {
        return kept.pop();
    }
    let ty = Ty::Tuple(kept.iter().map(|value| value.ty.clone()).collect());
    Some(Expr { kind: ExprKind::Tuple(kept), ty, span: value.span })
}
