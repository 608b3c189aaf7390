//! A compensation is one method of the service: operations that share it are of one kind and have the same types, and no other operation has
//! its name.

use std::collections::BTreeMap;

use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::{Hir, Operation, Service};
use crate::syntax::ast::Ident;

/// Reports compensations that cannot be one method.
pub fn check(hir: &Hir, diagnostics: &mut Diagnostics) {
    for service in &hir.services {
        check_service(service, diagnostics);
    }
}

fn check_service(service: &Service, diagnostics: &mut Diagnostics) {
    let operations: BTreeMap<&str, &Operation> =
        service.operations.iter().map(|operation| (operation.name.name.as_str(), operation)).collect();
    let mut first: BTreeMap<&str, (&Operation, &Ident)> = BTreeMap::new();
    for operation in &service.operations {
        let Some(name) = operation.kind.compensation() else {
            continue;
        };
        if let Some(other) = operations.get(name.name.as_str()) {
            let (operation, compensate) = (other.name.span, name.span);
            diagnostics.push(Meaning::DeclaredCompensation { name: name.name.clone(), operation, compensate }.into());
        }
        let Some((other, other_name)) = first.get(name.name.as_str()) else {
            first.insert(&name.name, (operation, name));
            continue;
        };
        diagnostics.refer(name.span, other_name.span);
        if !(same_kind(operation, other) && same_types(operation, other)) {
            let problem = Meaning::SharedCompensation {
                name: name.name.clone(),
                is_of_two_kinds: !same_kind(operation, other),
                span: name.span,
                first: other_name.span,
            };
            diagnostics.push(problem.into());
        }
    }
}

/// A compensation is handed a transaction or the key, as its operation is.
fn same_kind(one: &Operation, two: &Operation) -> bool {
    std::mem::discriminant(&one.kind) == std::mem::discriminant(&two.kind)
}

fn same_types(one: &Operation, two: &Operation) -> bool {
    one.result == two.result
        && one.params.len() == two.params.len()
        && one.params.iter().zip(&two.params).all(|(one, two)| one.ty == two.ty)
}
