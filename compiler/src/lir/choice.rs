//! A role's part in a choice, put together from its projections of the branches.

use super::knowledge::Part;
use super::project::{Projected, Projector, discarded};
use super::{Block, Expr, ExprKind, Firsts, Stmt, StmtKind};
use crate::hir::{ExprId, LocalId, Pattern, Ty};

impl Projector<'_> {
    /// A role's part in a choice, put together from its branches.
    pub(super) fn choice(
        &mut self,
        choice: ExprId,
        part: Part,
        mut blocks: Vec<Block>,
        guard: Projected,
        patterns: &[Option<Pattern>],
    ) -> Projected {
        let body = &self.choreography.body;
        let (ty, span) = (body[choice].ty.clone(), body[choice].span);
        let mut stmts = guard.stmts;
        let wanted = !ty.is_unit() && ty != Ty::Never && matches!(part, Part::Decides | Part::Told(_));
        let ends = |block: &Block| {
            matches!(block.stmts.last().map(|stmt| &stmt.kind), Some(StmtKind::Refuse(_) | StmtKind::RefusedBy(_)))
        };
        let has_value = wanted
            && blocks.iter().all(|block| block.value.is_some() || ends(block) || diverges(block))
            && blocks.iter().any(|block| block.value.is_some());
        if !has_value {
            blocks.iter_mut().for_each(drop_value);
        }
        let unit = (ty.is_unit()).then(|| Expr::unit(span));
        let kind = match part {
            Part::Idle => {
                if blocks.iter().all(ends)
                    && let Some(end) = blocks.first().and_then(|block| block.stmts.last())
                {
                    stmts.push(end.clone());
                }
                return Projected { stmts, value: unit };
            }
            Part::Same(block) => {
                stmts.extend(block.stmts);
                return Projected { stmts, value: unit };
            }
            Part::Told(told) => {
                let mut told: Vec<Block> =
                    blocks.into_iter().zip(told).filter(|(_, told)| *told).map(|(block, _)| block).collect();
                if let ([_], Some(only)) = (told.as_slice(), told.first().cloned()) {
                    stmts.extend(only.stmts);
                    return Projected { stmts, value: only.value.or(unit) };
                }
                let branches = told.drain(..).map(|block| (Firsts::of(&block).messages.into_iter().collect(), block));
                let branches = branches.collect();
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (StmtKind::Offer { branches, into }, into)
            }
            Part::Decides => {
                let Some(value) = guard.value else {
                    return Projected { stmts, value: unit };
                };
                if !has_value && blocks.iter().all(|block| block.stmts.is_empty()) {
                    stmts.extend(discarded(value));
                    return Projected { stmts, value: unit };
                }
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (decision(value, blocks, patterns, into), into)
            }
        };
        let (kind, into) = kind;
        stmts.push(Stmt { kind, span });
        let value = into.map(|into| Expr { kind: ExprKind::Local(into), ty, span }).or(unit);
        Projected { stmts, value }
    }
}

fn drop_value(block: &mut Block) {
    if let Some(value) = block.value.take() {
        block.stmts.extend(discarded(value));
    }
}

/// Whether every path through a block ends the session.
pub fn diverges(block: &Block) -> bool {
    block.stmts.last().is_some_and(|stmt| match &stmt.kind {
        StmtKind::Refuse(_) | StmtKind::RefusedBy(_) => true,
        StmtKind::If { then, otherwise, .. } => diverges(then) && diverges(otherwise),
        StmtKind::Match { arms, .. } => arms.iter().all(|(_, block)| diverges(block)),
        StmtKind::Offer { branches, .. } => branches.iter().all(|(_, block)| diverges(block)),
        _ => false,
    })
}

fn decision(guard: Expr, blocks: Vec<Block>, patterns: &[Option<Pattern>], into: Option<LocalId>) -> StmtKind {
    let patterns: Option<Vec<Pattern>> = patterns.iter().cloned().collect();
    match patterns {
        Some(patterns) => StmtKind::Match { scrutinee: guard, arms: patterns.into_iter().zip(blocks).collect(), into },
        None => {
            let mut blocks = blocks.into_iter();
            let (then, otherwise) = (blocks.next().unwrap_or_default(), blocks.next().unwrap_or_default());
            StmtKind::If { condition: guard, then, otherwise, into }
        }
    }
}
