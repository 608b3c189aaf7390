//! The body of a choreography with names resolved and every expression typed.

use std::ops::Index;

use super::builtin::Builtin;
use super::ty::Ty;
use super::{At, ChoreographyId, FnId, RoleId, ServiceId, TypeId};
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
    /// `let mut`
    pub mutable: bool,
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
        /// How long the receiver waits, in milliseconds; the value is then an `Option`.
        within: Option<u64>,
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
    /// `Worker.len()`
    Len(Vec<RoleId>),
    /// `w.index`
    MemberIndex(RoleId),
    /// `Name<roles; types>(args)`
    Call(Box<Call>),
    /// `while`; the body and what follows it are blocks, the second one empty where there is no `else`.
    While {
        /// The guard.
        condition: ExprId,
        /// The body.
        body: ExprId,
        /// The branch that leaves the loop.
        otherwise: ExprId,
    },
    /// `for pattern in items { .. }`
    For {
        /// What each round binds.
        pattern: Pattern,
        /// The items, a `Vec`.
        items: ExprId,
        /// The body.
        body: ExprId,
    },
    /// `each member in group { .. }`, `for member in group { .. }`
    Members(Box<Members>),
    /// `par { .. } and { .. }`: blocks.
    Par(Vec<ExprId>),
    /// `saga { .. } else why { .. }`
    Saga(Box<Saga>),
    /// A method that changes the variable it is called on.
    Mutate {
        /// What is changed.
        target: Target,
        /// The method.
        method: Builtin,
        /// The arguments behind the receiver.
        args: Vec<ExprId>,
    },
    /// What is wrong already.
    Error,
}

/// A call of a choreography.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who is called.
    pub callee: Callee,
    /// For each of its roles, who plays it: one role, or the roles of a group.
    pub roles: Vec<Vec<(RoleId, Span)>>,
    /// For each of its type parameters, the type.
    pub types: Vec<Ty>,
    /// For each of its parameters that is a choreography, the choreography.
    pub choreographies: Vec<Callee>,
    /// For each of its parameters that is a value, the value.
    pub args: Vec<ExprId>,
}

/// What is called, or handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Callee {
    /// A choreography of the program.
    Choreography(ChoreographyId),
    /// The parameter of that index among those of the choreography around that are choreographies.
    Param(u32),
}

/// A block that is run once for each member of a group.
#[derive(Clone, Debug)]
pub struct Members {
    /// The role that the member is in the block.
    pub member: RoleId,
    /// The group.
    pub group: Vec<RoleId>,
    /// The block.
    pub body: ExprId,
    /// How the copies are run.
    pub order: MemberOrder,
    /// The value is a `Vec` of the copies' values; otherwise each member keeps that of its own.
    pub gathers: bool,
}

/// How the copies of a block are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberOrder {
    /// `each`
    SideBySide,
    /// `for`
    OneByOne,
}

/// A scope.
#[derive(Clone, Debug)]
pub struct Saga {
    /// The deadline of the body, in milliseconds.
    pub within: Option<u64>,
    /// The body, a block.
    pub body: ExprId,
    /// The variable that the abort goes to.
    pub why: Option<LocalId>,
    /// What follows an abort, a block.
    pub otherwise: ExprId,
}

/// A variable, or a part of one, that is assigned to.
#[derive(Clone, Debug)]
pub struct Target {
    /// The variable.
    pub local: LocalId,
    /// The way to the part.
    pub path: Vec<Step>,
    /// The type of the part.
    pub ty: Ty,
    /// Where it stands.
    pub span: Span,
}

