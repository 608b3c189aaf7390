//! A choreography: its arguments, its definition, and a struct for each of its roles.

use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::compensation;
use super::foreign;
use super::instances::{Instance, instance_function};
use super::names::{docs, item, local, snake};
use super::program;
use super::role_names::{AllRoleNames, RoleNames};
use super::service::operation_names;
use super::types::{Scope, derives, shows};
use crate::Compilation;
use crate::hir::check::sessions;
use crate::hir::{Choreography, Hir, RoleId, RoleKind, Ty};
use crate::lir::{Program, Projection};

/// The Rust of a choreography: what starts it and the roles that are played, where `roles` names some, and these programs.
pub fn choreography(
    compilation: &Compilation,
    projection: &Projection,
    choreography: &Choreography,
    roles: &[RoleId],
    (instances, is_cast): (&[&Instance], bool),
    all_names: &AllRoleNames,
) -> TokenStream {
    let hir = &compilation.hir;
    let (module, names) = (item(&snake(&choreography.name.name)), all_names.get(projection.id()));
    let roles: &[RoleId] = if projection.starts { roles } else { &[] };
    let starts = roles.contains(&projection.initiator).then(|| arguments(hir, choreography, projection.initiator));
    let definition = (!roles.is_empty()).then(|| definition(projection, choreography, names, is_cast));
    let played = projection.programs.iter().filter(|program| roles.contains(&program.role)).map(|program| {
        let structure = role_struct(choreography, program.role);
        let implementation = role_impl(hir, projection, choreography, program, (names, is_cast));
        quote! { #structure #implementation }
    });
    let functions = instances.iter().filter_map(|instance| {
        let program = projection.programs.get(usize::from(instance.role.0))?;
        let name = instance_function(hir, names.function(instance.role), &instance.env);
        Some(program::function(
            compilation,
            projection,
            choreography,
            program,
            (&name, &instance.env, is_cast),
            all_names,
        ))
    });
    let about = format!("The roles of the choreography `{}`.", choreography.name.name);
    quote! {
        #starts
        #[doc = #about]
        #[allow(
            clippy::all, dead_code, non_shorthand_field_patterns, non_snake_case, unreachable_code, unused_assignments, unused_mut,
            unused_braces, unused_parens, unused_variables,
            reason = "written by a compiler: what reads the same is generated the same"
        )]
        pub mod #module {
            #definition
            #(#played)*
            #(#functions)*
        }
    }
}

