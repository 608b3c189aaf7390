//! Expressions: the walk, communication, operations.

use super::Lower;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{ExprId, ExprKind, Field, RoleId, Ty};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

impl Lower<'_> {
    /// An expression whose value is used, and so must have one.
    pub(super) fn value(&mut self, expr: &ast::Expr) -> ExprId {
        let id = self.expr(expr);
        if self.ty(id) == Ty::Never {
            self.diagnostics.push(Meaning::NeverReached { span: expr.span, end: self.body[id].span }.into());
            return self.error(expr.span);
        }
        id
    }

    /// An expression.
    pub(super) fn expr(&mut self, expr: &ast::Expr) -> ExprId {
        let span = expr.span;
        if let Some(refused) = self.refused_expr(expr) {
            return refused;
        }
        match &expr.kind {
            ast::ExprKind::Literal(literal) => self.literal(literal, span),
            ast::ExprKind::List(items) => self.list(items, span),
            ast::ExprKind::Tuple(items) => self.tuple(items, span),
            ast::ExprKind::Path(path) => self.path(path),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, span),
            ast::ExprKind::ChoreographyCall { .. } => self.not_supported("a call of a choreography", span),
            ast::ExprKind::Struct { path, fields, base } => self.construct(path, fields, base.as_deref(), span),
            ast::ExprKind::Block(block) => self.block(block, false),
            ast::ExprKind::Field(value, name) => self.field(value, name, span),
            ast::ExprKind::TupleField(value, index, index_span) => self.tuple_field(value, *index, *index_span, span),
            ast::ExprKind::Index(value, index) => self.index(value, index, span),
            ast::ExprKind::Method { receiver, name, args } => match self.role_expr(receiver) {
                Some((role, _)) => self.call_operation(role, name, args, span),
                None => self.method(receiver, name, args, span),
            },
            ast::ExprKind::At(value, role) => self.at(value, role, span),
            ast::ExprKind::Unary(op, value) => self.unary(*op, value, span),
            ast::ExprKind::Binary(op, _, left, right) => self.binary(*op, left, right, span),
            ast::ExprKind::Range { start, end, inclusive } => {
                self.range(start.as_deref(), end.as_deref(), *inclusive, span)
            }
            ast::ExprKind::Communicate { value, to, within } => {
                if let Some(within) = within {
                    self.not_supported("within", within.span);
                }
                self.communicate(value, to, span)
            }
            ast::ExprKind::If { condition, then, otherwise } => {
                self.branch(condition, then, otherwise.as_deref(), span)
            }
            ast::ExprKind::Match { scrutinee, arms } => self.match_(scrutinee, arms, span),
            ast::ExprKind::While { .. } => self.not_supported("while", span),
            ast::ExprKind::For { .. } => self.not_supported("for", span),
            ast::ExprKind::Each { .. } => self.not_supported("each", span),
            ast::ExprKind::Par(_) => self.not_supported("par", span),
            ast::ExprKind::Saga { .. } => self.not_supported("saga", span),
            ast::ExprKind::Error => self.error(span),
        }
    }

    fn at(&mut self, value: &ast::Expr, role: &Ident, span: Span) -> ExprId {
        let value = self.value(value);
        let ty = self.body[value].ty.clone();
        match self.role(role) {
            Some(role) => self.add(ExprKind::At(value, role), ty, span),
            None => self.add(ExprKind::Error, ty, span),
        }
    }

    fn communicate(&mut self, value: &ast::Expr, to: &ast::Roles, span: Span) -> ExprId {
        if let Some((from, from_span)) = self.role_expr(value) {
            let to = self.role_list(to);
            for (receiver, receiver_span) in &to {
                if *receiver == from {
                    self.self_communication(from, from_span, *receiver_span);
                }
            }
            let to = to.into_iter().filter(|(receiver, _)| *receiver != from).collect();
            return self.add(ExprKind::Message { from, to }, Ty::UNIT, span);
        }
        let (value, from) = match &value.kind {
            ast::ExprKind::At(value, role) => (self.value(value), self.role(role).map(|from| Some((from, role.span)))),
            _ => (self.value(value), Some(None)),
        };
        let (Some(to), Some(from)) = (self.known_roles(to), from) else {
            return self.somewhere(value);
        };
        if let (Some((from, from_span)), [(only, only_span)]) = (from, to.as_slice())
            && from == *only
        {
            self.self_communication(from, from_span, *only_span);
        }
        let ty = self.body[value].ty.clone();
        self.add(ExprKind::Communicate { value, from, to }, ty, span)
    }

    fn self_communication(&mut self, role: RoleId, from: Span, to: Span) {
        let name = self.role_services.get(usize::from(role.0)).map_or_else(String::new, |role| role.name.name.clone());
        self.diagnostics.push(Meaning::SelfCommunication { name, from, to }.into());
    }

    fn call_operation(&mut self, role: RoleId, name: &Ident, args: &[ast::Expr], span: Span) -> ExprId {
        let found = self.operation(role, name);
        let hir = self.hir;
        let args: Vec<ExprId> = args.iter().map(|arg| self.value(arg)).collect();
        let Some((service, operation)) = found else {
            return self.error(span);
        };
        let declared = hir.operation(service, operation);
        if declared.is_readable {
            self.arguments(&name.name, &args, &declared.params, span, declared.name.span);
        }
        self.add(ExprKind::Operation { role, service, operation, args }, declared.result.clone(), span)
    }

    /// Checks arguments against parameters.
    pub(super) fn arguments(&mut self, name: &str, args: &[ExprId], params: &[Field], span: Span, declared: Span) {
        if args.len() != params.len() {
            let (expected, found) = (params.len(), args.len());
            let what = format!("`{name}`");
            self.diagnostics.push(
                Meaning::Arity { what, unit: "argument", expected, found, span, declared: Some(declared) }.into(),
            );
        }
        for (arg, param) in args.iter().zip(params) {
            self.expect(*arg, &param.ty, Some(param.name.span));
        }
    }
}
