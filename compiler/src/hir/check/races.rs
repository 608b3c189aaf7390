//! A variable that is assigned in one arm of `par` is neither read nor assigned in another, and no copy of an `each` assigns one from
//! outside.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{Body, ExprId, ExprKind, Hir, LocalId, MemberOrder, StmtKind};
use crate::span::Span;

/// What an arm does with variables: where it first uses each, and where it first assigns it.
#[derive(Default)]
struct Uses {
    reads: BTreeMap<LocalId, Span>,
    writes: BTreeMap<LocalId, Span>,
}

/// Reports races.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    for choreography in &hir.choreographies {
        let body = &choreography.body;
        if !body.locals.iter().any(|local| local.mutable) {
            continue;
        }
        for expr in &body.exprs {
            match &expr.kind {
                ExprKind::Par(arms) => arms_race(body, arms, diagnostics),
                ExprKind::Members(members) if members.order == MemberOrder::SideBySide => {
                    let block = body[members.body].span;
                    for (local, span) in uses(body, members.body).writes {
                        let declared = body[local].span;
                        let is_inside =
                            declared.file == block.file && block.start <= declared.start && declared.end <= block.end;
                        if !is_inside {
                            let name = body[local].name.clone();
                            diagnostics.push(Grouping::Race { name, assigned: span, used: span }.into());
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn arms_race(body: &Body, arms: &[ExprId], diagnostics: &mut Diagnostics) {
    let all: Vec<Uses> = arms.iter().map(|arm| uses(body, *arm)).collect();
    for (index, arm) in all.iter().enumerate() {
        for (local, assigned) in &arm.writes {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            // Of two arms that both assign it, the first one reports.
            let used = others.filter_map(|(other, uses)| match uses.writes.get(local) {
                Some(_) if other < index => None,
                Some(span) => Some(*span),
                None => uses.reads.get(local).copied(),
            });
            if let Some(used) = used.min() {
                let name = body[*local].name.clone();
                diagnostics.push(Grouping::Race { name, assigned: *assigned, used }.into());
            }
        }
    }
}

/// What stands in an expression.
fn uses(body: &Body, root: ExprId) -> Uses {
    let mut found = Uses::default();
    let mut work = vec![root];
    while let Some(expr) = work.pop() {
        match &body[expr].kind {
            ExprKind::Local(local) => {
                found.reads.entry(*local).or_insert(body[expr].span);
            }
            ExprKind::Mutate { target, .. } => {
                found.writes.entry(target.local).or_insert(target.span);
            }
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    if let StmtKind::Assign(target, _) = &stmt.kind {
                        found.writes.entry(target.local).or_insert(target.span);
                    }
                }
            }
            _ => {}
        }
        work.extend(body[expr].kind.parts().into_iter().rev());
    }
    found
}
