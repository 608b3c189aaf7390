//! Variables that change, calls, and blocks that are run once for each member.

use std::sync::Arc;

use super::super::misplaced;
use super::Placer;
use crate::hir::lower::{cast_place, result_place, result_spread};
use crate::hir::{Call, ExprId, Members, Place, Placed, Signature, SignatureParam, Step, Target, place};

impl Placer<'_> {
    /// What is assigned to, and where.
    pub(super) fn target(&mut self, target: &Target) -> Place {
        let place = place::inside(&self.choreography.roles, self.places.local(target.local), &self.places.members);
        for step in &target.path {
            if let Step::Index(index) = step {
                self.walk(*index);
                self.need_at(*index, &place, target.span);
            }
        }
        place
    }

    pub(super) fn call(&mut self, expr: ExprId, call: &Call) -> Place {
        let signature = self.signature(call);
        let values = signature.params.iter().filter_map(|param| match param {
            SignatureParam::Value(_, _, at) => Some(at),
            SignatureParam::Choreography(..) => None,
        });
        for (arg, at) in call.args.iter().zip(values) {
            self.walk(*arg);
            self.need_at(*arg, &cast_place(at, call), self.body[expr].span);
        }
        let meet = |one: &Place, two: &Place| self.choreography.meet(one, two);
        let place = result_place(&signature.result, call, &meet);
        if let Placed::Tuple(..) = &signature.result {
            self.places.spreads.insert(expr, result_spread(&signature.result, call, &meet));
            return self.in_one_place(expr, place);
        }
        place
    }

    fn signature(&self, call: &Call) -> Signature {
        crate::hir::signature_of(self.hir, self.choreography, call.callee).clone()
    }

    /// A block that is run once for each member.
    pub(super) fn members(&mut self, expr: ExprId, members: &Members) -> Place {
        let errors = self.diagnostics.error_count();
        let outside = Arc::clone(&self.places.everyone);
        let own = outside.iter().filter_map(|player| player.within(members.member, &members.group));
        let inside = outside.iter().cloned().chain(own).collect();
        self.places.everyone = inside;
        self.places.members.push(members.member);
        let place = self.walk(members.body);
        self.places.members.pop();
        self.places.everyone = outside;
        if self.body[expr].ty.is_unit() {
            return Place::Everywhere;
        }
        if self.diagnostics.error_count() > errors {
            return Place::Error;
        }
        let alone = Place::at(members.member);
        let result = place::outside(&self.choreography.roles, &place, members.member);
        if (members.gathers && place == alone) || result.is_nowhere() {
            // The roles that would hold it do not know what they would need to.
            let lost = self.places.lost.get(&self.tail(members.body));
            let role = lost.and_then(|lost| lost.roles(self.choreography).first().copied());
            let role = role.unwrap_or(members.member);
            let by = self.body[expr].span;
            let problem = misplaced::needed(self.choreography, &self.places, members.body, role, by);
            self.diagnostics.push(problem);
            return Place::Error;
        }
        result
    }

    pub(super) fn set_expr(&mut self, expr: ExprId, place: Place) {
        if let Some(slot) = self.places.exprs.get_mut(expr.0 as usize) {
            *slot = place;
        }
    }
}
