//! Values and functions: what choreographies of `functions.chor` and `expressions.chor` compute, on the plain runtime and between two nodes,
//! where every value that is sent goes through its JSON.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Debug;
use std::sync::Arc;

use accompanist::Node;
use accompanist::plain::PlainSession;
use accompanist::store::Memory;
use accompanist::transport::LocalNetwork;
use accompanist_tests::generated::expressions::{
    self as shapes, Aborts, Expressions, NotFinite, aborts, expressions, not_finite,
};
use accompanist_tests::generated::functions::{Deep, Functions, Rate, deep, functions};
use accompanist_tests::model::{Item, Order, Sealed};
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::within;

/// Runs a choreography of `A` and `B`, which have no services, on both runtimes; both say the same.
macro_rules! run {
    ($module:ident, $($other:ident)?, $arguments:expr) => {{
        let stores = [Arc::new(Memory::new()), Arc::new(Memory::new())];
        let session = PlainSession::new();
        let plain = within("plain", async {
            $(let other = session.play($module::$other::new(), &stores[1], ());)?
            let first = session.play($module::A::new(), &stores[0], $arguments);
            $(let (first, _) = { let _ = stringify!($other); tokio::join!(first, other) };)?
            $(#[cfg(any())] { let _ = stringify!($other); })?
            run!(@first $($other)?, first)
        })
        .await;
        let network = LocalNetwork::new();
        let a = Node::builder("a", Memory::new()).timing(TIMING).transport(network.transport());
        let a = a.role($module::A::new()).assign("A", "a");
        $(
            let _ = stringify!($other);
            let a = a.assign("B", "b");
        )?
        let a = a.start().await.expect("the node starts");
        $(
            let b = Node::builder("b", Memory::new()).timing(TIMING).transport(network.transport());
            let b = b.role($module::$other::new()).assign("A", "a").assign("B", "b");
            let _b = b.start().await.expect("the node starts");
        )?
        let resilient = within("resilient", a.start($arguments).settled()).await;
        let (plain, resilient) = (answer(plain), answer(resilient));
        assert_eq!(plain, resilient);
        plain
    }};
    (@first $other:ident, $first:ident) => { $first };
    (@first , $first:ident) => { $first.await };
}

fn answer<T: Debug>(result: Result<T, accompanist::Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        // The runtimes have a word of their own for what is sent.
        Err(error) => error.to_string().replace("a message cannot", "a value cannot"),
    }
}

fn order() -> Order {
    let item = |sku: &str, price| Item { sku: sku.to_owned(), price };
    Order {
        id: 1,
        items: vec![item("viola", 300), item("bow", 40), item("strings", 60)],
        customer: "Clara Wieck".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_computed_where_their_arguments_live() {
    let said = |percent, minimum| Functions { order: order(), rate: Rate { percent, minimum } };
    assert_eq!(run!(functions, B, said(10, 1)), r#"("false bow", Ok(40), 820)"#);
    assert_eq!(run!(functions, B, said(101, 1)), r#"("false bow", Err("TOO MUCH"), 820)"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_calls_itself_too_deeply_aborts() {
    assert_eq!(run!(deep, , Deep { n: 499 }), "499");
    let reason = run!(deep, , Deep { n: 500 });
    assert!(reason.contains("functions.chor:") && reason.contains("`count` calls itself too deeply"), "{reason}");
}

fn everything() -> Expressions {
    let map = [("one".to_owned(), vec![1, 2, 3])].into();
    let deep = shapes::Deep { list: vec![None, Some((1, "x".to_owned()))], map, result: Ok(Some(true)) };
    let step = shapes::Step::Go { left: Ok(7), right: Some('x') };
    Expressions { deep, step, sealed: Sealed::new("letter", 42) }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_the_same_after_a_journey() {
    let said = run!(expressions, B, everything());
    let words = [
        "true",
        "true",
        "full",
        "x7",
        "minus one",
        "true",
        "20",
        "0",
        "true",
        "false",
        "true",
        "1",
        "inf",
        "true",
        "1000000000000000000000",
        "-1",
        "3",
        "ö",
        "a|b||c",
        "12",
        "true",
        "5",
        "2",
        "3",
        "ab",
        "6",
        "true",
    ];
    assert!(said.starts_with(&format!("({words:?}, Keys")), "{said}");
    assert!(said.contains("chars: {'a': 2, 'b': 3}, flags: {false: \"no\", true: \"yes\"}"), "{said}");
    assert!(said.ends_with("Sealed { name: \"letter\", level: 9, seal: 42 })"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_value_aborts_with_its_place() {
    let reasons = [
        "`xs[7]` is out of range",
        "`map[\"none\"]` is out of range",
        "`text[1..2]` is out of range, or not at the boundary of a character",
        "`xs[2..1]` is out of range",
        "`none.unwrap()` is `None`",
        "`xs[0] + 255` overflows",
        "`xs[0].pow(200)` overflows",
        "`(0..18446744073709551615u64)` has more than 16777216 numbers",
        "`text.repeat(18446744073709551615)` makes a value of more than 16777216 parts",
        "`(0.0 / 0.0).to_u8()` does not fit",
        "`(1e300).to_f32()` does not fit",
        "`(-1).to_u8()` does not fit",
        "`xs.sum()` overflows",
        "`(256.5).to_u8()` does not fit",
    ];
    for (which, reason) in (0..).zip(reasons) {
        let arguments = Aborts { which, text: "äb".to_owned(), xs: vec![2, 255], map: [].into() };
        let said = run!(aborts, , arguments.clone());
        assert!(said.contains("expressions.chor:") && said.ends_with(reason), "{said}");
    }
    assert_eq!(run!(aborts, , Aborts { which: 99, text: String::new(), xs: vec![], map: [].into() }), "255");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_not_finite_is_not_sent() {
    let said = run!(not_finite, B, NotFinite { x: 1.0 });
    assert!(said.contains("is not finite"), "{said}");
}
