//! Resolves what is declared: types, services, operations. Bodies are left to `lower`.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::{
    ChoreographyId, Field, FnId, Function, FunctionKind, Hir, Operation, Service, ServiceId, Ty, TypeDef, TypeDefKind,
    TypeId, Variant, VariantShape,
};
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::{Diagnostics, nearest};
use crate::span::{FileId, Span};
use crate::syntax::ast::{self, Ident, Item};

/// What the names of items mean, seen from one file. Types, services, functions and choreographies of all files share one name
/// space, for they are items of one Rust module.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    types: BTreeMap<String, TypeId>,
    services: BTreeMap<String, ServiceId>,
    choreographies: BTreeMap<String, ChoreographyId>,
    abort: Option<TypeId>,
    functions: BTreeMap<String, FnId>,
    names: BTreeMap<String, Span>,
    /// The files that each file sees.
    visible: Vec<BTreeSet<FileId>>,
    /// The file that names are looked up from.
    file: FileId,
}

impl Scope {
    /// Looks names up from this file.
    pub fn enter(&mut self, file: FileId) {
        self.file = file;
    }

    /// Where an item is declared that the file of that number does not see.
    pub fn declared_unseen(&self, name: &str, from: FileId) -> Option<Span> {
        self.names.get(name).copied().filter(|span| !self.sees(from, span.file))
    }

    fn sees(&self, from: FileId, file: FileId) -> bool {
        self.visible.get(from.0 as usize).is_none_or(|visible| visible.contains(&file))
    }

    /// Whether the file sees what has that name. What no file declares is the language's.
    fn is_seen(&self, name: &str) -> bool {
        self.declared_unseen(name, self.file).is_none()
    }

    /// The type of that name.
    pub fn type_id(&self, name: &str) -> Option<TypeId> {
        self.types.get(name).copied().filter(|_| self.is_seen(name))
    }

    /// The service of that name.
    pub fn service_id(&self, name: &str) -> Option<ServiceId> {
        self.services.get(name).copied().filter(|_| self.is_seen(name))
    }

    /// The type of what the `else` of a scope may name.
    pub fn abort(&self) -> Option<TypeId> {
        self.abort
    }

    /// The choreography of that name.
    pub fn choreography_id(&self, name: &str) -> Option<ChoreographyId> {
        self.choreographies.get(name).copied().filter(|_| self.is_seen(name))
    }

    /// The names of all choreographies.
    pub fn choreography_names(&self) -> impl Iterator<Item = &str> {
        self.choreographies.keys().map(String::as_str).filter(|name| self.is_seen(name))
    }

    /// The function of that name.
    pub fn function_id(&self, name: &str) -> Option<FnId> {
        self.functions.get(name).copied().filter(|_| self.is_seen(name))
    }

    /// The names of all functions.
    pub fn function_names(&self) -> impl Iterator<Item = &str> {
        self.functions.keys().map(String::as_str).filter(|name| self.is_seen(name))
    }

    /// Where the item of that name is declared.
    pub fn declared(&self, name: &str) -> Option<Span> {
        self.names.get(name).copied().filter(|_| self.is_seen(name))
    }

    /// Says that an item is meant where its name stands.
    pub fn refer(&self, name: &Ident, diagnostics: &mut Diagnostics) {
        if let Some(declared) = self.names.get(&name.name) {
            diagnostics.refer(name.span, *declared);
        }
    }

    /// The names of all types.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.types
            .keys()
            .map(String::as_str)
            .filter(|name| self.is_seen(name))
            .chain(Ty::builtin_names().map(|name| name as &str))
    }

    /// A type in words, before the types of the file have been resolved.
    fn show(&self, ty: &Ty) -> String {
        let named = |id: &TypeId| self.types.iter().find(|(_, known)| *known == id).map(|(name, _)| name.clone());
        match ty {
            Ty::Named(id) => named(id).unwrap_or_default(),
            Ty::Vec(_) | Ty::Option(_) | Ty::Result(..) | Ty::Map(..) | Ty::Tuple(_) => "this".to_owned(),
            _ => ty.primitive_name().unwrap_or("_").to_owned(),
        }
    }

    fn service_names(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str).filter(|name| self.is_seen(name))
    }

    fn declare(&mut self, name: &Ident, diagnostics: &mut Diagnostics) {
        check::reserved::check_item(name, diagnostics);
        match self.names.get(&name.name) {
            Some(first) => diagnostics.push(Meaning::duplicate(name, *first)),
            None => {
                self.names.insert(name.name.clone(), name.span);
            }
        }
    }
}

