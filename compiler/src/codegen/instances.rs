//! The functions that are generated: a program for each role that is played, and for each that is called from there. A choreography with
//! parameters that are choreographies has one for each choice of these.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;

use super::names::{item, snake};
use crate::Compilation;
use crate::diagnostic::Diagnostics;
use crate::diagnostic::grouping::Grouping;
use crate::hir::{Callee, Choreography, ChoreographyId, Hir, RoleId, Ty};
use crate::lir::{Block, Call, Projection, Stmt, StmtKind};

/// A role's program, with the choreographies that stand for its parameters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// The choreography.
    pub choreography: ChoreographyId,
    /// The choreographies that it is handed.
    pub env: Vec<ChoreographyId>,
    /// The role.
    pub role: RoleId,
}

/// The most combinations of choreographies that one choreography is handed. Each is Rust of its own, and a recursion that permutes what it
/// is handed has as many as there are permutations.
const COMBINATIONS_MAX: usize = 256;

/// Reports choreographies that are handed too many combinations of others.
pub fn check(hir: &Hir, projections: &[Projection], diagnostics: &mut Diagnostics) {
    let starts = projections.iter().filter(|projection| projection.starts);
    let roots = starts.flat_map(|projection| {
        let roles = projection.programs.iter().map(|program| program.role);
        roles.map(|role| Instance { choreography: projection.id(), env: Vec::new(), role })
    });
    if let Err(choreography) = walk(projections, roots.collect(), COMBINATIONS_MAX) {
        let name = &hir.choreography(choreography).name;
        let (name, span, max) = (name.name.clone(), name.span, COMBINATIONS_MAX);
        diagnostics.push(Grouping::TooManyInstances { name, span, max }.into());
    }
}

/// All programs that are reached from these.
pub fn reachable(compilation: &Compilation, roots: impl Iterator<Item = Instance>) -> BTreeSet<Instance> {
    walk(&compilation.projections, roots.collect(), usize::MAX).unwrap_or_default()
}

/// All programs that are reached from these, or the choreography that is handed more than so many combinations of others.
fn walk(
    projections: &[Projection],
    mut found: BTreeSet<Instance>,
    max: usize,
) -> Result<BTreeSet<Instance>, ChoreographyId> {
    let projections: BTreeMap<usize, &Projection> =
        projections.iter().map(|projection| (projection.choreography, projection)).collect();
    let mut combinations: BTreeMap<ChoreographyId, BTreeSet<Vec<ChoreographyId>>> = BTreeMap::new();
    let mut work: Vec<Instance> = found.iter().cloned().collect();
    while let Some(instance) = work.pop() {
        let mut calls = Vec::new();
        if let Some(projection) = projections.get(&(instance.choreography.0 as usize))
            && let Some(program) = projection.programs.get(usize::from(instance.role.0))
        {
            calls_of(&program.body, &mut calls);
        }
        for call in calls {
            let known = |callee: &Callee| match callee {
                Callee::Choreography(id) => Some(*id),
                Callee::Param(index) => instance.env.get(*index as usize).copied(),
            };
            let env: Option<Vec<ChoreographyId>> = call.choreographies.iter().map(known).collect();
            let (Some(choreography), Some(env)) = (known(&call.callee), env) else { continue };
            let callee = Instance { choreography, env, role: call.formal };
            if found.insert(callee.clone()) {
                if !callee.env.is_empty() {
                    let of_it = combinations.entry(choreography).or_default();
                    of_it.insert(callee.env.clone());
                    if of_it.len() > max {
                        return Err(choreography);
                    }
                }
                work.push(callee);
            }
        }
    }
    Ok(found)
}

/// For each type parameter of a choreography, the type that the choreographies which it is handed ask for. One that their signatures do
/// not mention stands for itself: the function of such an instance has only those parameters.
pub fn fixed_types(hir: &Hir, choreography: &Choreography, env: &[ChoreographyId]) -> Vec<Ty> {
    let params = (0..).zip(&choreography.types).map(|(index, ty)| Ty::Param(index, ty.name.clone()));
    let mut fixed: Vec<Ty> = params.collect();
    for ((_, asked), handed) in choreography.choreographies.iter().zip(env) {
        let handed = hir.signature(*handed);
        for ((_, asked, _), (_, handed, _)) in asked.values().zip(handed.values()) {
            fix(asked, handed, &mut fixed);
        }
        fix(&asked.result.ty(), &handed.result.ty(), &mut fixed);
    }
    fixed
}

/// Finds what stands for type parameters where `asked` becomes `handed`.
fn fix(asked: &Ty, handed: &Ty, fixed: &mut Vec<Ty>) {
    match (asked, handed) {
        (Ty::Param(index, _), handed) => {
            if let Some(slot) = fixed.get_mut(*index as usize) {
                *slot = handed.clone();
            }
        }
        (Ty::Tuple(asked), Ty::Tuple(handed)) => {
            asked.iter().zip(handed).for_each(|(asked, handed)| fix(asked, handed, fixed));
        }
        (Ty::Option(asked), Ty::Option(handed)) | (Ty::Vec(asked), Ty::Vec(handed)) => fix(asked, handed, fixed),
        (Ty::Result(one, two), Ty::Result(other_one, other_two))
        | (Ty::Map(one, two), Ty::Map(other_one, other_two)) => {
            fix(one, other_one, fixed);
            fix(two, other_two, fixed);
        }
        _ => {}
    }
}

fn calls_of<'b>(block: &'b Block, calls: &mut Vec<&'b Call>) {
    block.stmts.iter().for_each(|stmt| calls_in(stmt, calls));
}

fn calls_in<'b>(stmt: &'b Stmt, calls: &mut Vec<&'b Call>) {
    if let StmtKind::Call(call) = &stmt.kind {
        calls.push(call);
    }
    stmt.head().iter().for_each(|stmt| calls_in(stmt, calls));
    stmt.blocks().into_iter().for_each(|block| calls_of(block, calls));
}

/// The name of an instance's function, in the module of its choreography; `name` is that of the role's program.
pub fn instance_function(hir: &Hir, name: &Ident, env: &[ChoreographyId]) -> Ident {
    if env.is_empty() {
        return name.clone();
    }
    let handed: Vec<String> = env.iter().map(|id| snake(&hir.choreography(*id).name.name)).collect();
    item(&format!("{}_with_{}", name.to_string().trim_start_matches("r#"), handed.join("_and_")))
}
