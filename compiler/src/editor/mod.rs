//! What editors ask of a program: what a name means, where else it stands, what could be written here, what the compiler added. Answers are spans and
//! text, over a compilation; `lsp` carries them to an editor. Nothing here reads a disk.

mod complete;
mod declared;
mod highlight;
mod hints;
mod hover;
mod outline;
mod rename;
#[cfg(test)]
mod tests;

pub use complete::{Completion, complete};
pub use declared::{Declarations, Declared};
pub use highlight::{Highlight, Part, highlights};
pub use hints::{Hint, hints};
pub use hover::{Hover, hover};
pub use outline::{Outline, foldings, outline};
pub use rename::{Refusal, rename};

use crate::Compilation;
use crate::diagnostic::Reference;
use crate::hir::{Choreography, ExprId};
use crate::span::{FileId, Span};

/// The names at an offset: where they stand, and where what they mean is declared; for a name that is declared there, the same twice. There are two
/// where one word stands for two names: `Point { x }` is the field and the variable, and a role may have the name of its service. The first is then
/// the one that is written first where they are written apart: `x: x`, `Role: Service`.
pub fn names_at(compilation: &Compilation, declared: &Declarations<'_>, file: FileId, offset: u32) -> Vec<Reference> {
    let touches = |span: &Span| span.file == file && span.start <= offset && offset <= span.end;
    let last = Span::new(file, offset, u32::MAX);
    let references = &compilation.references;
    let behind = references.partition_point(|reference| reference.used <= last);
    // Names do not overlap: those at the offset begin at one place.
    let before = references.iter().take(behind).rev();
    let mut names: Vec<Reference> = before.take_while(|reference| touches(&reference.used)).copied().collect();
    names.extend(declared.before(last).filter(touches).map(|span| Reference { used: span, declared: span }));
    // What ends here gives way to what begins here: a name cannot follow another at once, but a span without a name may.
    let start = names.iter().map(|name| name.used.start).max();
    names.retain(|name| Some(name.used.start) == start);
    names.sort_by_key(|name| !declared.is_written_first(*name));
    names
}

/// The name at an offset that is meant, where one word stands for two: the one that is declared there, or the variable.
pub fn name_at(compilation: &Compilation, declared: &Declarations<'_>, file: FileId, offset: u32) -> Option<Reference> {
    let names = names_at(compilation, declared, file, offset);
    names.iter().find(|name| name.used == name.declared).or(names.last()).copied()
}

/// Where a name that is declared at `span` stands, its declaration included, by place.
pub fn occurrences(compilation: &Compilation, span: Span) -> Vec<Span> {
    let uses = compilation.references.iter().filter(|reference| reference.declared == span);
    let mut all: Vec<Span> = uses.map(|reference| reference.used).chain([span]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The bodies of a program: those of choreographies, and of functions.
fn bodies(compilation: &Compilation) -> impl Iterator<Item = &Choreography> {
    let hir = &compilation.hir;
    hir.choreographies.iter().chain(hir.functions.iter().filter_map(|function| function.body()))
}

/// The body whose declaration is around an offset.
fn body_at(compilation: &Compilation, file: FileId, offset: u32) -> Option<&Choreography> {
    bodies(compilation).find(|body| contains(body.span, file, offset))
}

fn contains(span: Span, file: FileId, offset: u32) -> bool {
    span.file == file && span.start <= offset && offset <= span.end
}

/// The smallest expression around an offset for which `is_meant`.
fn expression_at(body: &Choreography, file: FileId, offset: u32, is_meant: impl Fn(ExprId) -> bool) -> Option<ExprId> {
    let numbered = (0..).map(ExprId).zip(&body.body.exprs);
    numbered
        .filter(|(id, expr)| contains(expr.span, file, offset) && is_meant(*id))
        .min_by_key(|(id, expr)| (expr.span.end - expr.span.start, *id))
        .map(|(id, _)| id)
}
