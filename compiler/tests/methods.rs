//! The built-in methods: `grammar.md` lists each of them with its types.
#![allow(clippy::disallowed_methods, reason = "a test may read and write the reference")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use chor::hir::builtin::Builtin;
use chor::hir::builtin::table::{Form, TABLE};
use chor::source::Sources;

const BEGIN: &str = "<!-- the table of methods: BLESS=1 cargo test -p chor --test methods -->\n";
const END: &str = "<!-- the end of the table -->\n";

/// The table as `grammar.md` has it.
fn table() -> String {
    let mut text = "\n| receiver | methods |\n| --- | --- |\n".to_owned();
    for group in TABLE.iter().filter(|group| group.form != Form::Operator) {
        let methods = group.methods.iter().map(|method| {
            let prefix = if group.form == Form::Function { "Map::" } else { "" };
            let fails = method.fails.map(|why| format!(" (aborts where it {why})")).unwrap_or_default();
            let grows = if method.grows { " (grows)" } else { "" };
            format!("`{prefix}{}`{fails}{grows}", method.signature)
        });
        let _ = writeln!(text, "| `{}` | {} |", group.receiver, methods.collect::<Vec<_>>().join(", "));
    }
    text.push('\n');
    text
}

#[test]
fn the_reference_lists_every_method() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../grammar.md");
    let page = fs::read_to_string(&path).expect("the reference is there");
    let (head, rest) = page.split_once(BEGIN).expect("the table's begin is marked");
    let (listed, tail) = rest.split_once(END).expect("the table's end is marked");
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, format!("{head}{BEGIN}{}{END}{tail}", table())).expect("the reference can be written");
    } else {
        assert!(listed == table(), "grammar.md does not list the methods as they are:\n{}", table());
    }
}

#[test]
fn methods_of_one_receiver_have_different_names() {
    for group in TABLE {
        let mut names: Vec<&str> = group.methods.iter().map(|method| method.read().name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count, "{}", group.receiver);
    }
}

#[test]
fn every_template_is_rust() {
    for form in [Form::Method, Form::Function, Form::Operator] {
        for builtin in Builtin::all(form) {
            let rust = builtin.method().rust;
            assert!(rust.parse::<proc_macro2::TokenStream>().is_ok(), "{rust}");
        }
    }
}

#[test]
fn a_method_that_the_type_does_not_have_is_refused() {
    let check = |call: &str, ty: &str, said: &str| {
        let text = format!("choreography P<A>(x: {ty}@A) {{ {call}; }}");
        let compilation = chor::compile(&Sources::single("program.chor", text.as_str()), &chor::Options::default());
        let words: Vec<String> = compilation.diagnostics.iter().map(|diagnostic| diagnostic.prose().message).collect();
        assert_eq!(words, [said], "{text}");
    };
    check("x.join(\", \")", "Vec<u64>", "`Vec<u64>` has no method `join`");
    check("x.sum()", "Vec<String>", "`Vec<String>` has no method `sum`");
    check("x.abs()", "u8", "`u8` has no method `abs`");
    check("x.sorted()", "Vec<f64>", "`f64` has no `Ord`");
    check("x.get(1)", "Map<String, u8>", "expected `String`, found an integer");
    check("x.or(Some(true))", "Option<u8>", "expected `Option<u8>`, found `Option<bool>`");
}
