//! The parser and the printer on whole programs, and on broken ones.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use chor::diagnostic::{Diagnostics, render};
use chor::source::Sources;
use chor::syntax::{ast, parse, print};

const PROGRAMS: [(&str, &str); 2] =
    [("orders.chor", include_str!("programs/orders.chor")), ("surface.chor", include_str!("programs/surface.chor"))];

fn parsed(name: &str, text: &str) -> (ast::File, Vec<String>) {
    let sources = Sources::single(name, text);
    let mut diagnostics = Diagnostics::new();
    let mut files = parse(&sources, &mut diagnostics);
    let found = diagnostics.finish().iter().map(|diagnostic| render::short(diagnostic, &sources)).collect();
    (files.pop().expect("one source gives one tree"), found)
}

/// The tree without the places of its nodes.
fn shape(file: &ast::File) -> String {
    let tree = format!("{file:?}");
    let mut parts = tree.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shape, part| shape + part.split_once('}').expect("a span ends").1)
}

#[test]
fn programs_print_to_text_that_parses_to_the_same_tree() {
    for (name, text) in PROGRAMS {
        let (tree, found) = parsed(name, text);
        assert_eq!(found, Vec::<String>::new(), "{name}");
        let printed = print::print(&tree);
        let (again, found) = parsed(name, &printed);
        assert_eq!(found, Vec::<String>::new(), "printed {name}:\n{printed}");
        assert!(shape(&again) == shape(&tree), "printed {name} has another tree:\n{printed}");
        assert_eq!(print::print(&again), printed);
    }
}

/// What the parser says of a text: `line:column: error[code]: message` each.
fn check(text: &str, expected: &[&str]) {
    let (_, found) = parsed("a", text);
    let found: Vec<&str> = found.iter().map(|line| line.trim_start_matches("a:")).collect();
    assert_eq!(found, expected, "of {text:.200}");
}

#[test]
fn common_slips_are_named() {
    let check = |body: &str, expected: &[&str]| check(&format!("fn f() {{\n{body}\n}}"), expected);
    check("let a = 1\nlet b = 2;", &["2:10: error[E0008]: missing `;`"]);
    check("f(a)\ng(b);", &["2:5: error[E0008]: missing `;`"]);
    check("let a = 1", &["2:10: error[E0008]: missing `;`"]);
    check("a -> B;", &["2:3: error[E0010]: `->` where `~>` is meant"]);
    check("select A -> B;", &["2:10: error[E0010]: `->` where `~>` is meant"]);
    check("if a = b {}", &["2:6: error[E0010]: `=` where `==` is meant"]);
    check("while a = b {}", &["2:9: error[E0010]: `=` where `==` is meant"]);
    check("require a = b, \"c\";", &["2:11: error[E0010]: `=` where `==` is meant"]);
    check("let a == b;", &["2:7: error[E0010]: `==` where `=` is meant"]);
    check("match a { b -> c }", &["2:13: error[E0010]: `->` where `=>` is meant"]);
    check("return 1;", &["2:1: error[E0009]: `return` is not in the language"]);
    check(
        "while a { break; continue; }",
        &[
            "2:11: error[E0009]: `break` is not in the language",
            "2:18: error[E0009]: `continue` is not in the language",
        ],
    );
    check("let a = b?;", &["2:10: error[E0009]: `?` is not in the language"]);
    check("a += 1;", &["2:3: error[E0009]: `+=` is not in the language"]);
    check("let a = |b| b;", &["2:9: error[E0009]: `|` is not in the language"]);
    check("let service = 1;", &["2:5: error[E0011]: `service` is a keyword"]);
    check("let a = b < c < d;", &["2:15: error[E0012]: comparisons cannot be chained"]);
    check("let a = (b < c) == d;", &[]);
    check("let a: u8@ = 1;", &["2:12: error[E0007]: `=` does not belong here"]);
    check("let a = ;", &["2:9: error[E0007]: `;` does not belong here"]);
    check("/// a\nlet b = 1;", &["2:1: warning[W0001]: this comment documents nothing"]);
}

#[test]
fn one_run_reports_all_independent_errors() {
    let text = "struct A { b u8 }
service C {
    fn d() -> ;
    fn e()
    fn f();
}
choreography G<H>(i: u8) {
    let a = ;
    let b = c d;
    if e { let f = ; } else { g h }
    match i { j => k l, m => ; n => o }
}
nonsense here;
fn p() { q(r s, t)
    }
";
    check(
        text,
        &[
            "1:14: error[E0007]: `u8` does not belong here",
            "3:15: error[E0007]: `;` does not belong here",
            "4:11: error[E0008]: missing `;`",
            "7:24: error[E0007]: `)` does not belong here",
            "8:13: error[E0007]: `;` does not belong here",
            "9:14: error[E0008]: missing `;`",
            "10:20: error[E0007]: `;` does not belong here",
            "10:32: error[E0008]: missing `;`",
            "11:22: error[E0007]: `l` does not belong here",
            "11:30: error[E0007]: `;` does not belong here",
            "13:1: error[E0007]: `nonsense` does not belong here",
            "14:14: error[E0007]: `s` does not belong here",
        ],
    );
}

