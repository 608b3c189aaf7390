//! A call of a choreography at one participant: its variables, and who plays which role.

use std::collections::BTreeMap;

use accompanist::RoleId;
use chor::hir::{ChoreographyId, LocalId, Ty};
use chor::interpret::Value;
use chor::lir::{Projection, To};

/// A call at one participant.
#[derive(Clone, Debug)]
pub(super) struct Frame<'a> {
    pub(super) projection: &'a Projection,
    pub(super) me: RoleId,
    /// Who plays each role; a member only while its block is run.
    pub(super) cast: BTreeMap<chor::hir::RoleId, Vec<RoleId>>,
    pub(super) vars: BTreeMap<LocalId, Value>,
    pub(super) types: Vec<Ty>,
    pub(super) choreographies: Vec<ChoreographyId>,
    /// In a function, how many calls of functions are around.
    pub(super) functions: u32,
}

impl Frame<'_> {
    /// Who plays a role.
    pub(super) fn players(&self, role: chor::hir::RoleId) -> &[RoleId] {
        self.cast.get(&role).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who plays any of these, in order.
    pub(super) fn players_of(&self, roles: &[chor::hir::RoleId]) -> Vec<RoleId> {
        roles.iter().flat_map(|role| self.players(*role)).copied().collect()
    }

    /// Who plays a role that is one participant.
    pub(super) fn player(&self, role: chor::hir::RoleId) -> RoleId {
        self.players(role).first().copied().unwrap_or(RoleId(u16::MAX))
    }

    /// Whom a message goes to, with this participant among them where it is.
    pub(super) fn recipients(&self, to: &To) -> Vec<RoleId> {
        let plays = |role: &chor::hir::RoleId, player: &RoleId| self.players(*role).contains(player);
        let all = self.players(to.role).iter().copied();
        all.filter(|player| {
            to.also.iter().all(|role| plays(role, player)) && !to.except.iter().any(|role| plays(role, player))
        })
        .collect()
    }

    /// Keeps a value.
    pub(super) fn set(&mut self, into: Option<LocalId>, value: Value) {
        if let Some(into) = into {
            self.vars.insert(into, value);
        }
    }

    /// Takes over what an arm changed, which began with `before`.
    pub(super) fn take_over(&mut self, before: &BTreeMap<LocalId, Value>, arm: Frame<'_>) {
        for (local, value) in arm.vars {
            if before.get(&local) != Some(&value) {
                self.vars.insert(local, value);
            }
        }
    }
}
