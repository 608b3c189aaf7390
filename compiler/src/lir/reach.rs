//! What the programs of a choreography use: the declared types whose values they handle, the operations that they call, and the
//! functions that they compute with. What nothing reaches has no part in a session.

use std::collections::BTreeSet;

use super::{Block, Decision, Expr, ExprKind, Functions, Projection, Stmt, StmtKind, used_functions};
use crate::hir::{FnId, Hir, Pattern, PatternKind, ServiceId, SignatureParam, Ty, TypeDefKind, TypeId};

/// What a projection uses itself; what it calls has its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    pub(super) types: BTreeSet<TypeId>,
    pub(super) operations: BTreeSet<(ServiceId, u32)>,
    pub(super) functions: BTreeSet<FnId>,
}

/// What the programs of a projection use, also by way of functions, fields and variants.
pub(super) fn reach(hir: &Hir, projection: &Projection, functions: &Functions) -> Reach {
    let mut walk = Walk { hir, reach: Reach::default() };
    for param in &hir.signature(projection.id()).params {
        match param {
            SignatureParam::Value(_, ty, _) => walk.ty(ty),
            SignatureParam::Choreography(_, signature) => {
                signature.values().for_each(|(_, ty, _)| walk.ty(ty));
                walk.ty(&signature.result.ty());
            }
        }
    }
    walk.projection(projection);
    let used = used_functions(projection.programs.iter(), functions);
    for id in &used {
        let function = hir.function(*id);
        function.params.iter().for_each(|param| walk.ty(&param.ty));
        walk.ty(&function.result);
        functions.get(id.0 as usize).into_iter().flatten().for_each(|written| walk.projection(written));
    }
    Reach { functions: used, ..walk.reach }
}

struct Walk<'a> {
    hir: &'a Hir,
    reach: Reach,
}

impl Walk<'_> {
    fn projection(&mut self, projection: &Projection) {
        projection.locals.iter().for_each(|local| self.ty(&local.ty));
        for program in &projection.programs {
            self.ty(&program.result);
            self.block(&program.body);
        }
    }

    fn ty(&mut self, ty: &Ty) {
        if let Ty::Named(id) = ty
            && self.reach.types.insert(*id)
        {
            let hir = self.hir;
            match &hir.type_def(*id).kind {
                TypeDefKind::Extern(_, fields) | TypeDefKind::Struct(fields) => {
                    fields.iter().for_each(|field| self.ty(&field.ty));
                }
                TypeDefKind::Enum(variants) => {
                    variants.iter().flat_map(|variant| &variant.fields).for_each(|field| self.ty(&field.ty));
                }
            }
        }
        ty.parts().into_iter().for_each(|part| self.ty(part));
    }

    fn operation(&mut self, service: ServiceId, operation: u32) {
        if self.reach.operations.insert((service, operation)) {
            let hir = self.hir;
            let declared = hir.operation(service, operation);
            declared.params.iter().for_each(|param| self.ty(&param.ty));
            self.ty(&declared.result);
        }
    }

    fn block(&mut self, block: &Block) {
        block.stmts.iter().for_each(|stmt| self.stmt(stmt));
        block.value.iter().for_each(|value| self.expr(value));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        match &stmt.kind {
            StmtKind::Let(pattern, _) => self.pattern(pattern),
            StmtKind::Receive { ty, .. } => self.ty(ty),
            StmtKind::Operation { service, operation, .. } => self.operation(*service, *operation),
            StmtKind::Match { arms, .. } => arms.iter().for_each(|(pattern, _)| self.pattern(pattern)),
            StmtKind::Loop(repeat) => match &repeat.decision {
                Decision::For(pattern, _) => self.pattern(pattern),
                Decision::While(_) | Decision::Offer { .. } => {}
            },
            StmtKind::Members(members) => self.ty(&members.ty),
            StmtKind::Call(call) => call.types.iter().for_each(|ty| self.ty(ty)),
            StmtKind::Saga(saga) => self.ty(&saga.ty),
            StmtKind::Assign(target, _) | StmtKind::Mutate { target, .. } => self.ty(&target.ty),
            StmtKind::Send(..)
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Sleep(..)
            | StmtKind::If { .. }
            | StmtKind::Offer { .. }
            | StmtKind::Par { .. }
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_)
            | StmtKind::RefusedBy(_) => {}
        }
        stmt.exprs().into_iter().for_each(|expr| self.expr(expr));
        stmt.head().iter().for_each(|stmt| self.stmt(stmt));
        stmt.blocks().into_iter().for_each(|block| self.block(block));
    }

    fn expr(&mut self, expr: &Expr) {
        self.ty(&expr.ty);
        if let ExprKind::Pure(service, operation, _) = &expr.kind {
            self.operation(*service, *operation);
        }
        expr.parts().into_iter().for_each(|part| self.expr(part));
    }

    fn pattern(&mut self, pattern: &Pattern) {
        self.ty(&pattern.ty);
        match &pattern.kind {
            PatternKind::Wildcard | PatternKind::Bind(_) | PatternKind::Literal(_) => {}
            PatternKind::Tuple(items) => items.iter().for_each(|item| self.pattern(item)),
            PatternKind::Construct(_, fields) => fields.iter().for_each(|(_, field)| self.pattern(field)),
        }
    }
}
