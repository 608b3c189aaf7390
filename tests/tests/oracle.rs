//! Random programs over the whole language: what the compiler accepts, its projected roles do, under any schedule.
#![allow(missing_docs, clippy::panic, reason = "a test")]

use std::collections::BTreeMap;
use std::env;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use accompanist_tests::coverage::Coverage;
use accompanist_tests::generator::{Program, generate, shrink};
use accompanist_tests::oracle::{Case, Counts};
use chor::diagnostic::Severity;
use chor::interpret::Run;
use chor::source::Sources;

/// Programs of an ordinary run.
const PROGRAMS: u64 = 800;
/// Inputs of each, and schedules of each of these; the first input is played on the simulator as well.
const INPUTS: u64 = 2;
const SCHEDULES: u64 = 2;

/// What became of a program.
enum Verdict {
    /// It was refused, with these codes.
    Refused(Vec<String>),
    Right,
    Wrong(String),
}

/// What was seen in all runs.
#[derive(Default)]
struct Seen {
    coverage: Coverage,
    without_faults: Counts,
    with_faults: Counts,
}

/// On the simulator, without faults and with them.
fn simulate(case: &Case, said: &Run, seed: u64, seen: &mut Seen) -> Result<(), String> {
    let held = case.check_simulated(said, seed, false, &mut seen.without_faults);
    held.map_err(|what| format!("on the simulator, seed {seed}: {what}"))?;
    let held = case.check_simulated(said, seed, true, &mut seen.with_faults);
    held.map_err(|what| format!("on the simulator with faults, seed {seed}: {what}"))
}

fn check(program: &Program, seed: u64, seen: &mut Seen) -> Verdict {
    check_sources(&program.sources(), seed, seen)
}

fn check_text(text: &str, seed: u64, seen: &mut Seen) -> Verdict {
    check_sources(&Sources::single("random.chor", text), seed, seen)
}

fn check_sources(sources: &Sources, seed: u64, seen: &mut Seen) -> Verdict {
    let checked = catch_unwind(AssertUnwindSafe(|| {
        let compilation = chor::compile(sources, &chor::Options::default());
        if compilation.has_errors() {
            let errors = compilation.diagnostics.iter().filter(|found| found.severity() == Severity::Error);
            return Verdict::Refused(
                errors.map(|error| format!("{} {}", error.code(), error.prose().message)).collect(),
            );
        }
        let compilation = Arc::new(compilation);
        seen.coverage.program(&compilation);
        for input in 0..INPUTS {
            let Some(case) = Case::new(Arc::clone(&compilation), seed.wrapping_mul(7).wrapping_add(input)) else {
                return Verdict::Wrong("no session of it can be started".to_owned());
            };
            match case.check(SCHEDULES) {
                Ok(said) => {
                    seen.coverage.run(&said);
                    let simulated = if input == 0 { simulate(&case, &said, seed, seen) } else { Ok(()) };
                    if let Err(what) = simulated {
                        return Verdict::Wrong(format!("input {input}, groups {:?}: {what}", case.groups));
                    }
                }
                Err(what) => return Verdict::Wrong(format!("input {input}, groups {:?}: {what}", case.groups)),
            }
        }
        Verdict::Right
    }));
    checked.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|words| (*words).to_owned()));
        Verdict::Wrong(format!("panic: {}", words.unwrap_or_default()))
    })
}

/// `FIRST+COUNT` of the environment, or the seeds of an ordinary run.
fn seeds() -> std::ops::Range<u64> {
    let given = env::var("ACCOMPANIST_PROGRAMS").ok();
    let range = given.as_deref().and_then(|given| given.split_once('+'));
    let number = |text: &str| text.parse::<u64>().ok();
    match range.and_then(|(first, count)| number(first).zip(number(count))) {
        Some((first, count)) => first..first + count,
        None => 0..PROGRAMS,
    }
}

