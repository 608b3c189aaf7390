//! Knowledge of choice: who learns which branch was taken, and from whom.
//!
//! A role that does the same in all branches is told nothing. Otherwise, in each branch by itself, the first message it
//! receives tells it, if whoever may send that knows the branch; else the compiler puts a selection at the head of the branch.
//! Who knows is a least fixpoint from the guard.

use std::collections::BTreeSet;

use super::merge::merge;
use super::sites::{SiteKey, Sites};
use super::{Block, Firsts, Label, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::{First, Meaning};
use crate::hir::body::Local;
use crate::hir::{Choreography, ExprId, Hir, RoleId, RoleSet};
use crate::span::Span;

/// A choice whose branches are projected.
pub struct Choice<'a> {
    /// The program.
    pub hir: &'a Hir,
    /// The choreography.
    pub choreography: &'a Choreography,
    /// Its variables.
    pub locals: &'a [Local],
    /// The choice.
    pub expr: ExprId,
    /// Its guard.
    pub guard: Span,
    /// The roles at the guard.
    pub deciders: &'a RoleSet,
    /// Each branch: where it stands, and whether it ends in `abort`.
    pub branches: Vec<(Span, bool)>,
}

/// A role's part in a choice.
#[derive(Clone, Debug)]
pub enum Part {
    /// It is at the guard.
    Decides,
    /// It does nothing in any branch.
    Idle,
    /// It does this in all branches.
    Same(Block),
    /// It is told of the branches where this is true; the others end without it.
    Told(Vec<bool>),
}

/// Finds out what each role has to know. `blocks` holds each role's projection of each branch; selections are put at their heads.
pub fn decide(
    choice: &Choice<'_>,
    blocks: &mut [Vec<Block>],
    sites: &mut Sites,
    diagnostics: &mut Diagnostics,
) -> Vec<Part> {
    let roles: Vec<RoleId> = choice.choreography.role_ids().collect();
    let mut parts = Vec::new();
    for (role, branches) in roles.iter().zip(blocks.iter()) {
        let part = if choice.deciders.contains(role) {
            check_selections_to_decider(choice, *role, branches, diagnostics);
            Part::Decides
        } else {
            without_telling(choice, *role, branches, sites, diagnostics)
        };
        parts.push(part);
    }
    let told: BTreeSet<RoleId> =
        roles.iter().zip(&parts).filter(|(_, part)| matches!(part, Part::Told(_))).map(|(role, _)| *role).collect();
    let mut firsts_missing: Vec<(RoleId, First)> = Vec::new();
    let mut knowers: Vec<RoleSet> = Vec::new();
    for index in 0..choice.branches.len() {
        let mut branch = Branch { choice, index, blocks, known: choice.deciders.clone() };
        let pending: BTreeSet<RoleId> = told.iter().copied().filter(|role| branch.matters_to(*role)).collect();
        branch.tell(pending, sites, &mut firsts_missing, diagnostics);
        knowers.push(branch.known);
    }
    for (role, part) in roles.iter().zip(&mut parts) {
        if let Part::Told(branches) = part {
            *branches = knowers.iter().map(|known| known.contains(role)).collect();
        }
    }
    report_missing(choice, firsts_missing, &knowers, diagnostics);
    parts
}

/// The part of a role that need not be told, or `Told` where it must be.
fn without_telling(
    choice: &Choice<'_>,
    role: RoleId,
    branches: &[Block],
    sites: &mut Sites,
    diagnostics: &mut Diagnostics,
) -> Part {
    if !branches.iter().any(Block::acts) {
        return Part::Idle;
    }
    let Some((block, pairs)) = merge(choice.hir, choice.choreography, choice.locals, branches, choice.expr.0) else {
        return Part::Told(Vec::new());
    };
    for (one, two) in pairs {
        sites.unify(one, two);
    }
    if let (Some(span), true) = (block.first_action(), branches.len() > 1) {
        let role = choice.choreography.role_name(role).to_owned();
        diagnostics.push(Meaning::SameInAllBranches { role, span, guard: choice.guard }.into());
    }
    Part::Same(block)
}

fn check_selections_to_decider(choice: &Choice<'_>, role: RoleId, branches: &[Block], diagnostics: &mut Diagnostics) {
    let own = |stmt: &&Stmt| matches!(&stmt.kind, StmtKind::Told(label, _) if label.choice == choice.expr.0);
    for stmt in branches.iter().flat_map(|block| block.stmts.iter().filter(own)) {
        let role = choice.choreography.role_name(role).to_owned();
        diagnostics.push(Meaning::SelectionToDecider { role, span: stmt.span, guard: choice.guard }.into());
    }
}

/// One branch, while it is found out who learns of it.
struct Branch<'a, 'c> {
    choice: &'a Choice<'c>,
    index: usize,
    blocks: &'a mut [Vec<Block>],
    known: RoleSet,
}

