//! The programs on which the protocol was model-checked, and a few more.

use super::choreography::Behaviour::{Fails, FailsAlways, Refuses, RefusesIfOdd, Unrecordable, Works};
use super::choreography::Step::{Call, Choice, Intent, Pivot, Repeat, Require, Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};

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
    add("j", &[Send(A, B), t(B, Works), Send(B, A)]);
    add("j, and calls at last", &[Send(A, B), t(B, Works), Send(B, A), Call(A)]);
    add("j, and calls meanwhile", &[Send(A, B), t(B, Works), Call(A), Send(B, A)]);
    add("call", &[Call(A), Send(A, B), t(B, Works), Call(B), Send(B, A), t(A, Works)]);
    add("call, refused after", &[Call(A), Send(A, B), t(B, Works), Call(B), Send(B, A), t(A, Refuses)]);
    add("outside", &[Intent(A, Works), Send(A, B), Intent(B, Works), Send(B, A), t(A, Works)]);
    add("outside, refused after", &[t(A, Works), Intent(A, Works), Send(A, B), Intent(B, Works), t(B, Refuses)]);
    add("outside, refused outside", &[Intent(A, Works), Send(A, B), t(B, Works), Intent(B, Refuses)]);
    add("outside, fails", &[Intent(A, Fails(2)), Send(A, B), Intent(B, FailsAlways), Send(B, A)]);
    add("outside, not recordable", &[Intent(A, Works), Send(A, B), t(B, Works), Intent(B, Unrecordable)]);
    let outside = [Intent(A, Works), Send(A, B), Intent(B, RefusesIfOdd), t(B, Works), Intent(A, Works)];
    add("scope with outside", &[Step::scope_why(&outside, &[Intent(A, Works)]), Send(A, B), Intent(B, Works)]);
    add("scope with outside, then refused", &[Step::scope(&outside, &[]), Send(A, B), t(B, Refuses)]);
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
    let food = |courier| [t(A, Works), Send(A, B), Send(A, C), t(B, Works), Send(B, A), Call(A), Pivot(C, courier)];
    add("pivot", &food(Works));
    add("pivot that refuses", &food(Refuses));
    add("pivot that fails twice", &food(Fails(2)));
    add("pivot that fails always", &food(FailsAlways));
    add("pivot, then refused elsewhere", &[Send(A, C), Pivot(C, Works), Send(A, B), t(B, Refuses)]);
    add("pivot in a branch", &[Choice(A, vec![Pivot(B, Works)], vec![Pivot(C, Works)])]);
    let f = [t(A, Works), Send(A, C), t(C, Works), Send(C, B), t(B, Works)];
    all.push(Choreography::new("pivot, everyone cancels", &food(Works)).cancelled_by(&[A, B, C]));
    all.push(Choreography::new("pivot, with a deadline", &food(Works)).within(40));
    all.push(Choreography::new("f, A cancels", &f).cancelled_by(&[A]));
    let a = [t(A, Works), Send(A, B), t(B, Works)];
    all.push(Choreography::new("a', A and B cancel", &a).cancelled_by(&[A, B]));
    let b = [t(A, Works), Send(A, B), t(B, Works), Send(B, C), t(C, Works), Send(C, A)];
    all.push(Choreography::new("b', A cancels", &b).cancelled_by(&[A]));
    all.push(Choreography::new("b, everyone cancels", &b).cancelled_by(&[A, B, C]));
    let undone = Choreography::new("rounds undone with failures", &rounds(Refuses));
    all.push(undone.with_failing_compensations(3));
    all.extend(scopes());
    all
}

