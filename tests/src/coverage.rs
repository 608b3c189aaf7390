//! Counts what random programs are made of, and how their runs ended.

use std::collections::BTreeMap;
use std::fmt;

use chor::Compilation;
use chor::hir::{Callee, ExprKind, MemberOrder, RoleKind, StmtKind};
use chor::interpret::{Outcome, Run};
use chor::lir::{self, Decision};

/// How many programs have a construct, and how often it stands in them; how many runs ended in a way.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    programs: u64,
    constructs: BTreeMap<&'static str, (u64, u64)>,
    runs: BTreeMap<&'static str, u64>,
    /// The constructs of the program that was counted last.
    pub last: BTreeMap<&'static str, u64>,
}

impl Coverage {
    /// Counts the constructs of a program.
    pub fn program(&mut self, compilation: &Compilation) {
        let mut found: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut count = |name| *found.entry(name).or_default() += 1;
        for choreography in &compilation.hir.choreographies {
            for role in choreography.roles.iter().filter(|role| role.kind == RoleKind::Group) {
                let _ = role;
                count("group role");
            }
            for expr in &choreography.body.exprs {
                count(expression(&expr.kind));
                match &expr.kind {
                    ExprKind::Block(stmts, _) => stmts.iter().map(|stmt| statement(&stmt.kind)).for_each(&mut count),
                    ExprKind::Saga(saga) if saga.why.is_some() => count("saga with why"),
                    ExprKind::Members(members) if members.group.len() > 1 => count("members of a literal group"),
                    ExprKind::Members(members) if members.gathers => count("gathered values"),
                    _ => {}
                }
            }
        }
        for projection in &compilation.projections {
            count_selections(projection, &mut count);
            for program in &projection.programs {
                block(&program.body, &mut count);
            }
        }
        self.programs += 1;
        for (name, count) in &found {
            let total = self.constructs.entry(name).or_default();
            *total = (total.0 + 1, total.1 + count);
        }
        self.last = found;
    }

    /// Counts how a run ended.
    pub fn run(&mut self, run: &Run) {
        let mut count = |name| *self.runs.entry(name).or_default() += 1;
        count(match &run.outcome {
            Outcome::Completed(_) => "completed",
            Outcome::Aborted(_) => "aborted",
            Outcome::Endless => "too long",
        });
        if run.is_ambiguous {
            count("not told apart: who aborts, or whether");
        }
        if !run.failed.is_empty() && matches!(run.outcome, Outcome::Completed(_)) {
            count("completed, with a scope that failed");
        }
        if run.events.iter().any(|event| event.undone) {
            count("with something undone");
        }
        if run.messages.is_some_and(|messages| messages > 0) {
            count("with messages counted");
        }
    }
}

fn count_selections(projection: &lir::Projection, count: &mut impl FnMut(&'static str)) {
    projection.selections.values().flatten().for_each(|_| count("inferred selection"));
}

fn block(block: &lir::Block, count: &mut impl FnMut(&'static str)) {
    for stmt in &block.stmts {
        match &stmt.kind {
            lir::StmtKind::Offer { .. } => count("role: offer"),
            lir::StmtKind::Loop(repeat) if matches!(repeat.decision, Decision::Offer { .. }) => {
                count("role: loop that is told");
            }
            lir::StmtKind::RefusedBy(_) => count("role: waits for an abort"),
            _ => {}
        }
        for inner in stmt.blocks() {
            self::block(inner, count);
        }
    }
}

fn expression(kind: &ExprKind) -> &'static str {
    match kind {
        ExprKind::Literal(_) => "literal",
        ExprKind::Local(_) => "variable",
        ExprKind::Tuple(_) => "tuple",
        ExprKind::List(_) => "list",
        ExprKind::Construct { .. } => "struct or variant",
        ExprKind::Field(..) => "field",
        ExprKind::TupleField(..) => "tuple field",
        ExprKind::Index(..) => "index",
        ExprKind::Builtin(..) => "built-in method",
        ExprKind::Operation { .. } => "operation",
        ExprKind::At(..) => "value@Role",
        ExprKind::Apply(..) => "function",
        ExprKind::Unary(..) | ExprKind::Binary(..) => "operator",
        ExprKind::Communicate { within: Some(_), .. } => "communication within",
        ExprKind::Communicate { .. } => "communication",
        ExprKind::Message { .. } => "message without payload",
        ExprKind::Block(..) => "block",
        ExprKind::If(..) => "if",
        ExprKind::Match(..) => "match",
        ExprKind::Len(_) => "Group.len()",
        ExprKind::MemberIndex(_) => "member.index",
        ExprKind::Call(call) if matches!(call.callee, Callee::Param(_)) => "call of a parameter",
        ExprKind::Call(call) if !call.choreographies.is_empty() => "call that hands on a choreography",
        ExprKind::Call(call) if !call.types.is_empty() => "call with types",
        ExprKind::Call(_) => "call",
        ExprKind::While { .. } => "while",
        ExprKind::For { .. } => "for",
        ExprKind::Members(members) if members.order == MemberOrder::OneByOne => "for over members",
        ExprKind::Members(_) => "each",
        ExprKind::Par(_) => "par",
        ExprKind::Saga(_) => "saga",
        ExprKind::Mutate { .. } => "method that changes",
        ExprKind::Error => "error",
    }
}

fn statement(kind: &StmtKind) -> &'static str {
    match kind {
        StmtKind::Let(..) => "let",
        StmtKind::Assign(..) => "assignment",
        StmtKind::Require(..) => "require",
        StmtKind::Abort(..) => "abort",
        StmtKind::Select(..) => "select",
        StmtKind::Expr(_) => "expression statement",
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} programs; of a construct, how many have it and how often it stands in them:", self.programs)?;
        for (name, (programs, times)) in &self.constructs {
            writeln!(f, "  {name:36} {programs:8} {times:9}")?;
        }
        writeln!(f, "runs:")?;
        for (name, count) in &self.runs {
            writeln!(f, "  {name:36} {count:8}")?;
        }
        Ok(())
    }
}
