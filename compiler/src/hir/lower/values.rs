//! Expressions that make values and take them apart: literals, tuples, structs, variants, fields.

use std::collections::BTreeMap;

use super::Lower;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::{Constructor, ExprId, ExprKind, Field, Literal, Ty, TypeDefKind, TypeId, VariantShape};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

impl<'hir> Lower<'hir> {
    /// A literal and its type.
    pub(super) fn literal_value(&mut self, literal: &ast::Literal) -> (Literal, Ty) {
        match literal {
            ast::Literal::Int { value, negative, suffix } => {
                let ty = match suffix.as_deref().and_then(Ty::primitive) {
                    Some(ty) => ty,
                    None => self.infer.int(),
                };
                let literal = match ty {
                    Ty::Float(_) => Literal::Float(format!("{}{value}", if *negative { "-" } else { "" })),
                    _ => Literal::Int(*value, *negative),
                };
                (literal, ty)
            }
            ast::Literal::Float(text) => {
                let suffix = ["f32", "f64"].into_iter().find(|suffix| text.ends_with(suffix));
                let digits = suffix.map_or(text.as_str(), |suffix| text.trim_end_matches(suffix));
                let ty = match suffix.and_then(Ty::primitive) {
                    Some(ty) => ty,
                    None => self.infer.float(),
                };
                (Literal::Float(digits.replace('_', "")), ty)
            }
            ast::Literal::Str(text) => (Literal::Str(text.clone()), Ty::Str),
            ast::Literal::Char(character) => (Literal::Char(*character), Ty::Char),
            ast::Literal::Bool(value) => (Literal::Bool(*value), Ty::Bool),
        }
    }

    pub(super) fn literal(&mut self, literal: &ast::Literal, span: Span) -> ExprId {
        if let ast::Literal::Str(text) = literal {
            self.check_braces(text, span);
        }
        let (literal, ty) = self.literal_value(literal);
        self.add(ExprKind::Literal(literal), ty, span)
    }

    /// Reports the name of a variable in braces, which other languages put the value of into a string.
    fn check_braces(&mut self, text: &str, span: Span) {
        let names = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        let name =
            names.map(|name| name.split(':').next().unwrap_or(name).trim()).find(|name| self.variable(name).is_some());
        if let Some(name) = name {
            self.diagnostics.push(Meaning::BracesInString { name: name.to_owned(), span }.into());
        }
    }

    pub(super) fn list(&mut self, items: &[ast::Expr], span: Span) -> ExprId {
        let item_ty = self.infer.any();
        let mut first = None;
        let mut ids = Vec::new();
        for item in items {
            let id = self.value(item);
            self.expect(id, &item_ty, first);
            first = first.or(Some(item.span));
            ids.push(id);
        }
        self.add(ExprKind::List(ids), Ty::Vec(Box::new(item_ty)), span)
    }

    pub(super) fn tuple(&mut self, items: &[ast::Expr], span: Span) -> ExprId {
        let ids: Vec<ExprId> = items.iter().map(|item| self.value(item)).collect();
        super::wide::check(ids.len(), "a tuple", span, self.diagnostics);
        let ty = Ty::Tuple(ids.iter().map(|id| self.body[*id].ty.clone()).collect());
        self.add(ExprKind::Tuple(ids), ty, span)
    }

    pub(super) fn none(&mut self, span: Span) -> ExprId {
        let item = self.infer.any();
        let kind = ExprKind::Construct { constructor: Constructor::None, fields: Vec::new(), base: None };
        self.add(kind, Ty::Option(Box::new(item)), span)
    }

    pub(super) fn path(&mut self, path: &ast::Path) -> ExprId {
        if let [name] = path.segments.as_slice() {
            return self.name(name);
        }
        let Some((id, index)) = self.variant(path) else {
            return self.error(path.span);
        };
        self.check_shape(id, index, VariantShape::Unit, path.span);
        let kind = ExprKind::Construct { constructor: Constructor::Variant(id, index), fields: Vec::new(), base: None };
        self.add(kind, Ty::Named(id), path.span)
    }

