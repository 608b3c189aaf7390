//! A role's part in a scope. Who has one learns from the votes how it ended; nobody else does.

use std::collections::BTreeSet;

use super::choice::{diverges, drop_value, ends};
use super::project::{Projected, Projector};
use super::sites::SiteKey;
use super::{Block, Expr, ExprKind, Saga, Stmt, StmtKind, To};
use crate::hir::check::places::{Places, recipient};
use crate::hir::{self, ExprId, LocalId, Player, Ty};

impl Projector<'_> {
    /// Projects a scope for all players; gives those that take part in it.
    pub(super) fn scope(&mut self, places: &Places, expr: ExprId, saga: &hir::Saga) -> BTreeSet<Player> {
        let body = &self.choreography.body;
        let (whole, span) = (body[expr].ty.clone(), body[expr].span);
        let outer = self.within.take();
        let blocks: Vec<(Block, Block)> = self.each_player(places, |this, mut aim| {
            let kept = this.kept(places, expr, &aim.player);
            (this.kept_block(&mut aim, saga.body, &kept), this.kept_block(&mut aim, saga.otherwise, &kept))
        });
        self.within = outer;
        let takes_part = |(body, otherwise): &(Block, Block)| {
            body.acts() || otherwise.acts() || body.can_fail() || otherwise.can_fail()
        };
        let part: BTreeSet<Player> = places
            .players
            .iter()
            .zip(&blocks)
            .filter(|(_, blocks)| takes_part(blocks))
            .map(|(p, _)| p.clone())
            .collect();
        let roles: Vec<To> = part.iter().map(|player| recipient(self.choreography, player, &places.members)).collect();
        let site = self.sites.site(SiteKey::Construct(expr));
        let mut projected = Vec::new();
        for (player, (mut body, mut otherwise)) in places.players.iter().zip(blocks) {
            let kept = self.kept(places, expr, player);
            let unit = kept.unit(&whole, span);
            if !part.contains(player) {
                projected.push(Projected { stmts: Vec::new(), value: unit, kept });
                continue;
            }
            let ty = kept.ty(&whole).unwrap_or(Ty::UNIT);
            let has_value = !ty.is_unit()
                && ty != Ty::Never
                && [&body, &otherwise].iter().all(|block| block.value.is_some() || ends(block) || diverges(block))
                && (body.value.is_some() || otherwise.value.is_some());
            if !has_value {
                drop_value(&mut body);
                drop_value(&mut otherwise);
            }
            let into = has_value.then(|| self.temporary(ty.clone(), span));
            let changes = changed_from_outside(&body);
            let (within, why, ty) = (saga.within, saga.why, ty.clone());
            let scope =
                Saga { site, roles: roles.clone(), within, body, changes, why, otherwise, into, ty: ty.clone() };
            let stmts = vec![Stmt { kind: StmtKind::Saga(Box::new(scope)), span }];
            let value = into.map(|into| Expr { kind: ExprKind::Local(into), ty, span }).or(unit);
            projected.push(Projected { stmts, value, kept });
        }
        self.keep(places, expr, projected);
        part
    }
}

/// The variables that a block changes and does not bind itself.
pub fn changed_from_outside(block: &Block) -> Vec<LocalId> {
    let mut bound = BTreeSet::new();
    bindings(block, &mut bound);
    let changed: BTreeSet<LocalId> = block.stmts.iter().flat_map(Stmt::changes).collect();
    changed.difference(&bound).copied().collect()
}

fn bindings(block: &Block, bound: &mut BTreeSet<LocalId>) {
    for stmt in block.stmts.iter().flat_map(|stmt| stmt.head().iter().chain([stmt])) {
        bound.extend(stmt.binds());
        stmt.blocks().into_iter().for_each(|block| bindings(block, bound));
    }
}
