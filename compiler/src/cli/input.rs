//! Reading files, and saying why one cannot be read.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::load::{decode, load, too_long};
use crate::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};

/// The file and all that it uses, or why it cannot be read; `-` is the standard input.
pub fn program(path: &Path) -> Result<Sources, String> {
    let root = file(path)?;
    Ok(load(root, |path| text(Path::new(path))))
}

/// The file alone, or why it cannot be read.
pub fn file(path: &Path) -> Result<SourceFile, String> {
    if path == Path::new("-") {
        let text = read(std::io::stdin().lock()).map_err(|fault| format!("standard input: {fault}"))?;
        return Ok(SourceFile::new("standard input", text));
    }
    let name = path.display().to_string();
    match text(path) {
        Ok(text) => Ok(SourceFile::new(name, text)),
        Err(fault) => Err(format!("{name}: {fault}")),
    }
}

/// The text of a file, or why it cannot be read.
pub(crate) fn text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err("is a directory; name the `.chor` files in it".to_owned());
    }
    if metadata.len() > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(metadata.len()));
    }
    // A pipe or device tells no length: reading stops behind the limit too.
    read(File::open(path).map_err(unreadable)?)
}

fn read(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(FILE_LENGTH_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    decode(bytes)
}

fn unreadable(error: std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "cannot be read: there is no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}
