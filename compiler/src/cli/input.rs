//! Reading files, and saying why one cannot be read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::source::{FILE_LENGTH_BYTES_MAX, SourceFile, Sources};

/// The file as the sources of a program, or why not.
pub fn read(path: &Path) -> Result<Sources, String> {
    let name = path.display();
    let metadata = std::fs::metadata(path).map_err(|error| format!("{name}: cannot be read: {error}"))?;
    if metadata.is_dir() {
        return Err(format!("{name}: is a directory; name the `.chor` files in it"));
    }
    let too_long =
        |length: u64| format!("{name}: is {length} bytes long, and at most {FILE_LENGTH_BYTES_MAX} are read");
    if metadata.len() > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(metadata.len()));
    }
    // A pipe or device tells no length: reading stops behind the limit too.
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_LENGTH_BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("{name}: cannot be read: {error}"))?;
    if bytes.len() as u64 > FILE_LENGTH_BYTES_MAX {
        return Err(too_long(bytes.len() as u64));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        format!("{name}: is not UTF-8: the byte at offset {offset} begins no character")
    })?;
    let mut sources = Sources::new();
    sources.add(SourceFile::new(name.to_string(), text));
    Ok(sources)
}
