//! The corpus of wrong programs, `corpus/<code>-<what>.chor` or, of several files, `corpus/<code>-<what>/main.chor`: what is said of each stands in it, as marks under its lines, for
//! people to read and for this test to hold the compiler to. `BLESS=1 cargo test` writes the marks anew. Beside each stands the same program mended, as
//! `<code>-<what>.mended.chor` or `<code>-<what>.mended/main.chor`, of which nothing is said.
//!
//! `// ^^^^ error[E0201]: …` is the place that a diagnostic is about, `// ---- …` another place that it names, `// = help: …` what
//! to write instead. A place that begins under the slashes themselves is written in numbers: `//@1..6 error[E0007]: …`.

#![allow(clippy::string_slice, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chor::diagnostic::render::{Colour, Renderer};
use chor::diagnostic::{Code, Diagnostic, Edit, Label, Prose};
use chor::load::{decode, load};
use chor::source::{SourceFile, Sources};
use chor::span::FileId;

/// The codes without a program: it would be too large to keep.
const WITHOUT_PROGRAM: [Code; 1] = [Code::E0013];

fn programs() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).expect("the corpus is there").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| !is_mended(path));
    paths.sort();
    paths
}

fn is_mended(path: &Path) -> bool {
    let stem = path.file_name().and_then(|name| name.to_str()).map(|name| name.trim_end_matches(".chor"));
    stem.is_some_and(|stem| stem.ends_with(".mended"))
}

/// Where the mended form of a program stands.
fn mended(path: &Path) -> PathBuf {
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) if path.is_dir() => path.with_file_name(format!("{stem}.mended")),
        Some(stem) => path.with_file_name(format!("{stem}.mended.chor")),
        None => path.to_owned(),
    }
}

/// A program with all its files, which are named from the directory of the first one.
fn read(path: &Path) -> (PathBuf, Sources) {
    let main = main_of(path);
    let directory = main.parent().expect("it is in the corpus").to_owned();
    let name = main.strip_prefix(&directory).expect("it is below it").display().to_string();
    let text = unmarked(&main).unwrap_or_else(|fault| panic!("{}: {fault}", main.display()));
    let sources = load(SourceFile::new(name, text), |path| unmarked(&directory.join(path)));
    (directory, sources)
}

fn compile(sources: &Sources) -> Vec<Diagnostic> {
    chor::compile(sources, &chor::Options::default()).diagnostics
}

/// The first file of a program.
fn main_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("main.chor") } else { path.to_owned() }
}

/// The text of a file without its marks.
fn unmarked(path: &Path) -> Result<String, String> {
    let text = decode(fs::read(path).map_err(|error| error.kind().to_string())?)?;
    Ok(text.split_inclusive('\n').filter(|line| !is_mark(line)).collect())
}

fn code_of(path: &Path) -> &str {
    let name = path.file_name().and_then(|name| name.to_str()).expect("programs have plain names");
    name.split_once('-').expect("the name of a program begins with its code").0
}

#[test]
fn diagnostics_are_as_marked() {
    let bless = std::env::var_os("BLESS").is_some();
    for path in programs() {
        let (directory, sources) = read(&path);
        let diagnostics = compile(&sources);
        for (id, file) in sources.iter() {
            let path = directory.join(file.name());
            let marked = fs::read_to_string(&path).expect("programs are text");
            let expected = with_marks(id, file, &diagnostics);
            if bless {
                fs::write(&path, &expected).expect("the corpus can be written");
            } else {
                assert!(marked == expected, "{}: the compiler says\n{expected}", path.display());
            }
        }
        let codes: Vec<&str> = diagnostics.iter().map(|diagnostic| diagnostic.code().as_str()).collect();
        assert!(codes.contains(&code_of(&path)), "{} gives {codes:?}", path.display());
    }
}

#[test]
fn each_code_has_a_program_and_each_program_a_code() {
    let with_program: BTreeSet<String> = programs().iter().map(|path| code_of(path).to_owned()).collect();
    let codes: BTreeSet<String> =
        Code::ALL.iter().filter(|code| !WITHOUT_PROGRAM.contains(code)).map(ToString::to_string).collect();
    assert_eq!(with_program, codes);
}

