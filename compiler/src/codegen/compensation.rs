//! What undoes an operation, by its name: for each service, and for a role that has several.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::foreign;
use super::names::{item, local};
use super::service::{marker, operations_module};
use super::types::Scope;
use crate::hir::{Choreography, Hir, Operation, RoleId, Service};
use crate::syntax::ast::OperationKind;

/// Where the operations act that something is to undo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Acts {
    /// In the role's database: transactions, also those that nothing undoes.
    Inside,
    /// Outside of it: each `fn` that has a compensation.
    Outside,
}

impl Acts {
    const ALL: [Self; 2] = [Self::Inside, Self::Outside];

    fn operations(self, service: &Service) -> impl Iterator<Item = &Operation> {
        service.operations.iter().filter(move |operation| match &operation.kind {
            OperationKind::Transaction { .. } => self == Self::Inside,
            OperationKind::Recorded { compensate: Some(_) } => self == Self::Outside,
            OperationKind::Recorded { compensate: None } | OperationKind::Pure => false,
        })
    }

    /// The names of these operations, as the runtime has them.
    fn names(self, service: &Service) -> Vec<String> {
        let name = |operation: &Operation| format!("{}.{}", service.name.name, operation.name.name);
        self.operations(service).map(name).collect()
    }

    /// The function that undoes them: of a role, of a service's module, and of the runtime.
    fn function(self) -> Ident {
        match self {
            Self::Inside => format_ident!("compensate"),
            Self::Outside => format_ident!("compensate_call"),
        }
    }

    /// What that function takes besides the service and the operation's name, in the order in which it takes it.
    fn parameters(self) -> Parameters {
        let (tx, operation) = (local("tx"), local("operation"));
        let (key, arguments, output) = (local("key"), local("arguments"), local("output"));
        let text = quote! { &'a ::core::primitive::str };
        match self {
            Self::Inside => Parameters {
                declared: quote! { #tx: &'a mut Db::Tx, #operation: #text, #arguments: #text, #output: #text },
                passed: quote! { #tx, #operation, #arguments, #output },
                known: quote! { #tx, #arguments, #output },
            },
            Self::Outside => Parameters {
                declared: quote! {
                    #key: &'a ::accompanist::IdempotencyKey,
                    #operation: #text,
                    #arguments: #text,
                    #output: ::core::option::Option<#text>
                },
                passed: quote! { #key, #operation, #arguments, #output },
                known: quote! { #key, #arguments, #output },
            },
        }
    }
}

struct Parameters {
    /// With their types.
    declared: TokenStream,
    /// Their names.
    passed: TokenStream,
    /// Those that are passed once it is known which operation it is.
    known: TokenStream,
}

fn undone() -> TokenStream {
    quote! { ::accompanist::BoxFuture<'a, ::core::result::Result<(), ::accompanist::BoxError>> }
}

/// Undoes the operations of a service: functions of its module.
pub fn dispatch(hir: &Hir, service: &Service) -> TokenStream {
    let trait_name = item(&service.name.name);
    let foreign = foreign::bounds(hir, &foreign::within_service(hir, service), Scope::Module);
    let functions = Acts::ALL.into_iter().filter(|acts| !acts.names(service).is_empty()).map(|acts| {
        let (names, markers) = (acts.names(service), acts.operations(service).map(marker));
        let Parameters { declared, passed: _, known } = acts.parameters();
        let (function, service, operation, undone) = (acts.function(), local("service"), local("operation"), undone());
        quote! {
            /// Undoes an operation of the service by its name.
            pub fn #function<'a, Svc, Db>(#service: &'a Svc, #declared) -> #undone
            where
                Svc: super::#trait_name<Db>,
                Db: ::accompanist::Database,
                #foreign
            {
                match #operation {
                    #(#names => ::accompanist::#function::<#markers, Svc, Db>(#service, #known),)*
                    _ => ::accompanist::unknown_operation(#operation),
                }
            }
        }
    });
    functions.collect()
}

/// Undoes the operations of a role, whichever of its services they belong to: methods of its `Role`.
pub fn methods(hir: &Hir, choreography: &Choreography, role: RoleId) -> TokenStream {
    let services = choreography.roles.get(usize::from(role.0)).into_iter().flat_map(|role| &role.services);
    let services: Vec<&Service> = services.map(|id| hir.service(*id)).collect();
    Acts::ALL.into_iter().filter_map(|acts| method(acts, &services)).collect()
}

fn method(acts: Acts, services: &[&Service]) -> Option<TokenStream> {
    let Parameters { declared, passed, known: _ } = acts.parameters();
    let (function, operation, undone) = (acts.function(), local("operation"), undone());
    let services: Vec<&&Service> = services.iter().filter(|service| !acts.names(service).is_empty()).collect();
    let call = |service: &Service| {
        let module = operations_module(service);
        quote! { super::#module::#function(&*self.service, #passed) }
    };
    let body = match services.as_slice() {
        // The trait has no default for transactions.
        [] if acts == Acts::Outside => return None,
        [] => quote! { ::accompanist::unknown_operation(#operation) },
        [only] => call(only),
        several => {
            let arms = several.iter().map(|service| {
                let (names, call) = (acts.names(service), call(service));
                quote! { #(#names)|* => #call, }
            });
            quote! { match #operation { #(#arms)* _ => ::accompanist::unknown_operation(#operation) } }
        }
    };
    Some(quote! {
        fn #function<'a>(&'a self, #declared) -> #undone {
            #body
        }
    })
}
