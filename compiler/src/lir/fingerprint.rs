//! The fingerprint of a choreography: a digest of all that its roles must agree on. Comments, layout and the names of variables
//! do not count; roles, types, signatures, the functions that are used, order and positions do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Functions, Projection, functions, print};
use crate::hir::calls::Calls;
use crate::hir::{ChoreographyId, Field, Hir, SignatureParam, TypeDefKind};
use crate::syntax::ast::OperationKind;

/// The digest of each choreography together with all that it calls, in the order of the projections. Choreographies that call each other
/// have one digest: that of all of them, and of those of what they call besides.
pub fn fingerprints(hir: &Hir, calls: &Calls, projections: &[Projection], functions: &Functions) -> Vec<[u8; 32]> {
    let types = *blake3::hash(types(hir).as_bytes()).as_bytes();
    let mut own: BTreeMap<ChoreographyId, [u8; 32]> = BTreeMap::new();
    for projection in projections {
        let text = choreography(hir, projection.id(), projection, functions);
        own.insert(projection.id(), *blake3::hash(text.as_bytes()).as_bytes());
    }
    let mut whole: Vec<[u8; 32]> = Vec::new();
    for (number, cycle) in calls.cycles().iter().enumerate() {
        let members: BTreeSet<[u8; 32]> = cycle.iter().filter_map(|id| own.get(id)).copied().collect();
        let called = cycle.iter().flat_map(|id| calls.callees(*id)).filter_map(|id| calls.cycle(id));
        let called = called.filter(|called| *called != number);
        let called: BTreeSet<[u8; 32]> = called.filter_map(|called| whole.get(called)).copied().collect();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&types);
        for digests in [members, called] {
            hasher.update(&(digests.len() as u64).to_le_bytes());
            digests.iter().for_each(|digest| _ = hasher.update(digest));
        }
        whole.push(*hasher.finalize().as_bytes());
    }
    let of = |projection: &Projection| calls.cycle(projection.id()).and_then(|cycle| whole.get(cycle)).copied();
    projections.iter().map(|projection| of(projection).unwrap_or_default()).collect()
}

fn types(hir: &Hir) -> String {
    let mut text = String::new();
    for definition in &hir.types {
        let _ = write!(text, "type {} ", definition.name.name);
        match &definition.kind {
            TypeDefKind::Extern(_, fields) | TypeDefKind::Struct(fields) => text.push_str(&signature(hir, fields)),
            TypeDefKind::Enum(variants) => {
                for variant in variants {
                    let _ = write!(text, "{} {}", variant.name.name, signature(hir, &variant.fields));
                }
            }
        }
        text.push('\n');
    }
    text
}

fn choreography(hir: &Hir, id: ChoreographyId, projection: &Projection, functions: &Functions) -> String {
    let choreography = hir.choreography(id);
    let mut text = format!("choreography {}\n", choreography.name.name);
    for service in choreography.roles.iter().flat_map(|role| &role.services) {
        let service = hir.service(*service);
        for operation in &service.operations {
            let (service, name) = (&service.name.name, &operation.name.name);
            let _ = write!(text, "{service}.{name} {}", signature(hir, &operation.params));
            let _ = write!(text, "{} pure {}", hir.show(&operation.result), operation.is_pure());
            // What is called outside and can be undone leaves a record before its call: a session goes on with what it began with.
            let is_undone_outside = matches!(operation.kind, OperationKind::Recorded { compensate: Some(_) });
            text.push_str(if is_undone_outside { " undone\n" } else { "\n" });
        }
    }
    for param in &hir.signature(id).params {
        let shown = match param {
            SignatureParam::Value(_, ty, _) => hir.show(ty),
            SignatureParam::Choreography(..) => "choreography".to_owned(),
        };
        let _ = writeln!(text, "takes {shown}");
    }
    for (program, role) in projection.programs.iter().zip(&choreography.roles) {
        let locals = &projection.locals;
        let params: Vec<String> =
            program.params.iter().filter_map(|id| locals.get(id.0 as usize)).map(|local| hir.show(&local.ty)).collect();
        let (name, result) = (&role.name.name, hir.show(&program.result));
        let body = print::exact(hir, choreography, locals, &program.body);
        let _ = writeln!(text, "role {name} {:?}({}) -> {result} {body}", role.kind, params.join(", "));
    }
    text.push_str(&functions::text(hir, &projection.programs, functions));
    text
}

fn signature(hir: &Hir, fields: &[Field]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|field| format!("{}: {}", field.name.name, hir.show(&field.ty))).collect();
    format!("({}) ", fields.join(", "))
}
