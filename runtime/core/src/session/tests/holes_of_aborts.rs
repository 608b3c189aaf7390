//! The traces that break the protocol when one of its rules is left out, by the names of the specification (ARCHITECTURE.md lists them):
//! those of aborts.

use super::choreography::Behaviour::{Refuses, Works};
use super::choreography::Step::{Send, Transaction};
use super::choreography::{A, B, C, Choreography};
use super::holes::program_f;
use super::script::Kind::{Aborted, Completed, Done, Message, Over};
use super::world::{Action, World};
use crate::RowState;

/// Program f up to where B has committed, A cancels, and B has undone it; C has heard nothing.
fn f_cancelled_and_undone_at_b() -> World {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.deliver(A, B, Message);
    world.work(C);
    world.deliver(C, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (1, 0));
    world.cancel(A);
    world.work(A);
    world.deliver(A, B, Aborted);
    world.work(B);
    assert_eq!(world.effects(B), (1, 1));
    world.deliver(B, A, Done);
    world
}

/// Two roles that both refuse.
fn program_h() -> Choreography {
    Choreography::new("h", &[Send(A, B), Send(A, C), Transaction(B, Refuses), Transaction(C, Refuses)])
}

#[test]
fn h01_an_undone_role_waits_for_all_before_it_forgets() {
    let mut world = f_cancelled_and_undone_at_b();
    world.crash(A);
    world.pass_retention();
    world.resend();
    world.deliver(C, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (1, 1));
    world.settle_and_check();
}

#[test]
fn h06_abort_to_a_role_that_does_not_know_the_session() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    world.cancel(A);
    world.work(A);
    world.deliver(A, B, Aborted);
    assert_eq!(world.under_way(B, Done), 0, "not before the record is durable");
    world.crash(B);
    world.restart(B);
    assert_eq!(world.state(B), None);
    world.resend();
    world.deliver(A, B, Aborted);
    world.work(B);
    assert_eq!(world.under_way(B, Done), 1);
    world.crash(B);
    world.restart(B);
    world.deliver(C, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (0, 0));
    // A is down: B tells C.
    world.crash(A);
    world.deliver(B, C, Aborted);
    world.work(C);
    assert_eq!(world.effects(C), (1, 1));
    world.settle_and_check();
}

#[test]
fn h07_two_aborters_do_not_resurrect_each_other() {
    let mut world = World::begun(program_h());
    world.work(A);
    world.deliver(A, B, Message);
    world.deliver(A, C, Message);
    world.work(B);
    world.work(C);
    let (of_b, of_c) = (world.deliver(B, C, Aborted).remove(0), world.deliver(C, B, Aborted).remove(0));
    world.settle_and_check();
    world.pass_retention();
    assert!(world.node(B).store.sessions.is_empty() && world.node(C).store.sessions.is_empty());
    world.inject(of_b);
    world.inject(of_c);
    world.work(B);
    world.work(C);
    assert!(world.is_aborting(B) && world.is_aborting(C), "each through the other");
    world.resend();
    assert_eq!((world.under_way(B, Aborted), world.under_way(C, Aborted)), (0, 0), "only an origin tells of an abort");
    world.settle_and_check();
}

#[test]
fn h07_an_aborter_is_told_as_soon_as_its_abort_is_undone_here() {
    let steps = [Send(A, B), Send(A, C), Transaction(B, Works), Transaction(B, Refuses), Transaction(C, Refuses)];
    let mut world = World::begun(Choreography::new("h", &steps));
    world.work(A);
    world.deliver(A, B, Message);
    world.deliver(A, C, Message);
    world.work(C);
    world.operate_only(B);
    world.operate_only(B);
    world.deliver(C, B, Aborted);
    assert_eq!(world.under_way(B, Done), 0, "B has work to undo");
    world.work(B);
    world.deliver(B, C, Done);
    world.settle_and_check();
}

#[test]
fn h08_a_learner_remembers_until_the_origin_says_that_it_is_over() {
    let mut world = f_cancelled_and_undone_at_b();
    world.pass_retention();
    assert!(world.is_aborting(B));
    world.resend();
    world.deliver(C, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (1, 1));
    world.deliver(A, C, Aborted);
    world.work(C);
    world.deliver(C, A, Done);
    world.work(A);
    world.deliver(A, B, Over);
    world.work(B);
    assert!(matches!(world.state(B), Some(RowState::Finished { outcome: Err(_) })));
    world.settle_and_check();
}

#[test]
fn h09_what_is_recorded_is_enough_to_undo() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    world.cancel(A);
    world.work(A);
    world.deliver(A, C, Aborted);
    world.step(Action::Commit(C));
    world.crash(C);
    world.crash(A);
    world.crash(B);
    world.lose_all();
    world.restart(C);
    let record = world.node(C).store.sessions[&world.id()].stored.transactions[0].clone();
    assert!(!record.arguments.is_empty() && record.result.is_some());
    world.work(C);
    assert_eq!(world.effects(C), (1, 1));
    world.settle_and_check();
}

#[test]
fn h12_an_abort_excludes_a_transaction_that_has_not_run() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.cancel(A);
    world.work(A);
    world.deliver(A, C, Aborted);
    world.work(C);
    assert_eq!(world.effects(C), (0, 0));
    world.settle_and_check();
}

#[test]
fn h12_an_abort_undoes_a_transaction_whose_commit_is_under_way() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.operate_only(C);
    assert_eq!(world.node(C).store.queue.len(), 1);
    world.cancel(A);
    world.work(A);
    world.deliver(A, C, Aborted);
    world.step(Action::Commit(C));
    assert_eq!((world.effects(C), world.is_aborting(C)), ((1, 0), false));
    let id = world.id();
    world.step(Action::Notify(C, id));
    assert_eq!((world.under_way(C, Message), world.under_way(C, Completed)), (0, 0), "it has stopped");
    world.work(C);
    assert_eq!(world.effects(C), (1, 1));
    world.settle_and_check();
}
