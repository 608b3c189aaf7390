//! Assignments to variables that are declared `let mut`, and to parts of them.

use super::Lower;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::hir::{Step, StmtKind, Target, Ty};
use crate::syntax::ast;

impl Lower<'_> {
    pub(super) fn assign(&mut self, target: &ast::Expr, value: &ast::Expr) -> Option<StmtKind> {
        let target = self.target(target);
        self.wanted = target.as_ref().map(|target| (target.ty.clone(), Some(target.span)));
        let value = self.value(value);
        let target = target?;
        self.expect(value, &target.ty, Some(target.span));
        Some(StmtKind::Assign(target, value))
    }

    /// What is assigned to: a variable, or a part of one. Nothing where it is wrong already.
    pub(super) fn target(&mut self, expr: &ast::Expr) -> Option<Target> {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Path(path) => {
                let [name] = path.segments.as_slice() else {
                    self.diagnostics.push(Grouping::NotAssignable { span }.into());
                    return None;
                };
                let Some(local) = self.refer(name) else {
                    self.name(name);
                    return None;
                };
                let declared = &self.body[local];
                if declared.ty == Ty::Error {
                    return None;
                }
                if !declared.mutable {
                    let (name, declared, by_let) =
                        (name.name.clone(), declared.span, self.let_locals.contains_key(&local));
                    self.diagnostics.push(Grouping::NotMutable { name, span, declared, by_let }.into());
                    return None;
                }
                Some(Target { local, path: Vec::new(), ty: declared.ty.clone(), span })
            }
            ast::ExprKind::Field(inner, name) => {
                let mut target = self.target(inner)?;
                let ty = self.infer.shallow(&target.ty);
                let hir = self.hir;
                let declared = match &ty {
                    Ty::Error => return None,
                    Ty::Named(id) => hir.type_def(*id).fields(),
                    _ => &[],
                };
                let Some(field) = declared.iter().find(|field| field.name.name == name.name) else {
                    self.unknown_field(name, &ty, declared);
                    return None;
                };
                self.diagnostics.refer(name.span, field.name.span);
                target.path.push(Step::Field(name.name.clone()));
                Some(Target { ty: field.ty.clone(), span, ..target })
            }
            ast::ExprKind::TupleField(inner, index, index_span) => {
                let mut target = self.target(inner)?;
                let ty = self.infer.shallow(&target.ty);
                let item = match &ty {
                    Ty::Error => return None,
                    Ty::Tuple(items) => items.get(*index as usize).cloned(),
                    _ => None,
                };
                let Some(item) = item else {
                    let name = ast::Ident { name: index.to_string(), span: *index_span };
                    let thing = Thing::Field { ty: self.hir.show(&self.infer.known(&ty)), is_extern: false };
                    self.diagnostics.push(Meaning::unknown(thing, &name, Vec::new()));
                    return None;
                };
                target.path.push(Step::TupleField(*index));
                Some(Target { ty: item, span, ..target })
            }
            ast::ExprKind::Index(inner, index) => {
                let mut target = self.target(inner)?;
                let index = self.value(index);
                let item = self.infer.any();
                let vec = Ty::Vec(Box::new(item.clone()));
                if !self.infer.unify(&vec, &target.ty) {
                    self.mismatch(&vec, &target.ty, inner.span, None, None);
                    return None;
                }
                self.expect_size(index);
                target.path.push(Step::Index(index));
                Some(Target { ty: item, span, ..target })
            }
            ast::ExprKind::Error => None,
            _ => {
                self.diagnostics.push(Grouping::NotAssignable { span }.into());
                None
            }
        }
    }
}
