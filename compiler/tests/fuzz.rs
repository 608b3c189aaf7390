//! Random programs through all stages and every front end's part. Normally some hundred; for longer,
//! `ACCOMPANIST_FUZZ_SECONDS=3600 cargo test --release -p chor --test fuzz`, from another seed with `ACCOMPANIST_FUZZ_SEED`.
//! What fails is made smaller and printed with its seed.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reads the clock and may panic"
)]

mod mutate;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use chor::diagnostic::render::{Colour, Renderer};
use chor::diagnostic::{Diagnostics, Severity};
use chor::source::Sources;
use chor::span::{FileId, Span};
use chor::{Compilation, Options, codegen, editor, lir};
use mutate::{NESTING, Random, mutated, nest, programs, tokens};

/// How many programs a normal run tries.
const PROGRAM_COUNT: u64 = 150;

/// How long a program may take where slow ones are looked for, with `ACCOMPANIST_FUZZ_SECONDS`. A
/// normal run does not measure time, which depends on the machine and its load.
const PROGRAM_TIME_MAX: Duration = Duration::from_secs(20);

/// The stack of a thread unless it is told otherwise.
const STACK_BYTES: usize = 2 << 20;

/// How many attempts are made to make what fails smaller.
const SHRINK_COUNT_MAX: usize = 300;

/// Takes a program through everything, and panics where something does not hold.
fn try_all(text: &str) {
    let sources = Sources::single("fuzz.chor", text);
    let compilation = chor::compile(&sources, &Options::default());
    let renderer = Renderer::new(&sources, Colour::Off);
    let holds = |span: Span| {
        let (start, end) = (span.start as usize, span.end as usize);
        let within = start <= end && text.is_char_boundary(start) && text.is_char_boundary(end);
        assert!(within, "{span:?} is no place in a text of {} bytes", text.len());
    };
    for diagnostic in &compilation.diagnostics {
        let prose = diagnostic.prose();
        holds(prose.primary.span);
        prose.labels.iter().for_each(|label| holds(label.span));
        prose.edits.iter().for_each(|edit| holds(edit.span));
        assert!(!renderer.block(diagnostic).is_empty() && !renderer.short(diagnostic).is_empty());
        #[cfg(feature = "cli")]
        {
            let object = chor::cli::json::object(&sources, diagnostic, "");
            serde_json::from_str::<serde_json::Value>(&object).expect("an object is JSON");
        }
    }
    let skeleton = codegen::skeleton(&compilation, None);
    syn::parse2::<syn::File>(skeleton).expect("the skeleton is Rust");
    if !compilation.has_errors() {
        let rust = codegen::generate(&compilation, None);
        syn::parse2::<syn::File>(rust).expect("generated Rust is Rust");
        for projection in &compilation.projections {
            let choreography = &compilation.hir.choreographies[projection.choreography];
            for role in choreography.role_ids() {
                assert!(!lir::print::program(&compilation.hir, projection, role).is_empty());
            }
        }
    }
    for diagram in chor::diagram::diagrams(&compilation) {
        assert!(!chor::diagram::mermaid(&diagram).is_empty());
        assert!(!chor::diagram::svg(&chor::diagram::layout(&diagram)).is_empty());
    }
    try_editor(&compilation, text);
    try_format(text);
}

/// What an editor asks about a program, at some places of it.
fn try_editor(compilation: &Compilation, text: &str) {
    let file = FileId(0);
    let declarations = editor::Declarations::new(compilation);
    for part in 0..4 {
        let mut at = text.len() * part / 3;
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let offset = u32::try_from(at).expect("a text is short");
        editor::hover(compilation, file, offset);
        if let Some(name) = editor::name_at(compilation, &declarations, file, offset) {
            // It may be refused.
            let _ = editor::rename(compilation, name.declared, "another");
        }
        let (span, _) = editor::complete(&compilation.sources, file, offset);
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} is no place");
    }
    for hint in editor::hints(compilation, Span::new(file, 0, u32::MAX)) {
        assert!(text.is_char_boundary(hint.offset as usize), "{hint:?} stands nowhere");
    }
    let highlights = editor::highlights(compilation, file);
    assert!(highlights.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start), "words overlap");
    editor::outline(compilation, file);
    editor::foldings(compilation, file);
}

fn try_format(text: &str) {
    let form = |text: &str| {
        let mut diagnostics = Diagnostics::new();
        let form = chor::format::format("fuzz.chor", text, &mut diagnostics);
        let refused = diagnostics.finish().iter().any(|diagnostic| diagnostic.severity() == Severity::Error);
        assert_eq!(form.is_none(), refused, "a text has a form or errors");
        form
    };
    let Some(once) = form(text) else { return };
    let twice = form(&once).unwrap_or_else(|| panic!("the form has errors:\n{once}"));
    assert!(once == twice, "the form is not its own:\n{once}\n{twice}");
    assert_eq!(words(text), words(&once), "the form has other tokens");
}

/// The tokens of a text without commas, which come and go.
fn words(text: &str) -> Vec<String> {
    let (tokens, _) = tokens(text);
    tokens.iter().map(|(_, token)| token.trim_end().to_owned()).filter(|token| token != ",").collect()
}

