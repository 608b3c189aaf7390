//! The form of files: it means the same, says the same in comments, and is its own form.
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod mutate;

use chor::diagnostic::{Diagnostics, render};
use chor::format::format;
use chor::source::Sources;
use chor::span::FileId;
use chor::syntax::lexer::lex;
use chor::syntax::parse;
use mutate::{Random, programs, with_other_trivia};

/// The form of a text, or what is wrong with it.
fn formatted(text: &str) -> Result<String, Vec<String>> {
    let mut diagnostics = Diagnostics::new();
    format("a", text, &mut diagnostics).ok_or_else(|| {
        let sources = Sources::single("a", text);
        diagnostics.finish().iter().map(|diagnostic| render::short(diagnostic, &sources)).collect()
    })
}

/// The tree without the places of its nodes.
fn shape(text: &str) -> String {
    let mut diagnostics = Diagnostics::new();
    let tree = format!("{:?}", parse(&Sources::single("a", text), &mut diagnostics));
    let mut parts = tree.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shape, part| shape + part.split_once('}').expect("a span ends").1)
}

/// The comments, whatever their lines end in.
fn comments(text: &str) -> Vec<String> {
    let lexed = lex(FileId(0), text, &mut Diagnostics::new());
    let comment =
        |span: &chor::span::Span| text[span.start as usize..span.end as usize].trim_end().replace("\r\n", "\n");
    lexed.comments.iter().map(comment).collect()
}

/// Holds the form of a text to what it promises.
fn check_promises(text: &str, what: &str) {
    let Ok(once) = formatted(text) else { return };
    let twice = formatted(&once).unwrap_or_else(|found| panic!("{what}: {found:?}\nof\n{once}\nfrom\n{text}"));
    if once != twice {
        let at = once.lines().zip(twice.lines()).take_while(|(one, two)| one == two).count().saturating_sub(2);
        let part = |text: &str| text.lines().skip(at).take(6).collect::<Vec<_>>().join("\n");
        panic!("{what}: the form\n{}\nhas the form\n{}\nof\n{text}", part(&once), part(&twice));
    }
    assert!(shape(text) == shape(&once), "{what}: the form of\n{text}\nmeans something else:\n{once}");
    assert_eq!(comments(text), comments(&once), "{what}: comments of\n{text}\nin\n{once}");
    assert!(
        once.lines().all(|line| once.contains("/*")
            || once.contains("\\\n")
            || once.contains("\\\r\n")
            || line == line.trim_end()),
        "{once}"
    );
}

#[test]
fn the_form_of_each_program_means_and_says_the_same() {
    for (path, text) in programs() {
        check_promises(&text, &path);
    }
}

#[test]
fn comments_and_new_lines_may_stand_anywhere() {
    const ROUND_COUNT: u64 = 20;
    let mut formatted_count = 0;
    for seed in 0..ROUND_COUNT {
        let mut random = Random::new(seed);
        for (path, text) in programs() {
            let text = with_other_trivia(&text, &mut random);
            check_promises(&text, &format!("{path} with seed {seed}"));
            formatted_count += usize::from(formatted(&text).is_ok());
        }
    }
    assert!(formatted_count > 200, "{formatted_count}");
}

/// Holds the compiler to the form of a text. A text whose form is itself says so by leaving it out.
fn check(text: &str, expected: &str) {
    let expected = if expected.is_empty() { text } else { expected };
    assert_eq!(formatted(text).as_deref(), Ok(expected), "of\n{text}");
    check_promises(text, "this");
}

fn check_body(body: &str, expected: &str) {
    let within = |body: &str| {
        let lines = body.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("    {line}\n") });
        format!("fn f() {{\n{}}}\n", lines.collect::<String>())
    };
    check(&within(body), &within(if expected.is_empty() { body } else { expected }));
}

#[test]
fn blanks_and_lines_are_by_rule() {
    check("", "");
    check("\n\n// alone", "// alone\n");
    check(
        "\u{feff}#![explicit]use\"a.chor\";\r\n\r\n\r\nstruct A{a:u8,b:Vec<(u8,)>,}",
        "#![explicit]\nuse \"a.chor\";\n\nstruct A { a: u8, b: Vec<(u8,)> }\n",
    );
    check("struct A {\n    a: u8,\n}\nstruct B { a: u8 }\nenum C { D, E(u8), F { a: u8 } }\n", "");
    check("service S { fn a(); }\nservice T {\n    fn a();\n    fn b();\n}\n", "");
    check(
        "extern  type a :: B : Eq{c:u8}extern fn d::e( )->u8 ;",
        "extern type a::B: Eq { c: u8 }\nextern fn d::e() -> u8;\n",
    );
    check_body("let x=- 1+f(a , b)[ 1 .. ]@A~>{B , C}within 2s;", "let x = -1 + f(a, b)[1..]@A ~> {B, C} within 2s;");
    check_body("x = (1, (2), (3,), 1 .0, 1e21 .255, 1.5 .0, a.0.1, 1..2);", "");
    check_body("if a{b}else{c}\nwhile d{\ne;}", "if a { b } else { c }\nwhile d {\n    e;\n}");
    check_body("match a { 1=>{b},2=>c ~> B }", "match a {\n    1 => { b }\n    2 => c ~> B,\n}");
    check_body("a;\n\n\n\nb;\n\n", "a;\n\nb;");
}

