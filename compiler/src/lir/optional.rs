//! Roles that have a part in a session on some paths only, so that the initiator need not wait for them
//! on the others.
//!
//! A role has a *part* where it does something else than to receive and to look at what it has: it
//! runs an operation, sends, waits for the clock, calls, or computes what may fail. A role is
//! *optional* where each part stands behind a message of another role, its *giver*. So each giver
//! knows, when its program has ended, whom it has given a part: those to
//! whom it has sent anything but the messages that lead to none, which are found here. It says so
//! with its vote.
//!
//! What is not plainly so counts as a part. That is safe: the role is waited for.

use std::collections::BTreeSet;

use super::{Block, Decision, Expr, ExprKind, Projection, Repeat, Site, Stmt, StmtKind, To};
use crate::hir::{Choreography, Hir, RoleId, RoleKind};
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// A role that may have no part in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Optional {
    /// Which: of a group, each member.
    pub role: RoleId,
    /// The messages to it that lead it to no part.
    pub idle: Vec<Site>,
    /// The declared roles whose messages may give it one.
    pub givers: Vec<RoleId>,
}

impl Projection {
    /// The declared roles, but for the initiator, that may give an optional role a part.
    pub fn givers(&self) -> BTreeSet<RoleId> {
        let givers = self.optional.iter().flat_map(|optional| &optional.givers);
        givers.copied().filter(|giver| *giver != self.initiator).collect()
    }

    /// Whether a message at `site` gives an optional role a part.
    pub fn gives_part(&self, choreography: &Choreography, site: Site, to: &To) -> bool {
        let is_for = |role: RoleId| match choreography.kind(to.role) {
            RoleKind::Member(groups) => groups.contains(&role),
            RoleKind::Single | RoleKind::Group => to.role == role,
        };
        self.optional.iter().any(|optional| is_for(optional.role) && !optional.idle.contains(&site))
    }
}

/// Finds the optional roles of every session.
pub(super) fn find(hir: &Hir, projections: &mut [Projection]) {
    for projection in projections {
        let choreography = hir.choreography(projection.id());
        let is_decided_elsewhere = projection.pivots.iter().any(|pivot| pivot.role != projection.initiator);
        if !projection.starts || choreography.is_group(projection.initiator) || is_decided_elsewhere {
            continue;
        }
        projection.optional = optional_roles(projection, choreography);
    }
}

fn optional_roles(projection: &Projection, choreography: &Choreography) -> Vec<Optional> {
    let may_be = |role: &RoleId| {
        let is_declared = !matches!(choreography.kind(*role), RoleKind::Member(_));
        is_declared && *role != projection.initiator && !projection.begins.contains(role)
    };
    let mut found = Vec::new();
    for role in projection.participants.iter().copied().filter(may_be) {
        let Some(program) = projection.programs.iter().find(|program| program.role == role) else { continue };
        let mut walk = Walk { choreography, idle: BTreeSet::new(), given: BTreeSet::new(), givers: BTreeSet::new() };
        // One that has a part on all paths, or on none, is waited for as any other.
        if program.result.is_unit() && walk.block(&program.body) == Part::Perhaps && !walk.given.is_empty() {
            let idle = walk.idle.difference(&walk.given).copied().collect();
            found.push(Optional { role, idle, givers: walk.givers.into_iter().collect() });
        }
    }
    found
}

/// What a role comes to that has been given no part before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// It has a part, and nobody has given it one.
    Ungiven,
    /// It has been given one at the end, on all paths.
    Given,
    /// On some path at least it has been given none.
    Perhaps,
}

struct Walk<'a> {
    choreography: &'a Choreography,
    /// The messages that lead to no part, by one path at least.
    idle: BTreeSet<Site>,
    /// Those that give one, by one path at least.
    given: BTreeSet<Site>,
    /// Who sends these: declared roles.
    givers: BTreeSet<RoleId>,
}

