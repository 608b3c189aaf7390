//! Patterns.

use std::collections::BTreeMap;

use super::Lower;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::{Constructor, Pattern, PatternKind, Ty, VariantShape};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

impl Lower<'_> {
    /// A pattern for values of a type. Each variable stands in it once.
    pub(super) fn pattern(&mut self, pattern: &ast::Pattern, ty: &Ty) -> Pattern {
        let pattern = self.part(pattern, ty);
        let mut seen: BTreeMap<String, Span> = BTreeMap::new();
        for local in pattern.bindings() {
            let (name, span) = (self.body[local].name.clone(), self.body[local].span);
            match seen.get(&name) {
                Some(first) => self.diagnostics.push(Meaning::duplicate(&Ident { name, span }, *first)),
                None => {
                    seen.insert(name, span);
                }
            }
        }
        pattern
    }

    fn part(&mut self, pattern: &ast::Pattern, ty: &Ty) -> Pattern {
        let span = pattern.span;
        let kind = match &pattern.kind {
            ast::PatternKind::Wildcard => PatternKind::Wildcard,
            ast::PatternKind::Literal(literal) => {
                let (literal, found) = self.literal_value(literal);
                self.pattern_type(ty, &found, span);
                if matches!(self.infer.shallow(&found), Ty::Float(_)) || self.infer.is_open_float(&found) {
                    self.diagnostics.push(Meaning::FloatPattern { span }.into());
                    return Pattern { kind: PatternKind::Wildcard, ty: Ty::Error, span };
                } else {
                    PatternKind::Literal(literal)
                }
            }
            ast::PatternKind::Tuple(items) => {
                let types: Vec<Ty> = items.iter().map(|_| self.infer.any()).collect();
                self.pattern_type(ty, &Ty::Tuple(types.clone()), span);
                PatternKind::Tuple(items.iter().zip(&types).map(|(item, ty)| self.part(item, ty)).collect())
            }
            ast::PatternKind::Path(path) => self.path_pattern(path, ty),
            ast::PatternKind::TupleVariant(path, items) => self.tuple_variant(path, items, ty, span),
            ast::PatternKind::Struct(path, fields, rest) => self.struct_pattern(path, fields, *rest, ty, span),
        };
        Pattern { kind, ty: ty.clone(), span }
    }

    fn pattern_type(&mut self, expected: &Ty, found: &Ty, span: Span) -> bool {
        let fits = self.infer.unify(expected, found);
        if !fits {
            self.mismatch(expected, found, span, None, None);
            self.infer.unify(&Ty::Error, found);
        }
        fits
    }

    fn path_pattern(&mut self, path: &ast::Path, ty: &Ty) -> PatternKind {
        if let [name] = path.segments.as_slice() {
            return match (name.name.as_str(), self.infer.shallow(ty)) {
                ("None", _) => {
                    let item = self.infer.any();
                    self.pattern_type(ty, &Ty::Option(Box::new(item)), path.span);
                    PatternKind::Construct(Constructor::None, Vec::new())
                }
                (_, Ty::Named(id)) if self.is_variant(id, &name.name) => {
                    let meant = format!("{}::{}", self.hir.show(&Ty::Named(id)), name.name);
                    let thing = Thing::Variant { ty: self.hir.show(&Ty::Named(id)) };
                    self.diagnostics.push(Meaning::unknown(thing, name, vec![meant]));
                    PatternKind::Wildcard
                }
                _ => PatternKind::Bind(self.bind(name, ty.clone())),
            };
        }
        let Some((id, index)) = self.variant(path) else {
            return PatternKind::Wildcard;
        };
        self.check_shape(id, index, VariantShape::Unit, path.span);
        self.pattern_type(ty, &Ty::Named(id), path.span);
        PatternKind::Construct(Constructor::Variant(id, index), Vec::new())
    }

    fn is_variant(&self, id: crate::hir::TypeId, name: &str) -> bool {
        self.hir.type_def(id).variants().iter().any(|variant| variant.name.name == name)
    }

    fn tuple_variant(&mut self, path: &ast::Path, items: &[ast::Pattern], ty: &Ty, span: Span) -> PatternKind {
        if let [name] = path.segments.as_slice() {
            let wrapped = match name.name.as_str() {
                "Some" => Some(Constructor::Some),
                "Ok" => Some(Constructor::Ok),
                "Err" => Some(Constructor::Err),
                _ => None,
            };
            if let (Some(constructor), [only]) = (wrapped, items) {
                return self.wrapped(constructor, only, ty, span);
            }
            let candidates = nearest(&name.name, ["Some", "Ok", "Err"].into_iter());
            let ty = self.hir.show(&self.infer.known(ty));
            let unknown = match self.bare_variant(name) {
                Some(bare) => Meaning::unknown(bare, name, Vec::new()),
                None => Meaning::unknown(Thing::Variant { ty }, name, candidates),
            };
            self.diagnostics.push(unknown);
            return self.bind_all(items);
        }
        let Some((id, index)) = self.variant(path) else {
            return self.bind_all(items);
        };
        if !self.check_shape(id, index, VariantShape::Tuple, path.span)
            || !self.pattern_type(ty, &Ty::Named(id), path.span)
        {
            return self.bind_all(items);
        }
        let constructor = Constructor::Variant(id, index);
        let declared = self.constructor_fields(constructor);
        if declared.len() != items.len() {
            let (what, expected, found) = (format!("`{}`", self.hir.show(&Ty::Named(id))), declared.len(), items.len());
            let declared = declared.first().map(|field| field.name.span);
            self.diagnostics.push(Meaning::Arity { what, unit: "part", expected, found, span, declared }.into());
            return self.bind_all(items);
        }
        let parts = items.iter().zip(declared).zip(0..);
        let parts = parts.map(|((item, field), index)| (index, self.part(item, &field.ty))).collect();
        PatternKind::Construct(constructor, parts)
    }

    /// `Some(only)`, `Ok(only)`, `Err(only)`.
    fn wrapped(&mut self, constructor: Constructor, only: &ast::Pattern, ty: &Ty, span: Span) -> PatternKind {
        let item = self.infer.any();
        let other = Box::new(self.infer.any());
        let whole = match constructor {
            Constructor::Ok => Ty::Result(Box::new(item.clone()), other),
            Constructor::Err => Ty::Result(other, Box::new(item.clone())),
            Constructor::Some | Constructor::None | Constructor::Struct(_) | Constructor::Variant(..) => {
                Ty::Option(Box::new(item.clone()))
            }
        };
        self.pattern_type(ty, &whole, span);
        let only = self.part(only, &item);
        PatternKind::Construct(constructor, vec![(0, only)])
    }

    /// After a mistake: the variables exist, of unknown type.
    fn bind_all(&mut self, items: &[ast::Pattern]) -> PatternKind {
        PatternKind::Tuple(items.iter().map(|item| self.part(item, &Ty::Error)).collect())
    }

    fn struct_pattern(
        &mut self,
        path: &ast::Path,
        fields: &[(Ident, ast::Pattern)],
        rest: bool,
        ty: &Ty,
        span: Span,
    ) -> PatternKind {
        let constructor = self.constructor(path);
        let Some((constructor, found)) = constructor else {
            return PatternKind::Tuple(fields.iter().map(|(_, field)| self.part(field, &Ty::Error)).collect());
        };
        self.pattern_type(ty, &found, path.span);
        super::duplicates::check(fields.iter().map(|(name, _)| name), self.diagnostics);
        let declared = self.constructor_fields(constructor);
        let mut parts = Vec::new();
        for (name, field) in fields {
            let known = declared.iter().zip(0..).find(|(known, _)| known.name.name == name.name);
            match known {
                Some((known, index)) => {
                    self.diagnostics.refer(name.span, known.name.span);
                    parts.push((index, self.part(field, &known.ty)));
                }
                None => {
                    self.unknown_field(name, &found, declared);
                    self.part(field, &Ty::Error);
                }
            }
        }
        let named = |name: &str| fields.iter().any(|(given, _)| given.name == name);
        let missing: Vec<String> =
            declared.iter().map(|field| field.name.name.clone()).filter(|name| !named(name)).collect();
        if !rest && !missing.is_empty() {
            self.diagnostics.push(Meaning::MissingFields { ty: self.hir.show(&found), missing, span }.into());
        }
        PatternKind::Construct(constructor, parts)
    }
}
