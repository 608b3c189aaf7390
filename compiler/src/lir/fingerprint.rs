//! The fingerprint of a choreography: a digest of all that its roles must agree on. Comments, layout and the names of variables
//! do not count; roles, types, signatures, the functions that are used, order and positions do.

use std::fmt::Write;

use super::{Functions, Program, functions, print};
use crate::hir::body::Local;
use crate::hir::{Choreography, Field, Hir, TypeDefKind};

/// The digest.
pub fn fingerprint(
    hir: &Hir,
    choreography: &Choreography,
    locals: &[Local],
    programs: &[Program],
    functions: &Functions,
) -> [u8; 32] {
    let mut text = format!("choreography {}\n", choreography.name.name);
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
    for service in choreography.roles.iter().flat_map(|role| &role.services) {
        let service = hir.service(*service);
        for operation in &service.operations {
            let (service, name) = (&service.name.name, &operation.name.name);
            let _ = write!(text, "{service}.{name} {}", signature(hir, &operation.params));
            let _ = writeln!(text, "{} pure {}", hir.show(&operation.result), operation.is_pure());
        }
    }
    for (program, role) in programs.iter().zip(&choreography.roles) {
        let params: Vec<String> =
            program.params.iter().filter_map(|id| locals.get(id.0 as usize)).map(|local| hir.show(&local.ty)).collect();
        let (name, result) = (&role.name.name, hir.show(&program.result));
        let body = print::exact(hir, choreography, locals, &program.body);
        let _ = writeln!(text, "role {name}({}) -> {result} {body}", params.join(", "));
    }
    text.push_str(&functions::text(hir, programs, functions));
    *blake3::hash(text.as_bytes()).as_bytes()
}

fn signature(hir: &Hir, fields: &[Field]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|field| format!("{}: {}", field.name.name, hir.show(&field.ty))).collect();
    format!("({}) ", fields.join(", "))
}
