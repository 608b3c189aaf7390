//! Types, services and roles have none of the names that generated Rust has for its type parameters.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::syntax::ast::Ident;

/// The type parameters of generated code: a database, a service, a session context.
const TYPE_PARAMETERS: [&str; 3] = ["Db", "Svc", "Ctx"];

/// Reports a name that generated code has.
pub fn check(name: &Ident, diagnostics: &mut Diagnostics) {
    if TYPE_PARAMETERS.contains(&name.name.as_str()) {
        diagnostics.push(Meaning::Reserved { name: name.name.clone(), span: name.span }.into());
    }
}
