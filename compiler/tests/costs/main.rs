//! Small files that cost much: random files of at most 4 KiB, grown from the programs of the repository
//! towards more time and memory. A normal run tries some hundred and holds the memory only, which is the
//! same on each machine. `ACCOMPANIST_FUZZ_SECONDS=3600 cargo test --release -p chor --test costs -- --nocapture`
//! also holds the time; `ACCOMPANIST_FUZZ_SEED` takes other files.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test reads the clock and may panic"
)]

#[path = "../mutate/mod.rs"]
mod mutate;

mod grow;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use chor::diagnostic::Diagnostics;
use chor::diagnostic::render::{Colour, Renderer};
use chor::source::Sources;
use chor::span::{FileId, Span};
use chor::{Compilation, Options, codegen, editor};
use cpu_time::ProcessTime;
use mutate::{Random, programs};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The longest file that is tried.
const FILE_BYTES_MAX: usize = 4 << 10;

/// The memory that one command may take for it.
const MEMORY_BYTES_MAX: usize = 500 << 20;

/// The time of the processor that one command may take for it, in a release build.
const TIME_MAX: Duration = Duration::from_secs(2);

/// A command that takes this long is taken to hang.
const HANGS_AFTER: Duration = Duration::from_secs(120);

/// How many files a normal run tries.
const FILE_COUNT: u64 = 120;

/// The dearest files so far, from which others are grown.
const KEPT_MAX: usize = 48;

/// What one command took.
#[derive(Clone, Copy, Default)]
struct Cost {
    time: Duration,
    bytes: usize,
}

impl Cost {
    /// For the choice of files only: a megabyte counts as a millisecond, and bytes of text do not come free.
    fn score(self, is_timed: bool, text: &str) -> u64 {
        let micros = if is_timed { u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX) } else { 0 };
        (micros + self.bytes as u64 / 1_000) * 1_000 / (text.len() as u64 + 500)
    }
}

fn compile(text: &str) -> Compilation {
    chor::compile(&Sources::single("costs.chor", text), &Options::default())
}

fn check(text: &str) {
    let sources = Sources::single("costs.chor", text);
    let compilation = chor::compile(&sources, &Options::default());
    let renderer = Renderer::new(&sources, Colour::Off);
    let length: usize = compilation.diagnostics.iter().map(|found| renderer.block(found).len()).sum();
    assert_eq!(length == 0, compilation.diagnostics.is_empty());
}

fn build(text: &str) {
    let compilation = compile(text);
    if compilation.has_errors() {
        return;
    }
    for part in codegen::parts(&compilation, None) {
        let file = syn::parse2(part).expect("generated Rust is Rust");
        std::hint::black_box(prettyplease::unparse(&file));
    }
}

fn format(text: &str) {
    let _ = chor::format::format("costs.chor", text, &mut Diagnostics::new());
}

fn diagram(text: &str) {
    for diagram in chor::diagram::diagrams(&compile(text)) {
        assert!(!chor::diagram::mermaid(&diagram).is_empty());
        assert!(!chor::diagram::svg(&chor::diagram::layout(&diagram)).is_empty());
    }
}

/// What an editor asks when a file is opened, and at its middle.
fn edit(text: &str) {
    let compilation = compile(text);
    let file = FileId(0);
    let declared = editor::Declarations::new(&compilation);
    let middle = (text.len() / 2..).find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    let offset = u32::try_from(middle).expect("a file is short");
    editor::hover(&compilation, file, offset);
    if let Some(name) = editor::name_at(&compilation, &declared, file, offset) {
        // It may be refused.
        let _ = editor::rename(&compilation, name.declared, "another");
    }
    editor::complete(&compilation.sources, file, offset);
    editor::hints(&compilation, Span::new(file, 0, u32::MAX));
    editor::highlights(&compilation, file);
    editor::outline(&compilation, file);
    editor::foldings(&compilation, file);
}

