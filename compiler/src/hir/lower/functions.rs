//! The bodies of `fn`s: what they have in common with a choreography, and what they may not have.

use std::collections::{BTreeMap, BTreeSet};

use super::Lower;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::infer::Infer;
use crate::hir::items::Scope;
use crate::hir::roles::RoleNames;
use crate::hir::{
    At, Body, Choreography, ExprId, ExprKind, Function, Hir, Param, Placed, Role, RoleId, RoleKind, StmtKind, Ty,
};
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Ident, Item};

/// The bodies of all functions, in order; an `extern fn` has none.
pub fn functions(
    files: &[ast::File],
    hir: &Hir,
    scope: &mut Scope,
    diagnostics: &mut Diagnostics,
) -> Vec<Option<Choreography>> {
    let mut bodies = Vec::new();
    let mut functions = hir.functions.iter();
    for (index, file) in (0..).zip(files) {
        scope.enter(FileId(index));
        for item in &file.items {
            match item {
                Item::Fn(item) => {
                    bodies.extend(functions.next().map(|it| Some(body(item, it, hir, scope, diagnostics))))
                }
                Item::ExternFn(item) if !item.path.segments.is_empty() => bodies.extend(functions.next().map(|_| None)),
                _ => {}
            }
        }
    }
    bodies
}

fn body(item: &ast::Fn, function: &Function, hir: &Hir, scope: &Scope, diagnostics: &mut Diagnostics) -> Choreography {
    let mut lower = Lower {
        hir,
        scope,
        diagnostics,
        names: RoleNames::default(),
        roles: Vec::new(),
        members: Vec::new(),
        types: &[],
        choreographies: Vec::new(),
        open_roles: BTreeSet::new(),
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
        function: Some(item.name.span),
    };
    let computes = |span: Span| At { roles: vec![(RoleId(0), span)], each: false };
    let mut params = Vec::new();
    for param in &function.params {
        let local = lower.bind(&param.name, param.ty.clone());
        let (name, ty) = (param.name.clone(), param.ty.clone());
        params.push(Param { local, at: computes(name.span), name, ty });
    }
    let because = item.result.as_ref().map(|ty| ty.span);
    lower.wanted = Some((function.result.clone(), because));
    let root = lower.block(&item.body, false);
    lower.expect(root, &function.result, because);
    lower.finish();
    let result_span = item.result.as_ref().map_or(item.name.span, |ty| ty.span);
    Choreography {
        docs: item.docs.clone(),
        name: item.name.clone(),
        roles: vec![Role { name: item.name.clone(), services: Vec::new(), kind: RoleKind::Single }],
        declared: 1,
        types: Vec::new(),
        params,
        choreographies: Vec::new(),
        result: Placed::At(function.result.clone(), computes(result_span), result_span),
        body: lower.body,
        root,
        explicit: false,
        span: item.span,
    }
}

impl Lower<'_> {
    /// `name(args)`, which is no constructor.
    pub(super) fn call_function(&mut self, name: &Ident, args: Vec<ExprId>, span: Span) -> ExprId {
        let hir = self.hir;
        if let Some(id) = self.scope.function_id(&name.name) {
            let function = hir.function(id);
            self.scope.refer(name, self.diagnostics);
            self.arguments(&name.name, &args, &function.params, span, function.name.span);
            return self.add(ExprKind::Apply(id, args), function.result.clone(), span);
        }
        let what = match self.names.get(&name.name) {
            Some(_) => Some(("a role", None)),
            None if self.scope.choreography_id(&name.name).is_some() => {
                Some(("a choreography", self.scope.declared(&name.name)))
            }
            None => self.scope.declared(&name.name).map(|span| ("no function", Some(span))),
        };
        match what {
            Some((what, declared)) => {
                let (name, span) = (name.name.clone(), name.span);
                self.diagnostics.push(Meaning::NotAValue { name, what, span, declared }.into());
            }
            None => {
                let names = self.scope.function_names().chain(["Some", "Ok", "Err"]);
                let candidates = nearest(&name.name, names);
                let bare = self.bare_operation(name).or_else(|| self.bare_variant(name));
                let unknown = match bare {
                    Some(bare) => Meaning::unknown(bare, name, Vec::new()),
                    None => Meaning::unknown(Thing::Function, name, candidates),
                };
                self.diagnostics.push(unknown);
            }
        }
        self.error(span)
    }

    /// In a `fn`, reports an expression that needs roles.
    pub(super) fn refused_expr(&mut self, expr: &ast::Expr) -> Option<ExprId> {
        let construct = match &expr.kind {
            ast::ExprKind::Communicate { .. } => "~>",
            ast::ExprKind::At(..) => "@",
            ast::ExprKind::ChoreographyCall { .. } => "a call of a choreography",
            ast::ExprKind::Each { .. } => "each",
            ast::ExprKind::Par(_) => "par",
            ast::ExprKind::Saga { .. } => "saga",
            _ => return None,
        };
        self.refused(construct, expr.span, Ty::Error)
    }

    /// In a `fn`, reports a statement that needs roles.
    pub(super) fn refused_stmt(&mut self, stmt: &ast::Stmt) -> Option<StmtKind> {
        let (construct, ty) = match &stmt.kind {
            ast::StmtKind::Require { .. } => ("require", Ty::Error),
            // What follows is not reached, and the type of the block is that of none.
            ast::StmtKind::Abort { .. } => ("abort", Ty::Never),
            ast::StmtKind::Select { .. } => ("select", Ty::Error),
            ast::StmtKind::Sleep { .. } => ("sleep", Ty::Error),
            ast::StmtKind::Let { place: Some(place), .. } => {
                self.refused("@", place.roles.span, Ty::Error);
                return None;
            }
            ast::StmtKind::Let { .. } | ast::StmtKind::Assign { .. } | ast::StmtKind::Expr(_) => return None,
        };
        self.refused(construct, stmt.span, ty).map(StmtKind::Expr)
    }

    fn refused(&mut self, construct: &'static str, span: Span, ty: Ty) -> Option<ExprId> {
        let function = self.function?;
        self.diagnostics.push(Meaning::NotInFn { construct, span, function }.into());
        Some(self.add(ExprKind::Error, ty, span))
    }
}
