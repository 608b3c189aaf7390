//! The fingerprint of a choreography: a digest of all that its roles must agree on. Comments, layout and the names of variables
//! do not count; roles, types, signatures, the functions that are used, order and positions do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::{Functions, Projection, functions, print};
use crate::hir::{ChoreographyId, Field, Hir, SignatureParam, TypeDefKind};

/// The digests of what choreographies are made of.
pub struct Fingerprints {
    types: [u8; 32],
    own: BTreeMap<ChoreographyId, [u8; 32]>,
}

impl Fingerprints {
    /// The digests of these.
    pub fn of(hir: &Hir, projections: &[Projection], functions: &Functions) -> Self {
        let own = projections.iter().map(|projection| {
            let id = ChoreographyId(u32::try_from(projection.choreography).unwrap_or(u32::MAX));
            (id, *blake3::hash(choreography(hir, id, projection, functions).as_bytes()).as_bytes())
        });
        Self { types: *blake3::hash(types(hir).as_bytes()).as_bytes(), own: own.collect() }
    }

    /// The digest of a choreography together with all that it calls.
    pub fn with_callees(&self, all: BTreeSet<ChoreographyId>) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.types);
        for id in all {
            hasher.update(self.own.get(&id).map_or(&[0; 32], |digest| digest));
        }
        *hasher.finalize().as_bytes()
    }
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
            let _ = writeln!(text, "{} pure {}", hir.show(&operation.result), operation.is_pure());
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
