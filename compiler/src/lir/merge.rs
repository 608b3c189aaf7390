//! Merging: a role that does the same in all branches is told nothing.

use std::collections::BTreeSet;

use super::{Block, Decision, Expr, ExprKind, Site, Stmt, StmtKind, print};
use crate::hir::body::Local;
use crate::hir::{Choreography, Hir, LocalId};

/// What the role does in all of these branches, and the sites that thereby are one; `None` where the branches differ.
pub fn merge(
    hir: &Hir,
    choreography: &Choreography,
    locals: &[Local],
    branches: &[Block],
    choice: u32,
) -> Option<(Block, Vec<(Site, Site)>)> {
    let stripped: Vec<Block> = branches.iter().map(strip).collect();
    let (first, rest) = stripped.split_first()?;
    let (text, sites) = print::canonical(hir, choreography, locals, first, choice);
    let mut pairs = Vec::new();
    for block in rest {
        let (other_text, other_sites) = print::canonical(hir, choreography, locals, block, choice);
        if other_text != text {
            return None;
        }
        pairs.extend(sites.iter().copied().zip(other_sites));
    }
    Some((first.clone(), pairs))
}

/// What a role that does not know of the branch does in it: it has no use for its value, nor for what is computed and not used in
/// an action.
fn strip(block: &Block) -> Block {
    let mut block = block.clone();
    block.value = block.value.filter(Expr::acts);
    let mut used = BTreeSet::new();
    prune(&mut block, &mut used);
    block
}

/// Takes out what does not act and whose variables are not used behind it.
fn prune(block: &mut Block, used: &mut BTreeSet<LocalId>) {
    if let Some(value) = &block.value {
        uses(value, used);
    }
    let mut kept: Vec<Stmt> = Vec::new();
    for mut stmt in std::mem::take(&mut block.stmts).into_iter().rev() {
        let needed = match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                value.acts() || pattern.bindings().iter().any(|local| used.contains(local))
            }
            StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Offer { .. }
            | StmtKind::Loop(_)
            | StmtKind::Par { .. }
            | StmtKind::Members(_)
            | StmtKind::Call(_) => stmt.acts() || stmt.binds().iter().any(|local| used.contains(local)),
            _ => true,
        };
        if needed {
            prune_parts(&mut stmt, used);
            kept.push(stmt);
        }
    }
    kept.reverse();
    block.stmts = kept;
}

fn prune_parts(stmt: &mut Stmt, used: &mut BTreeSet<LocalId>) {
    if let StmtKind::Assign(target, _) | StmtKind::Mutate { target, .. } = &stmt.kind {
        used.insert(target.local);
    }
    match &mut stmt.kind {
        StmtKind::If { then, otherwise, .. } => {
            prune(then, used);
            prune(otherwise, used);
        }
        StmtKind::Match { arms, .. } => arms.iter_mut().for_each(|(_, block)| prune(block, used)),
        StmtKind::Offer { branches, .. } => branches.iter_mut().for_each(|(_, block)| prune(block, used)),
        StmtKind::Loop(repeat) => {
            prune(&mut repeat.leave, used);
            prune(&mut repeat.body, used);
            if let Decision::While(guard) | Decision::For(_, guard) = &repeat.decision {
                uses(guard, used);
            }
            let mut head = Block { stmts: std::mem::take(&mut repeat.head), value: None };
            prune(&mut head, used);
            repeat.head = head.stmts;
        }
        StmtKind::Par { arms, .. } => arms.iter_mut().for_each(|arm| prune(arm, used)),
        StmtKind::Members(members) => {
            members.own.iter_mut().chain([&mut members.other]).for_each(|block| prune(block, used));
        }
        StmtKind::Saga(saga) => {
            prune(&mut saga.body, used);
            prune(&mut saga.otherwise, used);
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
        | StmtKind::Call(_)
        | StmtKind::Again
        | StmtKind::Require(..)
        | StmtKind::Refuse(_)
        | StmtKind::RefusedBy(_) => {}
    }
    stmt.exprs().into_iter().for_each(|expr| uses(expr, used));
}

fn uses(expr: &Expr, used: &mut BTreeSet<LocalId>) {
    if let ExprKind::Local(local) = expr.kind {
        used.insert(local);
    }
    expr.parts().into_iter().for_each(|part| uses(part, used));
}
