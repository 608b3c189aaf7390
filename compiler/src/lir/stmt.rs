//! What a role does, statement by statement.

use super::{Block, Expr, Firsts, Site};
use crate::hir::builtin::Builtin;
use crate::hir::{Callee, LocalId, MemberOrder, Pattern, RoleId, ServiceId, Ty};
use crate::span::Span;

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
    /// Changes a variable.
    Assign(Target, Expr),
    /// Changes a variable by a method.
    Mutate {
        /// What is changed.
        target: Target,
        /// The method.
        method: Builtin,
        /// The arguments.
        args: Vec<Expr>,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Sends a value to each of these.
    Send(Vec<(Site, To)>, Expr),
    /// Waits for a value.
    Receive {
        /// The communication.
        site: Site,
        /// Who sends it.
        from: RoleId,
        /// The variable.
        into: Option<LocalId>,
        /// The type of what is sent.
        ty: Ty,
        /// How long it waits, in milliseconds; the variable is then an `Option`.
        within: Option<u64>,
    },
    /// Tells a role which branch was taken.
    Select(Label, To),
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
    /// Waits for so many milliseconds.
    Sleep(Site, Expr),
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
        branches: Vec<(Vec<Key>, Block)>,
        /// The variable.
        into: Option<LocalId>,
    },
    /// Repeats.
    Loop(Box<Repeat>),
    /// Runs arms side by side.
    Par {
        /// The construct's place.
        site: Site,
        /// The arms.
        arms: Vec<Block>,
        /// For each arm, the variable.
        into: Vec<Option<LocalId>>,
    },
    /// Runs a block for each member of a group.
    Members(Box<Members>),
    /// Calls a choreography.
    Call(Box<Call>),
    /// Runs a scope.
    Saga(Box<Saga>),
    /// Goes on with the next round of the loop around. Only while projection finds out who knows of what.
    Again,
    /// Goes on only where the condition holds.
    Require(Expr, Expr),
    /// Ends the scope for a reason.
    Refuse(Expr),
    /// Waits for the end of the scope, which another role brings about.
    RefusedBy(RoleId),
}

/// Whom a message goes to: those who play `role` and also all of `also`, and none of `except`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct To {
    /// The role, or each member of it where it is a group.
    pub role: RoleId,
    /// Members that the receiver is besides.
    pub also: Vec<RoleId>,
    /// Members that the receiver is not.
    pub except: Vec<RoleId>,
}

impl To {
    /// One role.
    pub fn role(role: RoleId) -> Self {
        Self { role, also: Vec::new(), except: Vec::new() }
    }
}

/// A message that tells a branch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The way to it in this choreography: loops (each in its first round) and calls, or at last the message itself.
    pub own: Vec<Site>,
    /// The rest of the way, in the choreographies that are called.
    pub inner: Vec<Site>,
    /// Who sends it.
    pub from: RoleId,
}

impl Key {
    /// The whole way; the last site is the message's.
    pub fn path(&self) -> impl Iterator<Item = Site> {
        self.own.iter().chain(&self.inner).copied()
    }

    /// The key as it is seen from before a loop.
    pub fn behind(mut self, site: Site) -> Self {
        self.own.insert(0, site);
        self
    }
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

/// A variable, or a part of one, that is changed.
#[derive(Clone, Debug)]
pub struct Target {
    /// The variable.
    pub local: LocalId,
    /// The way to the part.
    pub path: Vec<Step>,
    /// The type of the part.
    pub ty: Ty,
}

/// A step on the way to a part of a variable.
#[derive(Clone, Debug)]
pub enum Step {
    /// `.name`
    Field(String),
    /// `.0`
    TupleField(u32),
    /// `[index]`
    Index(Expr, Span),
}

/// A loop. What stands in it has positions of its own in each round.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// The loop's place.
    pub site: Site,
    /// What is done in each round before it is decided whether there is one more.
    pub head: Vec<Stmt>,
    /// How that is decided.
    pub decision: Decision,
    /// The body.
    pub body: Block,
    /// What is done in the round that is not begun, the last one: whom the role tells that the loop stops, or who tells it so, and what else is to be done then.
    pub leave: Block,
}

