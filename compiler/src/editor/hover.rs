//! What stands at a place: its declaration, its type and where it lives.

use super::declared::{call_text, operation_text, role_text};
use super::{Declarations, Declared, body_at, contains, expression_at, names_at};
use crate::Compilation;
use crate::hir::builtin::Builtin;
use crate::hir::growth::TOO_LARGE;
use crate::hir::{Choreography, ExprId, ExprKind, LocalId, Place, RoleKind, Variant, VariantShape};
use crate::lir::Projection;
use crate::span::{FileId, Span};

/// What is told of a place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is told of.
    pub span: Span,
    /// In the language: a declaration, or a type and a place.
    pub code: Vec<String>,
    /// In Markdown: doc comments, and what else there is to say.
    pub docs: String,
}

/// What stands at an offset; `None` where there is nothing to say.
pub fn hover(compilation: &Compilation, file: FileId, offset: u32) -> Option<Hover> {
    let declarations = Declarations::new(compilation);
    let names = names_at(compilation, &declarations, file, offset);
    let declared: Vec<(Span, Declared<'_>)> =
        names.iter().filter_map(|name| Some((name.used, declarations.at(name.declared)?))).collect();
    let Some((span, _)) = declared.first().copied() else {
        return expression(compilation, file, offset);
    };
    let code = declared.iter().map(|(_, declared)| text(compilation, declared)).collect();
    let docs: Vec<String> = declared.iter().flat_map(|(_, declared)| declared.docs().iter().cloned()).collect();
    Some(Hover { span, code, docs: docs.join("\n") })
}

/// A declaration as it is written, and of a variable what is known of it.
pub(super) fn text(compilation: &Compilation, declared: &Declared<'_>) -> String {
    let hir = &compilation.hir;
    match declared {
        // As the author writes it, without what stands before its name.
        Declared::Type(definition) => {
            let head = match definition.kind {
                crate::hir::TypeDefKind::Extern(..) => "extern type",
                crate::hir::TypeDefKind::Struct(_) => "struct",
                crate::hir::TypeDefKind::Enum(_) => "enum",
            };
            from_name(compilation, head, definition.name.span, definition.span.end)
        }
        Declared::Field(definition, field) => {
            let is_of = |variant: &&Variant| variant.fields.iter().any(|of| std::ptr::eq(of, *field));
            let variant = definition.variants().iter().find(is_of);
            let variant = variant.map(|variant| format!("::{}", variant.name.name)).unwrap_or_default();
            format!("{}{variant}.{}: {}", definition.name.name, field.name.name, hir.show(&field.ty))
        }
        Declared::Variant(definition, variant) => {
            format!("{}::{}", definition.name.name, variant_text(compilation, variant))
        }
        Declared::Service(service) => {
            let operations =
                service.operations.iter().map(|operation| format!("    {};\n", operation_text(hir, operation)));
            format!("service {} {{\n{}}}", service.name.name, operations.collect::<String>())
        }
        Declared::Operation(_, operation) => operation_text(hir, operation),
        Declared::Compensation(service, operation) => {
            let name = operation.kind.compensation().map_or("", |name| name.name.as_str());
            let is_undone =
                |other: &&crate::hir::Operation| other.kind.compensation().is_some_and(|other| other.name == name);
            let undone: Vec<&str> =
                service.operations.iter().filter(is_undone).map(|operation| operation.name.name.as_str()).collect();
            format!("{}: {name} undoes {}", service.name.name, undone.join(", "))
        }
        Declared::Parameter(field) => format!("{}: {}", field.name.name, hir.show(&field.ty)),
        Declared::Function(function) => match function.body() {
            Some(_) => format!("fn {}", call_text(hir, &function.name.name, &function.params, &function.result)),
            None => format!("extern fn {}", call_text(hir, &function.name.name, &function.params, &function.result)),
        },
        Declared::Choreography(choreography) => {
            let end = choreography.body[choreography.root].span.start;
            from_name(compilation, "choreography", choreography.name.span, end)
        }
        Declared::Role(role) => format!("role {}", role_text(hir, role)),
        Declared::Member(choreography, role) => {
            let of = match choreography.kind(*role) {
                RoleKind::Member(of) => roles_text(choreography, of.iter().copied()),
                RoleKind::Single | RoleKind::Group => String::new(),
            };
            format!("{} in {of}", choreography.role_name(*role))
        }
        Declared::Variable(body, local) => {
            let declared = &body.body[*local];
            let mutable = if declared.mutable { "mut " } else { "" };
            let place = local_place(body, projection(compilation, body), *local)
                .map(|place| format!(" @ {place}"))
                .unwrap_or_default();
            format!("{mutable}{}: {}{place}", declared.name, hir.show(&declared.ty))
        }
        Declared::TypeParameter(name) => format!("type {}", name.name),
        Declared::ChoreographyParameter(name, signature) => {
            format!("{}: {}", name.name, compilation.sources.text(signature.span))
        }
    }
}

fn from_name(compilation: &Compilation, head: &str, name: Span, end: u32) -> String {
    format!("{head} {}", compilation.sources.text(Span { end, ..name }).trim_end())
}

fn variant_text(compilation: &Compilation, variant: &Variant) -> String {
    let show = |field: &crate::hir::Field| compilation.hir.show(&field.ty);
    let name = &variant.name.name;
    match variant.shape {
        VariantShape::Unit => name.clone(),
        VariantShape::Tuple => format!("{name}({})", variant.fields.iter().map(show).collect::<Vec<_>>().join(", ")),
        VariantShape::Struct => {
            let fields = variant.fields.iter().map(|field| format!("{}: {}", field.name.name, show(field)));
            format!("{name} {{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

/// The type of the smallest expression at a place, and where its value lives; of a built-in method, its declaration.
fn expression(compilation: &Compilation, file: FileId, offset: u32) -> Option<Hover> {
    let body = body_at(compilation, file, offset)?;
    let has_value = |id: ExprId| !matches!(body.body[id].kind, ExprKind::Block(..) | ExprKind::Error);
    let id = expression_at(body, file, offset, has_value)?;
    let expr = &body.body[id];
    let source = compilation.sources.get(file)?;
    let word = word_at(source.text(), offset);
    let called = |id: ExprId| match &body.body[id].kind {
        ExprKind::Builtin(builtin, _) | ExprKind::Mutate { method: builtin, .. } => {
            (Some(builtin.name()) == word).then_some(*builtin)
        }
        _ => None,
    };
    if let Some(builtin) = expression_at(body, file, offset, |id| called(id).is_some()).and_then(called) {
        let (called, docs) = method_text(builtin);
        return Some(Hover { span: expr.span, code: vec![format!("{}.{called}", builtin.receiver())], docs });
    }
    // On the braces and keywords of what spans lines there is nothing to say that helps.
    let text = compilation.sources.text(expr.span);
    if text.contains('\n') || expr.ty.is_unit() || !contains(expr.span, file, offset) {
        return None;
    }
    let place = expr_place(compilation, body, id).map(|place| format!(" @ {place}")).unwrap_or_default();
    Some(Hover {
        span: expr.span,
        code: vec![format!("{}{place}", compilation.hir.show(&expr.ty))],
        docs: String::new(),
    })
}

/// What a built-in method takes and gives, and what else it does.
pub(super) fn method_text(builtin: Builtin) -> (&'static str, String) {
    let signature = builtin.method().signature;
    let called = signature.strip_prefix("mut ").unwrap_or(signature);
    let changes = builtin.mutates().then(|| "Changes what it is called on.".to_owned());
    let grows = builtin.grows().then_some(TOO_LARGE);
    let fails = builtin.method().fails.into_iter().chain(grows).map(|why| format!("Aborts where it {why}."));
    (called, changes.into_iter().chain(fails).collect::<Vec<_>>().join(" "))
}

/// The name that an offset touches.
pub(super) fn word_at(text: &str, offset: u32) -> Option<&str> {
    let offset = (offset as usize).min(text.len());
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    let (before, behind) = (text.get(..offset)?, text.get(offset..)?);
    let start = offset - before.len() + before.trim_end_matches(is_part).len();
    let end = offset + behind.len() - behind.trim_start_matches(is_part).len();
    text.get(start..end).filter(|word| !word.is_empty())
}

fn projection<'c>(compilation: &'c Compilation, body: &Choreography) -> Option<&'c Projection> {
    let of = |projection: &&Projection| {
        compilation.hir.choreographies.get(projection.choreography).is_some_and(|of| std::ptr::eq(of, body))
    };
    compilation.projections.iter().find(of)
}

/// Where a variable lives, in words, where that is known and says something.
pub(super) fn local_place(body: &Choreography, projection: Option<&Projection>, local: LocalId) -> Option<String> {
    place_text(body, projection?.places.local(local))
}

fn expr_place(compilation: &Compilation, body: &Choreography, expr: ExprId) -> Option<String> {
    place_text(body, projection(compilation, body)?.places.expr(expr))
}

fn place_text(body: &Choreography, place: &Place) -> Option<String> {
    match place {
        Place::Roles(roles) if !roles.is_empty() => Some(roles_text(body, roles.iter().copied())),
        Place::Each(roles) => Some(format!("each {}", roles_text(body, roles.iter().copied()))),
        Place::Roles(_) | Place::Everywhere | Place::Error => None,
    }
}

/// `Role`, `{Role, Role}`
pub(super) fn roles_text(body: &Choreography, roles: impl Iterator<Item = crate::hir::RoleId>) -> String {
    let names: Vec<&str> = roles.map(|role| body.role_name(role)).collect();
    match names.as_slice() {
        [only] => (*only).to_owned(),
        _ => format!("{{{}}}", names.join(", ")),
    }
}
