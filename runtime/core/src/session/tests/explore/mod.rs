//! Every schedule of small choreographies: breadth first over all states, with unlimited crashes and duplicates. A frame once sent may come
//! at any later time, any number of times, or never; frames of the program go when a role forgets (rule G5), all others never. From every
//! state, the network is wiped, faults end, and every role must come to the right end and forget.
//!
//! `ACCOMPANIST_STATES=9000000` goes to the end of most of them (in a release build: up to three minutes
//! for each). Scopes of three, and several programs that log, have more states than that.
//!
//! What only saves work is left to the simulator, for the sake of fewer states: frames always carry the header, nobody hears a `Need`, as any
//! role may send again what it has said at any time, and a session hears of its commit when it is made, unless it crashes there.

mod hash;
mod liar;
mod local;
mod search;
mod states;

use std::time::Instant;

use super::choreography::Behaviour::{MayRefuse, Refuses, Unrecordable, Works};
use super::choreography::Step::{Intent, Pivot, Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use crate::fault;
pub use liar::{Lies, programs_with_a_liar};
pub use search::{Explored, Search};

/// Those of two roles.
pub fn programs_of_two() -> Vec<Choreography> {
    let a = [Transaction(A, MayRefuse), Send(A, B), Transaction(B, MayRefuse)];
    let d = |second| {
        [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A), Send(A, B), Transaction(B, second)]
    };
    let e = |last| [Send(A, B), Transaction(B, Works), Transaction(A, last)];
    let j = [Send(A, B), Transaction(B, MayRefuse), Send(B, A)];
    let then = [Step::scope(&a, &[Send(A, B)]), Transaction(A, Works), Send(A, B), Transaction(B, MayRefuse)];
    let inner = Step::scope_why(&[Send(A, B), Transaction(B, Works), Transaction(B, Refuses)], &[]);
    let asks = [Send(A, B), Transaction(B, Works), Send(B, A), Pivot(B, MayRefuse)];
    let before = [Send(A, B), Pivot(B, Works), Transaction(A, MayRefuse)];
    let at_initiator = [Send(A, B), Transaction(B, MayRefuse), Pivot(A, MayRefuse)];
    let nested = [Step::scope(&[Transaction(A, Works), inner, Transaction(A, Refuses)], &[])];
    vec![
        Choreography::new("a", &[Transaction(A, Works), Send(A, B), Transaction(B, Works)]),
        Choreography::new("a, everything may refuse", &a),
        Choreography::new("a', A and B cancel", &a).cancelled_by(&[A, B]),
        Choreography::new("a, with a deadline", &a).within(50),
        Choreography::new("d", &d(Works)),
        Choreography::new("d, t2 may refuse", &d(MayRefuse)),
        Choreography::new("e", &e(Works)),
        Choreography::new("e, t0 may refuse, A and B cancel", &e(MayRefuse)).cancelled_by(&[A, B]),
        Choreography::new("j", &j),
        Choreography::new("j, A and B cancel", &j).cancelled_by(&[A, B]),
        Choreography::new("j, with a deadline", &j).within(50),
        Choreography::new("h of two", &[Send(A, B), Transaction(A, Refuses), Transaction(B, Refuses)]),
        Choreography::new("i, B may refuse", &[Intent(A, Works), Send(A, B), Transaction(B, MayRefuse)]),
        Choreography::new("i, both outside", &[Intent(A, Works), Send(A, B), Intent(B, MayRefuse)]),
        Choreography::new("i, not recordable", &[Intent(A, Works), Send(A, B), Intent(B, Unrecordable)]),
        Choreography::new("i, A and B cancel", &[Send(A, B), Intent(B, Works)]).cancelled_by(&[A, B]),
        Choreography::new(
            "scope, outside",
            &[Step::scope_why(&[Intent(A, Works), Send(A, B), Intent(B, MayRefuse)], &[])],
        ),
        Choreography::new("scope", &[Step::scope(&[Transaction(A, Works), Send(A, B), Transaction(B, Works)], &[])]),
        Choreography::new("scope, everything may refuse", &[Step::scope_why(&a, &[Transaction(B, Works)])]),
        Choreography::new("scope, A and B cancel", &[Step::scope(&a, &[])]).cancelled_by(&[A, B]),
        Choreography::new("scope, both refuse", &[Send(A, B), both_refuse()]),
        Choreography::new("scope, then refused", &then),
        Choreography::new("scope in a scope, both aborted", &nested),
        Choreography::new("k, the pivot at B", &[Transaction(A, MayRefuse), Send(A, B), Pivot(B, MayRefuse)]),
        Choreography::new("k, the pivot at B, A only asks", &asks),
        Choreography::new("k, the pivot at B, A works behind it, A and B cancel", &before).cancelled_by(&[A, B]),
        Choreography::new("k, the pivot at A, A and B cancel", &at_initiator).cancelled_by(&[A, B]),
        Choreography::new("k, the pivot at A, with a deadline", &at_initiator).within(50),
        Choreography::new("k, alone", &[Transaction(A, Works), Pivot(A, MayRefuse)]).cancelled_by(&[A]),
    ]
}

