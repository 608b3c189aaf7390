//! Rules about the repository itself.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The longest a source file may be, in lines: a longer one wants splitting.
const LINES_MAX: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is in the workspace").to_owned()
}

/// A file of the repository.
struct File {
    /// Its path from the root, with `/`.
    path: String,
    text: String,
}

/// Every text file.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    let mut directories = vec![root()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("the directory can be read").flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            if name == "target" || name == ".git" {
                continue;
            }
            if path.is_dir() {
                directories.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("it is below the root");
                files.push(File { path: path.display().to_string().replace('\\', "/"), text });
            }
        }
    }
    assert!(files.len() > 200, "the repository is found");
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The Rust among them, without the inputs of tests that are to fail to compile.
fn rust() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("tests/ui/")).collect()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files that are compiled for tests only: those below a `tests` or `benches`, and the modules that are declared under `#[cfg(test)]`.
fn for_tests(files: &[File]) -> BTreeSet<&str> {
    let mut tests: BTreeSet<&str> = BTreeSet::new();
    for file in files {
        if file.path.split('/').any(|part| ["tests", "benches", "tests.rs"].contains(&part)) {
            tests.insert(&file.path);
        }
        let directory = match file.path.strip_suffix(".rs") {
            Some(stem) if stem.ends_with("/mod") || stem.ends_with("/lib") => {
                stem.rsplit_once('/').map(|(parent, _)| parent)
            }
            stem => stem,
        };
        let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
        for pair in lines.windows(2) {
            let module = pair[1].strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';'));
            if let (Some(directory), "#[cfg(test)]", Some(module)) = (directory, pair[0], module) {
                let begin = format!("{directory}/{module}");
                tests.extend(files.iter().map(|file| &*file.path).filter(|path| path.starts_with(&begin)));
            }
        }
    }
    tests
}

/// The lines of a file that are code, up to its tests.
fn code(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let code = file.text.lines().take_while(|line| *line != "#[cfg(test)]");
    (1..).zip(code).filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn nothing_is_left_to_do_or_left_out() {
    // In two parts, or this file would break its own rule.
    let forbidden = [("to", "do!("), ("unimple", "mented!("), ("#[ig", "nore"), ("#[should", "_panic"), ("db", "g!(")]
        .map(|(first, second)| format!("{first}{second}"));
    for file in rust() {
        for (number, line) in (1..).zip(file.text.lines()) {
            let found = forbidden.iter().find(|word| line.contains(word.as_str()));
            assert_eq!(found, None, "{}:{number}", file.path);
        }
    }
}

#[test]
fn nothing_is_unwrapped_outside_of_tests() {
    let files = rust();
    let tests = for_tests(&files);
    assert!(tests.contains("runtime/src/store/contract.rs") && !tests.contains("runtime/src/store/mod.rs"));
    for file in files.iter().filter(|file| !tests.contains(&*file.path)) {
        for (number, line) in code(file) {
            // That of a span turns it into the compiler's own; in quotes it is the method that choreographies have.
            let own = [".span().unwrap()", "….unwrap()`", "\".unwrap()\""];
            let unwraps = own.iter().fold(line.to_owned(), |line, own| line.replace(own, "")).contains(".unwrap()");
            assert!(!unwraps, "{}:{number}: say by `expect` why it holds", file.path);
        }
    }
}

#[test]
fn every_choreography_is_in_its_form() {
    // In the corpus, marks stand below their places; what is wrong on purpose has no form.
    let all = files();
    let programs = all.iter().filter(|file| file.path.ends_with(".chor"));
    let mut formatted_count = 0;
    for file in programs.filter(|file| !file.path.starts_with("tests/corpus/") && !file.path.starts_with("tests/ui/")) {
        let formatted = chor::format::format(&file.path, &file.text, &mut chor::diagnostic::Diagnostics::new());
        assert!(formatted.as_deref() == Some(&*file.text), "{}: `chor fmt` changes it", file.path);
        formatted_count += 1;
    }
    assert!(formatted_count > 5, "they are found");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for file in rust() {
        assert!(file.text.starts_with("//! "), "{} begins without a header", file.path);
    }
}

#[test]
fn no_source_file_is_too_long() {
    for file in rust() {
        let lines = file.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines, more than {LINES_MAX}", file.path);
    }
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let places = [("/ho", "me/"), ("/ro", "ot/"), ("/wo", "rk/"), ("/Us", "ers/"), ("C:\\Us", "ers")]
        .map(|(first, second)| format!("{first}{second}"));
    for file in files() {
        for (number, line) in (1..).zip(file.text.lines()) {
            // `crate/root/`, `a/work/` and the like are parts of longer paths.
            let named = places.iter().find(|place| {
                line.match_indices(place.as_str())
                    .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}".contains(c)))
            });
            assert_eq!(named, None, "{}:{number}", file.path);
        }
    }
}

