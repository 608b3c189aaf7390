//! Messages that need not be kept: what is called stable, when, and that a sender without room always gets some (holes H11, H16 and H17).

use std::task::Poll;

use super::choreography::Behaviour::Works;
use super::choreography::Step::{Repeat, Send, Transaction};
use super::choreography::{A, B, Choreography};
use super::inputs::{NOW, at, frame, frames, joined, message, writes};
use super::script::Kind::{Completed, Keep, Message, Need, Stable};
use super::world::{Action, TIMING, World};
use crate::{
    Body, Change, Frame, INBOX_MESSAGES_MAX, Millis, Place, Position, RoleId, Run, Session, Stability, Urgency, WriteId,
};

/// B receives, works, answers, and receives and works again.
fn program_d() -> Choreography {
    let steps =
        [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A), Send(A, B), Transaction(B, Works)];
    Choreography::new("d", &steps)
}

/// The clock is put on so far that B logs what has come, and nothing is heard of it yet.
fn log_at_b(world: &mut World) {
    world.lose_all();
    // Where the program has ended, the time begins when the clock next wakes the session.
    (0..2).for_each(|_| world.pass(25));
    world.lose_all();
}

fn from(sender: RoleId, receiver: RoleId, body: Body) -> Frame {
    Frame { from: sender, to: receiver, ..frame(body) }
}

/// A session at A, the initiator, that is durable, with room for `messages` messages without a value.
fn sender(messages: usize) -> Session {
    let header = joined().header().clone();
    let stability = Stability { kept_bytes_max: 128 * messages, ..Stability::default() };
    let mut session = Session::start(header, "0".into(), &[], TIMING, NOW).with_stability(stability);
    session.handle_program_waiting(NOW);
    let start = writes(&mut session).pop().expect("the start");
    session.handle_durable(start.id, NOW);
    frames(&mut session);
    session
}

fn room(session: &mut Session, site: u32) -> bool {
    session.poll_room(&Place::from(at(site)), B, 0).is_ready()
}

#[test]
fn m6_a_message_is_dropped_by_its_sender_only_when_stable() {
    let mut world = World::begun(program_d().logging());
    world.work(A);
    world.deliver(A, B, Message);
    let kept_bytes = world.session(A).kept_bytes();
    assert!(kept_bytes > 0);
    log_at_b(&mut world);
    assert_eq!(world.under_way(B, Stable), 0, "it is not durable");
    world.step(Action::Commit(B));
    assert_eq!(world.under_way(B, Stable), 0, "B has not heard that it is");
    assert_eq!(world.session(A).kept_bytes(), kept_bytes);
    let id = world.id();
    world.step(Action::Notify(B, id));
    world.deliver(B, A, Stable);
    assert_eq!(world.session(A).kept_bytes(), 0);
    // It is never sent again, and B does not need it.
    world.crash(B);
    world.resend();
    assert_eq!(world.under_way(A, Message), 0);
    world.restart(B);
    world.work(B);
    assert_eq!(world.effects(B), (1, 0));
    world.deliver(B, A, Need);
    assert_eq!(world.under_way(A, Message), 0);
    world.settle_and_check();
}

#[test]
fn m6_what_was_called_stable_and_not_heard_is_called_stable_again() {
    let mut world = World::begun(program_d().logging());
    world.work(A);
    world.deliver(A, B, Message);
    log_at_b(&mut world);
    world.step(Action::Commit(B));
    let id = world.id();
    world.step(Action::Notify(B, id));
    world.lose_all();
    world.step(Action::Connect(A, B));
    world.deliver(A, B, Message);
    world.deliver(B, A, Stable);
    assert_eq!(world.session(A).kept_bytes(), 0);
    world.settle_and_check();
}

