//! The syntax tree: what was written, with nothing resolved. The parser makes it, `hir` reads it. It covers the whole
//! surface of the language; which constructs this compiler version goes on with is decided in `hir`.

mod body;
mod item;
mod place;

pub use body::{
    Arm, BinaryOp, Block, Duration, Expr, ExprKind, Literal, Pattern, PatternKind, Stmt, StmtKind, Time, UnaryOp,
};
pub use item::{
    Choreography, Enum, ExternFn, ExternType, Field, Fn, Item, Operation, OperationKind, Param, ParamKind, RoleParam,
    Service, Struct, Variant, VariantFields,
};
pub use place::{Place, Placed, Roles, Type, TypeKind};

use crate::span::Span;

/// One parsed file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// `#![explicit]`, where it stands.
    pub explicit: Option<Span>,
    /// `use "other.chor";`
    pub uses: Vec<Use>,
    /// The items in the order written.
    pub items: Vec<Item>,
}

/// `use "path";`
#[derive(Clone, Debug, PartialEq)]
pub struct Use {
    /// The path as written, without quotes.
    pub path: String,
    /// The span of the string literal.
    pub span: Span,
}

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// `a::b::C`: at least one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The segments.
    pub segments: Vec<Ident>,
    /// All of it.
    pub span: Span,
}