/// How a role finds out whether a loop has one more round.
#[derive(Clone, Debug)]
pub enum Decision {
    /// While this holds.
    While(Expr),
    /// For each of these.
    For(Pattern, Expr),
    /// By the message that comes first.
    Offer {
        /// In the round: there is one more.
        again: Vec<Key>,
        /// There is not: also in the round, the one that is not begun.
        stop: Vec<Key>,
    },
}

/// A block that is run for each member of a group.
#[derive(Clone, Debug)]
pub struct Members {
    /// The construct's place.
    pub site: Site,
    /// The group.
    pub group: Vec<RoleId>,
    /// The role that the member is in the block.
    pub member: RoleId,
    /// How the copies are run.
    pub order: MemberOrder,
    /// What the role does in its own copy, where it is of the group.
    pub own: Option<Block>,
    /// What it does in the others.
    pub other: Block,
    /// The variable: the values of all copies, or that of its own.
    pub into: Option<LocalId>,
    /// Whether that is a `Vec` of all values.
    pub gathers: bool,
    /// The type of the value of one copy.
    pub ty: Ty,
}

/// A call of a choreography.
#[derive(Clone, Debug)]
pub struct Call {
    /// The call's place.
    pub site: Site,
    /// Who is called.
    pub callee: Callee,
    /// Which of its roles this one plays.
    pub formal: RoleId,
    /// For each of its roles, who plays it.
    pub cast: Vec<Vec<RoleId>>,
    /// Its type arguments.
    pub types: Vec<Ty>,
    /// The choreographies that it is handed.
    pub choreographies: Vec<Callee>,
    /// The arguments that the role holds, each with the number of its parameter.
    pub args: Vec<(u32, Expr)>,
    /// The variable.
    pub into: Option<LocalId>,
    /// Whether the role acts in it.
    pub acts: bool,
    /// Whether something in it may abort.
    pub can_fail: bool,
    /// What it may do first in it, as seen by the caller.
    pub firsts: Firsts,
}

/// A scope.
#[derive(Clone, Debug)]
pub struct Saga {
    /// The scope's place.
    pub site: Site,
    /// Who takes part in it.
    pub roles: Vec<To>,
    /// The deadline of the body, in milliseconds.
    pub within: Option<u64>,
    /// The body.
    pub body: Block,
    /// The variables of the blocks around that the body changes; they are as before where it fails.
    pub changes: Vec<LocalId>,
    /// The variable that the abort goes to.
    pub why: Option<LocalId>,
    /// What follows an abort.
    pub otherwise: Block,
    /// The variable.
    pub into: Option<LocalId>,
    /// The type of the value.
    pub ty: Ty,
}

