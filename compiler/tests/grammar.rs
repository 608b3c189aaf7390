//! `grammar.md` tells the truth: its examples compile, and it lists every keyword.

use chor::diagnostic::Severity;
use chor::diagnostic::render::{Colour, Renderer};
use chor::source::Sources;

#[test]
fn examples_compile() {
    let page = include_str!("../../grammar.md");
    let mut example_count = 0;
    for part in page.split("```chor").skip(1) {
        let (_, rest) = part.split_once('\n').expect("a fence ends its line");
        let example = rest.split("```").next().unwrap_or_default();
        let sources = Sources::single("grammar.md", example);
        let compilation = chor::compile(&sources, &chor::Options::default());
        let renderer = Renderer::new(&sources, Colour::Off);
        let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.severity() == Severity::Error);
        let blocks: String = errors.map(|diagnostic| renderer.block(diagnostic)).collect();
        assert!(blocks.is_empty(), "{example}{blocks}");
        example_count += 1;
    }
    assert!(example_count >= 20, "{example_count} examples were found");
}

#[test]
fn every_keyword_is_listed() {
    let page = include_str!("../../grammar.md");
    let listed = page.lines().find(|line| line.starts_with("| keyword |")).expect("the table of tokens is there");
    for token in chor::syntax::token::Token::ALL.iter().filter(|token| token.is_keyword()) {
        let text = token.text().expect("a keyword has one text");
        assert!(listed.split([' ', '`']).any(|word| word == text), "`{text}` is not listed");
    }
}
