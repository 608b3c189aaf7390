//! Failures of the parser as problems: the commonest slips by name, anything else by what was found and expected.

use super::error::{Expected, Label, ParseError};
use super::forms::form;
use crate::diagnostic::{Diagnostics, Problem};
use crate::span::Span;
use crate::syntax::token::Token;

/// The most alternatives that a message lists.
const EXPECTED_COUNT_MAX: usize = 5;

/// Reports the failures, of which those beside a token that the lexer or the balancing of brackets has reported are left
/// out.
pub fn report(errors: Vec<ParseError>, tokens: &[(Token, Span)], text: &str, diagnostics: &mut Diagnostics) {
    let mut covered: Vec<Span> = Vec::new();
    for error in errors {
        let at = error.span.start;
        let index = tokens.partition_point(|(_, span)| span.start < at);
        let beside = [index.checked_sub(1), Some(index)];
        let known = beside.into_iter().flatten().filter_map(|index| tokens.get(index)).any(|(token, span)| {
            let is_added = span.start == span.end && span.start == at;
            *token == Token::Error || is_added
        });
        if known || covered.iter().any(|span| span.start <= at && at < span.end) {
            continue;
        }
        if let (None, Some((problem, span))) = (&error.problem, form(&error, tokens, text)) {
            covered.push(span);
            diagnostics.push(problem);
            continue;
        }
        diagnostics.push(error.problem.clone().map_or_else(|| problem(&error, tokens, text), |problem| *problem));
    }
}

fn problem(error: &ParseError, tokens: &[(Token, Span)], text: &str) -> Problem {
    let span = error.span;
    let found = text.get(span.start as usize..span.end as usize).unwrap_or_default();
    if let Some((keyword, span)) = foreign(error, tokens, text) {
        return Problem::KeywordNotInLanguage { keyword, span, removed: None };
    }
    if let Some(token) = error.found {
        if matches!(token, Token::Foreign | Token::ForeignWord) {
            return Problem::KeywordNotInLanguage { keyword: found.to_owned(), span, removed: None };
        }
        if let Some((written, meant)) = wrong_operator(token, error.expected) {
            return Problem::WrongOperator { written, meant, span };
        }
        if let Some(keyword) = token.text().filter(|_| keyword_as_name(token, error.expected)) {
            return Problem::KeywordAsName { keyword, span };
        }
    }
    if error.found.is_some() && error.expected.has(Token::Semicolon) {
        let before = tokens.partition_point(|(_, other)| other.start < span.start).checked_sub(1);
        if let Some((_, last)) = before.and_then(|index| tokens.get(index))
            && text.get(last.end as usize..span.start as usize).is_some_and(|between| between.contains('\n'))
        {
            return Problem::MissingSemicolon { span: Span { start: last.end, ..*last }, next: span };
        }
    }
    // A construct that began lines ago is no help.
    let begins_here =
        |start: u32| text.get(start as usize..span.start as usize).is_some_and(|text| !text.contains('\n'));
    let within = error
        .within
        .filter(|(_, start)| begins_here(*start))
        .map(|(label, start)| (label.construct(), first_token(tokens, start, span)));
    let found = error.found.map(|_| found.lines().next().unwrap_or_default().to_owned());
    Problem::UnexpectedToken { found, expected: expected_names(error.expected), within, span }
}

