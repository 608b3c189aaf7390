//! A role's part in a choice, put together from its projections of the branches.

use std::collections::BTreeSet;

use super::knowledge::{self, Choice, Part};
use super::project::{Projected, Projector, discarded};
use super::share::Kept;
use super::{Block, Expr, ExprKind, Firsts, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::hir::check::places::Places;
use crate::hir::{ExprId, LocalId, Pattern, Player, Ty};

impl Projector<'_> {
    /// Projects a choice for all players; gives those that know which branch was taken.
    pub(super) fn branches(
        &mut self,
        places: &Places,
        choice: ExprId,
        guard_id: ExprId,
        branches: &[(Option<Pattern>, ExprId)],
        diagnostics: &mut Diagnostics,
    ) -> BTreeSet<Player> {
        let guards: Vec<Projected> = self.each_player(places, |this, aim| this.projected(aim, guard_id));
        let outer = self.within.replace(choice);
        let kept: Vec<Kept> = places.players.iter().map(|player| self.kept(places, choice, player)).collect();
        let mut all_kept = kept.iter();
        let mut blocks: Vec<Vec<Block>> = self.each_player(places, |this, mut aim| {
            let kept = all_kept.next().unwrap_or(&Kept::All);
            branches.iter().map(|(_, branch)| this.kept_block(&mut aim, *branch, kept)).collect()
        });
        self.within = outer;
        let branch_ids: Vec<ExprId> = branches.iter().map(|(_, branch)| *branch).collect();
        let (parts, _) = self.decide(places, choice, guard_id, &branch_ids, false, &mut blocks, diagnostics);
        let told = |part: &Part| matches!(part, Part::Decides | Part::Told(_));
        let known = places.players.iter().zip(&parts).filter(|(_, part)| told(part));
        let known = known.map(|(player, _)| player.clone()).collect();
        let patterns: Vec<Option<Pattern>> = branches.iter().map(|(pattern, _)| pattern.clone()).collect();
        let projected = parts.into_iter().zip(blocks).zip(guards).zip(kept).zip(places.players.iter()).map(
            |((((part, blocks), guard), kept), player)| match self.only_branch(guard_id, player) {
                // Whoever plays both members never takes the branch in which they are different ones.
                Some(branch) => {
                    let Block { mut stmts, value } = blocks.into_iter().nth(branch).unwrap_or_default();
                    stmts.splice(0..0, guard.stmts);
                    Projected { stmts, value, kept }
                }
                None => self.choice(choice, part, blocks, guard, &patterns, kept),
            },
        );
        let projected = projected.collect();
        self.keep(places, choice, projected);
        known
    }

    /// The one branch that a player can take who plays both of the members whose numbers the guard compares.
    fn only_branch(&self, guard: ExprId, player: &Player) -> Option<usize> {
        let (one, two, is_apart_in_first) = self.choreography.body.compared_members(guard)?;
        let plays_both = player.members.contains(&one) && player.members.contains(&two);
        plays_both.then_some(usize::from(is_apart_in_first))
    }

    /// Finds out who is told of a choice, and of a loop, whether what is done when it stops belongs to a round; selections are put into the blocks.
    #[allow(clippy::too_many_arguments, reason = "what a choice is made of")]
    pub(super) fn decide(
        &mut self,
        places: &Places,
        expr: ExprId,
        guard: ExprId,
        branches: &[ExprId],
        repeats: bool,
        blocks: &mut [Vec<Block>],
        diagnostics: &mut Diagnostics,
    ) -> (Vec<Part>, bool) {
        let body = &self.choreography.body;
        // What follows a `for` is not its body, whose place it has.
        let stands_for_none = |index: usize, branch: &ExprId| index > 0 && branches.first() == Some(branch);
        let ends = |(index, branch): (usize, &ExprId)| body[*branch].ty == Ty::Never && !stands_for_none(index, branch);
        let choice = Choice {
            hir: self.hir,
            choreography: self.choreography,
            locals: &self.locals,
            expr,
            guard: body[guard].span,
            deciders: places.expr(guard),
            players: &places.players,
            playing: knowledge::playing(&places.players),
            teller: knowledge::teller(self.choreography, places.expr(guard), &places.members),
            members: &places.members,
            branches: branches.iter().enumerate().map(|branch| (body[*branch.1].span, ends(branch))).collect(),
            repeats,
        };
        let decided = knowledge::decide(&choice, blocks, &mut self.sites, diagnostics);
        for (branch, from, to) in decided.selections {
            self.selections.entry((expr, branch)).or_default().push((from, to));
        }
        (decided.parts, decided.stops_in_round)
    }

    /// What a player keeps of the value of a choice if it knows the branch.
    pub(super) fn kept(&self, places: &Places, choice: ExprId, player: &Player) -> Kept {
        places.spreads.get(&choice).map_or(Kept::All, |spread| Kept::by(player, spread))
    }

    /// A role's part in a choice, put together from its branches.
    fn choice(
        &mut self,
        choice: ExprId,
        part: Part,
        mut blocks: Vec<Block>,
        guard: Projected,
        patterns: &[Option<Pattern>],
        kept: Kept,
    ) -> Projected {
        let body = &self.choreography.body;
        let (ty, span) = (kept.ty(&body[choice].ty).unwrap_or(Ty::UNIT), body[choice].span);
        let mut stmts = guard.stmts;
        let wanted = !ty.is_unit() && ty != Ty::Never && matches!(part, Part::Decides | Part::Told(_));
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
                return Projected { stmts, value: unit, kept };
            }
            Part::Same(block) => {
                stmts.extend(block.stmts);
                return Projected { stmts, value: unit, kept };
            }
            Part::Told(told) => {
                let mut told: Vec<Block> =
                    blocks.into_iter().zip(told).filter(|(_, told)| *told).map(|(block, _)| block).collect();
                if let ([_], Some(only)) = (told.as_slice(), told.first().cloned()) {
                    stmts.extend(only.stmts);
                    return Projected { stmts, value: only.value.or(unit), kept };
                }
                let branches = told.drain(..).map(|block| (Firsts::of(&block).messages.into_iter().collect(), block));
                let branches = branches.collect();
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (StmtKind::Offer { branches, into }, into)
            }
            Part::Decides => {
                let Some(value) = guard.value else {
                    return Projected { stmts, value: unit, kept };
                };
                if !has_value && blocks.iter().all(|block| block.stmts.is_empty()) {
                    stmts.extend(discarded(value));
                    return Projected { stmts, value: unit, kept };
                }
                let into = has_value.then(|| self.temporary(ty.clone(), span));
                (decision(value, blocks, patterns, into), into)
            }
        };
        let (kind, into) = kind;
        stmts.push(Stmt { kind, span });
        let value = into.map(|into| Expr { kind: ExprKind::Local(into), ty, span }).or(unit);
        Projected { stmts, value, kept }
    }
}

pub(super) fn drop_value(block: &mut Block) {
    if let Some(value) = block.value.take() {
        block.stmts.extend(discarded(value));
    }
}

/// Whether a block ends in an `abort`.
pub(super) fn ends(block: &Block) -> bool {
    matches!(block.stmts.last().map(|stmt| &stmt.kind), Some(StmtKind::Refuse(_) | StmtKind::RefusedBy(_)))
}

/// Whether every path through a block ends the session.
pub fn diverges(block: &Block) -> bool {
    block.stmts.last().is_some_and(|stmt| match &stmt.kind {
        StmtKind::Refuse(_) | StmtKind::RefusedBy(_) => true,
        StmtKind::If { then, otherwise, .. } => diverges(then) && diverges(otherwise),
        StmtKind::Match { arms, .. } => arms.iter().all(|(_, block)| diverges(block)),
        StmtKind::Offer { branches, .. } => branches.iter().all(|(_, block)| diverges(block)),
        StmtKind::Saga(saga) => diverges(&saga.body) && diverges(&saga.otherwise),
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
