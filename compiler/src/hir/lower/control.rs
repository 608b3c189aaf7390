//! Blocks, statements and choices.

use std::collections::BTreeMap;

use super::{Lower, Wanted};
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::Meaning;
use crate::diagnostic::mend::Mend;
use crate::hir::{
    At, Demand, ExprId, ExprKind, IntTy, Literal, MemberOrder, PatternKind, Place, Saga, Stmt, StmtKind, Ty,
};
use crate::span::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// A block. `select` may stand at the head of one that is a branch of a choice.
    pub(super) fn block(&mut self, block: &ast::Block, is_branch: bool) -> ExprId {
        let wanted = self.wanted.take();
        self.variables.push(BTreeMap::new());
        let mut stmts: Vec<Stmt> = Vec::new();
        let mut at_head = is_branch;
        let mut end = None;
        for stmt in &block.stmts {
            if let Some(end) = end.take() {
                self.diagnostics.push(Meaning::NeverReached { span: stmt.span, end }.into());
            }
            at_head = at_head && matches!(stmt.kind, ast::StmtKind::Select { .. });
            let Some(kind) = self.stmt(stmt, at_head) else {
                continue;
            };
            let diverges = match &kind {
                StmtKind::Abort(..) => true,
                StmtKind::Expr(expr) => self.ty(*expr) == Ty::Never,
                StmtKind::Let(..)
                | StmtKind::Assign(..)
                | StmtKind::Require(..)
                | StmtKind::Select(..)
                | StmtKind::Sleep(..) => false,
            };
            end = diverges.then_some(stmt.span);
            stmts.push(Stmt { kind, span: stmt.span });
        }
        let tail = block.tail.as_ref().map(|tail| {
            if let Some(end) = end {
                self.diagnostics.push(Meaning::NeverReached { span: tail.span, end }.into());
            }
            self.wanted = wanted;
            self.expr(tail)
        });
        self.variables.pop();
        let ty = match (tail, end) {
            (Some(tail), _) => self.body[tail].ty.clone(),
            (None, Some(_)) => Ty::Never,
            (None, None) => Ty::UNIT,
        };
        self.add(ExprKind::Block(stmts, tail), ty, block.span)
    }

    fn stmt(&mut self, stmt: &ast::Stmt, at_head: bool) -> Option<StmtKind> {
        if let Some(refused) = self.refused_stmt(stmt) {
            return Some(refused);
        }
        Some(match &stmt.kind {
            ast::StmtKind::Let { mutable, pattern, ty, place, value } => {
                // A `fn` has no places, which has been told.
                let place = place.as_ref().filter(|_| self.function.is_none());
                self.let_(*mutable, pattern, (ty.as_ref(), place), value)
            }
            ast::StmtKind::Assign { target, value } => self.assign(target, value)?,
            ast::StmtKind::Require { condition, reason } => {
                let (condition, reason) = (self.value(condition), self.value(reason));
                self.expect(condition, &Ty::Bool, None);
                self.expect(reason, &Ty::Str, None);
                StmtKind::Require(condition, reason)
            }
            ast::StmtKind::Abort { role, reason } => {
                let reason = self.value(reason);
                self.expect(reason, &Ty::Str, None);
                let known = self.role(role)?;
                StmtKind::Abort(self.single(known, role.span)?, reason)
            }
            ast::StmtKind::Sleep { role, time } => {
                let millis = self.millis(time);
                let known = self.role(role)?;
                StmtKind::Sleep(self.single(known, role.span)?, millis)
            }
            ast::StmtKind::Select { from, to } => {
                let (role, to) = (self.role(from), self.role_list(to));
                if !at_head {
                    self.diagnostics.push(Meaning::MisplacedSelect { span: stmt.span }.into());
                    return None;
                }
                let role = role.and_then(|role| self.single(role, from.span))?;
                for (receiver, span) in &to {
                    if *receiver == role {
                        let (name, from) = (from.name.clone(), from.span);
                        self.diagnostics.push(Meaning::SelfCommunication { name, from, to: *span }.into());
                    }
                }
                StmtKind::Select(role, to.into_iter().filter(|(receiver, _)| *receiver != role).collect())
            }
            ast::StmtKind::Expr(expr) => {
                if self.role_expr(expr).is_none() {
                    StmtKind::Expr(self.expr(expr))
                } else {
                    self.value(expr);
                    return None;
                }
            }
        })
    }

    /// How long a role waits, in milliseconds.
    fn millis(&mut self, time: &ast::Time) -> ExprId {
        match time {
            ast::Time::Literal(time) => {
                let literal = Literal::Int(u128::from(time.millis), false);
                self.add(ExprKind::Literal(literal), Ty::Int(IntTy::U64), time.span)
            }
            ast::Time::Millis(millis) => {
                let millis = self.value(millis);
                self.expect(millis, &Ty::Int(IntTy::U64), None);
                millis
            }
        }
    }

    fn let_(
        &mut self,
        mutable: bool,
        pattern: &ast::Pattern,
        (ty, place): (Option<&ast::Type>, Option<&ast::Place>),
        value: &ast::Expr,
    ) -> StmtKind {
        let declared = ty.map(|ty| (self.resolve_type(ty), ty.span));
        self.wanted = declared.clone().map(|(ty, span)| (ty, Some(span)));
        let value = self.value(value);
        let known = place.map(|place| self.place(place));
        // At an unknown role, it is not known where it lives.
        let (place, value) = match known {
            Some(None) => (None, self.somewhere(value)),
            Some(Some(place)) => (Some(place), value),
            None if mutable && self.function.is_none() => (self.only_place(value), value),
            None => (None, value),
        };
        let mut value_ty = self.body[value].ty.clone();
        if let Some((declared, span)) = declared {
            self.expect(value, &declared, Some(span));
            value_ty = declared;
        }
        let (pattern_span, pattern) = (pattern.span, self.pattern(pattern, &value_ty));
        let is_wrong = matches!(self.infer.shallow(&value_ty), Ty::Error);
        if mutable && place.is_none() && self.function.is_none() && !is_wrong {
            let name = pattern.bindings().first().map_or_else(String::new, |local| self.body[*local].name.clone());
            let ty = self.hir.show(&self.infer.known(&value_ty));
            self.diagnostics.push(Grouping::MutWithoutPlace { name, ty, span: pattern_span }.into());
        }
        let bindings = pattern.bindings();
        if let PatternKind::Bind(local) = &pattern.kind {
            self.let_locals.insert(*local, value);
        }
        for local in &bindings {
            if let Some(local) = self.body.locals.get_mut(local.0 as usize) {
                local.mutable = mutable;
            }
        }
        match &place {
            None => {
                let near = self.near_spread(value, &Demand::of(&pattern));
                self.bind_near_spread(&pattern, &near);
            }
            Some(at) => self.bind_near(&bindings, &at.place()),
        }
        StmtKind::Let(pattern, place, value)
    }

    /// The place of a value that lives at one role and nowhere else, whatever is known of the choices around.
    fn only_place(&self, value: ExprId) -> Option<At> {
        let (roles, each) = match self.near(value) {
            Place::Roles(roles) => (roles, false),
            Place::Each(roles) => (roles, true),
            Place::Everywhere | Place::Error => return None,
        };
        let span = self.value_span(value);
        let only = roles.first().filter(|_| roles.len() == 1)?;
        Some(At { each, roles: vec![(*only, span)] })
    }

    pub(super) fn while_(
        &mut self,
        condition: &ast::Expr,
        body: &ast::Block,
        otherwise: Option<&ast::Block>,
        span: Span,
    ) -> ExprId {
        let condition = self.value(condition);
        self.expect(condition, &Ty::Bool, None);
        let body = self.unit_block(body, true);
        let otherwise = match otherwise {
            Some(block) => self.unit_block(block, true),
            None => self.empty(span),
        };
        self.add(ExprKind::While { condition, body, otherwise }, Ty::UNIT, span)
    }

    /// A block whose value nobody takes: it has none.
    fn unit_block(&mut self, block: &ast::Block, is_branch: bool) -> ExprId {
        let id = self.block(block, is_branch);
        if self.ty(id) != Ty::Never {
            self.expect(id, &Ty::UNIT, None);
        }
        id
    }

    fn empty(&mut self, span: Span) -> ExprId {
        let end = Span { start: span.end, ..span };
        self.add(ExprKind::Block(Vec::new(), None), Ty::UNIT, end)
    }

    pub(super) fn for_(&mut self, pattern: &ast::Pattern, items: &ast::Expr, body: &ast::Block, span: Span) -> ExprId {
        if let Some((group, group_span)) = self.role_expr(items) {
            let is_group = crate::hir::roles::check_group(&[(group, group_span)], &self.roles, self.diagnostics);
            let group = is_group.then(|| vec![group]);
            let ast::PatternKind::Path(path) = &pattern.kind else {
                self.diagnostics.push(Grouping::MemberPattern { span: pattern.span }.into());
                return self.error(span);
            };
            let [member] = path.segments.as_slice() else {
                self.diagnostics.push(Grouping::MemberPattern { span: pattern.span }.into());
                return self.error(span);
            };
            return self.members(member, group, body, MemberOrder::OneByOne, span);
        }
        let items = self.value(items);
        let items = match self.ty(items) {
            Ty::Vec(_) => items,
            _ if self.own_outside(items, None) => self.error(span),
            _ => items,
        };
        let item = self.infer.any();
        self.expect(items, &Ty::Vec(Box::new(item.clone())), None);
        self.variables.push(BTreeMap::new());
        let pattern = self.pattern(pattern, &item);
        let near = self.near(items).clone();
        self.bind_near(&pattern.bindings(), &near);
        let body = self.unit_block(body, true);
        self.variables.pop();
        self.add(ExprKind::For { pattern, items, body }, Ty::UNIT, span)
    }

    pub(super) fn saga(
        &mut self,
        within: Option<u64>,
        body: &ast::Block,
        otherwise: Option<&(Option<ast::Ident>, ast::Block)>,
        span: Span,
    ) -> ExprId {
        let wanted = self.wanted.take();
        self.wanted = wanted.clone().filter(|_| otherwise.is_some());
        let body = self.block(body, false);
        let Some((name, block)) = otherwise else {
            if self.ty(body) != Ty::Never {
                self.expect(body, &Ty::UNIT, None);
            }
            let otherwise = self.empty(span);
            return self.add(ExprKind::Saga(Box::new(Saga { within, body, why: None, otherwise })), Ty::UNIT, span);
        };
        self.variables.push(BTreeMap::new());
        let why = name.as_ref().map(|name| {
            let ty = self.scope.abort().map_or(Ty::Error, Ty::Named);
            let local = self.bind(name, ty);
            self.bind_near(&[local], &Place::Everywhere);
            local
        });
        self.wanted = wanted.clone();
        let unnamed = self.unnamed.len();
        self.unnamed.extend(name.is_none().then_some(block.span));
        let otherwise = self.block(block, false);
        self.unnamed.truncate(unnamed);
        self.variables.pop();
        let ty = self.join(body, otherwise, &wanted);
        self.add(ExprKind::Saga(Box::new(Saga { within, body, why, otherwise })), ty, span)
    }

    pub(super) fn branch(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Block,
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> ExprId {
        let wanted = self.wanted.take();
        let condition = self.value(condition);
        self.expect(condition, &Ty::Bool, None);
        self.wanted = wanted.clone();
        let (apart_then, apart_else) = match self.body.compared_members(condition) {
            Some((one, two, true)) => (Some((one, two)), None),
            Some((one, two, false)) => (None, Some((one, two))),
            None => (None, None),
        };
        let outside = self.apart.len();
        self.apart.extend(apart_then);
        let then_id = self.block(then, true);
        self.apart.truncate(outside);
        let Some(otherwise) = otherwise else {
            if let Some(whole) = self.without_else(&wanted, span) {
                return whole;
            }
            if !matches!(self.ty(then_id), Ty::Never) {
                self.expect(then_id, &Ty::UNIT, None);
            }
            let empty = self.empty(span);
            return self.add(ExprKind::If(condition, then_id, empty), Ty::UNIT, span);
        };
        self.wanted = wanted.clone();
        self.apart.extend(apart_else);
        let otherwise = self.arm(otherwise);
        self.apart.truncate(outside);
        let ty = self.join(then_id, otherwise, &wanted);
        self.add(ExprKind::If(condition, then_id, otherwise), ty, span)
    }

    /// Reports an `if` without an `else` whose value is asked for.
    fn without_else(&mut self, wanted: &Wanted, span: Span) -> Option<ExprId> {
        let (ty, because) = wanted.as_ref()?;
        let known = self.infer.shallow(ty);
        if known.is_unit() || matches!(known, Ty::Var(_) | Ty::Error | Ty::Never) {
            return None;
        }
        self.mismatch(ty, &Ty::UNIT, span, *because, Some((Mend::Else, None)));
        Some(self.error(span))
    }

    /// A branch of a choice.
    fn arm(&mut self, expr: &ast::Expr) -> ExprId {
        match &expr.kind {
            ast::ExprKind::Block(block) => self.block(block, true),
            _ => self.expr(expr),
        }
    }

    /// The type of a choice between two branches, one of which may have no value: the one that is asked for, if one is.
    fn join(&mut self, one: ExprId, two: ExprId, wanted: &Wanted) -> Ty {
        if let Some((ty, because)) = wanted {
            let branches = [one, two].map(|branch| self.suits(branch, ty, *because));
            return if branches.contains(&true) { ty.clone() } else { Ty::Never };
        }
        match (self.ty(one), self.ty(two)) {
            (Ty::Never, other) => other,
            (ty, Ty::Never) => ty,
            (ty, _) => {
                let span = self.value_span(one);
                self.expect(two, &ty, Some(span));
                ty
            }
        }
    }

    /// Asks for the type of a branch; whether the branch has an end.
    fn suits(&mut self, branch: ExprId, ty: &Ty, because: Option<Span>) -> bool {
        let ends = self.ty(branch) != Ty::Never;
        if ends {
            self.expect(branch, ty, because);
        }
        ends
    }

    pub(super) fn match_(&mut self, scrutinee: &ast::Expr, arms: &[ast::Arm], span: Span) -> ExprId {
        let wanted = self.wanted.take();
        let scrutinee = self.value(scrutinee);
        let ty = self.body[scrutinee].ty.clone();
        let mut lowered = Vec::new();
        let mut first: Option<ExprId> = None;
        for arm in arms {
            self.variables.push(BTreeMap::new());
            // Of an arm that cannot be read it is not known what it covers.
            let is_unreadable = matches!(arm.value.kind, ast::ExprKind::Error) && arm.value.span == arm.pattern.span;
            let of = if is_unreadable { &Ty::Error } else { &ty };
            let pattern = self.pattern(&arm.pattern, of);
            let near = self.near(scrutinee).clone();
            self.bind_near(&pattern.bindings(), &near);
            self.wanted = wanted.clone();
            let value = self.arm(&arm.value);
            self.variables.pop();
            if let Some((ty, because)) = &wanted {
                self.suits(value, ty, *because);
            }
            match first {
                Some(first) if wanted.is_none() => {
                    self.join(first, value, &None);
                }
                Some(_) => {}
                None if self.ty(value) != Ty::Never => first = Some(value),
                None => {}
            }
            lowered.push((pattern, value));
        }
        let result = match (first, wanted) {
            (None, _) => Ty::Never,
            (Some(_), Some((ty, _))) => ty,
            (Some(first), None) => self.body[first].ty.clone(),
        };
        self.add(ExprKind::Match(scrutinee, lowered), result, span)
    }
}