/// A form of other languages, where what was found is in the middle of it: `x++`, `c ? a : b`, `a ?? b`, `x => y`.
fn foreign(error: &ParseError, tokens: &[(Token, Span)], text: &str) -> Option<(String, Span)> {
    let index = tokens.partition_point(|(_, span)| span.start < error.span.start);
    let back = |count: usize| index.checked_sub(count).and_then(|index| tokens.get(index)).copied();
    let (one, span) = back(1)?;
    let two = back(2);
    let reads = |span: Span, sign: &str| text.get(span.start as usize..span.end as usize) == Some(sign);
    let beside = |first: Span, second: Span| first.end == second.start;
    let ends_value =
        matches!(one, Token::Ident | Token::RightParen | Token::RightBracket | Token::Int | Token::True | Token::False)
            && !error.expected.has(Token::Colon);
    match (two, one, error.found) {
        (_, Token::If | Token::While, Some(Token::Let)) => {
            let keyword = if one == Token::If { "if let" } else { "while let" };
            Some((keyword.to_owned(), span.to(error.span)))
        }
        (_, _, Some(Token::If)) if error.expected.has(Token::FatArrow) => {
            Some(("if in a pattern".to_owned(), error.span))
        }
        (_, _, Some(Token::Foreign)) if error.expected.has(Token::FatArrow) && reads(error.span, "|") => {
            Some(("| in a pattern".to_owned(), error.span))
        }
        (_, _, Some(Token::DotDot | Token::DotDotEqual)) if error.expected.has(Token::FatArrow) => {
            Some((".. in a pattern".to_owned(), error.span))
        }
        (_, _, Some(Token::OrOr)) if error.expected.has_label(Label::Expression) => Some(("|".to_owned(), error.span)),
        (_, _, Some(Token::Foreign)) if ends_value && reads(error.span, "&") => {
            Some(("& between values".to_owned(), error.span))
        }
        (_, _, Some(Token::Foreign)) if ends_value && reads(error.span, "|") => {
            Some(("| between values".to_owned(), error.span))
        }
        (_, _, Some(Token::Else))
            if error.expected.has(Token::Semicolon) && error.within.is_some_and(|(label, _)| label == Label::Let) =>
        {
            Some(("let else".to_owned(), error.span))
        }
        (_, Token::EqualEqual | Token::NotEqual, Some(Token::Equal)) if beside(span, error.span) => {
            Some((if one == Token::NotEqual { "!==" } else { "===" }.to_owned(), span.to(error.span)))
        }
        (_, Token::Plus, Some(Token::Plus)) if beside(span, error.span) => Some(("++".to_owned(), span.to(error.span))),
        (Some((Token::Minus, first)), Token::Minus, _) if beside(first, span) => {
            Some(("--".to_owned(), first.to(span)))
        }
        (Some((Token::Foreign, first)), Token::Foreign, _) if reads(first, "?") && reads(span, "?") => {
            Some(("??".to_owned(), first.to(span)))
        }
        (_, Token::Foreign, _) if reads(span, "?") => Some(("? :".to_owned(), span)),
        (Some((Token::LeftParen | Token::Comma, _)), Token::Ident, Some(Token::FatArrow))
        | (_, Token::RightParen, Some(Token::FatArrow))
            if !error.expected.has(Token::FatArrow) =>
        {
            Some(("=>".to_owned(), error.span))
        }
        _ => None,
    }
}

fn wrong_operator(found: Token, expected: Expected) -> Option<(&'static str, &'static str)> {
    let meant = match found {
        Token::Arrow | Token::FatArrow if expected.has(Token::Send) => Token::Send,
        Token::Arrow | Token::Send | Token::Equal if expected.has(Token::FatArrow) => Token::FatArrow,
        Token::EqualEqual if expected.has(Token::Equal) => Token::Equal,
        Token::And if expected.has(Token::AndAnd) => Token::AndAnd,
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

/// What could have stood there, by name. Behind an expression, a type or a name, much that could go on with it could; then
/// only what could end it is worth telling.
fn expected_names(expected: Expected) -> Vec<String> {
    let behind_expression = expected.has(Token::Dot);
    let goes_on = |token: Token| match token {
        Token::PathSeparator | Token::Less | Token::Foreign | Token::Not => true,
        Token::LeftParen | Token::LeftBracket | Token::LeftBrace | Token::Equal => behind_expression,
        Token::Dot | Token::At | Token::Send | Token::Arrow | Token::Within | Token::DotDot => behind_expression,
        _ => false,
    };
    let mut names: Vec<String> = expected.labels().map(|label| label.name().to_owned()).collect();
    names.extend(expected.tokens().filter(|token| !goes_on(*token)).map(|token| match token {
        Token::At => "`@` and a role".to_owned(),
        token => token.name().to_owned(),
    }));
    if names.is_empty() {
        match behind_expression {
            true => names.push("an operator".to_owned()),
            false => names.extend(expected.tokens().map(|token| token.name().to_owned())),
        }
    }
    names.truncate(EXPECTED_COUNT_MAX);
    names
}
