//! The versions of random programs: an edit that no session of `Main` could tell keeps its version, one that it could changes it.
#![allow(missing_docs, clippy::panic, reason = "a test stops at what it does not expect")]

use accompanist_tests::generator::{PRELUDE, generate};
use accompanist_tests::random::Random;
use chor::load::load;
use chor::source::{SourceFile, Sources};
use chor::{Compilation, Options};

const PROGRAMS: u64 = 40;
/// Rewritings of each program.
const REWRITINGS: u64 = 3;

fn compile(files: &[(String, String)]) -> Compilation {
    let text = |path: &str| files.iter().find(|(name, _)| name == path).map(|(_, text)| text.clone());
    let (name, root) = files.first().cloned().unwrap_or_default();
    let sources: Sources = load(SourceFile::new(name, root), |path| text(path).ok_or_else(String::new));
    chor::compile(&sources, &Options::default())
}

/// The version of `Main`, where the program is accepted.
fn version(files: &[(String, String)]) -> Option<[u8; 32]> {
    let compilation = compile(files);
    let main = compilation.hir.choreographies.iter().position(|it| it.name.name == "Main")?;
    compilation.projections.iter().find(|projection| projection.choreography == main).map(|it| it.fingerprint)
}

/// The files with a change of each of their texts.
fn each(files: &[(String, String)], change: impl Fn(&str) -> String) -> Vec<(String, String)> {
    files.iter().map(|(name, text)| (name.clone(), change(text))).collect()
}

/// A declaration of the prelude, and what it is to be.
struct Edit {
    /// The line as it stands.
    from: String,
    to: String,
    /// What the rest of the program says where it reaches the declaration.
    used: String,
}

/// For each operation of the prelude: another kind, another compensation, another parameter, and to be gone.
fn operation_edits() -> Vec<Edit> {
    let mut edits = Vec::new();
    for line in PRELUDE.lines().filter(|line| line.starts_with("    ") && line.ends_with(';')) {
        let Some(name) = line.split('(').next().and_then(|head| head.split(' ').next_back()) else { continue };
        if !["fn ", "pure fn ", "transaction "].iter().any(|kind| line.trim_start().starts_with(kind)) {
            continue;
        }
        let mut to = vec![String::new()];
        // Operations that share a compensation have the same parameters.
        if !line.ends_with("compensate dismiss;") {
            to.push(line.replace(&format!("{name}("), &format!("{name}(added: u8, ")));
        }
        match (line.strip_prefix("    fn "), line.strip_prefix("    pure fn "), line.strip_prefix("    transaction ")) {
            (Some(rest), _, _) if rest.contains(" compensate ") => {
                // A compensation that is shared is one of operations of one kind.
                to.push(format!("{};", line.split(" compensate ").next().unwrap_or_default()));
                to.push(line.replace(" compensate ", " compensate other_than_"));
            }
            (Some(rest), _, _) => {
                to.push(format!("    pure fn {rest}"));
                to.push(format!("    transaction {} compensate none;", rest.trim_end_matches(';')));
                to.push(format!("    fn {} compensate undo_{name};", rest.trim_end_matches(';')));
            }
            (_, Some(rest), _) => to.push(format!("    fn {rest}")),
            (_, _, Some(rest)) => {
                to.push(format!("    fn {};", rest.split(" compensate ").next().unwrap_or_default()));
                to.push(match rest.ends_with("none;") {
                    true => line.replace("compensate none", &format!("compensate undo_{name}")),
                    false => format!("{} compensate none;", line.split(" compensate ").next().unwrap_or_default()),
                });
            }
            (None, None, None) => {}
        }
        let used = format!(".{name}(");
        edits.extend(to.into_iter().map(|to| Edit { from: line.to_owned(), to, used: used.clone() }));
    }
    assert!(edits.len() > 60, "the prelude's operations are found");
    edits
}

