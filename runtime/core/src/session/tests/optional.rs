//! Whose vote is not waited for, and what a role does that nobody waits for.

use super::cancels::cancel;
use super::choreography::Behaviour::Works;
use super::choreography::Step::{Choice, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::Kind::{Cancel as Cancels, Completed, Done, Message};
use super::world::World;
use crate::{Body, Cancel, Outcome, RowState, Vote};

/// A's number is odd.
fn errand(odd: Step, even: Step) -> World {
    let choreography = Choreography::new("errand", &[Choice(A, vec![odd], vec![even])]).optional(&[C]);
    World::begun(choreography.cancelled_by(&[A, B, C]))
}

/// C has no part, and A waits for B only.
fn without_c() -> World {
    let mut world = errand(Transaction(B, Works), Transaction(C, Works));
    world.work(A);
    world
}

fn decided_without_c() -> World {
    let mut world = without_c();
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Completed);
    world.work(A);
    world
}

#[test]
fn a_role_without_a_part_is_not_waited_for_and_may_never_hear_of_the_session() {
    let mut world = decided_without_c();
    let outcome = world.session(A).outcome();
    assert_eq!(outcome, Some(Outcome::Committed), "B has voted");
    world.settle_and_check();
    assert_eq!(world.state(C), None, "it knows nothing, and says so");
}

#[test]
fn a_role_without_a_part_does_not_vote_and_ends_when_it_hears_of_the_end() {
    let mut world = without_c();
    world.deliver(A, C, Message);
    world.work(C);
    assert_eq!(world.under_way(C, Completed), 0);
    assert_eq!(world.state(C), None, "it has written nothing");
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Completed);
    world.work(A);
    world.resend();
    world.deliver(A, C, Done);
    world.work(C);
    assert!(world.is_committed(C));
    world.settle_and_check();
}

#[test]
fn a_role_without_a_part_passes_a_cancel_on_and_ends_nothing() {
    let mut world = without_c();
    world.deliver(A, C, Message);
    world.work(C);
    assert_eq!(cancel(&mut world, C), Cancel::PassedOn);
    world.work(C);
    assert_eq!(world.state(C), None);
    assert_eq!(world.under_way(C, Cancels), 1, "it asks A only");
    world.deliver(A, B, Message);
    world.deliver(C, A, Cancels);
    world.work(A);
    world.deliver(A, B, Cancels);
    world.work(B);
    assert!(world.is_aborting(B), "it has not voted, and has a part");
    world.settle_and_check();
    assert!(!world.is_committed(A));
}

#[test]
fn a_cancel_at_a_role_that_is_given_a_part_is_its_own_once_it_does_something() {
    let mut world = errand(Transaction(C, Works), Transaction(B, Works));
    world.work(A);
    world.deliver(A, C, Message);
    assert_eq!(cancel(&mut world, C), Cancel::Aborts, "it has asked for its transaction");
    world.settle_and_check();
    assert!(!world.is_committed(A));
}

#[test]
fn a_role_with_a_part_is_waited_for() {
    let mut world = errand(Transaction(C, Works), Transaction(B, Works));
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Completed);
    world.work(A);
    assert_eq!(world.session(A).outcome(), None, "C has not voted");
    assert!(matches!(world.state(A), Some(RowState::Voted { .. })));
    world.settle_and_check();
    assert_eq!(world.effects(C), (1, 0));
}

/// Code of the user's that panics, where the compiler sees no part.
#[test]
fn a_role_without_a_part_whose_program_fails_is_parked_and_ends_with_the_others() {
    let mut world = without_c();
    world.deliver(A, C, Message);
    let id = world.id();
    world.with(C, id, |live| {
        live.session.program_refuse("panicked".into());
        live.session.handle_program_waiting(crate::Millis(1_000));
    });
    assert!(world.session(C).is_parked());
    assert_eq!(world.state(C), None, "it ends nothing");
    world.parked.clear();
    world.settle_and_check();
    assert!(world.is_committed(A));
}

/// B chooses: its number is odd.
fn b_chooses(odd: Step) -> World {
    let steps = [Step::Send(A, B), Choice(B, vec![odd], vec![Transaction(C, Works)])];
    World::begun(Choreography::new("errand of B", &steps).optional(&[C]))
}

fn voted_by_b(odd: Step) -> World {
    let mut world = b_chooses(odd);
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Message);
    world.work(A);
    world
}

#[test]
fn a_role_that_another_role_gives_no_part_is_not_waited_for_once_that_one_has_voted() {
    let mut world = voted_by_b(Transaction(B, Works));
    assert_eq!(world.session(A).outcome(), None, "B has not voted");
    world.deliver(B, A, Completed);
    world.work(A);
    assert_eq!(world.session(A).outcome(), Some(Outcome::Committed));
    world.settle_and_check();
    assert_eq!(world.effects(C), (0, 0));
}

#[test]
fn a_role_that_another_role_gives_a_part_is_waited_for() {
    let mut world = voted_by_b(Transaction(C, Works));
    world.deliver(B, A, Completed);
    world.work(A);
    assert_eq!(world.session(A).outcome(), None, "C has a part");
    world.settle_and_check();
    assert_eq!(world.effects(C), (1, 0));
}

#[test]
fn a_role_that_runs_again_says_at_its_end_whom_it_has_given_no_part() {
    let mut world = voted_by_b(Transaction(B, Works));
    world.lose_all();
    world.crash(B);
    world.restart(B);
    let frames = world.deliver(B, A, Completed);
    assert!(frames.iter().all(|frame| frame.body == Body::Vote { voter: B, vote: Vote::Completed { parts: None } }));
    world.work(A);
    assert_eq!(world.session(A).outcome(), None, "it may have given C a part before");
    world.settle_and_check();
    assert!(world.is_committed(A));
}
