//! The corpus of wrong programs, `corpus/<code>-<what>.chor` or, of several files, `corpus/<code>-<what>/main.chor`: what is said of each stands in it, as marks under its lines, for
//! people to read and for this test to hold the compiler to. `BLESS=1 cargo test` writes the marks anew.
//!
//! `// ^^^^ error[E0201]: …` is the place that a diagnostic is about, `// ---- …` another place that it names, `// = help: …` what
//! to write instead. A place that begins under the slashes themselves is written in numbers: `//@1..6 error[E0007]: …`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use chor::diagnostic::{Code, Diagnostic, Label};
use chor::load::{decode, load};
use chor::source::SourceFile;
use chor::span::FileId;

/// The codes without a program: it would be too large to keep.
const WITHOUT_PROGRAM: [Code; 1] = [Code::E0013];

fn programs() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).expect("the corpus is there").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
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
        // Files are named from the directory of the first one.
        let main = main_of(&path);
        let directory = main.parent().expect("it is in the corpus");
        let name = main.strip_prefix(directory).expect("it is below it").display().to_string();
        let root = SourceFile::new(name, unmarked(&main).expect("programs are text"));
        let sources = load(root, |path| unmarked(&directory.join(path)));
        let compilation = chor::compile(&sources, &chor::Options::default());
        for (id, file) in sources.iter() {
            let path = directory.join(file.name());
            let marked = fs::read_to_string(&path).expect("programs are text");
            let expected = with_marks(id, file, &compilation.diagnostics);
            if bless {
                fs::write(&path, &expected).expect("the corpus can be written");
            } else {
                assert!(marked == expected, "{}: the compiler says\n{expected}", path.display());
            }
        }
        let codes: Vec<&str> = compilation.diagnostics.iter().map(|diagnostic| diagnostic.code().as_str()).collect();
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