/// A program of one's own, with many inputs: `ACCOMPANIST_FILE`.
fn run_file(path: &str) {
    let text = std::fs::read_to_string(path).expect("the file is there");
    println!("{}", roles(&text));
    for seed in 0..200 {
        match check_text(&text, seed, &mut Seen::default()) {
            Verdict::Right => {}
            Verdict::Refused(words) => panic!("refused: {words:?}"),
            Verdict::Wrong(what) => panic!("seed {seed}: {what}"),
        }
    }
}

fn run() {
    if let Ok(path) = env::var("ACCOMPANIST_FILE") {
        return run_file(&path);
    }
    let (mut seen, mut refused) = (Seen::default(), BTreeMap::<String, (u64, u64)>::new());
    let seeds = seeds();
    let failures_max = env::var("ACCOMPANIST_FAILURES").ok().and_then(|most| most.parse().ok()).unwrap_or(1_usize);
    let (mut refusals, mut failures) = (0_u64, Vec::new());
    for seed in seeds.clone() {
        let program = generate(seed);
        match check(&program, seed, &mut seen) {
            Verdict::Right => {}
            Verdict::Refused(words) => {
                refusals += 1;
                let code = words.first().cloned().unwrap_or_default();
                let code = code.split_whitespace().next().unwrap_or_default().to_owned();
                let count = refused.entry(code).or_insert((0, seed));
                count.0 += 1;
                if env::var("ACCOMPANIST_REFUSED").is_ok() {
                    println!("seed {seed}: {words:?}");
                }
            }
            Verdict::Wrong(_) => {
                let still = |program: &Program| matches!(check(program, seed, &mut Seen::default()), Verdict::Wrong(_));
                let mut still = still;
                let tries = env::var("ACCOMPANIST_SHRINK").ok().and_then(|tries| tries.parse().ok());
                let small = shrink(&program, tries.unwrap_or(3000), &mut still);
                if let Verdict::Wrong(what) = check(&small, seed, &mut Seen::default()) {
                    failures.push(format!("seed {seed}: {what}\n{}", small.text()));
                }
                if failures.len() >= failures_max {
                    break;
                }
            }
        }
    }
    let Seen { coverage, without_faults, with_faults } = seen;
    println!("simulated: {without_faults:?}\nwith faults: {with_faults:?}");
    println!("{coverage}\nnever made: {:?}\nrefused: {refusals}: {refused:?}", coverage.missing());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let count = seeds.end - seeds.start;
    assert_eq!(coverage.unknown(), [""; 0], "these are counted, and not in a list of constructs");
    assert!(count < PROGRAMS || coverage.missing().is_empty(), "no program has these: {:?}", coverage.missing());
    assert!(refusals * 100 < count.max(1) * 5, "{refusals} of {count} programs are refused: {refused:?}");
}

/// The programs of all roles.
fn roles(text: &str) -> String {
    let compilation = chor::compile(&Sources::single("random.chor", text), &chor::Options::default());
    let print = |projection: &chor::lir::Projection| {
        let roles = projection.programs.iter().map(|program| program.role);
        roles.map(|role| chor::lir::print::program(&compilation.hir, projection, role)).collect::<String>()
    };
    compilation.projections.iter().map(print).collect()
}

