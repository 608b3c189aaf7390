//! Whose vote is not waited for, and what a role does that nobody waits for.

use super::cancels::cancel;
use super::choreography::Behaviour::Works;
use super::choreography::Step::{Choice, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::Kind::{Cancel as Cancels, Completed, Done, Message};
use super::world::World;
use crate::{Cancel, Outcome, RowState};

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
    world.deliver(A, B, Message);
    world.deliver(C, B, Cancels);
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
