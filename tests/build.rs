//! Compiles the choreographies of `fixtures/` to Rust, which `src/generated.rs` includes: what `chor check` accepts, rustc must.

use std::path::{Path, PathBuf};
use std::{env, fs};

use chor::diagnostic::render::{Colour, Renderer};
use chor::source::Sources;

fn main() {
    println!("cargo::rerun-if-changed=fixtures");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
    let mut modules = String::new();
    let mut paths: Vec<PathBuf> =
        fs::read_dir("fixtures").expect("the fixtures are there").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "chor")) {
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("fixtures have plain names");
        let generated = out.join(format!("{name}.rs"));
        fs::write(&generated, rust(path)).expect("the build directory can be written");
        modules.push_str(&format!("#[path = {generated:?}]\npub mod {name};\n"));
    }
    fs::write(out.join("generated.rs"), modules).expect("the build directory can be written");
}

fn rust(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("fixtures are text");
    let sources = Sources::single(path.display().to_string(), text);
    let compilation = chor::compile(&sources, &chor::Options::default());
    if compilation.has_errors() {
        let renderer = Renderer::new(&sources, Colour::Off);
        for diagnostic in &compilation.diagnostics {
            eprintln!("{}", renderer.block(diagnostic));
        }
        println!("cargo::error={} is refused", path.display());
        return String::new();
    }
    let tokens = chor::codegen::generate(&compilation, None);
    format!("//! Generated from `{}`.\n{tokens}", path.display())
}
