//! The traces that break the protocol when one of its rules is left out, by the names of the specification (ARCHITECTURE.md lists them):
//! those of starts, votes and forgetting.

use super::choreography::Behaviour::Works;
use super::choreography::Step::{Send, Transaction};
use super::choreography::{A, B, C, Choreography};
use super::script::Kind::{Completed, Done, Message, Need, Over, Stable};
use super::world::{Action, World};
use crate::{Body, Change, Event, Frame, Millis, Outcome, RowState, Session, Timing};

fn program_a() -> Choreography {
    Choreography::new("a", &[Transaction(A, Works), Send(A, B), Transaction(B, Works)])
}

/// Both have voted, and neither knows of the other.
fn voted() -> World {
    let mut world = World::begun(program_a());
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world
}

/// Both know that both have voted, and nothing of that is durable.
fn decided() -> World {
    let mut world = voted();
    world.deliver(B, A, Completed);
    world.deliver(A, B, Done);
    world
}

/// C acts before B does, and A has not voted until the end.
pub fn program_f() -> Choreography {
    let steps = [
        Transaction(A, Works),
        Send(A, C),
        Send(A, B),
        Transaction(C, Works),
        Send(C, B),
        Transaction(B, Works),
        Send(B, A),
    ];
    Choreography::new("f", &steps).cancelled_by(&[A])
}

#[test]
fn h01_a_settled_role_waits_for_all_before_it_forgets() {
    let mut world = voted();
    world.resend();
    world.deliver(A, B, Completed);
    world.work(B);
    assert!(world.is_committed(B));
    world.crash(A);
    world.lose_all();
    world.pass_retention();
    assert!(world.is_committed(B), "A has not said that it is done");
    world.restart(A);
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (1, 0));
    world.settle_and_check();
}

#[test]
fn a_committed_role_says_its_result_again_after_a_restart() {
    let mut world = decided();
    world.work(B);
    let (key, stored) = (world.session(B).key(), world.node(B).store.sessions[&world.id()].stored.clone());
    assert!(matches!(stored.row.state, RowState::Committed { .. }), "{:?}", stored.row.state);
    let mut again = Session::recover(stored, key.role, &[], Timing::default(), Millis(0));
    let events: Vec<_> = std::iter::from_fn(|| again.poll_event()).collect();
    assert!(matches!(events.as_slice(), [Event::Decided(Ok(_)), Event::Settled(Ok(_))]), "{events:?}");
}

#[test]
fn h02_a_duplicate_after_the_end_begins_nothing() {
    let mut world = World::begun(program_a());
    world.work(A);
    let message = world.deliver(A, B, Message).remove(0);
    world.settle_and_check();
    world.inject(message.clone());
    world.settle_and_check();
    assert_eq!(world.effects(B), (1, 0));
    // What has come to the end of its life is refused by the transport, and only then is the session forgotten.
    assert!(crate::begins_session(&message));
    world.pass_retention();
    assert!(world.node(B).store.sessions.is_empty());
}

#[test]
fn h03_a_vote_is_sent_until_its_receiver_has_the_outcome() {
    let mut world = World::begun(program_a());
    world.work(A);
    world.deliver(A, B, Message);
    world.resend();
    world.deliver(A, B, Completed);
    assert_eq!(world.under_way(B, Done), 0, "a vote is not answered from memory");
    world.crash(B);
    world.restart(B);
    world.resend();
    world.deliver(A, B, Message);
    world.work(B);
    world.resend();
    world.deliver(A, B, Completed);
    world.settle_and_check();
}

