//! A role's part in a loop. A loop decides anew before each round: its first branch is one more round, its second one leaves.

use super::choice::drop_value;
use super::knowledge::Part;
use super::project::{Projected, Projector, discarded};
use super::share::Kept;
use super::sites::SiteKey;
use super::{Block, Decision, Expr, Firsts, Repeat, Site, Stmt, StmtKind, To};
use crate::diagnostic::Diagnostics;
use crate::hir::check::places::{Places, recipient};
use crate::hir::{ExprId, Pattern, Player};
use crate::span::Span;

/// What a role does in the parts of a loop.
struct Parts<'a> {
    site: Site,
    span: Span,
    /// What each round binds, in a `for`.
    pattern: Option<&'a Pattern>,
    guard: Projected,
    again: Block,
    /// What is done in the round that is not begun, which tells that the loop stops, and what is done behind it.
    leave: Block,
    stop: Block,
}

impl Projector<'_> {
    /// Projects a loop for all players. A `for` has a pattern, and its guard, the items, is computed once.
    #[allow(clippy::too_many_arguments, reason = "what a loop is made of")]
    pub(super) fn repeats(
        &mut self,
        places: &Places,
        expr: ExprId,
        guard: ExprId,
        pattern: Option<&Pattern>,
        body: ExprId,
        otherwise: Option<ExprId>,
        diagnostics: &mut Diagnostics,
    ) {
        let span = self.choreography.body[expr].span;
        let guards: Vec<Projected> = self.each_player(places, |this, aim| this.projected(aim, guard));
        let outer = self.within.replace(expr);
        let mut blocks: Vec<Vec<Block>> = self.each_player(places, |this, mut aim| {
            let mut again = this.block(&mut aim, body);
            let mut stop = otherwise.map(|otherwise| this.block(&mut aim, otherwise)).unwrap_or_default();
            drop_value(&mut again);
            drop_value(&mut stop);
            vec![again, stop]
        });
        self.within = outer;
        for (blocks, guard) in blocks.iter_mut().zip(&guards) {
            let in_guard = guard.stmts.iter().any(Stmt::acts) || guard.value.as_ref().is_some_and(Expr::acts);
            if let Some(again) = blocks.first_mut()
                && (again.acts() || (pattern.is_none() && in_guard))
            {
                // The round that follows is something to do, of which the role must know.
                again.stmts.push(Stmt { kind: StmtKind::Again, span });
            }
        }
        let branches: Vec<ExprId> = [Some(body), otherwise].into_iter().flatten().collect();
        let branches = if branches.len() == 1 { vec![body, body] } else { branches };
        let (parts, stops_in_round) = self.decide(places, expr, guard, &branches, true, &mut blocks, diagnostics);
        let site = self.sites.site(SiteKey::Construct(expr));
        let outside = |(player, part): (&Player, &Part)| {
            let counts_rounds = matches!(part, Part::Decides | Part::Told(_));
            (!counts_rounds).then(|| recipient(self.choreography, player, &places.members))
        };
        let outside: Vec<To> = places.players.iter().zip(&parts).filter_map(outside).collect();
        let projected = parts.into_iter().zip(blocks).zip(guards).map(|((part, blocks), guard)| {
            let mut blocks = blocks.into_iter();
            let (mut again, stop) = (blocks.next().unwrap_or_default(), blocks.next().unwrap_or_default());
            again.stmts.retain(|stmt| !matches!(stmt.kind, StmtKind::Again));
            let counts_rounds = matches!(part, Part::Decides | Part::Told(_));
            let (leave, stop) = match stops_in_round && counts_rounds {
                true => (stop, Block::default()),
                false => told_in_round(stop, expr, &outside),
            };
            let stmts = repeat(part, Parts { site, span, pattern, guard, again, leave, stop });
            Projected { stmts, value: Some(Expr::unit(span)), kept: Kept::All }
        });
        let projected = projected.collect();
        self.keep(places, expr, projected);
    }
}

/// A role's part in a loop.
fn repeat(part: Part, parts: Parts<'_>) -> Vec<Stmt> {
    let Parts { site, span, pattern, guard, again, leave, stop } = parts;
    // The items of a `for` are computed before it.
    let (mut stmts, head) = match pattern {
        Some(_) => (guard.stmts, Vec::new()),
        None => (Vec::new(), guard.stmts),
    };
    let decision = match part {
        Part::Idle => {
            if super::choice::ends(&stop) {
                stmts.extend(stop.stmts);
            }
            return stmts;
        }
        Part::Same(block) => {
            stmts.extend(block.stmts);
            return stmts;
        }
        Part::Told(_) => {
            let keys = |block: &Block| Firsts::of(block).messages.into_iter().collect();
            Decision::Offer { again: keys(&again), stop: keys(&leave) }
        }
        Part::Decides => {
            let Some(value) = guard.value else {
                return stmts;
            };
            if again.stmts.is_empty() && head.is_empty() && leave.stmts.is_empty() {
                // It has nothing to do in the rounds; what decides does not change in them.
                stmts.extend(discarded(value));
                stmts.extend(stop.stmts);
                return stmts;
            }
            match pattern {
                Some(pattern) => Decision::For(pattern.clone(), value),
                None => Decision::While(value),
            }
        }
    };
    stmts.push(Stmt { kind: StmtKind::Loop(Box::new(Repeat { site, head, decision, body: again, leave })), span });
    stmts.extend(stop.stmts);
    stmts
}

/// Where what is done when a loop stops does not belong to a round: takes the selections at its head, which are sent in the round that is not begun, for a role that is still in an earlier one must not
/// take them for its own. A role that has no part in the rounds does not count them, and is told behind the loop.
fn told_in_round(mut stop: Block, expr: ExprId, outside: &[To]) -> (Block, Block) {
    let tells = |stmt: &Stmt| match &stmt.kind {
        StmtKind::Select(label, to) => label.choice == expr.0 && !outside.contains(to),
        StmtKind::Told(label, _) => label.choice == expr.0,
        _ => false,
    };
    let is_head = |stmt: &&Stmt| matches!(stmt.kind, StmtKind::Select(..) | StmtKind::Told(..));
    let head = stop.stmts.iter().take_while(is_head).count();
    let rest = stop.stmts.split_off(head);
    let (leave, mut behind): (Vec<Stmt>, Vec<Stmt>) = stop.stmts.into_iter().partition(tells);
    behind.extend(rest);
    (Block { stmts: leave, value: None }, Block { stmts: behind, value: stop.value })
}
