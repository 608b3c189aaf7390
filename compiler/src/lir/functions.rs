//! The programs of functions, and which functions a program uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::project::Projector;
use super::{Block, Expr, ExprKind, Facts, Program, Projection, Stmt, print};
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

/// What roles must agree on about the functions that they use: of those of Rust's, their types; of the others, what they do.
pub fn text(hir: &Hir, programs: &[Program], functions: &Functions) -> String {
    let mut text = String::new();
    for id in used(programs.iter(), functions) {
        let function = hir.function(id);
        let params: Vec<String> = function.params.iter().map(|param| hir.show(&param.ty)).collect();
        let (name, result) = (&function.name.name, hir.show(&function.result));
        let _ = write!(text, "fn {name}({}) -> {result} ", params.join(", "));
        let program = functions.get(id.0 as usize).and_then(Option::as_ref);
        if let (Some(body), Some(Projection { locals, programs, .. })) = (function.body(), program) {
            for program in programs {
                // Parameters are told apart by their order, not by their names.
                let params: Vec<String> = program.params.iter().map(|param| param.0.to_string()).collect();
                let _ = write!(text, "{} {}", params.join(" "), print::exact(hir, body, locals, &program.body));
            }
        }
        text.push('\n');
    }
    text
}
