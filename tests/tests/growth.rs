//! Values that a program makes larger and larger: all runtimes, the machine and the interpreter end
//! the session at the same place for the same reason, before the memory is full.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::store::Memory;
use accompanist::{Error, Node, RoleId, VALUE_PARTS_MAX};
use accompanist_tests::generated::growth::{Double, Gather, Grow, Source, double, gather, grow};
use accompanist_tests::machine::{Play, Player, Wire, World};
use accompanist_tests::oracle::Desk;
use accompanist_tests::stage::TIMING;
use accompanist_tests::wait::within;
use chor::Compilation;
use chor::hir::growth::{TOO_LARGE, VALUE_PARTS_MAX as PARTS_MAX_OF_COMPILER};
use chor::hir::{ChoreographyId, IntTy, Ty};
use chor::interpret::{Called, Limits, Outcome, Participant, Services, Setup, Value, interpret};
use chor::source::Sources;

const PROGRAM: &str = "fixtures/growth.chor";

struct Texts;

impl Source<Memory> for Texts {
    fn text(&self, bytes: &usize) -> String {
        "a".repeat(*bytes)
    }
}

impl Services for Texts {
    fn operation(&mut self, called: Called<'_>) -> Result<Value, String> {
        Ok(self.function(called.operation, called.arguments, called.result))
    }

    fn function(&mut self, _: &str, arguments: &[Value], _: &Ty) -> Value {
        Value::text("a".repeat(arguments.first().and_then(Value::as_size).expect("the argument is a number")))
    }

    fn in_time(&mut self, _: Participant, _: u64) -> bool {
        true
    }
}

fn program() -> Arc<Compilation> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PROGRAM);
    let text = std::fs::read_to_string(path).expect("the fixture is there");
    let compilation = chor::compile(&Sources::single(PROGRAM, text), &chor::Options::default());
    assert!(compilation.diagnostics.is_empty());
    Arc::new(compilation)
}

fn choreography(program: &Compilation, name: &str) -> ChoreographyId {
    let index = program.hir.choreographies.iter().position(|one| one.name.name == name);
    ChoreographyId(index.and_then(|index| u32::try_from(index).ok()).expect("it is declared"))
}

/// What the interpreter says.
fn interpreted(program: &Compilation, name: &str, arguments: Vec<Value>) -> String {
    let setup = Setup { arguments, ..Setup::default() };
    let limits = Limits { steps: u64::MAX, depth: 2_000 };
    match interpret(program, choreography(program, name), &setup, &mut Texts, limits).outcome {
        Outcome::Completed(values) => values.values().map(Value::json).collect(),
        Outcome::Aborted(aborts) => aborts.into_iter().map(|(_, reason)| reason).collect(),
        Outcome::Endless => "endless".to_owned(),
    }
}

/// What the machine says, which plays the projected role on the plain runtime.
async fn by_machine(program: &Arc<Compilation>, name: &str, arguments: Vec<Value>) -> String {
    let play = Play::new(Arc::clone(program), choreography(program, name)).expect("it is projected");
    let player = Player { play: Arc::new(play), role: RoleId(0), world: Arc::new(World::new(1, 0, true)) };
    let arguments = arguments.into_iter().map(Wire).collect();
    let (session, store) = (PlainSession::new(), Arc::new(Desk::default()));
    match session.play_member(player, 0, &store, Some(arguments)).await {
        Ok(Wire(value)) => value.json(),
        Err(error) => reason(&error),
    }
}

fn reason(error: &Error) -> String {
    error.reason().map_or_else(|| error.to_string(), str::to_owned)
}

fn said<T: Debug>(result: Result<T, Error>) -> String {
    result.map_or_else(|error| reason(&error), |value| format!("{value:?}"))
}

/// What both runtimes say.
macro_rules! run {
    ($name:literal, $role:expr, $arguments:expr) => {{
        let (session, store) = (PlainSession::new(), Arc::new(Memory::new()));
        let plain = said(within("plain", session.play($role, &store, $arguments)).await);
        let node = Node::builder("a", Memory::new()).timing(TIMING).role($role);
        let node = node.assign($name, "a").start().await.expect("the node starts");
        let settled = said(within("node", node.start($arguments).settled()).await);
        assert_eq!(plain, settled, "the plain runtime and a node do the same");
        settled
    }};
}

fn byte(number: u8) -> Value {
    Value::Int(i128::from(number), IntTy { signed: false, bits: Some(8) })
}

