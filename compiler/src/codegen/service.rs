//! Services: the trait that a role's owner implements, and its operations as types.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::foreign;
use super::names::{docs, item, local, pascal, snake};
use super::types::Scope;
use super::{compensation, http};
use crate::hir::{Field, Hir, Operation, Service};
use crate::syntax::ast::{self, OperationKind};

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
    let name = pascal(&operation.name.name);
    // `__` has no word in it, and `_1` none that begins a name.
    let is_name = name.starts_with(|first: char| first.is_alphabetic());
    item(&if is_name { name } else { format!("Operation{name}") })
}

/// The trait of a service, and its operations as types.
pub fn service(hir: &Hir, service: &Service) -> TokenStream {
    let name = item(&service.name.name);
    let docs = docs(&service.docs, &format!("The operations of the service `{}`.", service.name.name));
    let mut compensations = BTreeSet::new();
    let methods = service.operations.iter().map(|operation| methods(hir, operation, &mut compensations));
    let methods: TokenStream = methods.collect();
    let operations = operations(hir, service);
    let (refusal, over_http) = (http::refusal(service), http::implementation(hir, service));
    quote! {
        #docs
        #refusal
        #[allow(
            clippy::ptr_arg, clippy::too_many_arguments, clippy::type_complexity,
            reason = "an operation takes a reference to each argument's type, whatever it is, and as many as it has"
        )]
        pub trait #name<Db: ::accompanist::Database>:
            ::core::marker::Send + ::core::marker::Sync + 'static
        {
            #methods
        }
        #over_http
        #operations
    }
}

/// The name of a parameter, which none of the others has that a method may have.
pub fn param_name(field: &Field) -> Ident {
    let reserved = ["tx", "key", "output"].contains(&field.name.name.as_str());
    if reserved { local(&format!("{}_", field.name.name)) } else { local(&field.name.name) }
}

