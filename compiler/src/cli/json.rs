//! Diagnostics as JSON, in the shape of rustc's `--error-format json`, which editors and tools read already.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Label};
use crate::source::Sources;
use crate::span::Span;

/// The diagnostic as one line.
pub fn object(sources: &Sources, diagnostic: &Diagnostic, rendered: &str) -> String {
    let prose = diagnostic.prose();
    let code = diagnostic.code();
    let spans: Vec<Value> = std::iter::once((&prose.primary, true))
        .chain(prose.labels.iter().map(|label| (label, false)))
        .map(|(label, is_primary)| span(sources, label, is_primary))
        .collect();
    let notes = prose.notes.iter().map(|note| child("note", note, Vec::new()));
    let help = prose.help.iter().map(|help| {
        let edit = prose.edits.iter().map(|edit| {
            let label = Label { span: edit.span, text: String::new() };
            let mut value = span(sources, &label, true);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("suggested_replacement".to_owned(), json!(edit.replacement));
                fields.insert("suggestion_applicability".to_owned(), json!("MaybeIncorrect"));
            }
            value
        });
        child("help", help, edit.collect())
    });
    let children: Vec<Value> = notes.chain(help).collect();
    json!({
        "$message_type": "diagnostic",
        "message": prose.message,
        "code": { "code": code.as_str(), "explanation": code.explanation() },
        "level": diagnostic.severity().as_str(),
        "spans": spans,
        "children": children,
        "rendered": rendered,
    })
    .to_string()
}

/// What is wrong with no place in a source, as one line.
pub fn fault(message: &str) -> String {
    json!({
        "$message_type": "diagnostic",
        "message": message,
        "code": null,
        "level": "error",
        "spans": [],
        "children": [],
        "rendered": format!("error: {message}\n"),
    })
    .to_string()
}

fn child(level: &str, message: &str, spans: Vec<Value>) -> Value {
    json!({ "message": message, "code": null, "level": level, "spans": spans, "children": [], "rendered": null })
}

fn span(sources: &Sources, label: &Label, is_primary: bool) -> Value {
    let Span { file, start, end } = label.span;
    let Some(file) = sources.get(file) else { return Value::Null };
    let (first, last) = (file.line_column(start), file.line_column(end));
    json!({
        "file_name": file.name(),
        "byte_start": start,
        "byte_end": end,
        "line_start": first.line,
        "line_end": last.line,
        "column_start": first.column,
        "column_end": last.column,
        "is_primary": is_primary,
        "label": label.text,
        "suggested_replacement": null,
        "suggestion_applicability": null,
    })
}
