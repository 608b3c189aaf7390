//! The programs on which the protocol was model-checked, and a few more.

use super::choreography::Behaviour::{Fails, FailsAlways, Refuses, RefusesIfOdd, Works};
use super::choreography::Step::{Call, Choice, Repeat, Require, Send, Transaction};
use super::choreography::{A, B, C, Choreography};

/// Each of them, in every variant.
pub fn all() -> Vec<Choreography> {
    let t = Transaction;
    let mut all = vec![order_fulfilment(None)];
    all.extend((0..4).map(|refusing| order_fulfilment(Some(refusing))));
    let mut add = |name: &str, steps: &[_]| all.push(Choreography::new(name, steps));
    add("a", &[t(A, Works), Send(A, B), t(B, Works)]);
    add("a, t0 refuses", &[t(A, Refuses), Send(A, B), t(B, Works)]);
    add("a, t1 refuses", &[t(A, Works), Send(A, B), t(B, Refuses)]);
    add("b", &[t(A, Works), Send(A, B), t(B, Works), Send(B, C), t(C, Works), Send(C, A)]);
    add("b, t2 refuses", &[t(A, Works), Send(A, B), t(B, Works), Send(B, C), t(C, Refuses), Send(C, A)]);
    add("c", &[t(A, Works), Send(A, B), Send(A, C), t(B, Works), t(C, Refuses)]);
    add("d", &[t(A, Works), Send(A, B), t(B, Works), Send(B, A), Send(A, B), t(B, Works)]);
    add("d, t2 refuses", &[t(A, Works), Send(A, B), t(B, Works), Send(B, A), Send(A, B), t(B, Refuses)]);
    add("d'", &[Send(A, B), t(B, Works), Send(B, A), t(A, Works), Send(A, B), t(B, RefusesIfOdd), Send(B, A)]);
    add("e", &[Send(A, B), t(B, Works), t(A, Works)]);
    add("e, t0 refuses", &[Send(A, B), t(B, Works), t(A, Refuses)]);
    add("g", &[t(A, Works), Send(A, B), Send(B, C), t(C, Works), Send(C, A)]);
    add("g, t1 refuses", &[t(A, Works), Send(A, B), Send(B, C), t(C, Refuses), Send(C, A)]);
    add("h", &[Send(A, B), Send(A, C), t(B, Refuses), t(C, Refuses)]);
    add(
        "h with work before",
        &[t(A, Works), Send(A, B), Send(A, C), t(B, Works), t(B, Refuses), t(C, Works), t(C, Refuses)],
    );
    add("nothing", &[]);
    add("alone", &[t(A, Works), t(A, Works), t(A, Works)]);
    add("alone, refuses at last", &[t(A, Works), t(A, Works), t(A, Refuses)]);
    add("alone, requires at once", &[Require(A, Refuses)]);
    add("requires after its transaction", &[t(A, Works), Require(A, Refuses), Send(A, B)]);
    add("requires after a message", &[t(A, Works), Send(A, B), t(B, Works), Require(B, Refuses)]);
    add("first transaction fails twice", &[t(A, Fails(2)), Send(A, B), t(B, Fails(1))]);
    add("first transaction fails always", &[t(A, FailsAlways), Send(A, B), t(B, Works)]);
    add("last transaction fails always", &[t(A, Works), Send(A, B), t(B, FailsAlways)]);
    add("begins", &[t(C, Works), Send(C, B), t(B, Works)]);
    add("begins and refuses", &[t(A, Works), t(C, Refuses), Send(C, B), t(B, Works)]);
    add("call", &[Call(A), Send(A, B), t(B, Works), Call(B), Send(B, A), t(A, Works)]);
    add("call, refused after", &[Call(A), Send(A, B), t(B, Works), Call(B), Send(B, A), t(A, Refuses)]);
    let branch = |last| {
        [
            t(A, Works),
            Choice(A, vec![Send(A, B), t(B, Works), Send(B, C)], vec![Send(A, C), t(C, Works), Send(C, A)]),
            Send(A, B),
            Choice(B, vec![t(B, last)], vec![t(C, last)]),
        ]
    };
    add("branches", &branch(Works));
    add("branches, the last refuses", &branch(Refuses));
    let rounds = |last| [Repeat(3, vec![t(A, Works), Send(A, B), t(B, Works), Send(B, A)]), t(B, last), Send(B, A)];
    add("rounds", &rounds(Works));
    add("rounds, then refused", &rounds(Refuses));
    let f = [t(A, Works), Send(A, C), t(C, Works), Send(C, B), t(B, Works)];
    all.push(Choreography::new("f, A cancels", &f).cancelled_by(&[A]));
    let a = [t(A, Works), Send(A, B), t(B, Works)];
    all.push(Choreography::new("a', A and B cancel", &a).cancelled_by(&[A, B]));
    let b = [t(A, Works), Send(A, B), t(B, Works), Send(B, C), t(C, Works), Send(C, A)];
    all.push(Choreography::new("b', A cancels", &b).cancelled_by(&[A]));
    all.push(Choreography::new("b, everyone cancels", &b).cancelled_by(&[A, B, C]));
    let undone = Choreography::new("rounds undone with failures", &rounds(Refuses));
    all.push(undone.with_failing_compensations(3));
    all
}

/// The order fulfilment of the language's page: Warehouse, Payment, Loyalty. `refusing` is the transaction that refuses.
pub fn order_fulfilment(refusing: Option<u32>) -> Choreography {
    let (warehouse, payment, loyalty) = (A, B, C);
    let t = |number, role| Transaction(role, if refusing == Some(number) { Refuses } else { Works });
    let steps = [
        t(0, warehouse),
        Send(warehouse, payment),
        Send(warehouse, loyalty),
        t(1, payment),
        Send(payment, loyalty),
        t(2, loyalty),
        Send(loyalty, warehouse),
        t(3, warehouse),
    ];
    Choreography::new(&format!("order fulfilment, {refusing:?} refuses"), &steps)
}
