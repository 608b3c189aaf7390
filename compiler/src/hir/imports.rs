//! Which files see which: a file sees what is declared in it and in the files that it uses, and no further.

use std::collections::{BTreeMap, BTreeSet};

use super::items::Scope;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::{Diagnostics, Problem};
use crate::load::{relative_path, resolve};
use crate::source::{ImportFault, SourceFile, Sources};
use crate::span::{FileId, Span};
use crate::syntax::{ast, lexer};

/// The files that each file sees. Reports files that cannot be read, and those that are used twice.
pub fn visible(sources: &Sources, files: &[ast::File], diagnostics: &mut Diagnostics) -> Vec<BTreeSet<FileId>> {
    let mut visible = Vec::new();
    for ((id, source), file) in sources.iter().zip(files) {
        let mut first: BTreeMap<FileId, Span> = BTreeMap::new();
        for import in &file.uses {
            let path = import.path.clone();
            let itself = || resolve(source.name(), &path).filter(|name| *name == source.name()).map(|_| Ok(id));
            let target = source.import(&path).cloned().or_else(itself).unwrap_or(Err(ImportFault::NotLoaded));
            match target {
                Err(fault) => diagnostics.push(Problem::ImportUnreadable { path, fault, span: import.span }),
                Ok(target) if target == id => {
                    diagnostics.push(Problem::ImportTwice { path, span: import.span, first: None });
                }
                Ok(target) => match first.get(&target) {
                    Some(first) => {
                        diagnostics.push(Problem::ImportTwice { path, span: import.span, first: Some(*first) });
                    }
                    None => drop(first.insert(target, import.span)),
                },
            }
        }
        visible.push(first.into_keys().chain([id]).collect());
    }
    visible
}

/// Adds to what is said of unknown names which file declares them and is to be used. In a file that uses one that cannot be
/// read, nothing is said: the name may be declared there.
pub fn suggest(sources: &Sources, files: &[ast::File], scope: &Scope, diagnostics: &mut Diagnostics) {
    let name_of = |file| sources.get(file).map_or("", |file| file.name());
    let mut places: BTreeMap<FileId, Span> = BTreeMap::new();
    diagnostics.filter_map(|problem| {
        let Problem::Meaning(Meaning::Unknown { thing, name, span, .. }) = &problem else { return Some(problem) };
        if let Some(declared) = scope.declared_unseen(name, span.file) {
            let path = relative_path(name_of(span.file), name_of(declared.file));
            let place = *places.entry(span.file).or_insert_with(|| top(sources, files, span.file));
            return Some(Problem::NotImported { unknown: Box::new(problem), path, place, declared });
        }
        let is_item = matches!(thing, Thing::Type | Thing::Struct | Thing::Service | Thing::Function);
        let is_complete = sources.get(span.file).is_none_or(SourceFile::is_complete);
        (!is_item || is_complete).then_some(problem)
    });
}

/// The place in a file before which a `use` can be written: its first word behind `#![explicit]`, and the comments at the top stay there.
fn top(sources: &Sources, files: &[ast::File], id: FileId) -> Span {
    let explicit = files.get(id.0 as usize).and_then(|file| file.explicit).map_or(0, |explicit| explicit.end);
    let text = sources.get(id).map_or("", SourceFile::text);
    let tokens = lexer::lex(id, text, &mut Diagnostics::new()).tokens;
    let start = tokens.iter().map(|(_, span)| span.start).find(|start| *start >= explicit).unwrap_or(explicit);
    Span::new(id, start, start)
}
