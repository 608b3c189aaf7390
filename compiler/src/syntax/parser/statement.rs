//! Statements and blocks. A statement that cannot be read spoils itself only.

use chumsky::prelude::*;

use super::common::{duration_literal, ident, place, roles, text, ty, without_unit};
use super::error::{Label, ParseError};
use super::expression::{Leading, condition, send};
use super::foreign;
use super::pattern::pattern;
use super::recovery::{begins_statement, bound_names, skip_statement};
use super::{Extra, Input, Rule};
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::ast::{Block, Expr, ExprKind, Ident, Literal, Path, Pattern, PatternKind, Stmt, StmtKind, Time};
use crate::syntax::token::Token;

/// What a block is made of.
enum Part {
    /// A statement.
    Stmt(Box<Stmt>),
    /// An expression without `;`: the block's value where it is the last part.
    Value(Box<Expr>),
    /// A `let` that could not be read, of which the names are known. Where it is the last part, nothing is known of the block's value.
    Spoiled(Box<Stmt>),
}

fn stmt(stmt: Stmt) -> Part {
    Part::Stmt(Box::new(stmt))
}

/// `{ statements [tail] }`. `leading` is an expression at the head of a statement.
pub fn block<'s>(any: Rule<'s, Expr>, leading: Leading<'s>) -> Rule<'s, Block> {
    let part = choice((
        binding(any.clone()),
        requirement(any.clone()),
        abortion(any.clone()),
        selection(),
        sleep(any.clone()),
        expression(any, leading),
    ))
    .labelled(Label::Statement)
    // As a value: where it is the last of its block, the block has one that nothing is known of.
    .recover_with(via_parser(skip_statement().map_with(|(), e| {
        let span = e.span();
        spoiled(text(e.state(), span), span)
    })));
    part.repeated()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace))
        .map_with(|mut parts, e| {
            let tail = match parts.pop() {
                Some(Part::Value(value)) => Some(value),
                Some(Part::Spoiled(stmt)) => {
                    let span = stmt.span;
                    parts.push(Part::Spoiled(stmt));
                    Some(Box::new(Expr { kind: ExprKind::Error, span }))
                }
                Some(part @ Part::Stmt(_)) => {
                    parts.push(part);
                    None
                }
                None => None,
            };
            let stmts = parts
                .into_iter()
                .map(|part| match part {
                    Part::Stmt(stmt) | Part::Spoiled(stmt) => *stmt,
                    Part::Value(value) => Stmt { span: value.span, kind: StmtKind::Expr(*value) },
                })
                .collect();
            Block { stmts, tail, span: e.span() }
        })
        .boxed()
}

/// What is left of a statement that could not be read.
fn spoiled(text: &str, span: Span) -> Part {
    let value = Expr { kind: ExprKind::Error, span };
    let Some((names, mutable)) = bound_names(text, span) else { return Part::Value(Box::new(value)) };
    let named = |name: Ident| {
        let span = name.span;
        Pattern { kind: PatternKind::Path(Path { segments: vec![name], span }), span }
    };
    let pattern = Pattern { kind: PatternKind::Tuple(names.into_iter().map(named).collect()), span };
    Part::Spoiled(Box::new(Stmt { kind: StmtKind::Let { mutable, pattern, ty: None, place: None, value }, span }))
}

/// `;`, or what is said where it is missing and another statement begins or the block ends.
fn semicolon<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let missing = missing_semicolon(true).validate(|problem, e, emitter| {
        emitter.emit(ParseError::problem(problem, e.span()));
    });
    just(Token::Semicolon).ignored().or(missing)
}

/// The problem of a `;` that is missing where another statement begins, or if `or_end` where the block ends.
fn missing_semicolon<'s>(or_end: bool) -> impl Parser<'s, Input<'s>, Problem, Extra<'s>> + Clone {
    any()
        .filter(move |token| {
            let begins = matches!(*token, Token::Ident | Token::ForeignWord) || begins_statement(*token);
            begins || or_end && *token == Token::RightBrace
        })
        .map_with(|_, e| e.span())
        .rewind()
        .map_with(|next, e| {
            let behind: Span = e.span();
            Problem::MissingSemicolon { span: Span { start: behind.end, ..behind }, next }
        })
}

