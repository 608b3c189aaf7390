//! What a role does for an expression: its statements, in the order of evaluation, and the value where the role holds it.

use super::project::{Projector, Target};
use super::sites::SiteKey;
use super::{Expr, ExprKind, Stmt, StmtKind};
use crate::hir::{self, ExprId, LocalId, Pattern, PatternKind, Placed, RoleId, ServiceId, Ty};
use crate::span::Span;

impl Projector<'_> {
    /// Operands from left to right: what may abort is computed before a later operand communicates.
    pub(super) fn operands(&mut self, target: &mut Target<'_>, exprs: &[ExprId]) -> Vec<Option<Expr>> {
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
    pub(super) fn expr(&mut self, target: &mut Target<'_>, id: ExprId) -> Option<Expr> {
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
            hir::ExprKind::Apply(function, items) => ExprKind::Apply(*function, self.all(target, items)?),
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
