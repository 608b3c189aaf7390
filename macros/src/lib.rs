//! The `choreo!` macro.
/// The Rust of a choreography.
#[proc_macro]
pub fn choreo(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let lit: syn::LitStr = syn::parse(input).unwrap();
    let path = std::path::Path::new(&std::env::var("CARGO_MANIFEST_DIR").unwrap()).join(lit.value());
    let text = std::fs::read_to_string(&path).unwrap();
    let sources = chor::source::Sources::single(lit.value(), text);
    let c = chor::compile(&sources, &Default::default());
    let r = chor::diagnostic::render::Renderer::new(&sources, chor::diagnostic::render::Colour::Off);
    for d in &c.diagnostics { eprintln!("{}", r.block(d)); }
    chor::codegen::generate(&c, None).into()
}
