//! The versions of choreographies, as nodes tell them apart.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::message::MessageFormat;
use super::{FAILED, FINE, REFUSED, Told, compile_file, output};
use crate::Compilation;
use crate::lir::Projection;

/// How many bytes of a fingerprint nodes and their operators are shown.
const SHORT_LENGTH_BYTES: usize = 4;

/// Prints the version of each choreography of each file; the worst of their exit codes.
pub fn version(files: &[PathBuf], format: MessageFormat) -> u8 {
    let mut told = Told::new();
    let mut of_file = |path: &PathBuf| match compile_file(path, format, &mut told, None) {
        None => FAILED,
        Some(compilation) if compilation.has_errors() => REFUSED,
        Some(compilation) => output::print(&text(path, &compilation, files.len() > 1, format)),
    };
    files.iter().map(&mut of_file).fold(FINE, u8::max)
}

fn text(path: &Path, compilation: &Compilation, is_one_of_several: bool, format: MessageFormat) -> String {
    let name = |projection: &Projection| compilation.hir.choreography(projection.id()).name.name.as_str();
    let width = compilation.projections.iter().map(|it| name(it).chars().count()).max().unwrap_or_default();
    let file = if is_one_of_several { format!("{}: ", path.display()) } else { String::new() };
    let mut text = String::new();
    for projection in &compilation.projections {
        let (name, whole) = (name(projection), hexadecimal(&projection.fingerprint));
        let short = projection.fingerprint.get(..SHORT_LENGTH_BYTES).map(hexadecimal).unwrap_or_default();
        let note = if projection.starts { "" } else { "  (only called: no session of it can be started)" };
        let _ = match format {
            MessageFormat::Human => writeln!(text, "{file}{name:width$}  {short}{note}"),
            MessageFormat::Short => writeln!(text, "{file}{name} {short}"),
            MessageFormat::Json => writeln!(
                text,
                "{}",
                json!({
                    "$message_type": "version",
                    "file": path.display().to_string(),
                    "choreography": name,
                    "version": short,
                    "fingerprint": whole,
                    "starts": projection.starts,
                })
            ),
        };
    }
    text
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
