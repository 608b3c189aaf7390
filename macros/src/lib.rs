//! The `choreo!` macro: a thin shim that hands text to the compiler and its Rust, or its diagnostics, to rustc.

mod in_function;
mod inline;
mod input;
mod renamed;

use std::path::Path;

use chor::codegen::{self, Sharing};
use chor::diagnostic::render::{Colour, Renderer};
use chor::diagnostic::{Code, Severity};
use chor::load::relative_path;
use chor::source::Sources;
use chor::{Compilation, Options};
use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, LitStr};

use input::{Base, FileInput, Input};

/// The Rust of a choreography: its types, a trait for each service, and for each role what a node runs.
///
/// `choreo!("warehouse.chor")` reads a file, whose path counts from the directory of the file with the call, as that of
/// `include!` does, or else from the package's directory; when it changes, or a file that it uses, the crate is built again. `choreo! { … }` takes the choreography itself. A team that owns
/// one role generates that one only: `choreo!("warehouse.chor", role = Payment)`, `choreo! { role = Payment; … }`.
///
/// `choreo!("warehouse_v1.chor", shares = "warehouse.chor" in super)` is an old version of a file: types and services that did not change are
/// those that the new version made in the module `super`.
///
/// A mistake in the choreography is an error at its place, or for a file at the path, with the same text as `chor check`
/// writes.
#[proc_macro]
pub fn choreo(tokens: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let call = TokenStream::from(tokens.clone());
    let expanded = match input::read(call.clone()) {
        Ok(Input::File(input)) => from_file(&input),
        Ok(Input::Inline { role }) => from_text(role.as_ref(), tokens),
        Err(error) => error.into_compile_error(),
    };
    let expanded = renamed::for_this_package(expanded);
    in_function::at_home(expanded, proc_macro::Span::call_site(), &call).into()
}

fn from_file(input: &FileInput) -> TokenStream {
    let FileInput { path, role, shares } = input;
    let (sources, base) = match input::read_file(path) {
        Ok(read) => read,
        Err(fault) => return compile_error(path.span(), &fault),
    };
    let compilation = chor::compile(&sources, &Options::default());
    let watch = watch_all(path, &sources, base);
    let (sharing, watch_other) = match shares.as_ref().map(|(other, module)| sharing(&compilation, other, module)) {
        None => (Sharing::default(), TokenStream::new()),
        Some(Ok(shared)) => shared,
        Some(Err(error)) => return quote! { #watch #error },
    };
    let rust = expand(&sources, &compilation, (role.as_ref(), &sharing), |_| path.span());
    quote! { #watch #watch_other #rust }
}

/// What a program shares with another version, whose Rust is in that module; and that its files are a part of the crate. Its own mistakes
/// are told where it is compiled.
fn sharing(
    compilation: &Compilation,
    other: &LitStr,
    module: &syn::Path,
) -> Result<(Sharing, TokenStream), TokenStream> {
    let (sources, base) = input::read_file(other).map_err(|fault| compile_error(other.span(), &fault))?;
    let shared = Sharing::of(compilation, &chor::compile(&sources, &Options::default()), &quote! { #module });
    Ok((shared, watch_all(other, &sources, base)))
}

/// Tells rustc that the files are a part of the crate: the one of that path, and those that are used.
fn watch_all(path: &LitStr, sources: &Sources, base: Base) -> TokenStream {
    let mut files = sources.iter().map(|(_, file)| file.name());
    let root = files.next().unwrap_or_default();
    let directory = Path::new(&path.value()).parent().map(Path::to_owned).unwrap_or_default();
    let others = files.map(|name| {
        let beside = directory.join(relative_path(root, name)).display().to_string();
        watch(&LitStr::new(&beside, path.span()), base)
    });
    let first = watch(path, base);
    quote! { #first #(#others)* }
}

/// Tells rustc that the file is a part of the crate. The literal has the place of the user's own, and so counts from the
/// user's file.
fn watch(path: &LitStr, base: Base) -> TokenStream {
    match base {
        Base::Call => quote! { const _: &[u8] = ::core::include_bytes!(#path); },
        Base::Package => quote! {
            const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #path));
        },
    }
}

fn from_text(role: Option<&Ident>, tokens: proc_macro::TokenStream) -> TokenStream {
    let Some(inline) = inline::read(proc_macro::Span::call_site(), tokens) else {
        let fault = "the text of this choreography is not known, for a macro wrote it; put it in a file and name that";
        return compile_error(Span::call_site(), fault);
    };
    let compilation = chor::compile(&inline.sources, &Options::default());
    let is_here = |span: &chor::span::Span| inline.sources.iter().next().is_some_and(|(id, _)| id == span.file);
    let rust = expand(&inline.sources, &compilation, (role, &Sharing::default()), |span| match is_here(&span) {
        true => inline.span_at(span.start),
        false => Span::call_site(),
    });
    let others = inline.sources.iter().skip(1).map(|(_, file)| {
        let path = LitStr::new(&relative_path(inline.file(), file.name()), Span::call_site());
        watch(&path, Base::Call)
    });
    quote! { #(#others)* #rust }
}

/// The Rust of a program without errors. Otherwise an error for each diagnostic, and what is needed so that code which uses
/// the program gives no errors of its own. `span_at` finds a place of the source in the user's file.
fn expand(
    sources: &Sources,
    compilation: &Compilation,
    (role, sharing): (Option<&Ident>, &Sharing),
    span_at: impl Fn(chor::span::Span) -> Span,
) -> TokenStream {
    if let Some(nothing) = compilation.diagnostics.iter().find(|diagnostic| diagnostic.code() == Code::W0406) {
        let text = "there is no choreography here; write `choreo! { choreography Name<A, B>(x: u64@A) -> u64@B { x ~> B } }`, \
                    or name a file that has one: `choreo!(\"name.chor\")`";
        return compile_error(span_at(nothing.span()), text);
    }
    let role_name = role.map(|role| syn::ext::IdentExt::unraw(role).to_string());
    if compilation.has_errors() {
        let renderer = Renderer::new(sources, Colour::Off);
        let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error).map(
            |diagnostic| {
                // The place stands before the message, and the message is not said again.
                let block = renderer.block(diagnostic);
                let (_, block) = block.split_once('\n').unwrap_or_default();
                let text = format!("{}\n{block}", renderer.short(diagnostic));
                compile_error(span_at(diagnostic.span()), &text)
            },
        );
        let skeleton = codegen::skeleton(compilation, role_name.as_deref());
        return quote! { #(#errors)* #skeleton };
    }
    if let Some(role) = role
        && let Some(name) = role_name.as_deref().filter(|name| !codegen::has_role(compilation, name))
    {
        let known = codegen::role_names(compilation);
        return compile_error(role.span(), &format!("no choreography has a role `{name}`; {known}"));
    }
    codegen::generate_sharing(compilation, role_name.as_deref(), sharing)
}

fn compile_error(span: Span, text: &str) -> TokenStream {
    quote_spanned! { span => ::core::compile_error!(#text); }
}