impl Branch<'_, '_> {
    fn block(&self, role: RoleId) -> Option<&Block> {
        self.blocks.get(usize::from(role.0)).and_then(|branches| branches.get(self.index))
    }

    fn span(&self) -> Span {
        self.choice.branches.get(self.index).map_or(self.choice.guard, |(span, _)| *span)
    }

    /// A branch that ends in `abort` tells nobody but those that act in it.
    fn matters_to(&self, role: RoleId) -> bool {
        let diverges = self.choice.branches.get(self.index).is_some_and(|(_, diverges)| *diverges);
        !diverges || self.block(role).is_some_and(Block::acts)
    }

    fn tell(
        &mut self,
        mut pending: BTreeSet<RoleId>,
        sites: &mut Sites,
        missing: &mut Vec<(RoleId, First)>,
        diagnostics: &mut Diagnostics,
    ) {
        let firsts = |branch: &Self, role: RoleId| branch.block(role).map(Firsts::of).unwrap_or_default();
        loop {
            let learns = pending.iter().copied().find(|role| {
                let firsts = firsts(self, *role);
                firsts.tell() && firsts.messages.iter().all(|(_, from)| self.known.contains(from))
            });
            if let Some(role) = learns {
                pending.remove(&role);
                self.known.insert(role);
                continue;
            }
            // Who waits for nobody that may yet learn is told first, and only a cycle is cut at its first role.
            let stuck = pending.iter().copied().find(|role| {
                let firsts = firsts(self, *role);
                let may_learn = |from: &RoleId| self.known.contains(from) || pending.contains(from);
                !firsts.tell() || !firsts.messages.iter().all(|(_, from)| may_learn(from))
            });
            let Some(role) = stuck.or_else(|| pending.first().copied()) else {
                return;
            };
            pending.remove(&role);
            self.check_teller(role, diagnostics);
            let action = self.block(role).and_then(Block::first_action);
            missing.push((role, First { branch: self.span(), action }));
            self.select(role, sites);
            self.known.insert(role);
        }
    }

    /// A role that would have to be told by the compiler before it tells others is a teller that does not know.
    fn check_teller(&self, role: RoleId, diagnostics: &mut Diagnostics) {
        let own = |stmt: &&Stmt| match &stmt.kind {
            StmtKind::Select(label, _) => label.choice == self.choice.expr.0 && !label.inferred,
            _ => false,
        };
        let Some(stmt) = self.block(role).and_then(|block| block.stmts.iter().find(own)) else {
            return;
        };
        let name = |role: &RoleId| self.choice.choreography.role_name(*role).to_owned();
        let knows = self.choice.deciders.iter().map(name).collect();
        let (teller, span, guard) = (name(&role), stmt.span, self.choice.guard);
        diagnostics.push(Meaning::TellerDoesNotKnow { teller, span, guard, knows }.into());
    }

    /// Puts a selection at the head of the branch.
    fn select(&mut self, to: RoleId, sites: &mut Sites) {
        let Some(from) = self.choice.deciders.first().copied() else {
            return;
        };
        let site = sites.site(SiteKey::Inferred(self.choice.expr, self.index, to));
        let (span, label) = (self.span(), Label { site, choice: self.choice.expr.0, inferred: true });
        let inferred = |stmt: &Stmt| matches!(&stmt.kind, StmtKind::Select(label, _) if label.inferred);
        for (role, kind) in [(from, StmtKind::Select(label, to)), (to, StmtKind::Told(label, from))] {
            let block = self.blocks.get_mut(usize::from(role.0)).and_then(|branches| branches.get_mut(self.index));
            if let Some(block) = block {
                let behind = block.stmts.iter().take_while(|stmt| inferred(stmt)).count();
                block.stmts.insert(behind, Stmt { kind, span });
            }
        }
    }
}

/// Under `#![explicit]`, every selection that the compiler put in is an error with the line to write.
fn report_missing(
    choice: &Choice<'_>,
    missing: Vec<(RoleId, First)>,
    knowers: &[RoleSet],
    diagnostics: &mut Diagnostics,
) {
    if !choice.choreography.explicit {
        return;
    }
    let name = |role: &RoleId| choice.choreography.role_name(*role).to_owned();
    let roles: BTreeSet<RoleId> = missing.iter().map(|(role, _)| *role).collect();
    let everywhere = |role: &RoleId| knowers.iter().all(|known| known.contains(role)) && !roles.contains(role);
    let knows: Vec<String> = choice.choreography.role_ids().filter(everywhere).map(|role| name(&role)).collect();
    for role in roles {
        let firsts = missing.iter().filter(|(of, _)| *of == role).map(|(_, first)| first.clone()).collect();
        let decider = choice.deciders.first().map(name).unwrap_or_default();
        let (role, knows) = (name(&role), knows.clone());
        diagnostics.push(Meaning::NotTold { role, decider, guard: choice.guard, firsts, knows }.into());
    }
}