#[test]
fn what_the_roles_do_is_what_the_choreography_says() {
    // Expressions within expressions go deep.
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(run).expect("there is room for a thread");
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// A program that once went wrong, with many inputs.
fn stays_right(roles: &str, body: &str) {
    stays_right_with("", roles, body);
}

/// The same, with choreographies that are called.
fn stays_right_with(called: &str, roles: &str, body: &str) {
    stays_right_for(0..40, called, roles, body);
}

fn stays_right_for(seeds: Range<u64>, called: &str, roles: &str, body: &str) {
    let text = format!("{}{called}choreography Main<{roles} {{\n{body}\n}}\n", accompanist_tests::generator::PRELUDE);
    for seed in seeds {
        match check_text(&text, seed, &mut Seen::default()) {
            Verdict::Right => {}
            Verdict::Refused(words) => panic!("refused: {words:?}"),
            Verdict::Wrong(what) => panic!("seed {seed}: {what}\n{}", self::roles(&text)),
        }
    }
}

#[test]
fn the_end_of_a_loop_does_not_overtake_its_last_round() {
    let body = r#"
        let mut i: u32@A = 0;
        while i < 2 {
            let o = C.take("t1", B.note("t2", 1)@B ~> C);
            i = i + 1;
        }"#;
    stays_right("A: S, B: S, C: S>()", body);
    let body = r#"
        let mut i: u32@C = 0;
        while i < 3 {
            if true@B && (A.is_even(p)@A ~> B) {}
            i = i + 1;
        } else {
            C ~> {A, B};
        }"#;
    stays_right("A: S, B: S, C: S>(p: u32@A)", body);
}

#[test]
fn a_role_that_is_not_in_the_rounds_is_told_behind_the_loop() {
    let body = r#"
        for x in xs { B.note("t1", x ~> B); } 
        let mut go: bool@A = A.flip("t2");
        while go { A ~> B; go = false; } else { select A ~> C; A ~> C; C.log("t3"); }"#;
    stays_right("A: S, B: S, C: S>(xs: Vec<u32>@A)", body);
}

#[test]
fn a_loop_whose_body_aborts_tells_that_it_stops() {
    stays_right("A: S, B: S>(xs: Vec<u32>@A)", r#"for x in xs { B ~> A; abort A, "no"; }"#);
}

#[test]
fn whoever_has_no_part_in_a_scope_has_the_units_of_its_value() {
    let body = r#"
        let (h, k) = saga { ((), D.take("t", 1)) } else { ((), D.take("u", 1)) };
        (h, k)"#;
    stays_right("A: S, B: S, D: S>() -> (()@B, u32@D)", body);
    let body = r#"
        let (h, k) = if p { ((), D.take("t", 1)) } else { ((), D.take("u", 1)) };
        (h, k)"#;
    stays_right("A: S, B: S, D: S>(p: bool@A) -> (()@B, u32@D)", body);
    // Where the unit is said to live at one role: of the result, that role has all.
    let body = r#"
        let (h, k) = saga { (()@A, D.note("t", 1)) } else { ((), D.note("u", 1)) };
        (p, h)"#;
    stays_right("A: S, B: S, D: S>(p: bool@A) -> (bool@A, ()@A)", body);
    let body = r#"
        let (h, k) = if D.flip("g") { (()@B ~> A, D.note("t", 1)) } else { ((), D.note("u", 1)) };
        (p, h)"#;
    stays_right("A: S, B: S, D: S>(p: bool@A) -> (bool@A, ()@A)", body);
}

#[test]
fn a_value_that_grows_with_each_round_is_too_long_a_run() {
    let body = r#"
        let mut xs: Vec<u32>@A = [1];
        for i in 0..64 { xs.extend(xs); }"#;
    stays_right("A: S, B: S>()", body);
}

#[test]
fn what_each_has_is_changed_in_its_own_block_only() {
    let body = r#"
        let mut own: Vec<u32>@each W = [4];
        for w in W { own.push(W.len().to_u32()); A ~> w; }
        own"#;
    stays_right("A: S, W[]: S>() -> Vec<u32>@each W", body);
}

#[test]
fn a_part_of_the_result_that_nobody_sent_is_kept() {
    let body = r#"
        let m = 3@B ~> {C, W};
        let (l, r) = ([7].with(2), 3_u32);
        (m, l, r)"#;
    stays_right("A: S, B: S, C: S, W[]: S>() -> (u32@W, Vec<u32>@A, u32@A)", body);
}

#[test]
fn what_a_scope_undoes_is_undone_though_the_session_ends_meanwhile() {
    let body = r#"
        each v in {B, C} {
            each w in {A, B} {
                saga { C.take("t1", 1); A.risky_take("t2", p); v.list("t3"); } else why { }
                match v.small("t4") { -1 => { } b => { abort v, "no"; } }
            }
        }"#;
    stays_right("A: S, B: S, C: S>(p: u32@A)", body);
}

#[test]
fn calls_that_are_alike_in_both_branches_do_not_tell_which_it_is() {
    let relay = "choreography Relay<P: S, Q: S, R: S>(x: u32@P) -> u32@{Q, R} { x ~> {Q, R} }\n";
    let body = r#"
        if p {
            let k = Relay<A, B, C>(1);
            C.log("t1");
        } else {
            let k = Relay<A, B, C>(1);
        }"#;
    stays_right_with(relay, "A: S, B: S, C: S>(p: bool@A)", body);
}

#[test]
fn what_may_fail_in_a_call_is_computed_though_nothing_else_is_done_there() {
    let half = "choreography Half<P: S, Q: S>(x: u32@P) { let y = 10 / x; Q.log(\"t1\"); }\n";
    stays_right_with(half, "A: S, B: S>(x: u32@A)", r#"Half<A, B>(x); A.log("t2");"#);
}

#[test]
fn a_scope_about_nobody_has_everybody() {
    stays_right("A: S, B: S>(p: u32@A)", "if A.is_even(p) { saga { let n: u32 = [1, 2].len().to_u32(); } }");
}

/// A run that was given up had left a write in the queue, which replaced what the next run had read: that one's next write was refused, and those
/// behind it were not. It takes such a schedule to see it.
#[test]
fn a_run_that_was_given_up_spoils_no_record_of_the_next() {
    let body = r#"
        let m = 7@B ~> {A, C};
        for e in 1..=2 {
            let n = C.take("t1", m);
            if n > 50 { C.take("t2", n); A.word("t3"); } else { A.word("t4"); }
            B.flip("t5") ~> A;
        }
        B ~> {A, C};"#;
    stays_right_for(44_850..44_860, "", "A: S, B: S, C: S>()", body);
}

#[test]
fn an_operand_is_computed_where_its_whole_is() {
    let body = r#"
        let m = (B.take("t1", 3))@B ~> {A, B, C};
        let (d, e) = ("x", [4, 0][(m % 4).to_usize()])@C;
        A.letter("t2");"#;
    stays_right("A: S, B: S, C: S>()", body);
    let body = r#"
        let m = (B.take("t1", 3))@B ~> {A, B, C};
        let d = [4, 0][(m % 4).to_usize()] + p;
        A.letter("t2");"#;
    stays_right("A: S, B: S, C: S>(p: u32@C)", body);
}

#[test]
fn a_message_in_every_branch_brings_the_value_of_the_choice() {
    let body = r#"
        let r: Result<u32, u32> = if p { Ok(x ~> B) } else { Err(x + 1 ~> B) };
        let s = match q { Some(0) => x ~> B, Some(n) => n ~> B, None => 7@A ~> B };
        B.note("t1", r.unwrap_or(3) + s);
        s"#;
    stays_right("A: S, B: S, C: S>(p: bool@A, q: Option<u32>@A, x: u32@A) -> u32@B", body);
    // By way of a role that does the same in both branches.
    let body = r#"
        if p { let y = x ~> B; let z = y ~> C; C.take("t1", z) } else { let y = 2@A ~> B; y ~> C }"#;
    stays_right("A: S, B: S, C: S>(p: bool@A, x: u32@A) -> u32@C", body);
}

#[test]
fn calls_in_every_branch_bring_the_value_of_the_choice() {
    let relay = "choreography Relay<P: S, Q: S, R: S>(x: u32@P) -> u32@{Q, R} { x ~> {Q, R} }\n";
    let body = r#"
        let (here, there) = (x, x + 1);
        let k = if p { Relay<A, B, C>(here) } else { Relay<A, B, C>(there) };
        let l = match x { 0 => Relay<A, C, B>(1), 1 => Relay<A, C, B>(2), n => n ~> {B, C} };
        B.note("t1", k + l);
        C.note("t2", k + l);"#;
    stays_right_with(relay, "A: S, B: S, C: S>(p: bool@A, x: u32@A)", body);
}

#[test]
fn a_value_without_a_place_is_sent_by_whoever_is_named() {
    let body = r#"
        A.note("t1", 1);
        let y = 1@A ~> B;
        B.note("t2", y);
        let z = ()@B ~> C within 1s;
        C.log("t3");
        (2, 3)@C ~> {A, C};"#;
    stays_right("A: S, B: S, C: S>()", body);
}

#[test]
fn what_all_members_hold_is_sent_by_each_in_its_own_copy() {
    let body = r#"
        let x = 3@A ~> W;
        let all = each w in W { x + w.note("t1", x) ~> A };
        let sums = for w in W { x * 2 ~> A };
        let y = each w in W { each a in V { x + 1 ~> a } };
        A.note("t2", all.sum() + sums.sum());"#;
    stays_right("A: S, W[]: S, V[]: S>()", body);
}

#[test]
fn members_whose_numbers_differ_play_the_roles_of_one_call() {
    let transfer = "choreography Transfer<P: S, Q: S>(x: u32@P) -> u32@Q { x ~> Q }\n";
    let body = r#"
        let own = each i in W { i.note("t1", i.index) };
        let mut sum: u32@each W = 0;
        for i in W { for j in W {
            if i.index != j.index { let got = Transfer<i, j>(own@i % 50); sum = sum + got * 2; } else { i.log("t2"); }
        } }
        each i in W { each j in W {
            if i.index <= j.index { } else {
                let y = Transfer<i, j>(own@i % 50);
                if y > 3 { j.note("t3", y); } else { Transfer<j, i>(y); }
            }
        } }
        sum"#;
    stays_right_with(transfer, "A: S, W[]: S>() -> u32@each W", body);
}

#[test]
fn sizes_are_of_the_type_that_is_asked_for() {
    let body = r#"
        let mut m = x % 3;
        let mut ys = xs + [m, W.len()];
        ys[m % ys.len()] = ys.len();
        let own = each w in W { w.note("t1", w.index * 2) };
        m = m + ys[0_u8] + xs.len();
        (m, ys[..m % 2], own)"#;
    stays_right("A: S, W[]: S>(x: u32@A, xs: Vec<u32>@A) -> (u32@A, Vec<u32>@A, u32@each W)", body);
}

#[test]
fn what_comes_first_in_a_recursive_call_tells_the_branch() {
    let called = r#"
choreography Down<P: S, Q: S, R: S>(n: u32@P, x: u32@P) -> u32@P {
    let m = x + n ~> Q;
    Q.note("t1", m % 50);
    if n > 0 { Down<P, Q, R>(n - 1, m % 7 ~> P) } else { Q ~> R; R.log("t2"); x }
}
choreography Turn<P: S, Q: S, R: S>(n: u32@P) -> u32@P {
    if n > 2 { 3 } else { (Turn<Q, R, P>(n + 1 ~> Q) ~> P) + (Back<R, P, Q>(n + 2 ~> R) ~> P) }
}
choreography Back<P: S, Q: S, R: S>(n: u32@P) -> u32@P {
    if n > 2 { 4 } else { Q.note("t3", Turn<P, Q, R>(n + 1) ~> Q) ~> P }
}
"#;
    let body = r#"
        let k = Down<A, B, C>(x % 3, 5);
        let l = Turn<A, B, C>(x % 2);
        (k, l)"#;
    stays_right_with(called, "A: S, B: S, C: S>(x: u32@A) -> (u32@A, u32@A)", body);
}
