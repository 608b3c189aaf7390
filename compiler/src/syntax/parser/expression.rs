//! Expressions, from the weakest operator to the strongest: `~>`, `||`, `&&`, comparison, range, `+ -`, `* / %`, unary,
//! postfix.

use chumsky::input::MapExtra;
use chumsky::pratt::{infix, left, none, prefix};
use chumsky::prelude::*;

use super::common::{duration, ident, list_if_readable, path, roles, text, ty};
use super::control::control;
use super::error::{Label, ParseError};
use super::foreign;
use super::pattern::literal;
use super::recovery::{begins_control, skip_group};
use super::statement::block;
use super::{Extra, Input, Rule};
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::ast::{BinaryOp, Block, Duration, Expr, ExprKind, Ident, Path, Roles, Type, UnaryOp};
use crate::syntax::literal::{self as literals, Number};
use crate::syntax::token::Token;

/// The rules for expressions that other rules need.
#[derive(Clone)]
pub struct Expressions<'s> {
    /// Any expression.
    pub any: Rule<'s, Expr>,
    /// `{ .. }`
    pub block: Rule<'s, Block>,
}

/// The rules for expressions.
pub fn expressions<'s>() -> Expressions<'s> {
    rules(recursive(|any| rules(any.boxed()).any).boxed())
}

/// The rules one level deep, where `any` stands for an expression within brackets.
fn rules<'s>(any: Rule<'s, Expr>) -> Expressions<'s> {
    let simple = simple(any.clone());
    let continued = continued(any.clone());
    let control = {
        let (any, simple, continued) = (any.clone(), simple.clone(), continued.clone());
        recursive(|inner| {
            let inner = inner.boxed();
            let primary = choice((simple, named(any.clone(), false), inner.clone())).boxed();
            let head = condition(communicated(operators(postfixed(primary, any.clone()))));
            let leading = Leading { control: inner.clone(), continued, any: any.clone() };
            control(inner, head, leading.clone(), block(any, leading))
        })
        .boxed()
    };
    let block = block(any.clone(), Leading { control: control.clone(), continued, any: any.clone() });
    let primary = choice((simple, named(any.clone(), true), control)).boxed();
    let any = communicated(operators(postfixed(primary, any))).labelled(Label::Expression).boxed();
    Expressions { any, block }
}

/// An expression where a statement or an arm begins.
#[derive(Clone)]
pub struct Leading<'s> {
    control: Rule<'s, Expr>,
    continued: Rule<'s, Suffix>,
    any: Rule<'s, Expr>,
}

impl<'s> Leading<'s> {
    /// The expression and what ends it. As in Rust, a control ends at its brace, with `optional` behind it; only what can
    /// begin no statement goes on with it. Any other expression needs `required` behind it.
    pub fn then<E: 's>(self, required: Rule<'s, E>, optional: Rule<'s, E>) -> Rule<'s, (Expr, Option<E>)> {
        let longer = self.continued.repeated().at_least(1).collect::<Vec<_>>().then(required.clone().map(Some));
        let control = self
            .control
            .then(longer.or(optional.or_not().map(|end| (Vec::new(), end))))
            .map(|(control, (suffixes, end))| (suffixes.into_iter().fold(control, apply), end));
        // A control that cannot be read is not read again as an expression: nested ones would take exponential time.
        let other = any().filter(|token| !begins_control(*token)).rewind().ignore_then(self.any);
        control.or(other.then(required.map(Some))).boxed()
    }
}

/// An expression that decides: `a = b` in it is a slip for `a == b`.
pub fn condition<'s>(expr: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let slip = just(Token::Equal).map_with(|_, e| e.span());
    expr.clone()
        .foldl_with(slip.then(expr).repeated(), |left: Expr, (op, right): (Span, Expr), e| Expr {
            kind: ExprKind::Binary(BinaryOp::Eq, op, Box::new(left), Box::new(right)),
            span: e.span(),
        })
        .validate(|expr, _, emitter| {
            if let ExprKind::Binary(BinaryOp::Eq, op, _, _) = &expr.kind
                && op.end - op.start == 1
            {
                emitter.emit(ParseError::problem(Problem::WrongOperator { written: "=", meant: "==", span: *op }, *op));
            }
            expr
        })
        .boxed()
}

