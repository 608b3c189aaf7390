//! Whole forms that newcomers bring from other languages, told by the tokens around the place where reading failed.

use super::error::ParseError;
use crate::diagnostic::{ForeignForm, Problem};
use crate::span::Span;
use crate::syntax::brackets::{closing, is_closing};
use crate::syntax::token::Token;

/// A form of another language at the place of a failure, and what of the text belongs to it: failures in that follow from it.
pub fn form(error: &ParseError, tokens: &[(Token, Span)], text: &str) -> Option<(Problem, Span)> {
    let index = tokens.partition_point(|(_, span)| span.start < error.span.start);
    let around = Around { tokens, text, index };
    let told = |form, span, edits| Some((Problem::ForeignForm { form, span, edits }, span));
    let (one, two) = (around.token(1), around.token(2));
    match (two, one, error.found?) {
        (Some(Token::Send), Some(Token::Ident), Token::LeftBracket) => {
            told(ForeignForm::IndexedMember, error.span.to(around.group_end(index)?), Vec::new())
        }
        (_, _, Token::Within) => told(ForeignForm::LimitedOperation, error.span, Vec::new()),
        (Some(Token::Struct), Some(Token::Ident), Token::Less) => {
            told(ForeignForm::Generics { of: "a `struct`" }, error.span, Vec::new())
        }
        (Some(Token::Enum), Some(Token::Ident), Token::Less) => {
            told(ForeignForm::Generics { of: "an `enum`" }, error.span, Vec::new())
        }
        (Some(Token::Service), Some(Token::Ident), Token::Less) => {
            told(ForeignForm::Generics { of: "a `service`" }, error.span, Vec::new())
        }
        (Some(Token::Fn), Some(Token::Ident), Token::Less) => {
            told(ForeignForm::Generics { of: "a `fn`" }, error.span, Vec::new())
        }
        (Some(Token::Transaction), Some(Token::Ident), Token::Less) => {
            told(ForeignForm::Generics { of: "a `transaction`" }, error.span, Vec::new())
        }
        (_, _, Token::Ident) if around.reads_step(error.span) => told(ForeignForm::Step, error.span, Vec::new()),
        (_, Some(Token::Pound), Token::LeftBracket) => around.attribute(index.checked_sub(1)?, index),
        (_, _, Token::Pound) => around.attribute(index, index + 1),
        (Some(Token::Choreography), Some(Token::Ident), Token::LeftParen) if error.expected.has(Token::Less) => {
            around.roles_in_parentheses()
        }
        (_, Some(Token::RightParen), Token::LeftParen) => {
            let open = around.group_start(index.checked_sub(1)?)?;
            let before = Around { tokens, text, index: open };
            let heads = (before.token(2), before.token(1)) == (Some(Token::Choreography), Some(Token::Ident));
            heads.then(|| before.roles_in_parentheses()).flatten()
        }
        _ => None,
    }
}

/// The tokens around the one where reading failed.
struct Around<'a> {
    tokens: &'a [(Token, Span)],
    text: &'a str,
    index: usize,
}

impl Around<'_> {
    /// The token so many places before.
    fn token(&self, back: usize) -> Option<Token> {
        self.index.checked_sub(back).and_then(|index| self.tokens.get(index)).map(|(token, _)| *token)
    }

    /// The bracket that closes the one at `open`.
    fn group_end(&self, open: usize) -> Option<Span> {
        let mut depth = 0_usize;
        for (token, span) in self.tokens.get(open..)? {
            if closing(*token).is_some() {
                depth += 1;
            } else if is_closing(*token) {
                depth = depth.checked_sub(1)?;
            }
            if depth == 0 {
                return Some(*span);
            }
        }
        None
    }

    /// Where the group that ends at `close` begins.
    fn group_start(&self, close: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (index, (token, _)) in self.tokens.get(..=close)?.iter().enumerate().rev() {
            if is_closing(*token) {
                depth += 1;
            } else if closing(*token).is_some() {
                depth = depth.checked_sub(1)?;
            }
            if depth == 0 {
                return Some(index);
            }
        }
        None
    }

    /// Whether the word says by how much a range goes on: `0..n step 2`.
    fn reads_step(&self, span: Span) -> bool {
        let word = self.text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let before = self.tokens.get(..self.index).unwrap_or_default().iter().rev().map(|(token, _)| *token);
        let mut of_it = before.take_while(|token| !matches!(token, Token::In | Token::Semicolon | Token::LeftBrace));
        matches!(word, "step" | "by") && of_it.any(|token| matches!(token, Token::DotDot | Token::DotDotEqual))
    }

    /// `#[…]`
    fn attribute(&self, pound: usize, open: usize) -> Option<(Problem, Span)> {
        let (_, start) = self.tokens.get(pound)?;
        let (Token::LeftBracket, _) = self.tokens.get(open)? else { return None };
        let span = start.to(self.group_end(open)?);
        // The line goes with it, where nothing else stands on it.
        let rest = self.text.get(span.end as usize..).unwrap_or_default();
        let blank = rest.len() - rest.trim_start().len();
        let removed = Span { end: span.end + u32::try_from(blank).unwrap_or_default(), ..span };
        let edits = vec![(removed, String::new())];
        Some((Problem::ForeignForm { form: ForeignForm::Attribute, span, edits }, span))
    }

    /// `choreography Name(A, B)`
    fn roles_in_parentheses(&self) -> Option<(Problem, Span)> {
        let (_, open) = *self.tokens.get(self.index)?;
        let close = self.group_end(self.index)?;
        let inner: Vec<Token> = self
            .tokens
            .get(self.index + 1..)?
            .iter()
            .take_while(|(_, it)| it.start < close.start)
            .map(|(it, _)| *it)
            .collect();
        let are_names = inner.contains(&Token::Ident)
            && inner
                .iter()
                .all(|token| matches!(token, Token::Ident | Token::Comma | Token::LeftBracket | Token::RightBracket));
        let behind = self.index + inner.len() + 2;
        let params = self.tokens.get(behind).filter(|(token, _)| *token == Token::LeftParen);
        let end = if params.is_some() { ">" } else { ">()" };
        let whole = params.and_then(|_| self.group_end(behind)).unwrap_or(close);
        let edits = if are_names { vec![(open, "<".to_owned()), (close, end.to_owned())] } else { Vec::new() };
        let span = open.to(close);
        Some((
            Problem::ForeignForm { form: ForeignForm::RolesInParentheses { are_names }, span, edits },
            open.to(whole),
        ))
    }
}
