//! That the checkers find what is wrong: with each rule of the protocol broken in turn, the explorer or the simulator fails, and within how many
//! states or seeds.

use std::panic::catch_unwind;

use super::choreography::C;
use super::explore::{
    Lies, Search, larger_programs, programs_of_two, programs_that_log, programs_with_a_giver, programs_with_a_liar,
    programs_with_an_optional_role, scopes_of_three,
};
use super::simulate;
use crate::RoleId;
use crate::fault::{self, Fault};

/// Where a fault shows: after at most so many states of this program, and after at most so many seeds of the simulator. Three faults need a
/// schedule so rare that only the explorer finds it; two need what its programs have not: a loop, and messages that wait for another one.
struct Shows {
    program: Option<(&'static str, usize)>,
    /// This role lies: nothing shows where all are honest.
    liar: Option<RoleId>,
    seeds: Option<u64>,
}

fn shows(fault: Fault) -> Shows {
    let at = |name, states_max, seeds| Shows { program: Some((name, states_max)), liar: None, seeds };
    let lied = |name, states_max| Shows { program: Some((name, states_max)), liar: Some(C), seeds: None };
    let (a, refused, cancelled) = ("a", "a, everything may refuse", "a', A and B cancel");
    let logging = "d, logging";
    let (early, scope) = ("e, t0 may refuse, A and B cancel", "scope, everything may refuse");
    let (outside, collected) = ("i, B may refuse", "scope of three, C may refuse");
    match fault {
        Fault::SendsBeforeDurable => at(a, 50, Some(500)),
        Fault::AcceptsBeforeDurable => at(a, 50, Some(500)),
        Fault::CommitsAfterAbort => at(refused, 500, Some(500)),
        Fault::SettledGoesOnSending => at("b", 100_000, None),
        Fault::ReusesPositions => Shows { program: None, liar: None, seeds: Some(500) },
        Fault::VotesTwice => at(cancelled, 200, Some(500)),
        Fault::ResultNotInVote => at(a, 100, Some(500)),
        Fault::TellsBeforeDurable => at(early, 5_000, None),
        Fault::EndsWhatWasTold => at("j, A and B cancel", 10_000, None),
        Fault::VotesForOthers => lied("b, everything may refuse", 20_000),
        Fault::BelievesDoneOfAnyone => lied("b, everyone cancels", 20_000),
        Fault::InitiatorIsBegun => lied("b", 100),
        Fault::DoneBeforeDurable => at(a, 200, Some(500)),
        Fault::VoteAnsweredFromMemory => at(a, 100, Some(500)),
        Fault::AbortWithoutRecord => at(early, 500, Some(500)),
        Fault::AnswersBeforeRecord => at(a, 500, Some(500)),
        Fault::UndoesInOrderOfCommit => at("scope, then refused", 500, Some(500)),
        Fault::UndoesAgain => at(refused, 300, Some(500)),
        Fault::ForgetsAlone => at(a, 100, Some(500)),
        Fault::LearnerForgets => at(refused, 100, Some(500)),
        Fault::LearnerDoesNotSayOver => at("h", 100_000, None),
        Fault::OverBeforeDurable => at(a, 500, Some(500)),
        Fault::OverForUnknown => at(a, 500, None),
        Fault::LeavesScopeEarly => at(scope, 100, Some(500)),
        Fault::ScopeVoteBeforeDurable => at(scope, 100, Some(500)),
        Fault::RunsFailedScopeAgain => at(scope, 100, Some(500)),
        Fault::StaysInScope => at(scope, 100, Some(500)),
        Fault::TellsScopeEndEarly => at(collected, 500, Some(500)),
        Fault::KeepsScopeEnd => at(collected, 5_000, Some(500)),
        Fault::StableBeforeDurable => at(logging, 200, Some(500)),
        Fault::StableWhenVoted => at(logging, 500, Some(500)),
        Fault::ForgetsLog => at(logging, 200, Some(500)),
        Fault::CallsBeforeIntent => at(outside, 100, Some(500)),
        Fault::PassesIntentsBy => at("i, A and B cancel", 500, Some(500)),
        Fault::RunsPivotEarly => at("k, the pivot at A, A and B cancel", 500, Some(500)),
        Fault::ExcusesRoleWithPart => at("m, C has a part", 500, None),
        Fault::ForgetsWhomItGave => at("n, C has a part", 500, None),
        Fault::AbortsWithoutPart => at("m, C has no part in two choices, C cancels", 500, None),
        Fault::ForgetsUnrecordable => at("i, not recordable", 100, Some(500)),
        Fault::IgnoresKeep => at("d, without room", 50, Some(500)),
        Fault::RefusesAwaited => Shows { program: None, liar: None, seeds: Some(500) },
    }
}

/// After how many states `program` is seen to go wrong, and how.
fn explore(fault: Fault, program: &str, liar: Option<RoleId>, states_max: usize) -> (usize, String) {
    let programs = match liar {
        Some(_) => programs_with_a_liar(),
        None => {
            let small = [programs_of_two(), programs_that_log(programs_of_two())].concat();
            [small, larger_programs(), scopes_of_three(), programs_with_an_optional_role(), programs_with_a_giver()]
                .concat()
        }
    };
    let program = programs.into_iter().find(|choreography| choreography.name == program).expect("a program");
    let explored = fault::with(fault, || match liar {
        Some(liar) => Search::explore_with_liar(program, liar, Lies::OfItself, states_max),
        None => Search::explore(program, states_max),
    });
    let violation = explored.violation.unwrap_or_else(|| panic!("the explorer does not find {fault:?}"));
    (explored.states, violation.lines().next().unwrap_or_default().to_owned())
}

/// The first seed that goes wrong.
fn simulate(fault: Fault, seeds_max: u64) -> u64 {
    let fails = |seed: &u64| catch_unwind(|| fault::with(fault, || simulate::run(*seed, false, &mut vec![]))).is_err();
    (0..seeds_max).find(fails).unwrap_or_else(|| panic!("the simulator does not find {fault:?}"))
}

#[test]
fn every_broken_rule_is_found() {
    for fault in Fault::ALL {
        let Shows { program, liar, seeds } = shows(fault);
        let explored = program.map(|(name, states_max)| (name, explore(fault, name, liar, states_max)));
        let simulated = seeds.map(|seeds_max| simulate(fault, seeds_max).to_string());
        let (name, (states, how)) = explored.unwrap_or_default();
        let seed = simulated.unwrap_or_default();
        println!("{:24} {name:34} {states:>5} states {seed:>5} {how}", format!("{fault:?}"));
    }
}

#[test]
fn no_rule_is_broken_elsewhere() {
    fault::with(Fault::SendsBeforeDurable, || {
        let elsewhere = std::thread::spawn(|| Fault::ALL.into_iter().any(fault::is_on)).join();
        assert!(!elsewhere.expect("it only asks"), "a fault is one thread's");
    });
    assert!(!Fault::ALL.into_iter().any(fault::is_on), "a fault ends with what it was for");
}
