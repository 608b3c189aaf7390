//! Compiles the choreographies of `fixtures/` to Rust, which `src/generated.rs` includes: what `chor check` accepts, rustc must. So is a
//! choreography that calls every built-in method.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use chor::diagnostic::render::{Colour, Renderer};
use chor::hir::builtin::Builtin;
use chor::hir::builtin::signature::Shape;
use chor::hir::builtin::table::Form;
use chor::load::load;
use chor::source::SourceFile;

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
        let text = fs::read_to_string(path).expect("fixtures are text");
        fs::write(&generated, rust(path, text)).expect("the build directory can be written");
        modules.push_str(&format!("#[path = {generated:?}]\npub mod {name};\n"));
    }
    let generated = out.join("every_method.rs");
    fs::write(&generated, rust(Path::new("every_method.chor"), every_method()))
        .expect("the build directory can be written");
    modules.push_str(&format!("#[path = {generated:?}]\npub mod every_method;\n"));
    fs::write(out.join("generated.rs"), modules).expect("the build directory can be written");
}

/// A type that a shape of the table stands for, `way` being one of several.
fn example(shape: &Shape, way: usize) -> String {
    let pick = |types: [&str; 3]| types.get(way % 3).map_or_else(String::new, |ty| (*ty).to_owned());
    match shape {
        Shape::Name("I") => pick(["u64", "i8", "usize"]),
        Shape::Name("S") => pick(["i64", "i8", "isize"]),
        Shape::Name("F") => pick(["f64", "f32", "f64"]),
        Shape::Name("T") => pick(["String", "u64", "(char, Vec<bool>)"]),
        Shape::Name("U" | "V") => pick(["bool", "Option<String>", "i32"]),
        Shape::Name("E") => pick(["String", "u8", "()"]),
        Shape::Name("K") => pick(["String", "char", "i64"]),
        Shape::Name(name) => (*name).to_owned(),
        Shape::Apply(name, items) => format!("{name}<{}>", examples(items, way)),
        Shape::Tuple(items) => format!("({})", examples(items, way)),
    }
}

fn examples(shapes: &[Shape], way: usize) -> String {
    shapes.iter().map(|shape| example(shape, way)).collect::<Vec<_>>().join(", ")
}

/// For each receiver of the table and three types of it, a choreography that calls all its methods: on a variable that is used again,
/// on the field of a struct and on the result of another call.
fn every_method() -> String {
    let mut text = String::new();
    let receivers: BTreeSet<&str> = Builtin::all(Form::Method).map(Builtin::receiver).collect();
    for (number, (receiver, way)) in
        receivers.iter().flat_map(|receiver| [0, 1, 2].map(|way| (receiver, way))).enumerate()
    {
        let (shape, _) = chor::hir::builtin::signature::receiver(receiver);
        let ty = example(&shape, way);
        let mut params: Vec<String> = Vec::new();
        let mut body = String::new();
        let methods =
            Builtin::all(Form::Method).filter(|builtin| builtin.receiver() == *receiver && !builtin.mutates());
        for signature in methods.map(|builtin| builtin.method().read()) {
            let args = signature.params.iter().map(|param| {
                let param = example(param, way);
                let known = params.iter().position(|known| *known == param);
                let index = known.unwrap_or_else(|| {
                    params.push(param);
                    params.len() - 1
                });
                format!("p{index}")
            });
            let (name, args) = (signature.name, args.collect::<Vec<_>>().join(", "));
            for receiver in ["x", "held.value", "[x][0]"] {
                body.push_str(&format!("    let y = {receiver}.{name}({args});\n    [y, y][0];\n"));
            }
            let result = example(&signature.result, way);
            body.push_str(&format!("    let z: {result} = x.{name}({args});\n    B ~> A;\n    z ~> B;\n"));
        }
        let params = params.iter().enumerate().map(|(index, ty)| format!(", p{index}: {ty}@A")).collect::<String>();
        text.push_str(&format!(
            "struct Holds{number} {{ value: {ty} }}\n\
             choreography Every{number}<A, B>(x: {ty}@A, held: Holds{number}@A{params}) {{\n{body}}}\n",
        ));
    }
    text
}

fn rust(path: &Path, text: String) -> String {
    let root = SourceFile::new(path.display().to_string(), text);
    let sources = load(root, |path| fs::read_to_string(path).map_err(|error| error.to_string()));
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
