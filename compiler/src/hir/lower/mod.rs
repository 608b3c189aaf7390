//! Bodies: names are resolved and types inferred in one walk over the tree, in the order written.

mod builtins;
mod control;
mod expr;
mod finish;
mod functions;
mod names;
mod operators;
mod pattern;
mod values;

pub use functions::functions;
pub use operators::symbol;

use std::collections::{BTreeMap, BTreeSet};

use super::check::{duplicates, reserved, wide};
use super::infer::Infer;
use super::items::{Scope, resolve_service, resolve_type};
use super::{Body, Choreography, Expr, ExprId, ExprKind, Hir, LocalId, Param, Placed, Role, RoleId, Ty};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Ident, Item};

/// What a type must be able to do, found out when all types are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ability {
    /// `==`
    Compare,
    /// `<`
    Order,
    /// `+`
    Calculate,
    /// `-x`
    Negate,
    /// `+`
    Add,
    /// A total order.
    Sort,
    /// The key of a `Map`.
    Key,
}

/// A type that must be able to do something, for this operator.
struct Obligation {
    ability: Ability,
    operator: &'static str,
    ty: Ty,
    span: Span,
}

/// The lowering of one choreography.
struct Lower<'a> {
    hir: &'a Hir,
    scope: &'a Scope,
    diagnostics: &'a mut Diagnostics,
    roles: BTreeMap<String, RoleId>,
    role_services: Vec<Role>,
    /// Roles of which a service is unknown, and so their operations.
    open_roles: BTreeSet<RoleId>,
    body: Body,
    infer: Infer,
    variables: Vec<BTreeMap<String, LocalId>>,
    obligations: Vec<Obligation>,
    /// Where a `fn` begins whose body this is.
    function: Option<Span>,
}

