//! Functions: a hidden module with each of them once. Those of the language are called with values and may abort, so their place
//! in the source is told; those of Rust's are called with references.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

use super::foreign;
use super::names::{item, local, snake};
use super::nesting::Makes;
use super::program::Writer;
use super::role_names::{AllRoleNames, RoleNames};
use super::types::Scope;
use crate::Compilation;
use crate::hir::{FN_DEPTH_MAX, FN_TOO_DEEP, FnId, Function, FunctionKind, Hir, Ty};
use crate::lir::{Expr, Program, Projection, used_functions};
use crate::span::Span;

/// The module of the functions. Another choreography in the same place has its own, so it is named after what it is made with.
fn module(hir: &Hir) -> Ident {
    let name = hir.choreographies.first().map_or_else(String::new, |choreography| snake(&choreography.name.name));
    format_ident!("__functions_of_{name}", span = proc_macro2::Span::call_site())
}

/// The functions: all of them, or what the role of that name needs.
pub fn functions(compilation: &Compilation, role: Option<&str>, all_names: &AllRoleNames) -> Option<TokenStream> {
    let hir = &compilation.hir;
    let all = (0..).zip(&hir.functions).map(|(index, _)| FnId(index));
    let wanted: BTreeSet<FnId> = match role {
        None => all.collect(),
        Some(role) => used_functions(programs_of(compilation, role), &compilation.functions),
    };
    if wanted.is_empty() || hir.choreographies.is_empty() {
        return None;
    }
    let functions = wanted.iter().map(|id| {
        let function = hir.function(*id);
        let written = compilation.functions.get(id.0 as usize).and_then(Option::as_ref);
        match (&function.kind, written) {
            (FunctionKind::Written(_), Some(projection)) => written_in(compilation, function, projection, all_names),
            (FunctionKind::Written(_), None) => TokenStream::new(),
            (FunctionKind::Extern(path), _) => owned_by_rust(compilation, function, path),
        }
    });
    let module = module(hir);
    Some(quote! {
        #[doc(hidden)]
        #[allow(
            clippy::all, dead_code, non_shorthand_field_patterns, non_snake_case, unreachable_code, unused_braces, unused_parens,
            unused_variables,
            reason = "written by a compiler: what reads the same is generated the same"
        )]
        mod #module {
            #(#functions)*
        }
    })
}

/// The programs of the roles of that name.
fn programs_of<'a>(compilation: &'a Compilation, role: &'a str) -> impl Iterator<Item = &'a Program> {
    compilation.projections.iter().flat_map(move |projection| {
        let choreography = compilation.hir.choreographies.get(projection.choreography);
        let wanted = move |program: &&Program| choreography.is_some_and(|it| it.role_name(program.role) == role);
        projection.programs.iter().filter(wanted)
    })
}

fn written_in(
    compilation: &Compilation,
    function: &Function,
    projection: &Projection,
    all_names: &AllRoleNames,
) -> TokenStream {
    let hir = &compilation.hir;
    let (Some(body), [program]) = (function.body(), projection.programs.as_slice()) else {
        return TokenStream::new();
    };
    let names = RoleNames::of(body);
    let mut writer = Writer::new(compilation, projection, body, program, &[], (&names, all_names));
    let depth = local("depth");
    writer.depth = Some(depth.clone());
    let params = program.params.iter().map(|param| {
        let (name, ty) = (writer.name(*param), Scope::Module.ty(hir, &projection.local(*param).ty));
        quote! { #name: #ty }
    });
    let (name, ctx, result) = (item(&function.name.name), &writer.ctx, Scope::Module.ty(hir, &function.result));
    let (place, depth_max) = (writer.at(function.name.span, FN_TOO_DEEP), Literal::u32_unsuffixed(FN_DEPTH_MAX));
    let stmts = writer.body(&program.body);
    let foreign = foreign::within_program(hir, projection, program, Ty::clone);
    let foreign = foreign::bounds(hir, &foreign, Scope::Module);
    let foreign = (!foreign.is_empty()).then(|| quote! { where #foreign });
    quote! {
        pub(super) fn #name<Ctx: ::accompanist::SessionContext>(
            #ctx: &Ctx,
            #depth: ::core::primitive::u32,
            #(#params),*
        ) -> ::core::result::Result<#result, ::accompanist::Interrupted>
        #foreign
        {
            ::accompanist::deep(move || -> ::core::result::Result<#result, ::accompanist::Interrupted> {
                #ctx.defined((#depth < #depth_max).then_some(()), #place)?;
                #stmts
            })
        }
    }
}

/// A function of Rust's, and that it is as declared: what the declaration says is asked for in such a way that rustc's message names
/// the declaration if it is not true.
fn owned_by_rust(compilation: &Compilation, function: &Function, path: &[String]) -> TokenStream {
    let hir = &compilation.hir;
    let name = item(&function.name.name);
    let types: Vec<TokenStream> = function.params.iter().map(|param| Scope::Module.ty(hir, &param.ty)).collect();
    let params: Vec<Ident> = (1..=types.len()).map(|number| format_ident!("argument_{number}")).collect();
    let result = Scope::Module.ty(hir, &function.result);
    let check = declared(compilation, function, path, &types, &result);
    let path = Scope::Module.extern_path(path);
    quote! {
        pub(super) fn #name(#(#params: &#types),*) -> #result {
            #path(#(#params),*)
        }
        #check
    }
}

