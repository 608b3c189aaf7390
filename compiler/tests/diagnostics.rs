//! What is said about wrong programs: each expected line is `line:column code message`.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write;

use chor::diagnostic::Code;
use chor::source::Sources;

fn check(text: &str, expected: &str) {
    let sources = Sources::single("t.chor", text);
    let compilation = chor::compile(&sources, &chor::Options::default());
    let mut found = String::new();
    for diagnostic in &compilation.diagnostics {
        let prose = diagnostic.prose();
        let place = sources.location(prose.primary.span);
        let place = place.trim_start_matches("t.chor:");
        let help = prose.help.map(|help| format!(" | {help}")).unwrap_or_default();
        writeln!(found, "{place} {} {}{help}", diagnostic.code(), prose.message).unwrap();
    }
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(found.trim(), expected.trim(), "{text}");
}

const SERVICES: &str =
    "service Bank { transaction pay(amount: u64) -> u64 compensate refund; fn note(text: String); }\n";

fn check_body(body: &str, expected: &str) {
    check(&format!("{SERVICES}choreography T<Shop, Bank, Log>(c: bool@Shop, n: u64@Shop) {{\n{body}\n}}"), expected);
}

#[test]
fn a_value_is_sent_before_it_is_used_elsewhere() {
    check_body("Bank.pay(n);\nLog ~> Shop;", "3:10 E0203 `n` does not live at `Bank` | send it there: `n ~> Bank`");
    check_body(
        "let m = n ~> Bank;\nlet sum = n + m;\nLog ~> Shop;",
        "4:11 E0203 no role holds all of this | send one to the other: `n ~> Bank` or `m ~> Shop`",
    );
    check_body(
        "let m = n ~> {Shop, Bank};\nm ~> Log;",
        "4:1 E0205 `Shop` and `Bank` could send this | say who sends it: `…@Shop ~> …`",
    );
}

#[test]
fn independent_mistakes_are_all_told_and_what_follows_is_not() {
    check_body(
        "let (x, z) = missing + 1;\nlet y = x * 2;\nBank.pay(y);\nBank.pay(\"no\");\nBonk.pay(n);",
        "3:14 E0101 unknown name `missing`
        6:10 E0201 expected `u64`, found `String`
        7:1 E0101 unknown name `Bonk` | did you mean `Bank`?",
    );
}

#[test]
fn what_follows_from_an_unknown_role_service_or_parameter_is_not_told() {
    check_body(
        "let a = n ~> Bnak;\nBank.pay(a);\nlet b: u64@Bnak = n;\nBank.pay(b);\nBank.pay(n@Shp ~> Bank);\nlet s = if c { n ~> Lgo } else { 1 };\nBank.pay(s);",
        "3:14 E0103 unknown role `Bnak` | did you mean `Bank`?
        7:12 E0103 unknown role `Shp` | did you mean `Shop`?
        8:21 E0103 unknown role `Lgo` | did you mean `Log`?",
    );
    check(
        &format!("{SERVICES}choreography T<Shop, Bank: Banc>(n: u64@Shp) -> u64@Shoop {{ Bank.pay(n) ~> Shop }}"),
        "2:28 E0103 unknown service `Banc` | did you mean `Bank`?
        2:41 E0103 unknown role `Shp` | did you mean `Shop`?
        2:53 E0103 unknown role `Shoop` | did you mean `Shop`?",
    );
    check(
        "service Bank { fn pay(type: u64) -> u64; }\nchoreography T<Shop, Bank>(n: u64@Shop) { Bank.pay(n ~> Bank); }",
        "1:23 E0011 `type` is a keyword | choose another name, such as `type_`",
    );
}

#[test]
fn literals_fit_their_types() {
    check_body(
        "let x: u8 = 256; let y = -129i8; let z = 2147483648;\nLog ~> Bank;",
        "3:13 E0209 `256` does not fit in `u8`
        3:26 E0209 `-129` does not fit in `i8`
        3:42 E0209 `2147483648` does not fit in `i32`",
    );
}