/// Programs with scopes: of two and three roles, aborted by one, two or none, one within another, in loops, before an abort of all.
pub fn scopes() -> Vec<Choreography> {
    let t = Transaction;
    let mut all = Vec::new();
    let mut add = |name: &str, steps: &[_]| all.push(Choreography::new(name, steps));
    let ab = |first, second| [t(A, first), Send(A, B), t(B, second), Send(B, A)];
    let after = [t(A, Works), Send(A, B), t(B, Works)];
    for (name, first, second) in [
        ("all works", Works, Works),
        ("A refuses", Refuses, Works),
        ("B refuses", Works, Refuses),
        ("as the numbers say", RefusesIfOdd, RefusesIfOdd),
        ("B fails always", Works, FailsAlways),
    ] {
        add(&format!("scope: {name}"), &[&[Step::scope(&ab(first, second), &after)][..], &after].concat());
        let otherwise = [Send(A, B), t(B, Works)];
        add(
            &format!("scope, why: {name}"),
            &[t(B, Works), Step::scope_why(&ab(first, second), &otherwise), t(A, Works)],
        );
        let undone = [&[t(A, Works), Step::scope_why(&ab(first, second), &otherwise)][..], &[t(B, Refuses)]].concat();
        add(&format!("scope, then refused: {name}"), &undone);
        add(
            &format!("scope, the session aborts in else: {name}"),
            &[Step::scope(&ab(first, second), &[t(A, Refuses)])],
        );
    }
    let both = [t(A, Works), t(A, RefusesIfOdd), Send(B, C), t(B, Works), t(B, Refuses), t(C, Works)];
    add("scope, two abort", &[Send(A, B), Step::scope_why(&both, &[t(C, Works)]), Send(C, A), t(A, Works)]);
    let both = [t(A, Works), t(A, Refuses), t(B, Works), t(B, Refuses)];
    add("scope, two of two abort", &[Send(A, B), Step::scope_why(&both, &[Send(B, A), t(A, Works)])]);
    let three = [t(A, Works), Send(A, B), t(B, Works), Send(B, C), t(C, Works), Require(C, Refuses), Send(C, A)];
    add("scope of three", &[Step::scope_why(&three, &[t(B, Works)]), Send(A, C), t(C, Works)]);
    let inner =
        Step::scope_why(&[t(B, Works), Send(B, C), t(C, RefusesIfOdd), t(C, Works)], &[t(B, Works), Send(B, C)]);
    let outer = |last| [t(A, Works), Send(A, B), inner.clone(), Send(C, A), t(A, last), Send(A, B)];
    add("scope in a scope", &[Step::scope(&outer(Works), &[]), t(B, Works)]);
    add(
        "scope in a scope that is aborted",
        &[Step::scope_why(&outer(Refuses), &[t(C, Works), Send(C, A)]), t(B, Works)],
    );
    add("scope in a scope that may be aborted", &[Step::scope(&outer(RefusesIfOdd), &[Send(A, C)]), t(C, Works)]);
    add("scope in a scope, then refused", &[Step::scope(&outer(Works), &[]), Send(A, B), t(B, Refuses)]);
    let early = [Step::scope(&[t(A, Works), Send(A, B), t(B, Works)], &[]), t(A, Refuses), t(B, Works)];
    add("scope that is done in one that is aborted early", &[Step::scope_why(&early, &[t(B, Works)]), Send(B, A)]);
    let round = [Step::scope_why(&ab(RefusesIfOdd, RefusesIfOdd), &[Call(B), Send(B, A)]), Send(A, B)];
    add("scopes in rounds", &[Repeat(3, round.to_vec()), t(B, Works), Send(B, A)]);
    add("scope of one", &[Step::scope(&[t(A, Works), t(A, RefusesIfOdd)], &[t(A, Works)]), Send(A, B), t(B, Works)]);
    add(
        "scope of one, aborted",
        &[Step::scope(&[t(A, Works), t(A, Refuses)], &[t(A, Works)]), Send(A, B), t(B, Works)],
    );
    let alone = Step::scope_within(9, &[Call(B), t(B, Works)], &[t(B, Works)]);
    add("scope of one with a limit", &[Send(A, B), alone, t(B, Works), Send(B, A)]);
    let calls = [Call(A), t(A, Works), Send(A, B), Call(B), t(B, RefusesIfOdd), Send(B, A), Call(A)];
    add("scope with calls", &[Step::scope_why(&calls, &[Call(A)]), Send(A, B), t(B, Works)]);
    add("scope with a limit", &[Step::scope_within(15, &calls, &[t(B, Works)]), Send(B, A), t(A, Works)]);
    add(
        "scope that begins a role",
        &[t(A, Works), Step::scope(&[t(B, Works), Send(B, C), t(C, Refuses)], &[t(C, Works)])],
    );
    let first = [t(A, Refuses), Send(A, B), Send(B, C), t(C, Works)];
    add("scope whose vote comes first", &[Step::scope_why(&first, &[t(C, Works), t(B, Works)])]);
    let choice = Choice(A, vec![Send(A, B), t(B, Refuses)], vec![t(C, Works), Send(C, B), t(B, RefusesIfOdd)]);
    add("scope with a choice", &[Step::scope(&[t(A, Works), choice], &[t(C, Works), Send(C, A)]), t(A, Works)]);
    let a = [Step::scope_why(&ab(Works, RefusesIfOdd), &[t(A, Works), Send(A, B)]), t(B, Works)];
    all.push(Choreography::new("scope, A and B cancel", &a).cancelled_by(&[A, B]));
    let undone = [Step::scope_why(&ab(Works, Works), &[]), Step::scope(&[t(A, Works), Send(A, B), t(B, Refuses)], &[])];
    all.push(Choreography::new("scopes undone with failures", &undone).with_failing_compensations(3));
    let undone = Choreography::new("scope in a scope, undone with failures", &outer(Refuses));
    all.push(undone.with_failing_compensations(2).cancelled_by(&[C]));
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
