//! Expressions: the walk, communication, operations.

use super::Lower;
use crate::diagnostic::grouping::Grouping;
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
        let wanted = self.wanted.take();
        if let Some(refused) = self.refused_expr(expr) {
            return refused;
        }
        if let ast::ExprKind::Block(_)
        | ast::ExprKind::If { .. }
        | ast::ExprKind::Match { .. }
        | ast::ExprKind::Saga { .. } = &expr.kind
        {
            self.wanted = wanted;
        }
        match &expr.kind {
            ast::ExprKind::Literal(literal) => self.literal(literal, span),
            ast::ExprKind::List(items) => self.list(items, span),
            ast::ExprKind::Tuple(items) => self.tuple(items, span),
            ast::ExprKind::Path(path) => self.path(path),
            ast::ExprKind::Call { callee, args } => self.call(callee, args, span),
            ast::ExprKind::ChoreographyCall { name, roles, types, args } => {
                self.choreography_call(name, roles, types, args, span)
            }
            ast::ExprKind::Struct { path, fields, base } => self.construct(path, fields, base.as_deref(), span),
            ast::ExprKind::Block(block) => self.block(block, false),
            ast::ExprKind::Field(value, name) => match self.role_expr(value) {
                Some((role, _)) => self.role_field(role, value, name, span),
                None => self.field(value, name, span),
            },
            ast::ExprKind::TupleField(value, index, index_span) => self.tuple_field(value, *index, *index_span, span),
            ast::ExprKind::Index(value, index) => self.index(value, index, span),
            ast::ExprKind::Method { receiver, name, args } => match self.role_expr(receiver) {
                Some((role, role_span)) => self.role_method(role, role_span, name, args, span),
                None => self.method(receiver, name, args, span),
            },
            ast::ExprKind::At(value, role) => self.at(value, role, span),
            ast::ExprKind::Unary(op, value) => self.unary(*op, value, span),
            ast::ExprKind::Binary(op, _, left, right) => self.binary(*op, left, right, span),
            ast::ExprKind::Range { start, end, inclusive } => {
                self.range(start.as_deref(), end.as_deref(), *inclusive, span)
            }
            ast::ExprKind::Communicate { value, to, within } => self.communicate(value, to, *within, span),
            ast::ExprKind::If { condition, then, otherwise } => {
                self.branch(condition, then, otherwise.as_deref(), span)
            }
            ast::ExprKind::Match { scrutinee, arms } => self.match_(scrutinee, arms, span),
            ast::ExprKind::While { condition, body, otherwise } => {
                self.while_(condition, body, otherwise.as_ref(), span)
            }
            ast::ExprKind::For { pattern, items, body } => self.for_(pattern, items, body, span),
            ast::ExprKind::Each { member, group, body } => self.each(member, group, body, span),
            ast::ExprKind::Par(arms) => {
                let arms: Vec<ExprId> = arms.iter().map(|arm| self.block(arm, false)).collect();
                let types: Vec<Ty> = arms.iter().map(|arm| self.value_ty(*arm)).collect();
                let units = types.iter().all(|ty| self.infer.shallow(ty).is_unit());
                let ty = if units { Ty::UNIT } else { Ty::Tuple(types) };
                self.add(ExprKind::Par(arms), ty, span)
            }
            ast::ExprKind::Saga { within, body, otherwise } => {
                self.saga(within.map(|within| within.millis), body, otherwise.as_ref(), span)
            }
            ast::ExprKind::Error => self.error(span),
        }
    }

    fn at(&mut self, value: &ast::Expr, role: &Ident, span: Span) -> ExprId {
        let value = self.value(value);
        let ty = self.body[value].ty.clone();
        match self.role(role).and_then(|known| self.single(known, role.span)) {
            Some(role) => self.add(ExprKind::At(value, role), ty, span),
            None => self.add(ExprKind::Error, ty, span),
        }
    }

    fn communicate(&mut self, value: &ast::Expr, to: &ast::Roles, within: Option<ast::Duration>, span: Span) -> ExprId {
        if let Some((from, from_span)) = self.role_expr(value) {
            let to = self.role_list(to);
            let Some(from) = self.single(from, from_span) else {
                return self.error(span);
            };
            if let Some(within) = within {
                // What comes without a payload comes in time or not: `Option<()>` says which.
                let unit = self.add(ExprKind::Tuple(Vec::new()), Ty::UNIT, from_span);
                let unit = self.add(ExprKind::At(unit, from), Ty::UNIT, from_span);
                return self.timed(unit, Some((from, from_span)), to, within, span);
            }
            for (receiver, receiver_span) in &to {
                if *receiver == from {
                    self.self_communication(from, from_span, *receiver_span);
                }
            }
            let to = to.into_iter().filter(|(receiver, _)| *receiver != from).collect();
            return self.add(ExprKind::Message { from, to }, Ty::UNIT, span);
        }
        let (value, from) = match &value.kind {
            ast::ExprKind::At(value, role) => {
                let value = self.value(value);
                let from = self.role(role).and_then(|known| self.single(known, role.span));
                (value, from.map(|from| Some((from, role.span))))
            }
            _ => (self.value(value), Some(None)),
        };
        let (Some(to), Some(from)) = (self.known_roles(to), from) else {
            return self.somewhere(value);
        };
        if from.is_none() && self.own_outside(value, to.first().map(|(role, _)| *role)) {
            return self.error(span);
        }
        if let (Some((from, from_span)), [(only, only_span)]) = (from, to.as_slice())
            && from == *only
        {
            self.self_communication(from, from_span, *only_span);
        }
        if let Some(within) = within {
            return self.timed(value, from, to, within, span);
        }
        let ty = self.body[value].ty.clone();
        self.add(ExprKind::Communicate { value, from, to, within: None }, ty, span)
    }

    /// `value ~> to within duration`
    fn timed(
        &mut self,
        value: ExprId,
        from: Option<(RoleId, Span)>,
        to: Vec<(RoleId, Span)>,
        within: ast::Duration,
        span: Span,
    ) -> ExprId {
        let is_group = |role: &RoleId| {
            self.roles.get(usize::from(role.0)).is_some_and(|role| role.kind == crate::hir::RoleKind::Group)
        };
        if to.len() != 1 || to.iter().any(|(role, _)| is_group(role)) {
            self.diagnostics.push(Grouping::WithinSeveral { span: within.span }.into());
        }
        let ty = Ty::Option(Box::new(self.body[value].ty.clone()));
        self.add(ExprKind::Communicate { value, from, to, within: Some(within.millis) }, ty, span)
    }

    /// The type of a block's value; of one that has none, nothing.
    pub(super) fn value_ty(&self, expr: ExprId) -> Ty {
        match self.ty(expr) {
            Ty::Never => Ty::UNIT,
            _ => self.body[expr].ty.clone(),
        }
    }

    fn self_communication(&mut self, role: RoleId, from: Span, to: Span) {
        let name = self.roles.get(usize::from(role.0)).map_or_else(String::new, |role| role.name.name.clone());
        self.diagnostics.push(Meaning::SelfCommunication { name, from, to }.into());
    }

    pub(super) fn call_operation(&mut self, role: RoleId, name: &Ident, args: &[ast::Expr], span: Span) -> ExprId {
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
        if declared.is_readable && args.len() != declared.params.len() {
            return self.add(ExprKind::Error, declared.result.clone(), span);
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
