//! Diagnostics laid out for people, and the one file that knows ariadne.

use std::fmt;

use ariadne::{Cache, Color, Config, Fmt, IndexType, Label, Report, ReportKind, Source};

use super::{Diagnostic, Severity};
use crate::source::Sources;
use crate::span::{FileId, Span};

/// The longest line that is laid out, in bytes. A longer one (generated, or no program at all) would fill the screen, and
/// take time in proportion for each diagnostic on it: only its place is told.
const LINE_LENGTH_BYTES_MAX: usize = 2_000;

/// Whether to colour the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// With escape sequences for a terminal.
    On,
    /// Plain text: files, tests, the macro.
    Off,
}

/// Renders diagnostics of one set of sources. Keep one for all of them: it counts the lines of each file once.
pub struct Renderer<'a> {
    sources: &'a Sources,
    files: Vec<Source<&'a str>>,
    colour: Colour,
}

impl<'a> Renderer<'a> {
    /// A renderer for these sources.
    pub fn new(sources: &'a Sources, colour: Colour) -> Self {
        let files = sources.iter().map(|(_, file)| Source::from(file.text())).collect();
        Self { sources, files, colour }
    }

    /// The diagnostic with the lines of source it is about.
    pub fn block(&self, diagnostic: &Diagnostic) -> String {
        let prose = diagnostic.prose();
        let spans = std::iter::once(&prose.primary).chain(&prose.labels).map(|label| label.span);
        if spans.clone().any(|span| self.is_on_long_line(span)) {
            let help = prose.help.map_or(String::new(), |help| format!("  help: {help}\n"));
            return self.short(diagnostic) + "\n" + &help;
        }
        let colour = match diagnostic.severity() {
            Severity::Error => Color::Red,
            Severity::Warning => Color::Yellow,
            Severity::Hint => Color::Cyan,
        };
        let config = Config::default().with_index_type(IndexType::Byte).with_color(self.colour == Colour::On);
        let primary = Located(prose.primary.span);
        let mut report = Report::build(ReportKind::Error, primary)
            .with_config(config)
            .with_label(Label::new(primary).with_message(&prose.primary.text).with_color(colour).with_priority(1));
        for label in &prose.labels {
            report.add_label(Label::new(Located(label.span)).with_message(&label.text).with_color(Color::Blue));
        }
        report.with_notes(&prose.notes);
        report.with_helps(&prose.help);
        let mut bytes = Vec::new();
        match report.finish().write(Files(self), &mut bytes) {
            Ok(()) => {
                // Ariadne's first line has the code before the severity; ours reads like rustc's.
                let text = String::from_utf8_lossy(&bytes);
                let header = self.header(diagnostic, &prose.message, colour);
                text.lines().skip(1).map(str::trim_end).fold(header, |all, line| all + "\n" + line) + "\n"
            }
            // Writing to memory does not fail, and a layout that cannot be made must not hide the fact.
            Err(_) => self.short(diagnostic) + "\n",
        }
    }

    fn is_on_long_line(&self, span: Span) -> bool {
        self.sources.get(span.file).is_some_and(|file| {
            let lines = file.line_index(span.start)..=file.line_index(span.end);
            let (first, last) = (*lines.start(), *lines.end());
            [first, last].iter().any(|line| file.line_text(*line).len() > LINE_LENGTH_BYTES_MAX)
        })
    }

    fn header(&self, diagnostic: &Diagnostic, message: &str, colour: Color) -> String {
        let kind = format!("{}[{}]:", diagnostic.severity(), diagnostic.code());
        match self.colour {
            Colour::On => format!("{} {message}", kind.fg(colour)),
            Colour::Off => format!("{kind} {message}"),
        }
    }

    /// The diagnostic in a line: `path:line:col: error[E0101]: message`.
    pub fn short(&self, diagnostic: &Diagnostic) -> String {
        short(diagnostic, self.sources)
    }
}

/// The diagnostic in a line: `path:line:col: error[E0101]: message`.
pub fn short(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let prose = diagnostic.prose();
    let location = sources.location(prose.primary.span);
    format!("{location}: {}[{}]: {}", diagnostic.severity(), diagnostic.code(), prose.message)
}

/// A span as ariadne wants it.
#[derive(Clone, Copy)]
struct Located(Span);

impl ariadne::Span for Located {
    type SourceId = FileId;

    fn source(&self) -> &FileId {
        &self.0.file
    }

    fn start(&self) -> usize {
        self.0.start as usize
    }

    fn end(&self) -> usize {
        self.0.end.max(self.0.start) as usize
    }
}

/// The files as ariadne wants them.
struct Files<'r, 'a>(&'r Renderer<'a>);

impl<'a> Cache<FileId> for Files<'_, 'a> {
    type Storage = &'a str;

    fn fetch(&mut self, id: &FileId) -> Result<&Source<&'a str>, impl fmt::Debug> {
        self.0.files.get(id.0 as usize).ok_or("no such file")
    }

    fn display<'b>(&self, id: &'b FileId) -> Option<impl fmt::Display + 'b> {
        self.0.sources.get(*id).map(|file| file.name().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Problem;
    use crate::diagnostic::meaning::{Meaning, Thing};
    use crate::syntax::ast::Ident;

    fn check(text: &str, problem: Problem, short_form: &str, block: &str) {
        let sources = Sources::single("a.chor", text);
        let diagnostic = Diagnostic { problem };
        let renderer = Renderer::new(&sources, Colour::Off);
        assert_eq!(renderer.short(&diagnostic), short_form);
        assert_eq!(renderer.block(&diagnostic), block);
    }

    #[test]
    fn a_problem_inside_the_text() {
        let span = Span::new(FileId(0), 11, 17);
        let name = Ident { name: "amuont".to_owned(), span };
        let problem = Meaning::unknown(Thing::Variable, &name, vec!["amount".to_owned()]);
        let block = "\
error[E0101]: unknown name `amuont`
   ╭─[ a.chor:1:11 ]
   │
 1 │ let ä = 1 amuont;
   │           ───┬──
   │              ╰──── nothing of this name is in scope
   │
   │ Help: did you mean `amount`?
───╯
";
        check("let ä = 1 amuont;", problem, "a.chor:1:11: error[E0101]: unknown name `amuont`", block);
    }

    #[test]
    fn a_problem_at_the_end_of_an_empty_file() {
        let span = Span::new(FileId(0), 0, 0);
        let problem = Problem::UnexpectedToken { found: None, expected: vec![], within: None, span };
        let block = "\
error[E0007]: the file ends too early
   ╭─[ a.chor:1:1 ]
   │
 1 │
   │ │
   │ ╰─ unexpected
───╯
";
        check("", problem, "a.chor:1:1: error[E0007]: the file ends too early", block);
    }
}
