//! The version of a choreography: what changes it, because a session would run or be rolled back otherwise, and what does not.
#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use chor::source::Sources;
use chor::{Options, compile};

/// A program in which every kind of operation, type and name is used, and some are not.
const PROGRAM: &str = r#"
extern type crate::model::Order: Eq { id: u64 }
extern fn crate::model::discount(amount: u64) -> u64;
struct Receipt { order: u64, note: String }
enum Answer { Yes, No, Maybe(u64) }
struct Unused { of: Idle }
enum Idle { One, Two }
fn double(n: u64) -> u64 { n * 2 }
fn idle(n: u64) -> u64 { n }
service Bank {
    pure fn fee(amount: u64) -> u64;
    fn ask(amount: u64) -> Answer;
    fn wire(amount: u64) -> String compensate recall;
    fn rent(amount: u64) -> String compensate recall;
    transaction pay(amount: u64) -> Receipt compensate refund;
    transaction post(amount: u64) compensate none;
    fn never(of: Unused);
}
choreography Step<P: Bank, Q>(x: u64@P) -> u64@Q { P.ask(x); x ~> Q }
choreography Twice<P: Bank, Q; T>(run: choreography<P: Bank, Q>(u64@P) -> u64@Q, x: u64@P, tag: T@P) -> u64@Q {
    tag ~> Q;
    run<P, Q>(x);
    run<P, Q>(x)
}
choreography Share<W[], P>(x: u64@P) -> u64@P {
    let mut sum: u64@P = 0;
    for w in W { sum = sum + (x ~> w ~> P); }
    sum
}
choreography Main<Shop, Bank: Bank, W[]>(order: Order@Shop, amount: u64@Shop) -> Receipt@Shop {
    let cents = discount(double(amount)) ~> Bank;
    let answer = Bank.ask(cents + Bank.fee(cents));
    require answer != Answer::No, "refused";
    let note = saga within 5s { Bank.wire(cents) } else { Bank.rent(cents) };
    let shown = Twice<Bank, Shop; u64>(Step, cents, cents);
    let sum = Share<W, Shop>(shown);
    sleep Bank, 1s;
    let late = sum ~> Bank within 2s;
    let receipt = Bank.pay(cents);
    Bank.post(late.unwrap_or(7));
    let whole = Receipt { note, ..receipt } ~> Shop;
    if order.id > 3 { whole } else { Receipt { order: order.id, ..whole } }
}
"#;

/// The version of `Main`.
fn version(text: &str) -> [u8; 32] {
    let compilation = compile(&Sources::single("main.chor", text), &Options::default());
    let errors = || compilation.diagnostics.iter().map(|it| it.prose().message).collect::<Vec<_>>().join("\n");
    assert!(!compilation.has_errors(), "{}\n{text}", errors());
    let main = compilation.hir.choreographies.iter().position(|it| it.name.name == "Main").expect("it is there");
    let projection = compilation.projections.iter().find(|projection| projection.choreography == main);
    projection.expect("a program without errors is projected").fingerprint
}

/// Replacements, one after the other.
type Edit<'a> = &'a [(&'a str, &'a str)];

fn edited(edit: Edit<'_>) -> String {
    let mut text = PROGRAM.to_owned();
    for (from, to) in edit {
        assert!(text.contains(from), "the program has {from}");
        text = text.replace(from, to);
    }
    text
}

