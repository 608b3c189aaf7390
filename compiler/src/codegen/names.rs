//! Names in generated code.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// Keywords that cannot be written as raw identifiers.
const NEVER_RAW: [&str; 5] = ["self", "Self", "super", "crate", "_"];

/// Rust's keywords, those of all editions and the reserved ones.
const KEYWORDS: [&str; 50] = [
    "abstract",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "override",
    "priv",
    "pub",
    "ref",
    "return",
    "static",
    "struct",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "union",
    "macro_rules",
];

fn spanned(name: &str, span: Span) -> Ident {
    if NEVER_RAW.contains(&name) {
        Ident::new(&format!("{name}_"), span)
    } else if KEYWORDS.contains(&name) {
        Ident::new_raw(name, span)
    } else {
        Ident::new(name, span)
    }
}

/// A name that code outside the macro uses: an item, a field, a method.
pub fn item(name: &str) -> Ident {
    spanned(name, Span::call_site())
}

/// A name that only generated code uses: a variable.
pub fn local(name: &str) -> Ident {
    spanned(name, Span::mixed_site())
}

/// `OrderFulfilment` as `order_fulfilment`.
pub fn snake(name: &str) -> String {
    let mut result = String::new();
    let mut previous_lower = false;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let next_lower = characters.peek().is_some_and(|next| next.is_lowercase());
        if character.is_uppercase() && (previous_lower || (next_lower && !result.is_empty())) && !result.ends_with('_')
        {
            result.push('_');
        }
        previous_lower = character.is_lowercase() || character.is_numeric();
        result.extend(character.to_lowercase());
    }
    result
}

/// `OrderFulfilment` as `ORDER_FULFILMENT`; never a name that generated modules have.
pub fn screaming(name: &str) -> String {
    let name = snake(name).to_uppercase();
    if name == "DEFINITION" { format!("{name}_") } else { name }
}

/// `take_back` as `TakeBack`.
pub fn pascal(name: &str) -> String {
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map(|first| first.to_uppercase().chain(characters).collect::<String>()).unwrap_or_default()
    };
    name.split('_').map(capital).collect()
}

/// The doc comment of an item, or this one where it has none.
pub fn docs(lines: &[String], otherwise: &str) -> TokenStream {
    if lines.is_empty() {
        return quote! { #[doc = #otherwise] };
    }
    let lines = lines.iter().map(|line| if line.starts_with(' ') { line.clone() } else { format!(" {line}") });
    quote! { #(#[doc = #lines])* }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        let check = |name: &str, expected: &str| assert_eq!(snake(name), expected);
        check("OrderFulfilment", "order_fulfilment");
        check("HTTPServer2Go", "http_server2_go");
        check("A", "a");
        assert_eq!(screaming("Definition"), "DEFINITION_");
        assert_eq!(pascal("take_back"), "TakeBack");
        assert_eq!(item("type").to_string(), "r#type");
        assert_eq!(item("self").to_string(), "self_");
    }
}
