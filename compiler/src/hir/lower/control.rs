//! Blocks, statements and choices.

use std::collections::BTreeMap;

use super::{Lower, resolve_type};
use crate::diagnostic::meaning::Meaning;
use crate::hir::{ExprId, ExprKind, Stmt, StmtKind, Ty};
use crate::span::Span;
use crate::syntax::ast;

impl Lower<'_> {
    /// A block. `select` may stand at the head of one that is a branch of a choice.
    pub(super) fn block(&mut self, block: &ast::Block, is_branch: bool) -> ExprId {
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
                StmtKind::Let(..) | StmtKind::Require(..) | StmtKind::Select(..) => false,
            };
            end = diverges.then_some(stmt.span);
            stmts.push(Stmt { kind, span: stmt.span });
        }
        let tail = block.tail.as_ref().map(|tail| {
            if let Some(end) = end {
                self.diagnostics.push(Meaning::NeverReached { span: tail.span, end }.into());
            }
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
                if *mutable {
                    self.not_supported("let mut", stmt.span);
                }
                // A `fn` has no places, which has been told.
                let place = place.as_ref().filter(|_| self.function.is_none());
                self.let_(pattern, ty.as_ref(), place, value)
            }
            ast::StmtKind::Assign { target, .. } => {
                self.not_supported("an assignment", target.span);
                return None;
            }
            ast::StmtKind::Require { condition, reason } => {
                let (condition, reason) = (self.value(condition), self.value(reason));
                self.expect(condition, &Ty::Bool, None);
                self.expect(reason, &Ty::Str, None);
                StmtKind::Require(condition, reason)
            }
            ast::StmtKind::Abort { role, reason } => {
                let reason = self.value(reason);
                self.expect(reason, &Ty::Str, None);
                StmtKind::Abort(self.role(role)?, reason)
            }
            ast::StmtKind::Select { from, to } => {
                let (role, to) = (self.role(from), self.role_list(to));
                if !at_head {
                    self.diagnostics.push(Meaning::MisplacedSelect { span: stmt.span }.into());
                    return None;
                }
                let role = role?;
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

    fn let_(
        &mut self,
        pattern: &ast::Pattern,
        ty: Option<&ast::Type>,
        place: Option<&ast::Place>,
        value: &ast::Expr,
    ) -> StmtKind {
        let value = self.value(value);
        let known = place.map(|place| self.place(place));
        // At an unknown role, it is not known where it lives.
        let (place, value) = match known {
            Some(None) => (None, self.somewhere(value)),
            Some(Some(place)) => (Some(place), value),
            None => (None, value),
        };
        let mut value_ty = self.body[value].ty.clone();
        if let Some(ty) = ty {
            let declared = resolve_type(ty, self.scope, self.diagnostics);
            self.expect(value, &declared, Some(ty.span));
            value_ty = declared;
        }
        let pattern = self.pattern(pattern, &value_ty);
        StmtKind::Let(pattern, place, value)
    }

    pub(super) fn branch(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Block,
        otherwise: Option<&ast::Expr>,
        span: Span,
    ) -> ExprId {
        let condition = self.value(condition);
        self.expect(condition, &Ty::Bool, None);
        let then_id = self.block(then, true);
        let Some(otherwise) = otherwise else {
            if !matches!(self.ty(then_id), Ty::Never) {
                self.expect(then_id, &Ty::UNIT, None);
            }
            let end = Span { start: span.end, ..span };
            let empty = self.add(ExprKind::Block(Vec::new(), None), Ty::UNIT, end);
            return self.add(ExprKind::If(condition, then_id, empty), Ty::UNIT, span);
        };
        let otherwise = self.arm(otherwise);
        let ty = self.join(then_id, otherwise);
        self.add(ExprKind::If(condition, then_id, otherwise), ty, span)
    }

    /// A branch of a choice.
    fn arm(&mut self, expr: &ast::Expr) -> ExprId {
        match &expr.kind {
            ast::ExprKind::Block(block) => self.block(block, true),
            _ => self.expr(expr),
        }
    }

    /// The type of a choice between two branches, one of which may have no value.
    fn join(&mut self, one: ExprId, two: ExprId) -> Ty {
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

    pub(super) fn match_(&mut self, scrutinee: &ast::Expr, arms: &[ast::Arm], span: Span) -> ExprId {
        let scrutinee = self.value(scrutinee);
        let ty = self.body[scrutinee].ty.clone();
        let mut lowered = Vec::new();
        let mut first: Option<ExprId> = None;
        for arm in arms {
            self.variables.push(BTreeMap::new());
            let pattern = self.pattern(&arm.pattern, &ty);
            let value = self.arm(&arm.value);
            self.variables.pop();
            match first {
                Some(first) => {
                    self.join(first, value);
                }
                None if self.ty(value) != Ty::Never => first = Some(value),
                None => {}
            }
            lowered.push((pattern, value));
        }
        let result = first.map_or(Ty::Never, |first| self.body[first].ty.clone());
        self.add(ExprKind::Match(scrutinee, lowered), result, span)
    }
}