/// Resolves the items of all files. The choreographies of the result are empty.
pub fn resolve(files: &[ast::File], visible: Vec<BTreeSet<FileId>>, diagnostics: &mut Diagnostics) -> (Hir, Scope) {
    let mut scope = Scope { visible, ..Scope::default() };
    let items = || (0..).zip(files).flat_map(|(index, file)| file.items.iter().map(move |item| (FileId(index), item)));
    let (mut type_count, mut service_count, mut function_count, mut choreography_count) = (0, 0, 0, 0);
    for (_, item) in items() {
        let name = item_name(item);
        if let Some(name) = name {
            scope.declare(name, diagnostics);
        }
        match (item, name) {
            (Item::ExternType(_) | Item::Struct(_) | Item::Enum(_), Some(name)) => {
                scope.types.entry(name.name.clone()).or_insert(TypeId(type_count));
                type_count += 1;
            }
            (Item::Service(_), Some(name)) => {
                scope.services.entry(name.name.clone()).or_insert(ServiceId(service_count));
                service_count += 1;
            }
            (Item::Fn(_) | Item::ExternFn(_), Some(name)) => {
                check::reserved::check_function(name, diagnostics);
                scope.functions.entry(name.name.clone()).or_insert(FnId(function_count));
                function_count += 1;
            }
            (Item::Choreography(_), Some(name)) => {
                scope.choreographies.entry(name.name.clone()).or_insert(ChoreographyId(choreography_count));
                choreography_count += 1;
            }
            (_, None) => {}
        }
    }
    let mut hir = Hir::default();
    for (file, item) in items() {
        scope.enter(file);
        match item {
            Item::ExternType(item) => hir.types.extend(extern_type(item, &scope, diagnostics)),
            Item::Struct(item) => {
                let fields = fields(&item.fields, &scope, diagnostics);
                hir.types.push(type_def(&item.docs, &item.name, TypeDefKind::Struct(fields), item.span));
            }
            Item::Enum(item) => {
                let variants = variants(&item.variants, &scope, diagnostics);
                hir.types.push(type_def(&item.docs, &item.name, TypeDefKind::Enum(variants), item.span));
            }
            Item::Service(item) => hir.services.push(service(item, &scope, diagnostics)),
            Item::Fn(item) => {
                let (docs, name) = (item.docs.clone(), item.name.clone());
                let (params, result) = signature(&item.params, item.result.as_ref(), &scope, diagnostics);
                let kind = FunctionKind::Written(None);
                hir.functions.push(Function { docs, name, params, result, kind, span: item.span });
            }
            Item::ExternFn(item) => hir.functions.extend(extern_fn(item, &scope, diagnostics)),
            Item::Choreography(_) => {}
        }
    }
    let abort = TypeId(u32::try_from(hir.types.len()).unwrap_or(u32::MAX));
    hir.types.push(abort_type());
    scope.abort = Some(abort);
    scope.types.entry("Abort".to_owned()).or_insert(abort);
    check::declared_types::check(&mut hir, diagnostics);
    (hir, scope)
}

/// `Abort { role: String, reason: String }`: who ended a scope, and why. A type of the runtime's.
fn abort_type() -> TypeDef {
    let span = Span::new(FileId(0), 0, 0);
    let ident = |name: &str| Ident { name: name.to_owned(), span };
    let fields = ["role", "reason"].map(|name| Field { name: ident(name), ty: Ty::Str });
    let path = ["accompanist", "Abort"].map(str::to_owned).to_vec();
    type_def(&[], &ident("Abort"), TypeDefKind::Extern(path, fields.to_vec()), span)
}

