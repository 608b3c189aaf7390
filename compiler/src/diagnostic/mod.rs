//! What the compiler has to say about a program. A [`Problem`] is data; `prose` has the words, `render` the layout.
//!
//! To add one: a variant in `problem.rs`, its spans and its code in `code.rs`, its words in `prose.rs`, a page in
//! `explain/`. The compiler leads from one to the next, for no `match` on a problem or a code has a wildcard.

pub mod code;
pub mod detail;
mod foreign;
pub mod grouping;
mod grouping_prose;
pub mod meaning;
mod meaning_prose;
pub mod mend;
mod nearest;
pub mod pivot_path;
mod place_prose;
pub mod problem;
pub mod prose;
pub mod render;

pub use code::{Code, Severity};
pub use nearest::nearest;
pub use problem::{ForeignForm, Problem};
pub use prose::{Edit, Label, Prose};

use crate::span::Span;

/// One thing to tell about the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is the matter.
    pub problem: Problem,
}

impl Diagnostic {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.problem.code()
    }

    /// How grave it is.
    pub fn severity(&self) -> Severity {
        self.code().severity()
    }

    /// The place that it is about.
    pub fn span(&self) -> Span {
        self.prose().primary.span
    }

    /// The words.
    pub fn prose(&self) -> Prose {
        self.problem.prose()
    }
}

/// Where the stages leave what they find: what is wrong, and what names mean. Stages push in any order; [`Diagnostics::finish`] sorts.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    found: Vec<Diagnostic>,
    errors: usize,
    references: Vec<Reference>,
}

/// A name where it is used, and where what it means is declared: the span of the name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Where the name is used.
    pub used: Span,
    /// Where it is declared.
    pub declared: Span,
}

impl Diagnostics {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        let diagnostic = Diagnostic { problem };
        self.errors += usize::from(diagnostic.severity() == Severity::Error);
        self.found.push(diagnostic);
    }

    /// Says what a name means. What the language declares itself is declared nowhere.
    pub fn refer(&mut self, used: Span, declared: Span) {
        if declared.start < declared.end {
            self.references.push(Reference { used, declared });
        }
    }

    /// Adds those of another list.
    pub fn append(&mut self, other: Diagnostics) {
        self.found.extend(other.found);
        self.errors += other.errors;
        self.references.extend(other.references);
    }

    /// Puts another in the place of each, or takes it away.
    pub fn filter_map(&mut self, change: impl FnMut(Problem) -> Option<Problem>) {
        self.errors = 0;
        std::mem::take(&mut self.found)
            .into_iter()
            .map(|diagnostic| diagnostic.problem)
            .filter_map(change)
            .for_each(|problem| self.push(problem));
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many of them are errors, for a stage that wants to know whether it found one.
    pub fn error_count(&self) -> usize {
        self.errors
    }

    /// How many there are so far, for a stage that wants to know whether it added any.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What names mean, by where they are used, each once. They are taken out.
    pub fn references(&mut self) -> Vec<Reference> {
        let mut references = std::mem::take(&mut self.references);
        references.sort_unstable();
        references.dedup();
        references
    }

    /// All of them by place in the source (then by code), each once.
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut keyed: Vec<_> =
            self.found.into_iter().map(|diagnostic| ((diagnostic.span(), diagnostic.code()), diagnostic)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let mut diagnostics: Vec<Diagnostic> = keyed.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        diagnostics.dedup();
        diagnostics
    }
}
