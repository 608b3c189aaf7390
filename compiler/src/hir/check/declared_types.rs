//! Declared types: none contains itself without a `Vec` between, and `==` compares those whose parts it compares. Those that
//! contain themselves with one between are noted: their values may be deep.

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Field, Hir, Ty, TypeDef, TypeDefKind};

/// Which types a type mentions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mentions {
    /// All of them.
    All,
    /// Those that it holds without a `Vec` between.
    Inline,
}

/// Finds out which types are comparable, and reports types of infinite size.
pub fn check(hir: &mut Hir, diagnostics: &mut Diagnostics) {
    spread(hir, |definition| &mut definition.comparable, false);
    spread(hir, |definition| &mut definition.opaque, true);
    for index in circles(hir, Mentions::All) {
        if let Some(definition) = hir.types.get_mut(index) {
            definition.nests = true;
        }
    }
    spread(hir, |definition| &mut definition.nests, true);
    for index in circles(hir, Mentions::Inline) {
        if let Some(definition) = hir.types.get(index) {
            diagnostics
                .push(Meaning::InfiniteType { name: definition.name.name.clone(), span: definition.name.span }.into());
        }
    }
}

/// For each type, those that mention it.
fn mentioned_by(hir: &Hir, which: Mentions) -> Vec<BTreeSet<usize>> {
    let mut by = vec![BTreeSet::new(); hir.types.len()];
    for (index, definition) in hir.types.iter().enumerate() {
        for field in own_fields(definition) {
            for mentioned in mentions(&field.ty, which) {
                if let Some(users) = by.get_mut(mentioned) {
                    users.insert(index);
                }
            }
        }
    }
    by
}

/// The fields that our own declaration lays out; Rust lays out those of an extern type.
fn own_fields(definition: &TypeDef) -> Vec<&Field> {
    match &definition.kind {
        TypeDefKind::Extern(..) => Vec::new(),
        TypeDefKind::Struct(fields) => fields.iter().collect(),
        TypeDefKind::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
    }
}

fn mentions(ty: &Ty, which: Mentions) -> Vec<usize> {
    match ty {
        Ty::Named(id) => vec![id.0 as usize],
        Ty::Tuple(items) => items.iter().flat_map(|item| mentions(item, which)).collect(),
        Ty::Option(item) => mentions(item, which),
        Ty::Result(one, two) => [mentions(one, which), mentions(two, which)].concat(),
        Ty::Map(key, value) if which == Mentions::All => [mentions(key, which), mentions(value, which)].concat(),
        Ty::Vec(item) if which == Mentions::All => mentions(item, which),
        Ty::Vec(_)
        | Ty::Map(..)
        | Ty::Bool
        | Ty::Int(_)
        | Ty::Float(_)
        | Ty::Char
        | Ty::Str
        | Ty::Param(..)
        | Ty::Never
        | Ty::Var(_)
        | Ty::Error => Vec::new(),
    }
}

/// What a type has as soon as a part of it has it.
fn spread(hir: &mut Hir, has: fn(&mut TypeDef) -> &mut bool, value: bool) {
    let by = mentioned_by(hir, Mentions::All);
    let mut work: Vec<usize> = Vec::new();
    for (index, definition) in hir.types.iter_mut().enumerate() {
        if *has(definition) == value {
            work.push(index);
        }
    }
    while let Some(index) = work.pop() {
        for user in by.get(index).into_iter().flatten() {
            if let Some(definition) = hir.types.get_mut(*user)
                && *has(definition) != value
            {
                *has(definition) = value;
                work.push(*user);
            }
        }
    }
}

/// The types that mention themselves, also by way of others: those that are left when those without unfinished parts are
/// taken away again and again, and then those that only lead into a circle.
fn circles(hir: &Hir, which: Mentions) -> Vec<usize> {
    let by = mentioned_by(hir, which);
    let mut uses = vec![BTreeSet::new(); hir.types.len()];
    for (index, users) in by.iter().enumerate() {
        for user in users {
            if let Some(used) = uses.get_mut(*user) {
                used.insert(index);
            }
        }
    }
    let left = peel((0..hir.types.len()).collect(), &uses, &by);
    peel(left, &by, &uses).into_iter().collect()
}

/// Takes away what has no edge in `out` within the set, again and again; `back` is `out` reversed.
fn peel(mut set: BTreeSet<usize>, out: &[BTreeSet<usize>], back: &[BTreeSet<usize>]) -> BTreeSet<usize> {
    let within = |node: usize, set: &BTreeSet<usize>| {
        out.get(node).into_iter().flatten().filter(|next| set.contains(next)).count()
    };
    let mut degrees: Vec<usize> = (0..out.len()).map(|node| within(node, &set)).collect();
    let mut work: Vec<usize> = set.iter().copied().filter(|node| degrees.get(*node) == Some(&0)).collect();
    while let Some(node) = work.pop() {
        set.remove(&node);
        for user in back.get(node).into_iter().flatten().filter(|user| set.contains(user)) {
            if let Some(degree) = degrees.get_mut(*user) {
                *degree = degree.saturating_sub(1);
                if *degree == 0 {
                    work.push(*user);
                }
            }
        }
    }
    set
}