/// The types of a choreography that could not be compiled, and roles that do nothing, so that a node takes them.
pub fn skeleton(hir: &Hir, choreography: &Choreography, roles: &[RoleId]) -> TokenStream {
    let name = &choreography.name.name;
    let module = item(&snake(name));
    let initiator = sessions::initiator(choreography);
    let starts = roles.contains(&initiator).then(|| arguments(hir, choreography, initiator));
    let roles = roles.iter().map(|role| {
        let structure = role_struct(choreography, *role);
        let implementation = idle_role(hir, choreography, *role, initiator);
        quote! { #structure #implementation }
    });
    let role_names = choreography.role_ids().map(|role| choreography.role_name(role));
    let initiator = Literal::u16_unsuffixed(initiator.0);
    let about = format!("The roles of the choreography `{name}`.");
    quote! {
        #starts
        #[doc = #about]
        #[allow(dead_code, reason = "the choreography has errors")]
        pub mod #module {
            /// What the choreography is to a runtime.
            pub static DEFINITION: ::accompanist::Definition = ::accompanist::Definition {
                name: #name,
                fingerprint: [0; 32],
                roles: &[#(#role_names),*],
                groups: &[],
                initiator: ::accompanist::RoleId(#initiator),
                participants: &[],
                begins: &[],
                pivots: &[],
                optional: &[],
                givers: &[],
            };
            #(#roles)*
        }
    }
}

/// A role that waits for ever, whatever its service is.
fn idle_role(hir: &Hir, choreography: &Choreography, role: RoleId, initiator: RoleId) -> TokenStream {
    let (name, number) = (item(choreography.role_name(role)), Literal::u16_unsuffixed(role.0));
    let arguments_type = match role == initiator {
        true => Scope::Module.path(&choreography.name.name),
        false => quote! { () },
    };
    let result = choreography.result.at_role(role).unwrap_or(Ty::UNIT);
    let output = Scope::Module.ty(hir, &result);
    let arguments = choreography.params.iter().filter(|_| role == initiator).map(|param| &param.ty);
    let foreign = foreign::bounds(hir, &foreign::within(hir, arguments.chain([&result])), Scope::Module);
    let (generics, played, bounds) = match has_service(choreography, role) {
        true => {
            let bound = quote! { Svc: ::core::marker::Send + ::core::marker::Sync + 'static, };
            (quote! { Svc, Db }, quote! { #name<Svc> }, bound)
        }
        false => (quote! { Db }, quote! { #name }, TokenStream::new()),
    };
    let [ctx, arguments, tx, operation, output_text] =
        ["_ctx", "_arguments", "_tx", "_operation", "_output"].map(local);
    quote! {
        impl<#generics> ::accompanist::Role<Db> for #played
        where
            #bounds
            Db: ::accompanist::Database,
            #foreign
        {
            type Arguments = #arguments_type;
            type Output = #output;

            fn definition(&self) -> &'static ::accompanist::Definition {
                &DEFINITION
            }

            fn role(&self) -> ::accompanist::RoleId {
                ::accompanist::RoleId(#number)
            }

            async fn run<Ctx: ::accompanist::SessionContext<Database = Db>>(
                self: ::std::sync::Arc<Self>,
                #ctx: Ctx,
                #arguments: Self::Arguments,
            ) -> ::core::result::Result<Self::Output, ::accompanist::Interrupted> {
                ::core::future::pending().await
            }

            fn compensate<'a>(
                &'a self,
                #tx: &'a mut Db::Tx,
                #operation: &'a ::core::primitive::str,
                #arguments: &'a ::core::primitive::str,
                #output_text: &'a ::core::primitive::str,
            ) -> ::accompanist::BoxFuture<'a, ::core::result::Result<(), ::accompanist::BoxError>> {
                ::std::boxed::Box::pin(::core::future::pending())
            }
        }
    }
}

fn arguments_struct(hir: &Hir, choreography: &Choreography) -> TokenStream {
    let name = item(&choreography.name.name);
    let otherwise = format!("What a session of `{}` starts with.", choreography.name.name);
    let docs = docs(&choreography.docs, &otherwise);
    let foreign = foreign::within(hir, choreography.params.iter().map(|param| &param.ty));
    let derives = derives(hir, choreography.params.iter().all(|param| shows(hir, &param.ty)), false, &foreign);
    let fields = choreography.params.iter().map(|param| {
        let (name, ty) = (item(&param.name.name), Scope::Root.ty(hir, &param.ty));
        quote! { pub #name: #ty }
    });
    quote! {
        #docs
        #derives
        #[allow(missing_docs, reason = "the choreography has the words")]
        pub struct #name { #(#fields),* }
    }
}

fn arguments(hir: &Hir, choreography: &Choreography, initiator: RoleId) -> TokenStream {
    let structure = arguments_struct(hir, choreography);
    let (name, module) = (item(&choreography.name.name), item(&snake(&choreography.name.name)));
    let result = choreography.result.at_role(initiator).unwrap_or(Ty::UNIT);
    let output = Scope::Root.ty(hir, &result);
    let types = choreography.params.iter().map(|param| &param.ty).chain([&result]);
    let bounds = foreign::bounds(hir, &foreign::within(hir, types), Scope::Root);
    let bounds = (!bounds.is_empty()).then(|| quote! { where #bounds });
    quote! {
        #structure
        impl ::accompanist::Choreography for #name #bounds {
            type Output = #output;

            fn definition(&self) -> &'static ::accompanist::Definition {
                &#module::DEFINITION
            }
        }
    }
}

/// A declared role, by its number.
fn index(role: RoleId) -> TokenStream {
    let index = Literal::u16_unsuffixed(role.0);
    quote! { ::accompanist::RoleId(#index) }
}

fn definition(projection: &Projection, choreography: &Choreography, names: &RoleNames, is_cast: bool) -> TokenStream {
    let name = &choreography.name.name;
    let fingerprint = projection.fingerprint.iter().map(|byte| Literal::u8_unsuffixed(*byte));
    let roles = choreography.role_ids().map(|role| choreography.role_name(role));
    // Where roles are parameters, their names are these.
    let role = |role: &RoleId| match (is_cast, names.constants.get(usize::from(role.0))) {
        (false, Some(name)) => quote! { #name },
        (true, _) | (false, None) => index(*role),
    };
    let initiator = role(&projection.initiator);
    let groups = choreography.role_ids().filter(|role| choreography.is_group(*role)).map(index);
    let participants = projection.participants.iter().map(role);
    let begins = projection.begins.iter().map(role);
    let pivots = projection.pivots.iter().map(|pivot| {
        let (role, sites) = (role(&pivot.role), pivot.sites.iter().map(|number| program::site(*number)));
        quote! { (#role, &[#(#sites),*]) }
    });
    let optional = projection.optional.iter().map(|optional| {
        let (role, idle) = (role(&optional.role), optional.idle.iter().map(|number| program::site(*number)));
        quote! { (#role, &[#(#idle),*]) }
    });
    let givers = projection.givers();
    let givers = givers.iter().map(role);
    let constants = choreography.role_ids().filter(|_| !is_cast).map(|id| {
        let (name, index) = (role(&id), index(id));
        quote! { const #name: ::accompanist::RoleId = #index; }
    });
    quote! {
        /// What the choreography is to a runtime.
        pub static DEFINITION: ::accompanist::Definition = ::accompanist::Definition {
            name: #name,
            fingerprint: [#(#fingerprint),*],
            roles: &[#(#roles),*],
            groups: &[#(#groups),*],
            initiator: #initiator,
            participants: &[#(#participants),*],
            begins: &[#(#begins),*],
            pivots: &[#(#pivots),*],
            optional: &[#(#optional),*],
            givers: &[#(#givers),*],
        };
        #(#constants)*
    }
}

fn has_service(choreography: &Choreography, role: RoleId) -> bool {
    choreography.roles.get(usize::from(role.0)).is_some_and(|role| !role.services.is_empty())
}

fn role_struct(choreography: &Choreography, role: RoleId) -> TokenStream {
    let role_name = choreography.role_name(role);
    let name = item(role_name);
    let service = local("service");
    if has_service(choreography, role) {
        let about = format!("The role `{role_name}`, played with the service `Svc`.");
        quote! {
            #[doc = #about]
            pub struct #name<Svc> { service: ::std::sync::Arc<Svc> }
            impl<Svc> #name<Svc> {
                /// The role, played with `service`.
                pub fn new(#service: Svc) -> Self {
                    Self { service: ::std::sync::Arc::new(#service) }
                }
            }
        }
    } else {
        let about = format!("The role `{role_name}`, which has no service.");
        quote! {
            #[doc = #about]
            pub struct #name { _private: () }
            impl #name {
                /// The role.
                #[allow(clippy::new_without_default, reason = "as the roles that have a service")]
                pub fn new() -> Self {
                    Self { _private: () }
                }
            }
        }
    }
}

fn role_impl(
    hir: &Hir,
    projection: &Projection,
    choreography: &Choreography,
    program: &Program,
    (names, is_cast): (&RoleNames, bool),
) -> TokenStream {
    let role = program.role;
    let (name, constant) = (item(choreography.role_name(role)), index(role));
    let function = names.function(role);
    let starts = role == projection.initiator;
    let is_group = choreography.is_group(role);
    let arguments_type = match (starts, is_group) {
        // The first member starts a session, and the others take part in it: there is nothing to start it with.
        (true, true) => quote! { ::accompanist::serde::de::IgnoredAny },
        (true, false) => Scope::Module.path(&choreography.name.name),
        (false, _) => quote! { () },
    };
    let output = Scope::Module.ty(hir, &program.result);
    let (ctx, arguments) = (local("ctx"), local("arguments"));
    let args = choreography.params.iter().filter(|_| starts).map(|param| {
        let field = item(&param.name.name);
        quote! { #arguments.#field }
    });
    let run = if is_cast {
        let service = has_service(choreography, role).then(|| quote! { ::std::sync::Arc::clone(&self.service), });
        let cast = choreography.role_ids().map(|role| {
            let (members, number) = (quote! { #ctx.members }, index(role));
            match choreography.kind(role) {
                RoleKind::Group => quote! { #members(#number) },
                RoleKind::Single | RoleKind::Member(_) => {
                    quote! { ::accompanist::only_member(&#members(#number)) }
                }
            }
        });
        let cast: Vec<TokenStream> = cast.collect();
        quote! { #function(#ctx.clone(), #service #(#cast,)* #(#args),*).await }
    } else {
        let service = has_service(choreography, role).then(|| quote! { &self.service, });
        quote! { #function(&#ctx, #service #(#args),*).await }
    };
    let (generics, played, bounds) = match has_service(choreography, role) {
        true => {
            let services = choreography.roles.get(usize::from(role.0)).into_iter().flat_map(|role| &role.services);
            let traits = services.map(|service| Scope::Module.path(&hir.service(*service).name.name));
            (quote! { Svc, Db }, quote! { #name<Svc> }, quote! { Svc: #(#traits<Db>)+*, })
        }
        false => (quote! { Db }, quote! { #name }, TokenStream::new()),
    };
    let mut foreign = foreign::within_program(hir, projection, program, Ty::clone);
    foreign.extend(foreign::within(hir, choreography.params.iter().filter(|_| starts).map(|param| &param.ty)));
    let foreign = foreign::bounds(hir, &foreign, Scope::Module);
    let compensate = compensation::methods(hir, choreography, role);
    let services = choreography.roles.get(usize::from(role.0)).into_iter().flat_map(|role| &role.services);
    let operations = services.flat_map(|service| operation_names(hir.service(*service)));
    quote! {
        impl<#generics> ::accompanist::Role<Db> for #played
        where
            #bounds
            Db: ::accompanist::Database,
            #foreign
        {
            type Arguments = #arguments_type;
            type Output = #output;

            fn definition(&self) -> &'static ::accompanist::Definition {
                &DEFINITION
            }

            fn role(&self) -> ::accompanist::RoleId {
                #constant
            }

            fn operations(&self) -> &'static [::accompanist::ServiceOperation] {
                &[#(#operations),*]
            }

            async fn run<Ctx: ::accompanist::SessionContext<Database = Db>>(
                self: ::std::sync::Arc<Self>,
                #ctx: Ctx,
                #arguments: Self::Arguments,
            ) -> ::core::result::Result<Self::Output, ::accompanist::Interrupted> {
                #run
            }

            #compensate
        }
    }
}
