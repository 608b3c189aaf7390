//! Sequence diagrams, on the output or in a file.

use std::collections::BTreeSet;
use std::path::Path;

use clap::ValueEnum;

use super::message::MessageFormat;
use super::output::print;
use super::{FAILED, FINE, REFUSED, compile_file, complain};
use crate::diagram::{Diagram, diagrams, layout, mermaid, svg};

/// How a diagram is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text that GitHub and others draw in a fenced block.
    Mermaid,
    /// A picture.
    Svg,
}

/// Draws one choreography of a program, or all.
pub fn diagram(path: &Path, choreography: Option<&str>, format: Option<Format>, out: Option<&Path>) -> u8 {
    let Some(compilation) = compile_file(path, MessageFormat::Human, &mut BTreeSet::new(), None) else { return FAILED };
    if compilation.has_errors() {
        return REFUSED;
    }
    let all = diagrams(&compilation);
    let names = all.iter().map(|diagram| diagram.title.as_str()).collect::<Vec<_>>().join(", ");
    let is_meant = |diagram: &&Diagram| choreography.is_none_or(|name| name == diagram.title);
    let meant: Vec<&Diagram> = all.iter().filter(is_meant).collect();
    let is_svg = match format {
        Some(format) => format == Format::Svg,
        None => out.and_then(Path::extension).is_some_and(|extension| extension.eq_ignore_ascii_case("svg")),
    };
    let text = match (meant.as_slice(), is_svg) {
        ([], _) => {
            let path = path.display();
            complain(&match (choreography, names.as_str()) {
                (_, "") => format!("{path} has no choreography"),
                (name, names) => {
                    format!("{path} has no choreography `{}`; it has {names}", name.unwrap_or_default())
                }
            });
            return FAILED;
        }
        ([one], true) => svg(&layout(one)),
        ([one], false) => mermaid(one),
        (_, true) => {
            complain(&format!("an SVG shows one choreography; name it with `--choreography`, one of {names}"));
            return FAILED;
        }
        (several, false) => several.iter().map(|one| markdown(one)).collect::<Vec<_>>().join("\n"),
    };
    match out {
        None => print(&text),
        Some(out) => write(out, &text),
    }
}

/// A diagram under its name: several do not fit into one text of Mermaid.
fn markdown(diagram: &Diagram) -> String {
    format!("## {}\n\n```mermaid\n{}```\n", diagram.title, mermaid(diagram))
}

fn write(out: &Path, text: &str) -> u8 {
    match std::fs::write(out, text) {
        Ok(()) => FINE,
        Err(error) => {
            complain(&format!("{}: cannot be written: {error}", out.display()));
            FAILED
        }
    }
}
