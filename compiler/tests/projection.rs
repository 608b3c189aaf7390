//! Random choreographies, projected, run against each other: no run gets stuck, no message is lost, and every role does what the
//! choreography says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod simulator;

use std::collections::BTreeMap;
use std::fmt::Write;

use chor::source::Sources;
use simulator::{Ended, simulate};

const ROLES: [&str; 4] = ["A", "B", "C", "D"];
const PROGRAMS: u64 = 1500;

/// A random number generator (xorshift), so that a seed names a program.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from((self.0 >> 11) % bound).unwrap()
    }
}

/// What a choreography does, as the generator means it.
enum Act {
    Do(usize, usize),
    Message(usize, usize),
    /// `let name = source@from ~> to`
    Share(String, String, usize, Vec<usize>),
    If(String, Vec<Act>, Vec<Act>),
    Abort(usize),
}

struct Generator {
    random: Random,
    names: usize,
}

impl Generator {
    fn block(&mut self, depth: usize, vars: &[(String, Vec<usize>)]) -> Vec<Act> {
        let mut vars = vars.to_vec();
        let mut acts = Vec::new();
        for _ in 0..self.random.below(4) {
            let var = self.random.below(u64::try_from(vars.len()).unwrap());
            let (name, place) = vars[var].clone();
            match self.random.below(10) {
                0..=2 => acts.push(Act::Do(self.random.below(4), self.random.below(2))),
                3..=4 => {
                    let from = self.random.below(4);
                    acts.push(Act::Message(from, (from + 1 + self.random.below(3)) % 4));
                }
                5..=6 => {
                    let from = place[self.random.below(u64::try_from(place.len()).unwrap())];
                    let mut to: Vec<usize> = (0..4).filter(|_| self.random.below(2) == 0).collect();
                    if to.is_empty() || to == [from] {
                        to = vec![(from + 1) % 4];
                    }
                    self.names += 1;
                    let fresh = format!("v{}", self.names);
                    vars.push((fresh.clone(), to.clone()));
                    acts.push(Act::Share(fresh, name, from, to));
                }
                _ if depth > 0 => {
                    let then = self.branch(depth, &vars);
                    let otherwise = self.branch(depth, &vars);
                    acts.push(Act::If(name, then, otherwise));
                    if ends(&acts) {
                        return acts;
                    }
                }
                _ => {}
            }
        }
        acts
    }

    fn branch(&mut self, depth: usize, vars: &[(String, Vec<usize>)]) -> Vec<Act> {
        let mut acts = self.block(depth - 1, vars);
        if self.random.below(8) == 0 && !ends(&acts) {
            acts.push(Act::Abort(self.random.below(4)));
        }
        acts
    }
}

/// Whether nothing is reached behind these.
fn ends(acts: &[Act]) -> bool {
    match acts.last() {
        Some(Act::Abort(_)) => true,
        Some(Act::If(_, then, otherwise)) => ends(then) && ends(otherwise),
        Some(Act::Do(..) | Act::Message(..) | Act::Share(..)) | None => false,
    }
}

fn print(acts: &[Act], out: &mut String) {
    for act in acts {
        match act {
            Act::Do(role, label) => writeln!(out, "{}.act(\"{label}\");", ROLES[*role]).unwrap(),
            Act::Message(from, to) => writeln!(out, "{} ~> {};", ROLES[*from], ROLES[*to]).unwrap(),
            Act::Share(name, source, from, to) => {
                let to: Vec<&str> = to.iter().map(|role| ROLES[*role]).collect();
                writeln!(out, "let {name} = {source}@{} ~> {{{}}};", ROLES[*from], to.join(", ")).unwrap();
            }
            Act::If(name, then, otherwise) => {
                writeln!(out, "if {name} {{").unwrap();
                print(then, out);
                writeln!(out, "}} else {{").unwrap();
                print(otherwise, out);
                writeln!(out, "}}").unwrap();
            }
            Act::Abort(role) => writeln!(out, "abort {}, \"no\";", ROLES[*role]).unwrap(),
        }
    }
}

/// What each role does, by the choreography; `None` where it aborts.
fn run(acts: &[Act], vars: &mut BTreeMap<String, bool>, done: &mut [Vec<String>; 4]) -> Option<()> {
    for act in acts {
        match act {
            Act::Do(role, label) => done[*role].push(label.to_string()),
            Act::Message(..) => {}
            Act::Share(name, source, ..) => {
                let value = vars[source];
                vars.insert(name.clone(), value);
            }
            Act::If(name, then, otherwise) => {
                let branch = if vars[name] { then } else { otherwise };
                run(branch, vars, done)?;
            }
            Act::Abort(_) => return None,
        }
    }
    Some(())
}

fn check(seed: u64) -> usize {
    let mut generator = Generator { random: Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1), names: 0 };
    (0..50).for_each(|_| {
        generator.random.below(2);
    });
    let params: Vec<(String, Vec<usize>)> = (0..3).map(|index| (format!("p{index}"), vec![0])).collect();
    let acts = generator.block(3, &params);
    let mut text = "service S { fn act(label: String); }\nchoreography Random<A: S, B: S, C: S, D: S>(p0: bool@A, p1: bool@A, p2: bool@A) {\n".to_owned();
    print(&acts, &mut text);
    text.push_str("}\n");
    let compilation = chor::compile(&Sources::single("random.chor", text.as_str()), &chor::Options::default());
    let words: Vec<String> = compilation.diagnostics.iter().map(|diagnostic| diagnostic.prose().message).collect();
    assert!(!compilation.has_errors(), "seed {seed}: {words:?}\n{text}");
    let projection = &compilation.projections[0];
    let programs: String = projection
        .programs
        .iter()
        .map(|program| chor::lir::print::program(&compilation.hir, projection, program.role))
        .collect();
    let mut selections = programs.matches("// inferred").count() / 2;
    for bits in 0..8_u8 {
        let values: Vec<bool> = (0..3).map(|bit| bits & (1 << bit) != 0).collect();
        let mut vars = params.iter().zip(&values).map(|((name, _), value)| (name.clone(), *value)).collect();
        let mut done = <[Vec<String>; 4]>::default();
        let said = run(&acts, &mut vars, &mut done);
        let context = || format!("seed {seed}, inputs {values:?}\n{text}\n{programs}");
        match (simulate(projection, &values), said) {
            (Ended::Completed(did), Some(())) => assert_eq!(did, done.to_vec(), "{}", context()),
            (Ended::Aborted(did), None) => {
                for (did, said) in did.iter().zip(&done) {
                    assert!(said.starts_with(did) || did.starts_with(said), "{did:?} {said:?} {}", context());
                }
            }
            (ended, said) => panic!("{ended:?} where the choreography says {said:?}: {}", context()),
        }
        selections += usize::from(said.is_none());
    }
    selections
}

#[test]
fn random_choreographies_do_what_they_say() {
    let interesting = (0..PROGRAMS).filter(|seed| check(*seed) > 0).count();
    assert!(interesting > 100, "only {interesting} programs of {PROGRAMS} have a selection or an abort");
}
