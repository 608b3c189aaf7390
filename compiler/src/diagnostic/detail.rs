//! What a problem knows of the names, values and branches that are involved in it.

use crate::span::Span;

/// What an unknown name was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A variable.
    Variable,
    /// A function.
    Function,
    /// A choreography.
    Choreography,
    /// A type.
    Type,
    /// A struct.
    Struct,
    /// A service.
    Service,
    /// A role.
    Role,
    /// An operation of a role.
    Operation {
        /// The role.
        role: String,
        /// Whether the role has a service.
        service_known: bool,
        /// Whether any service is declared.
        any_service: bool,
    },
    /// A method of a type.
    Method {
        /// The type.
        ty: String,
    },
    /// A field of a type.
    Field {
        /// The type.
        ty: String,
        /// Whether Rust owns the type, so that its declaration need not list all fields.
        is_extern: bool,
    },
    /// A variant of an enum.
    Variant {
        /// The enum.
        ty: String,
    },
}

/// A part of a value and where it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lives {
    /// The variable's name, if it is one.
    pub value: Option<String>,
    /// Where it is used.
    pub span: Span,
    /// The roles that hold it.
    pub roles: Vec<String>,
}

/// What a role does first in a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First {
    /// The branch.
    pub branch: Span,
    /// What it does first there; `None` where it does nothing.
    pub action: Option<Span>,
    /// How the branch is written.
    pub written: Written,
}

/// How a branch of a choice is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// As a block or an arm.
    Out,
    /// Not at all: there is no `else`.
    WithoutElse,
    /// It is the end of a `for`, which has no `else`.
    EndOfFor,
}
