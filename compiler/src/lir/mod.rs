//! The program of each role: what it does by itself, in order. Made by `project` from a choreography; nothing in it is about
//! other roles but whom a message goes to or comes from.

mod choice;
mod expression;
mod fingerprint;
mod firsts;
mod functions;
mod knowledge;
mod merge;
pub mod print;
mod project;
mod sites;

pub use choice::diverges;
pub use firsts::Firsts;
pub use functions::{Functions, functions, used as used_functions};
pub use project::project;

use crate::hir::body::Local;
use crate::hir::builtin::Builtin;
use crate::hir::{Constructor, FnId, Literal, LocalId, Pattern, RoleId, ServiceId, Ty};
use crate::span::Span;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// The number of a communication or an operation in the text; a role that merges branches has one for what is the same in them.
pub type Site = u32;

/// A choreography's roles, each with its program.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The index of the choreography in the program's list.
    pub choreography: usize,
    /// The variables of all programs: those of the choreography, then those that projection made.
    pub locals: Vec<Local>,
    /// One program for each role, in order.
    pub programs: Vec<Program>,
    /// Where a session starts.
    pub initiator: RoleId,
    /// The roles with a part in it.
    pub participants: Vec<RoleId>,
    /// The participants, but for the initiator, whose first action may be something else than to receive.
    pub begins: Vec<RoleId>,
    /// A digest of all that the roles must agree on.
    pub fingerprint: [u8; 32],
}

impl Projection {
    /// A variable.
    pub fn local(&self, id: LocalId) -> &Local {
        self.locals.get(id.0 as usize).expect("a variable's number is made by the projection that holds it")
    }
}

/// The program of a role.
#[derive(Clone, Debug)]
pub struct Program {
    /// The role.
    pub role: RoleId,
    /// The arguments it starts with: all of them at the initiator, none elsewhere.
    pub params: Vec<LocalId>,
    /// What it does.
    pub body: Block,
    /// The type of the part of the result that it keeps.
    pub result: Ty,
}

/// Statements, then a value.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The statements.
    pub stmts: Vec<Stmt>,
    /// The value; `None` is `()`, or nothing where the end is not reached.
    pub value: Option<Expr>,
}

/// A statement and what in the choreography it comes from.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it is.
    pub kind: StmtKind,
    /// Where it comes from.
    pub span: Span,
}

/// The forms of a statement. `into` is the variable that the value goes to.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// Binds the parts of a value.
    Let(Pattern, Expr),
    /// Sends a value to each of these roles.
    Send(Vec<(Site, RoleId)>, Expr),
    /// Waits for a value.
    Receive {
        /// The communication.
        site: Site,
        /// Who sends it.
        from: RoleId,
        /// The variable.
        into: Option<LocalId>,
        /// The value's type.
        ty: Ty,
    },
    /// Tells a role which branch was taken.
    Select(Label, RoleId),
    /// Waits to be told which branch was taken.
    Told(Label, RoleId),
    /// Runs an operation of the role's service, recorded or a transaction.
    Operation {
        /// The operation's place.
        site: Site,
        /// The service.
        service: ServiceId,
        /// The operation.
        operation: u32,
        /// The arguments.
        args: Vec<Expr>,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Decides.
    If {
        /// The guard.
        condition: Expr,
        /// Where it holds.
        then: Block,
        /// Where it does not.
        otherwise: Block,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Decides by patterns.
    Match {
        /// The guard.
        scrutinee: Expr,
        /// The branches.
        arms: Vec<(Pattern, Block)>,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Learns from the message that comes first which branch was taken.
    Offer {
        /// The branches, each with the messages that tell it.
        branches: Vec<(Vec<(Site, RoleId)>, Block)>,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Goes on only where the condition holds.
    Require(Expr, Expr),
    /// Ends the session for a reason.
    Refuse(Expr),
    /// Waits for the end of the session, which another role brings about.
    RefusedBy(RoleId),
}

/// A selection: its site, and the choice that it tells of (its expression's number).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// The message.
    pub site: Site,
    /// The choice.
    pub choice: u32,
    /// Whether the compiler put it there.
    pub inferred: bool,
}

/// An expression that the role computes by itself.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Ty,
    /// Where it comes from.
    pub span: Span,
}

/// The forms of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A variable.
    Local(LocalId),
    /// A tuple.
    Tuple(Vec<Expr>),
    /// A `Vec`.
    List(Vec<Expr>),
    /// A struct or variant.
    Construct(Constructor, Vec<(u32, Expr)>, Option<Box<Expr>>),
    /// `value.name`
    Field(Box<Expr>, String),
    /// `value.0`
    TupleField(Box<Expr>, u32),
    /// `value[index]`
    Index(Box<Expr>, Box<Expr>),
    /// A built-in method.
    Builtin(Builtin, Vec<Expr>),
    /// A function.
    Apply(FnId, Vec<Expr>),
    /// A `pure fn` of the role's service.
    Pure(ServiceId, u32, Vec<Expr>),
    /// An operator with one operand.
    Unary(UnaryOp, Box<Expr>),
    /// An operator with two.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
}