/// A command and its name.
type Command = (&'static str, fn(&str));

const COMMANDS: [Command; 5] =
    [("check", check), ("build", build), ("fmt", format), ("diagram", diagram), ("lsp", edit)];

/// What the dearest command takes; the name and the cost of the first one that takes too much.
fn costs(text: &str, is_timed: bool) -> Result<Cost, String> {
    let mut dearest = Cost::default();
    for (name, command) in COMMANDS {
        let (sender, receiver) = mpsc::channel();
        let program = text.to_owned();
        let run = move || {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            let began = ProcessTime::now();
            command(&program);
            let bytes = MEMORY.peak_usage().saturating_sub(before);
            // Nobody waits any more where it was taken to hang.
            let _ = sender.send(Cost { time: began.elapsed(), bytes });
        };
        std::thread::spawn(run);
        let received = match is_timed {
            true => receiver.recv_timeout(HANGS_AFTER),
            false => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let cost = match received {
            Ok(cost) => cost,
            Err(RecvTimeoutError::Timeout) => return Err(format!("`{name}` has not ended after {HANGS_AFTER:?}")),
            Err(RecvTimeoutError::Disconnected) => return Err(format!("`{name}` panics")),
        };
        if cost.bytes > MEMORY_BYTES_MAX || (is_timed && cost.time > TIME_MAX) {
            return Err(format!("`{name}` takes {:?} and {} MB", cost.time, cost.bytes >> 20));
        }
        dearest = Cost { time: dearest.time.max(cost.time), bytes: dearest.bytes.max(cost.bytes) };
    }
    Ok(dearest)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// The dearest files, each with its score.
struct Kept(Vec<(u64, String)>);

impl Kept {
    fn add(&mut self, score: u64, text: String) {
        let place = self.0.partition_point(|(other, _)| *other >= score);
        if place < KEPT_MAX && !self.0.iter().any(|(_, other)| *other == text) {
            self.0.insert(place, (score, text));
            self.0.truncate(KEPT_MAX);
        }
    }
}

#[test]
fn no_small_file_costs_much() {
    let seconds = number("ACCOMPANIST_FUZZ_SECONDS").map(Duration::from_secs);
    let mut random = Random::new(number("ACCOMPANIST_FUZZ_SEED").unwrap_or(0));
    let mut programs: Vec<String> = programs().into_iter().map(|(_, text)| text).collect();
    programs.retain(|text| text.len() <= FILE_BYTES_MAX / 2);
    programs.extend(grow::CHAINS.map(str::to_owned));
    let (began, mut tried, mut kept, mut worst) = (Instant::now(), 0, Kept(Vec::new()), Cost::default());
    while seconds.map_or(tried < FILE_COUNT, |seconds| began.elapsed() < seconds) {
        let from_kept = !kept.0.is_empty() && !random.once_in(3);
        let text = match from_kept {
            true => kept.0[random.below(kept.0.len())].1.clone(),
            false => programs[random.below(programs.len())].clone(),
        };
        let other = &programs[random.below(programs.len())];
        let text = grow::grown(&text, other, &mut random);
        if text.len() > FILE_BYTES_MAX {
            continue;
        }
        tried += 1;
        match costs(&text, seconds.is_some()) {
            Ok(cost) => {
                worst = Cost { time: worst.time.max(cost.time), bytes: worst.bytes.max(cost.bytes) };
                kept.add(cost.score(seconds.is_some(), &text), text);
            }
            Err(fault) => panic!("{fault} for these {} bytes:\n{text}", text.len()),
        }
        if seconds.is_some() && tried % 2_000 == 0 {
            let (bytes, elapsed) = (worst.bytes >> 20, began.elapsed());
            println!("{tried} files in {elapsed:.0?}; at most {:.0?} and {bytes} MB", worst.time);
        }
    }
    println!("{tried} files; at most {:.0?} and {} MB", worst.time, worst.bytes >> 20);
}
