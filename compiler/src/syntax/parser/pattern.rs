//! Patterns, and the literals that they share with expressions.

use chumsky::prelude::*;

use super::common::{ident, path, text};
use super::error::Label;
use super::{Extra, Input, Rule};
use crate::syntax::ast::{Ident, Literal, Path, Pattern, PatternKind};
use crate::syntax::literal::{self, Number};
use crate::syntax::token::Token;

/// A literal without a sign.
pub fn literal<'s>() -> impl Parser<'s, Input<'s>, Literal, Extra<'s>> + Clone {
    select! {
        Token::Int => Token::Int,
        Token::Float => Token::Float,
        Token::Str => Token::Str,
        Token::Char => Token::Char,
        Token::True => Token::True,
        Token::False => Token::False,
    }
    .map_with(|token, e| {
        let span = e.span();
        literal_of(token, text(e.state(), span))
    })
}

/// The literal that the lexer has read; it has reported what is wrong with it.
fn literal_of(token: Token, text: &str) -> Literal {
    match token {
        Token::Float => Literal::Float(text.to_owned()),
        Token::Str => Literal::Str(literal::string(text)),
        Token::Char => Literal::Char(literal::character(text).unwrap_or(char::REPLACEMENT_CHARACTER)),
        Token::True => Literal::Bool(true),
        Token::False => Literal::Bool(false),
        _ => match literal::number(text) {
            Ok(Number::Int { value, suffix }) => Literal::Int { value, negative: false, suffix },
            Ok(Number::Float | Number::Duration { .. }) | Err(_) => {
                Literal::Int { value: 0, negative: false, suffix: None }
            }
        },
    }
}

/// A pattern.
pub fn pattern<'s>() -> Rule<'s, Pattern> {
    recursive(|pattern| {
        let wildcard = just(Token::Underscore).to(PatternKind::Wildcard);
        let negative = just(Token::Minus).ignore_then(literal()).map(|literal| match literal {
            Literal::Int { value, suffix, .. } => Literal::Int { value, negative: true, suffix },
            Literal::Float(text) => Literal::Float(format!("-{text}")),
            Literal::Str(_) | Literal::Char(_) | Literal::Bool(_) => literal,
        });
        let constant = literal().or(negative).map(PatternKind::Literal);
        let inner = pattern.clone().separated_by(just(Token::Comma)).collect::<Vec<_>>();
        let tuple = inner
            .then(just(Token::Comma).or_not())
            .delimited_by(just(Token::LeftParen), just(Token::RightParen))
            .map(|(mut parts, comma): (Vec<Pattern>, _)| match (parts.pop(), comma) {
                (Some(only), None) if parts.is_empty() => only.kind,
                (last, _) => {
                    parts.extend(last);
                    PatternKind::Tuple(parts)
                }
            });
        choice((wildcard, constant, named(pattern.boxed()), tuple))
            .map_with(|kind, e| Pattern { kind, span: e.span() })
            .labelled(Label::Pattern)
    })
    .boxed()
}

/// What stands behind the path of a pattern.
enum Suffix {
    Tuple(Vec<Pattern>),
    Struct(Vec<(Ident, Pattern)>, bool),
}

fn named<'s>(pattern: Rule<'s, Pattern>) -> impl Parser<'s, Input<'s>, PatternKind, Extra<'s>> + Clone {
    let tuple = pattern
        .clone()
        .separated_by(just(Token::Comma))
        .allow_trailing()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftParen), just(Token::RightParen))
        .map(Suffix::Tuple);
    // A bare name takes the field of that name.
    let field = ident().then(just(Token::Colon).ignore_then(pattern).or_not()).map(|(name, pattern)| {
        let bare = |name: &Ident| {
            let path = Path { segments: vec![name.clone()], span: name.span };
            Pattern { kind: PatternKind::Path(path), span: name.span }
        };
        let pattern = pattern.unwrap_or_else(|| bare(&name));
        (name, pattern)
    });
    let fields = field
        .separated_by(just(Token::Comma))
        .allow_trailing()
        .collect::<Vec<_>>()
        .then(just(Token::DotDot).or_not())
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace))
        .map(|(fields, rest)| Suffix::Struct(fields, rest.is_some()));
    path().then(tuple.or(fields).or_not()).map(|(path, suffix)| match suffix {
        None => PatternKind::Path(path),
        Some(Suffix::Tuple(parts)) => PatternKind::TupleVariant(path, parts),
        Some(Suffix::Struct(fields, rest)) => PatternKind::Struct(path, fields, rest),
    })
}
