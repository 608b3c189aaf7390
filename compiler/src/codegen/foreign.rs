//! The types that Rust owns: that they are values is asserted once for each, in words of our own, and taken for granted in all
//! other code that is generated, so that rustc says it once.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

use super::types::Scope;
use super::uses::bindings;
use crate::Compilation;
use crate::hir::{Hir, Service, Ty, TypeDef, TypeDefKind, TypeId};
use crate::lir::{Program, Projection};

/// Types of Rust's.
pub type Foreign = BTreeSet<TypeId>;

/// Those that these types are made of.
pub fn within<T: Borrow<Ty>>(hir: &Hir, types: impl IntoIterator<Item = T>) -> Foreign {
    let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::new());
    if !hir.types.iter().any(|definition| definition.opaque) {
        return found;
    }
    let mut work = Vec::new();
    types.into_iter().for_each(|ty| declared(ty.borrow(), &mut work));
    while let Some(id) = work.pop() {
        let definition = hir.type_def(id);
        if definition.opaque && seen.insert(id) {
            match &definition.kind {
                TypeDefKind::Extern(..) => _ = found.insert(id),
                TypeDefKind::Struct(_) | TypeDefKind::Enum(_) => {
                    parts(definition).for_each(|ty| declared(ty, &mut work));
                }
            }
        }
    }
    found
}

/// The declared types that a type names.
fn declared(ty: &Ty, found: &mut Vec<TypeId>) {
    if let Ty::Named(id) = ty {
        found.push(*id);
    }
    ty.parts().into_iter().for_each(|part| declared(part, found));
}

/// The types in a declaration that is generated.
fn parts(definition: &TypeDef) -> impl Iterator<Item = &Ty> {
    let variants = definition.variants().iter().flat_map(|variant| &variant.fields);
    let is_generated = !matches!(definition.kind, TypeDefKind::Extern(..));
    definition.fields().iter().chain(variants).filter(move |_| is_generated).map(|field| &field.ty)
}

/// Those that a declared type is made of.
pub fn within_definition(hir: &Hir, definition: &TypeDef) -> Foreign {
    within(hir, parts(definition))
}

/// Those of a service's operations.
pub fn within_service(hir: &Hir, service: &Service) -> Foreign {
    let types = service.operations.iter().flat_map(|operation| {
        let params = operation.params.iter().map(|param| &param.ty);
        params.chain([&operation.result])
    });
    within(hir, types)
}

/// Those of a program's variables and result; `concrete` says what stands for type parameters.
pub fn within_program(hir: &Hir, projection: &Projection, program: &Program, concrete: impl Fn(&Ty) -> Ty) -> Foreign {
    let mut locals = program.params.clone();
    bindings(&program.body, &mut locals);
    let locals = locals.iter().map(|local| &projection.local(*local).ty);
    within(hir, locals.chain([&program.result]).map(concrete))
}

/// That these are values, as bounds that rustc takes for granted where they stand: with a lifetime in them, it does not ask
/// whether they are true.
pub fn bounds(hir: &Hir, types: &Foreign, scope: Scope) -> TokenStream {
    let bounds = types.iter().map(|id| {
        let (path, equal) = (scope.named(hir, *id), equal(hir.type_def(*id)));
        quote! { for<'value> #path: ::accompanist::Value #equal, }
    });
    bounds.collect()
}

/// The same, as serde's derives read them.
pub fn serde_bounds(hir: &Hir, types: &Foreign) -> Option<TokenStream> {
    let bounds = bounds(hir, types, Scope::Root).to_string();
    let bounds = Literal::string(bounds.trim_end_matches(','));
    (!types.is_empty()).then(|| quote! { , bound(serialize = #bounds, deserialize = #bounds) })
}

fn equal(definition: &TypeDef) -> Option<TokenStream> {
    definition.comparable.then(|| quote! { + ::core::cmp::PartialEq })
}

/// That each of these is a value, in such a way that rustc's message names the declaration if it is not.
pub fn checks(compilation: &Compilation, types: &Foreign) -> TokenStream {
    types.iter().map(|id| check(compilation, *id)).collect()
}

fn check(compilation: &Compilation, id: TypeId) -> TokenStream {
    let hir = &compilation.hir;
    let definition = hir.type_def(id);
    let TypeDefKind::Extern(path, _) = &definition.kind else { return TokenStream::new() };
    let (place, shown) = (compilation.sources.location(definition.span), path.join("::"));
    let (eq, also_equal) = if definition.comparable { (": Eq", ", `PartialEq`") } else { ("", "") };
    let message = format!("`{shown}` cannot be a value of a choreography, as {place} declares it");
    let label = format!("declared as `extern type {shown}{eq}`");
    let note = format!(
        "a value is `Clone`{also_equal}, `Send`, `Sync`, `'static`, and `Serialize` and `Deserialize` of serde"
    );
    let (ty, equal) = (Scope::Root.named(hir, id), equal(definition));
    let checks = format_ident!("extern_type_{}_is_a_value", definition.name.name);
    // With two ways to be one, rustc tells what was asked for, and not each part of it that is missing.
    quote! {
        const _: () = {
            struct Given;
            struct Otherwise;
            trait Never {}
            #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
            trait Declared<How> {}
            impl<T: ::accompanist::Value #equal> Declared<Given> for T {}
            impl<T: Never> Declared<Otherwise> for T {}
            #[allow(non_snake_case, reason = "it is named after the type")]
            const fn #checks<How, T: Declared<How>>() {}
            #checks::<_, #ty>()
        };
    }
}