#[test]
fn m6_a_sender_that_runs_again_is_told_what_is_stable() {
    let mut world = World::begun(program_d().logging());
    world.work(A);
    world.deliver(A, B, Message);
    log_at_b(&mut world);
    world.work(B);
    world.crash(A);
    world.lose_all();
    world.restart(A);
    world.deliver(A, B, Need);
    world.deliver(B, A, Stable);
    assert_eq!(world.session(A).kept_bytes(), 0);
    world.settle_and_check();
}

#[test]
fn h11_a_role_that_has_voted_calls_stable_what_it_has_logged_and_nothing_else() {
    let mut world = World::begun(program_d().logging());
    world.work(A);
    world.deliver(A, B, Message);
    log_at_b(&mut world);
    world.work(B);
    world.deliver(B, A, Stable);
    world.deliver(B, A, Message);
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.lose_all();
    world.step(Action::Connect(A, B));
    world.deliver(A, B, Message);
    assert_eq!((world.under_way(B, Completed), world.under_way(B, Stable)), (0, 0), "the second one is in memory only");
    // One of its inputs is at nobody but itself, the other one at its sender; its own message it makes again.
    world.crash(B);
    world.restart(B);
    world.deliver(B, A, Need);
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(world.under_way(B, Message), 1);
    log_at_b(&mut world);
    world.work(B);
    world.deliver(B, A, Stable);
    assert_eq!(world.session(A).kept_bytes(), 0, "it has voted, and runs again from its log");
    world.crash(B);
    world.restart(B);
    world.settle_and_check();
}

#[test]
fn h17_a_role_that_runs_again_takes_what_is_logged_and_asks_for_the_rest() {
    let steps = [Send(A, B), Send(A, B), Transaction(B, Works)];
    let mut world = World::begun(Choreography::new("two messages", &steps).logging());
    world.work(A);
    let of_a = world.network.iter().rposition(|letter| matches!(letter.frame.body, Body::Message { .. }));
    let second = world.network.remove(of_a.expect("the second message"));
    world.deliver(A, B, Message);
    log_at_b(&mut world);
    world.work(B);
    world.deliver(B, A, Stable);
    world.crash(B);
    world.lose_all();
    world.restart(B);
    world.deliver(B, A, Need);
    let again = world.deliver(A, B, Message);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].body, second.frame.body);
    world.work(B);
    assert_eq!(world.effects(B), (1, 0));
    world.settle_and_check();
    assert!(world.node(B).store.sessions.values().all(|kept| kept.stored.messages.is_empty()));
}

#[test]
fn h16_a_loop_of_one_message_more_than_there_is_room_for_comes_to_its_end() {
    let steps = [Repeat(20, vec![Send(A, B)]), Transaction(B, Works)];
    for room in [0, 400, 10 * 140] {
        let stability = Stability { kept_bytes_max: room, inbox_bytes_max: room, log_after_millis: None };
        let mut world = World::begun(Choreography::new("loop", &steps).with_stability(stability));
        world.work(A);
        let kept_bytes = world.session(A).kept_bytes();
        assert!(kept_bytes <= room.max(140), "{kept_bytes} bytes");
        assert!(world.under_way(A, Message) < 20 && world.under_way(A, Keep) == 1);
        let ticks = world.now;
        world.settle_without_loss();
        assert_eq!(world.now, ticks, "nothing of it waits for the clock, with room for {room} bytes");
        world.check();
    }
}

#[test]
fn h16_a_receiver_logs_at_once_whatever_its_program_waits_for() {
    let (mut a, mut b) = (sender(4), joined());
    assert_eq!(b.program_receive(at(30), A), Poll::Pending);
    let mut sent = 0;
    let mut steps = 0;
    while b.program_receive(at(30), A).is_pending() {
        steps += 1;
        assert!(steps < 200, "A sends {sent} of 31 messages");
        while sent <= 30 && room(&mut a, sent) {
            a.program_send(at(sent), B, "".into()).expect("it goes on");
            sent += 1;
        }
        assert!(a.kept_bytes() <= 128 * 4);
        a.handle_program_waiting(NOW);
        for frame in std::iter::from_fn(|| a.poll_transmit()) {
            b.handle_frame(frame);
            b.handle_program_waiting(NOW);
        }
        for write in writes(&mut b) {
            assert_eq!(write.urgency, Urgency::Prompt);
            assert!(write.changes.iter().all(|change| matches!(change, Change::Message(_))));
            b.handle_durable(write.id, NOW);
        }
        std::iter::from_fn(|| b.poll_transmit()).for_each(|frame| a.handle_frame(frame));
    }
}

