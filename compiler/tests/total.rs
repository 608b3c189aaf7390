//! Small programs that could take more time or memory than there is: the compiler ends, and says what is too much.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test may read the clock")]

use std::time::{Duration, Instant};

use chor::diagnostic::Code;
use chor::source::Sources;
use chor::{Options, codegen, compile};

/// Far above what an unoptimized compiler takes on a slow machine, far below what was taken before there were limits.
const TIME_MAX: Duration = Duration::from_secs(20);

/// The codes of what is said of a program, compiled and generated in time.
fn check(what: &str, text: &str) -> Vec<Code> {
    let start = Instant::now();
    let compilation = compile(&Sources::single("total.chor", text), &Options::default());
    if !compilation.has_errors() {
        let _ = codegen::generate(&compilation, None);
    }
    let time = start.elapsed();
    assert!(time < TIME_MAX, "{what}, {} bytes, took {time:?}", text.len());
    let mut codes: Vec<Code> = compilation.diagnostics.iter().map(|diagnostic| diagnostic.code()).collect();
    codes.dedup();
    codes
}

/// `let x1 = (x0, x0);` and so on.
fn pairs(count: usize) -> String {
    (0..count).map(|index| format!("let x{} = (x{index}, x{index});\n", index + 1)).collect()
}

#[test]
fn types_that_double() {
    let text = format!("choreography C<A, B>(x: u64@A) -> u64@B {{ let x0 = x; {} let y = x40 ~> B; 1 }}", pairs(40));
    assert!(check("pairs in a choreography", &text).contains(&Code::E0222));
    let text = format!(
        "fn f(x: u64) -> u64 {{ let x0 = x; {} 1 }} choreography C<A>(x: u64@A) -> u64@A {{ f(x) }}",
        pairs(40)
    );
    assert!(check("pairs in a function", &text).contains(&Code::E0222));
    // Each list is open until the last line says what they are lists of.
    let lists: String = (0..40).map(|index| format!("let mut x{index}: Vec<_>@A = [];\n")).collect();
    let _ = check("lists", &format!("choreography C<A>(x: u64@A) {{ {lists} }}"));
    let open: String = (0..40).map(|index| format!("let x{index} = [];\n")).collect();
    let fill: String =
        (0..39).map(|index| format!("let y{index} = [x{index}, [(x{0}, x{0})]];\n", index + 1)).collect();
    let _ = check("open lists", &format!("choreography C<A>(x: u64@A) {{ {open} {fill} let z = [x39, [x]]; }}"));
}

#[test]
fn calls_in_two_branches() {
    let mut text = "service S { fn f(); }\nchoreography C0<A, B: S>(x: u64@A) { A ~> B; B.f(); }\n".to_owned();
    for index in 1..40 {
        let below = index - 1;
        text += &format!(
            "choreography C{index}<A, B: S>(x: u64@A) {{ if x > {index} {{ C{below}<A, B>(x); }} else {{ C{below}<A, B>(x); \
             C{below}<A, B>(x); }} }}\n"
        );
    }
    let codes = check("calls in two branches", &text);
    assert!(codes.is_empty(), "the compiler puts in who tells the branch: {codes:?}");
}

#[test]
fn recursion_that_permutes_choreographies() {
    let count = 9;
    let names = |prefix: &str| (0..count).map(|index| format!("{prefix}{index}")).collect::<Vec<_>>();
    let mut text: String =
        names("P").iter().map(|name| format!("choreography {name}<A, B>(x: u64@A) -> u64@B {{ x ~> B }}\n")).collect();
    let params: Vec<String> =
        names("f").iter().map(|name| format!("{name}: choreography<X, Y>(u64@X) -> u64@Y")).collect();
    let (mut turned, mut swapped) = (names("f"), names("f"));
    turned.rotate_left(1);
    swapped.swap(0, 1);
    text += &format!(
        "choreography H<A, B>(x: u64@A, {}) -> u64@A {{ if x > 0 {{ let y = H<A, B>(x - 1, {}); let z = H<A, B>(x - 1, {}); \
         y + z }} else {{ f0<A, B>(x) ~> A }} }}\n",
        params.join(", "),
        turned.join(", "),
        swapped.join(", ")
    );
    text += &format!("choreography M<A, B>(x: u64@A) -> u64@A {{ H<A, B>(x, {}) }}", names("P").join(", "));
    assert_eq!(check("permutations", &text), [Code::E0517]);
}

#[test]
fn long_lists() {
    let items = "1, ".repeat(50_000);
    let codes = check("a long list", &format!("choreography C<A>(x: u64@A) -> u64@A {{ let y = [{items}1]; y[0] }}"));
    assert!(codes.is_empty(), "{codes:?}");
}

#[test]
fn names_of_operations_without_a_word_in_them() {
    for name in ["__", "_1", "___2", "_a", "__x__", "a__1"] {
        for kind in
            ["transaction NAME() compensate none;", "fn NAME();", "fn NAME() compensate un_NAME;", "pure fn NAME();"]
        {
            let operation = kind.replace("NAME", name);
            let text = format!("service S {{ {operation} }} choreography C<A: S, B>() {{ A.{name}(); A ~> B; }}");
            let codes = check(name, &text);
            // What nothing undoes comes before a message: that is said, and nothing else.
            assert!(codes.iter().all(|code| *code == Code::W0409), "{operation} {codes:?}");
        }
    }
}

#[test]
fn type_parameters_have_none_of_the_names_that_generated_code_reads_otherwise() {
    for name in [
        "Some", "None", "Ok", "Err", "Ctx", "Svc", "Db", "u64", "str", "String", "Vec", "Option", "Result", "Map",
        "bool",
    ] {
        let text = format!("choreography C<A, B; {name}>(x: {name}@A) -> {name}@B {{ x ~> B }}");
        assert!(check(name, &text).contains(&Code::E0108), "`{name}` as a type parameter");
    }
    assert!(check("T", "choreography C<A, B; T>(x: T@A) -> T@B { x ~> B }").is_empty());
}

#[test]
fn fields_of_variants_have_none_of_the_names_of_constructors() {
    for name in ["Some", "None", "Ok", "Err"] {
        let program = |item: &str| format!("{item} choreography C<A, B>(x: T@A) -> T@B {{ x ~> B }}");
        let in_variant = program(&format!("enum T {{ One {{ {name}: u64 }}, Two }}"));
        assert_eq!(check(name, &in_variant), [Code::E0108], "`{name}` in a variant");
        // The Rust that is derived for a struct has no such variables.
        assert!(check(name, &program(&format!("struct T {{ {name}: u64 }}"))).is_empty(), "`{name}` in a struct");
    }
    assert!(check("one", "enum T { One { some: u64 } } choreography C<A, B>(x: T@A) -> T@B { x ~> B }").is_empty());
}
