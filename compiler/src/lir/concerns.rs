//! Which statements of a block concern whom, so that each role's projection visits its own: in a block of ten thousand statements between as
//! many roles, each is about two of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::project::{Aim, Projector};
use crate::hir::check::places::Places;
use crate::hir::{self, ExprId, ExprKind, Place, Player, RoleId, Spread, StmtKind, Ty};

/// The statements of a block, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Concerns {
    by_role: BTreeMap<RoleId, Vec<usize>>,
    by_everyone: Vec<usize>,
}

/// Those for whom a statement may be anything but nothing.
#[derive(Debug, Default)]
struct Concerned {
    everyone: bool,
    roles: BTreeSet<RoleId>,
}

impl Concerns {
    fn of(projector: &Projector<'_>, places: &Places, stmts: &[hir::Stmt]) -> Self {
        let mut concerns = Self::default();
        for (number, stmt) in stmts.iter().enumerate() {
            let concerned = Concerned::by(projector, places, stmt);
            match concerned.everyone {
                true => concerns.by_everyone.push(number),
                false => {
                    concerned.roles.into_iter().for_each(|role| concerns.by_role.entry(role).or_default().push(number))
                }
            }
        }
        concerns
    }

    /// The statements for one who plays these parts, in order.
    fn for_player(&self, player: &Player) -> BTreeSet<usize> {
        let parts = [&player.base].into_iter().chain(&player.members);
        let own = parts.filter_map(|role| self.by_role.get(role)).flatten();
        own.chain(&self.by_everyone).copied().collect()
    }
}

impl Concerned {
    fn by(projector: &Projector<'_>, places: &Places, stmt: &hir::Stmt) -> Self {
        let mut concerned = Self::default();
        match &stmt.kind {
            StmtKind::Let(_, _, value) => {
                // Everyone has a value that lives nowhere, and `()`, and binds what is bound to it.
                concerned.everyone |= projector.choreography.body[*value].ty.is_unit();
                concerned.add_value(projector, places, *value);
            }
            StmtKind::Assign(target, value) => {
                concerned.add_place(places.local(target.local));
                target.indices().chain([*value]).for_each(|expr| concerned.add_used(projector, places, expr));
            }
            StmtKind::Require(condition, reason) => {
                [condition, reason].into_iter().for_each(|expr| concerned.add_used(projector, places, *expr));
            }
            // Who does not end the scope waits for its end.
            StmtKind::Abort(..) => concerned.everyone = true,
            StmtKind::Sleep(role, time) => {
                concerned.roles.insert(*role);
                concerned.add_used(projector, places, *time);
            }
            StmtKind::Select(from, to) => {
                concerned.roles.extend(to.iter().map(|(role, _)| *role).chain([*from]));
            }
            StmtKind::Expr(expr) => concerned.add_used(projector, places, *expr),
        }
        concerned
    }

    /// Adds those who do something for a value that is not bound, or hold it. A literal is computed by whoever uses it, and is nothing to others.
    fn add_used(&mut self, projector: &Projector<'_>, places: &Places, expr: ExprId) {
        if !matches!(projector.choreography.body[expr].kind, ExprKind::Literal(_)) {
            self.add_value(projector, places, expr);
        }
    }

    /// Adds those who do something for a value, or hold it.
    fn add_value(&mut self, projector: &Projector<'_>, places: &Places, expr: ExprId) {
        let (ty, mentioned) = (&projector.choreography.body[expr].ty, places.mentioned(expr));
        let is_everywhere = !ty.is_unit() && matches!(places.expr(expr), Place::Everywhere | Place::Error);
        self.everyone |= mentioned.is_empty() || is_everywhere || *ty == Ty::Never;
        self.roles.extend(mentioned);
        if let Some(spread) = places.spreads.get(&projector.tail(expr)) {
            self.add_spread(spread);
        }
    }

    fn add_spread(&mut self, spread: &Spread) {
        match spread {
            Spread::Whole(place, _) => self.add_place(place),
            Spread::Parts(parts) => parts.iter().for_each(|part| self.add_spread(part)),
            Spread::Unused => {}
        }
    }

    fn add_place(&mut self, place: &Place) {
        match place {
            Place::Everywhere | Place::Error => self.everyone = true,
            Place::Roles(roles) | Place::Each(roles) => self.roles.extend(roles),
        }
    }
}

impl Projector<'_> {
    /// What a player does for the statements of a block.
    pub(super) fn stmts(&mut self, aim: &mut Aim<'_>, block: ExprId, stmts: &[hir::Stmt]) {
        let is_select =
            |number: &usize| stmts.get(*number).is_some_and(|stmt| matches!(stmt.kind, StmtKind::Select(..)));
        let numbers = match self.concerns.get(&block).map(Arc::clone) {
            Some(concerns) => concerns.for_player(&aim.player),
            None => {
                let concerns = Concerns::of(self, aim.places, stmts);
                let mut numbers = concerns.for_player(&aim.player);
                // The first one here gives all selections their sites: they have the order of the text, whomever they concern.
                numbers.extend((0..stmts.len()).filter(is_select));
                self.concerns.insert(block, Arc::new(concerns));
                numbers
            }
        };
        for number in numbers {
            if let Some(stmt) = stmts.get(number) {
                self.stmt(aim, stmt);
            }
        }
    }
}
