//! The fingerprint of a choreography, its *version*: a digest of all that its roles must agree on, and of all that a session depends
//! on which is run again or rolled back.
//!
//! It holds the roles, the programs with their positions, and what these reach: types, operations with their kind and what compensates
//! them, functions, and the choreographies that are called. Comments, layout, the order of items, names that nobody outside of the text
//! sees (variables, members, type parameters), and items that nothing reaches do not count. Neither does Rust: what implements an
//! operation, an `extern fn` or an `extern type`, and the module that it stands in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::reach::{Reach, reach};
use super::{Functions, Projection, print};
use crate::hir::calls::Calls;
use crate::hir::{
    At, ChoreographyId, Field, FnId, FunctionKind, Hir, Operation, Placed, Role, RoleId, Service, Signature,
    SignatureParam, TypeDefKind, TypeId, VariantShape,
};
use crate::syntax::ast::OperationKind;

/// The digest of each choreography together with all that it calls, in the order of the projections. A choreography in a cycle of calls
/// is digested with the whole cycle. What only a session of its own depends on counts for the choreography, not for its callers.
pub fn fingerprints(hir: &Hir, calls: &Calls, projections: &[Projection], functions: &Functions) -> Vec<[u8; 32]> {
    let mut own: BTreeMap<ChoreographyId, [u8; 32]> = BTreeMap::new();
    for projection in projections {
        let text = choreography(hir, projection, functions);
        own.insert(projection.id(), *blake3::hash(text.as_bytes()).as_bytes());
    }
    let mut whole: Vec<[u8; 32]> = Vec::new();
    for (number, cycle) in calls.cycles().iter().enumerate() {
        let members: BTreeSet<[u8; 32]> = cycle.iter().filter_map(|id| own.get(id)).copied().collect();
        let called = cycle.iter().flat_map(|id| calls.callees(*id)).filter_map(|id| calls.cycle(id));
        let called = called.filter(|called| *called != number);
        let called: BTreeSet<[u8; 32]> = called.filter_map(|called| whole.get(called)).copied().collect();
        let mut hasher = blake3::Hasher::new();
        for digests in [members, called] {
            hasher.update(&(digests.len() as u64).to_le_bytes());
            digests.iter().for_each(|digest| _ = hasher.update(digest));
        }
        whole.push(*hasher.finalize().as_bytes());
    }
    let version = |projection: &Projection| {
        let whole = calls.cycle(projection.id()).and_then(|cycle| whole.get(cycle)).copied().unwrap_or_default();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&whole).update(session(hir, projection).as_bytes());
        *hasher.finalize().as_bytes()
    };
    projections.iter().map(version).collect()
}

/// What a session of the choreography depends on besides the programs: where it starts, who takes part, and by which names its
/// arguments are stored.
fn session(hir: &Hir, projection: &Projection) -> String {
    let numbers = |roles: &[RoleId]| roles.iter().map(|role| role.0.to_string()).collect::<Vec<_>>().join(" ");
    let (participants, begins) = (numbers(&projection.participants), numbers(&projection.begins));
    let mut text = format!("{} starts {}", hir.choreography(projection.id()).name.name, projection.starts);
    let _ = writeln!(text, " at {}, participants {participants}, begin {begins}", projection.initiator.0);
    for (name, _, _) in hir.signature(projection.id()).values().filter(|_| projection.starts) {
        let _ = writeln!(text, "takes {}", name.name);
    }
    text
}

fn choreography(hir: &Hir, projection: &Projection, functions: &Functions) -> String {
    let choreography = hir.choreography(projection.id());
    let mut text = format!("choreography {}\n", choreography.name.name);
    for param in &hir.signature(projection.id()).params {
        let _ = writeln!(text, "takes {}", parameter(hir, &choreography.roles, param));
    }
    let _ = writeln!(text, "gives {}", placed(hir, &choreography.roles, &choreography.result));
    for (program, role) in projection.programs.iter().zip(&choreography.roles) {
        let body = print::exact(hir, choreography, &projection.locals, (&program.params, &program.body));
        let result = print::exact_ty(hir, &program.result);
        let _ = writeln!(text, "role {} {:?} -> {result} {body}", role.name.name, role.kind);
    }
    let Reach { types, operations, functions: used } = reach(hir, projection, functions);
    let mut items: Vec<String> = Vec::new();
    items.extend(types.into_iter().map(|id| type_text(hir, id)));
    items.extend(
        operations
            .into_iter()
            .map(|(service, operation)| operation_text(hir, hir.service(service), hir.operation(service, operation))),
    );
    items.extend(used.into_iter().map(|id| function_text(hir, id, functions)));
    // In the order of their names, whatever the order in the text.
    items.sort();
    text + &items.concat()
}

