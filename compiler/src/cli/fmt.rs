//! `chor fmt`: files in their one form.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::message::{self, MessageFormat};
use super::{FAILED, FINE, REFUSED, complain, input, output};
use crate::diagnostic::Diagnostics;
use crate::format::format;
use crate::source::Sources;

/// How many links and directories deep programs are looked for.
const DIRECTORY_DEPTH_MAX: usize = 64;

/// Formats the files, and those in the directories; or with `check` lists those that are not in their form.
pub fn fmt(paths: &[PathBuf], check: bool) -> u8 {
    let mut files = Vec::new();
    let mut worst = FINE;
    for path in paths {
        if path.is_dir() {
            if let Err(error) = collect(path, 0, &mut files) {
                complain(&format!("{}: cannot be read: {error}", path.display()));
                worst = FAILED;
            }
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|path| fmt_file(path, check)).fold(worst, u8::max)
}

/// The `.chor` files below a directory, in order; hidden directories and `target` are left out.
pub(crate) fn collect(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    let mut result = Ok(());
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() {
            // A link may lead back to a directory above it.
            if !name.starts_with('.') && name != "target" && !path.is_symlink() && depth < DIRECTORY_DEPTH_MAX {
                // What else there is, is found nevertheless.
                result = result.and(collect(&path, depth + 1, files));
            }
        } else if path.extension().is_some_and(|extension| extension == "chor") {
            files.push(path);
        }
    }
    result
}

fn fmt_file(path: &Path, check: bool) -> u8 {
    let file = match input::file(path) {
        Ok(file) => file,
        Err(fault) => {
            message::fault(&fault, MessageFormat::Human);
            return FAILED;
        }
    };
    let mut diagnostics = Diagnostics::new();
    let Some(formatted) = format(file.name(), file.text(), &mut diagnostics) else {
        let mut sources = Sources::new();
        sources.add(file);
        message::write(&sources, &diagnostics.finish(), MessageFormat::Human);
        return REFUSED;
    };
    let is_input = path == Path::new("-");
    match (check, is_input) {
        (true, _) if formatted == file.text() => FINE,
        (true, _) => output::print(&format!("{}\n", file.name())).max(REFUSED),
        (false, true) => output::print(&formatted),
        (false, false) if formatted == file.text() => FINE,
        (false, false) => match replace(path, &formatted) {
            Ok(()) => FINE,
            Err(error) => {
                complain(&format!("{}: cannot be written: {error}", path.display()));
                FAILED
            }
        },
    }
}

/// Writes a file as a whole or not at all: what is at `path` is the old text or the new one, whenever the process ends.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // What a link leads to is replaced, not the link.
    let path = path.canonicalize()?;
    let permissions = std::fs::metadata(&path)?.permissions();
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let write = || {
        let mut file = std::fs::File::create(&temporary)?;
        file.set_permissions(permissions)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, &path)
    };
    write().inspect_err(|_| {
        // What cannot be written cannot always be removed either, and the first error says more.
        let _ = std::fs::remove_file(&temporary);
    })
}