#[test]
fn h16_what_is_waited_for_has_room_at_its_sender_too() {
    let (mut a, mut b) = (sender(INBOX_MESSAGES_MAX + 4), joined());
    assert_eq!(b.program_receive(at(1), A), Poll::Pending);
    b.handle_program_waiting(NOW);
    let mut site = 10;
    while room(&mut a, site) {
        a.program_send(at(site), B, "".into()).expect("it goes on");
        site += 1;
    }
    a.handle_program_waiting(NOW);
    // Nothing of it is logged, and the last ones are refused.
    std::iter::from_fn(|| a.poll_transmit())
        .filter(|frame| matches!(frame.body, Body::Message { .. }))
        .for_each(|frame| b.handle_frame(frame));
    assert_eq!(b.inbox_load.waiting(), INBOX_MESSAGES_MAX);
    b.handle_program_waiting(NOW);
    let awaits = Body::Awaits { positions: vec![at(1)] };
    assert_eq!(frames(&mut b), std::slice::from_ref(&awaits));
    b.handle_program_waiting(NOW);
    assert_eq!(frames(&mut b), [], "once");
    assert!(!room(&mut a, 1));
    a.handle_frame(from(B, A, awaits));
    assert!(room(&mut a, 1) && !room(&mut a, 2));
    a.program_send(at(1), B, "now".into()).expect("it goes on");
    assert!(!room(&mut a, 1), "once");
    a.handle_program_waiting(NOW);
    std::iter::from_fn(|| a.poll_transmit()).for_each(|frame| b.handle_frame(frame));
    assert_eq!(b.program_receive(at(1), A), Poll::Ready(Ok("now".into())));
    // The others are asked for when half of what waited has been taken.
    for taken in 0..INBOX_MESSAGES_MAX as u32 / 2 {
        b.handle_program_waiting(NOW);
        assert_eq!(frames(&mut b), [], "after {taken}");
        assert!(b.program_receive(at(10 + taken), A).is_ready());
    }
    b.handle_program_waiting(NOW);
    assert_eq!(frames(&mut b), [Body::Need]);
}

#[test]
fn a_large_inbox_is_refused_by_its_bytes() {
    let mut session = joined();
    let stability = Stability { inbox_bytes_max: 2_000, ..Stability::default() };
    session = session.with_stability(stability);
    let long = "x".repeat(1_000);
    (1..=5).for_each(|site| session.handle_frame(message(site, &long)));
    assert_eq!(session.inbox_load.waiting(), 2);
    assert!(session.program_receive(at(1), A).is_ready());
    session.handle_frame(message(3, &long));
    assert_eq!(session.inbox_load.waiting(), 2);
}

#[test]
fn a_message_that_comes_too_late_to_be_waited_for_does_not_stay_with_its_sender() {
    let mut session = joined();
    let nothing = crate::Digest::default();
    assert!(session.program_receive_within(at(1), A, 5, nothing).is_pending());
    session.handle_program_waiting(NOW);
    session.handle_timeout(Millis(5));
    assert_eq!(session.program_receive_within(at(1), A, 5, nothing), Poll::Ready(Ok(None)));
    session.handle_program_ended("1".into(), NOW);
    let vote = writes(&mut session).pop().expect("the vote");
    session.handle_durable(vote.id, NOW);
    frames(&mut session);
    session.handle_frame(message(1, "late"));
    session.handle_frame(frame(Body::Keep));
    let log = writes(&mut session).pop().expect("it is logged");
    assert_eq!((log.row.state, log.changes.len()), (vote.row.state, 1));
    session.handle_durable(log.id, NOW);
    assert_eq!(frames(&mut session), [Body::Stable { positions: vec![at(1)] }]);
}

