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

pub(super) fn cancel(world: &mut World, role: RoleId) -> Cancel {
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

const WITHIN_MILLIS: u64 = 50;

fn with_a_deadline() -> World {
    let steps = [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A), Transaction(A, Works)];
    World::begun(Choreography::new("a and back", &steps).within(WITHIN_MILLIS))
}

fn reason(world: &World, role: RoleId) -> String {
    match world.state(role) {
        Some(RowState::Aborting { reason, .. }) => reason.to_string(),
        other => panic!("it is {other:?}"),
    }
}

#[test]
fn a_session_that_is_not_decided_by_its_deadline_is_rolled_back() {
    let mut world = with_a_deadline();
    world.work(A);
    world.pass(WITHIN_MILLIS - 1);
    world.work(A);
    assert!(matches!(world.state(A), Some(RowState::Active)));
    world.pass(1);
    world.work(A);
    assert_eq!(reason(&world, A), "not decided within 50 ms");
    world.settle_and_check();
    assert_eq!(world.effects(A), (1, 1));
}

#[test]
fn a_deadline_is_in_the_row_and_is_over_when_its_node_comes_back_too_late() {
    let mut world = with_a_deadline();
    world.work(A);
    let deadline = world.node(A).store.sessions[&world.id()].stored.row.deadline.expect("it is stored");
    assert_eq!(deadline.within_millis, WITHIN_MILLIS);
    world.crash(A);
    world.pass(WITHIN_MILLIS / 2);
    world.restart(A);
    world.work(A);
    assert!(matches!(world.state(A), Some(RowState::Active)), "half of its time is left");
    world.crash(A);
    world.pass(WITHIN_MILLIS);
    world.restart(A);
    world.pass(0);
    world.work(A);
    assert_eq!(reason(&world, A), "not decided within 50 ms");
    world.settle_and_check();
}

#[test]
fn a_clock_that_was_put_back_gives_no_more_than_the_whole_time_again() {
    let mut world = with_a_deadline();
    world.work(A);
    world.crash(A);
    world.restart(A);
    let now = world.now;
    let id = world.id();
    world.with(A, id, |live| live.session.handle_time_of_day(0, now));
    world.pass(WITHIN_MILLIS);
    world.work(A);
    assert!(world.is_aborting(A));
    world.settle_and_check();
}

#[test]
fn a_deadline_after_the_vote_is_a_request_to_the_others_and_may_be_too_late() {
    for in_time in [true, false] {
        let steps = [Transaction(A, Works), Send(A, B), Transaction(B, Works)];
        let mut world = World::begun(Choreography::new("a", &steps).within(WITHIN_MILLIS));
        world.work(A);
        if !in_time {
            world.deliver(A, B, Message);
            world.work(B);
        }
        world.lose_all();
        world.pass(WITHIN_MILLIS);
        world.deliver(A, B, Cancels);
        world.settle_and_check();
        assert_eq!(aborted(&world, A), in_time);
    }
}
