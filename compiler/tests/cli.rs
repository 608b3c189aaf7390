//! The binary `chor`, from outside.
#![cfg(feature = "cli")]
#![allow(clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads and writes files, as the binary does")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use chor::diagnostic::render::{Colour, Renderer};
use chor::load::{decode, load};
use chor::source::SourceFile;

fn chor(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_chor")).args(arguments).stdin(Stdio::null()).output().expect("the binary starts")
}

fn check(arguments: &[&str], code: i32, output: &str, errors: &str) {
    let found = chor(arguments);
    let (stdout, stderr) = (String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr));
    assert_eq!(found.status.code(), Some(code), "of {arguments:?}: {stderr}");
    assert!(stdout.contains(output), "of {arguments:?}: {stdout}");
    assert!(stderr.contains(errors), "of {arguments:?}: {stderr}");
}

fn scratch(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).expect("the directory for tests can be written");
    path
}

#[test]
fn exit_codes_and_files_that_cannot_be_read() {
    let path = |name, bytes: &[u8]| scratch(name, bytes).display().to_string();
    check(&["check", &path("fine.chor", b"struct A { b: u32 }")], 0, "", "");
    check(&["check", &path("empty.chor", b"")], 0, "", "warning[W0406]: there is no choreography here");
    check(&["check", "-"], 0, "", "warning[W0406]: there is no choreography here\n   ╭─[ standard input:1:1 ]");
    check(&["check", &path("wrong.chor", b"struct A { b: u32")], 1, "", "error[E0005]: `{` is never closed");
    check(&["check", &path("latin.chor", b"ab\xff")], 2, "", "is not UTF-8: the byte at offset 2");
    check(&["check", "nowhere.chor"], 2, "", "nowhere.chor: cannot be read");
    check(&["check", env!("CARGO_TARGET_TMPDIR")], 2, "", "is a directory");
    check(&["check"], 2, "", "Usage");
    check(&["--help"], 0, "Examples:", "");
    check(&["explain", "e0010"], 0, "# E0010: ", "");
    check(&["explain", "E9999"], 2, "", "there is no code `E9999`");
}

#[test]
fn a_huge_file_is_refused_unread() {
    let path = scratch("huge.chor", b"");
    let file = std::fs::OpenOptions::new().write(true).open(&path).expect("it was just written");
    file.set_len(5 << 30).expect("a file may have a hole");
    check(&["check", &path.display().to_string()], 2, "", "is 5368709120 bytes long, and at most 67108864 are read");
    std::fs::remove_file(path).expect("it is ours");
}

#[test]
fn message_formats() {
    let path = scratch("formats.chor", b"choreography C<A>() { return 1; }").display().to_string();
    check(&["check", "--message-format", "short", &path], 1, "", "formats.chor:1:23: error[E0009]: `return` is not");
    let json = chor(&["check", "--message-format", "json", &path]).stdout;
    let first = json.split(|byte| *byte == b'\n').next().expect("an object a line");
    let object: serde_json::Value = serde_json::from_slice(first).expect("a line is an object");
    assert_eq!(object["code"]["code"], "E0009");
    assert_eq!(object["spans"][0]["column_start"], 23);
    let json = chor(&["check", "--message-format", "json", "nowhere.chor"]);
    let object: serde_json::Value = serde_json::from_slice(&json.stdout).expect("the one line is an object");
    assert!(object["message"].as_str().is_some_and(|text| text.starts_with("nowhere.chor: cannot be read")));
    assert_eq!((json.status.code(), json.stderr.is_empty()), (Some(2), true));
}

#[test]
fn the_text_of_the_corpus_is_that_of_the_library() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    for entry in std::fs::read_dir(corpus).expect("the corpus is there").flatten() {
        let path = if entry.path().is_dir() { entry.path().join("main.chor") } else { entry.path() };
        let text = |path: &Path| decode(std::fs::read(path).map_err(|_| "there is no such file".to_owned())?);
        let root = SourceFile::new(path.display().to_string(), text(&path).expect("programs are text"));
        let sources = load(root, |path| text(Path::new(path)));
        let compilation = chor::compile(&sources, &chor::Options::default());
        let renderer = Renderer::new(&sources, Colour::Off);
        let found = chor(&["check", &path.display().to_string()]);
        let stderr = String::from_utf8_lossy(&found.stderr);
        for diagnostic in &compilation.diagnostics {
            let block = renderer.block(diagnostic);
            assert!(stderr.contains(&block), "{}: {block}\nis not in\n{stderr}", path.display());
        }
        assert_eq!(found.status.code(), Some(i32::from(compilation.has_errors())), "{}", path.display());
    }
}

#[test]
fn build_and_project() {
    let program = b"choreography Tell<A, B>(x: u32@A) -> u32@B { x ~> B }";
    let path = scratch("tell.chor", program).display().to_string();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    check(&["build", &path], 0, "Generated by chor", "");
    check(&["build", &path, "--role", "A", "--out", &out.display().to_string()], 0, "", "");
    assert!(out.join("tell.rs").exists());
    check(&["build", &path, "--role", "C"], 2, "", "has a role `C`; `Tell` has A, B");
    check(&["project", &path, "--role", "B"], 0, "A", "");
    check(&["project", &path, "--role", "C"], 2, "", "has no role `C`");
}

