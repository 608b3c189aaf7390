//! Services: the trait that a role's owner implements, and its operations as types.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::names::{docs, item, local, pascal, snake};
use super::types::Scope;
use crate::hir::{Field, Hir, Operation, Service};
use crate::syntax::ast::OperationKind;

/// The module that holds the operations of a service.
pub fn operations_module(service: &Service) -> Ident {
    item(&format!("{}_operations", snake(&service.name.name)))
}

/// Whether a service has operations that are types.
pub fn has_module(service: &Service) -> bool {
    service.operations.iter().any(|operation| !operation.is_pure())
}

/// The type that stands for an operation.
pub fn marker(operation: &Operation) -> Ident {
    item(&pascal(&operation.name.name))
}

/// The trait of a service, and its operations as types.
pub fn service(hir: &Hir, service: &Service) -> TokenStream {
    let name = item(&service.name.name);
    let docs = docs(&service.docs, &format!("The operations of the service `{}`.", service.name.name));
    let mut compensations = BTreeSet::new();
    let methods = service.operations.iter().map(|operation| methods(hir, operation, &mut compensations));
    let methods: TokenStream = methods.collect();
    let operations = operations(hir, service);
    quote! {
        #docs
        #[allow(
            clippy::ptr_arg, clippy::too_many_arguments, clippy::type_complexity,
            reason = "an operation takes a reference to each argument's type, whatever it is, and as many as it has"
        )]
        pub trait #name<Db: ::accompanist::Database>:
            ::core::marker::Send + ::core::marker::Sync + 'static
        {
            #methods
        }
        #operations
    }
}

/// Parameters of a method, none of the names that the method has besides.
fn params(hir: &Hir, params: &[Field]) -> Vec<TokenStream> {
    let param = |field: &Field| {
        let reserved = ["tx", "key", "output"].contains(&field.name.name.as_str());
        let name = if reserved { format!("{}_", field.name.name) } else { field.name.name.clone() };
        let (name, ty) = (local(&name), Scope::Root.ty(hir, &field.ty));
        quote! { #name: &#ty }
    };
    params.iter().map(param).collect()
}

fn methods<'a>(hir: &Hir, operation: &'a Operation, compensations: &mut BTreeSet<&'a str>) -> TokenStream {
    let name = item(&operation.name.name);
    let docs = docs(&operation.docs, &format!("The operation `{}`.", operation.name.name));
    let params = params(hir, &operation.params);
    let result = Scope::Root.ty(hir, &operation.result);
    let (tx, key, output) = (local("tx"), local("key"), local("output"));
    let future = quote! {
        impl ::core::future::Future<Output = ::core::result::Result<#result, ::accompanist::Failure>>
            + ::core::marker::Send
    };
    match &operation.kind {
        OperationKind::Pure => quote! { #docs fn #name(&self, #(#params),*) -> #result; },
        OperationKind::Recorded => quote! {
            #docs
            fn #name(&self, #key: &::accompanist::IdempotencyKey, #(#params),*) -> #future;
        },
        OperationKind::Transaction { compensate } => {
            let compensation = compensate.as_ref().filter(|name| compensations.insert(&name.name)).map(|compensate| {
                let undoes = format!("Undoes `{}`, given its arguments and its result.", operation.name.name);
                let compensate = item(&compensate.name);
                quote! {
                    #[doc = #undoes]
                    fn #compensate(&self, #tx: &mut Db::Tx, #(#params,)* #output: &#result)
                        -> impl ::core::future::Future<
                            Output = ::core::result::Result<(), ::accompanist::BoxError>,
                        > + ::core::marker::Send;
                }
            });
            quote! {
                #docs
                fn #name(&self, #tx: &mut Db::Tx, #(#params),*) -> #future;
                #compensation
            }
        }
    }
}

fn operations(hir: &Hir, service: &Service) -> TokenStream {
    let module = operations_module(service);
    let about = format!("The operations of the service `{}` as types.", service.name.name);
    let markers: Vec<TokenStream> =
        service.operations.iter().filter_map(|operation| operation_type(hir, service, operation)).collect();
    let dispatch = dispatch(service);
    if !has_module(service) {
        return TokenStream::new();
    }
    quote! {
        #[doc = #about]
        #[doc(hidden)]
        #[allow(clippy::all, unused_variables, reason = "written by a compiler: what reads the same is generated the same")]
        pub mod #module {
            #(#markers)*
            #dispatch
        }
    }
}

