//! Files and items.

use chumsky::prelude::*;

use super::common::{
    field, ident, list, list_if_readable, path, placed, result, text, ty, unreadable, unreadable_placed,
};
use super::error::{Label, ParseError};
use super::expression::expressions;
use super::recovery::{first_names, skip_group, skip_header, skip_item, skip_operation};
use super::{Extra, Input, Rule};
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::ast::{
    Block, Choreography, Enum, ExternFn, ExternType, Field, File, Fn, Ident, Item, Operation, OperationKind, Param,
    ParamKind, RoleParam, Service, Struct, Use, Variant, VariantFields,
};
use crate::syntax::literal;
use crate::syntax::token::Token;

/// What stands at the top of a file.
enum Entry {
    Use(Use),
    Item(Box<Item>),
    /// What could not be read.
    Nothing,
}

/// A file.
pub fn file<'s>() -> impl Parser<'s, Input<'s>, File, Extra<'s>> {
    let block = expressions().block;
    let import = just(Token::Use)
        .ignore_then(just(Token::Str).map_with(|_, e| {
            let span = e.span();
            Use { path: literal::string(text(e.state(), span)), span }
        }))
        .then_ignore(just(Token::Semicolon))
        .map(Entry::Use);
    let entry = import
        .or(item(block).map(|item| Entry::Item(Box::new(item))))
        .labelled(Label::Item)
        .recover_with(via_parser(skip_item().map(|()| Entry::Nothing)));
    explicit().or_not().then(entry.repeated().collect::<Vec<_>>()).then_ignore(end()).map(|(explicit, entries)| {
        let mut file = File { explicit, ..File::default() };
        for entry in entries {
            match entry {
                Entry::Use(import) => file.uses.push(import),
                Entry::Item(item) => file.items.push(*item),
                Entry::Nothing => {}
            }
        }
        file
    })
}

/// `#![explicit]`
fn explicit<'s>() -> impl Parser<'s, Input<'s>, Span, Extra<'s>> + Clone {
    let name = ident().validate(|name, _, emitter| {
        if name.name != "explicit" {
            let expected = vec!["`explicit`".to_owned()];
            let span = name.span;
            let problem = Problem::UnexpectedToken { found: Some(name.name), expected, within: None, span };
            emitter.emit(ParseError::problem(problem, span));
        }
    });
    just(Token::Pound)
        .ignore_then(just(Token::Not))
        .ignore_then(name.delimited_by(just(Token::LeftBracket), just(Token::RightBracket)))
        .map_with(|(), e| e.span())
}

/// The `///` lines before an item, each without its marks and one space.
fn docs<'s>() -> impl Parser<'s, Input<'s>, Vec<String>, Extra<'s>> + Clone {
    just(Token::Doc)
        .map_with(|_, e| {
            let span = e.span();
            let line = text(e.state(), span).trim_start_matches("///");
            line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
        })
        .repeated()
        .collect()
}

fn item<'s>(block: Rule<'s, Block>) -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    let item = choice((
        foreign().labelled(Label::Extern).as_context(),
        structure().labelled(Label::Struct).as_context(),
        enumeration().labelled(Label::Enum).as_context(),
        function(block.clone()).labelled(Label::Fn).as_context(),
        service().labelled(Label::Service).as_context(),
        choreography(block).labelled(Label::Choreography).as_context(),
    ));
    docs().then(item).map(|(docs, mut item)| {
        *docs_of(&mut item) = docs;
        item
    })
}

fn docs_of(item: &mut Item) -> &mut Vec<String> {
    match item {
        Item::ExternType(item) => &mut item.docs,
        Item::ExternFn(item) => &mut item.docs,
        Item::Struct(item) => &mut item.docs,
        Item::Enum(item) => &mut item.docs,
        Item::Fn(item) => &mut item.docs,
        Item::Service(item) => &mut item.docs,
        Item::Choreography(item) => &mut item.docs,
    }
}

fn fields<'s>() -> Rule<'s, Vec<Field>> {
    list(Token::LeftBrace, field(), Token::RightBrace)
}

