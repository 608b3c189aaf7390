//! Functions: pure, without a role, computed wherever their arguments live.

use super::{Choreography, Field, Ty};
use crate::span::Span;
use crate::syntax::ast::Ident;

/// How deep calls of functions may nest: a deeper one aborts.
pub const FN_DEPTH_MAX: u32 = 500;

/// Why it does.
pub const FN_TOO_DEEP: &str = "calls itself too deeply";

/// A function, by its index in the program's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FnId(pub u32);

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The lines of its doc comment.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Ident,
    /// Its parameters.
    pub params: Vec<Field>,
    /// Its result.
    pub result: Ty,
    /// Who has its body.
    pub kind: FunctionKind,
    /// Its declaration.
    pub span: Span,
}

/// Who has the body of a function.
#[derive(Clone, Debug)]
pub enum FunctionKind {
    /// `extern fn`: Rust, at this path.
    Extern(Vec<String>),
    /// `fn`: a choreography of one role, which holds the parameters and the result, and in which nothing is sent. Made after
    /// the signatures of all functions, for it may call any of them.
    Written(Option<Box<Choreography>>),
}

impl Function {
    /// The body, where it is written in the language.
    pub fn body(&self) -> Option<&Choreography> {
        match &self.kind {
            FunctionKind::Written(body) => body.as_deref(),
            FunctionKind::Extern(_) => None,
        }
    }

    /// Whether a call of it may abort.
    pub fn can_fail(&self) -> bool {
        matches!(self.kind, FunctionKind::Written(_))
    }
}
