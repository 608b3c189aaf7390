//! Compiles the choreographies of `fixtures/` and `fixtures/ports/` to Rust, which `src/generated.rs` includes: what `chor check` accepts, rustc must. So is a
//! choreography that calls every built-in method.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use chor::diagnostic::render::{Colour, Renderer};
use chor::hir::builtin::Builtin;
use chor::hir::builtin::signature::Shape;
use chor::hir::builtin::table::Form;
use chor::load::load;
use chor::source::SourceFile;

#[path = "src/coverage/mod.rs"]
#[allow(dead_code, reason = "it is the tests'")]
mod coverage;
#[path = "src/generator/mod.rs"]
#[allow(dead_code, unused_imports, clippy::unwrap_used, clippy::indexing_slicing, reason = "it is the tests'")]
mod generator;
#[path = "src/random.rs"]
mod random;

/// How many random programs become Rust, and how often each construct is to stand in them.
const RANDOM_PROGRAMS: usize = 40;
const TIMES: u64 = 8;

fn main() {
    println!("cargo::rerun-if-changed=fixtures");
    println!("cargo::rerun-if-changed=src/coverage");
    println!("cargo::rerun-if-changed=src/generator");
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it for build scripts"));
    let mut modules = String::new();
    let mut paths: Vec<PathBuf> = ["fixtures", "fixtures/ports"]
        .into_iter()
        .flat_map(|directory| fs::read_dir(directory).expect("the fixtures are there").flatten())
        .map(|entry| entry.path())
        .collect();
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
    fs::write(out.join("random_roles.rs"), random_roles(&out)).expect("the build directory can be written");
}

/// Random programs, chosen so that every construct stands in some of them, and how their roles are played.
fn random_roles(out: &Path) -> String {
    let mut chosen: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut text, mut list) = (String::new(), String::new());
    let mut count = 0;
    for seed in 0..2000_u64 {
        let program = generator::generate(seed);
        let compilation = chor::compile(&program.sources(), &chor::Options::default());
        if compilation.has_errors() || count == RANDOM_PROGRAMS {
            continue;
        }
        let mut coverage = coverage::Coverage::default();
        coverage.program(&compilation);
        if coverage.last.keys().all(|construct| chosen.get(construct).is_some_and(|times| *times >= TIMES)) {
            continue;
        }
        count += 1;
        for (construct, times) in &coverage.last {
            *chosen.entry(construct).or_default() += times;
        }
        let generated = out.join(format!("random_{seed}.rs"));
        let tokens = chor::codegen::generate(&compilation, None);
        fs::write(&generated, format!("//! Generated from random program {seed}.\n{tokens}"))
            .expect("the build directory can be written");
        text.push_str(&format!("#[path = {generated:?}]\npub mod random_{seed};\nservice!(random_{seed});\n"));
        let declared = compilation.hir.choreographies.iter().position(|known| known.name.name == "Main");
        let main = compilation.projections.iter().find(|known| Some(known.choreography) == declared);
        let main = main.expect("`Main` is projected");
        let declared = compilation.hir.choreographies.get(main.choreography).expect("what is projected is declared");
        let mut play = String::new();
        for role in &main.participants {
            let (id, name) = (role.0, declared.role_name(*role));
            play.push_str(&format!("scene.role({id}, random_{seed}::main::{name}::new); "));
        }
        list.push_str(&format!("    ({seed}, |scene: &mut Scene<'_>| {{ {play}}}),\n"));
    }
    text.push_str(&format!("/// The programs: seed and roles.\npub const PROGRAMS: &[Program] = &[\n{list}];\n"));
    text
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
        let nested = ty.starts_with("Option<Option<");
        let mut params: Vec<String> = Vec::new();
        let mut body = String::new();
        let methods = Builtin::all(Form::Method).filter(|builtin| builtin.receiver() == *receiver);
        for (mutates, signature) in methods.map(|builtin| (builtin.mutates(), builtin.method().read())) {
            if signature.params.iter().any(|param| example(param, way).contains("Option<Option<")) {
                continue;
            }
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
            if mutates {
                for receiver in ["m", "n.value", "l[0]"] {
                    body.push_str(&format!("    let y = {receiver}.{name}({args});\n    {receiver}.{name}({args});\n"));
                }
                continue;
            }
            for receiver in if nested { &["x", "[x][0]"][..] } else { &["x", "held.value", "[x][0]"][..] } {
                body.push_str(&format!("    let y = {receiver}.{name}({args});\n    [y, y][0];\n"));
            }
            let result = example(&signature.result, way);
            body.push_str(&format!("    let z: {result} = x.{name}({args});\n    B ~> A;\n"));
            // What JSON cannot tell apart is computed, and not sent.
            if !result.contains("Option<Option<") && !result.contains("Option<()>") {
                body.push_str("    z ~> B;\n");
            }
        }
        let params = params.iter().enumerate().map(|(index, ty)| format!(", p{index}: {ty}@A")).collect::<String>();
        if nested {
            let inner = ty.trim_start_matches("Option<").trim_end_matches('>');
            let inner = format!("Option<{inner}>");
            text.push_str(&format!(
                "choreography Every{number}<A, B>(p: {inner}@A{params}) {{\n    A ~> B;\n    let x = Some(p);\n{body}}}\n"
            ));
            continue;
        }
        text.push_str(&format!(
            "struct Holds{number} {{ value: {ty} }}\n\
             choreography Every{number}<A, B>(x: {ty}@A, held: Holds{number}@A{params}) {{\n    A ~> B;\n    \
             let mut m: {ty}@A = x;\n    let mut n: Holds{number}@A = held;\n    let mut l: Vec<{ty}>@A = [x];\n{body}}}\n",
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
