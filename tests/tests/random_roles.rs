//! The Rust that is generated for random programs does what the choreographies say.
#![allow(missing_docs, clippy::panic, reason = "a test")]

use std::sync::Arc;

use accompanist_tests::generator::generate;
use accompanist_tests::oracle::{Case, compare};
use accompanist_tests::random_roles::{PROGRAMS, play};
use chor::interpret::Outcome;

/// Inputs of each program, and schedules of each input.
const INPUTS: u64 = 12;
const SCHEDULES: u64 = 3;

#[test]
fn generated_roles_do_what_the_choreography_says() {
    let mut completed = 0;
    for (seed, roles) in PROGRAMS {
        let program = generate(*seed);
        let compilation = Arc::new(chor::compile(&program.sources(), &chor::Options::default()));
        for input in 0..INPUTS {
            let mut case = Case::new(Arc::clone(&compilation), seed * 100 + input).expect("a session can be started");
            case.is_punctual = true;
            let said = case.said(0);
            if said.outcome == Outcome::Endless {
                continue;
            }
            completed += u64::from(matches!(said.outcome, Outcome::Completed(_)));
            for schedule in 0..SCHEDULES {
                let held = play(&case, *roles, schedule).and_then(|played| compare(&case, &said, &played));
                if let Err(what) = held {
                    panic!("program {seed}, input {input}, schedule {schedule}: {what}\n{}", program.text());
                }
            }
        }
    }
    let runs = PROGRAMS.len() as u64 * INPUTS;
    assert!(PROGRAMS.len() > 20 && completed * 2 > runs, "{completed} of {runs} runs of {} programs", PROGRAMS.len());
}
