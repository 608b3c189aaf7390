//! What two versions of a program have in common: types and services that are the same in both are taken from the Rust of the other
//! version, so that one implementation of a service plays both.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;

use super::names::item;
use super::service::{has_module, operations_module};
use crate::Compilation;
use crate::hir::{Hir, Service, Ty, TypeDef, TypeDefKind};
use crate::lir::{operation_text, type_text};

/// The items of a program that another version of it declares alike.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    /// The names of the types and services.
    names: BTreeSet<String>,
    /// Imports of them.
    imports: TokenStream,
}

impl Sharing {
    /// What `compilation` shares with `other`, whose Rust is in the module `path`.
    pub fn of(compilation: &Compilation, other: &Compilation, path: &TokenStream) -> Self {
        let (hir, other) = (&compilation.hir, &other.hir);
        let types = same_types(hir, other);
        let generated =
            hir.types.iter().filter(|definition| is_generated(definition) && types.contains(name_of(definition)));
        let type_names = generated.map(|definition| definition.name.name.clone());
        let services: Vec<&Service> =
            hir.services.iter().filter(|service| is_same(hir, other, service, &types)).collect();
        let modules = services.iter().filter(|service| has_module(service)).map(|service| operations_module(service));
        let names: BTreeSet<String> =
            type_names.chain(services.iter().map(|service| service.name.name.clone())).collect();
        let items = names.iter().map(|name| item(name)).chain(modules);
        let imports = quote! { #(#[allow(unused_imports, reason = "not every role uses it")] pub use #path::#items;)* };
        Self { names, imports }
    }

    /// Whether the other version has the item.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// The imports.
    pub(super) fn imports(&self) -> &TokenStream {
        &self.imports
    }
}

fn name_of(definition: &TypeDef) -> &str {
    &definition.name.name
}

fn is_generated(definition: &TypeDef) -> bool {
    match &definition.kind {
        TypeDefKind::Extern(..) => false,
        TypeDefKind::Struct(_) | TypeDefKind::Enum(_) => true,
    }
}

/// The names of the types that both programs declare alike, together with all that they are made of.
fn same_types<'a>(hir: &'a Hir, other: &Hir) -> BTreeSet<&'a str> {
    let texts = declared(other);
    let own = declared(hir);
    let mut same: BTreeMap<&str, &TypeDef> = hir
        .types
        .iter()
        .filter(|definition| {
            own.get(name_of(definition)).is_some_and(|text| texts.get(name_of(definition)) == Some(text))
        })
        .map(|definition| (name_of(definition), definition))
        .collect();
    // A type with a part that is another one is itself another one.
    loop {
        let is_whole = |definition: &TypeDef| parts(definition).into_iter().all(|ty| is_known(hir, ty, &same));
        let whole: BTreeMap<&str, &TypeDef> =
            same.iter().filter(|(_, definition)| is_whole(definition)).map(|(name, it)| (*name, *it)).collect();
        if whole.len() == same.len() {
            return same.into_keys().collect();
        }
        same = whole;
    }
}

/// The declaration of each type as Rust depends on it, by its name.
fn declared(hir: &Hir) -> BTreeMap<&str, String> {
    let text = |(id, definition): (u32, &TypeDef)| {
        let path = match &definition.kind {
            TypeDefKind::Extern(path, _) => path.join("::"),
            TypeDefKind::Struct(_) | TypeDefKind::Enum(_) => String::new(),
        };
        let (declared, is_eq) = (type_text(hir, crate::hir::TypeId(id)), definition.comparable);
        format!("{declared} {path} {is_eq} {}", definition.opaque)
    };
    (0..).zip(&hir.types).map(|(id, definition)| (name_of(definition), text((id, definition)))).collect()
}

fn parts(definition: &TypeDef) -> Vec<&Ty> {
    let fields = definition.fields().iter();
    fields.chain(definition.variants().iter().flat_map(|variant| &variant.fields)).map(|field| &field.ty).collect()
}

fn is_known<V>(hir: &Hir, ty: &Ty, known: &BTreeMap<&str, V>) -> bool {
    let own = match ty {
        Ty::Named(id) => known.contains_key(name_of(hir.type_def(*id))),
        _ => true,
    };
    own && ty.parts().into_iter().all(|part| is_known(hir, part, known))
}

/// Whether the other program has a service with the same operations on the same types.
fn is_same(hir: &Hir, other: &Hir, service: &Service, types: &BTreeSet<&str>) -> bool {
    let types: BTreeMap<&str, ()> = types.iter().map(|name| (*name, ())).collect();
    let used = service
        .operations
        .iter()
        .flat_map(|operation| operation.params.iter().map(|param| &param.ty).chain([&operation.result]));
    let texts = |hir: &Hir, service: &Service| -> BTreeSet<String> {
        service.operations.iter().map(|operation| operation_text(hir, service, operation)).collect()
    };
    let found = other.services.iter().find(|found| found.name.name == service.name.name);
    found.is_some_and(|found| texts(other, found) == texts(hir, service))
        && used.into_iter().all(|ty| is_known(hir, ty, &types))
}
