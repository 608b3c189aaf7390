//! Hole H19 of the specification: operations outside of the role's database, which share no commit with their records.

use super::choreography::Behaviour::{Refuses, Unrecordable, Works};
use super::choreography::Step::{Intent, Send, Transaction};
use super::choreography::{A, B, Choreography};
use super::script::Kind::Message;
use super::world::{Action, World};

/// Up to where B's intent is durable and its call is on its way for longer than anyone waits.
fn b_has_called_and_hears_nothing() -> World {
    let program = Choreography::new("i", &[Transaction(A, Works), Send(A, B), Intent(B, Works)]);
    let mut world = World::begun(program.cancelled_by(&[B]));
    world.work(A);
    world.deliver(A, B, Message);
    let id = world.id();
    world.step(Action::Commit(B));
    world.step(Action::Notify(B, id));
    world.step(Action::OperateLate(B, id));
    assert!(world.node(B).store.outside.values().all(|outside| outside.late && !outside.happened));
    world
}

/// How many operations outside stand at B.
fn standing(world: &World) -> usize {
    world.node(B).store.standing_outside(world.id()).count()
}

#[test]
fn h19_a_call_that_arrives_after_its_compensation_does_nothing() {
    let mut world = b_has_called_and_hears_nothing();
    world.cancel(B);
    world.work(B);
    assert!(world.node(B).store.outside.values().all(|outside| outside.barred && outside.late));
    world.step(Action::Arrive(B));
    assert_eq!(standing(&world), 0);
    world.settle_and_check();
}

#[test]
fn h19_an_intent_is_compensated_though_its_role_crashed_before_any_answer() {
    let mut world = b_has_called_and_hears_nothing();
    world.step(Action::Arrive(B));
    assert_eq!(standing(&world), 1);
    world.crash(B);
    world.restart(B);
    world.cancel(B);
    let id = world.id();
    let record = world.node(B).store.sessions[&id].stored.transactions[0].clone();
    assert_eq!((record.result, record.undone), (None, false));
    world.settle_and_check();
    assert_eq!(standing(&world), 0);
}

#[test]
fn h19_a_role_that_runs_again_calls_again_by_the_same_key() {
    let mut world = b_has_called_and_hears_nothing();
    world.step(Action::Arrive(B));
    world.crash(B);
    world.restart(B);
    world.settle_and_check();
    assert!(world.is_committed(A) && world.is_committed(B));
    assert_eq!(standing(&world), 1);
}

#[test]
fn h19_what_is_refused_when_it_is_asked_again_is_compensated_for_the_call_before() {
    let mut world = b_has_called_and_hears_nothing();
    world.choreography = std::rc::Rc::new(Choreography::new(
        "i, refused the second time",
        &[Transaction(A, Works), Send(A, B), Intent(B, Refuses)],
    ));
    world.step(Action::Tick);
    world.operate_only(B);
    assert!(world.node(B).store.outside.values().all(|outside| outside.late));
    world.work(B);
    assert!(world.node(B).store.outside.values().all(|outside| outside.barred && outside.late));
    world.settle();
    assert_eq!(standing(&world), 0);
}

#[test]
fn what_is_refused_at_once_is_not_compensated() {
    let mut world = World::begun(Choreography::new("i, refused", &[Intent(A, Refuses), Send(A, B)]));
    world.settle_and_check();
    assert!(world.node(A).store.outside.values().all(|outside| !outside.barred));
}

#[test]
fn h19_what_happened_and_cannot_be_recorded_is_compensated() {
    let mut world = World::begun(Choreography::new("i, not recordable", &[Intent(A, Unrecordable), Send(A, B)]));
    world.settle_and_check();
    assert!(world.node(A).store.outside.values().all(|outside| outside.happened && outside.barred));
    assert_eq!(standing(&world), 0);
}

#[test]
fn the_result_is_durable_before_anything_that_follows_leaves() {
    let mut world = World::begun(Choreography::new("i, then a message", &[Intent(A, Works), Send(A, B)]));
    world.step(Action::Commit(A));
    let id = world.id();
    world.step(Action::Notify(A, id));
    world.operate_only(A);
    assert_eq!(world.under_way(A, Message), 0);
    world.step(Action::Commit(A));
    world.step(Action::Notify(A, id));
    assert_eq!(world.under_way(A, Message), 1);
    world.settle_and_check();
}

#[test]
fn what_is_undone_outside_waits_until_what_is_undone_before_it_is_durable() {
    let steps = [Intent(A, Works), Transaction(A, Works), Transaction(A, Refuses), Send(A, B)];
    let mut world = World::begun(Choreography::new("i, refused after", &steps));
    let id = world.session(A).key().session;
    let has_runs = |world: &World| !world.node(A).live[&id].runs.is_empty();
    let is_aborting = |world: &World| world.node(A).store.known.contains(&id) && world.is_aborting(A);
    while !is_aborting(&world) || !has_runs(&world) {
        let action = world.progress().first().copied().expect("it goes on");
        world.step(action);
    }
    world.operate_only(A);
    assert_eq!(world.node(A).store.queue.len(), 1, "the transaction is undone, and not yet durably");
    assert!(!has_runs(&world), "what is outside waits");
    world.step(Action::Commit(A));
    world.step(Action::Notify(A, id));
    assert!(has_runs(&world));
    world.settle_and_check();
}
