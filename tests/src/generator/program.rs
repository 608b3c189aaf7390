//! A program as a tree of text, which can be printed and made smaller.

use std::fmt::Write;

use chor::load::load;
use chor::source::{SourceFile, Sources};

use super::explicit::explicit;
use super::prelude::PRELUDE;

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its choreographies; `Main` is the last.
    pub choreographies: Vec<Choreography>,
    /// Whether all its selections are written, where that can be.
    pub is_explicit: bool,
    /// How many files it has: one, the prelude apart, or the called choreographies as well.
    pub files: usize,
}

/// A choreography.
#[derive(Clone, Debug)]
pub struct Choreography {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// `; T`, where it has a type parameter.
    pub types: String,
    /// Its parameters.
    pub params: Vec<String>,
    /// The parts of its result: how each is written, and its type and place.
    pub results: Vec<(String, String)>,
    /// Its statements.
    pub body: Vec<Item>,
    /// A construct whose value is the result.
    pub tail: Option<Item>,
}

/// A statement, or a construct with statements in it.
#[derive(Clone, Debug)]
pub enum Item {
    /// A statement.
    Line(String),
    /// A construct.
    Block {
        /// What stands before the first part.
        open: String,
        /// The parts.
        parts: Vec<Part>,
        /// What stands behind the last.
        close: String,
    },
}

/// A block of a construct.
#[derive(Clone, Debug)]
pub struct Part {
    /// What stands before it.
    pub head: String,
    /// Its statements.
    pub body: Vec<Item>,
    /// Its value.
    pub tail: String,
}

impl Program {
    /// The files, the first of which uses the others: their names and texts.
    pub fn texts(&self) -> Vec<(String, String)> {
        let (called, main) = self.choreographies.split_at(self.choreographies.len().saturating_sub(1));
        let print = |choreographies: &[Choreography]| {
            let mut out = String::new();
            choreographies.iter().for_each(|choreography| choreography.print(&mut out));
            out
        };
        let file = |name: &str, text: String| (name.to_owned(), text);
        let (called, main, prelude) = (print(called), print(main), PRELUDE);
        let files = match self.files {
            1 => vec![file("random.chor", format!("{prelude}{called}{main}"))],
            2 => vec![
                file("random.chor", format!("use \"parts/prelude.chor\";\n{called}{main}")),
                file("parts/prelude.chor", prelude.to_owned()),
            ],
            _ => vec![
                file("random.chor", format!("use \"parts/prelude.chor\"; use \"parts/called.chor\";\n{main}")),
                file("parts/prelude.chor", prelude.to_owned()),
                file("parts/called.chor", format!("use \"prelude.chor\";\n{called}")),
            ],
        };
        if self.is_explicit { explicit(&files).unwrap_or(files) } else { files }
    }

    /// All of its text.
    pub fn text(&self) -> String {
        let texts = self.texts();
        if let [(_, text)] = texts.as_slice() {
            return text.clone();
        }
        texts.iter().map(|(name, text)| format!("// {name}\n{text}")).collect()
    }

    /// The files as the compiler takes them.
    pub fn sources(&self) -> Sources {
        sources(&self.texts())
    }
}

/// Files as the compiler takes them.
pub(super) fn sources(files: &[(String, String)]) -> Sources {
    let text = |path: &str| files.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone());
    let (name, root) = files.first().cloned().unwrap_or_default();
    load(SourceFile::new(name, root), |path| text(path).ok_or_else(|| "there is no such file".to_owned()))
}

impl Program {
    /// Without the choreographies that nobody calls.
    pub fn reachable(mut self) -> Self {
        let texts: Vec<String> = self.choreographies.iter().map(Choreography::text).collect();
        let mut kept = vec![false; texts.len()];
        if let Some(main) = kept.last_mut() {
            *main = true;
        }
        // One that is reached reaches those whose names stand in it.
        for _ in 0..texts.len() {
            for callee in 0..texts.len() {
                let name = &self.choreographies[callee].name;
                let named = |text: &String| {
                    let signs = ["<", ",", ")"].map(|sign| format!("{name}{sign}"));
                    signs.iter().any(|sign| text.contains(sign))
                };
                kept[callee] |= (0..texts.len()).any(|by| by != callee && kept[by] && named(&texts[by]));
            }
        }
        let mut kept = kept.into_iter();
        self.choreographies.retain(|_| kept.next().unwrap_or(true));
        self
    }
}

impl Choreography {
    fn text(&self) -> String {
        let mut out = String::new();
        self.print(&mut out);
        out
    }

    fn print(&self, out: &mut String) {
        let (roles, params) = (self.roles.join(", "), self.params.join(", "));
        let (values, types): (Vec<&str>, Vec<&str>) =
            self.results.iter().map(|(value, ty)| (value.as_str(), ty.as_str())).unzip();
        let result = match types.as_slice() {
            [] => String::new(),
            [only] => format!(" -> {only}"),
            several => format!(" -> ({})", several.join(", ")),
        };
        _ = writeln!(out, "choreography {}<{roles}{}>({params}){result} {{", self.name, self.types);
        print(&self.body, 1, out);
        if let Some(tail) = &self.tail {
            tail.print(1, out);
        } else {
            match values.as_slice() {
                [] => {}
                [only] => _ = writeln!(out, "    {only}"),
                several => _ = writeln!(out, "    ({})", several.join(", ")),
            }
        }
        out.push_str("}\n");
    }
}

impl Item {
    fn print(&self, depth: usize, out: &mut String) {
        let indent = "    ".repeat(depth);
        match self {
            Item::Line(text) => _ = writeln!(out, "{indent}{text}"),
            Item::Block { open, parts, close } => {
                _ = write!(out, "{indent}{open}");
                for part in parts {
                    _ = writeln!(out, "{} {{", part.head);
                    print(&part.body, depth + 1, out);
                    if !part.tail.is_empty() {
                        _ = writeln!(out, "{indent}    {}", part.tail);
                    }
                    _ = write!(out, "{indent}}} ");
                }
                _ = writeln!(out, "{close}");
            }
        }
    }
}

fn print(items: &[Item], depth: usize, out: &mut String) {
    items.iter().for_each(|item| item.print(depth, out));
}
