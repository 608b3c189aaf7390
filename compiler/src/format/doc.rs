//! Documents: text with places where a line may end, and the printer that chooses among them. After Wadler, "A prettier
//! printer" (2003), with two additions for comments: newlines and blanks are owed, not written, until text follows, so that
//! a comment that stood behind a token stays on its line; and a comment up to the end of a line owes a newline itself.

use super::pieces::Comment;

/// How many characters a line should have at most.
pub const LINE_WIDTH_MAX: usize = 100;

const INDENT_WIDTH: usize = 4;

/// A document.
#[derive(Clone, Debug)]
pub enum Doc<'s> {
    /// As it stands.
    Text(&'s str),
    /// A blank, or a new line where its group is broken.
    Line,
    /// Nothing, or a new line where its group is broken.
    SoftLine,
    /// A new line.
    HardLine,
    /// An empty line, where a new line is owed.
    Blank,
    /// A comment.
    Comment(Comment<'s>),
    /// Text for a broken group only.
    IfBroken(&'s str),
    /// One after the other.
    Concat(Vec<Doc<'s>>),
    /// New lines within begin further to the right.
    Indent(Box<Doc<'s>>),
    /// On one line if it fits and nothing in it asks for several.
    Group(Box<Doc<'s>>, bool),
}

impl<'s> Doc<'s> {
    /// Nothing.
    pub const NIL: Doc<'s> = Doc::Text("");

    /// One after the other.
    pub fn concat(parts: impl IntoIterator<Item = Doc<'s>>) -> Self {
        Doc::Concat(parts.into_iter().collect())
    }

    /// New lines within begin further to the right.
    pub fn indent(parts: impl IntoIterator<Item = Doc<'s>>) -> Self {
        Doc::Indent(Box::new(Doc::concat(parts)))
    }

    /// A group; broken if `broken`, or if something in it asks for it.
    pub fn group(broken: bool, parts: impl IntoIterator<Item = Doc<'s>>) -> Self {
        let inner = Doc::concat(parts);
        let broken = broken || inner.breaks();
        Doc::Group(Box::new(inner), broken)
    }

    fn breaks(&self) -> bool {
        match self {
            Doc::HardLine => true,
            Doc::Comment(comment) => comment.breaks(),
            Doc::Group(_, broken) => *broken,
            Doc::Concat(parts) => parts.iter().any(Doc::breaks),
            Doc::Indent(inner) => inner.breaks(),
            Doc::Text(_) | Doc::Line | Doc::SoftLine | Doc::Blank | Doc::IfBroken(_) => false,
        }
    }
}

/// The document as text.
pub fn print(doc: &Doc<'_>) -> String {
    let mut printer = Printer::default();
    let mut open = vec![Command { indent: 0, flat: false, doc }];
    while let Some(command) = open.pop() {
        let Command { indent, flat, doc } = command;
        match doc {
            Doc::Text(text) => printer.text(text),
            Doc::Line if flat => printer.space = Space::Wanted,
            Doc::SoftLine if flat => {}
            Doc::Line | Doc::SoftLine | Doc::HardLine => printer.newline(indent),
            Doc::Blank => printer.newlines = if printer.newlines > 0 { 2 } else { 0 },
            Doc::Comment(comment) => printer.comment(comment, indent),
            Doc::IfBroken(text) if !flat => printer.text(text),
            Doc::IfBroken(_) => {}
            Doc::Concat(parts) => {
                open.extend(parts.iter().rev().map(|doc| Command { indent, flat, doc }));
            }
            Doc::Indent(inner) => open.push(Command { indent: indent + INDENT_WIDTH, flat, doc: inner }),
            Doc::Group(inner, broken) => {
                let within = Command { indent, flat: true, doc: inner };
                let flat = !broken && (flat || fits(printer.room(), within, &open));
                open.push(Command { indent, flat, doc: inner });
            }
        }
    }
    printer.finish()
}

#[derive(Clone, Copy)]
struct Command<'d, 's> {
    indent: usize,
    flat: bool,
    doc: &'d Doc<'s>,
}

/// Whether `first`, and what follows it up to the next place where a line ends, has at most `room` characters.
fn fits<'d, 's>(room: Option<usize>, first: Command<'d, 's>, behind: &[Command<'d, 's>]) -> bool {
    let Some(mut room) = room else { return false };
    let mut open = vec![first];
    let mut behind = behind.iter().rev();
    loop {
        let Some(Command { indent, flat, doc }) = open.pop().or_else(|| behind.next().copied()) else { return true };
        let width = match doc {
            Doc::Text(text) => {
                let line = text.split('\n').next().unwrap_or_default();
                if line.len() < text.len() {
                    return line.chars().count() <= room;
                }
                text.chars().count()
            }
            Doc::Line if flat => 1,
            Doc::SoftLine if flat => 0,
            Doc::Line | Doc::SoftLine | Doc::HardLine => return true,
            Doc::Comment(comment) if comment.breaks() => return true,
            Doc::Comment(comment) => comment.text.chars().count() + 1,
            Doc::IfBroken(text) if !flat => text.chars().count(),
            Doc::IfBroken(_) | Doc::Blank => 0,
            Doc::Concat(parts) => {
                open.extend(parts.iter().rev().map(|doc| Command { indent, flat, doc }));
                0
            }
            // What follows may break where it can.
            Doc::Indent(inner) | Doc::Group(inner, _) => {
                open.push(Command { indent, flat, doc: inner });
                0
            }
        };
        match room.checked_sub(width) {
            Some(left) => room = left,
            None => return false,
        }
    }
}

/// A blank that is owed.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Space {
    #[default]
    None,
    Wanted,
    /// Behind a comment: closing brackets and separators do without.
    BehindComment,
}

#[derive(Default)]
struct Printer {
    text: String,
    /// How many characters the line has.
    column: usize,
    /// The new lines that are owed, and how far right the last of them begins.
    newlines: usize,
    indent: usize,
    space: Space,
    /// A bracket has just been opened: no empty line follows.
    opened: bool,
}

impl Printer {
    /// How many more characters fit on the line, where any do.
    fn room(&self) -> Option<usize> {
        let column = match self.newlines {
            0 => self.column + usize::from(self.space != Space::None),
            _ => self.indent,
        };
        LINE_WIDTH_MAX.checked_sub(column)
    }

    fn newline(&mut self, indent: usize) {
        self.newlines = self.newlines.max(1);
        self.indent = indent;
        self.space = Space::None;
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = if self.newlines > 0 { text.trim_start_matches(' ') } else { text };
        let tight = text.starts_with([' ', ',', ';', ')', ']']);
        match self.space {
            _ if self.newlines > 0 => self.flush(),
            Space::Wanted if !text.starts_with(' ') => self.put(" "),
            Space::BehindComment if !tight => self.put(" "),
            Space::None | Space::Wanted | Space::BehindComment => {}
        }
        self.put(text);
        self.space = Space::None;
        self.opened = text.ends_with(['(', '[', '{']);
    }

    /// Writes the new lines that are owed.
    fn flush(&mut self) {
        if self.newlines > 0 && !self.text.is_empty() {
            let count = if self.opened { 1 } else { self.newlines };
            // A text such as ` = ` ends in a blank.
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.text.push_str(&"\n".repeat(count));
            self.text.push_str(&" ".repeat(self.indent));
            self.column = self.indent;
        }
        self.newlines = 0;
        self.space = Space::None;
    }

    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = match text.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.column + text.chars().count(),
        };
    }

    fn comment(&mut self, comment: &Comment<'_>, indent: usize) {
        let own_line = comment.on_new_line && comment.before_new_line;
        let behind = !comment.on_new_line && comment.before_new_line;
        if own_line && self.newlines == 0 {
            self.newline(indent);
        }
        if comment.blank_before && comment.on_new_line && self.newlines > 0 {
            self.newlines = 2;
        }
        if self.newlines > 0 && !behind {
            self.flush();
        } else if !self.text.is_empty() && (comment.ends_line || !self.text.ends_with(['(', '['])) {
            self.text.truncate(self.text.trim_end_matches(' ').len());
            self.put(" ");
        }
        self.put(comment.text);
        self.opened = false;
        if own_line {
            self.newlines = 1;
        } else if comment.ends_line && self.newlines == 0 {
            self.newline(indent);
        } else if self.newlines == 0 && !(behind && self.space == Space::Wanted) {
            self.space = Space::BehindComment;
        }
    }

    fn finish(mut self) -> String {
        self.text.truncate(self.text.trim_end_matches(' ').len());
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text
    }
}
