//! What a problem knows of the names, values and branches that are involved in it.

use crate::span::Span;

/// What an unknown name was taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A variable.
    Variable,
    /// The abort that a scope's `else` is about, which gives it no name.
    Abort {
        /// The block behind the `else`.
        block: Span,
    },
    /// A function.
    Function,
    /// An operation, called without a role.
    BareOperation {
        /// The roles that have it.
        roles: Vec<String>,
    },
    /// A variant without its enum.
    BareVariant {
        /// The enums that have it.
        enums: Vec<String>,
    },
    /// A variable of a `Vec`, where `each` goes over members.
    Members {
        /// The `each`.
        each: Span,
    },
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
        /// What it compensates, if it is a compensation.
        compensates: Option<String>,
    },
    /// A method of a type.
    Method {
        /// The type.
        ty: String,
        /// The `;` that takes away the value that it is meant for.
        semicolon: Option<Span>,
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
    /// How it is to be had where it is needed.
    pub instead: Option<Instead>,
    /// How it can be sent where it stands.
    pub in_place: InPlace,
}

/// How a value can be sent where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InPlace {
    /// Not by writing something around it.
    Never,
    /// As it stands, for it is all that is needed there.
    Whole,
    /// In parentheses, for it is a part of what is needed there.
    Operand,
}

/// Another value that is meant by one that does not live where it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// What it was sent as before.
    Copy {
        /// Its name; nothing where it has none.
        name: Option<String>,
        /// Where it was sent.
        span: Span,
    },
    /// A variable of the same name, which this one hides.
    Hidden(Span),
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

/// What there is instead of an operator that a type does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperandHint {
    /// What is in the `Option` or the `Result` has it.
    Inside,
    /// A number with a sign has it.
    Signed,
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
