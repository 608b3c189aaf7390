//! What the client is told before the initiator's vote is durable, and what an initiator that runs again may still do (hole H23).

use super::cancels::cancel;
use super::choreography::Behaviour::Works;
use super::choreography::Step::{Call, Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::Kind::{Cancel as Cancels, Completed, Message};
use super::world::{Action, World};
use crate::{Cancel, RowState};

const ASKS: [Step; 3] = [Send(A, B), Transaction(B, Works), Send(B, A)];

fn begun(steps: &[Step]) -> World {
    World::begun(Choreography::new("j", steps).cancelled_by(&[A, B]))
}

/// B has answered and voted, and A's program has ended; nothing that A does since is durable.
fn answered(mut world: World) -> World {
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Message);
    assert!(world.decided.is_empty(), "B may still end it");
    world.deliver(B, A, Completed);
    world
}

#[test]
fn h23_the_client_does_not_wait_for_the_vote_of_an_initiator_that_only_asks() {
    let mut world = answered(begun(&ASKS));
    assert_eq!(world.decided.values().map(Option::is_some).collect::<Vec<_>>(), [true]);
    assert_eq!(world.state(A), Some(&RowState::Active), "its vote is not durable");
    assert_eq!(cancel(&mut world, A), Cancel::TooLate);
    assert_eq!(world.under_way(A, Cancels), 0);
    world.settle_and_check();
    assert!(world.is_committed(A));
}

#[test]
fn h23_an_initiator_that_runs_again_does_not_end_what_it_may_have_promised() {
    let mut world = answered(begun(&ASKS));
    world.crash(A);
    world.restart(A);
    assert_eq!(world.state(A), Some(&RowState::Active));
    // Nor when another role, which has voted, asks for it.
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
    assert_eq!(cancel(&mut world, B), Cancel::PassedOn);
    world.deliver(B, A, Cancels);
    world.deliver(A, B, Cancels);
    world.settle_and_check();
    assert!(world.is_committed(A), "B had voted: too late");
}

#[test]
fn h23_whoever_has_not_voted_ends_it_for_an_initiator_that_runs_again() {
    let mut world = begun(&ASKS);
    world.work(A);
    world.crash(A);
    world.restart(A);
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
    // B has heard of nothing else, or of the first message too.
    world.deliver(A, B, Cancels);
    world.work(B);
    assert!(world.is_aborting(B));
    world.settle_and_check();
    assert!(!world.is_committed(A));
}

#[test]
fn h23_a_request_is_kept_until_the_initiator_does_what_it_had_not_done_before() {
    for next in [Transaction(A, Works), Call(A)] {
        let mut world = begun(&[&ASKS[..], &[next, Send(A, B)]].concat());
        world.work(A);
        world.deliver(A, B, Message);
        world.work(B);
        world.crash(A);
        world.restart(A);
        assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
        // Nobody hears of it, but what B says comes.
        world.resend();
        world.deliver(B, A, Message);
        world.work(A);
        assert!(world.is_aborting(A), "no run has come by the next operation before");
        world.settle_and_check();
        assert_eq!(world.effects(B), (1, 1));
    }
}

#[test]
fn h23_nothing_is_told_early_that_another_run_might_not_repeat() {
    // A call whose result is not durable, a transaction that is not, a deadline that passes while the node is down, and a role that has not voted.
    let call = begun(&[&ASKS[..], &[Call(A)]].concat());
    let meanwhile = begun(&[Send(A, B), Transaction(B, Works), Call(A), Send(B, A)]);
    let deadline = World::begun(Choreography::new("j", &ASKS).within(1_000));
    let third = begun(&[&ASKS[..], &[Send(A, C), Transaction(C, Works)]].concat());
    for (name, world) in [("call", call), ("meanwhile", meanwhile), ("deadline", deadline), ("third", third)] {
        let mut world = world;
        world.work(A);
        world.deliver(A, B, Message);
        world.work(B);
        if name == "meanwhile" {
            // The call has returned, and its record is in the queue.
            assert!(world.node(A).store.queue.is_empty());
        }
        world.deliver(B, A, Message);
        world.deliver(B, A, Completed);
        while let Some(run) = { world.progress() }.into_iter().find(|action| matches!(action, Action::Operate(A, _))) {
            world.step(run);
        }
        let is_told = world.decided.contains_key(&(world.id(), A));
        assert_eq!(is_told, name == "meanwhile", "{name}");
        world.settle_and_check();
    }
}