#[test]
fn long_lines_break_where_they_should() {
    let long = "a_name_of_thirty_characters_xx";
    check_body(
        &format!("{long}({long}, {long}, {long});"),
        &format!("{long}(\n    {long},\n    {long},\n    {long},\n);"),
    );
    check_body(
        &format!("let x = {long} + {long} * 2 ~> {long} ~> B;"),
        &format!("let x = {long} + {long} * 2\n    ~> {long}\n    ~> B;"),
    );
    check_body(&format!("{long}.{long}(1).{long}(2).c;"), &format!("{long}\n    .{long}(1)\n    .{long}(2).c;"));
    check_body(&format!("R {{ {long}, b: {long}, ..d }}"), &format!("R {{ {long}, b: {long}, ..d }}"));
    check_body(
        &format!("R {{ {long}, b: {long}, c: {long}, ..d }}"),
        &format!("R {{\n    {long},\n    b: {long},\n    c: {long},\n    ..d\n}}"),
    );
    check_body(
        &format!("match a {{ A::B {{ c }} => if {long} {{ {long} }} else {{ {long}.min(1) }} }}"),
        &format!(
            "match a {{\n    A::B {{ c }} => if {long} {{\n        {long}\n    }} else {{\n        {long}.min(1)\n    }},\n}}"
        ),
    );
    check(
        &format!("choreography C<A, B>(x: {long}@A, y: {long}@A) -> ({long}@A, u8@B) {{}}\n"),
        &format!("choreography C<A, B>(\n    x: {long}@A,\n    y: {long}@A,\n) -> ({long}@A, u8@B) {{}}\n"),
    );
}

#[test]
fn comments_stay_where_they_are() {
    check("struct A { // why\n    a: u8, // a\n    // b\n\n    /* c */ b: u8, // d\n    // e\n}\n", "");
    check("struct A { a: u8 // a\n, b: u8 /* b */ }", "struct A {\n    a: u8, // a\n    b: u8, /* b */\n}\n");
    check("//! File.\n\n/// Doc.\nfn f() {\n    // nothing\n}\nfn g(/* none */) { /* nothing */ }\n", "");
    check_body("f(\n    // first\n    a,\n    b, // second\n);", "");
    check_body("f(a, /* b */ c);\na /* d */ + b;\na; // e\n// f\n\n// g\nb", "");
    check_body(
        "if a {\n    b\n} // c\nelse {\n    // d\n}\npar { a } /* e */ and { b }",
        "if a {\n    b\n} // c\nelse {\n    // d\n}\npar { a } /* e */ and { b }",
    );
    check_body("let x = // why\n    y;", "let x = // why\ny;");
}

/// A program in which an end of line is a part of comments and of a string.
const LINES: &str = "/* one\n   two */\nservice Bank { fn pay(name: String) -> u64; } // three\n\n/// four\nchoreography Buy<Shop, \
                     Bank>(x: u64@Shop) -> u64@Shop {\n    let who = (\"a \\\n        b\", x) ~> Bank; /* five\n six */\n    \
                     Bank.pay(who.0) ~> Shop\n}\n";

#[test]
fn every_line_ends_in_a_line_feed() {
    let by_two = |text: &str| text.replace('\n', "\r\n");
    let once = formatted(LINES).expect("it is a program");
    assert!(!once.contains('\r') && once.contains("\"a \\\n"), "{once}");
    assert_eq!(formatted(&by_two(LINES)).as_ref(), Ok(&once), "a file of Windows has the same form");
    for kept in 0..2 {
        let line = |(number, line): (usize, &str)| if number % 2 == kept { line.to_owned() } else { by_two(line) };
        let mixed: String = LINES.split_inclusive('\n').enumerate().map(line).collect();
        assert_eq!(formatted(&mixed).as_ref(), Ok(&once), "so has a mixture");
    }
    // A `\r` by itself ends no line: it is a blank between tokens, and stays where it is a part of a comment.
    assert_eq!(formatted("/* a\rb */\rstruct A { b: u8 }\r").as_deref(), Ok("/* a\rb */ struct A { b: u8 }\n"));
}

#[test]
fn what_has_errors_has_no_form() {
    assert_eq!(
        formatted("fn f() { let a = ; }"),
        Err(vec!["a:1:18: error[E0007]: `;` does not belong here".to_owned()])
    );
    assert_eq!(formatted("fn f() {}\n/// dangles").as_deref(), Ok("fn f() {}\n/// dangles\n"));
}

#[test]
fn a_comparison_before_a_block_is_no_call() {
    let text = "fn f(below: usize, a: usize) -> bool {\n    let mut i: usize = 0;\n    while i < below {\n        a > (i);\n        i = i + 1;\n    }\n    true\n}\n";
    let mut diagnostics = chor::diagnostic::Diagnostics::new();
    assert_eq!(chor::format::format("f.chor", text, &mut diagnostics).as_deref(), Some(text));
}
