//! Another name for what is declared, wherever it stands.

use std::collections::BTreeMap;

use super::{Declarations, names_at, occurrences};
use crate::diagnostic::{Diagnostics, Edit, Severity};
use crate::source::{SourceFile, Sources};
use crate::span::{FileId, Span};
use crate::syntax::lexer;
use crate::syntax::token::Token;
use crate::{Compilation, Options, compile};

/// Why a name is not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing that is declared stands there.
    NoName,
    /// It is no name, or a word of the language.
    NotAName(String),
    /// The program would be wrong then; what is told of it.
    Wrong(String),
    /// Some name would then mean something else.
    OtherMeaning(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoName => write!(out, "nothing that is declared in the program stands here"),
            Self::NotAName(name) => {
                write!(out, "`{name}` is no name: one begins with a letter or `_`, and is no word of the language")
            }
            Self::Wrong(message) => write!(out, "the program would be wrong then: {message}"),
            Self::OtherMeaning(name) => write!(out, "`{name}` stands there already, and would be confused with it"),
        }
    }
}

/// The edits, in all files of the program, that give what is declared at a place another name. The program means the same afterwards, or nothing is
/// changed: it is compiled with the edits, to see.
pub fn rename(compilation: &Compilation, declared: Span, to: &str) -> Result<Vec<Edit>, Refusal> {
    let declarations = Declarations::new(compilation);
    if declarations.at(declared).is_none() {
        return Err(Refusal::NoName);
    }
    check_name(to)?;
    if to == compilation.sources.text(declared) {
        return Ok(Vec::new());
    }
    let mut edits = Vec::new();
    for span in occurrences(compilation, declared) {
        let both = names_at(compilation, &declarations, span.file, span.start);
        let old = compilation.sources.text(span);
        match both.as_slice() {
            [first, second] if first.declared != second.declared => {
                let behind = behind_brackets(compilation, span);
                if first.declared == declared {
                    edits.push(Edit { span, replacement: to.to_owned() });
                    edits.push(Edit { span: behind, replacement: format!(": {old}") });
                } else {
                    edits.push(Edit { span: behind, replacement: format!(": {to}") });
                }
            }
            _ => edits.push(Edit { span, replacement: to.to_owned() }),
        }
    }
    check(compilation, &edits, to)?;
    Ok(edits)
}

/// Whether it is one name.
fn check_name(name: &str) -> Result<(), Refusal> {
    let mut diagnostics = Diagnostics::new();
    let tokens = lexer::lex(FileId(0), name, &mut diagnostics).tokens;
    let is_whole = |span: &Span| span.start == 0 && span.end as usize == name.len();
    match tokens.as_slice() {
        [(Token::Ident, span)] if is_whole(span) && !diagnostics.has_errors() => Ok(()),
        _ => Err(Refusal::NotAName(name.to_owned())),
    }
}

/// Behind a name, and behind the `[]` that makes a group of a role.
fn behind_brackets(compilation: &Compilation, span: Span) -> Span {
    let text = compilation.sources.get(span.file).map_or("", SourceFile::text);
    let rest = text.get(span.end as usize..).unwrap_or_default();
    let inner = rest.trim_start().strip_prefix('[').map(str::trim_start).and_then(|rest| rest.strip_prefix(']'));
    let length = inner.map_or(0, |inner| rest.len() - inner.len());
    let at = span.end + u32::try_from(length).unwrap_or(0);
    Span { start: at, end: at, ..span }
}

/// The sources after the edits, which do not overlap.
pub(super) fn edited(sources: &Sources, edits: &[Edit]) -> Sources {
    let mut of_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    edits.iter().for_each(|edit| of_file.entry(edit.span.file).or_default().push(edit));
    let mut changed = sources.clone();
    for (file, mut edits) in of_file {
        edits.sort_by_key(|edit| edit.span);
        let text = sources.get(file).map_or("", SourceFile::text);
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for edit in edits {
            out.push_str(text.get(at..edit.span.start as usize).unwrap_or_default());
            out.push_str(&edit.replacement);
            at = edit.span.end as usize;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        changed.set_text(file, out);
    }
    changed
}

/// Whether the program is as right after the edits as before, and each name means what it did.
fn check(compilation: &Compilation, edits: &[Edit], to: &str) -> Result<(), Refusal> {
    let after = compile(&edited(&compilation.sources, edits), &Options::default());
    let errors = |compilation: &Compilation| {
        let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
        errors.map(|error| (error.code(), error.prose().message)).collect::<Vec<_>>()
    };
    let (before_errors, after_errors) = (errors(compilation), errors(&after));
    if after_errors.len() > before_errors.len() {
        let new = after_errors.iter().find(|error| !before_errors.contains(error)).or(after_errors.first());
        return Err(Refusal::Wrong(new.map_or_else(String::new, |(_, message)| message.clone())));
    }
    if meanings(compilation) != meanings(&after) {
        return Err(Refusal::OtherMeaning(to.to_owned()));
    }
    Ok(())
}

/// How many names are declared, for `None` is no variable and `compensate none` no compensation; and what each name that is used means, in the order
/// in which they stand: the number of a declaration, in the same order.
fn meanings(compilation: &Compilation) -> (usize, Vec<Option<usize>>) {
    let declarations = Declarations::new(compilation);
    let numbers: BTreeMap<Span, usize> = declarations.iter().map(|(span, _)| span).zip(0..).collect();
    let mut references = compilation.references.clone();
    references.sort_by_key(|reference| (reference.used, !declarations.is_written_first(*reference)));
    (numbers.len(), references.iter().map(|reference| numbers.get(&reference.declared).copied()).collect())
}
