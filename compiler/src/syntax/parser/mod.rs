//! Tokens to tree, by chumsky. Every rule is a function that gives a parser; `items`, `statement`, `expression` and
//! `control` follow the grammar. A rule that fails inside a statement or an item spoils that one only (`recovery`), and
//! `slips` turns failures into problems.

mod common;
mod control;
mod error;
mod expression;
mod foreign;
mod forms;
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

/// The depth of brackets up to which the stack at hand is enough. Without optimisation a pair of braces takes some 70 KiB
/// of stack, for each rule hands the tree on by value; a thread has 2 MiB.
const DEPTH_ON_OWN_STACK: u32 = 24;

/// The stack for deeper programs: more than twice what the deepest that is allowed takes without optimisation.
const DEEP_STACK_BYTES: usize = 16 << 20;

/// The tree of a file from its tokens, whose brackets are balanced and at most `depth` deep. `end` is the end of the file.
pub fn parse(tokens: &[(Token, Span)], depth: u32, text: &str, end: Span, diagnostics: &mut Diagnostics) -> ast::File {
    let (file, errors) = match depth <= DEPTH_ON_OWN_STACK {
        true => parse_here(tokens, text, end),
        false => std::thread::scope(|scope| {
            let builder = std::thread::Builder::new().stack_size(DEEP_STACK_BYTES);
            match builder.spawn_scoped(scope, || parse_here(tokens, text, end)) {
                Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // A platform without threads; its stack has to do.
                Err(_) => parse_here(tokens, text, end),
            }
        }),
    };
    slips::report(errors, tokens, text, diagnostics);
    file.unwrap_or_default()
}

fn parse_here(tokens: &[(Token, Span)], text: &str, end: Span) -> (Option<ast::File>, Vec<ParseError>) {
    use chumsky::input::Input as _;

    let mut state = SimpleState(text);
    items::file().parse_with_state(tokens.split_token_span(end), &mut state).into_output_errors()
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
