//! The Rust of a choreography: shared types, a trait for each service, and for each role a struct that a node runs.
//!
//! Generated code calls the user's service, `::accompanist`'s session context and `core`/`std`, by absolute paths, and nothing else; where another program is the
//! service, the runtime's HTTP client.

mod builtin;
pub(crate) mod choreography;
mod compensation;
mod construct;
mod expr;
mod foreign;
mod functions;
mod growth;
mod http;
pub(crate) mod instances;
mod members;
pub(crate) mod names;
mod nesting;
mod once;
mod pattern;
mod program;
pub(crate) mod role_names;
pub(crate) mod service;
mod sharing;
mod types;
mod uses;

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::quote;

use crate::Compilation;
use crate::diagnostic::Code;
use crate::hir::calls::Calls;
use crate::hir::{Choreography, ChoreographyId, RoleId, Service, ServiceId, Ty};
use crate::lir::Projection;
use foreign::Foreign;
use instances::Instance;
use role_names::AllRoleNames;
pub use sharing::Sharing;

/// The Rust of a program without errors: all of it, or what the role of that name needs.
pub fn generate(compilation: &Compilation, role: Option<&str>) -> TokenStream {
    parts(compilation, role).collect()
}

/// The same, with the types and services that another version of the program has.
pub fn generate_sharing(compilation: &Compilation, role: Option<&str>, sharing: &Sharing) -> TokenStream {
    parts_sharing(compilation, role, sharing).collect()
}

/// The same in parts, each of them whole items: first what the choreographies share, then each choreography. Who writes one before asking for
/// the next needs less memory.
pub fn parts<'c>(compilation: &'c Compilation, role: Option<&'c str>) -> impl Iterator<Item = TokenStream> + 'c {
    parts_sharing(compilation, role, &Sharing::default())
}

fn parts_sharing<'c>(
    compilation: &'c Compilation,
    role: Option<&'c str>,
    sharing: &Sharing,
) -> impl Iterator<Item = TokenStream> + use<'c> {
    let hir = &compilation.hir;
    let (types, imports) = (types::types(hir, sharing), sharing.imports());
    let calls = Calls::of(hir);
    let selected: Vec<(&Projection, &Choreography, Vec<RoleId>)> = compilation
        .projections
        .iter()
        .filter_map(|projection| {
            let choreography = hir.choreographies.get(projection.choreography)?;
            Some((projection, choreography, selected(choreography, role)))
        })
        .collect();
    let started = || selected.iter().filter(|(projection, _, _)| projection.starts);
    let services =
        services(started().map(|(_, choreography, roles)| (*choreography, roles.clone())), compilation, role);
    let services = services.into_iter().map(|id| hir.service(id)).filter(|service| !sharing.has(&service.name.name));
    let services: Vec<_> = services.collect();
    let roots = started().flat_map(|(projection, _, roles)| {
        let choreography = projection.id();
        roles.iter().map(move |role| Instance { choreography, env: Vec::new(), role: *role })
    });
    let mut instances: BTreeMap<ChoreographyId, Vec<Instance>> = BTreeMap::new();
    for instance in instances::reachable(compilation, roots) {
        instances.entry(instance.choreography).or_default().push(instance);
    }
    let names = AllRoleNames::of(hir);
    let functions = functions::functions(compilation, role, &names);
    let foreign = foreign(compilation, &services, instances.values().flatten());
    let services = services.iter().map(|service| service::service(hir, service));
    let shared = quote! { #imports #types #foreign #functions #(#services)* };
    let written = selected.into_iter().filter(|(projection, _, _)| instances.contains_key(&projection.id()));
    let written: Vec<_> = written.collect();
    let choreographies = written.into_iter().map(move |(projection, choreography, roles)| {
        let all: Vec<&Instance> = instances.get(&projection.id()).into_iter().flatten().collect();
        let has_groups = choreography.role_ids().any(|role| choreography.is_group(role));
        let is_cast = has_groups || !projection.starts || calls.is_callee(projection.id());
        choreography::choreography(compilation, projection, choreography, &roles, (&all, is_cast), &names)
    });
    std::iter::once(shared).chain(choreographies)
}

/// That the types which Rust owns are values: those that these services, these programs and the declared types name.
fn foreign<'i>(
    compilation: &Compilation,
    services: &[&Service],
    instances: impl Iterator<Item = &'i Instance>,
) -> TokenStream {
    let hir = &compilation.hir;
    let mut types: Foreign =
        hir.types.iter().flat_map(|definition| foreign::within_definition(hir, definition)).collect();
    types.extend(services.iter().flat_map(|service| foreign::within_service(hir, service)));
    let projections: BTreeMap<ChoreographyId, &Projection> =
        compilation.projections.iter().map(|projection| (projection.id(), projection)).collect();
    for instance in instances {
        let projection = projections.get(&instance.choreography);
        let program = projection.and_then(|it| it.programs.get(usize::from(instance.role.0)));
        if let (Some(projection), Some(program)) = (projection, program) {
            types.extend(foreign::within_program(hir, projection, program, Ty::clone));
        }
    }
    foreign::checks(compilation, &types)
}

/// What can be said of a program with errors, so that code that uses it is not drowned in errors that follow from them: its
/// types, traits and roles, which do nothing.
pub fn skeleton(compilation: &Compilation, role: Option<&str>) -> TokenStream {
    let hir = &compilation.hir;
    let types = types::types(hir, &Sharing::default());
    let choreographies = || hir.choreographies.iter().map(|choreography| (choreography, selected(choreography, role)));
    let services = services(choreographies(), compilation, role);
    let services = services.into_iter().map(|id| service::service(hir, hir.service(id)));
    let choreographies = choreographies()
        // One with type parameters, or that is handed others, is never started: nobody names what is generated for it.
        .filter(|(choreography, _)| choreography.types.is_empty() && choreography.choreographies.is_empty())
        .filter(|(_, roles)| !roles.is_empty())
        .map(|(choreography, roles)| choreography::skeleton(hir, choreography, &roles));
    let skeleton = quote! { #types #(#services)* #(#choreographies)* };
    match compilation.diagnostics.iter().any(|diagnostic| diagnostic.code() == Code::E0102) {
        true => once::once(skeleton),
        false => skeleton,
    }
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