#[test]
fn an_operation_changes_the_version_of_those_that_call_it_and_of_no_others() {
    let edits = operation_edits();
    let (mut changed, mut kept) = (0, 0);
    for seed in 0..PROGRAMS {
        let files = generate(seed).texts();
        let before = version(&files).unwrap_or_else(|| panic!("program {seed} is accepted"));
        let calls: String = files.iter().map(|(_, text)| text.replace(PRELUDE, "")).collect();
        // Some edits of each program, all of them over the programs.
        for edit in edits.iter().skip((seed % 5) as usize).step_by(5) {
            let is_used = calls.contains(&edit.used);
            let after = version(&each(&files, |text| text.replace(&edit.from, &edit.to)));
            match (is_used, after) {
                // A call of what is not there any more is refused.
                (true, None) => {}
                (true, Some(after)) => {
                    assert_ne!(after, before, "program {seed} calls `{}`, which becomes `{}`", edit.from, edit.to);
                    changed += 1;
                }
                (false, Some(after)) => {
                    assert_eq!(
                        after, before,
                        "program {seed} does not call `{}`, which becomes `{}`",
                        edit.from, edit.to
                    );
                    kept += 1;
                }
                (false, None) => panic!("program {seed} does not call `{}`, which becomes `{}`", edit.from, edit.to),
            }
        }
    }
    assert!(changed > 20 && kept > 300, "{changed} changed, {kept} kept");
}

/// Changes that say the same in other words or in another order.
fn rewritten(files: &[(String, String)], random: &mut Random) -> Vec<(String, String)> {
    match random.below(4) {
        0 => each(files, |text| text.replace(";\n", "; // said\n\n  ")),
        // The items of each file in the other order, behind what it uses and says of itself.
        1 => each(files, |text| {
            let (head, items) = match text.find("choreography ").filter(|_| !text.contains("service ")) {
                Some(start) => text.split_at(start),
                None => ("", text),
            };
            if !head.trim().is_empty() || text.starts_with("#!") || text.starts_with("use ") {
                return text.to_owned();
            }
            let items: Vec<&str> = items.split_inclusive("\n}\n").collect();
            items.into_iter().rev().collect()
        }),
        2 => each(files, |text| {
            let unused =
                "struct NeverUsed { of: Vec<NeverUsed> }\nservice Idle { fn rest(of: NeverUsed) -> NeverUsed; }\n";
            match text.contains("service S {") {
                true => format!("{text}{unused}")
                    .replace("    pure fn size", "    fn idle(of: NeverUsed) compensate busy;\n    pure fn size"),
                false => text.to_owned(),
            }
        }),
        _ => {
            let compilation = compile(files);
            let renamed = renamed(&compilation, files);
            renamed.unwrap_or_else(|| files.to_vec())
        }
    }
}

/// All variables of `Main` by other names; nothing where one stands for a field, too.
fn renamed(compilation: &Compilation, files: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let main = compilation.hir.choreographies.iter().find(|it| it.name.name == "Main")?;
    let params: Vec<_> = main.params.iter().map(|param| param.name.span).collect();
    let mut places = Vec::new();
    for (number, local) in main.body.locals.iter().enumerate() {
        if local.name.is_empty() || params.contains(&local.span) {
            continue;
        }
        let uses = compilation.references.iter().filter(|it| it.declared == local.span).map(|it| it.used);
        places.extend(uses.chain([local.span]).map(|span| (span, format!("other_{number}"))));
    }
    places.sort_by_key(|(span, _)| std::cmp::Reverse((span.file, span.start)));
    places.dedup_by_key(|(span, _)| (span.file, span.start));
    let mut texts: Vec<(String, String)> = files.to_vec();
    for (span, name) in places {
        let file = compilation.sources.get(span.file)?.name();
        let text = &mut texts.iter_mut().find(|(path, _)| path == file)?.1;
        text.replace_range(span.start as usize..span.end as usize, &name);
    }
    Some(texts)
}

#[test]
fn what_says_the_same_keeps_the_version() {
    let mut kept = 0;
    for seed in 0..PROGRAMS {
        let mut random = Random::new(seed);
        let files = generate(seed).texts();
        let before = version(&files).unwrap_or_else(|| panic!("program {seed} is accepted"));
        for _ in 0..REWRITINGS {
            let other = rewritten(&files, &mut random);
            // A new name in a shorthand is another field, which is refused.
            let Some(after) = version(&other).filter(|_| other != files) else { continue };
            assert_eq!(after, before, "program {seed}, rewritten:\n{other:?}");
            kept += 1;
        }
    }
    assert!(kept * 2 > PROGRAMS * REWRITINGS, "{kept} of {} rewritings", PROGRAMS * REWRITINGS);
}
