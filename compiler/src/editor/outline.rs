//! What a file declares, for an overview.

use super::hover::text;
use super::{Declarations, Declared};
use crate::Compilation;
use crate::hir::{RoleKind, TypeDefKind};
use crate::span::{FileId, Span};

/// Something that a file declares, and what is declared in it.
#[derive(Clone, Debug)]
pub struct Outline<'c> {
    /// Its name.
    pub name: String,
    /// In a line: its type, or what it takes and gives.
    pub detail: String,
    /// What it is.
    pub declared: Declared<'c>,
    /// All of it.
    pub span: Span,
    /// Its name, which is within.
    pub name_span: Span,
    /// What is declared in it.
    pub children: Vec<Outline<'c>>,
}

/// What a file declares, by place.
pub fn outline<'c>(compilation: &'c Compilation, file: FileId) -> Vec<Outline<'c>> {
    let hir = &compilation.hir;
    let entry = |declared: Declared<'c>, name: &crate::syntax::ast::Ident, span: Span, children| Outline {
        name: name.name.clone(),
        detail: text(compilation, &declared).lines().next().unwrap_or_default().to_owned(),
        declared,
        span: span.to(name.span),
        name_span: name.span,
        children,
    };
    let leaf = |declared, name: &crate::syntax::ast::Ident| entry(declared, name, name.span, Vec::new());
    let mut all: Vec<Outline<'c>> = Vec::new();
    for definition in &hir.types {
        let parts = match &definition.kind {
            TypeDefKind::Extern(_, fields) | TypeDefKind::Struct(fields) => {
                fields.iter().map(|field| leaf(Declared::Field(definition, field), &field.name)).collect()
            }
            TypeDefKind::Enum(variants) => {
                variants.iter().map(|variant| leaf(Declared::Variant(definition, variant), &variant.name)).collect()
            }
        };
        all.push(entry(Declared::Type(definition), &definition.name, definition.span, parts));
    }
    for service in &hir.services {
        let operations = service.operations.iter();
        let operations: Vec<_> =
            operations.map(|operation| leaf(Declared::Operation(service, operation), &operation.name)).collect();
        let span = operations.iter().fold(service.name.span, |span, operation| span.to(operation.span));
        all.push(entry(Declared::Service(service), &service.name, span, operations));
    }
    for function in &hir.functions {
        all.push(entry(Declared::Function(function), &function.name, function.span, Vec::new()));
    }
    for choreography in &hir.choreographies {
        let declared = choreography.roles.iter().filter(|role| !matches!(role.kind, RoleKind::Member(_)));
        let roles = declared.map(|role| leaf(Declared::Role(role), &role.name)).collect();
        all.push(entry(Declared::Choreography(choreography), &choreography.name, choreography.span, roles));
    }
    all.retain(|entry| entry.span.file == file && entry.name_span.start < entry.name_span.end);
    all.sort_by_key(|entry| entry.span);
    all
}

impl Declarations<'_> {
    /// The declared items, for a search by name.
    pub fn items(&self) -> impl Iterator<Item = (Span, Declared<'_>)> {
        self.iter().filter(|(_, declared)| {
            matches!(
                declared,
                Declared::Type(_)
                    | Declared::Service(_)
                    | Declared::Operation(..)
                    | Declared::Function(_)
                    | Declared::Choreography(_)
            )
        })
    }
}

/// What can be folded: items, and the blocks in them.
pub fn foldings(compilation: &Compilation, file: FileId) -> Vec<Span> {
    let blocks = super::bodies(compilation).flat_map(|body| body.body.exprs.iter());
    let blocks = blocks.filter(|expr| matches!(expr.kind, crate::hir::ExprKind::Block(..))).map(|expr| expr.span);
    let items = outline(compilation, file).into_iter().map(|entry| entry.span);
    let mut all: Vec<Span> = blocks.chain(items).filter(|span| span.file == file && span.start < span.end).collect();
    all.sort_unstable();
    all.dedup();
    all
}