fn item_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::ExternType(item) => item.path.segments.last(),
        Item::ExternFn(item) => item.path.segments.last(),
        Item::Struct(item) => Some(&item.name),
        Item::Enum(item) => Some(&item.name),
        Item::Fn(item) => Some(&item.name),
        Item::Service(item) => Some(&item.name),
        Item::Choreography(item) => Some(&item.name),
    }
}

fn type_def(docs: &[String], name: &Ident, kind: TypeDefKind, span: Span) -> TypeDef {
    TypeDef { docs: docs.to_vec(), name: name.clone(), kind, comparable: true, opaque: false, nests: false, span }
}

fn extern_type(item: &ast::ExternType, scope: &Scope, diagnostics: &mut Diagnostics) -> Option<TypeDef> {
    let name = item.path.segments.last()?;
    let path = item.path.segments.iter().map(|segment| segment.name.clone()).collect();
    let fields = fields(item.fields.as_deref().unwrap_or_default(), scope, diagnostics);
    let definition = type_def(&item.docs, name, TypeDefKind::Extern(path, fields), item.span);
    Some(TypeDef { comparable: item.eq, opaque: true, ..definition })
}

fn extern_fn(item: &ast::ExternFn, scope: &Scope, diagnostics: &mut Diagnostics) -> Option<Function> {
    let name = item.path.segments.last()?.clone();
    let path = item.path.segments.iter().map(|segment| segment.name.clone()).collect();
    let (params, result) = signature(&item.params, item.result.as_ref(), scope, diagnostics);
    let kind = FunctionKind::Extern(path);
    Some(Function { docs: item.docs.clone(), name, params, result, kind, span: item.span })
}

fn signature(
    params: &[ast::Field],
    result: Option<&ast::Type>,
    scope: &Scope,
    diagnostics: &mut Diagnostics,
) -> (Vec<Field>, Ty) {
    let params = fields(params, scope, diagnostics);
    (params, result.map_or(Ty::UNIT, |ty| resolve_type(ty, scope, diagnostics)))
}

fn variants(variants: &[ast::Variant], scope: &Scope, diagnostics: &mut Diagnostics) -> Vec<Variant> {
    check::duplicates::check(variants.iter().map(|variant| &variant.name), diagnostics);
    let mut variant = |variant: &ast::Variant| {
        let (shape, fields) = match &variant.fields {
            ast::VariantFields::Unit => (VariantShape::Unit, Vec::new()),
            ast::VariantFields::Tuple(types) => {
                let field = |(index, ty): (usize, &ast::Type)| Field {
                    name: Ident { name: index.to_string(), span: ty.span },
                    ty: resolve_type(ty, scope, diagnostics),
                };
                (VariantShape::Tuple, types.iter().enumerate().map(field).collect())
            }
            ast::VariantFields::Struct(named) => {
                // Rust's derived code has a variable for each: `Some` would be a pattern there.
                named.iter().for_each(|field| check::reserved::check_function(&field.name, diagnostics));
                (VariantShape::Struct, fields(named, scope, diagnostics))
            }
        };
        Variant { name: variant.name.clone(), shape, fields }
    };
    variants.iter().map(&mut variant).collect()
}

fn fields(fields: &[ast::Field], scope: &Scope, diagnostics: &mut Diagnostics) -> Vec<Field> {
    check::duplicates::check(fields.iter().map(|field| &field.name), diagnostics);
    fields
        .iter()
        .map(|field| Field { name: field.name.clone(), ty: resolve_type(&field.ty, scope, diagnostics) })
        .collect()
}

fn service(item: &ast::Service, scope: &Scope, diagnostics: &mut Diagnostics) -> Service {
    for operation in &item.operations {
        check::wide::check(operation.params.len(), "an operation", operation.name.span, diagnostics);
    }
    check::duplicates::check(item.operations.iter().map(|operation| &operation.name), diagnostics);
    let operations = item
        .operations
        .iter()
        .map(|operation| Operation {
            docs: operation.docs.clone(),
            name: operation.name.clone(),
            kind: operation.kind.clone(),
            params: fields(&operation.params, scope, diagnostics),
            is_readable: operation.is_readable,
            result: operation.result.as_ref().map_or(Ty::UNIT, |ty| resolve_type(ty, scope, diagnostics)),
        })
        .collect();
    Service { docs: item.docs.clone(), name: item.name.clone(), operations, is_readable: item.is_readable }
}

