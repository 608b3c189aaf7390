//! Reading files, and saying why one cannot be read.

use std::fmt::Display;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};

/// The file as the sources of a program, or why not; `-` is the standard input.
pub fn read(path: &Path) -> Result<Sources, String> {
    let name = path.display();
    if path == Path::new("-") {
        return text("standard input", std::io::stdin().lock());
    }
    let metadata = std::fs::metadata(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    if metadata.is_dir() {
        return Err(format!("{name}: is a directory; name the `.chor` files in it"));
    }
    if metadata.len() > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(&name, metadata.len()));
    }
    let file = File::open(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    // A pipe or device tells no length: reading stops behind the limit too.
    text(&name.to_string(), file)
}

fn too_long(name: &dyn Display, length: u64) -> String {
    format!("{name}: is {length} bytes long, and at most {FILE_LENGTH_BYTES_MAX} are read")
}

/// What is read as the sources of a program.
fn text(name: &str, from: impl Read) -> Result<Sources, String> {
    let mut bytes = Vec::new();
    let read = from.take(FILE_LENGTH_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    if bytes.len() as u64 > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(&name, bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("{name}: is not UTF-8: the byte at offset {offset} begins no character")
    })?;
    let mut sources = Sources::new();
    sources.add(SourceFile::new(name, text));
    Ok(sources)
}