/// What a section of a manifest lists.
fn listed(manifest: &str, section: &str) -> Vec<String> {
    let text = text(manifest);
    let lines = text.lines().skip_while(|line| *line != format!("[{section}]")).skip(1);
    let names = lines.take_while(|line| !line.starts_with('[')).filter_map(|line| line.split(['.', ' ', '=']).next());
    names.filter(|name| !name.is_empty() && !name.starts_with('#')).map(ToOwned::to_owned).collect()
}

#[test]
fn the_pure_packages_list_nothing_that_could_do_input_or_output() {
    let pure: [(&str, &[&str]); 2] = [
        ("runtime/core", &["blake3", "postcard", "serde"]),
        (
            "compiler",
            &[
                "ariadne",
                "blake3",
                "chumsky",
                "clap",
                "lsp-server",
                "lsp-types",
                "prettyplease",
                "proc-macro2",
                "quote",
                "rusqlite",
                "serde_json",
                "syn",
                "unicode-ident",
            ],
        ),
    ];
    for (package, allowed) in pure {
        let manifest = format!("{package}/Cargo.toml");
        let mut dependencies = listed(&manifest, "dependencies");
        dependencies.sort();
        assert_eq!(dependencies, allowed, "{manifest}: a new dependency of a pure package is a decision; note it here");
        assert!(!text(&manifest).contains("target.'cfg"), "{manifest}");
        assert!(
            text(&format!("{package}/clippy.toml")).contains("disallowed-methods"),
            "{package} forbids what is impure"
        );
    }
}

/// The code blocks of a page: their language and what is in them.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let text = text(page);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), block.join("\n")));
        }
    }
    blocks
}

const PAGES: [&str; 4] = ["README.md", "grammar.md", "ARCHITECTURE.md", "CHANGELOG.md"];

#[test]
fn the_pages_are_there_and_what_they_link_to() {
    for page in PAGES {
        let text = text(page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") && !link.starts_with('#') {
                let path = link.split('#').next().unwrap_or(link);
                assert!(root().join(path).exists(), "{page} links to {link}, which is not there");
            }
        }
    }
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        assert!(!text(licence).is_empty());
    }
    assert!(text("CHANGELOG.md").contains(&format!("## {}", env!("CARGO_PKG_VERSION"))), "the version has its changes");
}

#[test]
fn a_new_package_is_told_to_use_a_clone_until_there_is_a_release() {
    let is_released = !text("CHANGELOG.md").contains(&format!("## {}, unreleased", env!("CARGO_PKG_VERSION")));
    let constant = format!("const PUBLISHED: bool = {is_released};");
    assert!(text("compiler/src/cli/new.rs").contains(&constant), "compiler/src/cli/new.rs lacks `{constant}`");
}

#[test]
fn the_checklist_names_tests_that_are_there() {
    let mut tests = BTreeSet::new();
    for file in rust() {
        for (at, _) in file.text.match_indices("test]\n").chain(file.text.match_indices(")]\n")) {
            let head = file.text[at..].lines().skip(1).find(|line| !line.trim_start().starts_with("#[")).unwrap_or("");
            let name = head.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
            tests.extend(name.map(ToOwned::to_owned));
        }
    }
    let page = text("docs/checklist.md");
    let named: Vec<&str> = page
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() > 1 && !name.contains('…'))
        .collect();
    assert!(named.len() > 100, "the page is read: {}", named.len());
    let missing: Vec<&&str> = named.iter().filter(|name| !tests.contains(**name)).collect();
    assert!(missing.is_empty(), "docs/checklist.md names tests that are not there: {missing:#?}");
}