/// A trait that functions with the declared types have: with references to just these, or with slices for `String` and `Vec`.
fn declared(
    compilation: &Compilation,
    function: &Function,
    path: &[String],
    types: &[TokenStream],
    result: &TokenStream,
) -> TokenStream {
    let hir = &compilation.hir;
    let place = compilation.sources.location(function.span);
    let params = function.params.iter().map(|param| format!("{}: {}", param.name.name, hir.show(&param.ty)));
    let (params, shown) = (params.collect::<Vec<_>>().join(", "), hir.show(&function.result));
    let references = function.params.iter().map(|param| format!("&{}", hir.show(&param.ty)));
    let references = references.collect::<Vec<_>>().join(", ");
    let message = format!("`{}` is not as {place} declares it", path.join("::"));
    let label = format!("declared as `extern fn {}({params}) -> {shown};`", path.join("::"));
    let note = format!("that is a Rust `fn({references}) -> {shown}`, where `&str` and slices do as well");
    let slices: Vec<TokenStream> = function
        .params
        .iter()
        .map(|param| match &param.ty {
            Ty::Str => quote! { ::core::primitive::str },
            Ty::Vec(item) => {
                let item = Scope::Module.ty(hir, item);
                quote! { [#item] }
            }
            other => Scope::Module.ty(hir, other),
        })
        .collect();
    // Where both forms are one, the second must not fit too.
    let has_slices = function.params.iter().any(|param| matches!(param.ty, Ty::Str | Ty::Vec(_)));
    let never = (!has_slices).then(|| quote! { + Never });
    let checks = format_ident!("extern_fn_{}_is_as_declared", function.name.name);
    let path = Scope::Module.extern_path(path);
    quote! {
        const _: () = {
            struct References;
            struct Slices;
            trait Never {}
            #[diagnostic::on_unimplemented(message = #message, label = #label, note = #note)]
            trait Declared<How> {}
            impl<F: ::core::ops::Fn(#(&#types),*) -> #result> Declared<References> for F {}
            impl<F: ::core::ops::Fn(#(&#slices),*) -> #result #never> Declared<Slices> for F {}
            const fn #checks<How, F: Declared<How>>(_: &F) {}
            #checks(&#path)
        };
    }
}

impl Writer<'_> {
    /// A call of a function.
    pub(super) fn apply(&self, id: FnId, args: &[Expr], span: Span) -> TokenStream {
        let function = self.hir.function(id);
        let (module, name, ctx) = (module(self.hir), item(&function.name.name), &self.ctx);
        if let FunctionKind::Extern(_) = function.kind {
            let args = args.iter().map(|arg| self.place(arg));
            let result = quote! { super::#module::#name(#(&#args),*) };
            return self.made_by_rust(result, &function.result, span);
        }
        let args = args.iter().map(|arg| self.shallow(self.owned(arg), &arg.ty, arg.span, Makes::Program));
        let depth = match &self.depth {
            Some(depth) => quote! { #depth + 1 },
            None => quote! { 0 },
        };
        let result = quote! { super::#module::#name(#ctx, #depth, #(#args),*)? };
        self.shallow(result, &function.result, span, Makes::Program)
    }
}
