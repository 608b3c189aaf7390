//! What the compiler found out and nobody wrote: types and places of variables, and the selections that it put in.

use std::collections::{BTreeMap, BTreeSet};

use super::bodies;
use super::hover::{local_place, roles_text};
use crate::Compilation;
use crate::hir::{At, Choreography, ExprId, ExprKind, LocalId, Pattern, RoleId, StmtKind, Ty};
use crate::lir::Projection;
use crate::span::Span;

/// Words that an editor shows in the text, which are not in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// Before which byte.
    pub offset: u32,
    /// The words.
    pub text: String,
}

/// Those within a range of a file, by place.
pub fn hints(compilation: &Compilation, range: Span) -> Vec<Hint> {
    let mut hints = Vec::new();
    let projected: BTreeMap<usize, &Projection> =
        compilation.projections.iter().map(|projection| (projection.choreography, projection)).collect();
    // The choreographies come first, in the order in which projections number them.
    for (number, body) in bodies(compilation).enumerate() {
        if body.span.file == range.file && body.span.start <= range.end && range.start <= body.span.end {
            let projection = projected.get(&number).copied();
            variables(compilation, body, projection, &mut hints);
            projection.into_iter().for_each(|projection| selections(compilation, body, projection, &mut hints));
        }
    }
    hints.retain(|hint| range.start <= hint.offset && hint.offset <= range.end);
    hints.sort();
    hints
}

/// `: Type @ Place` behind variables, as far as it is not written there.
fn variables(compilation: &Compilation, body: &Choreography, projection: Option<&Projection>, hints: &mut Vec<Hint>) {
    let mut written: BTreeSet<LocalId> = body.params.iter().map(|param| param.local).collect();
    for (pattern, at, value) in lets(body) {
        let between = Span { start: pattern.span.end, end: body.body[value].span.start, ..pattern.span };
        let text = compilation.sources.text(between);
        if !text.trim_start().starts_with(':') {
            continue;
        }
        written.extend(pattern.bindings());
        let place = match pattern.bindings().as_slice() {
            [only] if at.is_none() => local_place(body, projection, *only),
            _ => None,
        };
        if let (Some(place), Some(equal)) = (place, text.rfind('=')) {
            let ty = text.get(..equal).unwrap_or_default().trim_end();
            let offset = between.start + u32::try_from(ty.len()).unwrap_or(u32::MAX);
            hints.push(Hint { offset, text: format!(" @ {place}") });
        }
    }
    for (id, local) in (0..).map(LocalId).zip(&body.body.locals) {
        let is_named = !local.name.starts_with('_') && local.span.start < local.span.end;
        if is_named && !written.contains(&id) && local.ty != Ty::Error {
            let place = local_place(body, projection, id).map(|place| format!(" @ {place}")).unwrap_or_default();
            let text = format!(": {}{place}", compilation.hir.show(&local.ty));
            hints.push(Hint { offset: local.span.end, text });
        }
    }
}

fn lets(body: &Choreography) -> impl Iterator<Item = (&Pattern, Option<&At>, ExprId)> {
    let blocks = body.body.exprs.iter().filter_map(|expr| match &expr.kind {
        ExprKind::Block(statements, _) => Some(statements),
        _ => None,
    });
    blocks.flatten().filter_map(|statement| match &statement.kind {
        StmtKind::Let(pattern, at, value) => Some((pattern, at.as_ref(), *value)),
        _ => None,
    })
}

/// `select Role ~> Role;` at the head of branches of which some roles have to be told.
fn selections(compilation: &Compilation, body: &Choreography, projection: &Projection, hints: &mut Vec<Hint>) {
    for ((choice, branch), told) in &projection.selections {
        let Some(span) = branches(&body.body[*choice].kind).get(*branch).map(|branch| body.body[*branch].span) else {
            continue;
        };
        // An `else` that is not written has nowhere to show it.
        let text = compilation.sources.text(span);
        let inside = u32::from(text.starts_with('{'));
        if text.is_empty() || span == body.body[*choice].span {
            continue;
        }
        let mut receivers: BTreeMap<RoleId, BTreeSet<RoleId>> = BTreeMap::new();
        for (from, to) in told {
            receivers.entry(*from).or_default().insert(to.role);
        }
        for (from, to) in receivers {
            let text = format!("select {} ~> {};", body.role_name(from), roles_text(body, to.into_iter()));
            hints.push(Hint { offset: span.start + inside, text });
        }
    }
}

/// The branches of a choice, in the order in which projection numbers them.
fn branches(choice: &ExprKind) -> Vec<ExprId> {
    match choice {
        ExprKind::If(_, then, otherwise) => vec![*then, *otherwise],
        ExprKind::Match(_, arms) => arms.iter().map(|(_, arm)| *arm).collect(),
        ExprKind::While { body, otherwise, .. } => vec![*body, *otherwise],
        ExprKind::For { body, .. } => vec![*body],
        _ => Vec::new(),
    }
}
