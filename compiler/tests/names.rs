//! What editors know of names, over the valid programs of the repository: each word leads to a declaration, gets another name without a change of what
//! the program means, and is offered where it stands. Normally some of the names; all of them with `ACCOMPANIST_NAMES=all`.
#![allow(clippy::disallowed_methods, reason = "a test reads files")]

mod mutate;

use std::collections::BTreeSet;

use chor::diagnostic::{Diagnostics, Edit};
use chor::editor::{Declarations, Declared, complete, names_at, rename};
use chor::hir::builtin::{Builtin, table::Form};
use chor::hir::ty::Ty;
use chor::load::load;
use chor::source::{SourceFile, Sources};
use chor::span::{FileId, Span};
use chor::syntax::lexer::lex;
use chor::syntax::token::Token;
use chor::{Compilation, Options, compile, lir};

const FIRST: FileId = FileId(0);

/// What the language declares beside types and methods.
const WORDS: [&str; 13] =
    ["Some", "None", "Ok", "Err", "len", "index", "role", "reason", "with", "none", "explicit", "Eq", "crate"];

/// The valid programs of the repository.
fn valid() -> impl Iterator<Item = Compilation> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let programs = mutate::programs().into_iter();
    let compiled =
        programs.map(move |(path, text)| compile(&load(SourceFile::new(path, text), read), &Options::default()));
    compiled.filter(|program| !program.has_errors())
}

/// Of a run of numbers, those that a normal run takes.
fn is_taken(number: usize, rarity: usize) -> bool {
    number.is_multiple_of(rarity) || std::env::var("ACCOMPANIST_NAMES").is_ok_and(|names| names == "all")
}

/// The names in the first file.
fn words(program: &Compilation) -> impl Iterator<Item = Span> {
    let text = program.sources.get(FIRST).map_or("", SourceFile::text);
    let tokens = lex(FIRST, text, &mut Diagnostics::new()).tokens.into_iter();
    tokens.filter(|(token, _)| *token == Token::Ident).map(|(_, span)| span)
}

fn place(program: &Compilation, span: Span) -> String {
    let file = program.sources.get(span.file).expect("the span is in a file");
    let at = file.line_column(span.start);
    format!("{}:{}:{}: `{}`", file.name(), at.line, at.column, program.sources.text(span))
}

fn edited(sources: &Sources, mut edits: Vec<Edit>) -> Sources {
    let mut changed = sources.clone();
    edits.sort_by_key(|edit| edit.span);
    for edit in edits.iter().rev() {
        let mut text = changed.get(edit.span.file).expect("the edit is in a file").text().to_owned();
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
        changed.set_text(edit.span.file, text);
    }
    changed
}

/// What is told of a program, and what each of its roles does. That a text has a name in braces is
/// left out: a new name does not change texts.
fn meaning(program: &Compilation) -> String {
    let told = program.diagnostics.iter().filter(|found| found.code().as_str() != "W0412");
    let told = told.map(|found| format!("{} {}\n", found.code().as_str(), found.prose().message));
    let mut meaning: String = told.collect();
    for projection in &program.projections {
        let choreography = program.hir.choreographies.get(projection.choreography).expect("it is of the program");
        for role in choreography.role_ids() {
            meaning += &lir::print::program(&program.hir, projection, role);
        }
    }
    meaning
}

#[test]
fn every_name_leads_to_its_declaration() {
    let methods = [Form::Method, Form::Function].into_iter().flat_map(Builtin::all);
    let known: BTreeSet<&str> = methods.map(|builtin| builtin.name()).chain(Ty::builtin_names()).chain(WORDS).collect();
    for program in valid() {
        let declarations = Declarations::new(&program);
        for reference in &program.references {
            assert!(declarations.at(reference.declared).is_some(), "{}", place(&program, reference.used));
        }
        for span in words(&program) {
            let word = program.sources.text(span);
            // In the path of a type or function of Rust's, only the last name is one of the program.
            let behind = Span { start: span.end, end: span.end + 2, ..span };
            let is_known = known.contains(word) || program.sources.text(behind) == "::";
            let names = names_at(&program, &declarations, FIRST, span.start);
            assert!(is_known || !names.is_empty(), "{}", place(&program, span));
            assert!(names.iter().all(|name| name.used == span), "{}", place(&program, span));
        }
    }
}

#[test]
fn under_another_name_a_program_means_the_same() {
    let mut count = 0;
    for program in valid() {
        let before = meaning(&program);
        let own = Declarations::new(&program);
        for (declared, what) in own.iter().filter(|(span, _)| span.file == FIRST) {
            count += 1;
            if !is_taken(count, 8) {
                continue;
            }
            let (old, place) = (program.sources.text(declared), place(&program, declared));
            // Of what begins with `_` nobody says that it is not used, and types are written in capitals.
            let fresh = match old.chars().next() {
                Some('_') => "_fresh_name",
                Some(first) if first.is_uppercase() => "FreshName",
                _ => "fresh_name",
            };
            let edits = rename(&program, declared, fresh).unwrap_or_else(|refusal| unreachable!("{place}: {refusal}"));
            let is_apart = edits.iter().any(|edit| edit.replacement.starts_with(": "));
            let after = compile(&edited(&program.sources, edits), &Options::default());
            assert_eq!(meaning(&after).replace(fresh, old), before, "{place}");
            back(&program, &after, (fresh, old), what, is_apart);
        }
    }
    assert!(count > 1_000, "{count}");
}

/// With its old name the program is what it was, but where one word stood for two names, which are written apart now.
fn back(program: &Compilation, after: &Compilation, (fresh, old): (&str, &str), what: Declared<'_>, is_apart: bool) {
    let is_same = |other: &Declared<'_>| std::mem::discriminant(other) == std::mem::discriminant(&what);
    let declarations = Declarations::new(after);
    let mut found =
        declarations.iter().filter(|(span, declared)| after.sources.text(*span) == fresh && is_same(declared));
    let (declared, _) = found.next().expect("it is declared under its new name");
    let edits =
        rename(after, declared, old).unwrap_or_else(|refusal| unreachable!("{}: {refusal}", place(after, declared)));
    let restored = edited(&after.sources, edits);
    for ((_, one), (_, other)) in program.sources.iter().zip(restored.iter()) {
        assert!(is_apart || one.text() == other.text(), "{}: {}", place(after, declared), other.text());
    }
}

#[test]
fn a_name_that_is_taken_out_is_offered() {
    let (mut count, mut missed) = (0, Vec::new());
    for program in valid() {
        let declarations = Declarations::new(&program);
        for span in words(&program) {
            let names = names_at(&program, &declarations, FIRST, span.start);
            // What declares a name invents it.
            if !names.iter().any(|name| name.used != name.declared) || !is_taken(count + 1, 20) {
                count += usize::from(!names.is_empty());
                continue;
            }
            count += 1;
            let cut = edited(&program.sources, vec![Edit { span, replacement: String::new() }]);
            let (_, offered) = complete(&cut, FIRST, span.start);
            if !offered.iter().any(|completion| completion.name == program.sources.text(span)) {
                missed.push(place(&program, span));
            }
        }
    }
    // Not known are a compensation that another operation shares, and what stands to the left of `=`.
    assert!(count > 1_000 && missed.len() <= 8, "{count}: {missed:#?}");
}
