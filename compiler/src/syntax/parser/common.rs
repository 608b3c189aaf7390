//! The small rules that the others share: names, paths, types, places, lists.

use chumsky::prelude::*;

use super::error::{Label, ParseError};
use super::recovery::{skip_group, skip_header};
use super::{Extra, Input, Rule};
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::ast::{Duration, Field, Ident, Path, Place, Placed, Roles, Type, TypeKind};
use crate::syntax::literal::{self, Number};
use crate::syntax::token::Token;

/// The text that a rule has read.
pub fn text<'s>(state: &super::SimpleState<&'s str>, span: Span) -> &'s str {
    state.0.get(span.start as usize..span.end as usize).unwrap_or_default()
}

/// A name.
pub fn ident<'s>() -> impl Parser<'s, Input<'s>, Ident, Extra<'s>> + Clone {
    just(Token::Ident)
        .map_with(|_, e| {
            let span = e.span();
            Ident { name: text(e.state(), span).to_owned(), span }
        })
        .labelled(Label::Name)
}

/// `a::b::C`
pub fn path<'s>() -> impl Parser<'s, Input<'s>, Path, Extra<'s>> + Clone {
    ident().then(just(Token::PathSeparator).ignore_then(ident()).repeated().collect::<Vec<_>>()).map_with(
        |(first, mut rest), e| {
            rest.insert(0, first);
            Path { segments: rest, span: e.span() }
        },
    )
}

/// `30s`, or what is said of `30`.
pub fn duration<'s>() -> impl Parser<'s, Input<'s>, Duration, Extra<'s>> + Clone {
    let number = just(Token::Int).validate(|_, e, emitter| {
        let span = e.span();
        emitter.emit(without_unit(text(e.state(), span), span));
        Duration { millis: 0, span }
    });
    duration_literal().or(number)
}

/// A number that says a time, and not of what unit.
pub fn without_unit(number: &str, span: Span) -> ParseError {
    ParseError::problem(Problem::TimeWithoutUnit { number: number.to_owned(), span }, span)
}

/// `30s`
pub fn duration_literal<'s>() -> impl Parser<'s, Input<'s>, Duration, Extra<'s>> + Clone {
    just(Token::Duration).map_with(|_, e| {
        let span = e.span();
        let millis = match literal::number(text(e.state(), span)) {
            Ok(Number::Duration { millis }) => millis,
            Ok(Number::Int { .. } | Number::Float) | Err(_) => 0,
        };
        Duration { millis, span }
    })
}

/// `inner, inner,` between two brackets. Where that fails, the rest up to the closing bracket is passed over.
pub fn list<'s, O: 's>(
    open: Token,
    inner: impl Parser<'s, Input<'s>, O, Extra<'s>> + Clone + 's,
    close: Token,
) -> Rule<'s, Vec<O>> {
    list_if_readable(open, inner, close).map(Option::unwrap_or_default).boxed()
}

/// The same; nothing where it fails.
pub fn list_if_readable<'s, O: 's>(
    open: Token,
    inner: impl Parser<'s, Input<'s>, O, Extra<'s>> + Clone + 's,
    close: Token,
) -> Rule<'s, Option<Vec<O>>> {
    inner
        .separated_by(just(Token::Comma))
        .allow_trailing()
        .collect::<Vec<_>>()
        .delimited_by(just(open), just(close))
        .map(Some)
        .recover_with(via_parser(skip_group(open).map(|()| None)))
        .boxed()
}

/// A type.
pub fn ty<'s>() -> Rule<'s, Type> {
    recursive(|ty| {
        let arguments = ty
            .clone()
            .separated_by(just(Token::Comma))
            .at_least(1)
            .allow_trailing()
            .collect::<Vec<_>>()
            .delimited_by(just(Token::Less), just(Token::Greater));
        let named = path().then(arguments.or_not()).map_with(|(path, arguments), e| Type {
            kind: TypeKind::Path(path, arguments.unwrap_or_default()),
            span: e.span(),
        });
        // One type in parentheses without a comma is that type.
        let tuple = ty
            .separated_by(just(Token::Comma))
            .collect::<Vec<_>>()
            .then(just(Token::Comma).or_not())
            .delimited_by(just(Token::LeftParen), just(Token::RightParen))
            .map_with(|(mut types, comma), e| match (types.pop(), comma) {
                (Some(only), None) if types.is_empty() => Type { kind: only.kind, span: e.span() },
                (last, _) => {
                    types.extend(last);
                    Type { kind: TypeKind::Tuple(types), span: e.span() }
                }
            });
        named.or(tuple).labelled(Label::Type)
    })
    .boxed()
}

/// A type that cannot be read, which has been told.
pub fn unreadable(span: Span) -> Type {
    Type { kind: TypeKind::Path(Path { segments: Vec::new(), span }, Vec::new()), span }
}

/// A type and its place that cannot be read.
pub fn unreadable_placed(span: Span) -> Placed {
    Placed::At { ty: unreadable(span), place: Place { each: false, roles: Roles { names: Vec::new(), span } } }
}

/// `-> type`
pub fn result<'s, O: 's>(
    inner: Rule<'s, O>,
    unreadable: fn(Span) -> O,
) -> impl Parser<'s, Input<'s>, Option<O>, Extra<'s>> + Clone {
    let arrow = just(Token::Arrow).ignored();
    let slip = choice((just(Token::Send), just(Token::FatArrow))).validate(|token, e, emitter| {
        let problem = Problem::WrongOperator { written: token.text().unwrap_or_default(), meant: "->", span: e.span() };
        emitter.emit(ParseError::problem(problem, e.span()));
    });
    // A result that cannot be read must not hide the body behind it.
    let inner =
        inner.map(Some).recover_with(via_parser(skip_header().map_with(move |(), e| Some(unreadable(e.span())))));
    arrow.or(slip).ignore_then(inner).or_not().map(Option::flatten)
}

/// `name: type`
pub fn field<'s>() -> impl Parser<'s, Input<'s>, Field, Extra<'s>> + Clone {
    ident().then_ignore(just(Token::Colon)).then(ty()).map(|(name, ty)| Field { name, ty })
}

/// `Name` or `{Name, Name}`
pub fn roles<'s>() -> Rule<'s, Roles> {
    let one = ident().map(|name| Roles { span: name.span, names: vec![name] });
    let several = ident()
        .separated_by(just(Token::Comma))
        .at_least(1)
        .allow_trailing()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace))
        .map_with(|names, e| Roles { names, span: e.span() });
    one.or(several).labelled(Label::Roles).boxed()
}

/// `[each] roles`
pub fn place<'s>() -> impl Parser<'s, Input<'s>, Place, Extra<'s>> + Clone {
    just(Token::Each).or_not().then(roles()).map(|(each, roles)| Place { each: each.is_some(), roles })
}

/// `type@place`, or a tuple of such.
pub fn placed<'s>() -> Rule<'s, Placed> {
    recursive(|placed| {
        let at = ty().then_ignore(just(Token::At)).then(place()).map(|(ty, place)| Placed::At { ty, place });
        // `(T, U)@A` is a type that is a tuple, `(T@A, U@B)` a tuple of results: only what is behind the `)` tells.
        let tuple = placed
            .separated_by(just(Token::Comma))
            .at_least(1)
            .allow_trailing()
            .collect::<Vec<_>>()
            .delimited_by(just(Token::LeftParen), just(Token::RightParen))
            .map_with(|parts, e| Placed::Tuple(parts, e.span()));
        at.or(tuple)
    })
    .boxed()
}
