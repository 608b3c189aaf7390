//! Names that differ in the program differ in the Rust that is generated from it too.

use std::collections::{BTreeMap, BTreeSet};

use crate::codegen::names::{item, pascal, snake};
use crate::codegen::role_names::RoleNames;
use crate::codegen::service::{has_module, marker, operations_module};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Choreography, Hir, Service, TypeDefKind};
use crate::span::Span;
use crate::syntax::ast::Ident;

/// What Rust makes of an operation.
const OPERATION: &str = "the type of the operation";

/// The names of one place in Rust: what each is, and the declaration that it is made from.
#[derive(Default)]
struct Names<'a> {
    taken: BTreeMap<String, (&'static str, &'a Ident)>,
    reported: BTreeSet<Span>,
}

impl<'a> Names<'a> {
    /// Takes a name, and reports it if another declaration has it. Declarations of one name are reported as such elsewhere.
    fn take(&mut self, rust: String, what: &'static str, name: &'a Ident, diagnostics: &mut Diagnostics) {
        match self.taken.get(&rust) {
            Some((_, first)) if first.name == name.name && first.span != name.span => {}
            Some(_) if !self.reported.insert(name.span) => {}
            Some((first_what, first)) => {
                let mut instead = if what == OPERATION { name.name.clone() } else { pascal(&name.name) };
                if instead == name.name || self.taken.contains_key(&instead) {
                    instead.push('2');
                }
                let problem = Meaning::OneInRust {
                    rust,
                    name: name.name.clone(),
                    what,
                    span: name.span,
                    first_name: first.name.clone(),
                    first_what,
                    first: first.span,
                    instead,
                };
                diagnostics.push(problem.into());
            }
            None => {
                self.taken.insert(rust, (what, name));
            }
        }
    }
}

/// Reports names that are one in Rust.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    let mut root = Names::default();
    for definition in &hir.types {
        // A type that Rust owns elsewhere is no item here.
        let is_here = match &definition.kind {
            TypeDefKind::Extern(path, _) => {
                matches!(path.as_slice(), [_]) || path.first().is_some_and(|first| first == "self")
            }
            TypeDefKind::Struct(_) | TypeDefKind::Enum(_) => true,
        };
        if is_here {
            root.take(item(&definition.name.name).to_string(), "the type", &definition.name, diagnostics);
        }
    }
    for service in &hir.services {
        root.take(item(&service.name.name).to_string(), "the trait", &service.name, diagnostics);
    }
    for choreography in &hir.choreographies {
        let name = &choreography.name;
        root.take(item(&name.name).to_string(), "the struct", name, diagnostics);
    }
    for service in hir.services.iter().filter(|service| has_module(service)) {
        root.take(operations_module(service).to_string(), "the module", &service.name, diagnostics);
    }
    for choreography in &hir.choreographies {
        let name = &choreography.name;
        root.take(item(&snake(&name.name)).to_string(), "the module", name, diagnostics);
    }
    let mut functions = Names::default();
    for function in &hir.functions {
        functions.take(item(&function.name.name).to_string(), "the function", &function.name, diagnostics);
    }
    for service in &hir.services {
        check_service(service, diagnostics);
    }
    for choreography in &hir.choreographies {
        check_choreography(choreography, diagnostics);
    }
}

fn check_service(service: &Service, diagnostics: &mut Diagnostics) {
    let mut markers = Names::default();
    for operation in service.operations.iter().filter(|operation| !operation.is_pure()) {
        let (marker, name) = (marker(operation).to_string(), &operation.name);
        if super::reserved::is_parameter(&marker) {
            let (name, span) = (name.name.clone(), name.span);
            diagnostics.push(Meaning::Reserved { name, span, is_type: false }.into());
        }
        markers.take(marker, OPERATION, name, diagnostics);
    }
}

fn check_choreography(choreography: &Choreography, diagnostics: &mut Diagnostics) {
    let (mut types, mut values) = (Names::default(), Names::default());
    let names = RoleNames::of(choreography);
    let declared = usize::from(choreography.declared);
    for (constant, role) in names.constants.iter().zip(&choreography.roles).take(declared) {
        types.take(item(&role.name.name).to_string(), "the struct", &role.name, diagnostics);
        values.take(constant.to_string(), "the constant", &role.name, diagnostics);
    }
    for (function, role) in names.functions.iter().zip(&choreography.roles) {
        values.take(function.to_string(), "the function", &role.name, diagnostics);
    }
}
