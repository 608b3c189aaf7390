//! Large and deep programs: time grows with size, the stack does not overflow, and nothing panics.
#![allow(clippy::unwrap_used, reason = "a test")]

use chor::source::Sources;

/// Compiles and generates; the messages of what is wrong.
fn compile(text: String) -> Vec<String> {
    let compilation = chor::compile(&Sources::single("size.chor", text), &chor::Options::default());
    let _ = chor::codegen::generate(&compilation, None);
    let _ = chor::codegen::skeleton(&compilation, None);
    compilation.diagnostics.iter().map(|diagnostic| diagnostic.prose().message).collect()
}

const HEAD: &str = "service S { fn act(label: String); }\nchoreography Large<A: S, B: S>(p: bool@A) {\n";

#[test]
fn a_long_body() {
    let body: String = (0..4000)
        .map(|index| format!("let v{index} = p;\nA ~> B;\nif p {{ A ~> B; B.act(\"yes\"); }} else {{ A ~> B; }}\n"))
        .collect();
    assert_eq!(compile(format!("{HEAD}{body}}}")), Vec::<String>::new());
}

/// A choreography of so many roles, `R0` and so on.
fn among(count: usize, body: &str) -> String {
    let roles: Vec<String> = (0..count).map(|role| format!("R{role}: S")).collect();
    format!("service S {{ fn act(label: String); }}\nchoreography Large<{}>(p: bool@R0) {{\n{body}}}", roles.join(", "))
}

/// What the one choreography of a program without mistakes is to its roles.
fn projection(text: String) -> chor::lir::Projection {
    let mut compilation = chor::compile(&Sources::single("size.chor", text), &chor::Options::default());
    assert_eq!(compilation.diagnostics, []);
    let _ = chor::codegen::generate(&compilation, None);
    compilation.projections.pop().unwrap()
}

#[test]
fn many_roles() {
    let count = 3000;
    let next = |role: usize| (role + 1) % count;
    let body: String = (0..count)
        .map(|role| format!("R{role} ~> R{next};\nsaga {{ R{role}.act(\"a\"); }} else {{ }}\n", next = next(role)))
        .collect();
    let projection = projection(among(count, &body));
    // Each sends, receives, and has a scope of its own.
    assert!(projection.programs.iter().all(|program| program.body.stmts.len() == 3));
}

#[test]
fn a_choice_that_many_learn_of() {
    let count = 3000;
    let acts: String = (1..count).map(|role| format!("R{role}.act(\"a\");\n")).collect();
    let told = projection(among(count, &format!("if p {{ {acts} }} else {{ }}")));
    let selections: Vec<usize> = told.selections.values().map(Vec::len).collect();
    assert_eq!(selections, [count - 1, count - 1]);
    // Here each learns from the one before it, but for the last branch, in which nothing is sent.
    let chain: String = (1..count).map(|role| format!("R{} ~> R{role};\n", role - 1)).collect();
    let learnt = projection(among(count, &format!("if p {{ {chain} }} else {{ }}")));
    let selections: Vec<usize> = learnt.selections.values().map(Vec::len).collect();
    assert_eq!(selections, [count - 1]);
}

#[test]
fn many_values_of_choices_among_many_roles() {
    let count = 1500;
    let body: String = (0..count)
        .map(|role| format!("let v{role} = if p {{ 1 }} else {{ 2 }};\nR{role} ~> R{};\n", (role + 1) % count))
        .collect();
    let programs = projection(among(count, &body)).programs;
    assert!(programs.iter().skip(1).all(|program| program.body.stmts.len() == 2));
}

#[test]
fn many_calls() {
    let text = "choreography Called<A, B>() {\n".to_owned() + &"A ~> B;\n".repeat(3000) + "}\n";
    let main = "choreography Large<A, B>() {\n".to_owned() + &"Called<A, B>();\n".repeat(3000) + "}";
    assert!(projection(text + &main).programs.iter().all(|program| program.body.stmts.len() == 3000));
}

#[test]
fn many_mistakes_on_a_line() {
    let body: String = (0..20_000).map(|number| format!("u{number:06} ~> B; ")).collect();
    let text = format!("{HEAD}{body}}}");
    let compilation = chor::compile(&Sources::single("size.chor", text), &chor::Options::default());
    let mistakes = &compilation.diagnostics;
    assert_eq!(mistakes.len(), 20_000);
    for (number, diagnostic) in mistakes.iter().enumerate() {
        let short = chor::diagnostic::render::short(diagnostic, &compilation.sources);
        assert!(short.starts_with(&format!("size.chor:3:{}: ", number * 14 + 1)), "{short}");
    }
}

#[test]
fn many_types() {
    let types: String = (0..5000).map(|index| format!("struct T{index} {{ next: Vec<T{}> }}\n", index + 1)).collect();
    let enums: String = (0..2000).map(|index| format!("E{index}, ")).collect();
    assert_eq!(compile(format!("{types}struct T5000 {{ x: u8 }}\nenum E {{ {enums} }}")), Vec::<String>::new());
}

#[test]
fn deep_choices() {
    let depth = 50;
    let text =
        format!("{HEAD}{}B.act(\"in\");{}}}", "if p { ".repeat(depth), "} else { A.act(\"out\"); }".repeat(depth));
    assert_eq!(compile(text), Vec::<String>::new());
}

#[test]
fn too_deep() {
    for (open, close) in [("if p { ", "}"), ("{ ", "}"), ("(", ")"), ("Some(", ")"), ("!", ""), ("-", "")] {
        let text = format!("{HEAD}let x = {}p{};}}", open.repeat(3000), close.repeat(3000));
        assert!(!compile(text).is_empty());
    }
    let _ = compile(format!("{HEAD}let x = 1{};}}", " + 1".repeat(5000)));
    let _ = compile(format!("{HEAD}let x = p{};}}", ".y".repeat(5000)));
    let _ = compile(format!("{HEAD}p{};}}", " ~> A".repeat(5000)));
}
