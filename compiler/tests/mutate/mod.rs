//! Programs of the repository, and random changes to them. Everything follows from a seed.
#![allow(dead_code, reason = "each test that includes this uses a part of it")]
#![allow(clippy::disallowed_methods, clippy::indexing_slicing, reason = "a test reads files and may panic")]

use std::path::Path;

use chor::diagnostic::Diagnostics;
use chor::span::FileId;
use chor::syntax::lexer::lex;

/// A generator of random numbers that needs no clock (xorshift).
pub struct Random(u64);

impl Random {
    /// The numbers of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below the bound, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).expect("below a usize")
    }

    /// Whether something happens that happens once in `rarity` times.
    pub fn once_in(&mut self, rarity: usize) -> bool {
        self.below(rarity) == 0
    }

    /// One of these.
    pub fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// Every `.chor` file of the repository: its path and text.
pub fn programs() -> Vec<(String, String)> {
    let mut programs = Vec::new();
    let mut directories = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..")];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).expect("the repository can be read").flatten() {
            let path = entry.path();
            if path.is_dir() && entry.file_name() != "target" && entry.file_name() != ".git" {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "chor") {
                let text = std::fs::read_to_string(&path).expect("programs are text");
                programs.push((path.display().to_string(), text));
            }
        }
    }
    assert!(programs.len() > 50, "the programs are found");
    programs.sort();
    programs
}

/// The tokens of a text, each with what stands before it; at last what stands at the end.
pub fn tokens(text: &str) -> (Vec<(&str, &str)>, &str) {
    let lexed = lex(FileId(0), text, &mut Diagnostics::new());
    let mut at = 0;
    let mut tokens = Vec::new();
    for (_, span) in lexed.tokens {
        let (start, end) = (span.start as usize, span.end as usize);
        tokens.push((&text[at..start], &text[start..end]));
        at = end;
    }
    (tokens, &text[at..])
}

/// The text with other blanks, new lines and comments between its tokens.
pub fn with_other_trivia(text: &str, random: &mut Random) -> String {
    const TRIVIA: [&str; 12] = [
        " ",
        "\n",
        "\n\n\n",
        "\t\r\n",
        " // to the end\n",
        "\n    // on a line\n",
        "/* short */",
        " /* a */ /* b */ ",
        "\n/* alone */\n",
        " /* on two\n   lines */ ",
        "// one\n// two\n\n// three\n",
        "/* then */ // more\n",
    ];
    let rarity = [2, 5, 20, 80][random.below(4)];
    let (tokens, end) = tokens(text);
    let mut changed = String::new();
    let mut last = "";
    for (before, token) in tokens {
        let has_comment = before.contains('/') || last.starts_with("///");
        let keeps = has_comment || changed.is_empty() || !random.once_in(rarity);
        changed.push_str(if keeps || before.is_empty() { before } else { " " });
        // A number behind a dot is read by what stands before it.
        if last != "." && random.once_in(rarity) {
            let trivia = random.pick(&TRIVIA);
            changed.push_str(if last.starts_with("///") { "\n" } else { trivia });
        }
        changed.push_str(token);
        last = token;
    }
    changed + end
}

/// A program made of others by cutting, doubling, swapping, joining and exchanging their tokens; or none at all.
pub fn mutated(programs: &[(String, String)], random: &mut Random) -> String {
    let text = |random: &mut Random| programs[random.below(programs.len())].1.clone();
    let mut text_now = text(random);
    match random.below(12) {
        0 => return noise(random),
        1 => return nested(random),
        2 => text_now = with_other_trivia(&text_now, random),
        3 => {
            let other = text(random);
            let (one, two) = (cut(&text_now, random), cut(&other, random));
            text_now = format!("{}{}", &text_now[..one], &other[two..]);
        }
        _ => {}
    }
    for _ in 0..=random.below(6) {
        text_now = mutate_tokens(&text_now, &text(random), random);
    }
    text_now
}

