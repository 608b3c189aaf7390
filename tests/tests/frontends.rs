//! The corpus of wrong programs through `choreo!` and through a build script: both say of each what `chor check` says, with its code and
//! place. One package holds them all, so that rustc is asked once.
#![allow(clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chor::diagnostic::Severity;
use chor::source::Sources;

/// What a program is told: its file, the codes and where.
type Told = BTreeSet<(String, String, String)>;

/// The programs of one file, without their marks.
fn programs() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).expect("the corpus is there").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.is_file() && !path.display().to_string().ends_with(".mended.chor"));
    paths.sort();
    let text = |path: &PathBuf| {
        let text = fs::read_to_string(path).expect("programs are text");
        let is_mark = |line: &&str| {
            let line = line.trim_start();
            ["^", "-", "= help", "@"].iter().any(|mark| {
                line.strip_prefix("//").is_some_and(|rest| rest.starts_with('@') || rest.trim_start().starts_with(mark))
            })
        };
        text.split_inclusive('\n').filter(|line| !is_mark(line)).collect::<String>()
    };
    paths.iter().map(text).collect()
}

/// What the library says of each program.
fn by_the_library(programs: &[String]) -> Told {
    let mut told = Told::new();
    for (index, text) in programs.iter().enumerate() {
        let file = format!("p{index}.chor");
        let sources = Sources::single(&file, text.as_str());
        let compilation = chor::compile(&sources, &chor::Options::default());
        let errors = compilation.diagnostics.iter().filter(|it| it.severity() == Severity::Error);
        told.extend(errors.map(|it| (file.clone(), it.code().to_string(), place(&sources.location(it.span())))));
    }
    told
}

/// `line:column` of `path:line:column`.
fn place(location: &str) -> String {
    let mut parts = location.rsplitn(3, ':');
    let column = parts.next().unwrap_or_default();
    format!("{}:{column}", parts.next().unwrap_or_default())
}

const BUILD_SCRIPT: &str = r#"
use std::fmt::Write;
fn main() {
    let mut told = String::new();
    for entry in std::fs::read_dir("src").unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".chor") { continue; }
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let sources = chor::source::Sources::single(&name, text);
        for it in chor::compile(&sources, &chor::Options::default()).diagnostics {
            if it.severity() == chor::diagnostic::Severity::Error {
                writeln!(told, "{} {} {}", name, it.code(), sources.location(it.span())).unwrap();
            }
        }
    }
    std::fs::write("told.txt", told).unwrap();
}
"#;

#[test]
fn the_macro_and_a_build_script_say_what_the_command_says() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let programs = programs();
    let expected = by_the_library(&programs);
    assert!(expected.len() > 150, "{} errors are told of", expected.len());
    let wrong: BTreeSet<&String> = expected.iter().map(|(file, _, _)| file).collect();
    let source = directory.path().join("src");
    fs::create_dir(&source).expect("it is ours");
    let mut modules = String::new();
    for (index, text) in programs.iter().enumerate() {
        let file = format!("p{index}.chor");
        if wrong.contains(&file) {
            fs::write(source.join(&file), text).expect("it is ours");
            let _ = writeln!(modules, "mod p{index} {{ accompanist::choreo!(\"{file}\"); }}");
        }
    }
    fs::write(source.join("lib.rs"), modules).expect("it is ours");
    fs::write(directory.path().join("build.rs"), BUILD_SCRIPT).expect("it is ours");
    let path = |name: &str| repository.join(name).canonicalize().expect("the packages are there").display().to_string();
    let manifest = format!(
        "[package]\nname = \"wrong\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n\
         [dependencies]\naccompanist = {{ path = {:?}, default-features = false }}\n\
         [build-dependencies]\nchor = {{ path = {:?}, default-features = false }}\n",
        path("runtime"),
        path("compiler"),
    );
    fs::write(directory.path().join("Cargo.toml"), manifest).expect("it is ours");
    // The versions are those of this repository, which are there without a network.
    fs::copy(repository.join("Cargo.lock"), directory.path().join("Cargo.lock")).expect("it is ours");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../frontends");
    let output = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--message-format=json"])
        .current_dir(directory.path())
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo starts");
    let script = fs::read_to_string(directory.path().join("told.txt")).unwrap_or_else(|_| {
        panic!("the build script has not run: {}", String::from_utf8_lossy(&output.stderr));
    });
    let by_the_script: Told = script
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.next()?.to_owned(), place(words.next()?)))
        })
        .collect();
    assert_eq!(by_the_script, expected, "the build script");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let mut messages: Vec<String> = Vec::new();
    for line in stdout.lines() {
        let message: serde_json::Value = serde_json::from_str(line).expect("cargo writes JSON");
        if let Some(text) = message.pointer("/message/message").and_then(serde_json::Value::as_str) {
            messages.push(text.to_owned());
        }
    }
    let missing: Vec<_> = expected
        .iter()
        .filter(|(file, code, place)| {
            let at = format!("{file}:{place}");
            !messages.iter().any(|message| message.contains(&at) && message.contains(code.as_str()))
        })
        .collect();
    assert!(missing.is_empty(), "the macro says nothing of {missing:?}");
}