impl Expr {
    /// `()`
    pub fn unit(span: Span) -> Self {
        Self { kind: ExprKind::Tuple(Vec::new()), ty: Ty::UNIT, span }
    }

    /// The parts of an expression.
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Local(_) => Vec::new(),
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items)
            | ExprKind::Pure(_, _, items) => items.iter().collect(),
            ExprKind::Construct(_, fields, base) => {
                fields.iter().map(|(_, value)| value).chain(base.as_deref()).collect()
            }
            ExprKind::Field(value, _) | ExprKind::TupleField(value, _) | ExprKind::Unary(_, value) => vec![value],
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => vec![one, two],
        }
    }

    /// Whether it calls a `pure fn`, which counts as acting.
    pub fn acts(&self) -> bool {
        matches!(self.kind, ExprKind::Pure(..)) || self.parts().into_iter().any(Expr::acts)
    }

    /// Whether computing it may abort.
    pub fn can_fail(&self) -> bool {
        let own = match &self.kind {
            // An `extern fn` cannot, and is taken for one that can: it is called where it stands.
            ExprKind::Index(..) | ExprKind::Apply(..) => true,
            ExprKind::Builtin(builtin, _) => builtin.can_fail(),
            ExprKind::Unary(UnaryOp::Neg, _) => matches!(self.ty, Ty::Int(_)),
            ExprKind::Binary(op, ..) => {
                matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
                    && matches!(self.ty, Ty::Int(_))
            }
            ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Construct(..)
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Pure(..)
            | ExprKind::Unary(..) => false,
        };
        own || self.parts().into_iter().any(Expr::can_fail)
    }
}

impl Stmt {
    /// Whether the role acts in it by itself, as knowledge of choice counts it: not only in its parts.
    pub fn acts(&self) -> bool {
        match &self.kind {
            StmtKind::Let(_, value) => value.acts(),
            StmtKind::RefusedBy(_) => false,
            StmtKind::If { condition, then, otherwise, .. } => condition.acts() || then.acts() || otherwise.acts(),
            StmtKind::Match { scrutinee, arms, .. } => scrutinee.acts() || arms.iter().any(|(_, block)| block.acts()),
            StmtKind::Offer { branches, .. } => branches.iter().any(|(_, block)| block.acts()),
            StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Operation { .. }
            | StmtKind::Require(..)
            | StmtKind::Refuse(_) => true,
        }
    }
}

impl Stmt {
    /// The expressions of the statement itself, in order.
    pub fn exprs(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::Let(_, value) | StmtKind::Send(_, value) | StmtKind::Refuse(value) => vec![value],
            StmtKind::Operation { args, .. } => args.iter().collect(),
            StmtKind::If { condition, .. } => vec![condition],
            StmtKind::Match { scrutinee, .. } => vec![scrutinee],
            StmtKind::Require(condition, reason) => vec![condition, reason],
            StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Offer { .. }
            | StmtKind::RefusedBy(_) => Vec::new(),
        }
    }

    /// The blocks in the statement, in order.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StmtKind::If { then, otherwise, .. } => vec![then, otherwise],
            StmtKind::Match { arms, .. } => arms.iter().map(|(_, block)| block).collect(),
            StmtKind::Offer { branches, .. } => branches.iter().map(|(_, block)| block).collect(),
            _ => Vec::new(),
        }
    }
}

impl Block {
    /// Whether the role acts in it.
    pub fn acts(&self) -> bool {
        self.stmts.iter().any(Stmt::acts) || self.value.as_ref().is_some_and(Expr::acts)
    }

    /// The first thing that the role does in it.
    pub fn first_action(&self) -> Option<Span> {
        let stmt = self.stmts.iter().find(|stmt| stmt.acts()).map(|stmt| stmt.span);
        stmt.or_else(|| self.value.as_ref().filter(|value| value.acts()).map(|value| value.span))
    }
}