/// Those in which C has a part in one branch of A's choice only: the start's number is odd.
pub fn programs_with_an_optional_role() -> Vec<Choreography> {
    let (w, m) = (Works, MayRefuse);
    let t = Transaction;
    let choice = |odd: &[Step], even: &[Step]| Step::Choice(A, odd.to_vec(), even.to_vec());
    let b = [t(B, m)];
    let c = [Send(A, C), t(C, m)];
    let alone = [choice(&[t(B, w)], &[t(C, w)]), Send(B, A)];
    let with = [choice(&[t(C, m)], &b), t(B, w)];
    let before = [t(A, m), choice(&b, &c)];
    let after = [choice(&[], &[t(C, w)]), t(A, m), Send(A, B), t(B, m)];
    let pivot = [choice(&[Send(A, B)], &[t(C, w)]), t(B, m), Pivot(A, m)];
    let twice = [choice(&[], &[t(C, w)]), choice(&[t(C, m)], &[])];
    let none_of_two = [choice(&[], &[t(C, w)]), choice(&[], &[t(C, m)])];
    let new = |name: &str, steps: &[Step]| Choreography::new(name, steps).optional(&[C]);
    vec![
        new("m, C has no part", &alone),
        new("m, C has no part, everyone cancels", &before).cancelled_by(&[A, B, C]),
        new("m, C has no part, with a deadline", &before).within(50),
        new("m, C has no part, A works behind it, C cancels", &after).cancelled_by(&[C]),
        new("m, C has no part, the pivot at A, B and C cancel", &pivot).cancelled_by(&[B, C]),
        new("m, C has no part in two choices, C cancels", &none_of_two).cancelled_by(&[C]),
        new("m, C has a part", &with),
        new("m, C has a part, A and C cancel", &with).cancelled_by(&[A, C]),
        new("m, C has a part in one of two choices", &twice).cancelled_by(&[C]),
    ]
}

/// Those in which B may give C a part: its number is odd, but behind a transaction.
pub fn programs_with_a_giver() -> Vec<Choreography> {
    let (w, m) = (Works, MayRefuse);
    let t = Transaction;
    let by_a = |odd: &[Step]| Step::Choice(A, odd.to_vec(), vec![t(C, w)]);
    let by_b = |odd: &[Step], even: &[Step]| Step::Choice(B, odd.to_vec(), even.to_vec());
    let (c, gives) = ([t(C, w)], [t(C, m)]);
    let none = [Send(A, B), by_b(&[], &c), t(B, m)];
    let before = [Send(A, B), t(B, m), by_b(&c, &[]), t(A, m)];
    let given = [Send(A, B), by_b(&gives, &[]), t(B, w)];
    let by_neither = [by_a(&[]), Send(A, B), by_b(&[], &c)];
    let by_both = [by_a(&gives), Send(A, B), by_b(&gives, &[])];
    let pivot = [Send(A, B), by_b(&[], &c), t(B, m), Pivot(A, m)];
    let given_and_pivot = [Send(A, B), by_b(&gives, &[]), Pivot(A, w)];
    let new = |name: &str, steps: &[Step]| Choreography::new(name, steps).optional(&[C]);
    vec![
        new("n, C has no part", &none),
        new("n, C has no part, everyone cancels", &before).cancelled_by(&[A, B, C]),
        new("n, C has no part, with a deadline", &none).within(50),
        new("n, C has no part by A, nor by B, C cancels", &by_neither).cancelled_by(&[C]),
        new("n, C has no part, the pivot at A, B and C cancel", &pivot).cancelled_by(&[B, C]),
        new("n, C has a part", &given),
        new("n, C has a part, A and C cancel", &given).cancelled_by(&[A, C]),
        new("n, C has a part by A, and one by B", &by_both),
        new("n, C has a part, the pivot at A", &given_and_pivot),
    ]
}

