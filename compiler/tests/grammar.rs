//! `grammar.md` tells the truth: its examples compile without a warning, what it shows of projections is what `chor project` prints, and it lists every
//! keyword and every section.

#![allow(clippy::indexing_slicing, reason = "a test may panic")]

use chor::Compilation;
use chor::diagnostic::render::{Colour, Renderer};
use chor::lir::print;
use chor::source::Sources;

const PAGE: &str = include_str!("../../grammar.md");

/// The code blocks of the page, each with its language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    // Text and blocks take turns.
    let parts = PAGE.split("```").skip(1).step_by(2);
    parts.map(|part| part.split_once('\n').expect("a fence ends its line")).collect()
}

fn compile(example: &str) -> (Sources, Compilation) {
    let sources = Sources::single("grammar.md", example);
    let compilation = chor::compile(&sources, &chor::Options::default());
    (sources, compilation)
}

#[test]
fn examples_compile() {
    let mut example_count = 0;
    for (_, example) in blocks().into_iter().filter(|(language, _)| *language == "chor") {
        let (sources, compilation) = compile(example);
        let renderer = Renderer::new(&sources, Colour::Off);
        let said: String = compilation.diagnostics.iter().map(|diagnostic| renderer.block(diagnostic)).collect();
        assert!(said.is_empty(), "{example}{said}");
        example_count += 1;
    }
    assert!(example_count >= 24, "{example_count} examples were found");
}

/// The programs of a role in all choreographies, their lines without indentation.
fn programs(compilation: &Compilation, role: &str) -> String {
    let mut programs = String::new();
    for projection in &compilation.projections {
        let choreography = &compilation.hir.choreographies[projection.choreography];
        for id in choreography.role_ids().filter(|id| choreography.role_name(*id) == role) {
            programs += &print::program(&compilation.hir, projection, id);
        }
    }
    without_indentation(&programs)
}

fn without_indentation(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_start())).collect()
}

#[test]
fn projections_are_those_of_the_examples() {
    let mut example = None;
    let mut shown_count = 0;
    for (language, block) in blocks() {
        match language {
            "chor" => example = Some(block),
            "chor-project" => {
                let (role, shown) = block.split_once('\n').expect("the first line names the role");
                let role = role.strip_prefix("// ").expect("it does so in a comment");
                let (_, compilation) = compile(example.expect("an example stands above"));
                let programs = programs(&compilation, role);
                assert!(
                    programs.contains(&without_indentation(shown)),
                    "`chor project --role {role}` prints\n{programs}"
                );
                shown_count += 1;
            }
            _ => {}
        }
    }
    assert!(shown_count >= 8, "{shown_count} projections were found");
}

#[test]
fn every_keyword_is_listed() {
    let listed = PAGE.lines().find(|line| line.starts_with("| keyword |")).expect("the table of tokens is there");
    for token in chor::syntax::token::Token::ALL.iter().filter(|token| token.is_keyword()) {
        let text = token.text().expect("a keyword has one text");
        assert!(listed.split([' ', '`']).any(|word| word == text), "`{text}` is not listed");
    }
}

#[test]
fn the_table_of_contents_lists_every_section() {
    let sections: Vec<String> = PAGE.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect();
    let listed: Vec<String> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("- ["))
        .filter_map(|line| line.split_once("](#"))
        .map(|(title, rest)| {
            let anchor = rest.split(')').next().unwrap_or_default();
            assert_eq!(anchor, title.to_lowercase().replace(' ', "-"));
            title.to_owned()
        })
        .collect();
    assert_eq!(listed, sections);
}
