//! Failures of the parser as problems: the commonest slips by name, anything else by what was found and expected.

use super::error::{Expected, Label, ParseError};
use crate::diagnostic::{Diagnostics, Problem};
use crate::span::Span;
use crate::syntax::token::Token;

/// The most alternatives that a message lists.
const EXPECTED_COUNT_MAX: usize = 5;

/// Reports the failures, of which those at a token that the lexer or the balancing of brackets has reported are left out.
pub fn report(errors: Vec<ParseError>, tokens: &[(Token, Span)], text: &str, diagnostics: &mut Diagnostics) {
    for error in errors {
        match error.problem {
            Some(problem) => diagnostics.push(*problem),
            None => {
                let is_added = error.found.is_some() && error.span.start == error.span.end;
                if error.found != Some(Token::Error) && !is_added {
                    diagnostics.push(problem(&error, tokens, text));
                }
            }
        }
    }
}

fn problem(error: &ParseError, tokens: &[(Token, Span)], text: &str) -> Problem {
    let span = error.span;
    let found = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    if let Some(token) = error.found {
        if token == Token::Foreign {
            return Problem::KeywordNotInLanguage { keyword: found.to_owned(), span };
        }
        if let Some((written, meant)) = wrong_operator(token, error.expected) {
            return Problem::WrongOperator { written, meant, span };
        }
        if let Some(keyword) = token.text().filter(|_| keyword_as_name(token, error.expected)) {
            return Problem::KeywordAsName { keyword, span };
        }
    }
    let within = error.within.map(|(label, start)| (label.construct(), first_token(tokens, start, span)));
    let found = error.found.map(|_| found.lines().next().unwrap_or_default().to_owned());
    Problem::UnexpectedToken { found, expected: expected_names(error.expected), within, span }
}

fn wrong_operator(found: Token, expected: Expected) -> Option<(&'static str, &'static str)> {
    let meant = match found {
        Token::Arrow | Token::FatArrow if expected.has(Token::Send) => Token::Send,
        Token::Arrow | Token::Send | Token::Equal if expected.has(Token::FatArrow) => Token::FatArrow,
        Token::EqualEqual if expected.has(Token::Equal) => Token::Equal,
        _ => return None,
    };
    found.text().zip(meant.text())
}

/// Whether a keyword stands for a name. Keywords that begin what may well follow are taken for that.
fn keyword_as_name(found: Token, expected: Expected) -> bool {
    let begins_another = matches!(
        found,
        Token::Let
            | Token::If
            | Token::Else
            | Token::Match
            | Token::While
            | Token::For
            | Token::Fn
            | Token::Struct
            | Token::Enum
            | Token::Extern
            | Token::Use
            | Token::In
    );
    let name = [Label::Name, Label::Pattern, Label::Roles].iter().any(|label| expected.has_label(*label));
    found.is_keyword() && name && !begins_another
}

/// The token that begins at `start`, which is where a construct begins.
fn first_token(tokens: &[(Token, Span)], start: u32, otherwise: Span) -> Span {
    let index = tokens.partition_point(|(_, span)| span.start < start);
    tokens.get(index).map_or(otherwise, |(_, span)| *span)
}

/// What could have stood there, by name. Behind an expression nearly every operator could; then only what could end it is
/// worth telling.
fn expected_names(expected: Expected) -> Vec<String> {
    let behind_expression = expected.has(Token::Dot);
    let continues = |token: &Token| {
        matches!(
            token,
            Token::Dot
                | Token::At
                | Token::Send
                | Token::Arrow
                | Token::Within
                | Token::Less
                | Token::PathSeparator
                | Token::LeftParen
                | Token::LeftBracket
                | Token::LeftBrace
                | Token::DotDot
        )
    };
    let mut names: Vec<String> = expected.labels().map(|label| label.name().to_owned()).collect();
    names.extend(
        expected.tokens().filter(|token| !behind_expression || !continues(token)).map(|token| token.name().to_owned()),
    );
    if names.is_empty() && behind_expression {
        names.push("an operator".to_owned());
    }
    names.truncate(EXPECTED_COUNT_MAX);
    names
}
