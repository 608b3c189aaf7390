//! Diagnostics: for people on the error output, for tools on the output.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;

use super::json;
use crate::diagnostic::render::{Colour, Renderer};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Sources;

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// With the lines of source that they are about, on the error output.
    #[default]
    Human,
    /// A line each, on the error output: `path:line:col: error[E0101]: message`.
    Short,
    /// A JSON object a line, in the shape of rustc's, on the output.
    Json,
}

/// The most diagnostics that people are shown of one file.
const SHOWN_COUNT_MAX: usize = 100;

/// Writes the diagnostics of one file, and for people how many there are.
pub fn write(sources: &Sources, diagnostics: &[Diagnostic], format: MessageFormat) {
    let renderer = Renderer::new(sources, colour());
    let plain = Renderer::new(sources, Colour::Off);
    let mut output: Box<dyn Write> = match format {
        MessageFormat::Human | MessageFormat::Short => Box::new(std::io::stderr().lock()),
        MessageFormat::Json => Box::new(std::io::stdout().lock()),
    };
    let shown = match format {
        MessageFormat::Human => diagnostics.get(..SHOWN_COUNT_MAX).unwrap_or(diagnostics),
        MessageFormat::Short | MessageFormat::Json => diagnostics,
    };
    for diagnostic in shown {
        let text = match format {
            MessageFormat::Human => renderer.block(diagnostic) + "\n",
            MessageFormat::Short => renderer.short(diagnostic) + "\n",
            MessageFormat::Json => json::object(sources, diagnostic, &plain.block(diagnostic)) + "\n",
        };
        // Where nothing can be written, the exit code still tells.
        let _ = output.write_all(text.as_bytes());
    }
    if format == MessageFormat::Human && !diagnostics.is_empty() {
        let _ = writeln!(output, "{}", summary(diagnostics, shown.len()));
    }
}

/// Writes why a file cannot be read.
pub fn fault(fault: &str, format: MessageFormat) {
    match format {
        MessageFormat::Human | MessageFormat::Short => super::complain(fault),
        MessageFormat::Json => {
            let _ = writeln!(std::io::stdout(), "{}", json::fault(fault));
        }
    }
}

/// Colour only for a terminal whose user has not refused it: <https://no-color.org>.
fn colour() -> Colour {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    match std::io::stderr().is_terminal() && !refused {
        true => Colour::On,
        false => Colour::Off,
    }
}

fn summary(diagnostics: &[Diagnostic], shown_count: usize) -> String {
    let count = |severity| diagnostics.iter().filter(|diagnostic| diagnostic.severity() == severity).count();
    let counts = [Severity::Error, Severity::Warning, Severity::Hint].map(|severity| (severity, count(severity)));
    let parts: Vec<String> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(severity, count)| format!("{count} {severity}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let codes: std::collections::BTreeSet<&str> =
        diagnostics.iter().map(|diagnostic| diagnostic.code().as_str()).collect();
    let first = codes.first().copied().unwrap_or_default();
    let hidden = match diagnostics.len().saturating_sub(shown_count) {
        0 => String::new(),
        hidden => format!(", {hidden} of them not shown"),
    };
    format!("{}{hidden}; `chor explain {first}` says more about {first}", parts.join(", "))
}
