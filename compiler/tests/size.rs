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
