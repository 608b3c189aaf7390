//! Each cycle of calls passes through a branch of a choice, and no type grows in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::calls::Calls;
use crate::hir::{Body, Call, Callee, Choreography, ChoreographyId, ExprId, ExprKind, Hir, StmtKind, Ty};
use crate::span::Span;

/// Reports recursions that cannot end, and those that would need ever more types.
pub fn check(hir: &Hir, calls: &Calls, diagnostics: &mut Diagnostics) {
    let ids = || (0u32..).map(ChoreographyId).zip(&hir.choreographies);
    let unconditional: Vec<Vec<(Span, ChoreographyId)>> = hir.choreographies.iter().map(unconditional_calls).collect();
    let mut reported = BTreeSet::new();
    for (id, choreography) in ids() {
        if reported.contains(&id) {
            continue;
        }
        if let Some(cycle) = cycle(id, &unconditional, calls) {
            reported.extend(cycle.iter().map(|(_, callee)| *callee));
            let name = choreography.name.name.clone();
            let named = |callee: ChoreographyId| hir.choreography(callee).name.name.clone();
            let calls = cycle.into_iter().map(|(span, callee)| (span, named(callee))).collect();
            diagnostics.push(Grouping::EndlessRecursion { name, calls }.into());
        }
    }
    for (id, choreography) in ids() {
        for expr in &choreography.body.exprs {
            if let ExprKind::Call(call) = &expr.kind {
                growing(hir, calls, id, call, expr.span, diagnostics);
            }
        }
    }
}

fn growing(hir: &Hir, calls: &Calls, caller: ChoreographyId, call: &Call, span: Span, diagnostics: &mut Diagnostics) {
    let Callee::Choreography(callee) = call.callee else {
        return;
    };
    if !calls.is_recursive(caller, callee) {
        return;
    }
    if let Some(ty) = call.types.iter().find(|ty| !matches!(ty, Ty::Param(..)) && mentions_param(ty)) {
        let (name, ty) = (hir.choreography(callee).name.name.clone(), hir.show(ty));
        diagnostics.push(Grouping::GrowingType { name, ty, span }.into());
    }
}

fn mentions_param(ty: &Ty) -> bool {
    matches!(ty, Ty::Param(..)) || ty.parts().into_iter().any(mentions_param)
}

/// The shortest way from a choreography back to itself by calls that are always made.
fn cycle(
    from: ChoreographyId,
    unconditional: &[Vec<(Span, ChoreographyId)>],
    calls: &Calls,
) -> Option<Vec<(Span, ChoreographyId)>> {
    let mut came: BTreeMap<ChoreographyId, (ChoreographyId, Span)> = BTreeMap::new();
    let mut work = std::collections::VecDeque::from([from]);
    while let Some(next) = work.pop_front() {
        for (span, callee) in unconditional.get(next.0 as usize).into_iter().flatten() {
            if !calls.is_recursive(from, *callee) {
                continue;
            }
            if *callee == from {
                let mut way = vec![(*span, *callee)];
                let mut at = next;
                while at != from {
                    let (before, span) = came.get(&at)?;
                    way.push((*span, at));
                    at = *before;
                }
                way.reverse();
                return Some(way);
            }
            if !came.contains_key(callee) {
                came.insert(*callee, (next, *span));
                work.push_back(*callee);
            }
        }
    }
    None
}

/// The calls that are made whenever the choreography is run to its end. Handing a choreography on counts as calling it.
fn unconditional_calls(choreography: &Choreography) -> Vec<(Span, ChoreographyId)> {
    let mut found = Vec::new();
    let mut work = vec![choreography.root];
    while let Some(expr) = work.pop() {
        if let ExprKind::Call(call) = &choreography.body[expr].kind {
            for callee in call.choreographies.iter().chain([&call.callee]) {
                if let Callee::Choreography(id) = callee {
                    found.push((choreography.body[expr].span, *id));
                }
            }
        }
        work.extend(always(&choreography.body, expr));
    }
    found
}

/// The parts of an expression that are evaluated whenever it is.
fn always(body: &Body, expr: ExprId) -> Vec<ExprId> {
    match &body[expr].kind {
        ExprKind::If(guard, ..) | ExprKind::Match(guard, _) | ExprKind::While { condition: guard, .. } => vec![*guard],
        ExprKind::For { items, .. } => vec![*items],
        ExprKind::Saga(saga) => vec![saga.body],
        ExprKind::Block(stmts, tail) => {
            let values = stmts.iter().flat_map(|stmt| match &stmt.kind {
                StmtKind::Let(_, _, value) | StmtKind::Assign(_, value) | StmtKind::Expr(value) => vec![*value],
                StmtKind::Require(one, two) => vec![*one, *two],
                StmtKind::Abort(_, value) | StmtKind::Sleep(_, value) => vec![*value],
                StmtKind::Select(..) => Vec::new(),
            });
            values.chain(*tail).collect()
        }
        kind => kind.parts(),
    }
}
