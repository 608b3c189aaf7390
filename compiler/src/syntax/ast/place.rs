//! Types, roles and places, as written.

use super::{Ident, Path};
use crate::span::Span;

/// `type @ place`, or a tuple of such.
#[derive(Clone, Debug, PartialEq)]
pub enum Placed {
    /// `type @ place`
    At {
        /// The type.
        ty: Type,
        /// The place.
        place: Place,
    },
    /// `(placed, placed)`
    Tuple(Vec<Placed>, Span),
}

/// `[each] roles`
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// `each`: a value of its own at each member.
    pub each: bool,
    /// The roles.
    pub roles: Roles,
}

/// `Name` or `{Name, Name}`
#[derive(Clone, Debug, PartialEq)]
pub struct Roles {
    /// The names, in the order written; at least one.
    pub names: Vec<Ident>,
    /// All of it.
    pub span: Span,
}

/// A type as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// All of it.
    pub span: Span,
}

/// The forms of a type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `path<types>`; a path without segments cannot be read.
    Path(Path, Vec<Type>),
    /// `(types)`; `()` is the empty tuple.
    Tuple(Vec<Type>),
}