    pub(super) fn call(&mut self, callee: &ast::Path, args: &[ast::Expr], span: Span) -> ExprId {
        let ids: Vec<ExprId> = args.iter().map(|arg| self.value(arg)).collect();
        if let [name] = callee.segments.as_slice() {
            return match (name.name.as_str(), ids.as_slice()) {
                ("Some" | "Ok" | "Err", [only]) => self.wrap(&name.name, *only, span),
                ("Some" | "Ok" | "Err", _) => {
                    let (what, found) = (format!("`{}`", name.name), ids.len());
                    let arity = Meaning::Arity { what, unit: "argument", expected: 1, found, span, declared: None };
                    self.diagnostics.push(arity.into());
                    self.error(span)
                }
                _ => self.call_function(name, ids, span),
            };
        }
        if let Some(call) = self.associated(callee, &ids, span) {
            return call;
        }
        let Some((id, index)) = self.variant(callee) else {
            return self.error(span);
        };
        let hir = self.hir;
        if !self.check_shape(id, index, VariantShape::Tuple, callee.span) {
            return self.error(span);
        }
        if let Some(variant) = hir.type_def(id).variants().get(index as usize) {
            self.arguments(&variant.name.name, &ids, &variant.fields, span, variant.name.span);
        }
        let fields = (0..).zip(ids).collect();
        let kind = ExprKind::Construct { constructor: Constructor::Variant(id, index), fields, base: None };
        self.add(kind, Ty::Named(id), span)
    }

    /// `Some(value)`, `Ok(value)`, `Err(value)`.
    fn wrap(&mut self, name: &str, value: ExprId, span: Span) -> ExprId {
        let item = Box::new(self.body[value].ty.clone());
        let (constructor, ty) = match name {
            "Some" => (Constructor::Some, Ty::Option(item)),
            "Ok" => (Constructor::Ok, Ty::Result(item, Box::new(self.infer.any()))),
            _ => (Constructor::Err, Ty::Result(Box::new(self.infer.any()), item)),
        };
        self.add(ExprKind::Construct { constructor, fields: vec![(0, value)], base: None }, ty, span)
    }

    /// The variant that a path of two names means.
    pub(super) fn variant(&mut self, path: &ast::Path) -> Option<(TypeId, u32)> {
        let [ty, name] = path.segments.as_slice() else {
            let text = path.segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("::");
            let name = Ident { name: text, span: path.span };
            self.diagnostics.push(Meaning::unknown(Thing::Type, &name, Vec::new()));
            return None;
        };
        let Some(id) = self.scope.type_id(&ty.name) else {
            let candidates = nearest(&ty.name, self.scope.type_names());
            self.diagnostics.push(Meaning::unknown(Thing::Type, ty, candidates));
            return None;
        };
        self.scope.refer(ty, self.diagnostics);
        let variants = self.hir.type_def(id).variants();
        let found = (0..).zip(variants).find(|(_, variant)| variant.name.name == name.name);
        match found {
            Some((_, variant)) => self.diagnostics.refer(name.span, variant.name.span),
            None => {
                let candidates = nearest(&name.name, variants.iter().map(|variant| variant.name.name.as_str()));
                self.diagnostics.push(Meaning::unknown(Thing::Variant { ty: ty.name.clone() }, name, candidates));
            }
        }
        found.map(|(index, _)| (id, index))
    }

    /// Whether a variant is written the way it is declared.
    pub(super) fn check_shape(&mut self, id: TypeId, index: u32, shape: VariantShape, span: Span) -> bool {
        let definition = self.hir.type_def(id);
        let Some(variant) = definition.variants().get(index as usize) else {
            return false;
        };
        if variant.shape != shape {
            let name = format!("{}::{}", definition.name.name, variant.name.name);
            let fields = variant.fields.iter().map(|field| field.name.name.clone()).collect();
            let wrong =
                Meaning::VariantShape { name, declared_as: variant.shape, fields, span, declared: variant.name.span };
            self.diagnostics.push(wrong.into());
        }
        variant.shape == shape
    }

    pub(super) fn construct(
        &mut self,
        path: &ast::Path,
        inits: &[(Ident, ast::Expr)],
        base: Option<&ast::Expr>,
        span: Span,
    ) -> ExprId {
        let target = self.constructor(path);
        let values: Vec<(&Ident, ExprId)> = inits.iter().map(|(name, value)| (name, self.value(value))).collect();
        let base = base.map(|base| self.value(base));
        let Some((constructor, ty)) = target else {
            return self.error(span);
        };
        let declared = self.constructor_fields(constructor);
        if let (Constructor::Struct(id), None) = (constructor, base)
            && self.is_extern(id)
        {
            self.diagnostics.push(Meaning::ExternLiteral { name: self.hir.show(&ty), span: path.span }.into());
        }
        super::duplicates::check(inits.iter().map(|(name, _)| name), self.diagnostics);
        if let (Constructor::Variant(..), Some(base)) = (constructor, base) {
            let span = self.body[base].span;
            self.diagnostics.push(Meaning::VariantBase { ty: self.hir.show(&ty), span }.into());
        }
        if let Some(base) = base {
            self.expect(base, &ty, Some(path.span));
        }
        let fields = self.field_values(&values, declared, &ty, path.span, base.is_some());
        self.add(ExprKind::Construct { constructor, fields, base }, ty, span)
    }

