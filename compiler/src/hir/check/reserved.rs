//! Types, services and roles have none of the names that generated Rust has for its type parameters, and items none of those
//! that the language's own types have.

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::Ty;
use crate::syntax::ast::Ident;

/// The type parameters of generated code: a database, a service, a session context.
const TYPE_PARAMETERS: [&str; 3] = ["Db", "Svc", "Ctx"];

/// Whether generated code has a type parameter of that name.
pub fn is_parameter(name: &str) -> bool {
    TYPE_PARAMETERS.contains(&name)
}

/// Reports a name that generated code has.
pub fn check(name: &Ident, diagnostics: &mut Diagnostics) {
    if is_parameter(&name.name) {
        report(name, false, diagnostics);
    }
}

/// Reports a name of an item that generated code or a type of the language has.
pub fn check_item(name: &Ident, diagnostics: &mut Diagnostics) {
    check(name, diagnostics);
    if Ty::builtin_names().any(|known| known == name.name) {
        report(name, true, diagnostics);
    }
}

/// Reports a name of a type parameter that generated code, a type of the language or of Rust, or a constructor has.
pub fn check_type_parameter(name: &Ident, diagnostics: &mut Diagnostics) {
    check_item(name, diagnostics);
    check_function(name, diagnostics);
    if name.name == "str" {
        report(name, true, diagnostics);
    }
}

/// Reports a name of a function, or of a field of a variant, that a constructor of the language has.
pub fn check_function(name: &Ident, diagnostics: &mut Diagnostics) {
    if ["Some", "None", "Ok", "Err"].contains(&name.name.as_str()) {
        report(name, true, diagnostics);
    }
}

fn report(name: &Ident, is_type: bool, diagnostics: &mut Diagnostics) {
    diagnostics.push(Meaning::Reserved { name: name.name.clone(), span: name.span, is_type }.into());
}
