//! Operators. What an operator asks of a type is checked when all types are known.

use super::{Ability, Lower, Obligation};
use crate::hir::builtin::Builtin;
use crate::hir::{Expr, ExprId, ExprKind, Literal, Ty};
use crate::span::Span;
use crate::syntax::ast::{self, BinaryOp, UnaryOp};

impl Lower<'_> {
    pub(super) fn unary(&mut self, op: UnaryOp, value: &ast::Expr, span: Span) -> ExprId {
        if let (UnaryOp::Neg, ast::ExprKind::Literal(literal)) = (op, &value.kind)
            && let Some(negated) = negated(literal)
        {
            return self.literal(&negated, span);
        }
        let value = self.value(value);
        let ty = self.body[value].ty.clone();
        match op {
            UnaryOp::Neg => self.oblige(Ability::Negate, "-", ty.clone(), span),
            UnaryOp::Not => self.expect(value, &Ty::Bool, None),
        }
        self.add(ExprKind::Unary(op, value), ty, span)
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: &ast::Expr, right: &ast::Expr, span: Span) -> ExprId {
        let left_id = self.value(left);
        let before = self.body.exprs.len();
        let right_id = self.value(right);
        let is_branch = self.body.exprs.get(before..).is_some_and(|added| !added.iter().all(is_simple));
        let ability = match op {
            BinaryOp::And | BinaryOp::Or => {
                self.expect(left_id, &Ty::Bool, None);
                self.expect(right_id, &Ty::Bool, None);
                if is_branch {
                    return self.short_circuit(op, left_id, right_id, span);
                }
                return self.add(ExprKind::Binary(op, left_id, right_id), Ty::Bool, span);
            }
            BinaryOp::Add => Ability::Add,
            BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => Ability::Calculate,
            BinaryOp::Eq | BinaryOp::Ne => Ability::Compare,
            BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => Ability::Order,
        };
        let ty = self.body[left_id].ty.clone();
        let is_calculation = matches!(ability, Ability::Add | Ability::Calculate | Ability::Order);
        if is_calculation && !self.may_be_able(ability, &ty) {
            // Whatever stands on the right, it is the left side that the operator is not for.
            self.oblige(ability, op.symbol(), ty, self.value_span(left_id));
            return self.error(span);
        }
        if op == BinaryOp::Add && self.ty(right_id) == Ty::Str {
            let because = Some(right.span);
            self.expect(left_id, &Ty::Str, because);
            return self.add(ExprKind::Binary(op, left_id, right_id), Ty::Str, span);
        }
        self.expect(right_id, &ty, Some(left.span));
        if let (BinaryOp::Add, Ty::Vec(_)) = (op, self.infer.shallow(&ty))
            && let Some(concat) = Builtin::method_of("Vec<T>", "concat")
        {
            return self.add(ExprKind::Builtin(concat, vec![left_id, right_id]), ty, span);
        }
        self.oblige(ability, op.symbol(), ty.clone(), span);
        let result = if let Ability::Add | Ability::Calculate = ability { ty } else { Ty::Bool };
        self.add(ExprKind::Binary(op, left_id, right_id), result, span)
    }

    /// `&&` and `||` with more than a computation on the right are the `if` they stand for.
    fn short_circuit(&mut self, op: BinaryOp, left: ExprId, right: ExprId, span: Span) -> ExprId {
        let constant = self.add(ExprKind::Literal(Literal::Bool(op == BinaryOp::Or)), Ty::Bool, span);
        let (then, otherwise) = if op == BinaryOp::Or { (constant, right) } else { (right, constant) };
        self.add(ExprKind::If(left, then, otherwise), Ty::Bool, span)
    }

    /// Whether a type can do something, as far as its outermost form is known.
    fn may_be_able(&self, ability: Ability, ty: &Ty) -> bool {
        match self.infer.shallow(ty) {
            Ty::Var(_) => true,
            ty => self.able(ability, &ty),
        }
    }

    pub(super) fn must_compare(&mut self, ty: Ty, span: Span) {
        self.oblige(Ability::Compare, "==", ty, span);
    }

    pub(super) fn oblige(&mut self, ability: Ability, operator: &'static str, ty: Ty, span: Span) {
        self.obligations.push(Obligation { ability, operator, ty, span });
    }
}

/// Whether an expression by itself is a computation without statements: all of it is done where it stands.
fn is_simple(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Construct { .. }
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Index(..)
            | ExprKind::Builtin(..)
            | ExprKind::Apply(..)
            | ExprKind::At(..)
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Error
    )
}

fn negated(literal: &ast::Literal) -> Option<ast::Literal> {
    match literal {
        ast::Literal::Int { value, negative, suffix } => {
            Some(ast::Literal::Int { value: *value, negative: !negative, suffix: suffix.clone() })
        }
        ast::Literal::Float(text) => Some(ast::Literal::Float(format!("-{text}"))),
        ast::Literal::Str(_) | ast::Literal::Char(_) | ast::Literal::Bool(_) => None,
    }
}
