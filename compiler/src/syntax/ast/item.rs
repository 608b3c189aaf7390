//! What stands at the top of a file.

use super::{Block, Ident, Path, Placed, Type};
use crate::span::Span;

/// A top-level item.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// `extern type path [: Eq] (; | { fields })`
    ExternType(ExternType),
    /// `extern fn path(fields) [-> type];`
    ExternFn(ExternFn),
    /// `struct Name { fields }`
    Struct(Struct),
    /// `enum Name { variants }`
    Enum(Enum),
    /// `fn name(fields) [-> type] { .. }`
    Fn(Fn),
    /// `service Name { operations }`
    Service(Service),
    /// `choreography Name<..>(..) [-> ..] { .. }`
    Choreography(Choreography),
}

impl Item {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Item::ExternType(item) => item.span,
            Item::ExternFn(item) => item.span,
            Item::Struct(item) => item.span,
            Item::Enum(item) => item.span,
            Item::Fn(item) => item.span,
            Item::Service(item) => item.span,
            Item::Choreography(item) => item.span,
        }
    }
}

/// A type that Rust owns.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternType {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The Rust path; its last segment is the name in the choreography.
    pub path: Path,
    /// Declared `: Eq`.
    pub eq: bool,
    /// The fields that the choreography sees; `None` where the declaration ends in `;`.
    pub fields: Option<Vec<Field>>,
    /// All of it.
    pub span: Span,
}

/// A Rust function linked into every role.
#[derive(Clone, Debug, PartialEq)]
pub struct ExternFn {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The Rust path; its last segment is the name in the choreography.
    pub path: Path,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// All of it.
    pub span: Span,
}

/// `name: Type`, of a struct, a variant or a parameter list.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The name.
    pub name: Ident,
    /// The type.
    pub ty: Type,
}

/// A struct written in the choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Struct {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The fields.
    pub fields: Vec<Field>,
    /// All of it.
    pub span: Span,
}

/// An enum written in the choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Enum {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The variants.
    pub variants: Vec<Variant>,
    /// All of it.
    pub span: Span,
}

/// One variant of an enum.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The name.
    pub name: Ident,
    /// What it holds.
    pub fields: VariantFields,
}

/// What a variant holds.
#[derive(Clone, Debug, PartialEq)]
pub enum VariantFields {
    /// `Name`
    Unit,
    /// `Name(T, U)`
    Tuple(Vec<Type>),
    /// `Name { a: T }`
    Struct(Vec<Field>),
}

/// A function written in the choreography's language.
#[derive(Clone, Debug, PartialEq)]
pub struct Fn {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// The body.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// A service: the operations a role's owner implements in Rust.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Whether all its operations could be read.
    pub is_readable: bool,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The operations.
    pub operations: Vec<Operation>,
    /// All of it.
    pub span: Span,
}

/// One operation of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Whether its parameters could be read.
    pub is_readable: bool,
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// What kind it is.
    pub kind: OperationKind,
    /// The name.
    pub name: Ident,
    /// The parameters.
    pub params: Vec<Field>,
    /// The result; `None` is `()`.
    pub result: Option<Type>,
    /// All of it.
    pub span: Span,
}

/// The kinds of operation.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    /// `fn`: its result is recorded. `fn .. compensate name` acts on something outside of the role's database.
    Recorded {
        /// The compensation.
        compensate: Option<Ident>,
    },
    /// `pure fn`: computed again on replay.
    Pure,
    /// `transaction .. compensate name`, or `compensate none` (`None`).
    Transaction {
        /// The compensation.
        compensate: Option<Ident>,
    },
}

impl OperationKind {
    /// What undoes the operation, where something does.
    pub fn compensation(&self) -> Option<&Ident> {
        match self {
            Self::Pure => None,
            Self::Recorded { compensate } | Self::Transaction { compensate } => compensate.as_ref(),
        }
    }
}

/// A choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Choreography {
    /// The lines of its `///` comment.
    pub docs: Vec<String>,
    /// The name.
    pub name: Ident,
    /// The roles, in order.
    pub roles: Vec<RoleParam>,
    /// The type parameters.
    pub types: Vec<Ident>,
    /// The parameters.
    pub params: Vec<Param>,
    /// The result; `None` is `()` everywhere.
    pub result: Option<Placed>,
    /// The body.
    pub body: Block,
    /// All of it.
    pub span: Span,
}

/// `Name[[]] [: Service + ..]`
#[derive(Clone, Debug, PartialEq)]
pub struct RoleParam {
    /// The name.
    pub name: Ident,
    /// `[]`: a role with as many members as the session binds.
    pub group: bool,
    /// The services named after `:`; empty where there is none.
    pub services: Vec<Ident>,
}

/// A parameter of a choreography.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// The name.
    pub name: Ident,
    /// What it takes.
    pub kind: ParamKind,
}

/// What a parameter of a choreography takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    /// A located value.
    Value(Placed),
    /// `choreography<P, Q>(T@P) -> U@Q`
    Choreography {
        /// The roles.
        roles: Vec<RoleParam>,
        /// The parameters.
        params: Vec<Placed>,
        /// The result.
        result: Option<Placed>,
        /// All of it.
        span: Span,
    },
}