    /// What a struct literal or pattern names: its constructor and type.
    pub(super) fn constructor(&mut self, path: &ast::Path) -> Option<(Constructor, Ty)> {
        let [name] = path.segments.as_slice() else {
            let (id, index) = self.variant(path)?;
            let fits = self.check_shape(id, index, VariantShape::Struct, path.span);
            return fits.then_some((Constructor::Variant(id, index), Ty::Named(id)));
        };
        match self.scope.type_id(&name.name) {
            Some(id) if self.hir.type_def(id).variants().is_empty() => {
                self.scope.refer(name, self.diagnostics);
                Some((Constructor::Struct(id), Ty::Named(id)))
            }
            Some(_) | None => {
                let candidates = nearest(&name.name, self.scope.type_names());
                let unknown = match self.bare_variant(name) {
                    Some(bare) => Meaning::unknown(bare, name, Vec::new()),
                    None => Meaning::unknown(Thing::Struct, name, candidates),
                };
                self.diagnostics.push(unknown);
                None
            }
        }
    }

    /// The fields of what a constructor makes.
    pub(super) fn constructor_fields(&self, constructor: Constructor) -> &'hir [Field] {
        match constructor {
            Constructor::Struct(id) => self.hir.type_def(id).fields(),
            Constructor::Variant(id, index) => {
                self.hir.type_def(id).variants().get(index as usize).map_or(&[], |variant| &variant.fields)
            }
            Constructor::Some | Constructor::None | Constructor::Ok | Constructor::Err => &[],
        }
    }

    fn field_values(
        &mut self,
        values: &[(&Ident, ExprId)],
        declared: &[Field],
        ty: &Ty,
        span: Span,
        has_base: bool,
    ) -> Vec<(u32, ExprId)> {
        let indices: BTreeMap<&str, (u32, &Field)> =
            declared.iter().zip(0..).map(|(field, index)| (field.name.name.as_str(), (index, field))).collect();
        let mut fields = Vec::new();
        let mut given = std::collections::BTreeSet::new();
        for (name, value) in values {
            match indices.get(name.name.as_str()) {
                Some((index, field)) => {
                    self.diagnostics.refer(name.span, field.name.span);
                    self.expect(*value, &field.ty, Some(field.name.span));
                    given.insert(*index);
                    fields.push((*index, *value));
                }
                None => self.unknown_field(name, ty, declared),
            }
        }
        let missing: Vec<String> = declared
            .iter()
            .zip(0..)
            .filter(|(_, index)| !given.contains(index))
            .map(|(field, _)| field.name.name.clone())
            .collect();
        if !missing.is_empty() && !has_base {
            self.diagnostics.push(Meaning::MissingFields { ty: self.hir.show(ty), missing, span }.into());
        }
        fields
    }

    pub(super) fn unknown_field(&mut self, name: &Ident, ty: &Ty, declared: &[Field]) {
        let candidates = nearest(&name.name, declared.iter().map(|field| field.name.name.as_str()));
        let is_extern = matches!(self.infer.shallow(ty), Ty::Named(id) if self.is_extern(id));
        let thing = Thing::Field { ty: self.hir.show(&self.infer.known(ty)), is_extern };
        self.diagnostics.push(Meaning::unknown(thing, name, candidates));
    }

    pub(super) fn field(&mut self, value: &ast::Expr, name: &Ident, span: Span) -> ExprId {
        let value = self.value(value);
        let ty = self.ty(value);
        let hir = self.hir;
        let declared = match &ty {
            Ty::Error => return self.error(span),
            Ty::Named(id) => hir.type_def(*id).fields(),
            _ => &[],
        };
        match declared.iter().find(|field| field.name.name == name.name) {
            Some(field) => {
                self.diagnostics.refer(name.span, field.name.span);
                self.add(ExprKind::Field(value, name.name.clone()), field.ty.clone(), span)
            }
            None => {
                self.unknown_field(name, &ty, declared);
                self.error(span)
            }
        }
    }

    pub(super) fn tuple_field(&mut self, value: &ast::Expr, index: u32, index_span: Span, span: Span) -> ExprId {
        let value = self.value(value);
        let ty = self.ty(value);
        let item = match &ty {
            Ty::Error => return self.error(span),
            Ty::Tuple(items) => items.get(index as usize).cloned(),
            _ => None,
        };
        match item {
            Some(item) => self.add(ExprKind::TupleField(value, index), item, span),
            None => {
                let name = Ident { name: index.to_string(), span: index_span };
                self.unknown_field(&name, &ty, &[]);
                self.error(span)
            }
        }
    }

    /// Whether values of a type are made by Rust alone.
    pub(super) fn is_extern(&self, id: TypeId) -> bool {
        matches!(self.hir.type_def(id).kind, TypeDefKind::Extern(..))
    }
}
