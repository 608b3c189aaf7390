//! A transaction that nothing can undo is the last one of its scope that may go wrong: what follows it and aborts would leave it
//! committed. The session is a scope, too.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Body, Callee, ExprId, ExprKind, Hir, MemberOrder, Stmt, StmtKind};
use crate::span::Span;
use crate::syntax::ast::OperationKind;

/// A transaction, or the call of a choreography with one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Act {
    span: Span,
    name: String,
}

/// What a choreography does in the scope around it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Summary {
    /// Commits what nothing undoes.
    commits: bool,
    /// Runs what has or could have a compensation, or requires something, and so may abort.
    may_abort: bool,
}

/// Reports transactions that nothing can undo and that others follow in their scope.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    let is_final = |kind: &OperationKind| *kind == OperationKind::Transaction { compensate: None };
    if !hir.services.iter().flat_map(|service| &service.operations).any(|operation| is_final(&operation.kind)) {
        return;
    }
    let summaries = summaries(hir);
    for choreography in &hir.choreographies {
        let mut walk = Walk { hir, body: &choreography.body, summaries: &summaries, found: BTreeSet::new() };
        let mut pending = BTreeSet::new();
        walk.expr(choreography.root, &mut pending);
        let mut reported = BTreeSet::new();
        for (pivot, follower) in walk.found {
            // The next one is enough.
            if reported.insert(pivot.span) {
                let (name, span) = (pivot.name, pivot.span);
                diagnostics.push(Meaning::Pivot { name, span, next: follower.name, by: follower.span }.into());
            }
        }
    }
}

/// What each choreography does, as a least fixpoint, for calls may go round in a circle.
fn summaries(hir: &Hir) -> Vec<Summary> {
    let mut summaries = vec![Summary::default(); hir.choreographies.len()];
    loop {
        let next: Vec<Summary> = hir
            .choreographies
            .iter()
            .map(|choreography| {
                let mut walk = Walk { hir, body: &choreography.body, summaries: &summaries, found: BTreeSet::new() };
                let mut pending = BTreeSet::new();
                let may_abort = walk.expr(choreography.root, &mut pending);
                Summary { commits: !pending.is_empty(), may_abort }
            })
            .collect();
        if next == summaries {
            return summaries;
        }
        summaries = next;
    }
}

struct Walk<'a> {
    hir: &'a Hir,
    body: &'a Body,
    summaries: &'a [Summary],
    /// What nothing undoes, and what follows it.
    found: BTreeSet<(Act, Act)>,
}

