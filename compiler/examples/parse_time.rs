//! Times the parser on a generated program: `cargo run --release -p chor --example parse_time [LINES]`.

use std::time::Instant;

use chor::diagnostic::Diagnostics;
use chor::source::Sources;

fn main() {
    let line_count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(10_000);
    let program = include_str!("../tests/programs/orders.chor");
    let copies = line_count / program.lines().count() + 1;
    let mut text = program.repeat(copies);
    let end = text.match_indices('\n').nth(line_count).map_or(text.len(), |(index, _)| index + 1);
    text.truncate(end);
    let sources = Sources::single("generated.chor", text);
    for _ in 0..5 {
        let mut diagnostics = Diagnostics::new();
        let start = Instant::now();
        let files = chor::syntax::parse(&sources, &mut diagnostics);
        let elapsed = start.elapsed();
        let item_count: usize = files.iter().map(|file| file.items.len()).sum();
        println!("{line_count} lines, {item_count} items, {} problems: {elapsed:?}", diagnostics.len());
    }
}
