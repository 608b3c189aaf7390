//! Choices: where their values live, and which roles know.

use std::sync::Arc;

use super::super::misplaced;
use super::Placer;
use crate::diagnostic::Diagnostics;
use crate::hir::{ExprId, ExprKind, Lost, Pattern, Place, RoleSet, Ty, place};

impl Placer<'_> {
    pub(super) fn choice(&mut self, expr: ExprId, guard: ExprId, patterns: &[&Pattern], branches: &[ExprId]) -> Place {
        let errors = self.diagnostics.error_count();
        let guard_place = self.walk(guard);
        if guard_place.is_nowhere() {
            let problem = misplaced::apart(self.choreography, &self.places, self.body[guard].span, &[guard]);
            self.diagnostics.push(problem);
        }
        self.own_outside(guard);
        for pattern in patterns {
            self.bind(pattern, &guard_place);
        }
        let branches: Vec<(ExprId, Place)> = branches.iter().map(|branch| (*branch, self.walk(*branch))).collect();
        if guard_place == Place::Error {
            return Place::Error;
        }
        self.chosen(expr, Some(&guard_place), errors, &branches)
    }

    /// Where the value of a choice lives: where its branches' values do, and the choice is known.
    pub(super) fn chosen(
        &mut self,
        expr: ExprId,
        guard: Option<&Place>,
        errors: usize,
        branches: &[(ExprId, Place)],
    ) -> Place {
        let mut place = Place::Everywhere;
        for (branch, branch_place) in branches {
            if self.body[*branch].ty != Ty::Never {
                place = self.choreography.meet(&place, branch_place);
            }
        }
        if self.diagnostics.error_count() > errors {
            // What follows from a mistake is not told.
            return Place::Error;
        }
        self.spread_branches(expr, branches);
        self.note(expr);
        let is_refused = |branch: &ExprId| self.places.refused.contains(branch);
        if branches.iter().any(|(branch, place)| *place == Place::Error || is_refused(branch)) {
            // Neither is what follows from a branch that is wrong already; the parts of those in it have been found out all the same.
            self.knowledge.known(&self.places, expr, &mut Diagnostics::new());
            return Place::Error;
        }
        // Where everyone decides, or nobody goes on, it is about everyone.
        let is_narrow = guard != Some(&Place::Everywhere) && self.body[expr].ty != Ty::Never;
        self.places.players = match (is_narrow, self.places.mentioned(expr)) {
            (false, _) | (true, []) => Arc::clone(&self.places.everyone),
            (true, mentioned) => {
                let mentioned = mentioned.iter().copied().collect();
                place::playing(&self.choreography.roles, &self.places.members, &mentioned).into()
            }
        };
        let known = self.knowledge.known(&self.places, expr, self.diagnostics);
        let at_guard = match &self.body[expr].kind {
            ExprKind::While { condition: guard, .. } | ExprKind::For { items: guard, .. } => Some(*guard),
            _ => None,
        };
        let knowing = at_guard.map_or_else(|| known.clone(), |guard| self.places.expr(guard).clone());
        self.places.known.insert(expr, knowing);
        if self.body[expr].ty.is_unit() || self.body[expr].ty == Ty::Never {
            return Place::Everywhere;
        }
        if let Some(spread) = self.places.spreads.get(&expr).cloned() {
            // What a role computes in a branch is its part of the value where it knows the branch.
            let spread = spread.map(&mut |place| self.chosen_at(expr, place, &known));
            let place = self.set_spread(expr, spread);
            return place;
        }
        let (result, lost) = self.chosen_at(expr, &place, &known);
        if let Some(lost) = lost {
            self.places.lost.insert(expr, lost);
        }
        result
    }

    /// Where the parts of the value live if all know which branch was taken, of a choice that is taken apart.
    fn spread_branches(&mut self, expr: ExprId, branches: &[(ExprId, Place)]) {
        let Some(demand) = self.taken_apart.get(&expr) else {
            return;
        };
        let roles = &self.choreography.roles;
        let goes_on = branches.iter().filter(|(branch, _)| self.body[*branch].ty != Ty::Never);
        let spreads = goes_on.map(|(branch, _)| self.spread(*branch).taken(roles, demand));
        if let Some(spread) = spreads.reduce(|one, two| one.meet(roles, &two)) {
            self.places.spreads.insert(expr, spread);
        }
    }

    /// Where a value lives that does at `place` in every branch, and who lacks it only because they do not know which was taken.
    fn chosen_at(&self, choice: ExprId, place: &Place, known: &Place) -> (Place, Option<Lost>) {
        let result = match (place, known) {
            // Each member has its own where all members know of the choice.
            (Place::Each(group), Place::Roles(_))
                if !group.iter().all(|role| self.choreography.holds(known, *role)) =>
            {
                Place::Roles(RoleSet::new())
            }
            _ => self.choreography.meet(place, known),
        };
        let lost = Lost { would: place.clone(), place: result.clone(), members: self.places.members.clone(), choice };
        (result, Some(lost).filter(|lost| lost.is_any(self.choreography)))
    }
}
