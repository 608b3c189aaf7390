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
