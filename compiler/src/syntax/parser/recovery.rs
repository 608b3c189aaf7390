//! Where to go on after a mistake. Brackets are balanced when the parser runs, so a group is passed over as a whole.

use chumsky::input::InputRef;
use chumsky::prelude::*;

use super::error::ParseError;
use super::{Extra, Input};
use crate::syntax::brackets::{closing, continues_expression, is_closing};
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

/// Passes over the rest of a statement: to its `;`, to the `}` of its block, or to what can only begin another. What it
/// passes over is not read again: nested statements that fail would else take exponential time.
pub fn skip_statement<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|passed, next| {
        let after_block = passed == Token::LeftBrace && !continues_expression(next) && next != Token::LeftBrace;
        let keyword = |token| matches!(token, Token::Let | Token::Require | Token::Abort | Token::Select);
        let begins_another = keyword(next) && !keyword(passed);
        passed == Token::Semicolon || after_block || begins_another || next == Token::RightBrace
    })
}

/// Passes over the rest of an operation.
pub fn skip_operation<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|passed, next| {
        let begins_another = matches!(next, Token::Doc | Token::Pure | Token::Fn | Token::Transaction);
        passed == Token::Semicolon || passed != Token::Pure && begins_another || next == Token::RightBrace
    })
}

/// Passes over the rest of an arm: to its `,` or the `}` of its `match`.
pub fn skip_arm<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|passed, next| passed == Token::Comma || next == Token::RightBrace)
}

/// Passes over a part of a header, if any of it is there: to its parameters, its body or its `;`.
pub fn skip_header<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let ends = |token: Token| {
        matches!(token, Token::LeftParen | Token::LeftBrace | Token::Semicolon | Token::Compensate)
            || begins_item(token)
    };
    custom(move |input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>| {
        while input.peek().is_some_and(|token| !ends(token) && !is_closing(token)) {
            skip_tree(input);
        }
        Ok(())
    })
}

/// Passes over the rest of an item.
pub fn skip_item<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    skip(|_, next| begins_item(next))
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
    let keyword = matches!(token, Token::Let | Token::Require | Token::Abort | Token::Select);
    keyword || token != Token::LeftBrace && begins_control(token)
}

/// Whether a control begins with this token, and no other expression does.
pub fn begins_control(token: Token) -> bool {
    matches!(
        token,
        Token::LeftBrace
            | Token::If
            | Token::Match
            | Token::While
            | Token::For
            | Token::Each
            | Token::Par
            | Token::Saga
    )
}

/// Passes over tokens and groups, at least one and no closing bracket, until `ends` says of the last one (a group by its
/// opening bracket) and the next that it ends between them.
fn skip<'s>(ends: fn(Token, Token) -> bool) -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    custom(move |input: &mut InputRef<'s, '_, Input<'s>, Extra<'s>>| {
        let Some(mut passed) = input.peek().filter(|token| !is_closing(*token)) else {
            return Err(failure(input));
        };
        loop {
            skip_tree(input);
            match input.peek() {
                None => return Ok(()),
                Some(next) if ends(passed, next) => return Ok(()),
                Some(next) => passed = next,
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
        } else if is_closing(token) {
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
