//! How values are written in a diagram.

use super::Builder;
use crate::hir::{ExprId, ExprKind};

impl Builder<'_> {
    pub(super) fn arguments(&self, args: &[ExprId]) -> String {
        args.iter().map(|arg| self.value_text(*arg, None)).collect::<Vec<_>>().join(", ")
    }

    /// The source of an expression.
    pub(super) fn text(&self, id: ExprId) -> String {
        self.source(self.choreography.body[id].span)
    }

    /// The source of a value, without the way that it came; what is made on the way has the name that it is bound to.
    pub(super) fn value_text(&self, mut id: ExprId, name: Option<&str>) -> String {
        loop {
            let expr = &self.choreography.body[id];
            match &expr.kind {
                ExprKind::Communicate { value, .. } | ExprKind::At(value, _) => id = *value,
                ExprKind::Block(stmts, Some(tail)) if stmts.is_empty() => id = *tail,
                ExprKind::Operation { service, operation, .. } => {
                    let operation = &self.hir.operation(*service, *operation).name.name;
                    return name.map_or_else(|| format!("result of {operation}"), str::to_owned);
                }
                ExprKind::Call(call) => {
                    return name.map_or_else(|| format!("result of {}", self.callee(call.callee)), str::to_owned);
                }
                ExprKind::Block(..)
                | ExprKind::If(..)
                | ExprKind::Match(..)
                | ExprKind::While { .. }
                | ExprKind::For { .. }
                | ExprKind::Members(_)
                | ExprKind::Par(_)
                | ExprKind::Saga(_) => return name.unwrap_or("its value").to_owned(),
                ExprKind::Literal(_)
                | ExprKind::Local(_)
                | ExprKind::Tuple(_)
                | ExprKind::List(_)
                | ExprKind::Construct { .. }
                | ExprKind::Field(..)
                | ExprKind::TupleField(..)
                | ExprKind::Index(..)
                | ExprKind::Builtin(..)
                | ExprKind::Apply(..)
                | ExprKind::Message { .. }
                | ExprKind::Unary(..)
                | ExprKind::Binary(..)
                | ExprKind::Len(_)
                | ExprKind::MemberIndex(_)
                | ExprKind::Mutate { .. }
                | ExprKind::Error => return self.source(expr.span),
            }
        }
    }
}
