//! Tokens to tree, by chumsky. Every rule is a function that gives a parser; `items`, `statement`, `expression` and
//! `control` follow the grammar. A rule that fails inside a statement or an item spoils that one only (`recovery`), and
//! `slips` turns failures into problems.

mod common;
mod control;
mod error;
mod expression;
mod items;
mod pattern;
mod recovery;
mod slips;
mod statement;

use chumsky::input::MappedInput;
use chumsky::inspector::SimpleState;
use chumsky::prelude::*;

use super::ast;
use super::token::Token;
use crate::diagnostic::Diagnostics;
use crate::span::{FileId, Span};
use error::ParseError;

/// What the rules read.
type Input<'s> = MappedInput<'s, Token, Span, &'s [(Token, Span)]>;

/// What the rules share: their errors, and the text of the file.
type Extra<'s> = extra::Full<ParseError, SimpleState<&'s str>, ()>;

/// A rule behind a pointer: where rules meet, so that types and compile times stay small.
type Rule<'s, O> = Boxed<'s, 's, Input<'s>, O, Extra<'s>>;

/// The tree of a file from its tokens, whose brackets are balanced and of limited depth. `end` is the end of the file.
pub fn parse(tokens: &[(Token, Span)], text: &str, end: Span, diagnostics: &mut Diagnostics) -> ast::File {
    use chumsky::input::Input as _;

    let mut state = SimpleState(text);
    let input = tokens.split_token_span(end);
    let (file, errors) = items::file().parse_with_state(input, &mut state).into_output_errors();
    slips::report(errors, tokens, text, diagnostics);
    file.unwrap_or_default()
}

/// Spans as chumsky makes them. An empty range of tokens lies between two of them, and chumsky then gives the start of the
/// next and the end of the last: it becomes the empty place behind the last.
impl chumsky::span::Span for Span {
    type Context = FileId;
    type Offset = u32;

    fn new(file: FileId, range: std::ops::Range<u32>) -> Self {
        Span { file, start: range.start.min(range.end), end: range.end }
    }

    fn context(&self) -> FileId {
        self.file
    }

    fn start(&self) -> u32 {
        self.start
    }

    fn end(&self) -> u32 {
        self.end
    }
}