#[test]
fn under_explicit_every_selection_is_written() {
    let text = format!(
        "#![explicit]\n{SERVICES}choreography T<Shop, Bank>(c: bool@Shop) {{\nif c {{ Bank.pay(1); }} else {{ Bank.note(\"no\"); }}\n}}"
    );
    check(
        &text,
        "4:4 E0301 `Bank` is not told which branch was taken | write `select Shop ~> Bank;` at the head of each such branch",
    );
}

#[test]
fn the_value_of_a_choice_lives_where_the_choice_is_known() {
    check_body(
        "let amount = if c { 1 } else { 2 };\nBank.pay(amount);\nLog ~> Shop;",
        "4:10 E0204 `Bank` does not know which branch gave `amount` | write `select Shop ~> Bank;` at the head of each branch, or send the value: `… ~> Bank`",
    );
}

#[test]
fn what_is_declared_twice_is_there_once_for_rust() {
    let text = format!(
        "{SERVICES}struct A {{ x: u64, x: u64 }}\nstruct A {{ y: u64 }}\nenum E {{ V, V }}\nservice S {{ fn f(); fn f(x: u64); }}\nservice S {{}}\n\
         choreography T<Bank>(n: u64@Bank) {{ Bank.pay(n); }}\nchoreography T<Bank>(n: u64@Bank) {{ Bank.pay(n); }}"
    );
    let compilation = chor::compile(&Sources::single("t.chor", text), &chor::Options::default());
    let skeleton = chor::codegen::skeleton(&compilation, None).to_string();
    for (item, count) in [
        ("struct A", 1),
        ("trait S ", 1),
        ("mod t ", 1),
        ("enum E { V }", 1),
        ("fn f (", 2),
        ("pub x", 1),
        ("__with_http", 1),
    ] {
        assert_eq!(skeleton.matches(item).count(), count, "`{item}` in {skeleton}");
    }
}

#[test]
fn what_stands_in_for_a_refused_program_names_no_type_parameter() {
    let text = format!(
        "{SERVICES}choreography Hand<A, B; T>(x: T@A) -> T@B {{ x ~> B }}\n\
         choreography Twice<A, B; T>(f: choreography<A, B>(T@A) -> T@B, x: T@A) -> T@B {{ f<A, B>(x) }}\n\
         choreography Bad<A, B>(x: u64@A) -> u64@B {{ y ~> B }}"
    );
    let compilation = chor::compile(&Sources::single("t.chor", text), &chor::Options::default());
    assert_eq!(compilation.diagnostics.iter().map(|found| found.code()).collect::<Vec<_>>(), [Code::E0101]);
    let skeleton = chor::codegen::skeleton(&compilation, None).to_string();
    assert!(skeleton.contains("struct Bad ") && skeleton.contains("mod bad "), "{skeleton}");
    assert!(!skeleton.split_whitespace().any(|token| token == "T"), "`T` is declared nowhere: {skeleton}");
}

#[test]
fn a_role_alone_is_generated_with_its_service_only() {
    let text = format!(
        "{SERVICES}service Stock {{ fn take(n: u64) -> u64; }}\nchoreography T<Stock, Bank>(n: u64@Stock) {{\nBank.pay(Stock.take(n) ~> Bank);\n}}"
    );
    let compilation = chor::compile(&Sources::single("t.chor", text), &chor::Options::default());
    assert!(!compilation.has_errors());
    let bank = chor::codegen::generate(&compilation, Some("Bank")).to_string();
    assert!(bank.contains("trait Bank") && !bank.contains("trait Stock") && !bank.contains("struct Stock"));
    assert!(!bank.contains("struct T "), "the arguments are the initiator's");
    let stock = chor::codegen::generate(&compilation, Some("Stock")).to_string();
    assert!(stock.contains("trait Stock") && stock.contains("struct T ") && !stock.contains("trait Bank"));
    for tokens in [bank, stock, chor::codegen::skeleton(&compilation, None).to_string()] {
        for word in ["retry", "journal", "fault", "replay"] {
            assert!(!tokens.to_lowercase().contains(word), "`{word}` in {tokens}");
        }
    }
}
