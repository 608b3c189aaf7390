//! Places, diagnostics and kinds as the protocol has them.

use lsp_types::{
    CompletionItemKind, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString,
    Position, Range, SymbolKind,
};

use super::programs::Programs;
use crate::diagnostic::meaning::Meaning;
use crate::diagnostic::{Diagnostic, Problem, Severity};
use crate::editor::{Declared, Part};
use crate::source::{SourceFile, Sources, Utf16Position};
use crate::span::Span;

pub(super) fn position(file: &SourceFile, offset: u32) -> Position {
    let Utf16Position { line, character } = file.utf16_position(offset);
    Position { line, character }
}

pub(super) fn offset(file: &SourceFile, position: Position) -> u32 {
    file.offset_of_utf16(Utf16Position { line: position.line, character: position.character })
}

pub(super) fn range(sources: &Sources, span: Span) -> Range {
    match sources.get(span.file) {
        Some(file) => Range { start: position(file, span.start), end: position(file, span.end) },
        None => Range::default(),
    }
}

/// The first line of what goes over several: what is wrong with a block is not wrong with each line in it.
pub(super) fn first_line(sources: &Sources, span: Span) -> Range {
    let length = sources.text(span).lines().next().map_or(0, str::len);
    let end = span.start + u32::try_from(length).unwrap_or(u32::MAX);
    range(sources, Span { end: end.min(span.end), ..span })
}

pub(super) fn location(programs: &Programs, sources: &Sources, span: Span) -> Option<Location> {
    let uri = programs.uri(sources.get(span.file)?.name())?;
    Some(Location { uri, range: range(sources, span) })
}

/// A diagnostic, its label and notes below its message.
pub(super) fn diagnostic(programs: &Programs, sources: &Sources, diagnostic: &Diagnostic) -> lsp_types::Diagnostic {
    let prose = diagnostic.prose();
    let label = Some(&prose.primary.text).filter(|text| !text.is_empty()).cloned();
    let notes = prose.notes.iter().map(|note| format!("note: {note}"));
    let help = prose.help.iter().map(|help| format!("help: {help}"));
    let lines: Vec<String> = [prose.message.clone()].into_iter().chain(label).chain(notes).chain(help).collect();
    let related = prose.labels.iter().filter_map(|label| {
        let location = location(programs, sources, label.span)?;
        Some(DiagnosticRelatedInformation { location, message: label.text.clone() })
    });
    let code = diagnostic.code().as_str();
    lsp_types::Diagnostic {
        range: first_line(sources, prose.primary.span),
        severity: Some(match diagnostic.severity() {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(code.to_owned())),
        source: Some("chor".to_owned()),
        message: lines.join("\n"),
        related_information: Some(related.collect()),
        tags: is_unused(diagnostic).then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..lsp_types::Diagnostic::default()
    }
}

/// Whether it is about text that does nothing, which editors show pale.
fn is_unused(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.problem, Problem::Meaning(Meaning::NeverReached { .. } | Meaning::UnusedRole { .. }))
}

pub(super) fn symbol_kind(declared: &Declared<'_>) -> SymbolKind {
    match declared {
        Declared::Type(definition) if definition.variants().is_empty() => SymbolKind::STRUCT,
        Declared::Type(_) => SymbolKind::ENUM,
        Declared::Field(..) => SymbolKind::FIELD,
        Declared::Variant(..) => SymbolKind::ENUM_MEMBER,
        Declared::Service(_) => SymbolKind::INTERFACE,
        Declared::Operation(..) | Declared::Compensation(..) => SymbolKind::METHOD,
        Declared::Function(_) | Declared::ChoreographyParameter(..) => SymbolKind::FUNCTION,
        Declared::Choreography(_) => SymbolKind::MODULE,
        Declared::Role(_) | Declared::Member(..) => SymbolKind::CLASS,
        Declared::Parameter(_) | Declared::Variable(..) => SymbolKind::VARIABLE,
        Declared::TypeParameter(_) => SymbolKind::TYPE_PARAMETER,
    }
}

pub(super) fn completion_kind(part: Part) -> CompletionItemKind {
    match part {
        Part::Keyword => CompletionItemKind::KEYWORD,
        Part::Type => CompletionItemKind::STRUCT,
        Part::Variant => CompletionItemKind::ENUM_MEMBER,
        Part::Field => CompletionItemKind::FIELD,
        Part::Service => CompletionItemKind::INTERFACE,
        Part::Operation => CompletionItemKind::METHOD,
        Part::Function => CompletionItemKind::FUNCTION,
        Part::Role => CompletionItemKind::CLASS,
        Part::TypeParameter => CompletionItemKind::TYPE_PARAMETER,
        Part::Variable | Part::Parameter => CompletionItemKind::VARIABLE,
        Part::Comment | Part::Text | Part::Number | Part::Operator => CompletionItemKind::TEXT,
    }
}
