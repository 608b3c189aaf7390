//! Bodies: names are resolved and types inferred in one walk over the tree, in the order written.

mod assign;
mod builtins;
mod call;
mod control;
mod expr;
mod finish;
mod functions;
mod members;
mod mend;
mod names;
mod operators;
mod pattern;
mod values;

pub use call::{cast_place, result_place, result_spread, substitute};
pub use functions::functions;

use std::collections::{BTreeMap, BTreeSet};

use super::check::{duplicates, wide};
use super::infer::{Infer, TYPE_SIZE_MAX};
use super::items::{Scope, resolve_type_with};
use super::roles::{self, RoleNames};
use super::{
    At, Body, Choreography, ChoreographyId, Expr, ExprId, ExprKind, Hir, LocalId, Param, Pattern, PatternKind, Place,
    Role, RoleId, Signature, SignatureParam, Spread, Ty,
};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::diagnostic::mend::Mend;
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

/// A type that is asked for, and where.
type Wanted = Option<(Ty, Option<Span>)>;

/// The lowering of one choreography.
struct Lower<'a> {
    hir: &'a Hir,
    scope: &'a Scope,
    diagnostics: &'a mut Diagnostics,
    names: RoleNames,
    /// The roles as declared, then the members bound so far.
    roles: Vec<Role>,
    /// The members whose blocks stand around.
    members: Vec<RoleId>,
    types: &'a [Ident],
    choreographies: Vec<(Ident, Signature)>,
    /// Roles of which a service is unknown, and so their operations.
    open_roles: BTreeSet<RoleId>,
    body: Body,
    infer: Infer,
    variables: Vec<BTreeMap<String, LocalId>>,
    /// The variables that `let name = …` binds, and their first values.
    let_locals: BTreeMap<LocalId, ExprId>,
    obligations: Vec<Obligation>,
    /// Integers that stand where a `usize` is asked for.
    sizes: Vec<ExprId>,
    /// Members that are known to be different ones here, for they have different numbers.
    apart: Vec<(RoleId, RoleId)>,
    /// Where each expression and each variable lives as far as that is known before the choices are.
    near: Vec<Place>,
    near_locals: Vec<Place>,
    /// The type that the value is to have that is lowered next, and where that is asked for.
    wanted: Wanted,
    /// The blocks behind an `else` of a scope that stand around and do not name the abort.
    unnamed: Vec<Span>,
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
    let mut all: Vec<Choreography> = Vec::new();
    for (index, file) in (0..).zip(files) {
        scope.enter(FileId(index));
        for item in &file.items {
            if let Item::Choreography(item) = item {
                let id = ChoreographyId(u32::try_from(all.len()).unwrap_or(u32::MAX));
                all.push(choreography(item, hir.signature(id), file.explicit.is_some(), hir, scope, diagnostics));
            }
        }
    }
    all
}

