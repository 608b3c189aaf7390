//! A diagram as the text of a Mermaid `sequenceDiagram`, <https://mermaid.js.org/syntax/sequenceDiagram.html>.

use std::fmt::Write;

use super::model::{ArrowKind, BoxKind, Diagram, Frame, FrameKind, Item, Lane, Reach, Section};
use super::text::shortened;

/// The longest line of a label, in characters; Mermaid breaks none by itself.
const LABEL_LENGTH_MAX: usize = 60;

/// Words that mean something to Mermaid where a participant's name may stand.
const WORDS: [&str; 30] = [
    "activate",
    "actor",
    "alt",
    "and",
    "as",
    "autonumber",
    "box",
    "break",
    "create",
    "critical",
    "deactivate",
    "destroy",
    "details",
    "else",
    "end",
    "left",
    "link",
    "links",
    "loop",
    "note",
    "opt",
    "option",
    "over",
    "par",
    "par_over",
    "participant",
    "properties",
    "rect",
    "right",
    "title",
];

/// The text of a diagram.
pub fn mermaid(diagram: &Diagram) -> String {
    let mut writer = Writer { lanes: diagram.lanes.iter().map(identifier).collect(), out: String::new(), depth: 1 };
    writer.out.push_str("sequenceDiagram\n");
    writer.line(&format!("title {}", label(&diagram.title)));
    for (lane, id) in diagram.lanes.iter().zip(writer.lanes.clone()) {
        let title = lane.title();
        match title == id {
            true => writer.line(&format!("participant {id}")),
            false => writer.line(&format!("participant {id} as {}", label(&title))),
        }
    }
    writer.items(&diagram.items);
    writer.out
}

/// What a lane is called in the text: its name, if Mermaid takes that for a name.
fn identifier(lane: &Lane) -> String {
    let is_word = WORDS.contains(&lane.name.to_ascii_lowercase().as_str());
    match is_word || !lane.name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_') {
        // A name of the language has no blank, and none ends in a dot: no other lane is called so.
        true => lane.name.chars().map(|character| format!("u{:x}.", u32::from(character))).collect(),
        false => lane.name.clone(),
    }
}

struct Writer {
    /// What each lane is called.
    lanes: Vec<String>,
    out: String,
    depth: usize,
}

impl Writer {
    fn line(&mut self, text: &str) {
        let indent = 4 * self.depth;
        // A string takes whatever is written to it.
        let _ = writeln!(self.out, "{:indent$}{}", "", text.trim_end());
    }

    fn lane(&self, lane: usize) -> &str {
        self.lanes.get(lane).map_or("", String::as_str)
    }

    fn over(&self, reach: Reach) -> String {
        match reach.first == reach.last {
            true => self.lane(reach.first).to_owned(),
            false => format!("{},{}", self.lane(reach.first), self.lane(reach.last)),
        }
    }

    fn items(&mut self, items: &[Item]) {
        items.iter().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::Arrow { from, to, kind, text } => {
                let arrow = match kind {
                    ArrowKind::Value => "->>",
                    ArrowKind::GoOn => "--)",
                    ArrowKind::Selection | ArrowKind::Inferred => "-->>",
                };
                self.line(&format!("{}{arrow}{}: {}", self.lane(*from), self.lane(*to), label(text)));
            }
            Item::Box { reach, kind, lines } => {
                let over = self.over(*reach);
                let mark = match kind {
                    BoxKind::Call => "ref: ",
                    BoxKind::Transaction | BoxKind::Recorded | BoxKind::Pure | BoxKind::Note => "",
                };
                self.line(&format!("Note over {over}: {mark}{}", labels(lines)));
            }
            Item::Stop { lanes, lines } => {
                for lane in lanes {
                    let id = self.lane(*lane);
                    self.line(&format!("{id}-x{id}: {}", labels(lines)));
                }
            }
            Item::Frame(frame) => self.frame(frame),
        }
    }

    fn frame(&mut self, frame: &Frame) {
        let (first, next) = match frame.kind {
            FrameKind::Alternatives => ("alt", "else"),
            FrameKind::Optional => ("opt", ""),
            // A loop has one compartment in Mermaid: what happens when it is left stands behind it, below a note.
            FrameKind::Loop => ("loop", ""),
            FrameKind::Parallel => ("par", "and"),
            FrameKind::Saga => ("critical", "option"),
        };
        if frame.kind == FrameKind::Saga {
            self.line("rect rgba(120, 120, 200, 0.12)");
            self.depth += 1;
        }
        for (index, section) in frame.sections.iter().enumerate() {
            match (index, next) {
                (0, _) => self.line(&format!("{first} {}", title(frame.kind, section))),
                (_, "") => {
                    self.line("end");
                    self.line(&format!("Note over {}: {}", self.over(frame.reach), label(&section.title)));
                }
                (_, next) => self.line(&format!("{next} {}", label(&section.title))),
            }
            let is_inside = index == 0 || !next.is_empty();
            self.depth += usize::from(is_inside);
            self.items(&section.items);
            self.depth -= usize::from(is_inside);
        }
        if !next.is_empty() || frame.sections.len() == 1 {
            self.line("end");
        }
        if frame.kind == FrameKind::Saga {
            self.depth -= 1;
            self.line("end");
        }
    }
}

/// What stands at the head of a frame.
fn title(kind: FrameKind, section: &Section) -> String {
    match (kind, section.title.as_str()) {
        (FrameKind::Saga, "") => "saga".to_owned(),
        (FrameKind::Saga, title) => format!("saga {}", label(title)),
        (_, title) => label(title),
    }
}

fn labels(lines: &[String]) -> String {
    lines.iter().map(|line| label(line)).collect::<Vec<_>>().join("<br/>")
}

/// A text on one line, without what Mermaid would take for its own: characters by their numbers, which it decodes.
fn label(text: &str) -> String {
    let short = shortened(text, LABEL_LENGTH_MAX);
    let mut out = String::new();
    let mut word = String::new();
    for character in short.chars().chain([' ']) {
        if character.is_alphanumeric() || character == '_' {
            word.push(character);
            continue;
        }
        push_word(&mut out, &word);
        word.clear();
        match character {
            ';' | '#' | '<' | '>' | '"' | '&' | '%' | '$' | '\\' | '`' => {
                let _ = write!(out, "#{};", u32::from(character));
            }
            _ if character.is_whitespace() => out.push(' '),
            _ if character.is_control() => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out.pop();
    out
}

/// `end` ends a frame wherever it stands, and `wrap:` is an instruction.
fn push_word(out: &mut String, word: &str) {
    let is_taken = ["end", "wrap", "nowrap"].iter().any(|taken| word.eq_ignore_ascii_case(taken));
    let mut characters = word.chars();
    match characters.next() {
        Some(first) if is_taken => {
            let _ = write!(out, "#{};{}", u32::from(first), characters.as_str());
        }
        _ => out.push_str(word),
    }
}
