//! Built-in methods, associated functions, ranges and slices: which row of the table is meant, and with which types.

use std::collections::BTreeMap;

use super::{Ability, Lower};
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::builtin::signature::Shape;
use crate::hir::builtin::table::Form;
use crate::hir::builtin::{self, Builtin, Candidate};
use crate::hir::{ExprId, ExprKind, IntTy, Ty};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

/// The types that the letters of a row stand for.
type Letters = BTreeMap<&'static str, Ty>;

impl Lower<'_> {
    /// `receiver.name(args)`, where the receiver is a value.
    pub(super) fn method(&mut self, receiver: &ast::Expr, name: &Ident, args: &[ast::Expr], span: Span) -> ExprId {
        let written = receiver;
        let receiver = self.value(receiver);
        let args: Vec<ExprId> = args.iter().map(|arg| self.value(arg)).collect();
        let Some((method, result)) = self.method_of(receiver, name, &args, span) else {
            return self.error(span);
        };
        if method.mutates() {
            return match self.target(written) {
                Some(target) => self.add(ExprKind::Mutate { target, method, args }, result, span),
                None => self.error(span),
            };
        }
        let builtin = method;
        let result = if builtin.is_size() { self.infer.size() } else { result };
        let operands = [receiver].into_iter().chain(args).collect();
        self.add(ExprKind::Builtin(builtin, operands), result, span)
    }

    /// Asks for a `usize`, as an index is one. Any integer will do: it is converted, which aborts where it does not fit.
    pub(super) fn expect_size(&mut self, expr: ExprId) {
        match self.ty(expr) {
            Ty::Int(int) if int != IntTy::USIZE => self.sizes.push(expr),
            _ => self.expect(expr, &Ty::Int(IntTy::USIZE), None),
        }
    }

    /// The method of that name that a value has, and the type of its result with these arguments.
    pub(super) fn method_of(
        &mut self,
        receiver: ExprId,
        name: &Ident,
        args: &[ExprId],
        span: Span,
    ) -> Option<(Builtin, Ty)> {
        let ty = match self.ty(receiver) {
            Ty::Error => return None,
            Ty::Var(_)
                if !self.infer.is_open_int(&self.ty(receiver)) && !self.infer.is_open_float(&self.ty(receiver)) =>
            {
                let span = self.body[receiver].span;
                self.diagnostics.push(Meaning::UnknownType { ty: "_".to_owned(), span }.into());
                return None;
            }
            ty => ty,
        };
        let methods = builtin::of(Form::Method, |shape| self.fits(shape, &ty));
        let Some(candidate) = methods.iter().find(|candidate| candidate.signature.name == name.name) else {
            if self.own_outside(receiver, None) {
                return None;
            }
            let candidates = nearest(&name.name, methods.iter().map(|candidate| candidate.signature.name));
            let semicolon = self.stray_semicolon(receiver).filter(|_| ty.is_unit()).map(|(semicolon, _)| semicolon);
            let thing = Thing::Method { ty: self.hir.show(&self.infer.known(&ty)), semicolon };
            self.diagnostics.push(Meaning::unknown(thing, name, candidates));
            return None;
        };
        let result = self.instantiate(candidate, Some(&ty), args, name.span, span);
        Some((candidate.builtin, result))
    }

    /// `Map::new()` and the like; `None` where there is no such function.
    pub(super) fn associated(&mut self, callee: &ast::Path, args: &[ExprId], span: Span) -> Option<ExprId> {
        let [ty, name] = callee.segments.as_slice() else {
            return None;
        };
        let functions = builtin::of(Form::Function, |shape| matches!(shape, Shape::Apply(head, _) if *head == ty.name));
        if functions.is_empty() {
            return None;
        }
        let Some(candidate) = functions.iter().find(|candidate| candidate.signature.name == name.name) else {
            let candidates = nearest(&name.name, functions.iter().map(|candidate| candidate.signature.name));
            self.diagnostics.push(Meaning::unknown(Thing::Function, name, candidates));
            return Some(self.error(span));
        };
        let result = self.instantiate(candidate, None, args, name.span, span);
        Some(self.add(ExprKind::Builtin(candidate.builtin, args.to_vec()), result, span))
    }

    /// `start..end` as a value.
    pub(super) fn range(
        &mut self,
        start: Option<&ast::Expr>,
        end: Option<&ast::Expr>,
        inclusive: bool,
        span: Span,
    ) -> ExprId {
        let (Some(start), Some(end)) = (start, end) else {
            // Only a slice has a range without an end, which is read there.
            self.diagnostics.push(Meaning::UnknownType { ty: "Vec<_>".to_owned(), span }.into());
            return self.error(span);
        };
        let (start, end) = (self.value(start), self.value(end));
        let ty = self.infer.int();
        self.expect(start, &ty, None);
        let because = Some(self.body[start].span);
        self.expect(end, &ty, because);
        self.operator("I", if inclusive { "..=" } else { ".." }, vec![start, end], Ty::Vec(Box::new(ty)), span)
    }

    /// `value[index]`, `value[start..end]`.
    pub(super) fn index(&mut self, value: &ast::Expr, index: &ast::Expr, span: Span) -> ExprId {
        let value = self.value(value);
        if let ast::ExprKind::Range { start, end, inclusive } = &index.kind {
            return self.slice(value, start.as_deref(), end.as_deref(), *inclusive, span);
        }
        let index = self.value(index);
        if let Ty::Map(key, item) = self.ty(value) {
            self.expect(index, &key, None);
            return self.add(ExprKind::Index(value, index), *item, span);
        }
        if !matches!(self.ty(value), Ty::Vec(_)) && self.own_outside(value, None) {
            return self.error(span);
        }
        let item = self.infer.any();
        self.expect(value, &Ty::Vec(Box::new(item.clone())), None);
        self.expect_size(index);
        self.add(ExprKind::Index(value, index), item, span)
    }

    fn slice(
        &mut self,
        value: ExprId,
        start: Option<&ast::Expr>,
        end: Option<&ast::Expr>,
        inclusive: bool,
        span: Span,
    ) -> ExprId {
        let mut operands = vec![value];
        for bound in [start, end].into_iter().flatten() {
            let bound = self.value(bound);
            self.expect_size(bound);
            operands.push(bound);
        }
        let name = match (start, end, inclusive) {
            (Some(_), Some(_), false) => "[..]",
            (Some(_), Some(_), true) => "[..=]",
            (Some(_), None, _) => "[from ..]",
            (None, Some(_), false) => "[.. to]",
            (None, Some(_), true) => "[..= to]",
            (None, None, _) => "[all]",
        };
        if let Ty::Str = self.ty(value) {
            return self.operator("String", name, operands, Ty::Str, span);
        }
        let ty = Ty::Vec(Box::new(self.infer.any()));
        self.expect(value, &ty, None);
        self.operator("Vec<T>", name, operands, ty, span)
    }

    fn operator(&mut self, receiver: &str, name: &str, operands: Vec<ExprId>, ty: Ty, span: Span) -> ExprId {
        let found = Builtin::all(Form::Operator).find(|row| row.receiver() == receiver && row.name() == name);
        match found {
            Some(builtin) => self.add(ExprKind::Builtin(builtin, operands), ty, span),
            None => self.error(span),
        }
    }

    /// Whether a type could be what a row writes, as far as it is known.
    fn fits(&self, shape: &Shape, ty: &Ty) -> bool {
        let ty = self.infer.shallow(ty);
        if self.infer.is_open_int(&ty) {
            return matches!(shape, Shape::Name("I" | "S" | "T" | "U" | "E" | "K" | "V"));
        }
        if self.infer.is_open_float(&ty) {
            return matches!(shape, Shape::Name("F" | "T" | "U" | "E" | "K" | "V"));
        }
        match (shape, &ty) {
            (_, Ty::Var(_) | Ty::Error) => true,
            (Shape::Apply(_, parts), Ty::Vec(item) | Ty::Option(item)) => {
                builtin::is_head(shape, &ty) && parts.iter().all(|part| self.fits(part, item))
            }
            (Shape::Name(_) | Shape::Apply(..) | Shape::Tuple(_), _) => builtin::is_head(shape, &ty),
        }
    }

    /// Checks arguments against a row; the type of the result.
    fn instantiate(
        &mut self,
        candidate: &Candidate,
        receiver: Option<&Ty>,
        args: &[ExprId],
        name: Span,
        span: Span,
    ) -> Ty {
        let mut letters = Letters::new();
        let own = self.shape_type(&candidate.receiver, &mut letters);
        if let Some(receiver) = receiver {
            self.infer.unify(&own, receiver);
        }
        for (letter, bound) in &candidate.bounds {
            if let Some(ty) = letters.get(letter).cloned() {
                match *bound {
                    "Eq" => self.must_compare(ty, name),
                    _ => self.oblige(Ability::Sort, "Ord", ty, name),
                }
            }
        }
        if candidate.receiver == Shape::Name("S") {
            self.oblige(Ability::Negate, "-", own, name);
        }
        let signature = &candidate.signature;
        if args.len() != signature.params.len() {
            let (expected, found) = (signature.params.len(), args.len());
            let what = format!("`{}`", signature.name);
            let arity = Meaning::Arity { what, unit: "argument", expected, found, span, declared: None };
            self.diagnostics.push(arity.into());
        }
        for (arg, param) in args.iter().zip(&signature.params) {
            if *param == Shape::Name("usize") {
                self.expect_size(*arg);
                continue;
            }
            let param = self.shape_type(param, &mut letters);
            self.expect(*arg, &param, None);
        }
        let result = self.shape_type(&signature.result, &mut letters);
        if let (Ty::Map(key, _), true) = (&result, candidate.builtin.form() == Form::Function) {
            self.oblige(Ability::Key, "Map", key.as_ref().clone(), span);
        }
        result
    }

    /// The type that a row writes; the same letter is the same type all over the row.
    fn shape_type(&mut self, shape: &Shape, letters: &mut Letters) -> Ty {
        match shape {
            Shape::Tuple(items) => Ty::Tuple(items.iter().map(|item| self.shape_type(item, letters)).collect()),
            Shape::Apply(name, items) => {
                let mut items = items.iter().map(|item| Box::new(self.shape_type(item, letters)));
                match (*name, items.next(), items.next()) {
                    ("Vec", Some(item), None) => Ty::Vec(item),
                    ("Option", Some(item), None) => Ty::Option(item),
                    ("Result", Some(item), Some(error)) => Ty::Result(item, error),
                    ("Map", Some(key), Some(value)) => Ty::Map(key, value),
                    _ => Ty::Error,
                }
            }
            Shape::Name(name) => match (Ty::primitive(name), letters.get(name)) {
                (Some(ty), _) => ty,
                (None, Some(ty)) => ty.clone(),
                (None, None) => {
                    let ty = match *name {
                        "I" | "S" => self.infer.int(),
                        "F" => self.infer.float(),
                        _ => self.infer.any(),
                    };
                    letters.insert(name, ty.clone());
                    ty
                }
            },
        }
    }
}