impl Walk<'_> {
    fn block(&mut self, block: &Block) -> Part {
        let end = if block.value.as_ref().is_none_or(is_plain) { Part::Perhaps } else { Part::Ungiven };
        self.stmts(&block.stmts, end)
    }

    /// Goes through statements from their end; `then` is what follows them.
    fn stmts(&mut self, stmts: &[Stmt], mut then: Part) -> Part {
        for stmt in stmts.iter().rev() {
            then = match Self::message(stmt) {
                Some((site, from)) if then == Part::Ungiven => {
                    self.given.insert(site);
                    match self.choreography.kind(from) {
                        RoleKind::Member(groups) => self.givers.extend(groups.iter().copied()),
                        RoleKind::Single | RoleKind::Group => _ = self.givers.insert(from),
                    }
                    Part::Given
                }
                Some((site, _)) => {
                    self.idle.insert(site);
                    then
                }
                None => match self.stmt(stmt) {
                    Part::Perhaps => then,
                    other => other,
                },
            };
        }
        then
    }

    /// The message that a statement receives, and whose it is.
    fn message(stmt: &Stmt) -> Option<(Site, RoleId)> {
        match &stmt.kind {
            StmtKind::Receive { site, from, within: None, .. } => Some((*site, *from)),
            StmtKind::Told(label, from) => Some((label.site, *from)),
            _ => None,
        }
    }

    fn stmt(&mut self, stmt: &Stmt) -> Part {
        match &stmt.kind {
            StmtKind::Let(_, value) if is_plain(value) => Part::Perhaps,
            StmtKind::RefusedBy(_) => Part::Perhaps,
            StmtKind::If { condition, then, otherwise, .. } if is_plain(condition) => {
                self.branches([then, otherwise].into_iter())
            }
            StmtKind::Match { scrutinee, arms, .. } if is_plain(scrutinee) => {
                self.branches(arms.iter().map(|(_, block)| block))
            }
            StmtKind::Offer { branches, .. } => self.branches(branches.iter().map(|(_, block)| block)),
            StmtKind::Loop(repeat) => self.repeat(repeat),
            StmtKind::Members(members) if members.into.is_none() => {
                let copies = self.branches(members.own.iter().chain([&members.other]));
                // A group may be empty.
                if copies == Part::Given { Part::Perhaps } else { copies }
            }
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Operation { .. }
            | StmtKind::Sleep(..)
            | StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Par { .. }
            | StmtKind::Members(_)
            | StmtKind::Call(_)
            | StmtKind::Saga(_)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_) => Part::Ungiven,
        }
    }

    fn branches<'b>(&mut self, branches: impl Iterator<Item = &'b Block>) -> Part {
        let parts: Vec<Part> = branches.map(|block| self.block(block)).collect();
        if parts.contains(&Part::Ungiven) {
            Part::Ungiven
        } else if parts.contains(&Part::Perhaps) || parts.is_empty() {
            Part::Perhaps
        } else {
            Part::Given
        }
    }

    /// Each round begins with the head, the last one too, whatever the round before has come to.
    fn repeat(&mut self, repeat: &Repeat) -> Part {
        let is_plain = match &repeat.decision {
            Decision::While(guard) | Decision::For(_, guard) => is_plain(guard),
            Decision::Offer { .. } => true,
        };
        let then = if is_plain { self.branches([&repeat.body, &repeat.leave].into_iter()) } else { Part::Ungiven };
        match self.stmts(&repeat.head, then) {
            Part::Ungiven => Part::Ungiven,
            Part::Given | Part::Perhaps => Part::Perhaps,
        }
    }
}

/// Whether a role only looks at what it has: nothing that may fail, and no value that is made.
fn is_plain(value: &Expr) -> bool {
    let is_plain_itself = match &value.kind {
        ExprKind::Literal(_)
        | ExprKind::Local(_)
        | ExprKind::Len(_)
        | ExprKind::MemberIndex(_)
        | ExprKind::Field(..)
        | ExprKind::TupleField(..) => true,
        ExprKind::Tuple(items) => items.is_empty(),
        ExprKind::Unary(op, _) => *op == UnaryOp::Not,
        ExprKind::Binary(op, ..) => {
            !matches!(op, BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem)
        }
        ExprKind::List(_)
        | ExprKind::Construct(..)
        | ExprKind::Index(..)
        | ExprKind::Builtin(..)
        | ExprKind::Apply(..)
        | ExprKind::Pure(..) => false,
    };
    is_plain_itself && !value.acts() && !value.can_fail() && value.parts().into_iter().all(is_plain)
}