/// Parameters. Of a list that cannot be read, the names are known all the same.
fn params<'s>() -> Rule<'s, Vec<Field>> {
    named_list(field(), |name| Field { ty: unreadable(name.span), name })
}

fn named_list<'s, O: 's>(
    inner: impl Parser<'s, Input<'s>, O, Extra<'s>> + Clone + 's,
    of: fn(Ident) -> O,
) -> Rule<'s, Vec<O>> {
    let names = skip_group(Token::LeftParen).map_with(move |(), e| {
        let span: Span = e.span();
        first_names(text(e.state(), span), span).into_iter().map(of).collect()
    });
    inner
        .separated_by(just(Token::Comma))
        .allow_trailing()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftParen), just(Token::RightParen))
        .recover_with(via_parser(names))
        .boxed()
}

fn foreign<'s>() -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    let eq = just(Token::Colon).ignore_then(ident()).validate(|name, _, emitter| {
        if name.name != "Eq" {
            let span = name.span;
            let expected = vec!["`Eq`".to_owned()];
            let problem = Problem::UnexpectedToken { found: Some(name.name), expected, within: None, span };
            emitter.emit(ParseError::problem(problem, span));
        }
    });
    let ty = just(Token::Type)
        .ignore_then(path())
        .then(eq.or_not())
        .then(just(Token::Semicolon).to(None).or(fields().map(Some)))
        .map(|((path, eq), fields)| {
            let span = path.span;
            Item::ExternType(ExternType { docs: Vec::new(), path, eq: eq.is_some(), fields, span })
        });
    let function = just(Token::Fn)
        .ignore_then(path())
        .then(params())
        .then(result(super::common::ty(), unreadable))
        .then_ignore(just(Token::Semicolon))
        .map(|((path, params), result)| {
            let span = path.span;
            Item::ExternFn(ExternFn { docs: Vec::new(), path, params, result, span })
        });
    just(Token::Extern).ignore_then(ty.or(function)).map_with(|mut item, e| {
        match &mut item {
            Item::ExternType(item) => item.span = e.span(),
            Item::ExternFn(item) => item.span = e.span(),
            Item::Struct(_) | Item::Enum(_) | Item::Fn(_) | Item::Service(_) | Item::Choreography(_) => {}
        }
        item
    })
}

fn structure<'s>() -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    just(Token::Struct)
        .ignore_then(ident())
        .then(fields())
        .map_with(|(name, fields), e| Item::Struct(Struct { docs: Vec::new(), name, fields, span: e.span() }))
}

fn enumeration<'s>() -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    let tuple = list(Token::LeftParen, ty(), Token::RightParen).map(VariantFields::Tuple);
    let named = fields().map(VariantFields::Struct);
    let variant = ident()
        .then(tuple.or(named).or_not())
        .map(|(name, fields)| Variant { name, fields: fields.unwrap_or(VariantFields::Unit) });
    just(Token::Enum)
        .ignore_then(ident())
        .then(list(Token::LeftBrace, variant, Token::RightBrace))
        .map_with(|(name, variants), e| Item::Enum(Enum { docs: Vec::new(), name, variants, span: e.span() }))
}

fn function<'s>(block: Rule<'s, Block>) -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    just(Token::Fn).ignore_then(ident()).then(params()).then(result(ty(), unreadable)).then(block).map_with(
        |(((name, params), result), body), e| {
            Item::Fn(Fn { docs: Vec::new(), name, params, result, body, span: e.span() })
        },
    )
}

fn service<'s>() -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    let operations = operation()
        .map(Some)
        .recover_with(via_parser(skip_operation().map(|()| None)))
        .repeated()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace));
    just(Token::Service).ignore_then(ident()).then(operations).map_with(|(name, operations), e| {
        let is_readable = operations.iter().all(Option::is_some);
        let operations = operations.into_iter().flatten().collect();
        Item::Service(Service { is_readable, docs: Vec::new(), name, operations, span: e.span() })
    })
}