#[test]
fn h04_a_settled_role_says_no_more_of_the_program() {
    let mut world = voted();
    world.deliver(B, A, Completed);
    assert_eq!(world.session(A).outcome(), Some(Outcome::Committed));
    world.resend();
    world.step(Action::Connect(A, B));
    assert_eq!((world.under_way(A, Message), world.under_way(A, Completed)), (0, 0));
    world.deliver(A, B, Done);
    world.work(B);
    assert!(world.is_committed(B));
    // A may run again and make the message again, as long as it has not written down how the session ended: B remembers.
    world.lose_all();
    world.pass_retention();
    world.crash(A);
    world.restart(A);
    world.work(A);
    assert_eq!(world.under_way(A, Message), 1);
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (1, 0));
}

#[test]
fn h04_done_is_not_said_before_the_settled_record_is_durable() {
    let mut world = decided();
    world.inject(Frame { body: vote_completed(A), ..frame(&world, A, B) });
    assert_eq!(world.under_way(B, Done), 0);
    world.crash(B);
    world.settle_and_check();
}

#[test]
fn over_is_not_said_before_the_end_is_durable() {
    let mut world = decided();
    world.work(B);
    let done = world.deliver(B, A, Done).remove(0);
    world.inject(done);
    assert_eq!(world.under_way(A, Over), 0, "B would forget, and not answer an A that asks it again");
    world.crash(A);
    world.settle_and_check();
}

#[test]
fn the_outcome_is_reached_without_the_initiator() {
    let steps = [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, C), Transaction(C, Works)];
    let mut world = World::begun(Choreography::new("b", &steps));
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, C, Message);
    world.work(C);
    assert_eq!(world.under_way(B, Completed), 1, "a vote goes to the initiator");
    world.lose_all();
    world.resend();
    for (from, to) in [(A, B), (A, C), (B, C), (C, B)] {
        world.deliver(from, to, Completed);
    }
    world.crash(A);
    world.lose_all();
    world.work(B);
    world.work(C);
    assert!(world.is_committed(B) && world.is_committed(C), "and one that nobody answers to all");
    world.inject(Frame { body: Body::Over, ..frame(&world, C, B) });
    world.work(B);
    assert!(matches!(world.state(B), Some(RowState::Committed { .. })), "only the initiator knows that all are done");
    world.settle_and_check();
}

#[test]
fn h05_a_vote_for_an_unknown_session_is_not_answered() {
    let mut world = World::begun(program_a());
    world.work(A);
    world.resend();
    world.deliver(A, B, Completed);
    assert!(world.network.iter().all(|letter| letter.frame.from == A));
    assert!(world.node(B).live.is_empty());
    // And what may once have been an answer does not end a session whose votes are out.
    world.inject(Frame { body: Body::Over, ..frame(&world, B, A) });
    world.work(A);
    assert!(matches!(world.state(A), Some(RowState::Voted { .. })));
    world.settle_and_check();
}

#[test]
fn h10_the_vote_and_the_result_are_in_the_last_transactions_commit() {
    let mut world = World::begun(program_a());
    world.work(A);
    world.deliver(A, B, Message);
    world.operate_only(B);
    let group = world.node(B).store.queue.front().expect("what t1 is committed with").clone();
    assert!(group.effect.is_some() && group.writes.len() == 1);
    assert!(matches!(group.writes[0].row.state, RowState::Voted { .. }));
    assert!(matches!(group.writes[0].changes[..], [Change::Transaction(_)]));
    assert_eq!(world.under_way(B, Completed), 0, "the vote is held");
    world.work(B);
    world.deliver(B, A, Completed);
    assert_eq!(world.session(A).outcome(), Some(Outcome::Committed));
    // Nobody sends m0 any more, and B does not need it.
    world.crash(B);
    world.resend();
    world.settle_and_check();
}

#[test]
fn h10_the_outcome_is_not_told_before_the_own_vote_is_durable() {
    let mut world = World::begun(program_a());
    world.work(A);
    world.deliver(A, B, Message);
    world.operate_only(B);
    world.resend();
    world.deliver(A, B, Completed);
    assert!(world.decided.is_empty());
    assert_eq!(world.node(B).store.queue.len(), 1, "only the vote");
    world.work(B);
    assert_eq!(world.decided.values().map(Option::is_some).collect::<Vec<_>>(), [true]);
    world.settle_and_check();
}

