//! What a parser rule says when it fails: where, and what it expected, as a set of bits. A parser tries and fails all the
//! time, so an error is made and merged without allocating; it becomes a [`Problem`] only if it is reported.

use chumsky::DefaultExpected;
use chumsky::error::{Error, LabelError};
use chumsky::util::MaybeRef;

use super::Input;
use crate::diagnostic::Problem;
use crate::span::Span;
use crate::syntax::token::Token;

/// A construct that messages name as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Label {
    /// An item.
    Item,
    /// A statement.
    Statement,
    /// An expression.
    Expression,
    /// A pattern.
    Pattern,
    /// A type.
    Type,
    /// A name.
    Name,
    /// One or several roles.
    Roles,
    /// An operation of a service.
    Operation,
    /// `extern type`, `extern fn`
    Extern,
    /// A struct.
    Struct,
    /// An enum.
    Enum,
    /// A function.
    Fn,
    /// A service.
    Service,
    /// A choreography.
    Choreography,
    /// `let`
    Let,
    /// `require`
    Require,
    /// `abort`
    Abort,
    /// `select`
    Select,
    /// `sleep`
    Sleep,
    /// An arm of a `match`.
    Arm,
    /// The end of the file.
    End,
}

impl Label {
    /// Every label.
    pub const ALL: &[Label] = &[
        Label::Item,
        Label::Statement,
        Label::Expression,
        Label::Pattern,
        Label::Type,
        Label::Name,
        Label::Roles,
        Label::Operation,
        Label::Extern,
        Label::Struct,
        Label::Enum,
        Label::Fn,
        Label::Service,
        Label::Choreography,
        Label::Let,
        Label::Require,
        Label::Abort,
        Label::Select,
        Label::Sleep,
        Label::Arm,
        Label::End,
    ];

    /// The construct as a message names it behind "expected".
    pub fn name(self) -> &'static str {
        match self {
            Label::Item => "an item",
            Label::Statement => "a statement",
            Label::Expression => "an expression",
            Label::Pattern => "a pattern",
            Label::Type => "a type",
            Label::Name => "a name",
            Label::Roles => "a role",
            Label::Operation => "an operation",
            Label::End => "the end of the file",
            Label::Extern
            | Label::Struct
            | Label::Enum
            | Label::Fn
            | Label::Service
            | Label::Choreography
            | Label::Let
            | Label::Require
            | Label::Abort
            | Label::Select
            | Label::Sleep
            | Label::Arm => self.construct(),
        }
    }

    /// The construct as a message names it behind "in this".
    pub fn construct(self) -> &'static str {
        match self {
            Label::Item => "item",
            Label::Statement => "statement",
            Label::Expression => "expression",
            Label::Pattern => "pattern",
            Label::Type => "type",
            Label::Name => "name",
            Label::Roles => "list of roles",
            Label::Operation => "operation",
            Label::Extern => "`extern` declaration",
            Label::Struct => "struct",
            Label::Enum => "enum",
            Label::Fn => "function",
            Label::Service => "service",
            Label::Choreography => "choreography",
            Label::Let => "`let`",
            Label::Require => "`require`",
            Label::Abort => "`abort`",
            Label::Select => "`select`",
            Label::Sleep => "`sleep`",
            Label::Arm => "arm",
            Label::End => "file",
        }
    }
}

/// A set of tokens and labels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected(u128);

impl Expected {
    /// The first bit of the labels; the tokens' are below.
    const LABELS: u8 = 96;

    fn token(token: Token) -> Self {
        Expected(1 << (token as u8))
    }

    fn label(label: Label) -> Self {
        Expected(1 << (Self::LABELS + label as u8))
    }

    fn with(self, other: Self) -> Self {
        Expected(self.0 | other.0)
    }

    /// Whether the token is in the set.
    pub fn has(self, token: Token) -> bool {
        self.0 & Self::token(token).0 != 0
    }

    /// Whether the label is in the set.
    pub fn has_label(self, label: Label) -> bool {
        self.0 & Self::label(label).0 != 0
    }

    /// The tokens of the set.
    pub fn tokens(self) -> impl Iterator<Item = Token> {
        Token::ALL.iter().copied().filter(move |token| self.has(*token))
    }

    /// The labels of the set.
    pub fn labels(self) -> impl Iterator<Item = Label> {
        Label::ALL.iter().copied().filter(move |label| self.has_label(*label))
    }
}

/// Why a rule failed.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// The token that it failed at; the end of the file where there is none.
    pub span: Span,
    /// That token.
    pub found: Option<Token>,
    /// What could have stood there.
    pub expected: Expected,
    /// The innermost construct with a name, and where it begins.
    pub within: Option<(Label, u32)>,
    /// A problem that a rule found although it went on.
    pub problem: Option<Box<Problem>>,
}

impl ParseError {
    /// A failure at a token.
    pub fn at(found: Option<Token>, span: Span) -> Self {
        Self { span, found, expected: Expected::default(), within: None, problem: None }
    }

    /// A problem that a rule found although it went on.
    pub fn problem(problem: Problem, span: Span) -> Self {
        Self { problem: Some(Box::new(problem)), ..Self::at(None, span) }
    }
}

impl<'a> Error<'a, Input<'a>> for ParseError {
    fn merge(mut self, other: Self) -> Self {
        self.expected = self.expected.with(other.expected);
        self.within = self.within.or(other.within);
        self.found = self.found.or(other.found);
        self
    }
}

impl<'a> LabelError<'a, Input<'a>, DefaultExpected<'a, Token>> for ParseError {
    fn expected_found<E: IntoIterator<Item = DefaultExpected<'a, Token>>>(
        expected: E,
        found: Option<MaybeRef<'a, Token>>,
        span: Span,
    ) -> Self {
        let mut error = Self::at(found.map(|token| *token), span);
        for one in expected {
            let set = match one {
                DefaultExpected::Token(token) => Expected::token(*token),
                DefaultExpected::EndOfInput => Expected::label(Label::End),
                _ => Expected::default(),
            };
            error.expected = error.expected.with(set);
        }
        error
    }
}

impl<'a> LabelError<'a, Input<'a>, Label> for ParseError {
    fn expected_found<E: IntoIterator<Item = Label>>(
        expected: E,
        found: Option<MaybeRef<'a, Token>>,
        span: Span,
    ) -> Self {
        let mut error = Self::at(found.map(|token| *token), span);
        for label in expected {
            error.expected = error.expected.with(Expected::label(label));
        }
        error
    }

    fn label_with(&mut self, label: Label) {
        self.expected = Expected::label(label);
    }

    fn in_context(&mut self, label: Label, span: Span) {
        if self.within.is_none() {
            self.within = Some((label, span.start));
        }
    }
}
