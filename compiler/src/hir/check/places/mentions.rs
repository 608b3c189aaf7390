//! Which roles an expression is about. Whoever is not among them has no part in it, so that a choice between two of two hundred roles is
//! looked into for two.

use super::{Placer, Places};
use crate::hir::{ExprId, ExprKind, Place, Player, RoleId, StmtKind};

/// A set of roles: a bit for each.
#[derive(Clone, Debug, Default)]
pub struct Mentions(Vec<u64>);

impl Mentions {
    fn add(&mut self, role: RoleId) {
        let word = usize::from(role.0 / 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        if let Some(word) = self.0.get_mut(word) {
            *word |= 1 << (role.0 % 64);
        }
    }

    fn add_all(&mut self, other: &Mentions) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    fn add_place(&mut self, place: &Place) {
        match place {
            Place::Roles(roles) | Place::Each(roles) => roles.iter().for_each(|role| self.add(*role)),
            Place::Everywhere | Place::Error => {}
        }
    }

    fn has(&self, role: RoleId) -> bool {
        self.0.get(usize::from(role.0 / 64)).is_some_and(|word| word & (1 << (role.0 % 64)) != 0)
    }
}

impl Places {
    /// Whether an expression is about one who plays these parts, or about nobody.
    pub fn involves(&self, expr: ExprId, player: &Player) -> bool {
        let Some(mentions) = self.mentions.get(expr.0 as usize) else { return true };
        mentions.0.is_empty() || mentions.has(player.base) || player.members.iter().any(|member| mentions.has(*member))
    }
}

impl Placer<'_> {
    /// Notes which roles an expression is about, when its parts have been placed.
    pub(super) fn note(&mut self, expr: ExprId) {
        let body = self.body;
        let mut mentions = Mentions::default();
        for part in body[expr].kind.parts() {
            if let Some(part) = self.places.mentions.get(part.0 as usize) {
                mentions.add_all(part);
            }
        }
        mentions.add_place(self.places.expr(expr));
        let mut roles: Vec<RoleId> = Vec::new();
        match &body[expr].kind {
            ExprKind::Operation { role, .. } | ExprKind::At(_, role) => roles.push(*role),
            ExprKind::Communicate { from, to, .. } => {
                roles.extend(from.iter().chain(to).map(|(role, _)| *role));
            }
            ExprKind::Message { from, to } => roles.extend([*from].into_iter().chain(to.iter().map(|(role, _)| *role))),
            ExprKind::Call(call) => roles.extend(call.roles.iter().flatten().map(|(role, _)| *role)),
            ExprKind::Members(members) => {
                roles.extend([members.member].into_iter().chain(members.group.iter().copied()))
            }
            ExprKind::Mutate { target, .. } => mentions.add_place(self.places.local(target.local)),
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    match &stmt.kind {
                        StmtKind::Abort(role, _) | StmtKind::Sleep(role, _) => roles.push(*role),
                        StmtKind::Select(from, to) => {
                            roles.extend([*from].into_iter().chain(to.iter().map(|(role, _)| *role)));
                        }
                        StmtKind::Assign(target, _) => mentions.add_place(self.places.local(target.local)),
                        StmtKind::Let(..) | StmtKind::Require(..) | StmtKind::Expr(_) => {}
                    }
                }
            }
            _ => {}
        }
        if let (ExprKind::Saga(_), true) = (&body[expr].kind, mentions.0.is_empty() && roles.is_empty()) {
            // What computes what has no place, and may fail, everybody has a part in: it takes all their votes.
            for player in self.places.everyone.iter() {
                roles.extend([player.base].into_iter().chain(player.members.iter().copied()));
            }
        }
        roles.into_iter().for_each(|role| mentions.add(role));
        if let Some(slot) = self.places.mentions.get_mut(expr.0 as usize) {
            *slot = mentions;
        }
    }
}