fn parameter(hir: &Hir, roles: &[Role], param: &SignatureParam) -> String {
    match param {
        SignatureParam::Value(_, ty, at) => format!("{}{}", print::exact_ty(hir, ty), at_text(roles, at)),
        SignatureParam::Choreography(_, signature) => format!("choreography {}", signature_text(hir, signature)),
    }
}

fn signature_text(hir: &Hir, signature: &Signature) -> String {
    let kinds: Vec<String> = signature.roles.iter().map(|role| format!("{:?}", role.kind)).collect();
    let params: Vec<String> = signature.params.iter().map(|param| parameter(hir, &signature.roles, param)).collect();
    let result = placed(hir, &signature.roles, &signature.result);
    format!("<{}>({}) -> {result}", kinds.join(", "), params.join(", "))
}

fn placed(hir: &Hir, roles: &[Role], result: &Placed) -> String {
    match result {
        Placed::At(ty, at, _) => format!("{}{}", print::exact_ty(hir, ty), at_text(roles, at)),
        Placed::Tuple(items, _) => {
            let items: Vec<String> = items.iter().map(|item| placed(hir, roles, item)).collect();
            format!("({})", items.join(", "))
        }
    }
}

/// A place by the numbers of its roles, in their own order: `{A, B}` is `{B, A}`.
fn at_text(roles: &[Role], at: &At) -> String {
    let each = if at.each { "each " } else { "" };
    let numbers: BTreeSet<u16> = at.roles.iter().map(|(role, _)| role.0).collect();
    let numbers: Vec<String> =
        numbers.iter().filter(|role| usize::from(**role) < roles.len()).map(u16::to_string).collect();
    format!("@{each}{}", numbers.join("+"))
}

/// The declaration of a type, in the form of which the fingerprint is made.
pub fn type_text(hir: &Hir, id: TypeId) -> String {
    let definition = hir.type_def(id);
    let mut text = format!("type {} ", definition.name.name);
    match &definition.kind {
        TypeDefKind::Extern(_, seen) => _ = write!(text, "extern {}", fields(hir, seen)),
        TypeDefKind::Struct(declared) => _ = write!(text, "struct {}", fields(hir, declared)),
        TypeDefKind::Enum(variants) => {
            text.push_str("enum ");
            for variant in variants {
                // JSON writes `A`, `A()` and `A {}` in three ways.
                let shape = match variant.shape {
                    VariantShape::Unit => "unit",
                    VariantShape::Tuple => "tuple",
                    VariantShape::Struct => "struct",
                };
                let _ = write!(text, "{} {shape} {}", variant.name.name, fields(hir, &variant.fields));
            }
        }
    }
    text + "\n"
}

/// The declaration of an operation, in the form of which the fingerprint is made.
pub fn operation_text(hir: &Hir, service: &Service, operation: &Operation) -> String {
    let (service, name) = (&service.name.name, &operation.name.name);
    // The parameters' names are those of the arguments in a request to a service over HTTP.
    let (params, result) = (fields(hir, &operation.params), print::exact_ty(hir, &operation.result));
    format!("operation {service}.{name} {params}-> {result} {}\n", kind(operation))
}

/// How an operation is recorded, and what a rollback does about it.
fn kind(operation: &Operation) -> String {
    let (kind, compensate) = match &operation.kind {
        OperationKind::Pure => return "pure".to_owned(),
        OperationKind::Recorded { compensate } => ("recorded", compensate),
        OperationKind::Transaction { compensate } => ("transaction", compensate),
    };
    match compensate {
        Some(name) => format!("{kind} compensated by {}", name.name),
        None => format!("{kind} never compensated"),
    }
}

/// Of a function of Rust's, its types; of another, what it does.
fn function_text(hir: &Hir, id: FnId, functions: &Functions) -> String {
    let function = hir.function(id);
    let params: Vec<String> = function.params.iter().map(|param| print::exact_ty(hir, &param.ty)).collect();
    let (name, result) = (&function.name.name, print::exact_ty(hir, &function.result));
    let kind = match function.kind {
        FunctionKind::Extern(_) => "extern fn",
        FunctionKind::Written(_) => "fn",
    };
    let mut text = format!("{kind} {name}({}) -> {result} ", params.join(", "));
    let written = functions.get(id.0 as usize).and_then(Option::as_ref);
    if let (Some(body), Some(Projection { locals, programs, .. })) = (function.body(), written) {
        for program in programs {
            text.push_str(&print::exact(hir, body, locals, (&program.params, &program.body)));
        }
    }
    text + "\n"
}

fn fields(hir: &Hir, fields: &[Field]) -> String {
    let field = |field: &Field| format!("{}: {}", field.name.name, print::exact_ty(hir, &field.ty));
    let fields: Vec<String> = fields.iter().map(field).collect();
    format!("({}) ", fields.join(", "))
}