/// `~>`, or `->` by a slip.
pub fn send<'s>() -> impl Parser<'s, Input<'s>, (), Extra<'s>> + Clone {
    let slip = just(Token::Arrow).validate(|_, e, emitter| {
        let problem = Problem::WrongOperator { written: "->", meant: "~>", span: e.span() };
        emitter.emit(ParseError::problem(problem, e.span()));
    });
    just(Token::Send).ignored().or(slip)
}

/// `~> roles [within duration]`
fn receivers<'s>() -> impl Parser<'s, Input<'s>, (Roles, Option<Duration>), Extra<'s>> + Clone {
    let within = just(Token::Within).ignore_then(duration());
    send().ignore_then(roles()).then(within.or_not())
}

fn communicated<'s>(value: Rule<'s, Expr>) -> Rule<'s, Expr> {
    value
        .foldl_with(receivers().repeated(), |value, (to, within), e| Expr {
            kind: ExprKind::Communicate { value: Box::new(value), to, within },
            span: e.span(),
        })
        .boxed()
}

fn operators<'s>(operand: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let unary = select! { Token::Minus => UnaryOp::Neg, Token::Not => UnaryOp::Not };
    let product =
        select! { Token::Star => BinaryOp::Mul, Token::Slash => BinaryOp::Div, Token::Percent => BinaryOp::Rem }
            .map_with(|op, e| (op, e.span()));
    let sum = select! { Token::Plus => BinaryOp::Add, Token::Minus => BinaryOp::Sub }.map_with(|op, e| (op, e.span()));
    let range = select! { Token::DotDot => false, Token::DotDotEqual => true };
    let and = select! { Token::AndAnd => BinaryOp::And }.map_with(|op, e| (op, e.span()));
    let or = select! { Token::OrOr => BinaryOp::Or }.map_with(|op, e| (op, e.span()));
    operand
        .pratt((
            infix(left(6), product, binary),
            infix(left(5), sum, binary),
            infix(none(4), range, |start, inclusive, end, e: &mut Extras<'s, '_>| Expr {
                kind: ExprKind::Range { start: Some(Box::new(start)), end: Some(Box::new(end)), inclusive },
                span: e.span(),
            }),
            infix(left(3), comparison(), binary),
            infix(left(2), and, binary),
            infix(left(1), or, binary),
            prefix(7, foreign::borrow(), |(), value, _: &mut Extras<'s, '_>| value),
            prefix(7, unary, |op, value, e: &mut Extras<'s, '_>| Expr {
                kind: ExprKind::Unary(op, Box::new(value)),
                span: e.span(),
            }),
        ))
        .validate(|mut expr: Expr, _, emitter| {
            let chains = chained_comparisons(&expr);
            // Types that do not fit would follow from it.
            for (first, second) in chains {
                emitter.emit(ParseError::problem(Problem::ChainedComparison { first, second }, second));
                expr.kind = ExprKind::Error;
            }
            expr
        })
        .boxed()
}

/// The comparisons whose left side is a comparison without parentheses.
fn chained_comparisons(expr: &Expr) -> Vec<(Span, Span)> {
    let compares =
        |op| matches!(op, BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge);
    let mut chains = Vec::new();
    let mut open = vec![expr];
    while let Some(expr) = open.pop() {
        let ExprKind::Binary(op, second, left, right) = &expr.kind else { continue };
        open.extend([&**left, &**right]);
        if let ExprKind::Binary(inner, first, start, _) = &left.kind {
            let bare = left.span.start == start.span.start;
            if compares(*op) && compares(*inner) && bare {
                chains.push((*first, *second));
            }
        }
    }
    chains
}

fn comparison<'s>() -> impl Parser<'s, Input<'s>, (BinaryOp, Span), Extra<'s>> + Clone {
    select! {
        Token::EqualEqual => BinaryOp::Eq,
        Token::NotEqual => BinaryOp::Ne,
        Token::Less => BinaryOp::Lt,
        Token::LessEqual => BinaryOp::Le,
        Token::Greater => BinaryOp::Gt,
        Token::GreaterEqual => BinaryOp::Ge,
    }
    .map_with(|op, e| (op, e.span()))
}

type Extras<'s, 'b> = MapExtra<'s, 'b, Input<'s>, Extra<'s>>;

fn binary<'s>(left: Expr, (op, op_span): (BinaryOp, Span), right: Expr, e: &mut Extras<'s, '_>) -> Expr {
    Expr { kind: ExprKind::Binary(op, op_span, Box::new(left), Box::new(right)), span: e.span() }
}

