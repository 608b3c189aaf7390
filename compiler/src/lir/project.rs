//! Endpoint projection: from a choreography to the program of each role. Choices are projected from the inside out, when the
//! places of their parts are known; see [`Knowledge`].

use std::collections::BTreeMap;

use super::fingerprint::fingerprint;
use super::knowledge::{self, Choice, Part};
use super::sites::{SiteKey, Sites};
use super::{Block, Expr, ExprKind, Firsts, Label, Program, Projection, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::body::Local;
use crate::hir::check::places::{Knowledge, Places, place};
use crate::hir::check::sessions;
use crate::hir::{
    self, Choreography, ExprId, Hir, LocalId, Pattern, PatternKind, Place, Placed, RoleId, RoleSet, ServiceId, Ty,
};
use crate::span::Span;

/// Places and projects every choreography. One with errors has no projection.
pub fn project(hir: &Hir, diagnostics: &mut Diagnostics) -> Vec<Projection> {
    let mut projections = Vec::new();
    let has_errors = diagnostics.has_errors();
    for (index, choreography) in hir.choreographies.iter().enumerate() {
        projections.extend(choreography_programs(hir, index, choreography, has_errors, diagnostics));
    }
    projections
}

fn choreography_programs(
    hir: &Hir,
    index: usize,
    choreography: &Choreography,
    has_errors: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Projection> {
    let mut found = Diagnostics::new();
    let locals = choreography.body.locals.clone();
    let mut projector =
        Projector { hir, choreography, locals, sites: Sites::default(), choices: BTreeMap::new(), within: None };
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
    let fingerprint = fingerprint(hir, choreography, &projector.locals, &programs);
    let locals = projector.locals;
    Some(Projection { choreography: index, locals, programs, initiator, participants, begins, fingerprint })
}

/// A role's part in a choice: what it does, and the value.
#[derive(Clone, Debug, Default)]
struct Projected {
    stmts: Vec<Stmt>,
    value: Option<Expr>,
}

struct Projector<'a> {
    hir: &'a Hir,
    choreography: &'a Choreography,
    locals: Vec<Local>,
    sites: Sites,
    /// The choices projected so far, for each role, until the block around them takes them.
    choices: BTreeMap<ExprId, Vec<Projected>>,
    /// The choice at the head of whose branches `select` stands.
    within: Option<ExprId>,
}

/// Where a role's statements go while an expression is projected for it.
struct Target<'p> {
    places: &'p Places,
    role: RoleId,
    out: Vec<Stmt>,
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

impl Projector<'_> {
    fn each_role<T>(&mut self, mut of: impl FnMut(&mut Self, RoleId) -> T) -> Vec<T> {
        self.choreography.role_ids().map(|role| of(self, role)).collect()
    }

    fn program(&mut self, places: &Places, role: RoleId, initiator: RoleId) -> Program {
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

    fn temporary(&mut self, ty: Ty, span: Span) -> LocalId {
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

    /// A role's part in a choice, put together from its branches.
    fn choice(
        &mut self,
        choice: ExprId,
        part: Part,
        mut blocks: Vec<Block>,
        guard: Projected,
        patterns: &[Option<Pattern>],
    ) -> Projected {
        let body = &self.choreography.body;
        let (ty, span) = (body[choice].ty.clone(), body[choice].span);
        let mut stmts = guard.stmts;
        let wanted = !ty.is_unit() && ty != Ty::Never && matches!(part, Part::Decides | Part::Told(_));
        let ends = |block: &Block| {
            matches!(block.stmts.last().map(|stmt| &stmt.kind), Some(StmtKind::Refuse(_) | StmtKind::RefusedBy(_)))
        };
        let has_value = wanted
            && blocks.iter().all(|block| block.value.is_some() || ends(block) || diverges(block))
            && blocks.iter().any(|block| block.value.is_some());
        if !has_value {
            blocks.iter_mut().for_each(drop_value);
        }
        let unit = (ty.is_unit()).then(|| Expr::unit(span));
        let kind = match part {
            Part::Idle => {
                if blocks.iter().all(ends)
                    && let Some(end) = blocks.first().and_then(|block| block.stmts.last())
                {
                    stmts.push(end.clone());
                }
                return Projected { stmts, value: unit };
            }
            Part::Same(block) => {
                stmts.extend(block.stmts);
                return Projected { stmts, value: unit };
            }
            Part::Told(told) => {
                let mut told: Vec<Block> =
                    blocks.into_iter().zip(told).filter(|(_, told)| *told).map(|(block, _)| block).collect();
                if let ([_], Some(only)) = (told.as_slice(), told.first().cloned()) {
                    stmts.extend(only.stmts);
                    return Projected { stmts, value: only.value.or(unit) };
                }
                let branches = told.drain(..).map(|block| (Firsts::of(&block).messages.into_iter().collect(), block));
                let branches = branches.collect();
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (StmtKind::Offer { branches, into }, into)
            }
            Part::Decides => {
                let Some(value) = guard.value else {
                    return Projected { stmts, value: unit };
                };
                if !has_value && blocks.iter().all(|block| block.stmts.is_empty()) {
                    stmts.extend(discarded(value));
                    return Projected { stmts, value: unit };
                }
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (decision(value, blocks, patterns, into), into)
            }
        };
        let (kind, into) = kind;
        stmts.push(Stmt { kind, span });
        let value = into.map(|into| Expr { kind: ExprKind::Local(into), ty, span }).or(unit);
        Projected { stmts, value }
    }

    fn stmt(&mut self, target: &mut Target<'_>, stmt: &hir::Stmt) {
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

    /// Operands from left to right: what may abort is computed before a later operand communicates.
    fn operands(&mut self, target: &mut Target<'_>, exprs: &[ExprId]) -> Vec<Option<Expr>> {
        let mut values: Vec<(Option<Expr>, usize)> = Vec::new();
        let mut last_busy = 0;
        let mut parts = Vec::new();
        for (index, expr) in exprs.iter().enumerate() {
            let outer = std::mem::take(&mut target.out);
            let value = self.expr(target, *expr);
            let own = std::mem::replace(&mut target.out, outer);
            if !own.is_empty() {
                last_busy = index;
            }
            parts.push(own);
            values.push((value, index));
        }
        let mut result = Vec::new();
        for ((value, index), own) in values.into_iter().zip(parts) {
            target.out.extend(own);
            let value = match value {
                Some(value) if index < last_busy && (value.can_fail() || value.acts()) => {
                    Some(self.name_value(target, value))
                }
                other => other,
            };
            result.push(value);
        }
        result
    }

    /// Gives a value a variable, unless it is one.
    fn name_value(&mut self, target: &mut Target<'_>, value: Expr) -> Expr {
        if let ExprKind::Local(_) | ExprKind::Literal(_) = value.kind {
            return value;
        }
        let (ty, span) = (value.ty.clone(), value.span);
        let local = self.temporary(ty.clone(), span);
        let pattern = Pattern { kind: PatternKind::Bind(local), ty: ty.clone(), span };
        target.out.push(Stmt { kind: StmtKind::Let(pattern, value), span });
        Expr { kind: ExprKind::Local(local), ty, span }
    }

    /// What a role does for an expression; the value, where the role holds it.
    fn expr(&mut self, target: &mut Target<'_>, id: ExprId) -> Option<Expr> {
        let choreography = self.choreography;
        let expr = &choreography.body[id];
        let (ty, span) = (expr.ty.clone(), expr.span);
        let kind = match &expr.kind {
            hir::ExprKind::Error => return None,
            hir::ExprKind::Literal(literal) => ExprKind::Literal(literal.clone()),
            hir::ExprKind::Local(local) => {
                if !target.places.local(*local).holds(target.role) {
                    return None;
                }
                ExprKind::Local(*local)
            }
            hir::ExprKind::Tuple(items) => match target.places.split.get(&id).cloned() {
                Some(Placed::Tuple(placed, _)) => return self.split(target, items, &placed, span),
                Some(Placed::At(..)) | None => ExprKind::Tuple(self.all(target, items)?),
            },
            hir::ExprKind::List(items) => ExprKind::List(self.all(target, items)?),
            hir::ExprKind::Builtin(builtin, items) => ExprKind::Builtin(*builtin, self.all(target, items)?),
            hir::ExprKind::Construct { constructor, fields, base } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                let mut values = self.all(target, &parts)?;
                let base = if base.is_some() { values.pop().map(Box::new) } else { None };
                ExprKind::Construct(*constructor, fields.iter().map(|(index, _)| *index).zip(values).collect(), base)
            }
            hir::ExprKind::Field(value, name) => ExprKind::Field(Box::new(self.expr(target, *value)?), name.clone()),
            hir::ExprKind::TupleField(value, index) => {
                ExprKind::TupleField(Box::new(self.expr(target, *value)?), *index)
            }
            hir::ExprKind::Unary(op, value) => ExprKind::Unary(*op, Box::new(self.expr(target, *value)?)),
            hir::ExprKind::Index(one, two) => {
                let (one, two) = self.two(target, *one, *two)?;
                ExprKind::Index(one, two)
            }
            hir::ExprKind::Binary(op, one, two) => {
                let (one, two) = self.two(target, *one, *two)?;
                ExprKind::Binary(*op, one, two)
            }
            hir::ExprKind::At(value, role) => {
                let value = self.expr(target, *value)?;
                return (*role == target.role).then_some(value);
            }
            hir::ExprKind::Operation { role, service, operation, args } => {
                return self.operation(target, id, *role, (*service, *operation), args);
            }
            hir::ExprKind::Communicate { value, to, .. } => return self.communicate(target, id, *value, to),
            hir::ExprKind::Message { .. } => {
                self.transfer(target, id, Some(Expr::unit(span)));
                return Some(Expr::unit(span));
            }
            hir::ExprKind::Block(stmts, tail) => {
                stmts.iter().for_each(|stmt| self.stmt(target, stmt));
                return match tail {
                    Some(tail) => self.expr(target, *tail),
                    None => Some(Expr::unit(span)),
                };
            }
            hir::ExprKind::If(..) | hir::ExprKind::Match(..) => {
                let parts = self.choices.get_mut(&id)?;
                let part = std::mem::take(parts.get_mut(usize::from(target.role.0))?);
                target.out.extend(part.stmts);
                return part.value;
            }
        };
        Some(Expr { kind, ty, span })
    }

    /// All operands, where the role holds all of them; what it holds of others and may fail is computed all the same.
    fn all(&mut self, target: &mut Target<'_>, items: &[ExprId]) -> Option<Vec<Expr>> {
        self.operands(target, items).into_iter().collect()
    }

    fn two(&mut self, target: &mut Target<'_>, one: ExprId, two: ExprId) -> Option<(Box<Expr>, Box<Expr>)> {
        let mut values = self.all(target, &[one, two])?.into_iter();
        Some((Box::new(values.next()?), Box::new(values.next()?)))
    }

    /// The parts that a role keeps of a result whose parts live at different places.
    fn split(&mut self, target: &mut Target<'_>, items: &[ExprId], placed: &[Placed], span: Span) -> Option<Expr> {
        let values = self.operands(target, items);
        let role = target.role;
        let mut kept: Vec<Expr> = values
            .into_iter()
            .zip(placed)
            .filter(|(_, placed)| placed.at_role(role).is_some())
            .filter_map(|(value, _)| value)
            .collect();
        if kept.len() < 2 {
            return kept.pop();
        }
        let ty = Ty::Tuple(kept.iter().map(|value| value.ty.clone()).collect());
        Some(Expr { kind: ExprKind::Tuple(kept), ty, span })
    }

    fn operation(
        &mut self,
        target: &mut Target<'_>,
        id: ExprId,
        role: RoleId,
        (service, operation): (ServiceId, u32),
        args: &[ExprId],
    ) -> Option<Expr> {
        let values = self.operands(target, args);
        if role != target.role {
            return None;
        }
        let args: Vec<Expr> = values.into_iter().collect::<Option<_>>()?;
        let expr = &self.choreography.body[id];
        let (ty, span) = (expr.ty.clone(), expr.span);
        if self.hir.operation(service, operation).is_pure() {
            return Some(Expr { kind: ExprKind::Pure(service, operation, args), ty, span });
        }
        let site = self.sites.site(SiteKey::Operation(id));
        let into = (!ty.is_unit()).then(|| self.temporary(ty.clone(), span));
        target.out.push(Stmt { kind: StmtKind::Operation { site, service, operation, args, into }, span });
        Some(value_of(into, ty, span))
    }

    fn communicate(
        &mut self,
        target: &mut Target<'_>,
        id: ExprId,
        value: ExprId,
        to: &[(RoleId, Span)],
    ) -> Option<Expr> {
        let value = self.expr(target, value);
        let keeps = to.iter().any(|(role, _)| *role == target.role);
        let sends = target.places.transfers.get(&id).is_some_and(|transfer| transfer.from == target.role);
        let value = match value {
            Some(value) if keeps && sends => Some(self.name_value(target, value)),
            other => other,
        };
        let received = self.transfer(target, id, value.clone());
        received.or_else(|| value.filter(|_| keeps))
    }

    /// A role's part in a communication; what it receives.
    fn transfer(&mut self, target: &mut Target<'_>, id: ExprId, value: Option<Expr>) -> Option<Expr> {
        let transfer = target.places.transfers.get(&id)?;
        let expr = &self.choreography.body[id];
        let (ty, span) = (expr.ty.clone(), expr.span);
        if transfer.from == target.role {
            let to: Vec<_> =
                transfer.to.iter().map(|role| (self.sites.site(SiteKey::Message(id, *role)), *role)).collect();
            if let (Some(value), false) = (value, to.is_empty()) {
                let value = if to.len() > 1 { self.name_value(target, value) } else { value };
                target.out.push(Stmt { kind: StmtKind::Send(to, value), span });
            }
            return None;
        }
        if !transfer.to.contains(&target.role) {
            return None;
        }
        let site = self.sites.site(SiteKey::Message(id, target.role));
        let into = (!ty.is_unit()).then(|| self.temporary(ty.clone(), span));
        target.out.push(Stmt { kind: StmtKind::Receive { site, from: transfer.from, into, ty: ty.clone() }, span });
        Some(value_of(into, ty, span))
    }
}

/// The variable that a value went to, or `()`.
fn value_of(into: Option<LocalId>, ty: Ty, span: Span) -> Expr {
    match into {
        Some(local) => Expr { kind: ExprKind::Local(local), ty, span },
        None => Expr::unit(span),
    }
}

/// What is left of a value that nobody uses: every expression is evaluated, but one that cannot be seen to be.
fn discarded(value: Expr) -> Option<Stmt> {
    let span = value.span;
    let pattern = Pattern { kind: PatternKind::Wildcard, ty: value.ty.clone(), span };
    (value.can_fail() || value.acts()).then_some(Stmt { kind: StmtKind::Let(pattern, value), span })
}

fn drop_value(block: &mut Block) {
    if let Some(value) = block.value.take() {
        block.stmts.extend(discarded(value));
    }
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

/// Whether every path through a block ends the session.
pub fn diverges(block: &Block) -> bool {
    block.stmts.last().is_some_and(|stmt| match &stmt.kind {
        StmtKind::Refuse(_) | StmtKind::RefusedBy(_) => true,
        StmtKind::If { then, otherwise, .. } => diverges(then) && diverges(otherwise),
        StmtKind::Match { arms, .. } => arms.iter().all(|(_, block)| diverges(block)),
        StmtKind::Offer { branches, .. } => branches.iter().all(|(_, block)| diverges(block)),
        _ => false,
    })
}

fn decision(guard: Expr, blocks: Vec<Block>, patterns: &[Option<Pattern>], into: Option<LocalId>) -> StmtKind {
    let patterns: Option<Vec<Pattern>> = patterns.iter().cloned().collect();
    match patterns {
        Some(patterns) => StmtKind::Match { scrutinee: guard, arms: patterns.into_iter().zip(blocks).collect(), into },
        None => {
            let mut blocks = blocks.into_iter();
            let (then, otherwise) = (blocks.next().unwrap_or_default(), blocks.next().unwrap_or_default());
            StmtKind::If { condition: guard, then, otherwise, into }
        }
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
