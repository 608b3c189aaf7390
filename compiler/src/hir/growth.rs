//! How large a value may be, and which expressions may make one that is larger than its parts.
//!
//! A number, a `bool`, a `char` and a byte of text are one part each, and so is whatever is empty.
//! What joins values is checked where it does so: a value that a loop doubles ends its session
//! long before it fills the memory. A type whose values are all small needs no check.

use super::ty::Ty;

/// How many parts a value may have. The runtime has the same number.
pub const VALUE_PARTS_MAX: usize = 16_777_216;

/// What is wrong with a value of more parts.
pub const TOO_LARGE: &str = "makes a value of more than 16777216 parts";

/// Whether a value of operands of these types may be as large as all of them together.
pub fn joins<'a>(operands: impl IntoIterator<Item = &'a Ty>) -> bool {
    operands.into_iter().filter(|ty| !ty.is_copy()).nth(1).is_some()
}

/// How many parts each value of a type has, where that is the same for all of them.
pub fn fixed_parts(ty: &Ty) -> Option<usize> {
    match ty {
        Ty::Bool | Ty::Int(_) | Ty::Float(_) | Ty::Char => Some(1),
        Ty::Tuple(items) => items.iter().map(fixed_parts).sum::<Option<usize>>().map(|parts| parts.max(1)),
        Ty::Str
        | Ty::Option(_)
        | Ty::Result(..)
        | Ty::Vec(_)
        | Ty::Map(..)
        | Ty::Named(_)
        | Ty::Param(..)
        | Ty::Never
        | Ty::Var(_)
        | Ty::Error => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_number() {
        assert!(TOO_LARGE.contains(&VALUE_PARTS_MAX.to_string()));
    }
}
