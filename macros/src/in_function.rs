//! A call within a function. Generated modules name what stands beside them by `super`, and that of a
//! module in a function is the module around the function: so all of it gets a module of its own.

use std::iter::Peekable;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree, token_stream};
use quote::{format_ident, quote};

use crate::input::read_text;

/// The generated code, so that it can stand where the call with these tokens does.
pub fn at_home(rust: TokenStream, call: proc_macro::Span, tokens: &TokenStream) -> TokenStream {
    let text = call.local_file().and_then(|path| read_text(&path.display().to_string()).ok());
    let file = text.and_then(|text| text.parse().ok());
    if !file.is_some_and(|file| stands_in_function(file, tokens)) {
        return rust;
    }
    let module = format_ident!("choreo_{}_{}", call.line(), call.column(), span = Span::call_site());
    quote! {
        mod #module {
            #[allow(unused_imports, reason = "only extern types and functions are taken from there")]
            use super::*;
            #rust
        }
        #[allow(unused_imports, reason = "a function need not use all that is generated")]
        use #module::*;
    }
}

/// Whether all calls in the file that are handed these tokens stand in functions.
fn stands_in_function(file: TokenStream, tokens: &TokenStream) -> bool {
    let mut wanted = Vec::new();
    flatten(tokens.clone(), &mut wanted);
    let mut found = Vec::new();
    let mut inside = vec![Block::new(file, false)];
    while let Some(block) = inside.last_mut() {
        match block.next() {
            None => _ = inside.pop(),
            Some(Part::Block(stream, in_function)) => inside.push(Block::new(stream, in_function)),
            Some(Part::Call(stream, in_function)) => {
                let mut handed = Vec::new();
                flatten(stream, &mut handed);
                if handed == wanted {
                    found.push(in_function);
                }
            }
        }
    }
    !found.is_empty() && found.iter().all(|in_function| *in_function)
}

/// The texts of all tokens.
fn flatten(tokens: TokenStream, texts: &mut Vec<String>) {
    let mut streams = vec![tokens.into_iter()];
    while let Some(stream) = streams.last_mut() {
        match stream.next() {
            None => _ = streams.pop(),
            Some(TokenTree::Group(group)) => {
                texts.push(format!("{:?}", group.delimiter()));
                streams.push(group.stream().into_iter());
            }
            Some(token) => texts.push(token.to_string()),
        }
    }
}

/// What stands between two brackets.
struct Block {
    tokens: Peekable<token_stream::IntoIter>,
    in_function: bool,
    /// The keyword of the item that has begun, where it says what the next block is.
    item: Option<Ident>,
}

/// What is of interest in a block.
enum Part {
    /// Another block, and whether it is in a function.
    Block(TokenStream, bool),
    /// A call of `choreo!`, and whether it is in a function.
    Call(TokenStream, bool),
}

impl Block {
    fn new(tokens: TokenStream, in_function: bool) -> Self {
        Self { tokens: tokens.into_iter().peekable(), in_function, item: None }
    }

    fn next(&mut self) -> Option<Part> {
        loop {
            match self.tokens.next()? {
                TokenTree::Ident(ident) if ident == "choreo" && self.is_called() => {
                    if let Some(TokenTree::Group(group)) = self.tokens.next() {
                        return Some(Part::Call(group.stream(), self.in_function));
                    }
                }
                TokenTree::Ident(ident) if ident == "macro_rules" && self.is_called() => {
                    self.item = Some(ident);
                }
                TokenTree::Ident(ident) if ident == "fn" || ident == "mod" => self.item = Some(ident),
                TokenTree::Punct(mark) if mark.as_char() == ';' => self.item = None,
                TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => match self.item.take() {
                    Some(item) if item == "macro_rules" => {}
                    Some(item) => return Some(Part::Block(group.stream(), item == "fn")),
                    None => return Some(Part::Block(group.stream(), self.in_function)),
                },
                TokenTree::Group(group) => return Some(Part::Block(group.stream(), self.in_function)),
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    /// Whether a `!` comes next, which is taken.
    fn is_called(&mut self) -> bool {
        let mark = self.tokens.next_if(|token| matches!(token, TokenTree::Punct(mark) if mark.as_char() == '!'));
        mark.is_some()
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::stands_in_function;

    #[test]
    fn a_call_stands_in_a_function_where_its_block_is_that_of_one() {
        let call = quote!("trip.chor");
        let in_function = [
            quote! { fn f() { choreo!("trip.chor"); } },
            quote! { mod a { impl A { async fn f<T>(a: [u8; 3]) -> T where T: B { { accompanist::choreo!("trip.chor"); } } } } },
            quote! { #[test] fn f() { if a { choreo!("trip.chor"); } } choreo!("other.chor"); },
        ];
        for file in in_function {
            assert!(stands_in_function(file.clone(), &call), "{file}");
        }
        let in_module = [
            quote! { choreo!("trip.chor"); },
            quote! { fn f() {} mod a { accompanist::choreo!("trip.chor"); } },
            quote! { fn f() { mod a { choreo!("trip.chor"); } } },
            quote! { fn f() { choreo!("other.chor"); } choreo!("trip.chor"); },
            quote! { type F = fn(u8); mod a { choreo!("trip.chor"); } },
            quote! { macro_rules! m { () => { fn f() { choreo!("trip.chor"); } } } },
            quote! { fn f() { let choreo = "trip.chor"; } },
        ];
        for file in in_module {
            assert!(!stands_in_function(file.clone(), &call), "{file}");
        }
    }
}
