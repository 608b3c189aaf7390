//! The programs of functions, and which functions a program uses.

use std::collections::{BTreeMap, BTreeSet};

use super::project::Projector;
use super::{Block, Expr, ExprKind, Facts, Program, Projection, Stmt};
use crate::diagnostic::Diagnostics;
use crate::hir::calls::Calls;
use crate::hir::check::places::place;
use crate::hir::{Choreography, ChoreographyId, FnId, Function, Hir, RoleId};

/// The programs of all functions, in order; a function of Rust's, or one with errors, has none.
pub type Functions = Vec<Option<Projection>>;

/// Projects the functions: each is a choreography of one role.
pub fn functions(hir: &Hir, diagnostics: &mut Diagnostics) -> Functions {
    let has_errors = diagnostics.has_errors();
    let program = |function: &Function| function.body().and_then(|body| program(hir, body, has_errors, diagnostics));
    hir.functions.iter().map(program).collect()
}

fn program(hir: &Hir, body: &Choreography, has_errors: bool, diagnostics: &mut Diagnostics) -> Option<Projection> {
    let mut found = Diagnostics::new();
    let calls = Calls::default();
    let mut projector = Projector::new(hir, body, (&calls, &[], ChoreographyId(u32::MAX)));
    let places = place(hir, body, &mut projector, &mut found);
    let failed = found.has_errors() || has_errors;
    diagnostics.append(found);
    if failed {
        return None;
    }
    let role = RoleId(0);
    let programs = vec![projector.program(&places, role)];
    let (participants, begins) = (vec![role], Vec::new());
    let locals = projector.into_locals();
    let (starts, selections) = (false, BTreeMap::new());
    let (choreography, initiator, fingerprint) = (0, role, [0; 32]);
    Some(Projection {
        choreography,
        locals,
        places,
        programs,
        starts,
        initiator,
        participants,
        begins,
        pivots: Vec::new(),
        optional: Vec::new(),
        selections,
        facts: Facts::default(),
        fingerprint,
    })
}

/// The functions that programs use, also by way of others.
pub fn used<'a>(programs: impl Iterator<Item = &'a Program>, functions: &'a Functions) -> BTreeSet<FnId> {
    let mut used = BTreeSet::new();
    let mut work: Vec<&Program> = programs.collect();
    while let Some(program) = work.pop() {
        let mut calls = BTreeSet::new();
        in_block(&program.body, &mut calls);
        for id in calls {
            if used.insert(id) {
                work.extend(functions.get(id.0 as usize).into_iter().flatten().flat_map(|called| &called.programs));
            }
        }
    }
    used
}

fn in_block(block: &Block, calls: &mut BTreeSet<FnId>) {
    block.stmts.iter().for_each(|stmt| in_stmt(stmt, calls));
    block.value.iter().for_each(|value| in_expr(value, calls));
}

fn in_stmt(stmt: &Stmt, calls: &mut BTreeSet<FnId>) {
    stmt.head().iter().for_each(|stmt| in_stmt(stmt, calls));
    stmt.exprs().into_iter().for_each(|expr| in_expr(expr, calls));
    stmt.blocks().into_iter().for_each(|block| in_block(block, calls));
}

fn in_expr(expr: &Expr, calls: &mut BTreeSet<FnId>) {
    if let ExprKind::Apply(id, _) = &expr.kind {
        calls.insert(*id);
    }
    expr.parts().into_iter().for_each(|part| in_expr(part, calls));
}
