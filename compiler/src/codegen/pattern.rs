//! Patterns.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::names::{item, local};
use super::program::Writer;
use super::types::Scope;
use crate::hir::{Pattern, PatternKind, Ty, TypeDefKind, VariantShape};

impl Writer<'_> {
    /// A pattern. A string in it becomes a variable that is compared in a guard, for patterns look into no `String`.
    pub(super) fn pattern(&self, pattern: &Pattern, strings: &mut Vec<(Ident, String)>) -> TokenStream {
        match &pattern.kind {
            PatternKind::Wildcard => quote! { _ },
            PatternKind::Bind(id) => {
                let (mutable, name) = (self.mutable(*id), self.name(*id));
                quote! { #mutable #name }
            }
            PatternKind::Literal(crate::hir::Literal::Str(text)) => {
                let name = local(&format!("text_{}", strings.len()));
                strings.push((name.clone(), text.clone()));
                quote! { #name }
            }
            PatternKind::Literal(literal) => super::expr::literal(literal, &pattern.ty),
            PatternKind::Tuple(items) => {
                let items = items.iter().map(|item| self.pattern(item, strings));
                let items: Vec<TokenStream> = items.collect();
                quote! { (#(#items,)*) }
            }
            PatternKind::Construct(constructor, fields) => {
                let parts: Vec<(u32, TokenStream)> =
                    fields.iter().map(|(index, field)| (*index, self.pattern(field, strings))).collect();
                self.construct_pattern(*constructor, &pattern.ty, parts)
            }
        }
    }

    fn construct_pattern(
        &self,
        constructor: crate::hir::Constructor,
        ty: &Ty,
        parts: Vec<(u32, TokenStream)>,
    ) -> TokenStream {
        use crate::hir::Constructor;
        match constructor {
            Constructor::None => quote! { ::core::option::Option::None },
            Constructor::Some => {
                let parts = parts.into_iter().map(|(_, part)| part);
                quote! { ::core::option::Option::Some(#(#parts),*) }
            }
            Constructor::Ok | Constructor::Err => {
                let variant = local(if constructor == Constructor::Ok { "Ok" } else { "Err" });
                let parts = parts.into_iter().map(|(_, part)| part);
                quote! { ::core::result::Result::#variant(#(#parts),*) }
            }
            Constructor::Struct(_) | Constructor::Variant(..) => {
                let Ty::Named(id) = ty else {
                    return quote! { _ };
                };
                let definition = self.hir.type_def(*id);
                let path = Scope::Module.named(self.hir, *id);
                let (path, declared, shape) = match (constructor, &definition.kind) {
                    (Constructor::Variant(_, index), TypeDefKind::Enum(variants)) => match variants.get(index as usize)
                    {
                        Some(variant) => {
                            let name = item(&variant.name.name);
                            (quote! { #path::#name }, variant.fields.as_slice(), variant.shape)
                        }
                        None => return quote! { _ },
                    },
                    _ => (path, definition.fields(), VariantShape::Struct),
                };
                if shape == VariantShape::Unit {
                    return path;
                }
                let parts = parts.into_iter().map(|(index, part)| {
                    let name = declared.get(index as usize).map_or("_", |field| field.name.name.as_str());
                    if shape == VariantShape::Tuple {
                        let index = Literal::u32_unsuffixed(index);
                        return quote! { #index: #part };
                    }
                    let name = item(name);
                    quote! { #name: #part }
                });
                quote! { #path { #(#parts,)* .. } }
            }
        }
    }
}
