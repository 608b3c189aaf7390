//! From the first file of a program to all of its files: `use "other.chor";` counts from the file that it stands in. Which
//! files there are is found here; reading them is the front end's.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::Diagnostics;
use crate::source::{FILE_LENGTH_BYTES_MAX, ImportFault, SourceFile, Sources};
use crate::span::FileId;
use crate::syntax::token::Token;
use crate::syntax::{lexer, literal};

/// How many files a program may have.
pub const FILE_COUNT_MAX: usize = 1024;

/// The file and all that it uses, and that those use, each once. `read` gives the text of a path, or why there is none; the
/// path is the file's name joined with what stands in the `use`, without `.` and, as far as that can be, without `..`.
/// What cannot be read is told by [`compile`](crate::compile), at the `use`.
pub fn load(root: SourceFile, mut read: impl FnMut(&str) -> Result<String, String>) -> Sources {
    let mut known: BTreeMap<String, Result<FileId, ImportFault>> = BTreeMap::new();
    let mut sources = Sources::new();
    known.insert(normalised(Path::new(root.name())), Ok(FileId(0)));
    let mut open = vec![sources.add(root)];
    while let Some(id) = open.pop() {
        let Some(file) = sources.get(id) else { continue };
        let mut imports = BTreeMap::new();
        for written in imports_of(file.text()) {
            let Some(path) = resolve(file.name(), &written) else {
                imports.insert(written, Err(ImportFault::NotRelative));
                continue;
            };
            imports.insert(written, Ok(path));
        }
        for (written, path) in imports {
            let target = path.and_then(|path| match known.get(&path) {
                Some(target) => target.clone(),
                None if known.len() >= FILE_COUNT_MAX => Err(ImportFault::TooMany),
                None => {
                    let target = read(&path).map_err(ImportFault::Unreadable).map(|text| {
                        let id = sources.add(SourceFile::new(path.clone(), text));
                        open.push(id);
                        id
                    });
                    known.insert(path, target.clone());
                    target
                }
            });
            sources.set_import(id, written, target);
        }
    }
    sources
}

/// The text of a file's bytes, or what is wrong with them.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() as u64 > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(bytes.len() as u64));
    }
    String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("is not UTF-8: the byte at offset {offset} begins no character")
    })
}

/// What is wrong with a file of that length.
pub fn too_long(length_bytes: u64) -> String {
    format!("is {length_bytes} bytes long, and at most {FILE_LENGTH_BYTES_MAX} are read")
}

/// The paths that a text uses, each once.
fn imports_of(text: &str) -> Vec<String> {
    if !text.contains("use") {
        return Vec::new();
    }
    // What is wrong with the text is told when it is compiled.
    let tokens = lexer::lex(FileId(0), text, &mut Diagnostics::new()).tokens;
    let mut paths: Vec<String> = Vec::new();
    for pair in tokens.windows(2) {
        if let [(Token::Use, _), (Token::Str, span)] = pair {
            let path = literal::string(text.get(span.start as usize..span.end as usize).unwrap_or_default());
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// The path of the file that `written` means in the file of that name; `None` where it does not count from there.
pub(crate) fn resolve(importer: &str, written: &str) -> Option<String> {
    let written = Path::new(written);
    let directory = Path::new(importer).parent().unwrap_or(Path::new(""));
    written.is_relative().then(|| normalised(&directory.join(written)))
}

/// The path without `.`, and without `..` where something stands before it.
fn normalised(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.components().next_back(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            Component::ParentDir | Component::Normal(_) | Component::RootDir | Component::Prefix(_) => parts.push(part),
        }
    }
    parts.display().to_string()
}

/// What a `use` of the file `to` says in the file `from`.
pub fn relative_path(from: &str, to: &str) -> String {
    let (from, to) = (normalised(Path::new(from)), normalised(Path::new(to)));
    let directory: Vec<_> = Path::new(&from).parent().map(|parent| parent.components().collect()).unwrap_or_default();
    let target: Vec<_> = Path::new(&to).components().collect();
    let shared = directory.iter().zip(&target).take_while(|(one, other)| one == other).count();
    let up = directory.iter().skip(shared).map(|_| "..".to_owned());
    let down = target.iter().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    up.chain(down).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loads `a/root.chor` from these files; the names of what is loaded and of what is asked for.
    fn check(files: &[(&str, &str)], loaded: &[&str], asked: &[&str]) {
        let text = |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
        let mut read = Vec::new();
        let sources = load(SourceFile::new("a/root.chor", text("a/root.chor").unwrap_or_default()), |path| {
            read.push(path.to_owned());
            text(path).ok_or_else(|| "no such file".to_owned())
        });
        let names: Vec<&str> = sources.iter().map(|(_, file)| file.name()).collect();
        assert_eq!((names.as_slice(), read.iter().map(String::as_str).collect::<Vec<_>>()), (loaded, asked.to_vec()));
    }

    #[test]
    fn each_file_is_read_once() {
        check(&[("a/root.chor", "struct A {}")], &["a/root.chor"], &[]);
        let files = [
            ("a/root.chor", "use \"./b.chor\"; use \"../c.chor\"; use \"b/../b.chor\"; use \"root.chor\";"),
            ("a/b.chor", "use \"../a/root.chor\"; use \"../c.chor\";"),
            ("c.chor", "use \"a/b.chor\"; use \"none.chor\"; use \"/etc/passwd\";"),
        ];
        check(&files, &["a/root.chor", "c.chor", "a/b.chor"], &["c.chor", "a/b.chor", "none.chor"]);
    }

    #[test]
    fn a_program_has_an_end() {
        let mut count = 0;
        let sources = load(SourceFile::new("0.chor", "use \"1.chor\";"), |_| {
            count += 1;
            Ok(format!("use \"{}.chor\";", count + 1))
        });
        assert_eq!(sources.iter().count(), FILE_COUNT_MAX);
    }

    #[test]
    fn paths_from_one_file_to_another() {
        assert_eq!(relative_path("a/b.chor", "a/c.chor"), "c.chor");
        assert_eq!(relative_path("a/b.chor", "d/./c.chor"), "../d/c.chor");
        assert_eq!(relative_path("b.chor", "d/c.chor"), "d/c.chor");
        assert_eq!(resolve("a/b.chor", "../c.chor").as_deref(), Some("c.chor"));
        assert_eq!(resolve("b.chor", "../../c.chor").as_deref(), Some("../../c.chor"));
        assert_eq!(resolve("b.chor", "/c.chor"), None);
    }
}
