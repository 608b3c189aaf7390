//! Choreographies that call each other are projected together. What a role first receives in a recursive call may tell it of a branch
//! that begins with the call, but is known only when the callee is projected. So they are projected again with what was found
//! out, until that is what is found out again.

use std::collections::BTreeMap;

use super::project::choreography_programs;
use super::{Firsts, Projection};
use crate::diagnostic::Diagnostics;
use crate::hir::calls::Calls;
use crate::hir::{ChoreographyId, Hir, RoleId};

/// What roles of choreographies first receive.
pub(super) type Assumed = BTreeMap<(ChoreographyId, RoleId), Firsts>;

/// How often choreographies are projected at most. What comes first may be a message of ever more calls that stand in each other: then
/// it is never found out.
const PASSES_MAX: usize = 5;
/// How many messages may come first at a role before that is given up.
const MESSAGES_MAX: usize = 256;

/// Projects the choreographies of a cycle of calls, whose other callees are done.
pub(super) fn project_cycle(
    hir: &Hir,
    calls: &Calls,
    done: &mut [Option<Projection>],
    cycle: &[ChoreographyId],
) -> Diagnostics {
    let pass = |done: &mut [Option<Projection>], assumed: &Assumed| {
        let mut found = Diagnostics::new();
        for id in cycle {
            let projection = choreography_programs(hir, calls, (done, assumed), *id, &mut found);
            if let Some(slot) = done.get_mut(id.0 as usize) {
                *slot = projection;
            }
        }
        found
    };
    let found = pass(done, &Assumed::new());
    let selects = |done: &[Option<Projection>]| projections(done, cycle).any(|it| !it.selections.is_empty());
    let is_recursive = cycle.first().is_some_and(|id| calls.calls_back(*id));
    if found.has_errors() || !is_recursive || !selects(done) {
        return found;
    }
    let mut assumed = firsts(done, cycle);
    for _ in 1..PASSES_MAX {
        let found = pass(done, &assumed);
        let next = firsts(done, cycle);
        if next == assumed {
            return found;
        }
        if next.values().any(|firsts| firsts.messages.len() > MESSAGES_MAX) {
            break;
        }
        assumed = next;
    }
    pass(done, &Assumed::new())
}

fn projections<'d>(
    done: &'d [Option<Projection>],
    cycle: &'d [ChoreographyId],
) -> impl Iterator<Item = &'d Projection> + 'd {
    cycle.iter().filter_map(|id| done.get(id.0 as usize)?.as_ref())
}

/// What roles of the cycle's choreographies first receive, of those that certainly receive something first.
fn firsts(done: &[Option<Projection>], cycle: &[ChoreographyId]) -> Assumed {
    let mut found = Assumed::new();
    for projection in projections(done, cycle) {
        for program in &projection.programs {
            let firsts = Firsts::of(&program.body);
            if firsts.tell() {
                found.insert((projection.id(), program.role), firsts);
            }
        }
    }
    found
}