#[test]
fn versions_are_printed_for_people_and_as_json() {
    let text = b"service S { fn f(); } choreography Tell<A: S, B>(x: u32@A) -> u32@B { A.f(); x ~> B }
        choreography Both<A, B>(x: u32@{A, B}) { A ~> B; } choreography Go<A, B>(x: u32@A) { Both<A, B>(x ~> {A, B}); }";
    let path = scratch("version.chor", text).display().to_string();
    let json = String::from_utf8(chor(&["version", "--message-format", "json", &path]).stdout).expect("JSON is text");
    let lines: Vec<serde_json::Value> =
        json.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    let names: Vec<&str> = lines.iter().filter_map(|line| line["choreography"].as_str()).collect();
    assert_eq!(names, ["Tell", "Both", "Go"]);
    assert_eq!(lines.iter().map(|line| line["starts"] == true).collect::<Vec<_>>(), [true, false, true]);
    let (whole, short) = (lines[0]["fingerprint"].as_str(), lines[0]["version"].as_str());
    let (whole, short) = (whole.expect("it is text"), short.expect("it is text"));
    assert!(whole.len() == 64 && short.len() == 8 && whole.starts_with(short), "{whole} {short}");
    check(&["version", &path], 0, &format!("Tell  {short}\n"), "");
    check(&["version", &path], 0, "(only called: no session of it can be started)", "");
    check(&["version", &path, &path], 0, &format!("version.chor: Tell  {short}\n"), "");
    let other = scratch("version_2.chor", &String::from_utf8_lossy(text).replace("fn f", "pure fn f").into_bytes());
    let other = chor(&["version", &other.display().to_string()]).stdout;
    assert!(!String::from_utf8_lossy(&other).contains(short), "another version is told apart");
    check(&["version", &scratch("version_bad.chor", b"struct A {").display().to_string()], 1, "", "error[");
    check(&["version", "nowhere.chor"], 2, "", "nowhere.chor: cannot be read");
}

#[test]
fn diagrams_are_written_in_the_format_that_is_asked_for() {
    let two = b"choreography Tell<A, B>(x: u32@A) { let y = x ~> B; } choreography Go<A, B>() { A ~> B; }";
    let path = scratch("two.chor", two).display().to_string();
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("two.svg").display().to_string();
    check(&["diagram", &path], 0, "## Go\n\n```mermaid\nsequenceDiagram\n", "");
    check(&["diagram", &path, "--choreography", "Tell"], 0, "    A->>B: x\n", "");
    check(&["diagram", &path, "-o", &out], 2, "", "name it with `--choreography`, one of Tell, Go");
    check(&["diagram", &path, "-o", &out, "--choreography", "Go"], 0, "", "");
    assert!(std::fs::read_to_string(&out).is_ok_and(|text| text.starts_with("<svg ")), "{out} is an SVG");
    check(&["diagram", &path, "--choreography", "Go", "--format", "svg"], 0, "</svg>", "");
    check(&["diagram", &path, "--choreography", "No"], 2, "", "has no choreography `No`; it has Tell, Go");
    check(&["diagram", &scratch("bad.chor", b"struct A {").display().to_string()], 1, "", "error[");
    check(&["diagram", "--help"], 0, "Examples:", "");
}

#[test]
fn files_are_formatted_in_place_or_left_alone() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fmt");
    std::fs::create_dir_all(directory.join("below/.hidden")).expect("the directory for tests can be written");
    let file = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).expect("the directory for tests can be written");
        path.display().to_string()
    };
    let read = |path: &str| std::fs::read_to_string(path).expect("it was just written");
    let (fine, other) = ("struct A { b: u8 }\n", "struct A{b:u8} // c");
    let a = file("a.chor", fine);
    let b = file("below/b.chor", other);
    let hidden = file("below/.hidden/c.chor", other);
    let root = directory.display().to_string();

    let listed = chor(&["fmt", "--check", &root]);
    assert_eq!(listed.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&listed.stdout), format!("{b}\n"), "only what would change is listed");
    assert_eq!(read(&b), other, "and nothing changes");

    let modified = |path: &str| std::fs::metadata(path).and_then(|metadata| metadata.modified()).expect("it is there");
    let before = modified(&a);
    check(&["fmt", &root], 0, "", "");
    assert_eq!(read(&b), "struct A { b: u8 } // c\n");
    assert_eq!(modified(&a), before, "what is in its form is not written");
    assert_eq!(read(&hidden), other);
    check(&["fmt", "--check", &root], 0, "", "");

    let wrong = file("wrong.chor", "struct A{b:u8");
    check(&["fmt", &a, &wrong], 1, "", "error[E0005]: `{` is never closed");
    assert_eq!(read(&wrong), "struct A{b:u8");
    let names: Vec<_> =
        std::fs::read_dir(&directory).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
    std::fs::remove_dir_all(&directory).expect("it is ours");
    check(&["fmt", &root], 2, "", "cannot be read");
}

#[test]
fn a_file_of_windows_is_brought_to_the_one_form() {
    for text in ["/* one\r\n   two */\r\nstruct A {b:u8}\r\n", "\u{feff}/* one\r\n   two */\nstruct A { b: u8 }\r\n"] {
        let path = scratch("windows.chor", text.as_bytes()).display().to_string();
        check(&["fmt", "--check", &path], 1, "windows.chor", "");
        check(&["fmt", &path], 0, "", "");
        let written = std::fs::read_to_string(&path).expect("it was just written");
        assert_eq!(written, "/* one\n   two */\nstruct A { b: u8 }\n");
        check(&["fmt", "--check", &path], 0, "", "");
    }
}

#[test]
fn the_standard_input_is_formatted_to_the_output() {
    let format = |arguments: &[&str], text: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chor"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(format(&["fmt", "-"], "fn f( ){}"), (Some(0), "fn f() {}\n".to_owned()));
    assert_eq!(format(&["fmt", "-", "--check"], "fn f( ){}"), (Some(1), "standard input\n".to_owned()));
    assert_eq!(format(&["fmt", "-", "--check"], "fn f() {}\n"), (Some(0), String::new()));
}