#[test]
fn the_commands_in_the_readme_exist() {
    let manifests: Vec<String> = files()
        .into_iter()
        .filter(|file| file.path.ends_with("Cargo.toml"))
        .filter_map(|file| {
            file.text.lines().find_map(|line| Some(line.strip_prefix("name = \"")?.trim_end_matches('"').to_owned()))
        })
        .collect();
    let mut commands = Vec::new();
    for (language, block) in blocks("README.md") {
        if language == "sh" {
            commands.extend(block.lines().map(ToOwned::to_owned));
        }
    }
    let inline = text("README.md");
    commands.extend(inline.split('`').filter(|code| code.starts_with("cargo ")).map(ToOwned::to_owned));
    assert!(commands.len() >= 2, "there are some");
    for command in commands {
        let words: Vec<&str> = command.split_whitespace().take_while(|word| *word != "#").collect();
        assert_eq!(words.first(), Some(&"cargo"), "{command}");
        let package = words.iter().position(|word| *word == "-p").and_then(|at| words.get(at + 1));
        assert!(package.is_none_or(|package| manifests.iter().any(|name| name == package)), "{command}");
        let path = words.iter().position(|word| *word == "--path").and_then(|at| words.get(at + 1));
        let is_there = |path: &&str| files().iter().any(|file| file.path == format!("{path}/Cargo.toml"));
        assert!(path.is_none_or(is_there), "{command}");
        let is_about = package.is_some() || path.is_some() || words.contains(&"--workspace");
        assert!(is_about, "{command} says what it is about");
    }
}

#[test]
fn the_choreographies_in_the_readme_are_that_of_the_example_and_ones_that_compile() {
    let example = text("examples/warehouse/warehouse.chor");
    let shown: Vec<_> = blocks("README.md").into_iter().filter(|(language, _)| language == "chor").collect();
    let own = shown.iter().filter(|(_, block)| !example.contains(block)).map(|(_, block)| format!("{block}\n"));
    let mut own_count = 0;
    for block in own {
        let sources = chor::source::Sources::single("README.md", block.as_str());
        let diagnostics = chor::compile(&sources, &chor::Options::default()).diagnostics;
        assert!(diagnostics.is_empty(), "{block}{diagnostics:?}");
        let formatted = chor::format::format("README.md", &block, &mut chor::diagnostic::Diagnostics::new());
        assert_eq!(formatted.as_ref(), Some(&block));
        own_count += 1;
    }
    assert_eq!((shown.len(), own_count), (3, 3));
    // The tests of the page compile the same.
    for (name, block) in [("order", 0), ("book", 2)] {
        let file = text(&format!("tests/tests/readme/{name}.chor"));
        assert_eq!(shown.get(block).map(|(_, block)| format!("{block}\n")), Some(file), "{name}");
    }
}

/// Rust without comments, white space, and the commas that a formatter puts.
fn bare(rust: &str) -> String {
    let code = rust.lines().map(|line| line.split("// ").next().unwrap_or(line));
    code.flat_map(str::chars).filter(|character| !character.is_whitespace() && *character != ',').collect()
}

#[test]
fn the_rust_in_the_readme_is_compiled() {
    let compiled = ["main", "provider"].map(|name| bare(&text(&format!("tests/tests/readme/{name}.rs")))).concat();
    // What stands otherwise there: the names of two functions, what `rustfmt` moves, and
    // declarations that come once.
    let same = |line: &str| compiled.contains(&bare(line));
    let mut count = 0;
    for (language, block) in blocks("README.md") {
        if !language.starts_with("rust") {
            continue;
        }
        count += 1;
        let block = block.replace("fn main()", "fn binary()");
        let body: Vec<&str> = block.lines().skip_while(|line| line.is_empty() || line.starts_with("use ")).collect();
        let items = body.join("\n");
        for item in items.split("\n\n") {
            let lines = item.lines().filter(|line| !same(line)).collect::<Vec<_>>();
            assert!(
                same(item) || is_declared(item, &compiled),
                "README.md has Rust that no test compiles:\n{lines:#?}"
            );
        }
        for declared in block.lines().filter(|line| line.starts_with("use ")) {
            let names = declared.trim_start_matches("use ").trim_end_matches(';');
            let (path, names) = names.split_once("::{").map_or((names, ""), |(path, names)| (path, names));
            assert!(compiled.contains(&bare(path)), "{declared}");
            let names = names.trim_end_matches('}').split(", ").filter(|name| !name.is_empty());
            names.for_each(|name| assert!(compiled.contains(name), "{declared}"));
        }
    }
    assert_eq!(count, 7);
}

/// Whether each line of an item without a body stands in `compiled`.
fn is_declared(item: &str, compiled: &str) -> bool {
    !item.contains("fn ") && item.lines().all(|line| compiled.contains(&bare(line)))
}

#[test]
fn no_page_says_that_something_is_not_there_yet() {
    let mut pages: Vec<(String, String)> = PAGES.iter().map(|page| ((*page).to_owned(), text(page))).collect();
    let explanations = chor::diagnostic::Code::ALL.iter();
    pages.extend(explanations.map(|code| (code.to_string(), code.explanation().to_owned())));
    for (page, text) in pages {
        for words in ["not yet", "not supported", "coming soon"] {
            assert!(!text.to_lowercase().contains(words), "{page} says \"{words}\"");
        }
    }
}
