//! Tuples, and the parameters of operations, are no more than Rust has traits for.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::span::Span;

/// How many parts a tuple may have: of more, Rust's own traits (`PartialEq`, `Debug`) know nothing.
const PARTS_MAX: usize = 12;

/// Reports `what` that has too many parts.
pub fn check(count: usize, what: &'static str, span: Span, diagnostics: &mut Diagnostics) {
    if count > PARTS_MAX {
        diagnostics.push(Meaning::TooWide { what, count, max: PARTS_MAX, span }.into());
    }
}