fn operation_type(hir: &Hir, service: &Service, operation: &Operation) -> Option<TokenStream> {
    let marker = marker(operation);
    let trait_name = item(&service.name.name);
    let name = format!("{}.{}", service.name.name, operation.name.name);
    let method = item(&operation.name.name);
    let types = operation.params.iter().map(|param| Scope::Module.ty(hir, &param.ty));
    let output_type = Scope::Module.ty(hir, &operation.result);
    let (service, tx, key) = (local("service"), local("tx"), local("key"));
    let (arguments, output) = (local("arguments"), local("output"));
    let args: Vec<TokenStream> = (0..operation.params.len())
        .map(|index| {
            let index = proc_macro2::Literal::usize_unsuffixed(index);
            quote! { &#arguments.#index }
        })
        .collect();
    let call = quote! { <Svc as super::#trait_name<Db>> };
    let associated = quote! {
        const NAME: &'static ::core::primitive::str = #name;
        type Arguments = (#(#types,)*);
        type Output = #output_type;
    };
    let bounds = quote! { where Svc: super::#trait_name<Db>, Db: ::accompanist::Database };
    let result = quote! { ::core::result::Result<Self::Output, ::accompanist::Failure> };
    let about = format!("`{name}`");
    match &operation.kind {
        OperationKind::Pure => None,
        OperationKind::Recorded => Some(quote! {
            #[doc = #about]
            pub struct #marker;
            impl<Svc, Db> ::accompanist::Operation<Svc, Db> for #marker #bounds {
                #associated
                async fn call(
                    #service: &Svc,
                    #key: &::accompanist::IdempotencyKey,
                    #arguments: &Self::Arguments,
                ) -> #result {
                    #call::#method(#service, #key, #(#args),*).await
                }
            }
        }),
        OperationKind::Transaction { compensate } => {
            let (docs, body) = match compensate {
                Some(name) => {
                    let compensate = item(&name.name);
                    (None, quote! { #call::#compensate(#service, #tx, #(#args,)* #output).await })
                }
                None => {
                    let docs = "Nothing can undo it: `compensate none`.";
                    (Some(quote! { #[doc = #docs] }), quote! { ::core::result::Result::Ok(()) })
                }
            };
            Some(quote! {
                #[doc = #about]
                pub struct #marker;
                impl<Svc, Db> ::accompanist::Transaction<Svc, Db> for #marker #bounds {
                    #associated
                    async fn commit(#service: &Svc, #tx: &mut Db::Tx, #arguments: &Self::Arguments) -> #result {
                        #call::#method(#service, #tx, #(#args),*).await
                    }
                    #docs
                    async fn compensate(
                        #service: &Svc,
                        #tx: &mut Db::Tx,
                        #arguments: &Self::Arguments,
                        #output: &Self::Output,
                    ) -> ::core::result::Result<(), ::accompanist::BoxError> {
                        #body
                    }
                }
            })
        }
    }
}

/// Whether a service has something to undo.
pub fn has_transactions(service: &Service) -> bool {
    service.operations.iter().any(|operation| matches!(operation.kind, OperationKind::Transaction { .. }))
}

/// The names of a service's transactions, as the runtime has them.
pub fn transaction_names(service: &Service) -> Vec<String> {
    let transactions =
        service.operations.iter().filter(|operation| matches!(operation.kind, OperationKind::Transaction { .. }));
    transactions.map(|operation| format!("{}.{}", service.name.name, operation.name.name)).collect()
}

/// A service's operations as the runtime knows them by name.
pub fn operation_names(service: &Service) -> impl Iterator<Item = TokenStream> {
    service.operations.iter().filter_map(|operation| {
        let name = |name: &str| format!("{}.{name}", service.name.name);
        let own = name(&operation.name.name);
        match &operation.kind {
            OperationKind::Pure => None,
            OperationKind::Recorded => {
                Some(quote! { ::accompanist::ServiceOperation::Recorded(#own, ::core::option::Option::None) })
            }
            OperationKind::Transaction { compensate: None } => {
                Some(quote! { ::accompanist::ServiceOperation::Transaction(#own, ::core::option::Option::None) })
            }
            OperationKind::Transaction { compensate: Some(compensate) } => {
                let compensate = name(&compensate.name);
                Some(quote! {
                    ::accompanist::ServiceOperation::Transaction(#own, ::core::option::Option::Some(#compensate))
                })
            }
        }
    })
}

fn dispatch(service: &Service) -> Option<TokenStream> {
    if !has_transactions(service) {
        return None;
    }
    let trait_name = item(&service.name.name);
    let names = transaction_names(service);
    let markers = service
        .operations
        .iter()
        .filter(|operation| matches!(operation.kind, OperationKind::Transaction { .. }))
        .map(marker);
    let (service, tx, operation) = (local("service"), local("tx"), local("operation"));
    let (arguments, output) = (local("arguments"), local("output"));
    let compensate = format_ident!("compensate");
    Some(quote! {
        /// Undoes an operation of the service by its name.
        pub fn #compensate<'a, Svc, Db>(
            #service: &'a Svc,
            #tx: &'a mut Db::Tx,
            #operation: &'a ::core::primitive::str,
            #arguments: &'a ::core::primitive::str,
            #output: &'a ::core::primitive::str,
        ) -> ::accompanist::BoxFuture<'a, ::core::result::Result<(), ::accompanist::BoxError>>
        where
            Svc: super::#trait_name<Db>,
            Db: ::accompanist::Database,
        {
            match #operation {
                #(#names => ::accompanist::compensate::<#markers, Svc, Db>(#service, #tx, #arguments, #output),)*
                _ => ::accompanist::unknown_operation(#operation),
            }
        }
    })
}
