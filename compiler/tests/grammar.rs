//! `grammar.md` tells the truth: its examples compile, and those marked `not-yet` are read and reported as not supported.

use chor::diagnostic::render::{Colour, Renderer};
use chor::diagnostic::{Code, Severity};
use chor::source::Sources;

#[test]
fn examples_compile_or_are_not_yet_supported() {
    let page = include_str!("../../grammar.md");
    let mut example_count = 0;
    for part in page.split("```chor").skip(1) {
        let (kind, rest) = part.split_once('\n').expect("a fence ends its line");
        let example = rest.split("```").next().unwrap_or_default();
        let sources = Sources::single("grammar.md", example);
        let compilation = chor::compile(&sources, &chor::Options::default());
        let renderer = Renderer::new(&sources, Colour::Off);
        let is_error = |severity| severity == Severity::Error;
        let errors: Vec<_> =
            compilation.diagnostics.iter().filter(|diagnostic| is_error(diagnostic.severity())).collect();
        let blocks: String = errors.iter().map(|diagnostic| renderer.block(diagnostic)).collect();
        let not_yet = kind.trim() == "not-yet";
        assert_eq!(!errors.is_empty(), not_yet, "{example}{blocks}");
        let told = errors.iter().any(|diagnostic| diagnostic.code() == Code::E0401);
        let misread = errors.iter().any(|diagnostic| diagnostic.code() < Code::E0101);
        assert!(told == not_yet && !misread, "{example}{blocks}");
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
