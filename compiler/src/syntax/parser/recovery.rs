//! Where to go on after a mistake. Brackets are balanced when the parser runs, so a group is passed over as a whole.

use chumsky::input::InputRef;
use chumsky::prelude::*;

use super::error::ParseError;
use super::{Extra, Input};
use crate::span::Span;
use crate::syntax::ast::Ident;
use crate::syntax::brackets::{closing, continues_expression, is_closing};
use crate::syntax::token::Token;

/// The first name of each part of a list between brackets that could not be read.
pub fn first_names(text: &str, span: Span) -> Vec<Ident> {
    let mut names = Vec::new();
    let mut start = 0;
    for part in text.split([',', '(', ')']) {
        names.extend(words(part, span.start as usize + start, span).into_iter().next());
        start += part.len() + 1;
    }
    names
}

/// The names that a `let` which could not be read was to bind, and whether they were to change.
pub fn bound_names(text: &str, span: Span) -> Option<(Vec<Ident>, bool)> {
    let rest = text.strip_prefix("let").filter(|rest| rest.starts_with(char::is_whitespace))?;
    let pattern = rest.split(['=', ';', ':', '@', '{']).next().unwrap_or_default();
    let mut names = words(pattern, span.start as usize + 3, span);
    let is_mutable = names.first().is_some_and(|name| name.name == "mut");
    names.retain(|name| {
        !matches!(name.name.as_str(), "mut" | "let") && name.name.starts_with(|c: char| c.is_lowercase() || c == '_')
    });
    Some((names, is_mutable))
}

fn words(text: &str, start: usize, span: Span) -> Vec<Ident> {
    let mut words = Vec::new();
    let mut offset = start;
    for word in text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_') {
        let name = word.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_');
        if name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let at = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
            words.push(Ident {
                name: name.to_owned(),
                span: Span { start: at(offset), end: at(offset + name.len()), ..span },
            });
        }
        offset += word.len();
    }
    words
}

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
        let after_block = passed == Token::LeftBrace
            && !continues_expression(next)
            && !matches!(next, Token::LeftBrace | Token::Semicolon | Token::Else);
        let begins_another = is_statement(next) && !is_statement(passed) && !matches!(passed, Token::If | Token::While);
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

/// Whether it is the keyword of a statement.
fn is_statement(token: Token) -> bool {
    matches!(token, Token::Let | Token::Require | Token::Abort | Token::Select | Token::Sleep)
}

/// Whether a statement begins with this keyword, and it continues none.
pub fn begins_statement(token: Token) -> bool {
    is_statement(token) || token != Token::LeftBrace && begins_control(token)
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
