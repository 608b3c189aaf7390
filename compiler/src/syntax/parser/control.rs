//! `if`, `match`, `while`, `for`, `each`, `par`, `saga` and blocks: what ends in a brace.

use chumsky::prelude::*;

use super::common::{duration, ident, roles};
use super::error::Label;
use super::pattern::pattern;
use super::recovery::{skip_arm, skip_group};
use super::{Extra, Input, Rule};
use crate::syntax::ast::{Arm, Block, Expr, ExprKind, Pattern, PatternKind};
use crate::syntax::token::Token;

/// A control. `control` stands for one in an `else`, `head` for an expression without a bare struct literal, `leading` for
/// one that an arm gives.
pub fn control<'s>(
    control: Rule<'s, Expr>,
    head: Rule<'s, Expr>,
    leading: Rule<'s, (Expr, bool)>,
    block: Rule<'s, Block>,
) -> impl Parser<'s, Input<'s>, Expr, Extra<'s>> + Clone {
    let conditional = just(Token::If)
        .ignore_then(head.clone())
        .then(block.clone())
        .then(just(Token::Else).ignore_then(control).or_not())
        .map(|((condition, then), otherwise)| ExprKind::If {
            condition: Box::new(condition),
            then,
            otherwise: otherwise.map(Box::new),
        });
    let repetition = just(Token::While)
        .ignore_then(head.clone())
        .then(block.clone())
        .then(just(Token::Else).ignore_then(block.clone()).or_not())
        .map(|((condition, body), otherwise)| ExprKind::While { condition: Box::new(condition), body, otherwise });
    let iteration = just(Token::For)
        .ignore_then(pattern())
        .then_ignore(just(Token::In))
        .then(head.clone())
        .then(block.clone())
        .map(|((pattern, items), body)| ExprKind::For { pattern, items: Box::new(items), body });
    choice((
        block.clone().map(ExprKind::Block),
        conditional,
        selection(head, leading),
        repetition,
        iteration,
        side_by_side(block.clone()),
        saga(block),
    ))
    .map_with(|kind, e| Expr { kind, span: e.span() })
}

/// `each member in roles { .. }`, `par { .. } and { .. }`
fn side_by_side<'s>(block: Rule<'s, Block>) -> impl Parser<'s, Input<'s>, ExprKind, Extra<'s>> + Clone {
    let each = just(Token::Each)
        .ignore_then(ident())
        .then_ignore(just(Token::In))
        .then(roles())
        .then(block.clone())
        .map(|((member, group), body)| ExprKind::Each { member, group, body });
    let par = just(Token::Par)
        .ignore_then(block.separated_by(just(Token::And)).at_least(1).collect::<Vec<_>>())
        .map(ExprKind::Par);
    each.or(par)
}

fn saga<'s>(block: Rule<'s, Block>) -> impl Parser<'s, Input<'s>, ExprKind, Extra<'s>> + Clone {
    just(Token::Saga)
        .ignore_then(just(Token::Within).ignore_then(duration()).or_not())
        .then(block.clone())
        .then(just(Token::Else).ignore_then(ident().or_not()).then(block).or_not())
        .map(|((within, body), otherwise)| ExprKind::Saga { within, body, otherwise })
}

/// `match head { arms }`
fn selection<'s>(
    head: Rule<'s, Expr>,
    leading: Rule<'s, (Expr, bool)>,
) -> impl Parser<'s, Input<'s>, ExprKind, Extra<'s>> + Clone {
    let brace = leading.clone().filter(|(_, ends_in_brace)| *ends_in_brace).then_ignore(just(Token::Comma).or_not());
    let other = leading.then_ignore(just(Token::Comma).ignored().or(just(Token::RightBrace).rewind().ignored()));
    let value = brace.or(other).map(|(value, _)| value);
    let arm = pattern()
        .then_ignore(just(Token::FatArrow))
        .then(value)
        .map(|(pattern, value)| Arm { pattern, value })
        .labelled(Label::Arm)
        .as_context()
        .recover_with(via_parser(skip_arm().map_with(|(), e| Arm {
            pattern: Pattern { kind: PatternKind::Wildcard, span: e.span() },
            value: Expr { kind: ExprKind::Error, span: e.span() },
        })));
    let arms = arm
        .repeated()
        .collect::<Vec<_>>()
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace))
        .recover_with(via_parser(skip_group(Token::LeftBrace).map(|()| Vec::new())));
    just(Token::Match)
        .ignore_then(head)
        .then(arms)
        .map(|(scrutinee, arms)| ExprKind::Match { scrutinee: Box::new(scrutinee), arms })
}
