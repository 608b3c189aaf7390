//! A variable that is assigned in one arm of `par` is neither read nor assigned in another, and no copy of an `each` assigns one from
//! outside, but a member's own in the copy of that member.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{
    Body, Choreography, ExprId, ExprKind, Hir, LocalId, MemberOrder, Members, Place, RoleId, RoleKind, RoleSet,
    StmtKind, place,
};
use crate::span::Span;

/// What an arm does with variables: where it first uses each, and where it first assigns it.
#[derive(Default)]
struct Uses {
    reads: BTreeMap<LocalId, Span>,
    writes: BTreeMap<LocalId, Span>,
}

/// Reports races.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    for choreography in &hir.choreographies {
        let body = &choreography.body;
        if !body.locals.iter().any(|local| local.mutable) {
            continue;
        }
        let places = places(body);
        for expr in &body.exprs {
            match &expr.kind {
                ExprKind::Par(arms) => arms_race(body, arms, diagnostics),
                ExprKind::Members(members) if members.order == MemberOrder::SideBySide => {
                    copies_race(choreography, &places, members, diagnostics);
                }
                _ => {}
            }
        }
    }
}

/// What copies do with a variable from outside: where each member's own is meant that the copy is about, and where something else is.
#[derive(Default)]
struct InCopies {
    assigned: Option<Span>,
    assigned_by_all: Option<Span>,
    used_by_all: Option<Span>,
}

/// The places of the variables that change, which are written.
fn places(body: &Body) -> BTreeMap<LocalId, Place> {
    let mut places = BTreeMap::new();
    for expr in &body.exprs {
        let ExprKind::Block(stmts, _) = &expr.kind else { continue };
        for stmt in stmts {
            if let StmtKind::Let(pattern, Some(at), _) = &stmt.kind {
                places.extend(pattern.bindings().into_iter().map(|local| (local, at.place())));
            }
        }
    }
    places
}

fn copies_race(
    choreography: &Choreography,
    places: &BTreeMap<LocalId, Place>,
    members: &Members,
    diagnostics: &mut Diagnostics,
) {
    let body = &choreography.body;
    let block = body[members.body].span;
    let is_inside = |local: &LocalId| {
        let declared = body[*local].span;
        declared.file == block.file && block.start <= declared.start && declared.end <= block.end
    };
    let mut found: BTreeMap<LocalId, InCopies> = BTreeMap::new();
    let mut work = vec![(members.body, vec![members.member])];
    while let Some((expr, mut around)) = work.pop() {
        let own = |local: LocalId, role: Option<RoleId>| {
            is_own(choreography, places.get(&local), role, &around, members.member)
        };
        let mut skipped = None;
        match &body[expr].kind {
            ExprKind::At(value, role) | ExprKind::Communicate { value, from: Some((role, _)), .. } => {
                if let ExprKind::Local(local) = body[*value].kind {
                    skipped = Some(*value);
                    found.entry(local).or_default().uses(own(local, Some(*role)), body[*value].span);
                }
            }
            ExprKind::Local(local) => found.entry(*local).or_default().uses(own(*local, None), body[expr].span),
            ExprKind::Mutate { target, .. } => {
                found.entry(target.local).or_default().assigns(own(target.local, None), target.span);
            }
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    if let StmtKind::Assign(target, _) = &stmt.kind {
                        found.entry(target.local).or_default().assigns(own(target.local, None), target.span);
                    }
                }
            }
            _ => {}
        }
        if let ExprKind::Members(inner) = &body[expr].kind {
            around.push(inner.member);
        }
        let parts = body[expr].kind.parts().into_iter().rev().filter(|part| Some(*part) != skipped);
        work.extend(parts.map(|part| (part, around.clone())));
    }
    for (local, uses) in found.into_iter().filter(|(local, _)| !is_inside(local)) {
        let name = body[local].name.clone();
        if let Some(assigned) = uses.assigned_by_all {
            diagnostics.push(Grouping::Race { name, assigned, used: assigned }.into());
        } else if let (Some(assigned), Some(used)) = (uses.assigned, uses.used_by_all) {
            diagnostics.push(Grouping::Race { name, assigned, used }.into());
        }
    }
}

impl InCopies {
    fn uses(&mut self, own: bool, span: Span) {
        if !own {
            self.used_by_all.get_or_insert(span);
        }
    }

    fn assigns(&mut self, own: bool, span: Span) {
        let slot = if own { &mut self.assigned } else { &mut self.assigned_by_all };
        slot.get_or_insert(span);
    }
}

/// Whether what is meant is what the member `of` has for itself, of the members `around`, or of those a role that is named.
fn is_own(
    choreography: &Choreography,
    place: Option<&Place>,
    named: Option<RoleId>,
    around: &[RoleId],
    of: RoleId,
) -> bool {
    let Some(place @ Place::Each(group)) = place else {
        return false;
    };
    let is_of = |role: &RoleId| match choreography.kind(*role) {
        RoleKind::Member(hosts) => hosts.iter().copied().collect::<RoleSet>() == *group,
        RoleKind::Single | RoleKind::Group => group.contains(role),
    };
    match named.filter(is_of) {
        Some(role) => role == of,
        None => place::inside(&choreography.roles, place, around) == Place::at(of),
    }
}

fn arms_race(body: &Body, arms: &[ExprId], diagnostics: &mut Diagnostics) {
    let all: Vec<Uses> = arms.iter().map(|arm| uses(body, *arm)).collect();
    for (index, arm) in all.iter().enumerate() {
        for (local, assigned) in &arm.writes {
            let others = all.iter().enumerate().filter(|(other, _)| *other != index);
            // Of two arms that both assign it, the first one reports.
            let used = others.filter_map(|(other, uses)| match uses.writes.get(local) {
                Some(_) if other < index => None,
                Some(span) => Some(*span),
                None => uses.reads.get(local).copied(),
            });
            if let Some(used) = used.min() {
                let name = body[*local].name.clone();
                diagnostics.push(Grouping::Race { name, assigned: *assigned, used }.into());
            }
        }
    }
}

/// What stands in an expression.
fn uses(body: &Body, root: ExprId) -> Uses {
    let mut found = Uses::default();
    let mut work = vec![root];
    while let Some(expr) = work.pop() {
        match &body[expr].kind {
            ExprKind::Local(local) => {
                found.reads.entry(*local).or_insert(body[expr].span);
            }
            ExprKind::Mutate { target, .. } => {
                found.writes.entry(target.local).or_insert(target.span);
            }
            ExprKind::Block(stmts, _) => {
                for stmt in stmts {
                    if let StmtKind::Assign(target, _) = &stmt.kind {
                        found.writes.entry(target.local).or_insert(target.span);
                    }
                }
            }
            _ => {}
        }
        work.extend(body[expr].kind.parts().into_iter().rev());
    }
    found
}