/// What goes wrong with a program, on a thread with the stack that threads have. A stack that overflows ends the process, which
/// says the thread's name; its program is then in the file `fuzz-<name of the test's thread>.chor` in the folder for tests.
fn fault(text: &str, name: &str) -> Option<String> {
    let test = std::thread::current().name().unwrap_or("test").to_owned();
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{test}.chor"));
    std::fs::write(path, text).expect("the directory for tests can be written");
    let (sender, receiver) = mpsc::channel();
    let program = text.to_owned();
    let run = move || {
        let caught = catch_unwind(AssertUnwindSafe(|| try_all(&program)));
        let words = |panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
        };
        // Nobody waits any more where it took too long.
        let _ = sender.send(caught.err().map(words));
    };
    let builder = std::thread::Builder::new().stack_size(STACK_BYTES).name(name.to_owned());
    builder.spawn(run).expect("a thread can be started");
    if number("ACCOMPANIST_FUZZ_SECONDS").is_none() {
        return receiver.recv().expect("the thread tells how it went");
    }
    receiver.recv_timeout(PROGRAM_TIME_MAX).unwrap_or_else(|_| Some(format!("takes longer than {PROGRAM_TIME_MAX:?}")))
}

/// A smaller program with a fault: pieces are taken out as long as one is left.
fn shrunk(text: &str) -> String {
    let mut text = text.to_owned();
    let mut attempts = 0;
    let mut length = tokens(&text).0.len() / 2;
    while length > 0 {
        let mut at = 0;
        while at < tokens(&text).0.len() && attempts < SHRINK_COUNT_MAX {
            let (pieces, end) = tokens(&text);
            let kept = pieces.iter().take(at).chain(pieces.iter().skip(at + length));
            let smaller = kept.map(|(before, token)| format!("{before}{token}")).collect::<String>() + end;
            attempts += 1;
            if fault(&smaller, "shrink").is_some() {
                text = smaller;
            } else {
                at += length;
            }
        }
        length /= 2;
    }
    text
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn random_programs_come_through() {
    let seconds = number("ACCOMPANIST_FUZZ_SECONDS");
    let first = number("ACCOMPANIST_FUZZ_SEED").unwrap_or(0);
    let programs = programs();
    let started = Instant::now();
    let mut seed = first;
    let goes_on = |seed: u64| match seconds {
        Some(seconds) => started.elapsed() < Duration::from_secs(seconds),
        None => seed - first < PROGRAM_COUNT,
    };
    while goes_on(seed) {
        let text = mutated(&programs, &mut Random::new(seed));
        if let Some(fault) = fault(&text, &format!("seed {seed}")) {
            let smaller = shrunk(&text);
            panic!("ACCOMPANIST_FUZZ_SEED={seed}: {fault}\nof\n{text}\nor shorter\n{smaller}");
        }
        seed += 1;
    }
    if seconds.is_some() {
        println!("{} programs in {:?}", seed - first, started.elapsed());
    }
}

#[test]
fn deep_nesting_of_anything_is_an_error_and_no_overflow() {
    for nesting in NESTING {
        // Each `each` doubles what a member of its group may be, and so the programs within: depth costs as much as it says.
        let doubles = nesting.0.starts_with("each ");
        for count in if doubles { [1, 2, 3, 4, 5, 6] } else { [2, 10, 20, 30, 41, 62] } {
            let name = format!("{nesting:?} {count} times");
            assert_eq!(fault(&nest(nesting, count), &name), None, "{name}");
        }
        let text = nest(nesting, 100_000);
        let compile = move || {
            let compilation = chor::compile(&Sources::single("fuzz.chor", text), &Options::default());
            compilation.diagnostics.iter().map(|found| found.code().as_str()).collect::<Vec<_>>()
        };
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).name(format!("{nesting:?}")).spawn(compile);
        let found = thread.expect("a thread can be started").join().expect("nothing panics");
        assert_eq!(found, ["E0006"], "{nesting:?}");
    }
}

#[test]
fn huge_literals_and_types_come_through() {
    let digits = "9".repeat(1_000_000);
    let texts = [
        format!("choreography C<A>(x: u64@A) {{ let y = {digits}; }}"),
        format!("choreography C<A>(x: u64@A) {{ let y = \"{digits}\"; }}"),
        format!("choreography C<A>(x: u64@A) {{ let y = 1.{digits}; }}"),
        format!("choreography C<A>(x: u64@A) {{ let y = {digits}s; }}"),
        format!("choreography C{digits}<A>(x: u64@A) {{ let y = x.{digits}; }}"),
        format!("struct R {{ a: {}u8{} }}", "Vec<".repeat(100_000), ">".repeat(100_000)),
        format!("struct R {{ a: {}u8{} }}", "(".repeat(100_000), ",)".repeat(100_000)),
        format!("struct R {{ a: {}u8 }}", "a::".repeat(100_000)),
        format!("{}x{}", "/*".repeat(100_000), "*/".repeat(100_000)),
        format!("choreography C<{}>() {{}}", (0..200).map(|index| format!("R{index},")).collect::<String>()),
        format!("enum E {{ {} }}", (0..10_000).map(|index| format!("V{index}(u8),")).collect::<String>()),
    ];
    for text in texts {
        assert_eq!(fault(&text, &format!("{text:.60}")), None, "{text:.60}");
    }
}
