//! The Rust of a choreography: shared types, a trait for each service, and for each role a struct that a node runs.
//!
//! Generated code calls the user's service, `::accompanist`'s session context and `core`/`std`, by absolute paths, and nothing else.

mod builtin;
pub(crate) mod choreography;
mod expr;
mod functions;
pub(crate) mod names;
mod program;
pub(crate) mod service;
mod types;

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;

use crate::Compilation;
use crate::hir::{Choreography, RoleId, ServiceId};

/// The Rust of a program without errors: all of it, or what the role of that name needs.
pub fn generate(compilation: &Compilation, role: Option<&str>) -> TokenStream {
    let hir = &compilation.hir;
    let types = types::types(hir);
    let choreographies = || {
        compilation.projections.iter().filter_map(|projection| {
            let choreography = hir.choreographies.get(projection.choreography)?;
            let roles = selected(choreography, role);
            (!roles.is_empty()).then_some((projection, choreography, roles))
        })
    };
    let services = services(choreographies().map(|(_, choreography, roles)| (choreography, roles)), compilation, role);
    let services = services.into_iter().map(|id| service::service(hir, hir.service(id)));
    let choreographies = choreographies().map(|(projection, choreography, roles)| {
        choreography::choreography(compilation, projection, choreography, &roles)
    });
    let functions = functions::functions(compilation, role);
    quote! { #types #functions #(#services)* #(#choreographies)* }
}

/// What can be said of a program with errors, so that code that uses it is not drowned in errors that follow from them: its
/// types, traits and roles, which do nothing.
pub fn skeleton(compilation: &Compilation, role: Option<&str>) -> TokenStream {
    let hir = &compilation.hir;
    let types = types::types(hir);
    let choreographies = || hir.choreographies.iter().map(|choreography| (choreography, selected(choreography, role)));
    let services = services(choreographies(), compilation, role);
    let services = services.into_iter().map(|id| service::service(hir, hir.service(id)));
    let choreographies = choreographies()
        .filter(|(_, roles)| !roles.is_empty())
        .map(|(choreography, roles)| choreography::skeleton(hir, choreography, &roles));
    quote! { #types #(#services)* #(#choreographies)* }
}

/// Whether a choreography has a role of that name, as the option `role` asks for.
pub fn has_role(compilation: &Compilation, role: &str) -> bool {
    compilation.hir.choreographies.iter().any(|choreography| !selected(choreography, Some(role)).is_empty())
}

/// What there is to choose from by the option `role`, in words.
pub fn role_names(compilation: &Compilation) -> String {
    let roles = compilation.hir.choreographies.iter().map(|choreography| {
        let roles: Vec<&str> = choreography.role_ids().map(|id| choreography.role_name(id)).collect();
        format!("`{}` has {}", choreography.name.name, roles.join(", "))
    });
    match roles.collect::<Vec<_>>().join("; ") {
        none if none.is_empty() => "there is no choreography in it".to_owned(),
        some => some,
    }
}

fn selected(choreography: &Choreography, role: Option<&str>) -> Vec<RoleId> {
    let wanted = |id: &RoleId| role.is_none_or(|role| choreography.role_name(*id) == role);
    choreography.role_ids().filter(wanted).collect()
}

/// The services of the roles, each once; all services where all roles are generated.
fn services<'a>(
    choreographies: impl Iterator<Item = (&'a Choreography, Vec<RoleId>)>,
    compilation: &Compilation,
    role: Option<&str>,
) -> BTreeSet<ServiceId> {
    if role.is_none() {
        return (0..).zip(&compilation.hir.services).map(|(index, _)| ServiceId(index)).collect();
    }
    let mut services = BTreeSet::new();
    for (choreography, roles) in choreographies {
        for role in roles {
            services.extend(choreography.roles.get(usize::from(role.0)).into_iter().flat_map(|role| &role.services));
        }
    }
    services
}