#[test]
fn of_a_mended_program_nothing_is_said() {
    for path in programs().iter().map(|path| mended(path)) {
        let (_, sources) = read(&path);
        let renderer = Renderer::new(&sources, Colour::Off);
        let said: String = compile(&sources).iter().map(|diagnostic| renderer.block(diagnostic)).collect();
        assert!(said.is_empty(), "{said}");
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = fs::read_dir(directory).expect("the corpus is there").flatten();
    let mended_count = entries.filter(|entry| is_mended(&entry.path())).count();
    assert_eq!(mended_count, programs().len(), "what is mended is the form of a program");
}

/// The diagnostics of a program to which these edits are made.
fn diagnostics_after(directory: &Path, sources: &Sources, edits: &[&Edit]) -> Vec<Diagnostic> {
    let edited = |name: &str, text: String| {
        let id = sources.iter().find(|(_, file)| file.name() == name).map(|(id, _)| id);
        let mut own: Vec<&&Edit> = edits.iter().filter(|edit| Some(edit.span.file) == id).collect();
        own.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        own.into_iter().fold(text, |text, edit| {
            let (start, end) = (edit.span.start as usize, edit.span.end as usize);
            format!("{}{}{}", &text[..start], edit.replacement, &text[end..])
        })
    };
    let (_, root) = sources.iter().next().expect("there is a first file");
    let root = SourceFile::new(root.name(), edited(root.name(), root.text().to_owned()));
    compile(&load(root, |path| unmarked(&directory.join(path)).map(|text| edited(path, text))))
}

#[test]
fn an_edit_does_away_with_its_diagnostic() {
    let mut edit_count = 0;
    for path in programs() {
        let name = path.display();
        let (directory, sources) = read(&path);
        let diagnostics = compile(&sources);
        let all: Vec<(&Diagnostic, Prose)> =
            diagnostics.iter().map(|diagnostic| (diagnostic, diagnostic.prose())).collect();
        for (diagnostic, prose) in &all {
            if prose.edits.is_empty() {
                continue;
            }
            let edits: Vec<&Edit> = prose.edits.iter().collect();
            assert!(prose.help.is_some(), "{name}: an edit is told in words, too: {}", prose.message);
            let alike =
                |other: &&Diagnostic| other.code() == diagnostic.code() && other.prose().message == prose.message;
            let before = diagnostics.iter().filter(alike).count();
            let after = diagnostics_after(&directory, &sources, &edits).iter().filter(alike).count();
            assert!(after < before, "{name}: `{}` is still said", prose.message);
            edit_count += 1;
        }
        // All of them together leave a program that is read as well as before. A quote that is mended may leave its counterpart, which is told then.
        let mut edits: Vec<&Edit> = Vec::new();
        for edit in all.iter().flat_map(|(_, prose)| &prose.edits) {
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        let is_syntax = |diagnostic: &&Diagnostic| diagnostic.code() < Code::E0101 && diagnostic.code() != Code::E0002;
        let before: BTreeSet<Code> = diagnostics.iter().filter(is_syntax).map(Diagnostic::code).collect();
        let after = diagnostics_after(&directory, &sources, &edits);
        let new = after.iter().filter(is_syntax).find(|diagnostic| !before.contains(&diagnostic.code()));
        assert_eq!(new, None, "{name}");
    }
    assert!(edit_count > 10, "there are some: {edit_count}");
}

/// What is not shown, since it would be too large or takes a front end that reads no other files.
const NOT_SHOWN: [&str; 3] = ["FileTooLong", "TooMany", "NotLoaded"];

/// The variants of the enums of a file: a name at the depth of four, with its parts behind it.
fn variants(text: &str) -> BTreeSet<String> {
    let mut variants = BTreeSet::new();
    let mut is_enum = false;
    for line in text.lines() {
        if !line.starts_with(' ') && !line.is_empty() && !line.starts_with("//") && !line.starts_with('#') {
            is_enum = line.starts_with("pub enum ");
        }
        let name = line.strip_prefix("    ").filter(|rest| is_enum && rest.starts_with(|c: char| c.is_uppercase()));
        if let Some(name) = name {
            variants.insert(name.chars().take_while(|c| c.is_alphanumeric()).collect());
        }
    }
    variants
}

#[test]
fn every_kind_of_problem_is_shown() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../compiler/src");
    let files = ["problem", "meaning", "detail", "grouping"].map(|name| format!("diagnostic/{name}.rs"));
    let mut unseen: BTreeSet<String> = BTreeSet::new();
    for file in files.iter().map(String::as_str).chain(["source.rs"]) {
        unseen
            .extend(variants(&fs::read_to_string(directory.join(file)).expect("the compiler is beside this package")));
    }
    assert!(unseen.len() > 80 && unseen.contains("GrowingType") && unseen.contains("TooMany"), "{unseen:?}");
    for path in programs() {
        let said = format!("{:?}", compile(&read(&path).1));
        for word in said.split(|c: char| !c.is_alphanumeric()) {
            unseen.remove(word);
        }
    }
    unseen.retain(|variant| !NOT_SHOWN.contains(&variant.as_str()));
    assert!(unseen.is_empty(), "no program of the corpus shows {unseen:?}");
}

fn is_mark(line: &str) -> bool {
    line.strip_prefix("//").is_some_and(|rest| {
        let rest = rest.trim_start_matches(' ');
        rest.starts_with(['^', '@', '=']) || rest.starts_with("---")
    })
}

/// The text with the diagnostics under its lines.
fn with_marks(id: FileId, file: &SourceFile, diagnostics: &[Diagnostic]) -> String {
    let mut marks: Vec<(u32, String)> = Vec::new();
    for diagnostic in diagnostics {
        let prose = diagnostic.prose();
        for label in prose.labels.iter().filter(|label| label.span.file == id && prose.primary.span.file != id) {
            marks.push((file.line_index(label.span.start), mark(file, label, '-', &label.text)));
        }
        if prose.primary.span.file != id {
            continue;
        }
        let line = file.line_index(prose.primary.span.start);
        let message = format!("{}[{}]: {}", diagnostic.severity(), diagnostic.code(), prose.message);
        marks.push((line, mark(file, &prose.primary, '^', &format!("{message} ({})", prose.primary.text))));
        for label in prose.labels.iter().filter(|label| label.span.file == id) {
            marks.push((file.line_index(label.span.start), mark(file, label, '-', &label.text)));
        }
        let further = prose.notes.iter().map(|note| ("note", note)).chain(prose.help.iter().map(|help| ("help", help)));
        marks.extend(further.map(|(kind, text)| (line, format!("// = {kind}: {}", text.replace('\n', " ")))));
    }
    let mut marked = String::new();
    for (index, line) in (0..).zip(file.text().split_inclusive('\n')) {
        marked.push_str(line);
        if !line.ends_with('\n') {
            marked.push('\n');
        }
        for (_, mark) in marks.iter().filter(|(line, _)| *line == index) {
            marked.push_str(mark);
            marked.push('\n');
        }
    }
    // The end of the file stands on a line of its own.
    let line_count = u32::try_from(file.text().lines().count()).expect("programs are short");
    for (_, mark) in marks.iter().filter(|(line, _)| *line >= line_count) {
        marked.push_str(mark);
        marked.push('\n');
    }
    marked
}

fn mark(file: &SourceFile, label: &Label, sign: char, text: &str) -> String {
    let start = file.line_column(label.span.start);
    let end = file.line_column(label.span.end);
    let line_length = file.line_text(start.line - 1).chars().count() as u32;
    let until = if end.line == start.line { end.column } else { line_length + 1 };
    let width = until.saturating_sub(start.column).max(1);
    if start.column < 4 {
        return format!("//@{}..{} {}{text}", start.column, start.column + width, if sign == '-' { "- " } else { "" });
    }
    // Three of the other sign at least, to be told from prose.
    let signs = sign.to_string().repeat(width.max(if sign == '-' { 3 } else { 1 }) as usize);
    format!("//{}{signs} {text}", " ".repeat(start.column as usize - 3))
}
