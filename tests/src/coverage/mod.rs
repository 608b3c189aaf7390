//! Counts what random programs are made of, and how their runs ended.

mod control;
mod grammar;

use std::collections::BTreeMap;
use std::fmt;

use chor::Compilation;
use chor::hir::{Callee, Choreography, ExprKind, MemberOrder, Place, RoleKind, StmtKind};
use chor::interpret::{Outcome, Run};
use chor::lir::{self, Decision};

/// How many programs have a construct, and how often it stands in them; how many runs ended in a way.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    programs: u64,
    /// The constructs of the grammar.
    grammar: BTreeMap<&'static str, (u64, u64)>,
    constructs: BTreeMap<&'static str, (u64, u64)>,
    runs: BTreeMap<&'static str, u64>,
    /// The constructs of the program that was counted last.
    pub last: BTreeMap<&'static str, u64>,
}

/// What the compiler makes of the constructs.
const MEANINGS: &[&str] = &[
    "group role",
    "literal",
    "variable",
    "tuple",
    "list",
    "struct or variant",
    "field",
    "tuple field",
    "index",
    "built-in method",
    "operation",
    "value@Role",
    "function",
    "operator",
    "communication within",
    "communication",
    "message without payload",
    "Group.len()",
    "member.index",
    "call of a parameter",
    "call that hands on a choreography",
    "call with types",
    "call",
    "for over members",
    "method that changes",
    "assignment",
    "expression statement",
    "saga with why",
    "members of a literal group",
    "gathered values",
    "inferred selection",
    "role: offer",
    "role: loop that is told",
    "role: waits for an abort",
    "choice that a group knows",
    "choreography that calls itself",
    "choreographies that call one another",
    "let",
    "require",
    "abort",
    "select",
    "sleep",
    "block",
    "if",
    "match",
    "while",
    "for",
    "each",
    "par",
    "saga",
];

fn add(totals: &mut BTreeMap<&'static str, (u64, u64)>, found: &BTreeMap<&'static str, u64>) {
    for (name, count) in found {
        let total = totals.entry(name).or_default();
        *total = (total.0 + 1, total.1 + count);
    }
}

impl Coverage {
    /// Counts the constructs of a program.
    pub fn program(&mut self, compilation: &Compilation) {
        let mut found: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut count = |name| *found.entry(name).or_default() += 1;
        for choreography in &compilation.hir.choreographies {
            let groups = choreography.roles.iter().filter(|role| role.kind == RoleKind::Group);
            groups.for_each(|_| count("group role"));
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
        count_cycles(compilation, &mut count);
        for projection in &compilation.projections {
            count_group_choices(compilation, projection, &mut count);
            count_selections(projection, &mut count);
            for program in &projection.programs {
                block(&program.body, &mut count);
            }
        }
        self.programs += 1;
        add(&mut self.constructs, &found);
        let mut written: BTreeMap<&'static str, u64> = BTreeMap::new();
        compilation
            .files
            .iter()
            .for_each(|file| grammar::file(file, &mut |name| *written.entry(name).or_default() += 1));
        add(&mut self.grammar, &written);
        self.last = found;
        self.last.extend(written);
    }

    /// The constructs of the grammar, and what the compiler makes of them, that no program has.
    pub fn missing(&self) -> Vec<&'static str> {
        let lacks = |name: &&&str| !self.grammar.contains_key(**name) && !self.constructs.contains_key(**name);
        grammar::CONSTRUCTS.iter().chain(MEANINGS).filter(lacks).copied().collect()
    }

    /// Names that are counted, and that no list has.
    pub fn unknown(&self) -> Vec<&'static str> {
        let counted = self.grammar.keys().chain(self.constructs.keys()).copied();
        counted.filter(|name| !grammar::CONSTRUCTS.contains(name) && !MEANINGS.contains(name)).collect()
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

/// Choices that no role knows which is one participant.
fn count_group_choices(compilation: &Compilation, projection: &lir::Projection, count: &mut impl FnMut(&'static str)) {
    let Some(declared) = compilation.hir.choreographies.get(projection.choreography) else { return };
    for (choice, place) in &projection.places.known {
        let Place::Roles(roles) = place else { continue };
        let is_choice = !matches!(declared.body[*choice].kind, ExprKind::Saga(_));
        if is_choice && !roles.is_empty() && roles.iter().all(|role| declared.is_group(*role)) {
            count("choice that a group knows");
        }
    }
}

/// Choreographies that call themselves, also by way of one other.
fn count_cycles(compilation: &Compilation, count: &mut impl FnMut(&'static str)) {
    let calls: Vec<Vec<usize>> = compilation.hir.choreographies.iter().map(called).collect();
    for (caller, called) in calls.iter().enumerate() {
        if called.contains(&caller) {
            count("choreography that calls itself");
        }
        let is_mutual = |other: &&usize| **other != caller && calls.get(**other).is_some_and(|by| by.contains(&caller));
        called.iter().filter(is_mutual).for_each(|_| count("choreographies that call one another"));
    }
}

fn called(choreography: &Choreography) -> Vec<usize> {
    let callee = |expr: &chor::hir::Expr| match &expr.kind {
        ExprKind::Call(call) => match call.callee {
            Callee::Choreography(id) => Some(id.0 as usize),
            Callee::Param(_) => None,
        },
        _ => None,
    };
    choreography.body.exprs.iter().filter_map(callee).collect()
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
        StmtKind::Sleep(..) => "sleep",
        StmtKind::Expr(_) => "expression statement",
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} programs; of a construct, how many have it and how often it stands in them:", self.programs)?;
        for (name, (programs, times)) in &self.grammar {
            writeln!(f, "  {name:36} {programs:8} {times:9}")?;
        }
        writeln!(f, "what the compiler makes of them:")?;
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
