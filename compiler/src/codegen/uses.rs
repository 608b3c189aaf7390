//! Which variables a program binds and uses, and how often.

use std::collections::{BTreeMap, BTreeSet};

use crate::hir::LocalId;
use crate::lir::{Block, Decision, Expr, ExprKind, Stmt, StmtKind};

/// The variables that a block binds, in order.
pub(super) fn bindings(block: &Block, bound: &mut Vec<LocalId>) {
    block.stmts.iter().for_each(|stmt| bindings_of(stmt, bound));
}

fn bindings_of(stmt: &Stmt, bound: &mut Vec<LocalId>) {
    match &stmt.kind {
        StmtKind::Match { arms, .. } => arms.iter().for_each(|(pattern, _)| bound.extend(pattern.bindings())),
        StmtKind::Loop(repeat) => {
            if let Decision::For(pattern, _) = &repeat.decision {
                bound.extend(pattern.bindings());
            }
        }
        StmtKind::Saga(saga) => bound.extend(saga.why),
        _ => {}
    }
    stmt.head().iter().for_each(|stmt| bindings_of(stmt, bound));
    stmt.blocks().into_iter().for_each(|block| bindings(block, bound));
    bound.extend(stmt.binds());
}

/// How often each variable is used; what is used in a block that may be run again is used often.
pub(super) fn count_uses(block: &Block, uses: &mut BTreeMap<LocalId, u32>) {
    block.stmts.iter().for_each(|stmt| count_stmt(stmt, uses));
    if let Some(value) = &block.value {
        count(value, uses);
    }
}

fn count(expr: &Expr, uses: &mut BTreeMap<LocalId, u32>) {
    if let ExprKind::Local(id) = expr.kind {
        *uses.entry(id).or_default() += 1;
    }
    expr.parts().into_iter().for_each(|part| count(part, uses));
}

fn count_stmt(stmt: &Stmt, uses: &mut BTreeMap<LocalId, u32>) {
    let again = matches!(stmt.kind, StmtKind::Loop(_) | StmtKind::Members(_));
    let mut inner = BTreeMap::new();
    stmt.head().iter().for_each(|stmt| count_stmt(stmt, &mut inner));
    stmt.blocks().into_iter().for_each(|block| count_uses(block, &mut inner));
    match (&stmt.kind, stmt.exprs()) {
        // The guard of a `while` is computed in each round, the items of a `for` once.
        (StmtKind::Loop(repeat), exprs) if matches!(repeat.decision, Decision::While(_)) => {
            exprs.into_iter().for_each(|expr| count(expr, &mut inner));
        }
        (_, exprs) => exprs.into_iter().for_each(|expr| count(expr, uses)),
    }
    let mut own = Vec::new();
    if again {
        bindings_of(stmt, &mut own);
    }
    let own: BTreeSet<LocalId> = own.into_iter().collect();
    for (id, times) in inner {
        *uses.entry(id).or_default() += if again && !own.contains(&id) { 2 } else { times };
    }
}

/// The variables of the blocks around that a block uses.
pub(super) fn free(block: &Block) -> BTreeSet<LocalId> {
    let (mut uses, mut bound) = (BTreeMap::new(), Vec::new());
    count_uses(block, &mut uses);
    bindings(block, &mut bound);
    let changed = block.stmts.iter().flat_map(Stmt::changes);
    let mut free: BTreeSet<LocalId> = uses.into_keys().chain(changed).collect();
    bound.iter().for_each(|id| _ = free.remove(id));
    free
}