fn binding<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    let annotation = just(Token::Colon).ignore_then(ty().then(just(Token::At).ignore_then(place()).or_not()));
    just(Token::Let)
        .ignored()
        .or(foreign::declaration())
        .ignore_then(just(Token::Mut).or_not())
        .then(pattern())
        .then(annotation.or_not())
        .then_ignore(just(Token::Equal))
        .then(any)
        .then_ignore(semicolon())
        .map_with(|(((mutable, pattern), annotation), value), e| {
            let (ty, place) = annotation.map_or((None, None), |(ty, place)| (Some(ty), place));
            let kind = StmtKind::Let { mutable: mutable.is_some(), pattern, ty, place, value };
            stmt(Stmt { kind, span: e.span() })
        })
        .labelled(Label::Let)
        .as_context()
        .boxed()
}

fn requirement<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    just(Token::Require)
        .ignore_then(condition(any.clone()))
        .then_ignore(just(Token::Comma))
        .then(any)
        .then_ignore(semicolon())
        .map_with(|(condition, reason), e| stmt(Stmt { kind: StmtKind::Require { condition, reason }, span: e.span() }))
        .labelled(Label::Require)
        .as_context()
        .boxed()
}

fn abortion<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    just(Token::Abort)
        .ignore_then(ident())
        .then_ignore(just(Token::Comma))
        .then(any)
        .then_ignore(semicolon())
        .map_with(|(role, reason), e| stmt(Stmt { kind: StmtKind::Abort { role, reason }, span: e.span() }))
        .labelled(Label::Abort)
        .as_context()
        .boxed()
}

fn selection<'s>() -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    just(Token::Select)
        .ignore_then(ident())
        .then_ignore(send())
        .then(roles())
        .then_ignore(semicolon())
        .map_with(|(from, to), e| stmt(Stmt { kind: StmtKind::Select { from, to }, span: e.span() }))
        .labelled(Label::Select)
        .as_context()
        .boxed()
}

/// `sleep Role, time;`
fn sleep<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    let millis = any.validate(|value, e, emitter| {
        // A number that is computed is one of milliseconds; one that is written says of what.
        if let ExprKind::Literal(Literal::Int { suffix: None, .. }) = &value.kind {
            emitter.emit(without_unit(text(e.state(), value.span), value.span));
        }
        Time::Millis(value)
    });
    just(Token::Sleep)
        .ignore_then(ident())
        .then_ignore(just(Token::Comma))
        .then(duration_literal().map(Time::Literal).or(millis))
        .then_ignore(semicolon())
        .map_with(|(role, time), e| stmt(Stmt { kind: StmtKind::Sleep { role, time }, span: e.span() }))
        .labelled(Label::Sleep)
        .as_context()
        .boxed()
}

/// How a statement that begins with an expression goes on.
enum Ending {
    Semicolon,
    Assign(Expr),
    /// The block ends behind it.
    Nothing,
    /// Another statement begins behind it.
    Missing(Box<Problem>),
}

fn expression<'s>(any: Rule<'s, Expr>, leading: Leading<'s>) -> impl Parser<'s, Input<'s>, Part, Extra<'s>> + Clone {
    let assign = just(Token::Equal).ignore_then(any).then_ignore(semicolon()).map(Ending::Assign);
    let end = just(Token::RightBrace).rewind().map(|_| Ending::Nothing);
    let semicolon = just(Token::Semicolon).map(|_| Ending::Semicolon);
    let missing = missing_semicolon(false).map(|problem| Ending::Missing(Box::new(problem)));
    let optional = choice((semicolon, assign, end)).boxed();
    let required = optional.clone().or(missing).boxed();
    leading.then(required, optional).validate(|(expr, ending), e, emitter| {
        let kind = match ending {
            Some(Ending::Semicolon) => StmtKind::Expr(expr),
            Some(Ending::Assign(value)) => StmtKind::Assign { target: expr, value },
            Some(Ending::Missing(problem)) => {
                emitter.emit(ParseError::problem(*problem, e.span()));
                StmtKind::Expr(expr)
            }
            Some(Ending::Nothing) | None => return Part::Value(Box::new(expr)),
        };
        stmt(Stmt { kind, span: e.span() })
    })
}