fn operation<'s>() -> impl Parser<'s, Input<'s>, Operation, Extra<'s>> + Clone {
    let params = list_if_readable(Token::LeftParen, field(), Token::RightParen);
    let signature = ident().then(params).then(result(ty(), unreadable)).boxed();
    // `none` is no keyword: it says only here that nothing can undo the transaction.
    let compensation =
        just(Token::Compensate).ignore_then(ident()).map(|name| Some(name).filter(|name| name.name != "none")).boxed();
    let function = just(Token::Pure)
        .or_not()
        .then_ignore(just(Token::Fn))
        .then(signature.clone().map_with(|signature, e| (signature, e.span())))
        .then(compensation.clone().map_with(|compensate, e| (compensate, e.span())).or_not())
        .validate(|((pure, (signature, before)), compensation), _, emitter| {
            let is_pure = pure.is_some();
            if let Some((compensate, span)) = &compensation
                && (is_pure || compensate.is_none())
            {
                let removed = Span { start: before.end, ..*span };
                let problem = Problem::NothingToUndo { is_pure, span: *span, removed };
                emitter.emit(ParseError::problem(problem, *span));
            }
            let compensate = compensation.and_then(|(compensate, _)| compensate);
            (if is_pure { OperationKind::Pure } else { OperationKind::Recorded { compensate } }, signature)
        });
    let transaction = just(Token::Transaction)
        .ignore_then(signature)
        .then(compensation)
        .map(|(signature, compensate)| (OperationKind::Transaction { compensate }, signature));
    let operation = function
        .or(transaction)
        .then_ignore(just(Token::Semicolon))
        .map_with(|(kind, ((name, params), result)), e| Operation {
            is_readable: params.is_some(),
            docs: Vec::new(),
            kind,
            name,
            params: params.unwrap_or_default(),
            result,
            span: e.span(),
        })
        .labelled(Label::Operation)
        .as_context();
    docs().then(operation).map(|(docs, operation)| Operation { docs, ..operation }).boxed()
}

fn role_param<'s>() -> impl Parser<'s, Input<'s>, RoleParam, Extra<'s>> + Clone {
    let group = just(Token::LeftBracket).then(just(Token::RightBracket)).or_not();
    let services = just(Token::Colon)
        .ignore_then(ident().separated_by(just(Token::Plus)).at_least(1).collect::<Vec<_>>())
        .or_not();
    ident().then(group).then(services).map(|((name, group), services)| RoleParam {
        name,
        group: group.is_some(),
        services: services.unwrap_or_default(),
    })
}

fn role_params<'s>() -> Rule<'s, Vec<RoleParam>> {
    role_param().separated_by(just(Token::Comma)).at_least(1).allow_trailing().collect::<Vec<_>>().boxed()
}

fn param<'s>() -> impl Parser<'s, Input<'s>, Param, Extra<'s>> + Clone {
    let choreography = just(Token::Choreography)
        .ignore_then(role_params().delimited_by(just(Token::Less), just(Token::Greater)))
        .then(list(Token::LeftParen, placed(), Token::RightParen))
        .then(result(placed(), unreadable_placed))
        .map_with(|((roles, params), result), e| ParamKind::Choreography { roles, params, result, span: e.span() });
    let kind = choreography.or(placed().map(ParamKind::Value));
    ident().then_ignore(just(Token::Colon)).then(kind).map(|(name, kind)| Param { name, kind })
}

fn choreography<'s>(block: Rule<'s, Block>) -> impl Parser<'s, Input<'s>, Item, Extra<'s>> + Clone {
    let types = just(Token::Semicolon)
        .ignore_then(ident().separated_by(just(Token::Comma)).at_least(1).allow_trailing().collect::<Vec<_>>());
    let header = role_params()
        .then(types.or_not())
        .delimited_by(just(Token::Less), just(Token::Greater))
        .recover_with(via_parser(skip_header().map(|()| (Vec::new(), None))));
    just(Token::Choreography)
        .ignore_then(ident())
        .then(header)
        .then(named_list(param(), |name| Param { kind: ParamKind::Value(unreadable_placed(name.span)), name }))
        .then(result(placed(), unreadable_placed))
        .then(block)
        .map_with(|((((name, (roles, types)), params), result), body), e| {
            let types = types.unwrap_or_default();
            let docs = Vec::new();
            Item::Choreography(Choreography { docs, name, roles, types, params, result, body, span: e.span() })
        })
}
