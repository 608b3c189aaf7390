//! Which roles an expression is about. Whoever is not among them has no part in it, so that a choice between two of two hundred roles is
//! looked into for two.

use super::{Placer, Places};
use crate::hir::{ExprId, ExprKind, Place, Player, RoleId, StmtKind};

/// A set of roles, in order.
#[derive(Clone, Debug, Default)]
pub struct Mentions(Vec<RoleId>);

impl FromIterator<RoleId> for Mentions {
    fn from_iter<I: IntoIterator<Item = RoleId>>(roles: I) -> Self {
        let mut roles: Vec<RoleId> = roles.into_iter().collect();
        roles.sort_unstable();
        roles.dedup();
        roles.shrink_to_fit();
        Self(roles)
    }
}

impl Places {
    /// Whether an expression is about one who plays these parts, or about nobody.
    pub fn involves(&self, expr: ExprId, player: &Player) -> bool {
        let mentioned = self.mentioned(expr);
        let has = |role: &RoleId| mentioned.binary_search(role).is_ok();
        mentioned.is_empty() || has(&player.base) || player.members.iter().any(has)
    }

    /// Which roles an expression is about, in order; none where it is about nobody.
    pub fn mentioned(&self, expr: ExprId) -> &[RoleId] {
        self.mentions.get(expr.0 as usize).map_or(&[], |mentions| &mentions.0)
    }
}

impl Placer<'_> {
    /// Notes which roles an expression is about, when its parts have been placed.
    pub(super) fn note(&mut self, expr: ExprId) {
        let body = self.body;
        let mut roles: Vec<RoleId> = Vec::new();
        let mut is_refused = matches!(body[expr].kind, ExprKind::Error);
        for part in body[expr].kind.parts() {
            roles.extend(self.places.mentioned(part));
            is_refused |= self.places.refused.contains(&part);
        }
        if is_refused {
            self.places.refused.insert(expr);
        }
        roles.extend(at(self.places.expr(expr)));
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
            ExprKind::Mutate { target, .. } => roles.extend(at(self.places.local(target.local))),
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    match &stmt.kind {
                        StmtKind::Abort(role, _) | StmtKind::Sleep(role, _) => roles.push(*role),
                        StmtKind::Select(from, to) => {
                            roles.extend([*from].into_iter().chain(to.iter().map(|(role, _)| *role)));
                        }
                        StmtKind::Assign(target, _) => roles.extend(at(self.places.local(target.local))),
                        StmtKind::Let(..) | StmtKind::Require(..) | StmtKind::Expr(_) => {}
                    }
                }
            }
            _ => {}
        }
        if let (ExprKind::Saga(_), true) = (&body[expr].kind, roles.is_empty()) {
            // What computes what has no place, and may fail, everybody has a part in: it takes all their votes.
            for player in self.places.everyone.iter() {
                roles.extend([player.base].into_iter().chain(player.members.iter().copied()));
            }
        }
        if let Some(slot) = self.places.mentions.get_mut(expr.0 as usize) {
            *slot = roles.into_iter().collect();
        }
    }
}

/// The roles of a place that is not everywhere.
fn at(place: &Place) -> impl Iterator<Item = RoleId> {
    let roles = match place {
        Place::Roles(roles) | Place::Each(roles) => Some(roles),
        Place::Everywhere | Place::Error => None,
    };
    roles.into_iter().flatten().copied()
}