/// A generator of random numbers that needs no clock (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound as u64)).expect("below a usize")
    }
}

/// Every text gives a tree, diagnostics with places within the text, and a rendering.
fn survives(text: &str) {
    let sources = Sources::single("a", text);
    let mut diagnostics = Diagnostics::new();
    let files = parse(&sources, &mut diagnostics);
    let renderer = render::Renderer::new(&sources, render::Colour::Off);
    for diagnostic in diagnostics.finish() {
        let span = diagnostic.span();
        assert!(span.start <= span.end && span.end as usize <= text.len(), "{diagnostic:?} of {text:?}");
        assert!(!renderer.block(&diagnostic).is_empty());
    }
    print::print(&files.into_iter().next().unwrap_or_default());
}

#[test]
fn random_text_never_panics() {
    const ROUND_COUNT: u64 = 500;
    const PIECES: [&str; 62] = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "<",
        ">",
        ",",
        ";",
        ":",
        "::",
        ".",
        "..",
        "@",
        "#",
        "~>",
        "->",
        "=>",
        "=",
        "==",
        "+",
        "-",
        "!",
        "&&",
        "||",
        "?",
        "_",
        "a",
        "B",
        "1",
        "1.5",
        "2s",
        "\"s\"",
        "'c'",
        "\"",
        "'",
        "/*",
        "*/",
        "//",
        "///",
        "\n",
        " ",
        "if",
        "else",
        "match",
        "while",
        "for",
        "in",
        "each",
        "par",
        "and",
        "saga",
        "within",
        "let",
        "fn",
        "choreography",
        "service",
        "transaction",
        "compensate",
        "é",
        "\u{1F3B5}",
    ];
    for seed in 1..=ROUND_COUNT {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let count = random.below(60);
        let words: Vec<&str> = (0..count).map(|_| PIECES[random.below(PIECES.len())]).collect();
        let separator = ["", " "][random.below(2)];
        survives(&format!("fn f() {{ {} }}", words.join(separator)));
        survives(&words.join(separator));
        let bytes: Vec<u8> = (0..count).map(|_| random.below(256) as u8).collect();
        survives(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn mutated_programs_never_panic() {
    const ROUND_COUNT: u64 = 300;
    for seed in 1..=ROUND_COUNT {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (_, program) = PROGRAMS[random.below(PROGRAMS.len())];
        let mut characters: Vec<char> = program.chars().collect();
        for _ in 0..=random.below(5) {
            let at = random.below(characters.len());
            let until = (at + random.below(12)).min(characters.len());
            let from = random.below(characters.len() - 8);
            match random.below(4) {
                0 => drop(characters.drain(at..until)),
                1 => characters.insert(at, ['(', '}', '{', '"', '~', '<', ';', '\''][random.below(8)]),
                2 => drop(characters.splice(at..at, characters[from..from + 8].to_vec())),
                _ => characters.truncate(characters.len() - random.below(characters.len() / 8)),
            }
        }
        survives(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn deep_nesting_is_an_error_or_fits_the_stack() {
    let nested = |open: &str, inner: &str, close: &str, count: usize| {
        format!("fn f() -> u32 {{ {}{inner}{} }}", open.repeat(count), close.repeat(count))
    };
    let shapes = [
        ("(", "1", ")"),
        ("[", "1", "]"),
        ("{", "1", "}"),
        ("f(", "1", ")"),
        ("if a { ", "1", " }"),
        ("if if { ", "1", " }"),
        ("if a {} else ", "{}", ""),
        ("match a { b => ", "1", " }"),
        ("X { a: ", "1", " }"),
        ("x<A>(", "1", ")"),
        ("x<A; Vec<", "u8", ">>(1)"),
        ("saga { a; } else { ", "b", " }"),
        ("each w in W { ", "1", " }"),
        ("!", "1", ""),
        ("-", "1", ""),
        ("1 + ", "1", ""),
        ("a || b && c == d + e * ", "f", ""),
        ("a", "", ".b"),
        ("a", "", " ~> B"),
        ("let (", "a", ") = b;"),
        ("a = { ", "b;", "};"),
        ("(a b ", "1", ")"),
    ];
    for (open, inner, close) in shapes {
        for count in [20, 31, 42, 62, 126, 20_000] {
            let text = nested(open, inner, close, count);
            let (tree, found) = parsed("a", &text);
            drop(tree.clone());
            assert!(!found.is_empty() || count < 20_000, "{open:?} {count} times is read");
        }
    }
}
