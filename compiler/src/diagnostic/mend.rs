//! What makes a value of the type that is asked for from one of another type: as data, in words, and as edits.

use super::prose::Prose;
use crate::span::Span;

/// A change to a value, or to what stands around it, after which it has the type that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Something written around it.
    Around {
        /// What stands before it.
        before: &'static str,
        /// What stands behind it.
        after: &'static str,
    },
    /// Something written behind it: `.method()`, or a comparison.
    Behind {
        /// What.
        text: String,
        /// When that aborts, if it does.
        aborts: Option<&'static str>,
        /// Whether what is written behind it is about all of it.
        is_whole: bool,
    },
    /// Other quotes around a literal.
    Quotes(&'static str),
    /// The `;` behind the last expression of its block, which takes the block's value away.
    WithoutSemicolon(Span),
    /// A `;` behind it, for nobody takes the value.
    Semicolon,
    /// An `else`, without which an `if` has no value.
    Else,
    /// `Result` from `Option`: what the error is, only the author knows.
    OkOr,
    /// A `bool` from what may be empty.
    NotEmpty,
}

impl Mend {
    /// The problem with a value, which stands at `span`, and what mends it.
    pub fn told(&self, prose: Prose, span: Span, value: Option<&str>) -> Prose {
        let value = value.unwrap_or("…");
        let (start, end) = (Span { end: span.start, ..span }, Span { start: span.end, ..span });
        match self {
            Mend::Around { before, after } => {
                prose.help(format!("write `{before}{value}{after}`")).edit(start, *before).edit(end, *after)
            }
            Mend::Behind { text, aborts, is_whole } => {
                let value = if *is_whole { value } else { "(…)" };
                let prose = match aborts {
                    Some(aborts) => prose.help(format!("write `{value}{text}`, which aborts where it {aborts}")),
                    None => prose.help(format!("write `{value}{text}`")),
                };
                match is_whole {
                    true => prose.edit(end, text.as_str()),
                    false => prose.edit(start, "(").edit(end, format!("){text}")),
                }
            }
            Mend::Quotes(quote) => prose
                .help(format!(
                    "write it in {} quotes: `{quote}…{quote}`",
                    if *quote == "'" { "single" } else { "double" }
                ))
                .edit(Span { end: span.start + 1, ..span }, *quote)
                .edit(Span { start: span.end - 1, ..span }, *quote),
            Mend::WithoutSemicolon(semicolon) => prose
                .label(*semicolon, "this `;` takes the value away")
                .help("remove the `;`: the value of a block is its last expression")
                .edit(*semicolon, ""),
            Mend::Semicolon => prose.help("end it with `;`: nobody takes this value").edit(end, ";"),
            Mend::Else => prose.help("add an `else` with the value that it has otherwise"),
            Mend::OkOr => prose.help(format!("say what the error is: `{value}.ok_or(…)`")),
            Mend::NotEmpty => prose.help(format!("ask whether there is something in it: `!{value}.is_empty()`")),
        }
    }
}
