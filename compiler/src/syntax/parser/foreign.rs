//! What Rust writes in an expression and this language does not: read as far as it goes, so that it is told once and what stands
//! around it is read on.

use chumsky::prelude::*;

use super::common::{text, ty};
use super::error::ParseError;
use super::recovery::skip_group;
use super::{Extra, Input};
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::token::Token;

/// `&` or `&mut` before an expression, which stands for itself.
pub fn borrow<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    sign("&").then(just(Token::Mut).or_not()).validate(|(sign, _), e, emitter| {
        let whole: Span = e.span();
        let keyword = "&".to_owned();
        let removed = Some(Span { start: sign.start, ..whole });
        emitter.emit(ParseError::problem(Problem::KeywordNotInLanguage { keyword, span: sign, removed }, sign));
    })
}

/// `?` or `as type` behind an expression, of which nothing is known then.
pub fn suffix<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let question = sign("?");
    let cast = sign("as").then_ignore(ty());
    question.or(cast).validate(|sign, e, emitter| {
        let keyword = text(e.state(), sign).to_owned();
        emitter.emit(ParseError::problem(Problem::KeywordNotInLanguage { keyword, span: sign, removed: None }, sign));
    })
}

/// `var`, `val` or `const` before a name, where `let` is meant.
pub fn declaration<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let word = just(Token::Ident).or(just(Token::ForeignWord)).try_map_with(|token, e| {
        let span: Span = e.span();
        match text(e.state(), span) {
            "var" | "val" | "auto" | "const" => Ok(span),
            _ => Err(ParseError::at(Some(token), span)),
        }
    });
    word.then_ignore(just(Token::Ident).rewind()).validate(|span, e, emitter| {
        let keyword = text(e.state(), span).to_owned();
        emitter.emit(ParseError::problem(Problem::KeywordNotInLanguage { keyword, span, removed: None }, span));
    })
}

/// `!(..)`, `![..]` or `!{..}` behind the name of a macro, which begins at the start of what has been read.
pub fn macro_arguments<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let group = choice((skip_group(Token::LeftParen), skip_group(Token::LeftBracket), skip_group(Token::LeftBrace)));
    just(Token::Not).ignore_then(group)
}

/// A sign of Rust, where it stands.
fn sign<'s>(sign: &'static str) -> impl Parser<'s, Input<'s>, Span, Extra<'s>> + Clone {
    just(Token::Foreign).try_map_with(move |_, e| {
        let span: Span = e.span();
        match text(e.state(), span) == sign {
            true => Ok(span),
            false => Err(ParseError::at(Some(Token::Foreign), span)),
        }
    })
}