fn check_keeps(edits: &[Edit<'_>]) {
    for edit in edits {
        assert_eq!(version(&edited(edit)), version(PROGRAM), "{edit:?} concerns no session");
    }
}

fn check_changes(edits: &[Edit<'_>]) {
    for edit in edits {
        assert_ne!(version(&edited(edit)), version(PROGRAM), "{edit:?} concerns a session");
    }
}

#[test]
fn the_kind_of_an_operation_changes_the_version() {
    check_changes(&[
        &[("transaction pay(amount: u64) -> Receipt compensate refund", "fn pay(amount: u64) -> Receipt")],
        &[("transaction pay", "fn pay")],
        &[("fn wire(amount: u64) -> String compensate recall", "fn wire(amount: u64) -> String")],
        &[("fn wire", "transaction wire"), ("fn rent", "transaction rent")],
        &[("transaction post(amount: u64) compensate none", "fn post(amount: u64)")],
        &[("transaction post(amount: u64) compensate none", "pure fn post(amount: u64)")],
        &[("fn ask(amount: u64) -> Answer", "transaction ask(amount: u64) -> Answer compensate none")],
        &[("fn ask(amount: u64) -> Answer", "fn ask(amount: u64) -> Answer compensate unask")],
        &[("fn ask", "pure fn ask")],
        &[("pure fn fee", "fn fee")],
    ]);
}

#[test]
fn what_compensates_an_operation_changes_the_version() {
    check_changes(&[
        &[("compensate refund", "compensate none")],
        &[("compensate refund", "compensate take_back")],
        &[("compensate none", "compensate unpost")],
        // Two operations no longer share what compensates them.
        &[("fn rent(amount: u64) -> String compensate recall", "fn rent(amount: u64) -> String compensate give_up")],
    ]);
}

#[test]
fn what_a_role_does_changes_the_version() {
    check_changes(&[
        &[("within 5s", "within 6s")],
        &[("within 2s", "within 3s")],
        &[("saga within 5s", "saga")],
        &[("sleep Bank, 1s", "sleep Bank, 2s")],
        &[("\"refused\"", "\"no\"")],
        &[("unwrap_or(7)", "unwrap_or(8)")],
        &[("order.id > 3", "order.id >= 3")],
        &[("{ n * 2 }", "{ n * 3 }")],
        &[("P.ask(x); x ~> Q", "x ~> Q")],
        &[("    run<P, Q>(x);\n", "")],
        &[("Bank.fee(cents)", "1")],
        &[
            ("    Bank.post(late.unwrap_or(7));\n", ""),
            ("Bank.pay(cents);", "Bank.pay(cents); Bank.post(late.unwrap_or(7));"),
            ("within 2s;\n", "within 2s;\n Bank.rent(1);\n"),
        ],
        &[("x ~> w ~> P", "(x ~> w ~> P) + 1")],
        &[
            ("x: u64@P) -> u64@P", "x: u64@each W) -> u64@P"),
            ("(x ~> w ~> P)", "(x@w ~> P)"),
            ("Share<W, Shop>(shown)", "Share<W, Shop>(shown ~> W)"),
        ],
    ]);
}

#[test]
fn what_is_written_as_json_changes_the_version() {
    let receipt = "struct Receipt { order: u64, note: String }";
    check_changes(&[
        &[(receipt, "struct Receipt { note: String, order: u64 }")],
        &[
            (receipt, "struct Receipt { order: u64, note: String, more: u64 }"),
            ("order: order.id,", "order: order.id, more: 1,"),
        ],
        &[("Maybe(u64)", "Maybe(u32)")],
        &[("Maybe(u64)", "Maybe { of: u64 }")],
        &[("Maybe(u64)", "Maybe(u64), Later")],
        &[
            ("Order: Eq { id: u64 }", "Order: Eq { id: u32 }"),
            ("order.id > 3", "true"),
            ("order: order.id,", "order: 1,"),
        ],
        // The arguments of a session are stored by the names of the parameters.
        &[("amount: u64@Shop", "price: u64@Shop"), ("double(amount)", "double(price)")],
    ]);
}

#[test]
fn the_way_that_a_variant_is_written_changes_the_version() {
    let of = |variant: &str| {
        version(&format!("enum E {{ {variant}, B(u8) }}\nchoreography Main<A, B>(e: E@A) -> E@B {{ e ~> B }}"))
    };
    assert_ne!(of("A"), of("A()"), "`\"A\"` and `{{\"A\":[]}}`");
    assert_ne!(of("A()"), of("A {}"), "`{{\"A\":[]}}` and `{{\"A\":{{}}}}`");
    let owner =
        |kind: &str| version(&format!("{kind} E {{ a: u8 }}\nchoreography Main<A, B>(e: E@A) -> E@B {{ e ~> B }}"));
    assert_ne!(owner("struct"), owner("extern type"), "Rust writes the second as it likes");
}

#[test]
fn names_that_others_know_change_the_version() {
    check_changes(&[
        &[("Answer", "Reply")],
        &[("Maybe", "Perhaps")],
        &[("Yes", "Agreed")],
        &[("wire", "remit")],
        &[("Shop", "Store")],
        &[("service Bank", "service Desk"), (": Bank", ": Desk")],
        &[("double", "twice")],
        &[("Step", "Stage")],
    ]);
}

#[test]
fn what_no_program_reaches_keeps_the_version() {
    check_keeps(&[
        &[("struct Unused { of: Idle }\nenum Idle { One, Two }\n", "struct Unused { of: u64 }\n")],
        &[("enum Idle { One, Two }", "enum Idle { One, Two, Three(u64) }")],
        &[("Unused", "Nobody"), ("Idle", "Anybody"), ("never", "ever")],
        &[("fn idle(n: u64) -> u64 { n }", "fn idle(n: u64) -> u64 { n + 1 }")],
        &[("fn idle(n: u64) -> u64 { n }\n", "")],
        &[("    fn never(of: Unused);\n", "")],
        &[("fn never(of: Unused)", "transaction never() compensate none")],
        &[("fn never(", "pure fn never(")],
        &[("fn never(of: Unused)", "fn never(of: Unused); fn more(of: Idle) -> Unused compensate less")],
        &[("service Bank", "struct Other { x: u64 }\nservice Others { fn act(of: Other); }\nservice Bank")],
        &[
            ("service Bank", "service Extra { fn act(); }\nservice Bank"),
            ("Shop, Bank: Bank, W[]", "Shop, Bank: Bank + Extra, W[]"),
        ],
        &[(
            "choreography Step",
            "choreography Idler<A, B: Bank>(x: u64@A) -> u64@B { B.ask(x ~> B); 1 }\nchoreography Step",
        )],
    ]);
}

#[test]
fn names_that_only_the_text_knows_keep_the_version() {
    check_keeps(&[
        &[("cents", "pennies")],
        &[("sum", "total_of_all")],
        &[("shown", "seen")],
        &[("run", "step_of")],
        &[("x: u64@P) -> u64@Q", "y: u64@P) -> u64@Q"), ("P.ask(x); x ~> Q", "P.ask(y); y ~> Q")],
        &[("; T>", "; Item>"), (": T@", ": Item@")],
        &[("for w in W", "for one in W"), ("~> w ~>", "~> one ~>")],
        &[("fn double(n: u64) -> u64 { n * 2 }", "fn double(of: u64) -> u64 { of * 2 }")],
        &[("crate::model::discount", "crate::prices::discount"), ("crate::model::Order", "crate::orders::Order")],
    ]);
}

#[test]
fn order_and_layout_keep_the_version() {
    let blocks: Vec<&str> = PROGRAM.trim().split_inclusive("\n}\n").collect();
    assert!(blocks.len() > 3, "the program is in parts");
    let turned: String = blocks.iter().rev().map(|block| format!("{block}\n")).collect();
    assert_eq!(version(&turned), version(PROGRAM), "{turned}");
    let service =
        PROGRAM.split("service Bank {\n").nth(1).and_then(|rest| rest.split("}\n").next()).expect("it is there");
    let operations: String = service.lines().rev().map(|line| format!("{line}\n")).collect();
    assert_eq!(version(&PROGRAM.replace(service, &operations)), version(PROGRAM), "{operations}");
    assert_eq!(version(&PROGRAM.replace(";", "; // and so\n")), version(PROGRAM));
    check_keeps(&[&[("sum = sum +", "sum /* as said */\n = sum\n\n +")]]);
}
