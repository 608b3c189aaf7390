//! The functions that are generated: a program for each role that is played, and for each that is called from there. A choreography with
//! parameters that are choreographies has one for each choice of these.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::Ident;

use super::names::{item, snake};
use crate::Compilation;
use crate::hir::{Callee, ChoreographyId, Hir, RoleId};
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

/// All programs that are reached from these.
pub fn reachable(compilation: &Compilation, roots: impl Iterator<Item = Instance>) -> BTreeSet<Instance> {
    let projections: BTreeMap<usize, &Projection> =
        compilation.projections.iter().map(|projection| (projection.choreography, projection)).collect();
    let mut found: BTreeSet<Instance> = roots.collect();
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
                work.push(callee);
            }
        }
    }
    found
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
