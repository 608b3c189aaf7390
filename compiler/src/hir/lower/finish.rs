//! When the whole body has been read: open types take their defaults, and what waited for types is checked.

use std::mem;

use super::{Ability, Lower};
use crate::diagnostic::meaning::{Meaning, OperandHint};
use crate::hir::builtin::Builtin;
use crate::hir::check::exhaustive;
use crate::hir::infer::TYPE_SIZE_MAX;
use crate::hir::{Expr, ExprId, ExprKind, IntTy, Literal, Pattern, PatternKind, StmtKind, Ty};
use crate::span::Span;

impl Lower<'_> {
    /// Puts every type in, and reports those that nothing says.
    pub(super) fn finish(&mut self) {
        let mut reported = false;
        let mut body = mem::take(&mut self.body);
        for local in &mut body.locals {
            local.ty = self.finish_type(&local.ty, local.span, &mut reported);
        }
        for expr in &mut body.exprs {
            expr.ty = self.finish_type(&expr.ty, expr.span, &mut reported);
            match &mut expr.kind {
                ExprKind::Match(_, arms) => {
                    for (pattern, _) in arms {
                        self.finish_pattern(pattern, &mut reported);
                    }
                }
                ExprKind::Block(stmts, _) => {
                    for stmt in stmts {
                        match &mut stmt.kind {
                            StmtKind::Let(pattern, _, _) => self.finish_pattern(pattern, &mut reported),
                            StmtKind::Assign(target, _) => {
                                target.ty = self.finish_type(&target.ty, target.span, &mut reported);
                            }
                            StmtKind::Require(..)
                            | StmtKind::Abort(..)
                            | StmtKind::Select(..)
                            | StmtKind::Sleep(..)
                            | StmtKind::Expr(_) => {}
                        }
                    }
                }
                ExprKind::For { pattern, .. } => self.finish_pattern(pattern, &mut reported),
                ExprKind::Mutate { target, .. } => {
                    target.ty = self.finish_type(&target.ty, target.span, &mut reported);
                }
                ExprKind::Call(call) => {
                    for ty in &mut call.types {
                        *ty = self.finish_type(ty, expr.span, &mut reported);
                    }
                }
                ExprKind::Literal(literal) => {
                    let (value, ty, span) = (literal.clone(), expr.ty.clone(), expr.span);
                    self.check_range(&value, &ty, span);
                }
                _ => {}
            }
        }
        self.body = body;
        self.convert_sizes();
        self.check_obligations();
        self.check_patterns();
    }

    /// Sizes are `usize`, and so are indices: what has another type is converted, as if that were written.
    fn convert_sizes(&mut self) {
        let converts = |ty: &Ty| matches!(ty, Ty::Int(int) if *int != IntTy::USIZE);
        let is_size = |kind: &ExprKind| match kind {
            ExprKind::Len(_) | ExprKind::MemberIndex(_) => true,
            ExprKind::Builtin(builtin, _) => builtin.is_size(),
            _ => false,
        };
        let exprs = (0..).map(ExprId).zip(&self.body.exprs);
        let found: Vec<ExprId> =
            exprs.filter(|(_, expr)| converts(&expr.ty) && is_size(&expr.kind)).map(|(id, _)| id).collect();
        for id in found {
            let Expr { ty, span, .. } = &self.body[id];
            let (ty, span) = (ty.clone(), *span);
            self.convert(id, Ty::Int(IntTy::USIZE), ty, span);
        }
        for id in mem::take(&mut self.sizes) {
            let Expr { ty, span, .. } = &self.body[id];
            let (ty, span) = (ty.clone(), *span);
            if converts(&ty) {
                self.convert(id, ty, Ty::Int(IntTy::USIZE), span);
            }
        }
    }

    /// Puts the conversion of an integer where the integer stands.
    fn convert(&mut self, id: ExprId, from: Ty, to: Ty, span: Span) {
        let name = to.primitive_name().unwrap_or_default();
        let conversion =
            Builtin::method_of("I", &format!("to_{name}")).expect("every integer has a conversion to each");
        let value = self.body.add(Expr { kind: ExprKind::Error, ty: from, span });
        if let Some(expr) = self.body.exprs.get_mut(id.0 as usize) {
            let kind = mem::replace(&mut expr.kind, ExprKind::Builtin(conversion, vec![value]));
            expr.ty = to;
            if let Some(value) = self.body.exprs.get_mut(value.0 as usize) {
                value.kind = kind;
            }
        }
    }

    fn finish_type(&mut self, ty: &Ty, span: Span, reported: &mut bool) -> Ty {
        if self.infer.is_too_large(ty) {
            if !mem::replace(reported, true) {
                self.diagnostics.push(Meaning::TooLarge { max: TYPE_SIZE_MAX, span }.into());
            }
            return Ty::Error;
        }
        match self.infer.finish(ty) {
            Some(ty) => ty,
            None => {
                // One open type makes many; the first is the one to write down.
                if !mem::replace(reported, true) {
                    let ty = self.hir.show(&self.infer.known(ty));
                    self.diagnostics.push(Meaning::UnknownType { ty, span }.into());
                }
                Ty::Error
            }
        }
    }

    fn finish_pattern(&mut self, pattern: &mut Pattern, reported: &mut bool) {
        pattern.ty = self.finish_type(&pattern.ty, pattern.span, reported);
        match &mut pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) => {}
            PatternKind::Literal(literal) => {
                let (value, ty, span) = (literal.clone(), pattern.ty.clone(), pattern.span);
                self.check_range(&value, &ty, span);
            }
            PatternKind::Tuple(items) => items.iter_mut().for_each(|item| self.finish_pattern(item, reported)),
            PatternKind::Construct(_, fields) => {
                fields.iter_mut().for_each(|(_, field)| self.finish_pattern(field, reported));
            }
        }
    }

    fn check_range(&mut self, literal: &Literal, ty: &Ty, span: Span) {
        if let (Literal::Int(value, negative), Ty::Int(int)) = (literal, ty)
            && !int.fits(*value, *negative)
        {
            let text = format!("{}{value}", if *negative { "-" } else { "" });
            self.diagnostics.push(Meaning::LiteralRange { text, ty: int.name(), span }.into());
        }
    }

    fn check_obligations(&mut self) {
        for obligation in mem::take(&mut self.obligations) {
            let ty = self.infer.finish(&obligation.ty).unwrap_or(Ty::Error);
            if obligation.ability == Ability::Key && !ty.is_key() {
                let (ty, span) = (self.hir.show(&ty), obligation.span);
                self.diagnostics.push(Meaning::NotAKey { ty, span }.into());
            } else if !self.able(obligation.ability, &ty) {
                let extern_type = match &ty {
                    Ty::Named(id) if self.is_extern(*id) => Some(self.hir.type_def(*id).span),
                    _ => None,
                };
                let hint = self.operand_hint(obligation.ability, &ty);
                let (operator, ty, span) = (obligation.operator, self.hir.show(&ty), obligation.span);
                self.diagnostics.push(Meaning::BadOperand { operator, ty, span, extern_type, hint }.into());
            }
        }
    }

    /// What there is instead of an operator that a type does not have.
    fn operand_hint(&self, ability: Ability, ty: &Ty) -> Option<OperandHint> {
        match (ability, ty) {
            (Ability::Negate, Ty::Int(_)) => Some(OperandHint::Signed),
            (_, Ty::Option(item) | Ty::Result(item, _)) if self.able(ability, item) => Some(OperandHint::Inside),
            _ => None,
        }
    }

    pub(super) fn able(&self, ability: Ability, ty: &Ty) -> bool {
        match (ability, ty) {
            (_, Ty::Error | Ty::Never) => true,
            (Ability::Compare, Ty::Named(id)) => self.hir.type_def(*id).comparable,
            (Ability::Compare | Ability::Sort, Ty::Tuple(items)) => items.iter().all(|item| self.able(ability, item)),
            (Ability::Compare | Ability::Sort, Ty::Option(item) | Ty::Vec(item)) => self.able(ability, item),
            (Ability::Compare, Ty::Result(one, two) | Ty::Map(one, two)) => {
                self.able(ability, one) && self.able(ability, two)
            }
            (Ability::Sort, Ty::Bool | Ty::Int(_) | Ty::Char | Ty::Str) => true,
            (Ability::Key, ty) => ty.is_key(),
            (Ability::Compare, Ty::Param(..)) => false,
            (Ability::Compare, _) => true,
            (Ability::Order, Ty::Int(_) | Ty::Float(_) | Ty::Char | Ty::Str) => true,
            (Ability::Add, Ty::Str | Ty::Vec(_)) => true,
            (Ability::Add | Ability::Calculate, Ty::Int(_) | Ty::Float(_)) | (Ability::Negate, Ty::Float(_)) => true,
            (Ability::Negate, Ty::Int(int)) => int.signed,
            (Ability::Order | Ability::Add | Ability::Calculate | Ability::Negate | Ability::Sort, _) => false,
        }
    }

    fn check_patterns(&mut self) {
        let mut incomplete = Vec::new();
        for (index, expr) in (0..).zip(&self.body.exprs) {
            match &expr.kind {
                ExprKind::Match(scrutinee, arms) => {
                    let patterns: Vec<&Pattern> = arms.iter().map(|(pattern, _)| pattern).collect();
                    let scrutinee = &self.body[*scrutinee];
                    if !exhaustive::check_match(self.hir, &patterns, scrutinee, expr.span, self.diagnostics) {
                        incomplete.push(ExprId(index));
                    }
                }
                ExprKind::For { pattern, .. } => exhaustive::check_let(self.hir, pattern, self.diagnostics),
                ExprKind::Block(stmts, _) => {
                    for stmt in stmts {
                        if let StmtKind::Let(pattern, _, _) = &stmt.kind {
                            exhaustive::check_let(self.hir, pattern, self.diagnostics);
                        }
                    }
                }
                _ => {}
            }
        }
        incomplete.into_iter().for_each(|expr| self.complete(expr));
    }

    /// Gives a `match` the arm that it lacks, of which nothing is known: what would follow from its not being there is not told.
    fn complete(&mut self, whole: ExprId) {
        let (ty, span) = (self.body[whole].ty.clone(), self.body[whole].span);
        let value = self.error(span);
        let pattern = Pattern { kind: PatternKind::Wildcard, ty: Ty::Error, span };
        if let Some(Expr { kind: ExprKind::Match(_, arms), .. }) = self.body.exprs.get_mut(whole.0 as usize) {
            arms.push((pattern, value));
        }
        if let Some(value) = self.body.exprs.get_mut(value.0 as usize) {
            value.ty = ty;
        }
    }
}