impl Stmt {
    /// Whether the role acts in it by itself, as knowledge of choice counts it: not only in its parts.
    pub fn acts(&self) -> bool {
        match &self.kind {
            StmtKind::Let(_, value) => value.acts(),
            StmtKind::RefusedBy(_) => false,
            StmtKind::Call(call) => call.acts || call.args.iter().any(|(_, arg)| arg.acts()),
            StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Loop(_)
            | StmtKind::Par { .. }
            | StmtKind::Members(_) => {
                self.exprs().into_iter().any(Expr::acts)
                    || self.blocks().into_iter().any(Block::acts)
                    || self.head().iter().any(Stmt::acts)
            }
            StmtKind::Offer { branches, .. } => branches.iter().any(|(_, block)| block.acts()),
            StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Operation { .. }
            | StmtKind::Sleep(..)
            | StmtKind::Saga(_)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_) => true,
        }
    }

    /// Whether something in it may abort.
    pub fn can_fail(&self) -> bool {
        matches!(&self.kind, StmtKind::Call(call) if call.can_fail)
            || self.exprs().into_iter().any(Expr::can_fail)
            || self.head().iter().any(Stmt::can_fail)
            || self.blocks().into_iter().any(Block::can_fail)
    }

    /// The variable that it may make larger in place, where a limit is checked then: a new part of it, or a method
    /// that adds to it. A whole variable gets a value that was checked where it was made.
    pub fn grows(&self) -> Option<LocalId> {
        match &self.kind {
            StmtKind::Assign(target, value) => (!target.path.is_empty() && !value.ty.is_copy()).then_some(target.local),
            StmtKind::Mutate { target, method, .. } => method.grows().then_some(target.local),
            _ => None,
        }
    }

    /// The expressions of the statement itself, in order.
    pub fn exprs(&self) -> Vec<&Expr> {
        match &self.kind {
            StmtKind::Let(_, value)
            | StmtKind::Send(_, value)
            | StmtKind::Sleep(_, value)
            | StmtKind::Refuse(value) => vec![value],
            StmtKind::Assign(target, value) => target.indices().chain([value]).collect(),
            StmtKind::Mutate { target, args, .. } => target.indices().chain(args).collect(),
            StmtKind::Operation { args, .. } => args.iter().collect(),
            StmtKind::Call(call) => call.args.iter().map(|(_, arg)| arg).collect(),
            StmtKind::If { condition, .. } => vec![condition],
            StmtKind::Match { scrutinee, .. } => vec![scrutinee],
            StmtKind::Require(condition, reason) => vec![condition, reason],
            StmtKind::Loop(repeat) => match &repeat.decision {
                Decision::While(guard) | Decision::For(_, guard) => vec![guard],
                Decision::Offer { .. } => Vec::new(),
            },
            StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Offer { .. }
            | StmtKind::Par { .. }
            | StmtKind::Members(_)
            | StmtKind::Saga(_)
            | StmtKind::Again
            | StmtKind::RefusedBy(_) => Vec::new(),
        }
    }

    /// The blocks in the statement, in order.
    pub fn blocks(&self) -> Vec<&Block> {
        match &self.kind {
            StmtKind::If { then, otherwise, .. } => vec![then, otherwise],
            StmtKind::Match { arms, .. } => arms.iter().map(|(_, block)| block).collect(),
            StmtKind::Offer { branches, .. } => branches.iter().map(|(_, block)| block).collect(),
            StmtKind::Loop(repeat) => vec![&repeat.body, &repeat.leave],
            StmtKind::Par { arms, .. } => arms.iter().collect(),
            StmtKind::Members(members) => members.own.iter().chain([&members.other]).collect(),
            StmtKind::Saga(saga) => vec![&saga.body, &saga.otherwise],
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Operation { .. }
            | StmtKind::Sleep(..)
            | StmtKind::Call(_)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_)
            | StmtKind::RefusedBy(_) => Vec::new(),
        }
    }

    /// What a loop does in each round before it decides.
    pub fn head(&self) -> &[Stmt] {
        match &self.kind {
            StmtKind::Loop(repeat) => &repeat.head,
            _ => &[],
        }
    }

    /// The variables that the statement itself binds, those of its blocks aside.
    pub fn binds(&self) -> Vec<LocalId> {
        match &self.kind {
            StmtKind::Let(pattern, _) => pattern.bindings(),
            StmtKind::Par { into, .. } => into.iter().flatten().copied().collect(),
            StmtKind::Receive { into, .. }
            | StmtKind::Operation { into, .. }
            | StmtKind::Mutate { into, .. }
            | StmtKind::If { into, .. }
            | StmtKind::Match { into, .. }
            | StmtKind::Offer { into, .. } => into.iter().copied().collect(),
            StmtKind::Members(members) => members.into.iter().copied().collect(),
            StmtKind::Call(call) => call.into.iter().copied().collect(),
            StmtKind::Saga(saga) => saga.into.iter().copied().collect(),
            StmtKind::Assign(..)
            | StmtKind::Send(..)
            | StmtKind::Sleep(..)
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Loop(_)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_)
            | StmtKind::RefusedBy(_) => Vec::new(),
        }
    }

    /// The variables of the blocks around that the statement changes, those in its own blocks included.
    pub fn changes(&self) -> Vec<LocalId> {
        match &self.kind {
            StmtKind::Assign(target, _) | StmtKind::Mutate { target, .. } => vec![target.local],
            _ => {
                let inner = self.blocks().into_iter().flat_map(|block| &block.stmts).chain(self.head());
                inner.flat_map(Stmt::changes).collect()
            }
        }
    }
}

impl Target {
    /// The indices on the way to the part.
    pub fn indices(&self) -> impl Iterator<Item = &Expr> {
        self.path.iter().filter_map(|step| match step {
            Step::Field(_) | Step::TupleField(_) => None,
            Step::Index(index, _) => Some(index),
        })
    }
}
