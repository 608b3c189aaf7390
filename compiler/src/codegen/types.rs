//! Types: how they are named, and the structs and enums that a choreography declares.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::foreign::{self, Foreign};
use super::names::{docs, item};
use super::sharing::Sharing;
use crate::hir::{Field, Hir, Ty, TypeDef, TypeDefKind, TypeId, VariantShape};

/// Where generated code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Where the macro is called.
    Root,
    /// In a module that the macro makes there.
    Module,
}

impl Scope {
    /// An item of the place where the macro is called.
    pub fn path(self, name: &str) -> TokenStream {
        let name = item(name);
        match self {
            Scope::Root => quote! { #name },
            Scope::Module => quote! { super::#name },
        }
    }

    /// A type.
    pub fn ty(self, hir: &Hir, ty: &Ty) -> TokenStream {
        match ty {
            Ty::Str => quote! { ::std::string::String },
            Ty::Tuple(items) => {
                let items = items.iter().map(|item| self.ty(hir, item));
                quote! { (#(#items,)*) }
            }
            Ty::Option(inner) => {
                let inner = self.ty(hir, inner);
                quote! { ::core::option::Option<#inner> }
            }
            Ty::Vec(inner) => {
                let inner = self.ty(hir, inner);
                quote! { ::std::vec::Vec<#inner> }
            }
            Ty::Result(inner, error) => {
                let (inner, error) = (self.ty(hir, inner), self.ty(hir, error));
                quote! { ::core::result::Result<#inner, #error> }
            }
            Ty::Map(key, value) => {
                let (key, value) = (self.ty(hir, key), self.ty(hir, value));
                quote! { ::std::collections::BTreeMap<#key, #value> }
            }
            Ty::Named(id) => self.named(hir, *id),
            Ty::Param(_, name) => {
                let name = item(name);
                quote! { #name }
            }
            Ty::Bool | Ty::Int(_) | Ty::Float(_) | Ty::Char => {
                let name = item(ty.primitive_name().unwrap_or("bool"));
                quote! { ::core::primitive::#name }
            }
            Ty::Never | Ty::Var(_) | Ty::Error => quote! { () },
        }
    }

    /// A declared type.
    pub fn named(self, hir: &Hir, id: TypeId) -> TokenStream {
        let definition = hir.type_def(id);
        match &definition.kind {
            TypeDefKind::Extern(path, _) => self.extern_path(path),
            TypeDefKind::Struct(_) | TypeDefKind::Enum(_) => self.path(&definition.name.name),
        }
    }

    /// The path of an extern type as it is written, which counts from where the macro is called.
    pub fn extern_path(self, path: &[String]) -> TokenStream {
        let mut tokens = TokenStream::new();
        let mut segments = path.iter().map(String::as_str).peekable();
        let first = segments.peek().copied().unwrap_or_default();
        if first == "accompanist" {
            quote! { :: }.to_tokens(&mut tokens);
        } else if self == Scope::Module {
            match first {
                "self" => {
                    segments.next();
                    quote! { super:: }.to_tokens(&mut tokens);
                }
                "super" => quote! { super:: }.to_tokens(&mut tokens),
                _ if path.len() == 1 => quote! { super:: }.to_tokens(&mut tokens),
                _ => {}
            }
        }
        let mut separate = false;
        for segment in segments {
            if separate {
                quote! { :: }.to_tokens(&mut tokens);
            }
            separate = true;
            match segment {
                "crate" => quote! { crate }.to_tokens(&mut tokens),
                "self" => quote! { self }.to_tokens(&mut tokens),
                "super" => quote! { super }.to_tokens(&mut tokens),
                name => item(name).to_tokens(&mut tokens),
            }
        }
        tokens
    }
}

/// What every type that is sent or recorded derives. `Debug` and `==` are left out where a type that Rust owns stands in the
/// way: it need not have them.
pub fn derives(hir: &Hir, debug: bool, comparable: bool, foreign: &Foreign) -> TokenStream {
    let bounds = foreign::serde_bounds(hir, foreign);
    let debug = debug.then(|| quote! { ::core::fmt::Debug, });
    let comparable = comparable.then(|| quote! { ::core::cmp::PartialEq, });
    quote! {
        #[derive(
            ::core::clone::Clone, #debug #comparable
            ::accompanist::serde::Serialize, ::accompanist::serde::Deserialize,
        )]
        #[serde(crate = "::accompanist::serde" #bounds)]
    }
}

/// Whether a value of the type is shown by `Debug`, as far as the choreography says.
pub fn shows(hir: &Hir, ty: &Ty) -> bool {
    match ty {
        Ty::Named(id) => !hir.type_def(*id).opaque,
        Ty::Param(..) => false,
        Ty::Tuple(items) => items.iter().all(|item| shows(hir, item)),
        Ty::Option(item) | Ty::Vec(item) => shows(hir, item),
        Ty::Result(one, two) | Ty::Map(one, two) => shows(hir, one) && shows(hir, two),
        Ty::Bool | Ty::Int(_) | Ty::Float(_) | Ty::Char | Ty::Str | Ty::Never | Ty::Var(_) | Ty::Error => true,
    }
}

/// The structs and enums but for those that are shared.
pub fn types(hir: &Hir, sharing: &Sharing) -> TokenStream {
    let own = hir.types.iter().filter(|definition| !sharing.has(&definition.name.name));
    own.map(|definition| type_def(hir, definition)).collect()
}

fn type_def(hir: &Hir, definition: &TypeDef) -> TokenStream {
    let name = item(&definition.name.name);
    let docs = docs(&definition.docs, &format!("`{}`, as the choreography declares it.", definition.name.name));
    let foreign = foreign::within_definition(hir, definition);
    let derives = derives(hir, !definition.opaque, definition.comparable, &foreign);
    let allow = quote! { #[allow(missing_docs, reason = "the choreography has the words")] };
    match &definition.kind {
        TypeDefKind::Extern(..) => TokenStream::new(),
        TypeDefKind::Struct(declared) => {
            let fields = fields(hir, declared);
            quote! { #docs #derives #allow pub struct #name { #(pub #fields),* } }
        }
        TypeDefKind::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let name = item(&variant.name.name);
                match variant.shape {
                    VariantShape::Unit => quote! { #name },
                    VariantShape::Tuple => {
                        let types = variant.fields.iter().map(|field| Scope::Root.ty(hir, &field.ty));
                        quote! { #name(#(#types),*) }
                    }
                    VariantShape::Struct => {
                        let fields = fields(hir, &variant.fields);
                        quote! { #name { #(#fields),* } }
                    }
                }
            });
            quote! { #docs #derives #allow pub enum #name { #(#variants),* } }
        }
    }
}

fn fields(hir: &Hir, fields: &[Field]) -> Vec<TokenStream> {
    let field = |field: &Field| {
        let (name, ty) = (item(&field.name.name), Scope::Root.ty(hir, &field.ty));
        quote! { #name: #ty }
    };
    fields.iter().map(field).collect()
}
