//! Ending a session by request: who decides, who is asked, and when it is too late.

use super::choreography::Behaviour::Works;
use super::choreography::Step::{Send, Transaction};
use super::choreography::{A, B, C, Choreography};
use super::holes::program_f;
use super::script::Kind::{Aborted, Cancel as Cancels, Completed, Message};
use super::world::World;
use crate::{Cancel, RoleId, RowState};

fn program_a() -> World {
    let steps = [Transaction(A, Works), Send(A, B), Transaction(B, Works)];
    World::begun(Choreography::new("a", &steps).cancelled_by(&[A, B]))
}

fn cancel(world: &mut World, role: RoleId) -> Cancel {
    let (id, mut answer) = (world.session(role).key().session, None);
    world.with(role, id, |live| answer = Some(live.session.handle_cancel("no more".into())));
    answer.expect("the session is in memory")
}

fn aborted(world: &World, role: RoleId) -> bool {
    matches!(world.state(role), Some(RowState::Aborting { .. } | RowState::Finished { outcome: Err(_) }))
}

#[test]
fn h15_who_has_voted_asks_those_that_have_not() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    assert!(matches!(world.state(C), Some(RowState::Voted { .. })));
    assert_eq!(cancel(&mut world, C), Cancel::PassedOn);
    world.work(C);
    assert!(matches!(world.state(C), Some(RowState::Voted { .. })), "it does not decide");
    world.deliver(C, A, Cancels);
    world.work(A);
    assert!(world.is_aborting(A), "the first that has not voted does");
    assert_eq!(cancel(&mut world, A), Cancel::Aborts, "again changes nothing");
    world.deliver(A, C, Aborted);
    world.work(C);
    assert_eq!(world.effects(C), (1, 1));
    world.settle_and_check();
}

#[test]
fn h15_a_cancel_is_passed_on_until_it_is_heard_and_ends_what_has_not_begun() {
    let mut world = program_a();
    world.work(A);
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
    assert_eq!(world.under_way(A, Cancels), 1);
    world.resend();
    // B has heard nothing else.
    world.deliver(A, B, Cancels);
    world.work(B);
    assert!(world.is_aborting(B));
    world.deliver(B, A, Aborted);
    world.deliver(A, B, Message);
    world.work(A);
    world.work(B);
    assert_eq!((world.effects(A), world.effects(B)), ((1, 1), (0, 0)));
    world.settle_and_check();
    assert!(aborted(&world, A) && aborted(&world, B));
}

#[test]
fn h15_when_all_have_voted_it_is_too_late() {
    let mut world = program_a();
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn, "A does not know yet");
    world.deliver(A, B, Cancels);
    world.work(B);
    assert!(matches!(world.state(B), Some(RowState::Voted { .. })));
    world.deliver(B, A, Completed);
    assert_eq!(cancel(&mut world, A), Cancel::TooLate);
    world.settle_and_check();
    assert!(!aborted(&world, A) && !aborted(&world, B));
}

#[test]
fn h15_a_cancel_waits_for_the_vote_that_it_comes_during() {
    let mut world = program_a();
    world.operate_only(A);
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
    assert_eq!(world.network.len(), 0, "nothing leaves before the start is durable");
    world.work(A);
    world.deliver(A, B, Cancels);
    world.settle_and_check();
    assert!(aborted(&world, A), "it was asked in time");
}