/// Lowers the choreographies of all files.
pub fn choreographies(
    files: &[ast::File],
    hir: &Hir,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Vec<Choreography> {
    let mut all = Vec::new();
    for (index, file) in (0..).zip(files) {
        scope.enter(FileId(index));
        for item in &file.items {
            if let Item::Choreography(item) = item {
                all.push(choreography(item, file.explicit.is_some(), hir, scope, diagnostics));
            }
        }
    }
    all
}

fn choreography(
    item: &ast::Choreography,
    explicit: bool,
    hir: &Hir,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> Choreography {
    duplicates::check(item.roles.iter().map(|role| &role.name), diagnostics);
    duplicates::check(item.params.iter().map(|param| &param.name), diagnostics);
    if let Some(first) = item.types.first() {
        diagnostics.push(Meaning::not_supported("a type parameter", first.span));
    }
    let roles = roles(&item.roles, scope, diagnostics);
    let mut names = BTreeMap::new();
    for (index, role) in (0..=u16::MAX).zip(&roles) {
        names.entry(role.name.name.clone()).or_insert(RoleId(index));
    }
    let is_open = |role: &ast::RoleParam| role.services.iter().any(|name| scope.service_id(&name.name).is_none());
    let open_roles =
        (0..=u16::MAX).zip(&item.roles).filter(|(_, role)| is_open(role)).map(|(index, _)| RoleId(index)).collect();
    let mut lower = Lower {
        hir,
        scope,
        diagnostics,
        roles: names,
        role_services: roles,
        open_roles,
        body: Body::default(),
        infer: Infer::default(),
        variables: vec![BTreeMap::new()],
        obligations: Vec::new(),
        function: None,
    };
    let params = lower.params(&item.params);
    let result = match &item.result {
        Some(placed) => lower.placed(placed),
        None => Placed::At(Ty::UNIT, Vec::new(), item.name.span),
    };
    let root = lower.block(&item.body, false);
    let because = item.result.as_ref().map(placed_span);
    lower.expect(root, &result.ty(), because);
    lower.finish();
    let (body, roles) = (lower.body, lower.role_services);
    let (docs, name) = (item.docs.clone(), item.name.clone());
    Choreography { docs, name, roles, params, result, body, root, explicit, span: item.span }
}

fn roles(roles: &[ast::RoleParam], scope: &Scope, diagnostics: &mut Diagnostics) -> Vec<Role> {
    let mut resolved = Vec::new();
    for role in roles {
        reserved::check(&role.name, diagnostics);
        if role.group {
            diagnostics.push(Meaning::not_supported("a group of roles", role.name.span));
        }
        let services = match role.services.as_slice() {
            [] => scope.service_id(&role.name.name).into_iter().collect(),
            named => {
                duplicates::check(named.iter(), diagnostics);
                named.iter().filter_map(|name| resolve_service(name, scope, diagnostics)).collect()
            }
        };
        resolved.push(Role { name: role.name.clone(), services });
    }
    resolved
}

fn placed_span(placed: &ast::Placed) -> Span {
    match placed {
        ast::Placed::At { ty, place } => ty.span.to(place.roles.span),
        ast::Placed::Tuple(_, span) => *span,
    }
}

impl Lower<'_> {
    fn params(&mut self, params: &[ast::Param]) -> Vec<Param> {
        let mut lowered = Vec::new();
        for param in params {
            let (ty, roles) = match &param.kind {
                ast::ParamKind::Value(ast::Placed::At { ty, place }) => {
                    (resolve_type(ty, self.scope, self.diagnostics), self.place(place).unwrap_or_default())
                }
                ast::ParamKind::Value(ast::Placed::Tuple(_, span)) => {
                    self.diagnostics.push(Meaning::not_supported("a parameter of several places", *span));
                    (Ty::Error, Vec::new())
                }
                ast::ParamKind::Choreography { span, .. } => {
                    self.diagnostics.push(Meaning::not_supported("a choreography as a parameter", *span));
                    (Ty::Error, Vec::new())
                }
            };
            let local = self.bind(&param.name, ty.clone());
            lowered.push(Param { local, name: param.name.clone(), ty, roles });
        }
        lowered
    }

    fn placed(&mut self, placed: &ast::Placed) -> Placed {
        match placed {
            ast::Placed::At { ty, place } => {
                let resolved = resolve_type(ty, self.scope, self.diagnostics);
                Placed::At(resolved, self.place(place).unwrap_or_default(), ty.span.to(place.roles.span))
            }
            ast::Placed::Tuple(items, span) => {
                wide::check(items.len(), "a tuple", *span, self.diagnostics);
                Placed::Tuple(items.iter().map(|item| self.placed(item)).collect(), *span)
            }
        }
    }

    /// The roles of a place; nothing where one of them is unknown.
    fn place(&mut self, place: &ast::Place) -> Option<Vec<(RoleId, Span)>> {
        if place.each {
            self.diagnostics.push(Meaning::not_supported("each", place.roles.span));
        }
        self.known_roles(&place.roles)
    }

    /// Adds an expression.
    fn add(&mut self, kind: ExprKind, ty: Ty, span: Span) -> ExprId {
        self.body.add(Expr { kind, ty, span })
    }

    /// An expression that is wrong already.
    fn error(&mut self, span: Span) -> ExprId {
        self.add(ExprKind::Error, Ty::Error, span)
    }

    /// A value that is not where it should be, for what is written there is wrong already.
    fn somewhere(&mut self, value: ExprId) -> ExprId {
        let Expr { ty, span, .. } = &self.body[value];
        let (ty, span) = (ty.clone(), *span);
        self.add(ExprKind::Error, ty, span)
    }

    /// Reports a construct that this version does not go on with.
    fn not_supported(&mut self, construct: &'static str, span: Span) -> ExprId {
        self.diagnostics.push(Meaning::not_supported(construct, span));
        self.error(span)
    }

    /// The type of an expression as far as its outermost form is known.
    fn ty(&self, expr: ExprId) -> Ty {
        self.infer.shallow(&self.body[expr].ty)
    }

    /// Asks for a type. `because` is where it was asked for.
    fn expect(&mut self, expr: ExprId, expected: &Ty, because: Option<Span>) {
        let found = self.body[expr].ty.clone();
        if !self.infer.unify(expected, &found) {
            let span = self.value_span(expr);
            self.mismatch(expected, &found, span, because);
        }
    }

    fn mismatch(&mut self, expected: &Ty, found: &Ty, span: Span, because: Option<Span>) {
        let show = |ty: &Ty| self.hir.show(&self.infer.known(ty));
        let number = |ty: &Ty| self.infer.is_open_int(ty) || self.infer.is_open_float(ty);
        let expected_text = if number(expected) { "a number".to_owned() } else { format!("`{}`", show(expected)) };
        let found_text = if self.infer.is_open_int(found) {
            "an integer".to_owned()
        } else if self.infer.is_open_float(found) {
            "a float".to_owned()
        } else {
            format!("`{}`", show(found))
        };
        self.diagnostics.push(Meaning::Mismatch { expected: expected_text, found: found_text, span, because }.into());
    }

    /// The span of what gives an expression its value: of a block, its last expression.
    fn value_span(&self, mut expr: ExprId) -> Span {
        while let ExprKind::Block(_, Some(tail)) = &self.body[expr].kind {
            expr = *tail;
        }
        self.body[expr].span
    }

    /// Binds a variable in the innermost scope.
    fn bind(&mut self, name: &Ident, ty: Ty) -> LocalId {
        if let Some(role) = self.roles.get(&name.name) {
            let declared = self.role_services.get(usize::from(role.0)).map_or(name.span, |role| role.name.span);
            let (name, span) = (name.name.clone(), name.span);
            self.diagnostics.push(Meaning::RoleAndVariable { name, span, role: declared }.into());
        }
        let local = self.body.add_local(super::body::Local { name: name.name.clone(), span: name.span, ty });
        if let Some(scope) = self.variables.last_mut() {
            scope.insert(name.name.clone(), local);
        }
        local
    }

    /// The variable of that name.
    fn variable(&self, name: &str) -> Option<LocalId> {
        self.variables.iter().rev().find_map(|scope| scope.get(name).copied())
    }
}
