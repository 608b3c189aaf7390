//! Of what is declared twice, the first: the compiler has told that, and rustc is not to tell it again.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Fields, ImplItem, Item, TraitItem};

/// The items without those whose name another one has before them, and so their parts.
pub fn once(tokens: TokenStream) -> TokenStream {
    match syn::parse2::<syn::File>(tokens.clone()) {
        Ok(mut file) => {
            items(&mut file.items);
            file.into_token_stream()
        }
        Err(_) => tokens,
    }
}

fn items(all: &mut Vec<Item>) {
    let mut seen = BTreeSet::new();
    all.retain(|item| name(item).is_none_or(|name| seen.insert(name)));
    for item in all {
        let mut seen = BTreeSet::new();
        let mut first = |name: String| seen.insert(name);
        match item {
            Item::Struct(item) => fields(&mut item.fields),
            Item::Enum(item) => {
                item.variants = std::mem::take(&mut item.variants)
                    .into_iter()
                    .filter(|variant| first(variant.ident.to_string()))
                    .collect();
                item.variants.iter_mut().for_each(|variant| fields(&mut variant.fields));
            }
            Item::Trait(item) => item.items.retain(|item| match item {
                TraitItem::Fn(function) => first(function.sig.ident.to_string()),
                _ => true,
            }),
            Item::Impl(item) => item.items.retain(|item| match item {
                ImplItem::Fn(function) => first(function.sig.ident.to_string()),
                _ => true,
            }),
            Item::Mod(item) => {
                if let Some((_, inner)) = &mut item.content {
                    items(inner);
                }
            }
            // Items that are there or not.
            Item::Macro(item) => item.mac.tokens = once(std::mem::take(&mut item.mac.tokens)),
            _ => {}
        }
    }
}

fn fields(fields: &mut Fields) {
    if let Fields::Named(fields) = fields {
        let mut seen = BTreeSet::new();
        fields.named = std::mem::take(&mut fields.named)
            .into_iter()
            .filter(|field| field.ident.as_ref().is_none_or(|name| seen.insert(name.to_string())))
            .collect();
    }
}

/// What no other item of the same place may have: a name among types, among values, or what an `impl` is of.
fn name(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) => Some(format!("type {}", item.ident)),
        Item::Enum(item) => Some(format!("type {}", item.ident)),
        Item::Trait(item) => Some(format!("type {}", item.ident)),
        Item::Mod(item) => Some(format!("type {}", item.ident)),
        Item::Fn(item) => Some(format!("value {}", item.sig.ident)),
        Item::Static(item) => Some(format!("value {}", item.ident)),
        Item::Impl(item) => {
            let of = item.trait_.as_ref().map(|(path, _)| path.to_token_stream().to_string());
            Some(format!("impl {} for {}", of.unwrap_or_default(), item.self_ty.to_token_stream()))
        }
        Item::Macro(item) => name(syn::parse2::<syn::File>(item.mac.tokens.clone()).ok()?.items.first()?),
        _ => None,
    }
}
