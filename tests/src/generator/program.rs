//! A program as a tree of text, which can be printed and made smaller.

use std::fmt::Write;

/// The types and the service that all programs have.
pub const PRELUDE: &str = "\
struct Item { count: u32, name: String }
enum Mark { Plain, Scored(u32), Tagged { flag: bool, text: String } }
service S {
    pure fn size(x: u32) -> u32;
    pure fn is_even(x: u32) -> bool;
    fn note(tag: String, x: u32) -> u32;
    fn flip(tag: String) -> bool;
    fn list(tag: String) -> Vec<u32>;
    fn mark(tag: String) -> Mark;
    fn item(tag: String, x: u32) -> Item;
    fn maybe(tag: String) -> Option<u32>;
    fn word(tag: String) -> String;
    fn risky_ask(tag: String) -> bool;
    transaction take(tag: String, x: u32) -> u32 compensate give;
    transaction risky_take(tag: String, x: u32) -> u32 compensate give_back;
    transaction log(tag: String) compensate none;
}
fn total(xs: Vec<u32>) -> u32 {
    let mut sum = 0_u32;
    for x in xs { sum = sum + x % 50; }
    sum
}
fn worth(mark: Mark) -> u32 {
    match mark { Mark::Scored(n) => n, Mark::Tagged { flag, .. } => if flag { 1 } else { 2 }, Mark::Plain => 0 }
}
fn share(a: u32, b: u32) -> u32 { a / b }
fn ready(x: u32) -> bool { let mut n = x % 50; while n > 3 { n = n - 2; } n == 3 }
";

/// A program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its choreographies; `Main` is the last.
    pub choreographies: Vec<Choreography>,
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
    /// The text.
    pub fn text(&self) -> String {
        let mut out = PRELUDE.to_owned();
        for choreography in &self.choreographies {
            choreography.print(&mut out);
        }
        out
    }
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
