//! Blocks, statements, expressions and patterns.

use super::{Ident, Path, Place, Roles, Type};
use crate::span::Span;

/// `{ statements [tail] }`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// The expression without a semicolon at the end: the block's value.
    pub tail: Option<Box<Expr>>,
    /// With the braces.
    pub span: Span,
}

/// A statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum StmtKind {
    /// `let [mut] pattern [: type [@ place]] = value;`
    Let {
        /// `mut`
        mutable: bool,
        /// What is bound.
        pattern: Pattern,
        /// The type written, if any.
        ty: Option<Type>,
        /// The place written, if any.
        place: Option<Place>,
        /// The value.
        value: Expr,
    },
    /// `target = value;`
    Assign {
        /// A variable, or a field or an element of one.
        target: Expr,
        /// The value.
        value: Expr,
    },
    /// `require condition, reason;`
    Require {
        /// What must hold.
        condition: Expr,
        /// Why the scope ends where it does not.
        reason: Expr,
    },
    /// `abort Role, reason;`
    Abort {
        /// Who aborts.
        role: Ident,
        /// Why.
        reason: Expr,
    },
    /// `select A ~> roles;`
    Select {
        /// Who tells.
        from: Ident,
        /// Who is told.
        to: Roles,
    },
    /// `sleep Role, time;`
    Sleep {
        /// Who waits.
        role: Ident,
        /// How long.
        time: Time,
    },
    /// An expression, with or without a semicolon behind it.
    Expr(Expr),
}

/// How long a role waits.
#[derive(Clone, Debug, PartialEq)]
pub enum Time {
    /// `30s`
    Literal(Duration),
    /// So many milliseconds.
    Millis(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// All of it.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `(a, b)`; `()` is the empty tuple.
    Tuple(Vec<Expr>),
    /// A variable, a role, a constant variant.
    Path(Path),
    /// `path(args)`
    Call {
        /// A function, a tuple variant or `Some`.
        callee: Path,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `Name<roles; types>(args)`
    ChoreographyCall {
        /// The choreography.
        name: Ident,
        /// The roles, each a name.
        roles: Vec<Roles>,
        /// The types.
        types: Vec<Type>,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `path { inits [..base] }`
    Struct {
        /// The struct or variant.
        path: Path,
        /// `name: value`; a bare `name` has the variable as its value.
        fields: Vec<(Ident, Expr)>,
        /// `..base`
        base: Option<Box<Expr>>,
    },
    /// `{ .. }`
    Block(Block),
    /// `value.name`
    Field(Box<Expr>, Ident),
    /// `value.0`, with the span of the number.
    TupleField(Box<Expr>, u32, Span),
    /// `value[index]`
    Index(Box<Expr>, Box<Expr>),
    /// `receiver.name(args)`; also `Role.operation(args)`.
    Method {
        /// The receiver.
        receiver: Box<Expr>,
        /// The name.
        name: Ident,
        /// The arguments.
        args: Vec<Expr>,
    },
    /// `value@Role`
    At(Box<Expr>, Ident),
    /// `-value`, `!value`
    Unary(UnaryOp, Box<Expr>),
    /// `left op right`, with the span of the operator.
    Binary(BinaryOp, Span, Box<Expr>, Box<Expr>),
    /// `start..end`, `start..=end`; either side may be missing in an index.
    Range {
        /// The start.
        start: Option<Box<Expr>>,
        /// The end.
        end: Option<Box<Expr>>,
        /// `..=`
        inclusive: bool,
    },
    /// `value ~> roles [within duration]`
    Communicate {
        /// The value, or a role where the message has no payload.
        value: Box<Expr>,
        /// The receivers.
        to: Roles,
        /// How long the receiver waits.
        within: Option<Duration>,
    },
    /// `if condition { .. } [else ..]`; the `else` is a block or another `if`.
    If {
        /// The guard.
        condition: Box<Expr>,
        /// The branch where it holds.
        then: Block,
        /// The other branch.
        otherwise: Option<Box<Expr>>,
    },
    /// `match scrutinee { arms }`
    Match {
        /// The guard.
        scrutinee: Box<Expr>,
        /// The arms.
        arms: Vec<Arm>,
    },
    /// `while condition { .. } [else { .. }]`
    While {
        /// The guard.
        condition: Box<Expr>,
        /// The body.
        body: Block,
        /// The branch that leaves the loop.
        otherwise: Option<Block>,
    },
    /// `for pattern in items { .. }`
    For {
        /// What each round binds.
        pattern: Pattern,
        /// The items, or a group.
        items: Box<Expr>,
        /// The body.
        body: Block,
    },
    /// `each member in roles { .. }`
    Each {
        /// The member's name.
        member: Ident,
        /// The group.
        group: Roles,
        /// The body.
        body: Block,
    },
    /// `par { .. } and { .. }`
    Par(Vec<Block>),
    /// `saga [within duration] { .. } [else [why] { .. }]`
    Saga {
        /// The deadline of the body.
        within: Option<Duration>,
        /// The body.
        body: Block,
        /// The name of the abort, and the block that follows one.
        otherwise: Option<(Option<Ident>, Block)>,
    },
    /// What the parser could not read; a diagnostic has been given.
    Error,
}

/// `pattern => value`
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The pattern.
    pub pattern: Pattern,
    /// The value.
    pub value: Expr,
}

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a pattern.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternKind {
    /// `_`
    Wildcard,
    /// A literal, also `-1`.
    Literal(Literal),
    /// `(a, b)`
    Tuple(Vec<Pattern>),
    /// A single name (a binding or a constant variant: `hir` decides) or a path to a constant variant.
    Path(Path),
    /// `path(patterns)`
    TupleVariant(Path, Vec<Pattern>),
    /// `path { name, name: pattern [, ..] }`; the flag says that `..` stands at the end.
    Struct(Path, Vec<(Ident, Pattern)>, bool),
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `1`, `1u8`, `-1` (in a pattern): the value, whether `-` stands before it, and the suffix.
    Int {
        /// The digits' value.
        value: u128,
        /// `-` stands before it (patterns only).
        negative: bool,
        /// The type written behind it.
        suffix: Option<String>,
    },
    /// `1.5`, as written.
    Float(String),
    /// `"text"`, with escapes taken out.
    Str(String),
    /// `'c'`
    Char(char),
    /// `true`, `false`
    Bool(bool),
}

/// `30s`, `500ms`, `2m`, `1h`, `1d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duration {
    /// In milliseconds.
    pub millis: u64,
    /// Where it stands.
    pub span: Span,
}

/// The operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `!`
    Not,
}

/// The operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `%`
    Rem,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `&&`
    And,
    /// `||`
    Or,
}

impl BinaryOp {
    /// As it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Rem => "%",
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
            Self::And => "&&",
            Self::Or => "||",
        }
    }
}
