//! The body of a choreography with names resolved and every expression typed.

use std::ops::Index;

use super::builtin::Builtin;
use super::ty::Ty;
use super::{FnId, RoleId, ServiceId, TypeId};
use crate::span::Span;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// The number of an expression in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// The number of a variable in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalId(pub u32);

/// The expressions and variables of a choreography. An expression's number is greater than those of its parts.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The expressions.
    pub exprs: Vec<Expr>,
    /// The variables.
    pub locals: Vec<Local>,
}

impl Index<ExprId> for Body {
    type Output = Expr;

    fn index(&self, id: ExprId) -> &Expr {
        self.exprs.get(id.0 as usize).expect("an expression's number is made by the body that holds it")
    }
}

impl Index<LocalId> for Body {
    type Output = Local;

    fn index(&self, id: LocalId) -> &Local {
        self.locals.get(id.0 as usize).expect("a variable's number is made by the body that holds it")
    }
}

impl Body {
    /// Adds an expression.
    pub fn add(&mut self, expr: Expr) -> ExprId {
        self.exprs.push(expr);
        ExprId(u32::try_from(self.exprs.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds a variable.
    pub fn add_local(&mut self, local: Local) -> LocalId {
        self.locals.push(local);
        LocalId(u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX))
    }
}

/// A variable.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its name.
    pub name: String,
    /// Where it is bound.
    pub span: Span,
    /// Its type.
    pub ty: Ty,
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Ty,
    /// Where it stands.
    pub span: Span,
}

/// A literal; its type is the expression's.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// An integer: magnitude and sign.
    Int(u128, bool),
    /// A float, as written.
    Float(String),
    /// A string.
    Str(String),
    /// A character.
    Char(char),
    /// `true`, `false`
    Bool(bool),
}

/// What a value is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constructor {
    /// A struct, or an extern type.
    Struct(TypeId),
    /// The variant of that index of an enum.
    Variant(TypeId, u32),
    /// `Some`
    Some,
    /// `None`
    None,
    /// `Ok`
    Ok,
    /// `Err`
    Err,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A variable.
    Local(LocalId),
    /// `(a, b)`
    Tuple(Vec<ExprId>),
    /// `[a, b]`
    List(Vec<ExprId>),
    /// A struct or a variant; each part with the index of its field, in the order written.
    Construct {
        /// Which.
        constructor: Constructor,
        /// The parts given.
        fields: Vec<(u32, ExprId)>,
        /// `..base`
        base: Option<ExprId>,
    },
    /// `value.name`
    Field(ExprId, String),
    /// `value.0`
    TupleField(ExprId, u32),
    /// `value[index]`
    Index(ExprId, ExprId),
    /// A built-in method.
    Builtin(Builtin, Vec<ExprId>),
    /// `function(args)`
    Apply(FnId, Vec<ExprId>),
    /// `Role.operation(args)`
    Operation {
        /// The role.
        role: RoleId,
        /// The service that declares the operation.
        service: ServiceId,
        /// The operation's index in the service.
        operation: u32,
        /// The arguments.
        args: Vec<ExprId>,
    },
    /// `value@Role`
    At(ExprId, RoleId),
    /// `-value`, `!value`
    Unary(UnaryOp, ExprId),
    /// `left op right`; `&&` and `||` have no communication and no operation on their right.
    Binary(BinaryOp, ExprId, ExprId),
    /// `value ~> to`, with the sender where one is named.
    Communicate {
        /// The value.
        value: ExprId,
        /// `value@Role ~> ..`
        from: Option<(RoleId, Span)>,
        /// The receivers.
        to: Vec<(RoleId, Span)>,
    },
    /// `A ~> B`
    Message {
        /// The sender.
        from: RoleId,
        /// The receivers.
        to: Vec<(RoleId, Span)>,
    },
    /// `{ .. }`
    Block(Vec<Stmt>, Option<ExprId>),
    /// `if`; the branches are blocks, the second one empty where there is no `else`.
    If(ExprId, ExprId, ExprId),
    /// `match`
    Match(ExprId, Vec<(Pattern, ExprId)>),
    /// What is wrong already.
    Error,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `let`, with the place written, if any.
    Let(Pattern, Option<Vec<(RoleId, Span)>>, ExprId),
    /// `require condition, reason;`
    Require(ExprId, ExprId),
    /// `abort Role, reason;`
    Abort(RoleId, ExprId),
    /// `select from ~> to;`
    Select(RoleId, Vec<(RoleId, Span)>),
    /// An expression.
    Expr(ExprId),
}

/// A pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it is.
    pub kind: PatternKind,
    /// The type of what it matches.
    pub ty: Ty,
    /// Where it stands.
    pub span: Span,
}

/// The forms of a pattern.
#[derive(Clone, Debug)]
pub enum PatternKind {
    /// `_`, and what is wrong already.
    Wildcard,
    /// A variable.
    Bind(LocalId),
    /// A literal.
    Literal(Literal),
    /// `(a, b)`
    Tuple(Vec<Pattern>),
    /// A struct or a variant; each part with the index of its field.
    Construct(Constructor, Vec<(u32, Pattern)>),
}

impl Pattern {
    /// The variables that it binds, in the order written.
    pub fn bindings(&self) -> Vec<LocalId> {
        match &self.kind {
            PatternKind::Wildcard | PatternKind::Literal(_) => Vec::new(),
            PatternKind::Bind(local) => vec![*local],
            PatternKind::Tuple(items) => items.iter().flat_map(Pattern::bindings).collect(),
            PatternKind::Construct(_, fields) => fields.iter().flat_map(|(_, field)| field.bindings()).collect(),
        }
    }
}