/// The text of what is too large, in the order of the cases; and with how many bytes more it is.
const GROWN: [(&str, usize); 35] = [
    ("(t + t)", 2),
    ("t.concat(t)", 2),
    ("t.repeat(2)", 2),
    ("\"bb\".replace(\"b\", t)", 2),
    ("[t, t]", 2),
    ("[\"\", \"\", \"\"].join(t)", 2),
    ("[\"b\", \"b\", t].join(t)", 0),
    ("[t].with(t)", 2),
    ("[t].concat([t])", 2),
    ("([t] + [t])", 2),
    ("[t].zip([t])", 2),
    ("[u].enumerate()", 2),
    ("(t, t)", 2),
    ("Pair { one: t, two: t }", 2),
    ("Duo::Both(t, t)", 2),
    ("empty.with(t, t)", 2),
    ("Some(t).zip(Some(t))", 2),
    ("(\"ΐ\".repeat(2796202) + more + \"abc\").to_uppercase()", 2),
    ("(\"İ\".repeat(5592405) + more).to_lowercase()", 2),
    ("full.push('c')", 2),
    ("text.push_str(t)", 2),
    ("list.push(t)", 2),
    ("list.insert(0, t)", 2),
    ("list.extend([t])", 2),
    ("two[1] = t;", 2),
    ("two[1].push_str(t)", 2),
    ("map.insert(t, t)", 2),
    ("keys.extend(none.with(\"c\" + t[1..], 1))", 1),
    ("slots.1.replace(t)", 2),
    ("shelf.name = t;", 2),
    ("shelf.books.push(t)", 1),
    ("Source.text(16777215 + more.len())", 2),
    ("text_of(16777215 + more.len())", 2),
    ("text + text", 2),
    ("[(t, 1)].with((t, 1))", 1),
];

/// The cases in which Rust is called, which the machine does not do.
const IN_RUST: [usize; 2] = [31, 32];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_makes_a_value_too_large_aborts_with_its_place() {
    let program = program();
    let mut wrong = Vec::new();
    for (which, (text, too_many)) in GROWN.into_iter().enumerate() {
        let number = u8::try_from(which).expect("there are few cases");
        for more in ["", "x", "xy"] {
            let ended = run!("Source", grow::Source::new(Texts), Grow { which: number, more: more.to_owned() });
            let expected = format!("`{text}` {TOO_LARGE}");
            let is_too_large = ended.contains("growth.chor:") && ended.ends_with(&expected);
            let is_number = ended.parse::<usize>().is_ok();
            let arguments = || vec![byte(number), Value::text(more)];
            let mut said = vec![("the interpreter", interpreted(&program, "Grow", arguments()))];
            if !IN_RUST.contains(&which) {
                said.push(("the machine", by_machine(&program, "Grow", arguments()).await));
            }
            let others = said.into_iter().filter(|(_, said)| *said != ended);
            wrong
                .extend(others.map(|(by, said)| format!("{by} says {said} of {which} with `{more}`, and not {ended}")));
            if is_too_large != (more.len() >= too_many) || is_too_large == is_number {
                wrong.push(format!("{which} with `{more}`: {ended}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const DOUBLED: [&str; 13] = [
    "text + text",
    "text.push_str(text)",
    "text.replace(\"x\", \"xx\")",
    "[text, text]",
    "list + list",
    "list.extend(list)",
    "[lists.flatten(), lists.flatten()]",
    "[tree, tree]",
    "Tree::Fork { left: [tree], right: [tree] }",
    "trees.push(Tree::Node(trees))",
    "map.insert(n.to_string(), text)",
    "text + text",
    "[tree, tree]",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_doubles_in_each_round_aborts() {
    let mut wrong = Vec::new();
    for (which, text) in (0..).zip(DOUBLED) {
        let ended = run!("A", double::A::new(), Double { which });
        if !ended.contains("growth.chor:") || !ended.ends_with(&format!("`{text}` {TOO_LARGE}")) {
            wrong.push(format!("{which}: {ended}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_many_say_is_too_large_together() {
    let node = Node::builder("a", Memory::new()).timing(TIMING).role(gather::A::new()).role(gather::Worker::new());
    let node = node.assign("A", "a").start().await.expect("the node starts");
    for (more, fits) in [("x", true), ("xy", false)] {
        let start = node.start(Gather { more: more.to_owned() }).members("Worker", ["a", "a"]);
        let ended = said(within("the session", start.settled()).await);
        let reason = format!("`each w in Worker {{ (\"a\".repeat(8388607) + end)@w ~> A }}` {TOO_LARGE}");
        assert_eq!((ended == "2", ended.ends_with(&reason)), (fits, !fits), "{ended}");
    }
}

#[test]
fn the_compiler_and_the_runtime_have_the_same_limit() {
    assert_eq!(VALUE_PARTS_MAX, PARTS_MAX_OF_COMPILER);
}
