//! The program of each role: what it does by itself, in order. Made by `project` from a choreography; nothing in it is about
//! other roles but whom a message goes to or comes from.

mod choice;
mod concerns;
mod cycle;
mod expression;
mod fingerprint;
mod firsts;
mod functions;
mod knowledge;
mod learners;
mod merge;
mod needless;
mod optional;
mod pivots;
pub mod print;
mod project;
mod reach;
mod repeat;
mod scope;
mod share;
mod sites;
mod stmt;
mod together;
mod waiting;

pub use choice::diverges;
pub use fingerprint::{operation_text, type_text};
pub use firsts::Firsts;
pub use functions::{Functions, functions, used as used_functions};
pub use optional::Optional;
pub use pivots::Pivot;
pub use project::project;
pub use scope::changed_from_outside;
pub use stmt::{Call, Decision, Key, Label, Members, Repeat, Saga, Step, Stmt, StmtKind, Target, To};

use std::collections::BTreeMap;

use crate::hir::body::Local;
use crate::hir::builtin::Builtin;
use crate::hir::check::places::{Places, Transfer};
use crate::hir::growth::joins;
use crate::hir::{ChoreographyId, Constructor, ExprId, FnId, Literal, LocalId, Place, RoleId, ServiceId, Ty};
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
    /// Where the values of the choreography's body live.
    pub places: Places,
    /// One program for each role, in order.
    pub programs: Vec<Program>,
    /// Whether a session of it can be started; otherwise it is there to be called.
    pub starts: bool,
    /// Where a session starts; of a group, at its first member.
    pub initiator: RoleId,
    /// The roles with a part in it.
    pub participants: Vec<RoleId>,
    /// The participants, but for the initiator, whose first action may be something else than to receive.
    pub begins: Vec<RoleId>,
    /// The transactions that decide a session of it.
    pub pivots: Vec<Pivot>,
    /// The roles that may have no part in a session of it.
    pub optional: Vec<Optional>,
    /// The selections that the compiler put in: for each branch of a choice, who tells whom.
    pub selections: BTreeMap<(ExprId, usize), Vec<(RoleId, To)>>,
    /// What was found out about values and messages, for those that show a choreography as a whole.
    pub facts: Facts,
    /// A digest of all that the roles must agree on.
    pub fingerprint: [u8; 32],
}

impl Projection {
    /// The choreography's number.
    pub fn id(&self) -> ChoreographyId {
        ChoreographyId(u32::try_from(self.choreography).unwrap_or(u32::MAX))
    }

    /// A variable.
    pub fn local(&self, id: LocalId) -> &Local {
        self.locals.get(id.0 as usize).expect("a variable's number is made by the projection that holds it")
    }
}

/// Where the values of a choreography live, and which of its communications send something.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Where each expression lives, by its number.
    pub values: Vec<Place>,
    /// The communications in which a message is sent.
    pub transfers: BTreeMap<ExprId, Transfer>,
    /// Who checks a `require`, by its condition.
    pub requires: BTreeMap<ExprId, Place>,
}

impl Facts {
    /// Where an expression lives.
    pub fn place(&self, id: ExprId) -> &Place {
        self.values.get(id.0 as usize).unwrap_or(&Place::Error)
    }
}

/// The program of a role.
#[derive(Clone, Debug)]
pub struct Program {
    /// The role.
    pub role: RoleId,
    /// The arguments that it holds.
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
    /// The number of members of a group.
    Len(Vec<RoleId>),
    /// The number of a member in its group.
    MemberIndex(RoleId),
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
            ExprKind::Literal(_) | ExprKind::Local(_) | ExprKind::Len(_) | ExprKind::MemberIndex(_) => Vec::new(),
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

    /// Whether its value may be as large as all its parts together.
    pub fn joins(&self) -> bool {
        joins(self.parts().into_iter().map(|part| &part.ty))
    }

    /// Whether computing it may abort.
    pub fn can_fail(&self) -> bool {
        let own = match &self.kind {
            // An `extern fn` cannot, and is taken for one that can: it is called where it stands.
            ExprKind::Index(..) | ExprKind::Apply(..) => true,
            ExprKind::Builtin(builtin, _) => builtin.can_fail(),
            ExprKind::Unary(UnaryOp::Neg, _) => matches!(self.ty, Ty::Int(_)),
            ExprKind::Binary(op, ..) => match op {
                BinaryOp::Add => matches!(self.ty, Ty::Int(_) | Ty::Str),
                BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => matches!(self.ty, Ty::Int(_)),
                BinaryOp::Eq
                | BinaryOp::Ne
                | BinaryOp::Lt
                | BinaryOp::Le
                | BinaryOp::Gt
                | BinaryOp::Ge
                | BinaryOp::And
                | BinaryOp::Or => false,
            },
            ExprKind::Tuple(_) | ExprKind::List(_) | ExprKind::Construct(..) => self.joins(),
            ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Pure(..)
            | ExprKind::Unary(..) => false,
        };
        own || self.parts().into_iter().any(Expr::can_fail)
    }
}

impl Block {
    /// Whether the role acts in it.
    pub fn acts(&self) -> bool {
        self.stmts.iter().any(Stmt::acts) || self.value.as_ref().is_some_and(Expr::acts)
    }

    /// Whether something in it may abort.
    pub fn can_fail(&self) -> bool {
        self.stmts.iter().any(Stmt::can_fail) || self.value.as_ref().is_some_and(Expr::can_fail)
    }

    /// The first thing that the role does in it.
    pub fn first_action(&self) -> Option<Span> {
        let stmt = self.stmts.iter().find(|stmt| stmt.acts()).map(|stmt| stmt.span);
        stmt.or_else(|| self.value.as_ref().filter(|value| value.acts()).map(|value| value.span))
    }
}