/// Parameters of a method.
pub fn params(hir: &Hir, params: &[Field]) -> Vec<TokenStream> {
    let param = |field: &Field| {
        let (name, ty) = (param_name(field), Scope::Root.ty(hir, &field.ty));
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
    let undone = quote! {
        impl ::core::future::Future<Output = ::core::result::Result<(), ::accompanist::BoxError>>
            + ::core::marker::Send
    };
    match &operation.kind {
        OperationKind::Pure => quote! { #docs fn #name(&self, #(#params),*) -> #result; },
        OperationKind::Recorded { compensate } => {
            let compensation = compensate.as_ref().filter(|name| compensations.insert(&name.name)).map(|compensate| {
                let undoes = format!("Undoes `{}`, given its key, its arguments and its result.", operation.name.name);
                let compensate = item(&compensate.name);
                quote! {
                    #[doc = #undoes]
                    ///
                    /// Without a result it is not known whether the call took effect: it may not have arrived, or may still be on its way, and must not
                    /// take effect any more. What was not done, or is undone already, is undone by doing nothing.
                    fn #compensate(
                        &self,
                        #key: &::accompanist::IdempotencyKey,
                        #(#params,)*
                        #output: ::core::option::Option<&#result>,
                    ) -> #undone;
                }
            });
            quote! {
                #docs
                fn #name(&self, #key: &::accompanist::IdempotencyKey, #(#params),*) -> #future;
                #compensation
            }
        }
        OperationKind::Transaction { compensate } => {
            let compensation = compensate.as_ref().filter(|name| compensations.insert(&name.name)).map(|compensate| {
                let undoes = format!("Undoes `{}`, given its arguments and its result.", operation.name.name);
                let compensate = item(&compensate.name);
                quote! {
                    #[doc = #undoes]
                    fn #compensate(&self, #tx: &mut Db::Tx, #(#params,)* #output: &#result) -> #undone;
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
    let dispatch = compensation::dispatch(hir, service);
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

/// What the implementations for an operation's type share.
struct Implementation<'a> {
    marker: Ident,
    /// `where Svc: ..`
    bounds: TokenStream,
    /// The constant and the types.
    associated: TokenStream,
    /// What the operation gives.
    result: TokenStream,
    /// The service's trait.
    service: TokenStream,
    method: Ident,
    /// The arguments, each a reference.
    args: Vec<TokenStream>,
    compensation: Option<&'a ast::Ident>,
}

fn operation_type(hir: &Hir, service: &Service, operation: &Operation) -> Option<TokenStream> {
    let trait_name = item(&service.name.name);
    let name = format!("{}.{}", service.name.name, operation.name.name);
    let types = operation.params.iter().map(|param| Scope::Module.ty(hir, &param.ty));
    let output_type = Scope::Module.ty(hir, &operation.result);
    let types_of = operation.params.iter().map(|param| &param.ty).chain([&operation.result]);
    let foreign = foreign::bounds(hir, &foreign::within(hir, types_of), Scope::Module);
    let arguments = local("arguments");
    let arg = |index| {
        let index = proc_macro2::Literal::usize_unsuffixed(index);
        quote! { &#arguments.#index }
    };
    let implementation = Implementation {
        marker: marker(operation),
        bounds: quote! { where Svc: super::#trait_name<Db>, Db: ::accompanist::Database, #foreign },
        associated: quote! {
            const NAME: &'static ::core::primitive::str = #name;
            type Arguments = (#(#types,)*);
            type Output = #output_type;
        },
        result: quote! { ::core::result::Result<Self::Output, ::accompanist::Failure> },
        service: quote! { <Svc as super::#trait_name<Db>> },
        method: item(&operation.name.name),
        args: (0..operation.params.len()).map(arg).collect(),
        compensation: operation.kind.compensation(),
    };
    let implementations = match &operation.kind {
        OperationKind::Pure => return None,
        OperationKind::Recorded { .. } => implementation.recorded(&service.name.name),
        OperationKind::Transaction { .. } => implementation.transaction(),
    };
    let (marker, about) = (implementation.marker, format!("`{name}`"));
    Some(quote! {
        #[doc = #about]
        pub struct #marker;
        #implementations
    })
}

impl Implementation<'_> {
    fn recorded(&self, service_name: &str) -> TokenStream {
        let Self { marker, bounds, associated, result, service: call, method, args, compensation } = self;
        let (service, key, arguments, output) = (local("service"), local("key"), local("arguments"), local("output"));
        let constant = compensation.map(|compensate| {
            let name = format!("{service_name}.{}", compensate.name);
            quote! {
                const COMPENSATION: ::core::option::Option<&'static ::core::primitive::str> =
                    ::core::option::Option::Some(#name);
            }
        });
        let compensated = compensation.map(|compensate| {
            let compensate = item(&compensate.name);
            quote! {
                impl<Svc, Db> ::accompanist::Compensated<Svc, Db> for #marker #bounds {
                    async fn compensate(
                        #service: &Svc,
                        #key: &::accompanist::IdempotencyKey,
                        #arguments: &Self::Arguments,
                        #output: ::core::option::Option<&Self::Output>,
                    ) -> ::core::result::Result<(), ::accompanist::BoxError> {
                        #call::#compensate(#service, #key, #(#args,)* #output).await
                    }
                }
            }
        });
        quote! {
            impl<Svc, Db> ::accompanist::Operation<Svc, Db> for #marker #bounds {
                #associated
                #constant
                async fn call(
                    #service: &Svc,
                    #key: &::accompanist::IdempotencyKey,
                    #arguments: &Self::Arguments,
                ) -> #result {
                    #call::#method(#service, #key, #(#args),*).await
                }
            }
            #compensated
        }
    }

    fn transaction(&self) -> TokenStream {
        let Self { marker, bounds, associated, result, service: call, method, args, compensation } = self;
        let (service, tx, arguments, output) = (local("service"), local("tx"), local("arguments"), local("output"));
        let (docs, body) = match compensation {
            Some(name) => {
                let compensate = item(&name.name);
                (None, quote! { #call::#compensate(#service, #tx, #(#args,)* #output).await })
            }
            None => {
                let docs = "Nothing can undo it: `compensate none`.";
                (Some(quote! { #[doc = #docs] }), quote! { ::core::result::Result::Ok(()) })
            }
        };
        quote! {
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
        }
    }
}

/// A service's operations as the runtime knows them by name.
pub fn operation_names(service: &Service) -> impl Iterator<Item = TokenStream> {
    service.operations.iter().filter_map(|operation| {
        let name = |name: &str| format!("{}.{name}", service.name.name);
        let own = name(&operation.name.name);
        let compensation = match operation.kind.compensation() {
            Some(compensate) => {
                let compensate = name(&compensate.name);
                quote! { ::core::option::Option::Some(#compensate) }
            }
            None => quote! { ::core::option::Option::None },
        };
        match &operation.kind {
            OperationKind::Pure => None,
            OperationKind::Recorded { .. } => {
                Some(quote! { ::accompanist::ServiceOperation::Recorded(#own, #compensation) })
            }
            OperationKind::Transaction { .. } => {
                Some(quote! { ::accompanist::ServiceOperation::Transaction(#own, #compensation) })
            }
        }
    })
}