/// A step on the way to a part of a variable.
#[derive(Clone, Debug)]
pub enum Step {
    /// `.name`
    Field(String),
    /// `.0`
    TupleField(u32),
    /// `[index]`
    Index(ExprId),
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
    Let(Pattern, Option<At>, ExprId),
    /// `target = value;`
    Assign(Target, ExprId),
    /// `require condition, reason;`
    Require(ExprId, ExprId),
    /// `abort Role, reason;`
    Abort(RoleId, ExprId),
    /// `sleep Role, time;`, in milliseconds.
    Sleep(RoleId, ExprId),
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

impl Body {
    /// Of a guard that compares the numbers of two members: the members, and in which branch they are certainly different ones, the first
    /// or the other.
    pub fn compared_members(&self, guard: ExprId) -> Option<(RoleId, RoleId, bool)> {
        let ExprKind::Binary(op, one, two) = self[guard].kind else { return None };
        let (ExprKind::MemberIndex(one), ExprKind::MemberIndex(two)) = (&self[one].kind, &self[two].kind) else {
            return None;
        };
        let is_apart = match op {
            BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Gt => true,
            BinaryOp::Eq | BinaryOp::Le | BinaryOp::Ge => false,
            BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::Rem
            | BinaryOp::And
            | BinaryOp::Or => return None,
        };
        Some((*one, *two, is_apart))
    }
}

impl ExprKind {
    /// Whether it is computed of its parts, by whoever holds them, and nothing else happens.
    pub fn is_computed(&self) -> bool {
        matches!(
            self,
            ExprKind::List(_)
                | ExprKind::Construct { .. }
                | ExprKind::Field(..)
                | ExprKind::Index(..)
                | ExprKind::Builtin(..)
                | ExprKind::Apply(..)
                | ExprKind::Unary(..)
                | ExprKind::Binary(..)
        )
    }

    /// Whether something happens in it besides.
    pub fn is_done(&self) -> bool {
        let is_named = matches!(
            self,
            ExprKind::Literal(_) | ExprKind::Local(_) | ExprKind::Len(_) | ExprKind::MemberIndex(_) | ExprKind::Error
        );
        let is_apart = matches!(self, ExprKind::Tuple(_) | ExprKind::TupleField(..) | ExprKind::At(..));
        !is_named && !is_apart && !self.is_computed()
    }

    /// The parts of an expression that are expressions, those of its statements included, in the order written.
    pub fn parts(&self) -> Vec<ExprId> {
        match self {
            ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Message { .. }
            | ExprKind::Error => Vec::new(),
            ExprKind::Tuple(items) | ExprKind::List(items) | ExprKind::Builtin(_, items) | ExprKind::Par(items) => {
                items.clone()
            }
            ExprKind::Construct { fields, base, .. } => fields.iter().map(|(_, value)| *value).chain(*base).collect(),
            ExprKind::Field(value, _)
            | ExprKind::TupleField(value, _)
            | ExprKind::At(value, _)
            | ExprKind::Unary(_, value)
            | ExprKind::Communicate { value, .. } => vec![*value],
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => vec![*one, *two],
            ExprKind::Operation { args, .. } | ExprKind::Apply(_, args) => args.clone(),
            ExprKind::Call(call) => call.args.clone(),
            ExprKind::If(guard, then, otherwise) => vec![*guard, *then, *otherwise],
            ExprKind::Match(guard, arms) => [*guard].into_iter().chain(arms.iter().map(|(_, value)| *value)).collect(),
            ExprKind::While { condition, body, otherwise } => vec![*condition, *body, *otherwise],
            ExprKind::For { items, body, .. } => vec![*items, *body],
            ExprKind::Members(members) => vec![members.body],
            ExprKind::Saga(saga) => vec![saga.body, saga.otherwise],
            ExprKind::Mutate { target, args, .. } => target.indices().chain(args.iter().copied()).collect(),
            ExprKind::Block(stmts, tail) => stmts.iter().flat_map(Stmt::parts).chain(*tail).collect(),
        }
    }
}

impl Stmt {
    /// Its parts that are expressions, in the order written.
    pub fn parts(&self) -> Vec<ExprId> {
        match &self.kind {
            StmtKind::Let(_, _, value)
            | StmtKind::Expr(value)
            | StmtKind::Abort(_, value)
            | StmtKind::Sleep(_, value) => vec![*value],
            StmtKind::Assign(target, value) => target.indices().chain([*value]).collect(),
            StmtKind::Require(one, two) => vec![*one, *two],
            StmtKind::Select(..) => Vec::new(),
        }
    }
}

impl Target {
    /// The indices on the way to the part.
    pub fn indices(&self) -> impl Iterator<Item = ExprId> {
        self.path.iter().filter_map(|step| match step {
            Step::Field(_) | Step::TupleField(_) => None,
            Step::Index(index) => Some(*index),
        })
    }
}
