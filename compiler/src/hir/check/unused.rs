//! A value that is sent is used where it arrives; else a message without one does.

use std::collections::BTreeSet;

use super::places::Places;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Body, Choreography, ExprId, ExprKind, LocalId, Pattern, PatternKind, RoleId, StmtKind, Ty};
use crate::span::Span;

/// Reports values that are sent and never used, in a choreography whose values have been placed. What is used at any of the roles that hold it is used.
pub fn check(choreography: &Choreography, places: &Places, diagnostics: &mut Diagnostics) {
    let body = &choreography.body;
    let used = used_variables(body);
    let mut finder = Finder { choreography, body, places, used: &used, diagnostics };
    for expr in &body.exprs {
        match &expr.kind {
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    match &stmt.kind {
                        StmtKind::Expr(value) => finder.dropped(*value, Some(stmt.span)),
                        StmtKind::Let(pattern, _, value) => finder.bound(pattern, *value, Some(stmt.span)),
                        StmtKind::Assign(..)
                        | StmtKind::Require(..)
                        | StmtKind::Abort(..)
                        | StmtKind::Sleep(..)
                        | StmtKind::Select(..) => {}
                    }
                }
            }
            ExprKind::While { body, otherwise, .. } => {
                finder.dropped(*body, None);
                finder.dropped(*otherwise, None);
            }
            ExprKind::For { body, .. } => finder.dropped(*body, None),
            _ => {}
        }
    }
}

/// The variables that stand anywhere but where they are bound.
fn used_variables(body: &Body) -> BTreeSet<LocalId> {
    let mut used = BTreeSet::new();
    for expr in &body.exprs {
        match &expr.kind {
            ExprKind::Local(local) => {
                used.insert(*local);
            }
            ExprKind::Mutate { target, .. } => {
                used.insert(target.local);
            }
            ExprKind::Block(stmts, _) => {
                used.extend(stmts.iter().filter_map(|stmt| match &stmt.kind {
                    StmtKind::Assign(target, _) => Some(target.local),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    used
}

struct Finder<'a> {
    choreography: &'a Choreography,
    body: &'a Body,
    places: &'a Places,
    used: &'a BTreeSet<LocalId>,
    diagnostics: &'a mut Diagnostics,
}

impl Finder<'_> {
    /// A value that a pattern takes.
    fn bound(&mut self, pattern: &Pattern, value: ExprId, stmt: Option<Span>) {
        match (&pattern.kind, &self.body[value].kind) {
            (PatternKind::Wildcard, _) => self.dropped(value, stmt),
            (PatternKind::Bind(local), _) if !self.used.contains(local) => self.dropped(value, stmt),
            (PatternKind::Tuple(patterns), ExprKind::Tuple(values) | ExprKind::Par(values)) => {
                for (pattern, value) in patterns.iter().zip(values) {
                    // The statement binds more than this part.
                    self.bound(pattern, *value, None);
                }
            }
            // What comes out of a choice in parts is used part by part.
            (PatternKind::Tuple(_), ExprKind::Block(_, Some(tail))) => self.bound(pattern, *tail, None),
            (PatternKind::Tuple(_), ExprKind::If(_, one, two)) => {
                [one, two].into_iter().for_each(|branch| self.bound(pattern, *branch, None));
            }
            (PatternKind::Tuple(_), ExprKind::Match(_, arms)) => {
                arms.iter().for_each(|(_, arm)| self.bound(pattern, *arm, None));
            }
            (PatternKind::Tuple(_), ExprKind::Saga(saga)) => {
                [saga.body, saga.otherwise].into_iter().for_each(|branch| self.bound(pattern, branch, None));
            }
            _ => {}
        }
    }

    /// A value that nobody takes. `stmt` is the statement that it is the whole of.
    fn dropped(&mut self, expr: ExprId, stmt: Option<Span>) {
        match &self.body[expr].kind {
            ExprKind::Block(_, Some(tail)) => self.dropped(*tail, None),
            ExprKind::If(_, then, otherwise) => {
                self.dropped(*then, None);
                self.dropped(*otherwise, None);
            }
            ExprKind::Match(_, arms) => arms.iter().for_each(|(_, arm)| self.dropped(*arm, None)),
            ExprKind::Par(arms) => arms.iter().for_each(|arm| self.dropped(*arm, None)),
            ExprKind::Members(members) => self.dropped(members.body, None),
            ExprKind::Saga(saga) => {
                self.dropped(saga.body, None);
                self.dropped(saga.otherwise, None);
            }
            // Whether it came in time is what such a one is for.
            ExprKind::Communicate { value, to, within: None, .. } => self.sent(expr, *value, to, stmt),
            _ => {}
        }
    }

    fn sent(&mut self, expr: ExprId, value: ExprId, to: &[(RoleId, Span)], stmt: Option<Span>) {
        let ty = &self.body[value].ty;
        let Some(transfer) = self.places.transfers.get(&expr) else {
            return;
        };
        if ty.is_unit() || matches!(ty, Ty::Never | Ty::Error) {
            return;
        }
        let name = |role| self.choreography.role_name(role).to_owned();
        let held = self.places.expr(value);
        let lacks = to.iter().filter(|(role, _)| !self.choreography.holds(held, *role));
        let is_still = is_still(self.body, value);
        let problem = Meaning::SentUnused {
            from: name(transfer.from),
            to: lacks.map(|(role, _)| name(*role)).collect(),
            is_still,
            value: self.body[value].span,
            whole: self.body[expr].span,
            stmt,
        };
        self.diagnostics.push(problem.into());
    }
}

/// Whether a value may as well not be computed.
fn is_still(body: &Body, value: ExprId) -> bool {
    match &body[value].kind {
        ExprKind::Literal(_) | ExprKind::Local(_) | ExprKind::Len(_) | ExprKind::MemberIndex(_) => true,
        ExprKind::Field(inner, _) | ExprKind::TupleField(inner, _) | ExprKind::At(inner, _) => is_still(body, *inner),
        ExprKind::Tuple(items) | ExprKind::List(items) => items.iter().all(|item| is_still(body, *item)),
        _ => false,
    }
}
