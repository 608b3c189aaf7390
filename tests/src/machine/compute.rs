//! What a role computes by itself.

use accompanist::RoleId;
use chor::hir::growth::{TOO_LARGE, VALUE_PARTS_MAX};
use chor::hir::{RoleKind, ServiceId};
use chor::interpret::{self, Called, Participant, Value, Way};
use chor::lir::{Expr, ExprKind, Target};
use chor::span::Span;
use chor::syntax::ast::BinaryOp;

use super::Player;
use super::frame::Frame;

/// The reason to abort with.
pub(super) type Computed = Result<Value, String>;

impl Player {
    fn reason(&self, span: Span, fault: interpret::Fault) -> String {
        interpret::reason(&self.play.compilation.sources, span, fault)
    }

    pub(super) fn values(&self, frame: &Frame<'_>, exprs: &[Expr]) -> Result<Vec<Value>, String> {
        exprs.iter().map(|expr| self.value(frame, expr)).collect()
    }

    /// The value of an expression.
    pub(super) fn value(&self, frame: &Frame<'_>, expr: &Expr) -> Computed {
        let hir = &self.play.compilation.hir;
        let or_abort = |result: Result<Value, interpret::Fault>| result.map_err(|fault| self.reason(expr.span, fault));
        match &expr.kind {
            ExprKind::Literal(literal) => Ok(Value::literal(literal, &expr.ty)),
            ExprKind::Local(local) => {
                let name = || format!("a bug: {local:?} (`{}`) is not bound", frame.projection.local(*local).name);
                frame.vars.get(local).cloned().ok_or_else(name)
            }
            ExprKind::Tuple(items) => or_abort(joined(expr, Value::Tuple(self.values(frame, items)?))),
            ExprKind::List(items) => or_abort(joined(expr, Value::Vec(self.values(frame, items)?))),
            ExprKind::Construct(constructor, fields, base) => {
                let given = fields.iter().map(|(index, value)| Ok((*index, self.value(frame, value)?)));
                let given = given.collect::<Result<Vec<_>, String>>()?;
                let base = base.as_ref().map(|base| self.value(frame, base)).transpose()?;
                or_abort(joined(expr, interpret::construct(hir, *constructor, given, base)))
            }
            ExprKind::Field(value, name) => Ok(interpret::field(&self.value(frame, value)?, name)),
            ExprKind::TupleField(value, index) => Ok(interpret::tuple_field(&self.value(frame, value)?, *index)),
            ExprKind::Index(value, index) => {
                or_abort(interpret::index(&self.value(frame, value)?, &self.value(frame, index)?))
            }
            ExprKind::Builtin(builtin, operands) => {
                let ty = chor::hir::substitute(&expr.ty, &frame.types);
                let value = interpret::builtin(*builtin, &self.values(frame, operands)?, &ty);
                or_abort(value.ok_or(builtin.fault()))
            }
            ExprKind::Apply(function, args) => {
                let value = self.apply(frame, *function, self.values(frame, args)?)?;
                match hir.function(*function).body() {
                    Some(_) => Ok(value),
                    None => or_abort(value.limited().ok_or(TOO_LARGE)),
                }
            }
            ExprKind::Len(group) => Ok(Value::size(frame.players_of(group).len())),
            ExprKind::MemberIndex(member) => Ok(Value::size(self.member_index(frame, *member))),
            ExprKind::Pure(service, operation, args) => {
                let args = self.values(frame, args)?;
                let value = self.world.result(hir, &self.called(frame, *service, *operation, &args))?;
                or_abort(value.limited().ok_or(TOO_LARGE))
            }
            ExprKind::Unary(op, value) => or_abort(interpret::unary(*op, &self.value(frame, value)?)),
            ExprKind::Binary(op, one, two) => {
                let one = self.value(frame, one)?;
                match op {
                    BinaryOp::And if !one.is_true() => Ok(one),
                    BinaryOp::Or if one.is_true() => Ok(one),
                    _ => or_abort(interpret::binary(*op, &one, &self.value(frame, two)?)),
                }
            }
        }
    }

    pub(super) fn called<'a>(
        &'a self,
        frame: &Frame<'_>,
        service: ServiceId,
        operation: u32,
        arguments: &'a [Value],
    ) -> Called<'a> {
        let hir = &self.play.compilation.hir;
        let declared = hir.operation(service, operation);
        Called {
            participant: Participant(frame.me.0),
            service: &hir.service(service).name.name,
            operation: &declared.name.name,
            kind: &declared.kind,
            arguments,
            result: &declared.result,
        }
    }

    /// The number of a member in its group.
    fn member_index(&self, frame: &Frame<'_>, member: chor::hir::RoleId) -> usize {
        let choreography = &self.play.compilation.hir.choreographies[frame.projection.choreography];
        let RoleKind::Member(group) = &choreography.role(member).kind else { return 0 };
        let (group, own): (Vec<RoleId>, RoleId) = (frame.players_of(group), frame.player(member));
        group.iter().position(|other| *other == own).unwrap_or(usize::MAX)
    }

    /// Changes a variable.
    pub(super) fn change(
        &self,
        frame: &mut Frame<'_>,
        target: &Target,
        (span, grows): (Span, bool),
        apply: impl FnOnce(&mut Value) -> Result<Value, interpret::Fault>,
    ) -> Computed {
        let mut path = Vec::new();
        let mut index_span = span;
        for step in &target.path {
            path.push(match step {
                chor::lir::Step::Field(name) => Way::Field(name.clone()),
                chor::lir::Step::TupleField(index) => Way::TupleField(*index),
                chor::lir::Step::Index(index, span) => {
                    index_span = *span;
                    Way::Index(self.value(frame, index)?)
                }
            });
        }
        let variable = frame.vars.get_mut(&target.local).ok_or("a bug: what is assigned to is not bound")?;
        let part = interpret::part_mut(variable, &path).map_err(|fault| self.reason(index_span, fault))?;
        let result = apply(part).map_err(|fault| self.reason(span, fault))?;
        match grows && variable.parts() > VALUE_PARTS_MAX {
            true => Err(self.reason(span, TOO_LARGE)),
            false => Ok(result),
        }
    }
}

/// What an expression makes of its parts, limited where it joins several that may be large.
fn joined(expr: &Expr, made: Value) -> Result<Value, interpret::Fault> {
    if expr.joins() { made.limited().ok_or(TOO_LARGE) } else { Ok(made) }
}