/// A place between two characters.
fn cut(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutate_tokens(text: &str, other: &str, random: &mut Random) -> String {
    const WORDS: [&str; 30] = [
        "~>",
        "@",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        ";",
        ",",
        ".",
        "..",
        "=",
        "==",
        "-",
        "!",
        "&&",
        "mut ",
        "par ",
        "each ",
        "saga ",
        "select ",
        "abort ",
        "if ",
        "else ",
        "match ",
        " within 2s",
        "/**/",
    ];
    const LITERALS: [&str; 12] = [
        "0",
        "18446744073709551615",
        "340282366920938463463374607431768211456",
        "1e308",
        "1e999",
        "0xffff_ffff_u8",
        "99999999999d",
        "\"\\u{10ffff}\"",
        "'\\u{0}'",
        "\"ä\\\n  ö\"",
        "\u{1F3B5}",
        "r#fn",
    ];
    let (tokens, end) = tokens(text);
    let mut pieces: Vec<String> = tokens.iter().map(|(before, token)| format!("{before}{token}")).collect();
    if pieces.is_empty() {
        return other.to_owned();
    }
    let at = random.below(pieces.len());
    let length_max = if random.once_in(4) { 40 } else { 3 };
    let length = 1 + random.below(length_max);
    let until = (at + length).min(pieces.len());
    let to = random.below(pieces.len());
    match random.below(8) {
        0 => drop(pieces.drain(at..until)),
        1 => drop(pieces.splice(to..to, pieces[at..until].to_vec())),
        2 => pieces.swap(at, to),
        3 => pieces.insert(at, random.pick(&WORDS).to_owned()),
        4 => pieces[at] = format!(" {}", random.pick(&LITERALS)),
        5 => pieces[at] = format!(" {}", random.pick(&WORDS)),
        6 => pieces[at] = pieces[to].clone(),
        _ => {
            let (tokens, _) = self::tokens(other);
            let from = random.below(tokens.len().max(1));
            let taken = tokens.iter().skip(from).take(length).map(|(before, token)| format!("{before}{token}"));
            pieces.splice(at..until, taken);
        }
    }
    pieces.concat() + end
}

/// Bytes, not of the language.
fn noise(random: &mut Random) -> String {
    let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.below(256) as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What opens and closes each construct that nests.
pub const NESTING: [(&str, &str, &str); 34] = [
    ("{ ", "x", " }"),
    ("(", "x", ")"),
    ("(", "x", ",)"),
    ("[", "x", "]"),
    ("Some(", "x", ")"),
    ("x.min(", "x", ")"),
    ("x[", "0", "]"),
    ("R { a: ", "x", " }"),
    ("C<A>(", "x", ")"),
    ("-", "x", ""),
    ("!", "x", ""),
    ("x + ", "x", ""),
    ("x * ", "x", ""),
    ("x && ", "x", ""),
    ("x == ", "x", ""),
    ("x .. ", "x", ""),
    ("", "x", " + x"),
    ("", "x", ".min(x)"),
    ("", "x", ".0"),
    ("", "x", "[0]"),
    ("", "x", "@A"),
    ("", "x", " ~> B"),
    ("if x { ", "x", " } else { x }"),
    ("if x { x } else ", "{ x }", ""),
    ("if ", "x", " { x } else { x }"),
    ("match x { _ => ", "x", " }"),
    ("match ", "x", " { _ => x }"),
    ("while x { ", "x;", " }"),
    ("for y in x { ", "x;", " }"),
    ("each w in W { ", "x", " }"),
    ("par { ", "x", " } and { x }"),
    ("saga { ", "x", " } else { x }"),
    ("saga { x } else why { ", "x", " }"),
    ("{ let (", "y", ",) = x; }"),
];

/// The construct so many times within itself.
pub fn nest((open, inner, close): (&str, &str, &str), count: usize) -> String {
    let value = format!("{}{inner}{}", open.repeat(count), close.repeat(count));
    format!("struct R {{ a: u64 }}\nchoreography C<A, B, W[]>(x: u64@A) -> u64@A {{\n    {value}\n}}\n")
}

fn nested(random: &mut Random) -> String {
    let count = [3, 15, 25, 31, 40, 62, 127, 500][random.below(8)];
    nest(NESTING[random.below(NESTING.len())], count)
}