/// The same, where messages are logged at any time, and where there is no room for two.
pub fn programs_that_log(of: Vec<Choreography>) -> Vec<Choreography> {
    of.into_iter().flat_map(|program| [program.clone().logging(), program.without_room()]).collect()
}

/// Both roles refuse, by themselves; which of it is why, they must agree on.
fn both_refuse() -> Step {
    Step::scope_why(&[Transaction(A, Refuses), Transaction(B, Works), Transaction(B, Refuses)], &[])
}

/// Those that take longer.
pub fn larger_programs() -> Vec<Choreography> {
    let (w, m) = (Works, MayRefuse);
    let t = Transaction;
    let b = |t0, t1, t2| [t(A, t0), Send(A, B), t(B, t1), Send(B, C), t(C, t2), Send(C, A)];
    let c = |t0, t1, t2| [t(A, t0), Send(A, B), Send(A, C), t(B, t1), t(C, t2)];
    let d = [Send(A, B), t(B, w), Send(B, A), t(A, w), Send(A, B), t(B, m), Send(B, A)];
    let f = [t(A, w), Send(A, C), t(C, w), Send(C, B), t(B, w)];
    let f_back = [t(A, w), Send(A, C), Send(A, B), t(C, w), Send(C, B), t(B, w), Send(B, A)];
    let g = |t0, t1| [t(A, t0), Send(A, B), Send(B, C), t(C, t1), Send(C, A)];
    let h = [Send(A, B), Send(A, C), t(B, Refuses), t(C, Refuses)];
    let l = |t0, t1, pivot| [t(A, t0), Send(A, B), Send(A, C), t(B, t1), Pivot(C, pivot)];
    let l_back = [Send(A, B), t(B, m), Send(B, C), Send(C, A), Pivot(C, m)];
    let l_here = [Send(A, B), Send(A, C), t(B, m), t(C, w), Pivot(A, m)];
    vec![
        Choreography::new("b", &b(w, w, w)),
        Choreography::new("b, t2 may refuse", &b(w, w, m)),
        Choreography::new("b', A cancels", &b(w, w, w)).cancelled_by(&[A]),
        Choreography::new("b, everything may refuse", &b(m, m, m)),
        Choreography::new("b, with a deadline", &b(w, w, m)).within(50),
        Choreography::new("c, t2 refuses", &c(w, w, Refuses)),
        Choreography::new("c, everything may refuse", &c(m, m, m)),
        Choreography::new("d', t2 may refuse", &d),
        Choreography::new("f, A cancels", &f).cancelled_by(&[A]),
        Choreography::new("f with a value back, A cancels", &f_back).cancelled_by(&[A]),
        Choreography::new("g", &g(w, w)),
        Choreography::new("g, everything may refuse", &g(m, m)),
        Choreography::new("h", &h),
        Choreography::new("l", &l(m, m, m)),
        Choreography::new("l, A and C cancel", &l(w, w, w)).cancelled_by(&[A, C]),
        Choreography::new("l, A only asks", &l_back),
        Choreography::new("l, the pivot at A, B cancels", &l_here).cancelled_by(&[B]),
    ]
}

