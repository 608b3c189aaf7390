//! Which files see which: a file sees what is declared in it and in the files that it uses, and no further.

use std::collections::{BTreeMap, BTreeSet};

use super::items::Scope;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::{Diagnostics, Problem};
use crate::load::{relative_path, resolve};
use crate::source::{ImportFault, SourceFile, Sources};
use crate::span::{FileId, Span};
use crate::syntax::ast;

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
pub fn suggest(sources: &Sources, scope: &Scope, diagnostics: &mut Diagnostics) {
    let name_of = |file| sources.get(file).map_or("", |file| file.name());
    diagnostics.filter_map(|problem| {
        let Problem::Meaning(Meaning::Unknown { thing, name, span, .. }) = &problem else { return Some(problem) };
        if let Some(declared) = scope.declared_unseen(name, span.file) {
            let path = relative_path(name_of(span.file), name_of(declared.file));
            return Some(Problem::NotImported { unknown: Box::new(problem), path, declared });
        }
        let is_item = matches!(thing, Thing::Type | Thing::Struct | Thing::Service | Thing::Function);
        let is_complete = sources.get(span.file).is_none_or(SourceFile::is_complete);
        (!is_item || is_complete).then_some(problem)
    });
}
