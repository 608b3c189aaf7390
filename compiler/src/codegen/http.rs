//! A service that another program does: its trait, implemented by the runtime's HTTP client.

use proc_macro2::TokenStream;
use quote::quote;

use super::foreign;
use super::names::{item, local};
use super::service::params;
use super::types::Scope;
use crate::hir::{Hir, Operation, Service};
use crate::syntax::ast::{Ident, OperationKind};

/// What rustc says where a service that is not to be had over HTTP is to be had over HTTP.
pub fn refusal(service: &Service) -> Option<TokenStream> {
    let of_the_role = service.operations.iter().find_map(|operation| match &operation.kind {
        OperationKind::Pure => Some(("pure fn", operation)),
        OperationKind::Transaction { .. } => Some(("transaction", operation)),
        OperationKind::Recorded { .. } => None,
    });
    let (kind, operation) = of_the_role?;
    let note = format!(
        "`accompanist::http::Service` does what is declared `fn`; `{}` has the {kind} `{}`, which is done in the role's own process",
        service.name.name, operation.name.name
    );
    Some(quote! { #[diagnostic::on_unimplemented(note = #note)] })
}

/// The trait, implemented where the runtime has the client: generated code does not know which of the runtime's features are on.
pub fn implementation(hir: &Hir, service: &Service) -> Option<TokenStream> {
    if refusal(service).is_some() {
        return None;
    }
    let trait_name = item(&service.name.name);
    let mut undone = std::collections::BTreeSet::new();
    let methods = service.operations.iter().map(|operation| {
        let call = method(hir, operation, None);
        let compensation = operation.kind.compensation().filter(|name| undone.insert(&name.name));
        let undo = compensation.map(|name| method(hir, operation, Some(name)));
        quote! { #call #undo }
    });
    let methods: TokenStream = methods.collect();
    let foreign = foreign::bounds(hir, &foreign::within_service(hir, service), Scope::Root);
    let foreign = (!foreign.is_empty()).then(|| quote! { where #foreign });
    Some(quote! {
        ::accompanist::__with_http! {
            /// Does each operation by a request to another program.
            impl<Db: ::accompanist::Database> #trait_name<Db> for ::accompanist::http::Service #foreign {
                #methods
            }
        }
    })
}

/// An operation, or what undoes it.
fn method(hir: &Hir, operation: &Operation, compensation: Option<&Ident>) -> TokenStream {
    let called = compensation.map_or(&operation.name.name, |name| &name.name);
    let (name, params) = (item(called), params(hir, &operation.params));
    let result = Scope::Root.ty(hir, &operation.result);
    let (key, output, arguments) = (local("key"), local("output"), local("arguments"));
    let with = operation.params.iter().map(|param| {
        let (name, value) = (&param.name.name, super::service::param_name(param));
        quote! { .with(#name, #value)? }
    });
    let sent = quote! { ::accompanist::http::Arguments::new() #(#with)* };
    match compensation {
        None => quote! {
            async fn #name(
                &self, #key: &::accompanist::IdempotencyKey, #(#params),*
            ) -> ::core::result::Result<#result, ::accompanist::Failure> {
                let #arguments = #sent;
                ::accompanist::http::Service::call(self, #called, #key, #arguments).await
            }
        },
        Some(_) => {
            let is_taken = operation.params.iter().any(|param| param.name.name == "result");
            let result_name = if is_taken { "result_" } else { "result" };
            quote! {
                async fn #name(
                    &self, #key: &::accompanist::IdempotencyKey, #(#params,)* #output: ::core::option::Option<&#result>
                ) -> ::core::result::Result<(), ::accompanist::BoxError> {
                    let #arguments = #sent.with(#result_name, &#output)?;
                    ::accompanist::http::Service::compensate(self, #called, #key, #arguments).await
                }
            }
        }
    }
}
