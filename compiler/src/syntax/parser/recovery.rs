//! Where to go on after a mistake. Brackets are balanced when the parser runs, so a group is passed over as a whole.

use chumsky::input::InputRef;
use chumsky::prelude::*;

use super::error::ParseError;
use super::{Extra, Input};
use crate::syntax::brackets::closing;
use crate::syntax::token::Token;

/// Passes over one bracket and all up to its counterpart.
pub fn skip_group<'s>(open: Token) -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    custom(move |input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>| {
        if input.peek() != Some(open) {
            return Err(failure(input));
        }
        skip_tree(input);
        Ok(())
    })
}

/// Passes over the rest of a statement: to its `;`, to the `}` of its block, or to what can only begin another.
pub fn skip_statement<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|token| token == Token::RightBrace, |token| token == Token::Semicolon, begins_statement)
}

/// Passes over the rest of an operation.
pub fn skip_operation<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(
        |token| token == Token::RightBrace,
        |token| token == Token::Semicolon,
        |token| matches!(token, Token::Doc | Token::Pure | Token::Fn | Token::Transaction),
    )
}

/// Passes over the rest of an arm: to its `,` or the `}` of its `match`.
pub fn skip_arm<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|token| token == Token::RightBrace, |token| token == Token::Comma, |_| false)
}

/// Passes over the rest of an item.
pub fn skip_item<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|_| false, |_| false, begins_item)
}

/// Whether an item begins with this token, and nothing else does outside of one.
pub fn begins_item(token: Token) -> bool {
    matches!(
        token,
        Token::Doc
            | Token::Extern
            | Token::Struct
            | Token::Enum
            | Token::Fn
            | Token::Service
            | Token::Choreography
            | Token::Use
            | Token::Pound
    )
}

/// Whether a statement begins with this keyword, and it continues none.
pub fn begins_statement(token: Token) -> bool {
    matches!(
        token,
        Token::Let
            | Token::Require
            | Token::Abort
            | Token::Select
            | Token::If
            | Token::Match
            | Token::While
            | Token::For
            | Token::Each
            | Token::Par
            | Token::Saga
    )
}

/// Passes over at least one token or group, and no token of `outside`: through the first of `last`, or up to the first of
/// `next`.
fn skip<'s>(
    outside: fn(Token) -> bool,
    last: fn(Token) -> bool,
    next: fn(Token) -> bool,
) -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    custom(move |input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>| {
        if input.peek().is_none_or(outside) {
            return Err(failure(input));
        }
        loop {
            let passed = input.peek();
            skip_tree(input);
            let done = passed.is_some_and(last);
            if done || input.peek().is_none_or(|token| outside(token) || next(token)) {
                return Ok(());
            }
        }
    })
}

/// Passes over one token, and where it is an opening bracket over its group.
fn skip_tree<'s>(input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>) {
    let mut depth = 0_usize;
    while let Some(token) = input.next() {
        if closing(token).is_some() {
            depth += 1;
        } else if matches!(token, Token::RightParen | Token::RightBracket | Token::RightBrace) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            return;
        }
    }
}

fn failure<'s>(input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>) -> ParseError {
    let before = input.cursor();
    ParseError::at(input.peek(), input.span_since(&before))
}
