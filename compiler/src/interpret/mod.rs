//! The reference interpreter: runs a whole choreography as one program. It is what projection and the runtimes are held against, and says what the
//! language means where they differ. It does no I/O; what operations do is its caller's to say.
//!
//! What runs side by side runs here one after the other, in an order that the caller may choose; what comes out must not depend on it. When something
//! aborts, the interpreter goes on to the end of the scope to find out what each role could still have done there: a role that aborted does nothing more, nor
//! does one that waits for a message of such a role. In a run of the projected roles, what happens in a scope that fails is a part of that.

mod builtin;
mod compute;
mod control;
mod growth;
mod held;
mod run;
mod sending;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub use builtin::{call as builtin, mutate};
pub use compute::{Fault, Way, binary, construct, field, index, matches, part_mut, tuple_field, unary};
pub use value::Value;

use crate::Compilation;
use crate::hir::{ChoreographyId, Hir, RoleId, RoleKind, Ty};
use crate::source::Sources;
use crate::span::Span;
use crate::syntax::ast::OperationKind;

/// One who takes part in a session: the declared roles in order, the members of a group one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Participant(pub u16);

/// How a session is started.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// How many members each group has that is declared; one that is not named has none.
    pub groups: BTreeMap<RoleId, usize>,
    /// The arguments.
    pub arguments: Vec<Value>,
    /// Says in which order is run what runs side by side.
    pub order: u64,
}

/// How far an interpreter goes.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Expressions computed; one whose value is made of many counts for several.
    pub steps: u64,
    /// Expressions within expressions, those of calls included.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { steps: 1_000_000, depth: 2_000 }
    }
}

/// An operation that is called.
#[derive(Clone, Copy, Debug)]
pub struct Called<'a> {
    /// At whom.
    pub participant: Participant,
    /// The service that declares it.
    pub service: &'a str,
    /// Its name.
    pub operation: &'a str,
    /// Its kind.
    pub kind: &'a OperationKind,
    /// Its arguments.
    pub arguments: &'a [Value],
    /// The type of its result.
    pub result: &'a Ty,
}

/// What the world around a session does.
pub trait Services {
    /// What an operation gives, or the reason for which it aborts. A `pure fn` gives the same for the same arguments, and never aborts.
    fn operation(&mut self, called: Called<'_>) -> Result<Value, String>;

    /// What a function of Rust's gives: the same for the same arguments.
    fn function(&mut self, name: &str, arguments: &[Value], result: &Ty) -> Value;

    /// Whether a message comes before `receiver` has waited `millis` milliseconds.
    fn in_time(&mut self, receiver: Participant, millis: u64) -> bool;
}

/// A scope that was run; the session is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

impl ScopeId {
    /// The session.
    pub const SESSION: ScopeId = ScopeId(0);
}

/// An operation that was called, but for those that are pure.
#[derive(Clone, Debug)]
pub struct Event {
    /// At whom.
    pub participant: Participant,
    /// `Service.operation`
    pub operation: String,
    /// Whether it has a compensation.
    pub can_be_undone: bool,
    /// Its arguments.
    pub arguments: Vec<Value>,
    /// Its result, or the reason for which it aborted.
    pub result: Result<Value, String>,
    /// The scopes it stands in, the session first.
    pub scopes: Vec<ScopeId>,
    /// Whether it was undone, for a scope around it failed. Then it may also not have happened, or never.
    pub undone: bool,
}

/// A run of a choreography.
#[derive(Clone, Debug)]
pub struct Run {
    /// How it ended.
    pub outcome: Outcome,
    /// The messages between participants, where no scope failed: how many are sent before a scope fails depends on the order of events.
    pub messages: Option<u64>,
    /// The operations, of each participant in the order of the text.
    pub events: Vec<Event>,
    /// The scopes that failed.
    pub failed: BTreeSet<ScopeId>,
    /// Something came out that depends on which of several aborts was the first.
    pub is_ambiguous: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Each participant keeps its part of the result, `()` where it has none.
    Completed(BTreeMap<Participant, Value>),
    /// The session was rolled back. These could have been the first to abort, and for this reason; the first of them is so in the text.
    Aborted(Vec<(Participant, String)>),
    /// It went beyond the limits.
    Endless,
}

/// The participants of a session.
#[derive(Clone, Debug)]
pub struct Cast {
    parts: Vec<(RoleId, Option<usize>)>,
}

impl Cast {
    /// Those of a choreography whose groups have so many members.
    pub fn of(hir: &Hir, choreography: ChoreographyId, groups: &BTreeMap<RoleId, usize>) -> Self {
        let choreography = hir.choreography(choreography);
        let part = |role: RoleId| match choreography.role(role).kind {
            RoleKind::Group => (0..groups.get(&role).copied().unwrap_or(0)).map(|index| (role, Some(index))).collect(),
            RoleKind::Single | RoleKind::Member(_) => vec![(role, None)],
        };
        Self { parts: choreography.role_ids().flat_map(part).collect() }
    }

    /// All of them, each with its declared role and, of a group, its index.
    pub fn all(&self) -> impl Iterator<Item = (Participant, RoleId, Option<usize>)> {
        (0..).map(Participant).zip(&self.parts).map(|(participant, (role, index))| (participant, *role, *index))
    }

    /// Those who play a declared role.
    pub fn players(&self, role: RoleId) -> Vec<Participant> {
        self.all().filter(|(_, of, _)| *of == role).map(|(participant, _, _)| participant).collect()
    }

    /// The name of a participant of sessions of `choreography`: `Shop`, `Worker[2]`.
    pub fn name(&self, hir: &Hir, choreography: ChoreographyId, participant: Participant) -> String {
        let (role, index) = self.parts.get(usize::from(participant.0)).copied().unwrap_or((RoleId(0), None));
        let name = hir.choreography(choreography).role_name(role);
        index.map_or_else(|| name.to_owned(), |index| format!("{name}[{index}]"))
    }
}

/// The reason of an expression that has no value.
pub fn reason(sources: &Sources, span: Span, fault: Fault) -> String {
    format!("{}: `{}` {fault}", sources.location(span), sources.text(span))
}

/// Runs a choreography that was compiled without errors.
pub fn interpret(
    compilation: &Compilation,
    choreography: ChoreographyId,
    setup: &Setup,
    services: &mut dyn Services,
    limits: Limits,
) -> Run {
    run::Interpreter::new(compilation, choreography, setup, services, limits).session(setup)
}