/// Scopes of three, whose first role collects the votes.
pub fn scopes_of_three() -> Vec<Choreography> {
    let (w, m) = (Works, MayRefuse);
    let t = Transaction;
    let fan = |b, c| [Send(A, B), Send(A, C), t(B, b), t(C, c)];
    let back = [Send(A, B), Send(A, C), t(B, w), t(C, m), Send(C, A)];
    let first = [t(A, Refuses), Send(A, B), Send(B, C)];
    let abc = [t(A, w), Send(A, B), Send(A, C), t(B, Refuses), t(C, Refuses)];
    let told = [Send(A, B), Send(A, C), t(C, m)];
    let row = [Send(A, B), Send(B, C), t(C, m)];
    vec![
        Choreography::new("scope of three", &[Step::scope_why(&abc, &[])]),
        Choreography::new("scope of three, only C acts", &[Step::scope(&told, &[])]),
        Choreography::new("scope of three, in a row", &[Step::scope(&row, &[])]),
        Choreography::new("scope of three, C may refuse", &[Step::scope(&fan(w, m), &[])]),
        Choreography::new("scope of three, why C refuses", &[Step::scope_why(&fan(w, m), &[])]),
        Choreography::new("scope of three, B and C may refuse", &[Step::scope_why(&fan(m, m), &[])]),
        Choreography::new("scope of three, and back", &[Step::scope(&back, &[])]),
        Choreography::new("scope of three, A refuses first", &[Step::scope_why(&first, &[Send(C, A)])]),
    ]
}

/// As far as every build goes with those that take longer: some of them are complete by then.
const STATES_MAX: usize = 11_000;

#[test]
fn every_schedule_of_programs_of_two_roles() {
    programs_of_two().into_iter().for_each(|program| explore(program, 100_000, true));
}

#[test]
fn every_schedule_of_larger_programs() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    larger_programs().into_iter().for_each(|program| explore(program, asked.unwrap_or(STATES_MAX), asked.is_some()));
}

#[test]
fn every_schedule_of_programs_with_an_optional_role() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    for program in [programs_with_an_optional_role(), programs_with_a_giver()].concat() {
        explore(program, asked.unwrap_or(STATES_MAX), false);
    }
}

/// Where one of two collects the votes, all states are gone through; of three, as many as are asked for.
#[test]
fn every_schedule_of_scopes_whose_votes_are_collected() {
    let scopes = programs_of_two().into_iter().filter(|program| program.name.starts_with("scope"));
    fault::collecting_in_pairs(|| scopes.for_each(|program| explore(program, 100_000, true)));
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    scopes_of_three().into_iter().for_each(|program| explore(program, asked.unwrap_or(STATES_MAX), false));
}

/// The programs that log have many more states: as many as this are gone through in every build, which is all of most without scopes.
const STATES_LOGGING_MAX: usize = 50_000;

#[test]
fn every_schedule_of_programs_of_two_roles_that_log() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    for program in programs_that_log(programs_of_two()) {
        let has_scopes = program.name.starts_with("scope");
        let states_max = if has_scopes { STATES_MAX } else { STATES_LOGGING_MAX };
        explore(program, asked.unwrap_or(states_max), asked.is_some() && !has_scopes);
    }
}

#[test]
fn every_schedule_of_larger_programs_that_log() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    for program in programs_that_log(larger_programs()) {
        explore(program, asked.unwrap_or(STATES_MAX), false);
    }
}

fn explore(program: Choreography, states_max: usize, completely: bool) {
    let (name, began) = (program.name.clone(), Instant::now());
    let Explored { states, complete, violation } = Search::explore(program, states_max);
    if let Some(violation) = violation {
        panic!("{name}: {violation}");
    }
    let all = if complete { "all" } else { "not all" };
    println!("{name:36} {states:>10} states, {all:7} {:>7.1} s", began.elapsed().as_secs_f64());
    assert!(complete || !completely, "{name} has more than {states_max} states");
}