fn choreography(
    item: &ast::Choreography,
    signature: &Signature,
    explicit: bool,
    hir: &Hir,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> Choreography {
    let is_open = |role: &ast::RoleParam| role.services.iter().any(|name| scope.service_id(&name.name).is_none());
    let open_roles =
        (0..=u16::MAX).zip(&item.roles).filter(|(_, role)| is_open(role)).map(|(index, _)| RoleId(index)).collect();
    let mut lower = Lower {
        hir,
        scope,
        diagnostics,
        names: RoleNames::new(&signature.roles),
        roles: signature.roles.clone(),
        members: Vec::new(),
        types: &item.types,
        choreographies: Vec::new(),
        open_roles,
        body: Body::default(),
        infer: Infer::default(),
        variables: vec![BTreeMap::new()],
        let_locals: BTreeMap::new(),
        obligations: Vec::new(),
        sizes: Vec::new(),
        apart: Vec::new(),
        near: Vec::new(),
        near_locals: Vec::new(),
        wanted: None,
        unnamed: Vec::new(),
        function: None,
    };
    let params = lower.params(signature);
    let because = item.result.as_ref().map(placed_span);
    lower.wanted = Some((signature.result.ty(), because));
    let root = lower.block(&item.body, false);
    lower.expect(root, &signature.result.ty(), because);
    lower.finish();
    let Lower { body, roles, choreographies, .. } = lower;
    Choreography {
        docs: item.docs.clone(),
        name: item.name.clone(),
        roles,
        declared: u16::try_from(signature.roles.len()).unwrap_or(u16::MAX),
        types: item.types.clone(),
        params,
        choreographies,
        result: signature.result.clone(),
        body,
        root,
        explicit,
        span: item.span,
    }
}

fn placed_span(placed: &ast::Placed) -> Span {
    match placed {
        ast::Placed::At { ty, place } => ty.span.to(place.roles.span),
        ast::Placed::Tuple(_, span) => *span,
    }
}

impl Lower<'_> {
    fn params(&mut self, signature: &Signature) -> Vec<Param> {
        let mut lowered = Vec::new();
        for param in &signature.params {
            match param {
                SignatureParam::Value(name, ty, at) => {
                    let local = self.bind(name, ty.clone());
                    self.bind_near(&[local], &at.place());
                    lowered.push(Param { local, name: name.clone(), ty: ty.clone(), at: at.clone() });
                }
                SignatureParam::Choreography(name, signature) => {
                    self.check_role_name(name);
                    self.choreographies.push((name.clone(), signature.as_ref().clone()));
                }
            }
        }
        lowered
    }

    /// A type as it is written in the body.
    fn resolve_type(&mut self, ty: &ast::Type) -> Ty {
        resolve_type_with(ty, self.types, self.scope, self.diagnostics)
    }

    /// A place as it is written in the body; nothing where one of its roles is unknown.
    fn place(&mut self, place: &ast::Place) -> Option<At> {
        let at = self.names.at(place, self.diagnostics)?;
        if at.each && !roles::check_group(&at.roles, &self.roles, self.diagnostics) {
            return None;
        }
        Some(at)
    }

    /// Adds an expression.
    fn add(&mut self, kind: ExprKind, mut ty: Ty, span: Span) -> ExprId {
        if self.infer.is_too_large(&ty) {
            self.diagnostics.push(Meaning::TooLarge { max: TYPE_SIZE_MAX, span }.into());
            ty = Ty::Error;
        }
        self.near.push(self.near_of(&kind));
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

    /// The type of an expression as far as its outermost form is known.
    fn ty(&self, expr: ExprId) -> Ty {
        self.infer.shallow(&self.body[expr].ty)
    }

    /// Asks for a type. `because` is where it was asked for.
    fn expect(&mut self, expr: ExprId, expected: &Ty, because: Option<Span>) {
        let found = self.body[expr].ty.clone();
        if !self.infer.unify(expected, &found) {
            let span = self.value_span(expr);
            let mend = self.mend(expr, expected, &found).map(|mend| (mend, self.variable_name(self.tail(expr))));
            self.mismatch(expected, &found, span, because, mend);
            // What is still open in either of them is part of the mistake.
            self.infer.unify(&Ty::Error, expected);
            self.infer.unify(&Ty::Error, &found);
        }
    }

    fn mismatch(
        &mut self,
        expected: &Ty,
        found: &Ty,
        span: Span,
        because: Option<Span>,
        mend: Option<(Mend, Option<String>)>,
    ) {
        let (mend, value) = mend.unzip();
        let value = value.flatten();
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
        let (expected, found) = (expected_text, found_text);
        self.diagnostics.push(Meaning::Mismatch { expected, found, span, because, mend, value }.into());
    }

    /// The span of what gives an expression its value: of a block, its last expression.
    fn value_span(&self, expr: ExprId) -> Span {
        self.body[self.tail(expr)].span
    }

    /// Reports a variable that has the name of a role.
    fn check_role_name(&mut self, name: &Ident) {
        if let Some(role) = self.names.get(&name.name) {
            let declared = self.roles.get(usize::from(role.0)).map_or(name.span, |role| role.name.span);
            let (name, span) = (name.name.clone(), name.span);
            self.diagnostics.push(Meaning::RoleAndVariable { name, span, role: declared }.into());
        }
    }

    /// Binds a variable in the innermost scope.
    fn bind(&mut self, name: &Ident, ty: Ty) -> LocalId {
        self.check_role_name(name);
        let local = super::body::Local { name: name.name.clone(), span: name.span, ty, mutable: false };
        let local = self.body.add_local(local);
        self.near_locals.push(Place::Error);
        if let Some(scope) = self.variables.last_mut() {
            scope.insert(name.name.clone(), local);
        }
        local
    }

    /// Says where variables live, as far as that is known.
    fn bind_near(&mut self, locals: &[LocalId], place: &Place) {
        for local in locals {
            if let Some(slot) = self.near_locals.get_mut(local.0 as usize) {
                *slot = place.clone();
            }
        }
    }

    /// The same for those of a pattern whose value is taken apart.
    fn bind_near_spread(&mut self, pattern: &Pattern, spread: &Spread) {
        match (&pattern.kind, spread) {
            (PatternKind::Tuple(items), Spread::Parts(parts)) => {
                items.iter().zip(parts).for_each(|(item, part)| self.bind_near_spread(item, part));
            }
            _ => self.bind_near(&pattern.bindings(), &spread.place(&self.roles)),
        }
    }

    /// The variable of that name.
    fn variable(&self, name: &str) -> Option<LocalId> {
        self.variables.iter().rev().find_map(|scope| scope.get(name).copied())
    }
}
