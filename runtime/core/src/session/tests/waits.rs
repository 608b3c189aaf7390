//! Receives that wait for a limited time.

use std::task::Poll;

use super::choreography::{A, B};
use super::inputs::{NOTHING, at, events, frames, header_of, joined, message, stored, writes};
use super::world::TIMING;
use crate::{Body, Change, Event, Frame, Millis, Session, Vote, Write};

const BEGAN: Millis = Millis(1_000);
const WAIT_MILLIS: u64 = 50;

/// What B's program is to see.
type Received = Option<&'static str>;

/// B waits at position 1, and answers what came at position 2.
fn poll(session: &mut Session, now: Millis) -> Poll<Received> {
    let received = session.program_receive_within(at(1), A, WAIT_MILLIS, NOTHING);
    let ended = match received {
        Poll::Pending => Poll::Pending,
        Poll::Ready(payload) => {
            let payload = payload.expect("the program may go on");
            session.program_send(at(2), A, payload.clone().unwrap_or_else(|| "nothing".into())).expect("it may send");
            Poll::Ready(payload.map(|payload| if &*payload == "soon" { "soon" } else { "other" }))
        }
    };
    session.handle_program_waiting(now);
    ended
}

fn answers(session: &mut Session) -> usize {
    frames(session).iter().filter(|body| matches!(body, Body::Message { .. })).count()
}

fn recorded(writes: &[Write]) -> usize {
    writes.iter().flat_map(|write| &write.changes).filter(|change| matches!(change, Change::Call(_))).count()
}

/// What it comes to is durable before the answer leaves.
fn answers_once_durable(session: &mut Session) -> Vec<Write> {
    let writes = writes(session);
    assert_eq!((recorded(&writes), answers(session)), (1, 0), "the answer waits for the record");
    session.handle_durable(writes.last().expect("a write").id, BEGAN);
    assert_eq!(answers(session), 1);
    writes
}

#[test]
fn a_message_in_time_is_recorded_before_what_depends_on_it_and_received_again_at_any_time() {
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN), Poll::Pending);
    assert_eq!(writes(&mut session), vec![], "waiting is not recorded");
    session.handle_frame(message(1, "soon"));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(Some("soon")));
    let stored = stored(answers_once_durable(&mut session));

    let mut session = Session::recover(stored, B, &[], TIMING, BEGAN);
    for now in [BEGAN, BEGAN.plus(WAIT_MILLIS), BEGAN.plus(1_000 * WAIT_MILLIS)] {
        session.handle_timeout(now);
        assert_eq!(poll(&mut session, now), Poll::Pending, "it waits, however long it takes");
    }
    session.handle_frame(message(1, "soon"));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(Some("soon")));
    assert_eq!(writes(&mut session), vec![]);
}

#[test]
fn a_wait_that_has_elapsed_is_recorded_and_a_late_message_is_dropped() {
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN), Poll::Pending);
    session.handle_timeout(BEGAN.plus(WAIT_MILLIS - 1));
    assert_eq!(poll(&mut session, BEGAN), Poll::Pending, "it is timed from when the program came there");
    assert!(session.poll_timeout().is_some_and(|at| at <= BEGAN.plus(WAIT_MILLIS)), "it is woken in time");
    session.handle_timeout(BEGAN.plus(WAIT_MILLIS));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(None));
    session.handle_frame(message(1, "late"));
    assert_eq!(session.inbox_load.waiting(), 0, "nobody waits for it any more");
    let stored = stored(answers_once_durable(&mut session));

    for message_first in [false, true] {
        let mut session = Session::recover(stored.clone(), B, &[], TIMING, BEGAN);
        if message_first {
            session.handle_frame(message(1, "late"));
        }
        assert_eq!(poll(&mut session, BEGAN), Poll::Ready(None), "as recorded");
        session.handle_frame(message(1, "late"));
        assert_eq!(session.inbox_load.waiting(), 0);
        assert_eq!(writes(&mut session), vec![]);
    }
}

#[test]
fn a_wait_whose_record_is_lost_begins_again() {
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN), Poll::Pending);
    session.handle_timeout(BEGAN.plus(WAIT_MILLIS));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(None));
    assert_eq!(answers(&mut session), 0, "nothing has left that says so");

    let mut session = joined();
    session.handle_frame(message(1, "soon"));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(Some("soon")));
}

#[test]
fn another_wait_than_the_recorded_one_parks() {
    let mut session = joined();
    session.handle_frame(message(1, "soon"));
    assert_eq!(poll(&mut session, BEGAN), Poll::Ready(Some("soon")));
    let stored = stored(answers_once_durable(&mut session));
    let mut session = Session::recover(stored, B, &[], TIMING, BEGAN);
    assert!(matches!(session.program_receive_within(at(1), A, WAIT_MILLIS + 1, NOTHING), Poll::Ready(Err(_))));
    assert!(!session.runs_program());
}

/// A asks B, waits for a limited time, and ends without the answer.
fn ended_without_the_answer() -> Session {
    let mut session = Session::start(header_of(&[A, B]), "null".into(), &[], TIMING, BEGAN);
    session.program_send(at(1), B, "1".into()).expect("it may send");
    assert_eq!(session.program_receive_within(at(2), B, WAIT_MILLIS, NOTHING), Poll::Pending);
    session.handle_program_waiting(BEGAN);
    let late = BEGAN.plus(WAIT_MILLIS);
    session.handle_timeout(late);
    assert_eq!(session.program_receive_within(at(2), B, WAIT_MILLIS, NOTHING), Poll::Ready(Ok(None)));
    session.handle_program_ended("7".into(), late);
    let last = writes(&mut session).last().expect("its vote").id;
    session.handle_durable(last, late);
    session
}

#[test]
fn the_client_is_told_once_a_sender_that_is_late_has_voted() {
    let aborts = Vote::Aborted { reason: "no".into() };
    for (vote, expected) in [(Vote::Completed { parts: None }, Ok("7".into())), (aborts, Err("no".into()))] {
        let mut session = ended_without_the_answer();
        let outcome = |event: &Event| if let Event::Decided(outcome) = event { Some(outcome.clone()) } else { None };
        let told = |session: &mut Session| events(session).iter().find_map(outcome);
        assert_eq!(told(&mut session), None, "the sender may still end the session");
        let id = session.key().session;
        session.handle_frame(Frame { session: id, from: B, to: A, header: None, body: Body::Vote { voter: B, vote } });
        let written = writes(&mut session).last().map(|write| write.id);
        written.into_iter().for_each(|last| session.handle_durable(last, BEGAN.plus(WAIT_MILLIS)));
        // A role that has voted takes back what it did, as any other.
        assert_eq!(told(&mut session), Some(expected));
    }
}