#[derive(Clone)]
enum SuffixKind {
    Field(Ident),
    TupleField(u32, Span),
    Index(Box<Expr>),
    Method(Ident, Vec<Expr>),
    At(Ident),
    /// What cannot be read, or is not in the language.
    Error,
    Communicate(Roles, Option<Duration>),
}

/// What stands behind an expression and applies to it.
#[derive(Clone)]
pub struct Suffix {
    kind: SuffixKind,
    span: Span,
}

fn apply(value: Expr, suffix: Suffix) -> Expr {
    let span = value.span.to(suffix.span);
    let value = Box::new(value);
    let kind = match suffix.kind {
        SuffixKind::Field(name) => ExprKind::Field(value, name),
        SuffixKind::TupleField(index, index_span) => ExprKind::TupleField(value, index, index_span),
        SuffixKind::Index(index) => ExprKind::Index(value, index),
        SuffixKind::Method(name, args) => ExprKind::Method { receiver: value, name, args },
        SuffixKind::At(role) => ExprKind::At(value, role),
        SuffixKind::Error => ExprKind::Error,
        SuffixKind::Communicate(to, within) => ExprKind::Communicate { value, to, within },
    };
    Expr { kind, span }
}

/// `.name`, `.name(args)`, `.0` or `@Role`
fn member<'s>(any: Rule<'s, Expr>) -> Rule<'s, SuffixKind> {
    let args = list_if_readable(Token::LeftParen, any, Token::RightParen);
    let named = ident().then(args.or_not()).map(|(name, args)| match args {
        Some(Some(args)) => SuffixKind::Method(name, args),
        Some(None) => SuffixKind::Error,
        None => SuffixKind::Field(name),
    });
    let numbered = just(Token::Int).map_with(|_, e| {
        let span = e.span();
        // No tuple has a member beyond 32 bits, so such a number names none, as this one does.
        let index = match literals::number(text(e.state(), span)) {
            Ok(Number::Int { value, .. }) => u32::try_from(value).unwrap_or(u32::MAX),
            Ok(Number::Float | Number::Duration { .. }) | Err(_) => u32::MAX,
        };
        SuffixKind::TupleField(index, span)
    });
    let role = just(Token::At).ignore_then(ident()).map(SuffixKind::At);
    let foreign = foreign::suffix().to(SuffixKind::Error);
    choice((just(Token::Dot).ignore_then(named.or(numbered)), role, foreign)).boxed()
}

/// What goes on with a control at the head of a statement.
fn continued<'s>(any: Rule<'s, Expr>) -> Rule<'s, Suffix> {
    let receivers = receivers().map(|(to, within)| SuffixKind::Communicate(to, within));
    member(any).or(receivers).map_with(|kind, e| Suffix { kind, span: e.span() }).boxed()
}

fn postfixed<'s>(primary: Rule<'s, Expr>, any: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let index = index(any.clone())
        .delimited_by(just(Token::LeftBracket), just(Token::RightBracket))
        .map(|index| SuffixKind::Index(Box::new(index)));
    let suffix = member(any).or(index).map_with(|kind, e| Suffix { kind, span: e.span() });
    primary.labelled(Label::Expression).foldl(suffix.repeated(), apply).boxed()
}

/// What stands between `[` and `]` behind a value: here a range may lack either side.
fn index<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, Expr, Extra<'s>> + Clone {
    let dots = just(Token::DotDot).to(false).or(just(Token::DotDotEqual).to(true));
    let from = any.clone().then(just(Token::DotDot).or_not()).map_with(|(start, dots), e| match dots {
        None => start,
        Some(_) => {
            Expr { kind: ExprKind::Range { start: Some(Box::new(start)), end: None, inclusive: false }, span: e.span() }
        }
    });
    let to = dots.then(any.or_not()).map_with(|(inclusive, end), e| Expr {
        kind: ExprKind::Range { start: None, end: end.map(Box::new), inclusive },
        span: e.span(),
    });
    to.or(from)
}

/// A literal, a list, a tuple, an expression in parentheses; what the lexer could not read.
fn simple<'s>(any: Rule<'s, Expr>) -> Rule<'s, Expr> {
    let literal = literal().map(ExprKind::Literal);
    let elements = list_if_readable(Token::LeftBracket, any.clone(), Token::RightBracket)
        .map(|items| items.map_or(ExprKind::Error, ExprKind::List));
    let tuple = any
        .separated_by(just(Token::Comma))
        .collect::<Vec<_>>()
        .then(just(Token::Comma).or_not())
        .delimited_by(just(Token::LeftParen), just(Token::RightParen))
        .map(|(mut parts, comma)| match (parts.pop(), comma) {
            (Some(only), None) if parts.is_empty() => only.kind,
            (last, _) => {
                parts.extend(last);
                ExprKind::Tuple(parts)
            }
        })
        .recover_with(via_parser(skip_group(Token::LeftParen).to(ExprKind::Error)));
    let unreadable = just(Token::Error).to(ExprKind::Error);
    choice((literal, tuple, elements, unreadable)).map_with(|kind, e| Expr { kind, span: e.span() }).boxed()
}

