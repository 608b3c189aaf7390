//! A name that nothing has is told once: of a role or a variable in each item, of what a file declares in each file. The other
//! places are named with the first one.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::{Diagnostics, Problem};
use crate::span::{FileId, Span};
use crate::syntax::ast;

/// The items of all files, by where they begin.
type Items = BTreeMap<(FileId, u32), Span>;

/// Takes away what repeats.
pub fn check(files: &[ast::File], diagnostics: &mut Diagnostics) {
    let items: Items = files
        .iter()
        .flat_map(|file| &file.items)
        .map(|item| ((item.span().file, item.span().start), item.span()))
        .collect();
    let mut places: BTreeMap<(Option<Span>, String), Vec<Span>> = BTreeMap::new();
    diagnostics.filter_map(|problem| {
        if let Some((key, span)) = key(&items, &problem) {
            places.entry(key).or_default().push(span);
        }
        Some(problem)
    });
    places.values_mut().for_each(|places| places.sort_unstable());
    let unreadable: BTreeSet<Span> = files.iter().flat_map(|file| &file.items).filter_map(without_roles).collect();
    diagnostics.filter_map(|mut problem| {
        let Some((key, span)) = key(&items, &problem) else { return Some(problem) };
        if key.0.is_some_and(|item| unreadable.contains(&item)) {
            return None;
        }
        let all = places.get(&key)?;
        if all.first() != Some(&span) {
            return None;
        }
        if let Problem::Meaning(Meaning::Unknown { others, .. }) = &mut problem {
            others.extend(all.iter().skip(1));
        }
        Some(problem)
    });
}

/// A choreography whose roles could not be read, for it has one at least: which names are roles is not known.
fn without_roles(item: &ast::Item) -> Option<Span> {
    match item {
        ast::Item::Choreography(choreography) if choreography.roles.is_empty() => Some(choreography.span),
        _ => None,
    }
}

/// What an unknown name is known by: the item, where it is about a part of one, and the name.
fn key(items: &Items, problem: &Problem) -> Option<((Option<Span>, String), Span)> {
    let Problem::Meaning(Meaning::Unknown { thing, name, span, .. }) = problem else { return None };
    let item = || items.range(..=(span.file, span.start)).next_back().map(|(_, item)| *item);
    let within = match thing {
        Thing::Role | Thing::Variable | Thing::Abort { .. } => item(),
        Thing::Function | Thing::Choreography | Thing::Type | Thing::Struct | Thing::Service => {
            Some(Span::new(span.file, 0, 0))
        }
        Thing::Operation { .. }
        | Thing::BareOperation { .. }
        | Thing::BareVariant { .. }
        | Thing::Members { .. }
        | Thing::Method { .. }
        | Thing::Field { .. }
        | Thing::Variant { .. } => return None,
    };
    Some(((within, name.clone()), *span))
}
