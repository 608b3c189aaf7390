//! A package may depend on `accompanist` under another name. Generated code says `::accompanist`.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Group, Ident, Literal, TokenStream, TokenTree};

/// The name in generated code.
const USUAL: &str = "accompanist";

/// Generated code for the package that is being compiled. Where it has no such dependency, as where
/// another crate hands the macro on, the code stays as it is.
pub fn for_this_package(rust: TokenStream) -> TokenStream {
    match crate_name(USUAL) {
        Ok(FoundCrate::Name(name)) if name != USUAL => rename(rust, &name),
        Ok(FoundCrate::Name(_) | FoundCrate::Itself) | Err(_) => rust,
    }
}

/// The same code, where `::accompanist::…` has that name.
fn rename(rust: TokenStream, name: &str) -> TokenStream {
    let tokens: Vec<TokenTree> = rust.into_iter().collect();
    let after = |index: usize| tokens.get(index + 1..).unwrap_or_default();
    let token = |(index, token): (usize, &TokenTree)| match token {
        TokenTree::Ident(ident) if ident == USUAL => {
            let before = tokens.get(..index).unwrap_or_default();
            let is_root = begins_path(before) && goes_on(after(index));
            if is_root { Ident::new(name, ident.span()).into() } else { token.clone() }
        }
        TokenTree::Group(group) => {
            let mut renamed = Group::new(group.delimiter(), rename(group.stream(), name));
            renamed.set_span(group.span());
            renamed.into()
        }
        TokenTree::Literal(literal) => serde_path(literal.clone(), name).into(),
        TokenTree::Ident(_) | TokenTree::Punct(_) => token.clone(),
    };
    tokens.iter().enumerate().map(token).collect()
}

/// Whether these tokens end with the `::` that begins a path.
fn begins_path(before: &[TokenTree]) -> bool {
    match before {
        [.., one, two, three] if [one, two, three].into_iter().all(is_colon) => true, // `name: ::path`
        [.., mark, TokenTree::Ident(name), one, two] if is_colon(one) && is_colon(two) => {
            is_mark(mark, '\'') || !is_segment(name)
        }
        [TokenTree::Ident(name), one, two] if is_colon(one) && is_colon(two) => !is_segment(name),
        [.., one, two] => is_colon(one) && is_colon(two),
        [] | [_] => false,
    }
}

/// Whether a path goes on with a name. Something of a type, such as an operation of that name, does
/// not go on so: `<T as Trait>::accompanist(…)`.
fn goes_on(after: &[TokenTree]) -> bool {
    matches!(after, [one, two, TokenTree::Ident(_), ..] if is_colon(one) && is_colon(two))
}

fn is_colon(token: &TokenTree) -> bool {
    is_mark(token, ':')
}

fn is_mark(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == wanted)
}

/// The path in `#[serde(crate = "::accompanist::serde")]` is a text.
fn serde_path(literal: Literal, name: &str) -> Literal {
    if literal.to_string() != "\"::accompanist::serde\"" {
        return literal;
    }
    let mut path = Literal::string(&format!("::{name}::serde"));
    path.set_span(literal.span());
    path
}

/// Whether a path may go on after this: a name, or one of the keywords that name something.
fn is_segment(ident: &Ident) -> bool {
    let text = ident.to_string();
    matches!(text.as_str(), "crate" | "self" | "super" | "Self") || syn::parse_str::<Ident>(&text).is_ok()
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::rename;

    #[test]
    fn paths_that_begin_with_the_crate_are_renamed_and_nothing_else() {
        let code = quote! {
            #[serde(crate = "::accompanist::serde")]
            struct A(<T as ::accompanist::Of>::Item, Vec<::accompanist::B>, crate::accompanist::C, accompanist::D);
            trait Db: ::accompanist::H { const X: ::accompanist::I; }
            fn accompanist(x: &mut ::accompanist::E) -> impl ::accompanist::F { ::accompanist::g("accompanist"); }
            impl<T> ::accompanist::L for &'a ::accompanist::M {}
            fn f() -> ::accompanist::J { match <T as U>::accompanist() { _ => ::accompanist::k() } }
        };
        let renamed = quote! {
            #[serde(crate = "::band::serde")]
            struct A(<T as ::band::Of>::Item, Vec<::band::B>, crate::accompanist::C, accompanist::D);
            trait Db: ::band::H { const X: ::band::I; }
            fn accompanist(x: &mut ::band::E) -> impl ::band::F { ::band::g("accompanist"); }
            impl<T> ::band::L for &'a ::band::M {}
            fn f() -> ::band::J { match <T as U>::accompanist() { _ => ::band::k() } }
        };
        assert_eq!(rename(code, "band").to_string(), renamed.to_string());
    }
}
