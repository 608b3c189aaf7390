//! What can be wrong with a program that reads well, as data: names, types, places, knowledge of choice, structure.

pub use super::detail::{First, InPlace, Instead, Lives, OperandHint, Thing, Written};
pub use super::pivot_path::PivotPath;

use super::Problem;
use super::grouping::Grouping;
use super::mend::Mend;
use crate::hir::VariantShape;
use crate::span::Span;
use crate::syntax::ast::Ident;

/// A fact about what the program means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// About groups, calls, arms that run side by side, and variables that change.
    Grouping(Grouping),
    /// A name that nothing has.
    Unknown {
        /// What it was taken for.
        thing: Thing,
        /// The name.
        name: String,
        /// Where it is used.
        span: Span,
        /// What could be meant, the nearest first.
        candidates: Vec<String>,
        /// Where else it is used.
        others: Vec<Span>,
    },
    /// A name declared twice.
    Duplicate {
        /// The name.
        name: String,
        /// The second declaration.
        span: Span,
        /// The first one.
        first: Span,
    },
    /// An operation with the name of a compensation, which is declared by being named.
    DeclaredCompensation {
        /// The name.
        name: String,
        /// The operation.
        operation: Span,
        /// Where it is named as a compensation.
        compensate: Span,
    },
    /// A type of too many parts.
    TooLarge {
        /// The most parts of a type.
        max: usize,
        /// The value.
        span: Span,
    },
    /// A string with the name of a variable in braces.
    BracesInString {
        /// The variable.
        name: String,
        /// The string.
        span: Span,
    },
    /// A name that generated code or a type of the language has for itself.
    Reserved {
        /// The name.
        name: String,
        /// Where it is given.
        span: Span,
        /// Whether it is that of a type of the language.
        is_type: bool,
    },
    /// Names that generated Rust writes alike.
    OneInRust {
        /// The name in Rust.
        rust: String,
        /// The name as declared.
        name: String,
        /// What Rust makes of it.
        what: &'static str,
        /// Where it is declared.
        span: Span,
        /// The same of the one declared first.
        first_name: String,
        /// What Rust makes of that.
        first_what: &'static str,
        /// Where that is declared; the same place where one declaration makes both.
        first: Span,
        /// A name that would do.
        instead: String,
    },
    /// A variable with the name of a role.
    RoleAndVariable {
        /// The name.
        name: String,
        /// The variable.
        span: Span,
        /// The role.
        role: Span,
    },
    /// A name that stands for no value, used as one.
    NotAValue {
        /// The name.
        name: String,
        /// What it is.
        what: &'static str,
        /// Where it is used.
        span: Span,
        /// Where it is declared.
        declared: Option<Span>,
    },
    /// Two types that should be one.
    Mismatch {
        /// What is asked for, in words.
        expected: String,
        /// What is there, in words.
        found: String,
        /// Where.
        span: Span,
        /// Where it is asked for.
        because: Option<Span>,
        /// What makes the one of the other.
        mend: Option<Mend>,
        /// The variable, if it is one.
        value: Option<String>,
    },
    /// A wrong number of arguments, parts or types.
    Arity {
        /// What takes them.
        what: String,
        /// What they are, in the singular.
        unit: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many there are.
        found: usize,
        /// Where.
        span: Span,
        /// Where it is declared.
        declared: Option<Span>,
    },
    /// A value needed at a role where it does not live.
    NotHere {
        /// The role.
        role: String,
        /// The value.
        span: Span,
        /// What needs it.
        by: Span,
        /// Its parts that do not live there.
        parts: Vec<Lives>,
    },
    /// Values of which no role holds all.
    Apart {
        /// What they are used for.
        span: Span,
        /// The values.
        parts: Vec<Lives>,
    },
    /// The value of a choice, used where it is not known which branch was taken.
    ChoiceUnknown {
        /// The variable, if it is one.
        value: Option<String>,
        /// The role that does not know.
        role: String,
        /// The first of the roles that decide.
        decider: String,
        /// The use.
        span: Span,
        /// The guard.
        guard: Span,
        /// The choice.
        choice: Span,
    },
    /// A message that several roles could send.
    AmbiguousSender {
        /// The roles.
        senders: Vec<String>,
        /// Where it is a group that could: the member whose block stands around, if there is one.
        group: Option<Option<String>>,
        /// Whether `@Role` behind the value is about all of it.
        is_whole: bool,
        /// The value.
        span: Span,
        /// The communication.
        whole: Span,
    },
    /// A role that sends to itself.
    SelfCommunication {
        /// The role.
        name: String,
        /// Where it is named as sender.
        from: Span,
        /// Where it is named as receiver.
        to: Span,
    },
    /// A role named twice where each is named once.
    RoleTwice {
        /// The role.
        name: String,
        /// The second time.
        span: Span,
        /// The first time.
        first: Span,
    },
    /// An operator on a type that does not have it.
    BadOperand {
        /// The operator.
        operator: &'static str,
        /// The type.
        ty: String,
        /// Where.
        span: Span,
        /// The declaration of the type, where Rust owns it.
        extern_type: Option<Span>,
        /// What there is instead.
        hint: Option<OperandHint>,
    },
    /// `..base` in a variant.
    VariantBase {
        /// The enum.
        ty: String,
        /// The base.
        span: Span,
    },
    /// More parts than Rust has traits for.
    TooWide {
        /// What has them.
        what: &'static str,
        /// How many.
        count: usize,
        /// How many there may be.
        max: usize,
        /// Where.
        span: Span,
    },
    /// A type that is no key of a `Map`.
    NotAKey {
        /// The type.
        ty: String,
        /// Where the `Map` is written or made.
        span: Span,
    },
    /// A type that nothing says.
    UnknownType {
        /// As far as it is known.
        ty: String,
        /// Of what.
        span: Span,
    },
    /// A number that its type does not hold.
    LiteralRange {
        /// The number.
        text: String,
        /// The type.
        ty: &'static str,
        /// Where.
        span: Span,
    },
    /// A struct without all its fields.
    MissingFields {
        /// The struct.
        ty: String,
        /// The fields.
        missing: Vec<String>,
        /// Where.
        span: Span,
    },
    /// A variant written in another way than declared.
    VariantShape {
        /// The variant.
        name: String,
        /// How it is declared.
        declared_as: VariantShape,
        /// Its parts.
        fields: Vec<String>,
        /// Where it is used.
        span: Span,
        /// Where it is declared.
        declared: Span,
    },
    /// A value of an extern type made from nothing.
    ExternLiteral {
        /// The type.
        name: String,
        /// Where.
        span: Span,
    },
    /// A `let` whose pattern some values do not match.
    RefutableLet {
        /// Such a value.
        missing: String,
        /// The pattern.
        span: Span,
    },
    /// A `match` that leaves values out.
    NonExhaustive {
        /// Such a value.
        missing: String,
        /// What is matched.
        span: Span,
        /// The `match`.
        whole: Span,
    },
    /// An arm that no value reaches.
    DuplicateArm {
        /// Its pattern.
        span: Span,
    },
    /// A float in a pattern.
    FloatPattern {
        /// The pattern.
        span: Span,
    },
    /// A compensation shared by operations of different kinds or types.
    SharedCompensation {
        /// Its name.
        name: String,
        /// Whether one is a transaction and the other is not.
        is_of_two_kinds: bool,
        /// The second use.
        span: Span,
        /// The first.
        first: Span,
    },
    /// A type that holds itself.
    InfiniteType {
        /// Its name.
        name: String,
        /// Where it is declared.
        span: Span,
    },
    /// Under `#![explicit]`, a role that must be told which branch was taken.
    NotTold {
        /// The role.
        role: String,
        /// Who decides.
        decider: String,
        /// The guard.
        guard: Span,
        /// What the role does first in each branch in which it is not told.
        firsts: Vec<First>,
        /// Who knows already.
        knows: Vec<String>,
    },
    /// A `select` by a role that does not know the branch.
    TellerDoesNotKnow {
        /// Who tells.
        teller: String,
        /// The `select`.
        span: Span,
        /// The guard.
        guard: Span,
        /// Who knows.
        knows: Vec<String>,
    },
    /// A `select` that is not at the head of a branch.
    MisplacedSelect {
        /// The `select`.
        span: Span,
    },
    /// A value that is sent to those who hold it.
    NothingSent {
        /// The variable, if it is one.
        value: Option<String>,
        /// The receivers.
        to: Vec<String>,
        /// From the value's end to that of the communication; nothing where it cannot simply be left out.
        sending: Option<Span>,
        /// The communication.
        span: Span,
    },
    /// A `select` to a role that decides itself.
    SelectionToDecider {
        /// The role.
        role: String,
        /// Where it is named.
        span: Span,
        /// The guard.
        guard: Span,
    },
    /// A `select` to a role whom the next message tells as well.
    NeedlessSelection {
        /// The role.
        role: String,
        /// Where it is named.
        span: Span,
        /// The guard.
        guard: Span,
    },
    /// A role that does the same in all branches.
    SameInAllBranches {
        /// The role.
        role: String,
        /// What it does first.
        span: Span,
        /// The guard.
        guard: Span,
    },
    /// What needs roles, in a function.
    NotInFn {
        /// The construct.
        construct: &'static str,
        /// Where.
        span: Span,
        /// The function's name.
        function: Span,
    },
    /// Arguments of a session at several roles.
    SeveralInitiators {
        /// The role of the first argument; `None` where that is a group.
        initiator: Option<String>,
        /// The first other place.
        span: Span,
        /// More of them.
        others: Vec<Span>,
    },
    /// Something behind the end.
    NeverReached {
        /// What is never reached.
        span: Span,
        /// What ends before.
        end: Span,
    },
    /// A value that is sent and never used.
    SentUnused {
        /// Who sends it.
        from: String,
        /// Who gets it.
        to: Vec<String>,
        /// Whether it may as well not be computed.
        is_still: bool,
        /// The value.
        value: Span,
        /// The communication.
        whole: Span,
        /// The statement that does no more than this.
        stmt: Option<Span>,
    },
    /// A transaction that nothing can undo, and that does not decide its session.
    Pivot {
        /// The transaction, or the choreography that runs it.
        name: String,
        /// Where it is run.
        span: Span,
        /// How it can stay committed.
        path: PivotPath,
    },
    /// A program that declares nothing.
    NothingDeclared {
        /// The start of the file.
        span: Span,
    },
    /// A role with no part in the choreography.
    UnusedRole {
        /// The role.
        name: String,
        /// Where it is declared.
        span: Span,
    },
}

impl From<Meaning> for Problem {
    fn from(meaning: Meaning) -> Self {
        Problem::Meaning(meaning)
    }
}

impl Meaning {
    /// A name that nothing has.
    pub fn unknown(thing: Thing, name: &Ident, candidates: Vec<String>) -> Problem {
        Meaning::Unknown { thing, name: name.name.clone(), span: name.span, candidates, others: Vec::new() }.into()
    }

    /// A name declared twice.
    pub fn duplicate(name: &Ident, first: Span) -> Problem {
        Meaning::Duplicate { name: name.name.clone(), span: name.span, first }.into()
    }
}
