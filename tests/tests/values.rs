//! Values and functions: what choreographies of `functions.chor` and `expressions.chor` compute, on the plain runtime and between two nodes,
//! where every value that is sent goes through its JSON.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Debug;
use std::sync::Arc;

use accompanist::Node;
use accompanist::plain::PlainSession;
use accompanist::store::Memory;
use accompanist::transport::LocalNetwork;
use accompanist_tests::generated::functions::{Deep, Functions, Rate, deep, functions};
use accompanist_tests::model::{Item, Order};
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
        let a = a.role($module::A::new()).assign("A", "a").assign("B", "b").start().await.expect("the node starts");
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
        Err(error) => error.to_string(),
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