#[test]
fn what_is_logged_is_in_one_write_and_called_stable_in_one_frame() {
    let mut session = joined();
    (1..=300).for_each(|site| session.handle_frame(message(site, "1")));
    session.handle_frame(frame(Body::Keep));
    session.handle_frame(frame(Body::Keep));
    let log = writes(&mut session);
    assert_eq!((log.len(), log[0].changes.len()), (1, 300));
    session.handle_frame(message(301, "1"));
    session.handle_frame(frame(Body::Keep));
    assert_eq!(writes(&mut session)[0].changes.len(), 1, "only what is new");
    session.handle_durable(WriteId(2), NOW);
    let stable: Vec<_> = frames(&mut session)
        .into_iter()
        .map(|body| match body {
            Body::Stable { positions } => positions.len(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(stable, [300, 1]);
}

#[test]
fn nothing_of_the_program_waits_for_a_write_that_only_logs() {
    let mut session = joined();
    session.handle_frame(message(1, "1"));
    session.handle_frame(frame(Body::Keep));
    session.handle_durable(WriteId(1), NOW);
    writes(&mut session);
    frames(&mut session);
    session.handle_frame(message(2, "1"));
    session.handle_frame(frame(Body::Keep));
    assert!(session.program_receive(at(1), A).is_ready());
    session.program_send(at(3), A, "1".into()).expect("it goes on");
    session.handle_program_waiting(NOW);
    assert_eq!(writes(&mut session).len(), 1);
    assert_eq!(frames(&mut session).len(), 1);
}

#[test]
fn a_session_that_is_over_soon_logs_nothing() {
    let stability = Stability { log_after_millis: Some(30_000), ..Stability::default() };
    let mut world = World::begun(program_d().with_stability(stability));
    world.settle_and_check();
    let store = &world.node(B).store;
    assert_eq!((store.prompt_writes, store.lazy_writes), (2, 2));
    assert!(world.sent.iter().all(|letter| !matches!(letter.frame.body, Body::Keep | Body::Stable { .. })));
}

#[test]
fn a_session_to_which_nothing_comes_is_not_woken_to_log() {
    let stability = Stability { log_after_millis: Some(5), ..Stability::default() };
    let mut session = joined().with_stability(stability);
    session.handle_frame(message(1, "1"));
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_timeout(), Some(Millis(5)));
    session.handle_timeout(Millis(5));
    session.handle_program_waiting(Millis(5));
    let log = writes(&mut session).pop().expect("the message");
    assert_eq!((log.urgency, log.changes.len()), (Urgency::Lazy, 1));
    assert_eq!(session.poll_timeout(), Some(Millis(TIMING.resend_millis_min)));
    session.handle_frame(message(2, "1"));
    session.handle_program_waiting(Millis(6));
    assert_eq!(session.poll_timeout(), Some(Millis(TIMING.resend_millis_min)));
    session.handle_timeout(Millis(11));
    assert_eq!(writes(&mut session).len(), 1);
}

#[test]
fn a_stopped_or_parked_session_logs_nothing_more() {
    let mut session = joined();
    session.handle_frame(message(1, "1"));
    session.handle_unreadable(at(1), "not a number");
    session.handle_frame(frame(Body::Keep));
    assert_eq!(writes(&mut session), []);
    let mut session = joined();
    session.handle_frame(message(1, "1"));
    session.handle_cancel("no".into());
    writes(&mut session);
    session.handle_frame(frame(Body::Keep));
    session.handle_frame(message(Position::BEGIN.0 as u32, "1"));
    assert_eq!((writes(&mut session), session.poll_run()), (vec![], None::<Run>));
}
