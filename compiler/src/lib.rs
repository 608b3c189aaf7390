//! The compiler of choreographies. It does no I/O, reads no clock and owns no randomness: files are handed to it as text.

#[cfg(feature = "cli")]
pub mod cli;
pub mod codegen;
pub mod diagnostic;
pub mod diagram;
pub mod editor;
pub mod format;
pub mod hir;
pub mod interpret;
pub mod lir;
pub mod load;
#[cfg(feature = "cli")]
mod lsp;
pub mod source;
pub mod span;
pub mod syntax;

use diagnostic::{Diagnostic, Diagnostics, Reference, Severity};
use source::Sources;

/// What a front end may choose.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {}

/// What a compilation gives: each stage's output as far as it got, and all that is to be told about the program.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// The sources.
    pub sources: Sources,
    /// The trees of the files, in the order of the sources.
    pub files: Vec<syntax::ast::File>,
    /// The program resolved and typed.
    pub hir: hir::Hir,
    /// The program of each function; one of Rust's, or with errors, has none.
    pub functions: lir::Functions,
    /// The program of each role of each choreography; a choreography with errors has none.
    pub projections: Vec<lir::Projection>,
    /// What names mean, by where they are used.
    pub references: Vec<Reference>,
    /// All diagnostics by place in the source.
    pub diagnostics: Vec<Diagnostic>,
}

impl Compilation {
    /// Whether the program is refused.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity() == Severity::Error)
    }
}

/// Compiles the sources. Every front end (macro, build script, command line, editor) calls this.
pub fn compile(sources: &Sources, _options: &Options) -> Compilation {
    let mut diagnostics = Diagnostics::new();
    let files = syntax::parse(sources, &mut diagnostics);
    let hir = hir::resolve(sources, &files, &mut diagnostics);
    let functions = lir::functions(&hir, &mut diagnostics);
    let projections = lir::project(&hir, &functions, &mut diagnostics);
    codegen::instances::check(&hir, &projections, &mut diagnostics);
    let references = diagnostics.references();
    let diagnostics = diagnostics.finish();
    Compilation { sources: sources.clone(), files, hir, functions, projections, references, diagnostics }
}
