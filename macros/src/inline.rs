//! A choreography written in the call itself: its text, and the way from a place in it to the token of the user's file.

use std::path::Path;

use chor::load::load;
use chor::source::{SourceFile, Sources};
use proc_macro::{TokenStream, TokenTree};
use proc_macro2::Span;

use crate::input::read_text;

/// The choreography of a call.
pub struct Inline {
    /// Its text, with blanks for all that stands before it in the user's file: so lines and columns are those of that file.
    pub sources: Sources,
    /// The tokens by the offset of their start.
    tokens: Vec<(u32, proc_macro::Span)>,
}

impl Inline {
    /// The name of the user's file.
    pub fn file(&self) -> &str {
        self.sources.iter().next().map_or("", |(_, file)| file.name())
    }

    /// The token at an offset of the text, or the last before it.
    pub fn span_at(&self, offset: u32) -> Span {
        let index = self.tokens.partition_point(|(start, _)| *start <= offset);
        let token = self.tokens.get(index.saturating_sub(1)).or(self.tokens.first());
        token.map_or_else(Span::call_site, |(_, span)| (*span).into())
    }
}

/// Reads the choreography of the call at `call`; nothing where its text is not known.
pub fn read(call: proc_macro::Span, tokens: TokenStream) -> Option<Inline> {
    let source = call.source_text()?;
    let (from, until) = body(&source)?;
    // A role given first is no part of the choreography.
    let header = header_length(source.get(from..until)?);
    let mut text = "\n".repeat(call.line().saturating_sub(1)) + &" ".repeat(call.column().saturating_sub(1));
    for (index, character) in source.char_indices().take_while(|(index, _)| *index < until) {
        let keep = index >= from + header || character == '\n';
        text.push(if keep { character } else { ' ' });
    }
    let file = SourceFile::new(call.file(), text);
    let mut spans = Vec::new();
    flatten(tokens, &mut spans);
    let mut starts: Vec<(u32, proc_macro::Span)> =
        spans.into_iter().filter_map(|span| Some((file.offset_of(span.line(), span.column())?, span))).collect();
    starts.sort_by_key(|(start, _)| *start);
    // A path counts from the file with the call, whose own name may be shortened.
    let directory = call.local_file().and_then(|path| path.parent().map(Path::to_owned)).unwrap_or_default();
    let sources = load(file, |path| {
        let beside = Path::new(path).strip_prefix(Path::new(&call.file()).parent().unwrap_or(Path::new("")));
        read_text(&beside.map_or_else(|_| path.to_owned(), |rest| directory.join(rest).display().to_string()))
    });
    Some(Inline { sources, tokens: starts })
}

/// Where the text between the outer brackets begins and ends.
fn body(source: &str) -> Option<(usize, usize)> {
    let bang = source.find('!')?;
    let open = bang + source.get(bang..)?.find(['{', '(', '['])?;
    let close = source.rfind(['}', ')', ']'])?;
    (open < close).then_some((open + 1, close))
}

/// The length of `role = Name;` at the head of the text.
fn header_length(body: &str) -> usize {
    let is_header = body.trim_start().strip_prefix("role").is_some_and(|rest| rest.trim_start().starts_with('='));
    if is_header { body.find(';').map_or(0, |end| end + 1) } else { 0 }
}

fn flatten(tokens: TokenStream, spans: &mut Vec<proc_macro::Span>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                spans.push(group.span_open());
                flatten(group.stream(), spans);
                spans.push(group.span_close());
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => spans.push(token.span()),
        }
    }
}