/// What stands behind a path.
enum PathSuffix {
    Call(Vec<Expr>),
    Choreography(Vec<Roles>, Vec<Type>, Vec<Expr>),
    Struct(Vec<(Ident, Expr)>, Option<Box<Expr>>),
    /// What cannot be read, or is not in the language.
    Error,
}

/// A path, and a call or (if `structs`) a struct literal that begins with it.
fn named<'s>(any: Rule<'s, Expr>, structs: bool) -> Rule<'s, Expr> {
    let args = list_if_readable(Token::LeftParen, any.clone(), Token::RightParen);
    // `NAME < .. > (` is a call; anything else behind `<` is a comparison.
    let types = just(Token::Semicolon)
        .ignore_then(ty().separated_by(just(Token::Comma)).at_least(1).allow_trailing().collect::<Vec<_>>());
    let choreography = roles()
        .separated_by(just(Token::Comma))
        .at_least(1)
        .allow_trailing()
        .collect::<Vec<_>>()
        .then(types.or_not())
        .delimited_by(just(Token::Less), just(Token::Greater))
        .then(args.clone())
        .map(|((roles, types), args)| match args {
            Some(args) => PathSuffix::Choreography(roles, types.unwrap_or_default(), args),
            None => PathSuffix::Error,
        });
    let call = args.map(|args| args.map_or(PathSuffix::Error, PathSuffix::Call));
    let suffix = match structs {
        true => choice((call, choreography, struct_suffix(any))).boxed(),
        false => call.or(choreography).boxed(),
    };
    let whole = path().then_ignore(foreign::macro_arguments()).validate(|path, _, emitter| {
        let name = path.segments.last().map_or_else(String::new, |name| name.name.clone());
        let span = Span { end: path.span.end + 1, ..path.span };
        emitter.emit(ParseError::problem(Problem::MacroCall { name, span }, span));
    });
    let foreign = whole.map_with(|(), e| Expr { kind: ExprKind::Error, span: e.span() });
    let own = path()
        .then(suffix.or_not())
        .map_with(|(path, suffix), e| Expr { kind: path_kind(path, suffix), span: e.span() });
    foreign.or(own).boxed()
}

fn path_kind(path: Path, suffix: Option<PathSuffix>) -> ExprKind {
    match suffix {
        None => ExprKind::Path(path),
        Some(PathSuffix::Error) => ExprKind::Error,
        Some(PathSuffix::Call(args)) => ExprKind::Call { callee: path, args },
        Some(PathSuffix::Struct(fields, base)) => ExprKind::Struct { path, fields, base },
        Some(PathSuffix::Choreography(roles, types, args)) => {
            let whole = path.segments.iter().map(|segment| segment.name.as_str()).collect::<Vec<_>>().join("::");
            let name = Ident { name: whole, span: path.span };
            ExprKind::ChoreographyCall { name, roles, types, args }
        }
    }
}

/// `{ name: value, name, ..base }`
fn struct_suffix<'s>(any: Rule<'s, Expr>) -> impl Parser<'s, Input<'s>, PathSuffix, Extra<'s>> + Clone {
    let init = ident().then(just(Token::Colon).ignore_then(any.clone()).or_not()).map(|(name, value)| {
        // A bare name has the variable of that name as its value.
        let value = value.unwrap_or_else(|| {
            let path = Path { segments: vec![name.clone()], span: name.span };
            Expr { kind: ExprKind::Path(path), span: name.span }
        });
        (name, value)
    });
    let base = just(Token::DotDot).ignore_then(any).map(Box::new);
    init.separated_by(just(Token::Comma))
        .allow_trailing()
        .collect::<Vec<_>>()
        .then(base.or_not())
        .delimited_by(just(Token::LeftBrace), just(Token::RightBrace))
        .map(|(fields, base)| PathSuffix::Struct(fields, base))
        .recover_with(via_parser(skip_group(Token::LeftBrace).map(|()| PathSuffix::Error)))
}
