//! Names that stand side by side (fields, variants, operations, roles, parameters) differ.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::span::Span;
use crate::syntax::ast::Ident;

/// Reports each name that stands there a second time.
pub fn check<'a>(names: impl Iterator<Item = &'a Ident>, diagnostics: &mut Diagnostics) {
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    for name in names {
        match seen.get(name.name.as_str()) {
            Some(first) => diagnostics.push(Meaning::duplicate(name, *first)),
            None => {
                seen.insert(&name.name, name.span);
            }
        }
    }
}