/// The service that a role names.
pub fn resolve_service(name: &Ident, scope: &Scope, diagnostics: &mut Diagnostics) -> Option<ServiceId> {
    let id = scope.service_id(&name.name);
    match id {
        Some(_) => scope.refer(name, diagnostics),
        None => {
            let candidates = nearest(&name.name, scope.service_names());
            diagnostics.push(Meaning::unknown(Thing::Service, name, candidates));
        }
    }
    id
}

/// The type that is written.
pub fn resolve_type(ty: &ast::Type, scope: &Scope, diagnostics: &mut Diagnostics) -> Ty {
    resolve_type_with(ty, &[], scope, diagnostics)
}

/// The type that is written, where `params` are the type parameters.
pub fn resolve_type_with(ty: &ast::Type, params: &[Ident], scope: &Scope, diagnostics: &mut Diagnostics) -> Ty {
    match &ty.kind {
        ast::TypeKind::Tuple(items) => {
            check::wide::check(items.len(), "a tuple", ty.span, diagnostics);
            Ty::Tuple(items.iter().map(|item| resolve_type_with(item, params, scope, diagnostics)).collect())
        }
        ast::TypeKind::Path(path, args) => {
            if let ([name], []) = (path.segments.as_slice(), args.as_slice())
                && let Some((index, param)) = (0..).zip(params).find(|(_, param)| param.name == name.name)
            {
                diagnostics.refer(name.span, param.span);
                return Ty::Param(index, param.name.clone());
            }
            let args: Vec<Ty> = args.iter().map(|arg| resolve_type_with(arg, params, scope, diagnostics)).collect();
            resolve_path(path, args, ty.span, scope, diagnostics)
        }
    }
}

fn resolve_path(path: &ast::Path, args: Vec<Ty>, span: Span, scope: &Scope, diagnostics: &mut Diagnostics) -> Ty {
    if path.segments.is_empty() {
        // It cannot be read, which has been told.
        return Ty::Error;
    }
    let [name] = path.segments.as_slice() else {
        let text = path.segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("::");
        let name = Ident { name: text, span: path.span };
        diagnostics.push(Meaning::unknown(Thing::Type, &name, Vec::new()));
        return Ty::Error;
    };
    let expected = match name.name.as_str() {
        "Option" | "Vec" => 1,
        "Result" | "Map" => 2,
        _ => 0,
    };
    let is_known = || Ty::primitive(&name.name).is_some() || scope.type_id(&name.name).is_some();
    if args.len() != expected && (expected > 0 || is_known()) {
        let (expected, found) = (expected, args.len());
        diagnostics.push(
            Meaning::Arity { what: format!("`{}`", name.name), unit: "type", expected, found, span, declared: None }
                .into(),
        );
        return Ty::Error;
    }
    let mut args = args.into_iter().map(Box::new);
    match (name.name.as_str(), args.next(), args.next()) {
        ("Option", Some(item), None) => return Ty::Option(item),
        ("Vec", Some(item), None) => return Ty::Vec(item),
        ("Result", Some(item), Some(error)) => return Ty::Result(item, error),
        ("Map", Some(key), Some(value)) => {
            if !key.is_key() {
                let ty = scope.show(&key);
                diagnostics.push(Meaning::NotAKey { ty, span }.into());
                return Ty::Error;
            }
            return Ty::Map(key, value);
        }
        _ => {}
    }
    match Ty::primitive(&name.name).or_else(|| scope.type_id(&name.name).map(Ty::Named)) {
        Some(ty) => {
            scope.refer(name, diagnostics);
            ty
        }
        None => {
            let candidates = nearest(&name.name, scope.type_names());
            diagnostics.push(Meaning::unknown(Thing::Type, name, candidates));
            Ty::Error
        }
    }
}