#[test]
fn h11_nothing_is_called_stable_before_its_receiver_is_settled() {
    let mut world = World::begun(program_f());
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    assert!(matches!(world.state(C), Some(RowState::Voted { .. })));
    world.resend();
    world.deliver(A, C, Message);
    world.work(C);
    assert_eq!(world.under_way(C, Stable), 0);
    world.crash(C);
    world.restart(C);
    world.lose_all();
    world.settle_and_check();
    assert_eq!(world.effects(B), (1, 0));
}

#[test]
fn h13_nothing_leaves_before_the_start_is_durable() {
    let mut world = World::begun(Choreography::new("e", &[Send(A, B), Transaction(B, Works), Transaction(A, Works)]));
    assert_eq!(world.network.len(), 0);
    assert!(world.accepted.is_empty());
    world.step(Action::Commit(A));
    assert_eq!(world.network.len(), 0, "not even before it is known to be durable");
    world.work(A);
    assert_eq!((world.under_way(A, Message), world.accepted.len()), (1, 1));
    world.settle_and_check();
}

#[test]
fn h13_the_start_is_acknowledged_with_the_first_commit() {
    let mut world = World::begun(program_a());
    assert!(world.node(A).store.queue.is_empty(), "the start has no write of its own");
    world.operate_only(A);
    assert!(world.accepted.is_empty() && world.network.is_empty());
    world.crash(A);
    world.settle_and_check();
    assert!(world.node(A).store.known.is_empty());
}

#[test]
fn h14_a_late_retry_is_a_session_of_its_own() {
    let mut world = World::begun(program_a());
    world.work(A);
    let message = world.deliver(A, B, Message).remove(0);
    world.resend();
    let vote = world.deliver(A, B, Completed).remove(0);
    world.settle_and_check();
    world.pass_retention();
    world.step(Action::Start);
    world.work(A);
    assert_eq!(world.node(A).store.known.len(), 2, "the nonce makes it another one");
    // A frame of the first one means nothing to the second one.
    let second = world.session(A).key().session;
    assert_ne!(second, message.session);
    world.deliver(A, B, Message);
    world.inject(vote);
    world.work(B);
    assert!(!world.node(B).store.outcomes.contains_key(&second));
    world.settle_and_check();
    assert_eq!((world.effects(A), world.effects(B)), ((2, 0), (2, 0)));
}

#[test]
fn h17_a_role_that_lost_its_memory_asks() {
    let steps =
        [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A), Send(A, B), Transaction(B, Works)];
    let mut world = World::begun(Choreography::new("d", &steps));
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.lose_all();
    world.crash(B);
    world.restart(B);
    world.deliver(B, A, Need);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Message);
    // Without a clock, and nobody has a new connection.
    world.settle_and_check();
}

#[test]
fn h20_a_role_that_acts_first_is_begun_by_a_message() {
    let steps = [Transaction(A, Works), Transaction(C, Works), Send(C, B), Transaction(B, Works)];
    let mut world = World::begun(Choreography::new("begins", &steps));
    assert_eq!(world.choreography.begins(), [C]);
    assert_eq!(world.network.len(), 0, "which is a message like any other: nothing leaves before the start");
    world.work(A);
    assert_eq!(world.effects(A), (1, 0));
    world.lose_all();
    world.resend();
    world.deliver(A, C, Message);
    world.work(C);
    assert_eq!(world.effects(C), (1, 0));
    world.settle_and_check();
}

fn frame(world: &World, from: crate::RoleId, to: crate::RoleId) -> Frame {
    Frame { session: world.id(), from, to, header: None, body: Body::Need }
}

fn vote_completed(voter: crate::RoleId) -> Body {
    Body::Vote { voter, vote: crate::Vote::Completed { parts: None } }
}
