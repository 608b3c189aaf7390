//! A program whose selections are all written, as `#![explicit]` asks for.

use chor::hir::{Choreography, ExprId, ExprKind, RoleId};
use chor::lir::{Projection, To};
use chor::span::FileId;

use super::program::sources;

/// Something to be written into a file, at a byte of it.
type Insertion = (FileId, u32, String);

/// The files with the selections that the compiler infers written at the heads of the branches; nothing where one of them cannot be.
pub(super) fn explicit(files: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let compilation = chor::compile(&sources(files), &chor::Options::default());
    if compilation.has_errors() {
        return None;
    }
    let mut insertions: Vec<Insertion> = Vec::new();
    for projection in &compilation.projections {
        let choreography = compilation.hir.choreographies.get(projection.choreography)?;
        for ((choice, branch), selections) in &projection.selections {
            let texts = selections.iter().map(|(from, to)| written(choreography, *from, to));
            let text = texts.collect::<Option<String>>()?;
            insertions.extend(place(&compilation.sources, choreography, projection, *choice, *branch, text)?);
        }
    }
    // From the end, so that what stands before an insertion stays where it is.
    insertions.sort();
    let mut explicit: Vec<(String, String)> = Vec::new();
    for (id, file) in compilation.sources.iter() {
        let mut text = file.text().to_owned();
        for (_, at, inserted) in insertions.iter().rev().filter(|(file, ..)| *file == id) {
            text.insert_str(*at as usize, inserted);
        }
        explicit.push((file.name().to_owned(), format!("#![explicit]\n{text}")));
    }
    let mended = chor::compile(&sources(&explicit), &chor::Options::default());
    (!mended.has_errors()).then_some(explicit)
}

/// `select A ~> B; `
fn written(choreography: &Choreography, from: RoleId, to: &To) -> Option<String> {
    (to.also.is_empty() && to.except.is_empty()).then_some(())?;
    Some(format!(" select {} ~> {};", choreography.role_name(from), choreography.role_name(to.role)))
}

/// Where the selections of a branch are written.
fn place(
    sources: &chor::source::Sources,
    choreography: &Choreography,
    _projection: &Projection,
    choice: ExprId,
    branch: usize,
    text: String,
) -> Option<Option<Insertion>> {
    let span = |id: ExprId| choreography.body[id].span;
    let (block, first) = match &choreography.body[choice].kind {
        ExprKind::If(_, then, otherwise) => (if branch == 0 { *then } else { *otherwise }, *then),
        ExprKind::Match(_, arms) => {
            let arm = arms.get(branch)?.1;
            (arm, arm)
        }
        ExprKind::While { body, otherwise, .. } => (if branch == 0 { *body } else { *otherwise }, *body),
        // What tells that a `for` stops is not written.
        ExprKind::For { body, .. } if branch == 0 => (*body, *body),
        ExprKind::For { .. } => return Some(None),
        _ => return None,
    };
    let (span_of, first) = (span(block), span(first));
    let starts = |span: chor::span::Span| sources.text(span).starts_with('{');
    if starts(span_of) && (block == choice_first(choreography, choice) || span_of != first) {
        return Some(Some((span_of.file, span_of.start + 1, text)));
    }
    // There is no `else`.
    starts(first).then(|| Some((first.file, first.end, format!(" else {{{text} }}"))))
}

fn choice_first(choreography: &Choreography, choice: ExprId) -> ExprId {
    match &choreography.body[choice].kind {
        ExprKind::If(_, then, _) => *then,
        ExprKind::While { body, .. } | ExprKind::For { body, .. } => *body,
        ExprKind::Match(_, arms) => arms.first().map_or(choice, |(_, arm)| *arm),
        _ => choice,
    }
}