impl Walk<'_> {
    /// Goes through an expression in the order in which it is evaluated. `pending` is what the scope has committed so far and nothing undoes. Gives
    /// whether it runs a transaction of that scope.
    fn expr(&mut self, expr: ExprId, pending: &mut BTreeSet<Act>) -> bool {
        let kind = &self.body[expr].kind;
        match kind {
            ExprKind::If(guard, then, otherwise) => {
                self.expr(*guard, pending) | self.branches(&[*then, *otherwise], pending)
            }
            ExprKind::Match(scrutinee, arms) => {
                let arms: Vec<ExprId> = arms.iter().map(|(_, arm)| *arm).collect();
                self.expr(*scrutinee, pending) | self.branches(&arms, pending)
            }
            // Neither of two arms follows the other.
            ExprKind::Par(arms) => self.branches(arms, pending),
            // What a round commits is followed by the next one.
            ExprKind::While { condition, body, otherwise } => {
                self.all(&[*condition, *body, *condition, *body, *otherwise], pending)
            }
            ExprKind::For { items, body, .. } => self.all(&[*items, *body, *body], pending),
            ExprKind::Members(members) if members.order == MemberOrder::OneByOne => {
                self.all(&[members.body, members.body], pending)
            }
            ExprKind::Saga(saga) => {
                // An abort of the body ends the inner scope only. What it commits belongs to the outer one from then on.
                let mut inner = BTreeSet::new();
                self.expr(saga.body, &mut inner);
                let may_abort = self.expr(saga.otherwise, pending);
                pending.extend(inner);
                may_abort
            }
            ExprKind::Operation { service, operation, args, .. } => {
                let args_may_abort = self.all(args, pending);
                let operation = self.hir.operation(*service, *operation);
                // A `fn` that can be undone is meant to be refused at times; of any other, nothing says so.
                let commits = match &operation.kind {
                    OperationKind::Transaction { compensate } => compensate.is_none(),
                    OperationKind::Recorded { compensate: Some(_) } => false,
                    OperationKind::Recorded { compensate: None } | OperationKind::Pure => return args_may_abort,
                };
                let summary = Summary { commits, may_abort: true };
                self.act(&operation.name.name, self.body[expr].span, summary, pending);
                true
            }
            ExprKind::Call(call) => {
                let args_may_abort = self.all(&call.args, pending);
                let Callee::Choreography(id) = call.callee else {
                    return args_may_abort;
                };
                let summary = self.summaries.get(id.0 as usize).copied().unwrap_or_default();
                self.act(&self.hir.choreography(id).name.name, self.body[expr].span, summary, pending);
                args_may_abort | summary.may_abort
            }
            ExprKind::Block(stmts, tail) => self.block(stmts, *tail, pending),
            ExprKind::Literal(_)
            | ExprKind::Local(_)
            | ExprKind::Tuple(_)
            | ExprKind::List(_)
            | ExprKind::Construct { .. }
            | ExprKind::Field(..)
            | ExprKind::TupleField(..)
            | ExprKind::Index(..)
            | ExprKind::Builtin(..)
            | ExprKind::Apply(..)
            | ExprKind::At(..)
            | ExprKind::Unary(..)
            | ExprKind::Binary(..)
            | ExprKind::Communicate { .. }
            | ExprKind::Message { .. }
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Members(_)
            | ExprKind::Mutate { .. }
            | ExprKind::Error => self.all(&kind.parts(), pending),
        }
    }

    /// What a block requires may not hold, and an `abort` aborts in any case.
    fn block(&mut self, stmts: &[Stmt], tail: Option<ExprId>, pending: &mut BTreeSet<Act>) -> bool {
        let mut may_abort = false;
        for stmt in stmts {
            may_abort |= self.all(&stmt.parts(), pending);
            let name = match &stmt.kind {
                StmtKind::Require(..) => "require",
                StmtKind::Abort(..) => "abort",
                StmtKind::Let(..)
                | StmtKind::Assign(..)
                | StmtKind::Sleep(..)
                | StmtKind::Select(..)
                | StmtKind::Expr(_) => continue,
            };
            self.act(name, stmt.span, Summary { commits: false, may_abort: true }, pending);
            may_abort = true;
        }
        may_abort | tail.is_some_and(|tail| self.expr(tail, pending))
    }

    /// One after the other.
    fn all(&mut self, parts: &[ExprId], pending: &mut BTreeSet<Act>) -> bool {
        parts.iter().fold(false, |may_abort, part| self.expr(*part, pending) | may_abort)
    }

    /// Either of them.
    fn branches(&mut self, branches: &[ExprId], pending: &mut BTreeSet<Act>) -> bool {
        let before = pending.clone();
        let mut may_abort = false;
        for branch in branches {
            let mut own = before.clone();
            may_abort |= self.expr(*branch, &mut own);
            pending.extend(own);
        }
        may_abort
    }

    fn act(&mut self, name: &str, span: Span, summary: Summary, pending: &mut BTreeSet<Act>) {
        let act = Act { name: name.to_owned(), span };
        if summary.may_abort {
            let before = pending.iter().filter(|pivot| **pivot != act).cloned();
            self.found.extend(before.map(|pivot| (pivot, act.clone())));
        }
        if summary.commits {
            pending.insert(act);
        }
    }
}
