//! What is told early, and what is not, input by input (hole H23).

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::task::Poll;

use super::choreography::{A, B, C};
use super::inputs::{NOTHING, at, events, frames, header_of, stored, writes};
use super::world::TIMING;
use crate::scope::{Place, ScopeEnd};
use crate::{Body, Cancel, Event, Frame, Millis, Ran, RoleId, Run, Scopes, Session, Urgency, Vote};

const HOUR: u64 = 3_600_000;
const NOON: u64 = 1_800_000_000_000;

fn start(participants: &[RoleId]) -> Session {
    Session::start(header_of(participants), "null".into(), &[], TIMING, Millis(0))
}

fn from(session: &Session, role: RoleId, body: Body) -> Frame {
    Frame { session: session.key().session, from: role, to: A, header: None, body }
}

fn completed(session: &Session, role: RoleId) -> Frame {
    from(session, role, Body::Vote { voter: role, vote: Vote::Completed { parts: None } })
}

fn message(session: &Session, role: RoleId, site: u32, payload: &str) -> Frame {
    from(session, role, Body::Message { position: at(site), scopes: Scopes::default(), payload: payload.into() })
}

fn told(session: &mut Session) -> Vec<Event> {
    events(session).into_iter().filter(|event| matches!(event, Event::Decided(_) | Event::Settled(_))).collect()
}

/// A -> B; B -> A; A -> C; end.
#[test]
fn h23_what_is_said_last_does_not_wait_for_a_lazy_write() {
    let mut session = start(&[A, B, C]);
    session.program_send(at(1), B, "1".into()).unwrap();
    assert!(session.program_receive(at(2), B).is_pending());
    session.handle_program_waiting(Millis(0));
    let written = writes(&mut session);
    session.handle_durable(written[0].id, Millis(1));
    assert!(session.program_receive(at(2), B).is_pending());
    session.handle_program_waiting(Millis(1));
    assert_eq!(frames(&mut session).len(), 1);
    let frame = message(&session, B, 2, "2");
    session.handle_frame(frame);
    assert!(session.program_receive(at(2), B).is_ready());
    session.program_send(at(3), C, "3".into()).unwrap();
    session.handle_program_ended("3".into(), Millis(2));
    let vote = writes(&mut session);
    let left = frames(&mut session).iter().any(|body| matches!(body, Body::Message { .. }));
    assert!(
        left || vote[0].urgency == Urgency::Prompt,
        "the message to C is held until a {:?} write is durable",
        vote[0].urgency
    );
}

/// A -> B; B -> A; A sleeps for an hour; A.t; end. B has voted. A restarts while it sleeps, and is asked to end the session.
#[test]
fn h23_an_initiator_that_sleeps_has_not_come_to_its_end() {
    fn poll(session: &mut Session, now: Millis, unix: u64) {
        session.program_send(at(1), B, "1".into()).ok();
        if session.program_receive(at(2), B).is_ready() {
            let woken = session.program_sleep(at(3), HOUR, NOTHING, unix);
            if woken.is_ready() {
                let _ = session.program_transaction(at(5), "S.t", "[]".into(), NOTHING);
            }
        }
        session.handle_program_waiting(now);
    }
    let mut session = start(&[A, B]);
    poll(&mut session, Millis(0), NOON);
    let mut all = writes(&mut session);
    session.handle_durable(all[0].id, Millis(1));
    let frame = message(&session, B, 2, "2");
    session.handle_frame(frame);
    let frame = completed(&session, B);
    session.handle_frame(frame);
    // (the program is polled anew; send and receive are of this poll)
    assert!(session.program_receive(at(2), B).is_ready());
    assert!(session.program_sleep(at(3), HOUR, NOTHING, NOON).is_pending());
    session.handle_program_waiting(Millis(2));
    all.extend(writes(&mut session));

    let mut session = Session::recover(stored(all), A, &[], TIMING, Millis(10_000));
    let frame = message(&session, B, 2, "2");
    session.handle_frame(frame);
    let frame = completed(&session, B);
    session.handle_frame(frame);
    poll(&mut session, Millis(10_000), NOON + 10_000);
    frames(&mut session);
    // The rest of the hour is to be waited for, and then a transaction that has never run: no earlier run can have come to its end.
    assert_eq!(session.handle_cancel("no more".into()), Cancel::Aborts, "nobody ends it for an hour");
}

/// B -> A; `saga within 100 ms { sleep A, 90 ms; } else { … }`; end.
#[test]
fn h23_a_timer_that_may_begin_again_is_not_told_of() {
    // Gives the result, if the program ended.
    struct Program {
        received: bool,
        scopes: Option<Scopes>,
        left: bool,
    }
    impl Program {
        fn poll(&mut self, session: &mut Session, now: Millis, unix: u64) {
            if !self.received {
                if session.program_receive(at(2), B).is_pending() {
                    return session.handle_program_waiting(now);
                }
                self.received = true;
                self.scopes = Some(session.program_enter_scope(at(3), &[A], Some(100)).unwrap());
            }
            let scopes = self.scopes.clone().unwrap();
            if !self.left {
                let place = Place { position: at(4), scopes: scopes.clone() };
                match session.program_sleep(place, 90, NOTHING, unix) {
                    Poll::Pending => return session.handle_program_waiting(now),
                    Poll::Ready(Ok(())) => session.program_leave_scope(&scopes, true),
                    Poll::Ready(Err(_)) => session.program_leave_scope(&scopes, false),
                }
                self.left = true;
            }
            match session.poll_scope(&scopes, false) {
                Poll::Ready(Ok(ScopeEnd::Completed)) => session.handle_program_ended("fine".into(), now),
                Poll::Ready(Ok(ScopeEnd::Aborted(_))) => session.handle_program_ended("late".into(), now),
                _ => session.handle_program_waiting(now),
            }
        }
    }
    let new = || Program { received: false, scopes: None, left: false };
    let mut session = start(&[A, B]);
    let mut program = new();
    program.poll(&mut session, Millis(0), NOON);
    let all = writes(&mut session);
    session.handle_durable(all[0].id, Millis(1));
    for frame in [message(&session, B, 2, "2"), completed(&session, B)] {
        session.handle_frame(frame);
    }
    program.poll(&mut session, Millis(10), NOON);
    // The timer's records are lazy, and not durable.
    session.handle_timeout(Millis(100));
    program.poll(&mut session, Millis(100), NOON + 90);
    assert_eq!(told(&mut session), [], "it may be late when it is run again");

    let mut session = Session::recover(stored(all), A, &[], TIMING, Millis(1_000));
    let mut program = new();
    for frame in [message(&session, B, 2, "2"), completed(&session, B)] {
        session.handle_frame(frame);
    }
    program.poll(&mut session, Millis(1_000), NOON + 1_000);
    // A machine that has just been started is busy: it is woken a little late.
    session.handle_timeout(Millis(1_101));
    program.poll(&mut session, Millis(1_101), NOON + 1_101);
    for write in writes(&mut session) {
        session.handle_durable(write.id, Millis(1_102));
    }
    assert_eq!(told(&mut session).first(), Some(&Event::Decided(Ok("late".into()))), "as here");
}

/// A.t; A -> B; B -> A; more. B has voted; A's code was changed, so that its session is parked.
#[test]
fn h23_a_parked_session_can_be_ended() {
    let mut session = start(&[A, B]);
    assert_eq!(session.program_transaction(at(1), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(Millis(0));
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(1))));
    assert!(session.handle_transaction_ran(at(1), Ran::Done("7".into()), Millis(0)));
    session.handle_program_waiting(Millis(0));
    let all = writes(&mut session);
    let mut session = Session::recover(stored(all), A, &[], TIMING, Millis(1_000));
    let frame = completed(&session, B);
    session.handle_frame(frame);
    assert!(session.program_transaction(at(1), "S.other", "[]".into(), NOTHING).is_err());
    session.handle_program_waiting(Millis(1_000));
    assert!(session.is_parked());
    assert_eq!(session.handle_cancel("an operator gives up".into()), Cancel::Aborts, "it stays as it is for ever");
}

/// `saga within 100 ms { sleep A, 90 ms; } else { … }`, of which A tells B.
#[test]
fn a_scope_of_one_role_alone_that_came_in_time_has_done_so_when_it_is_run_again() {
    fn poll(session: &mut Session, entered: &mut Option<Scopes>, now: Millis, unix: u64) {
        if entered.is_none() {
            *entered = Some(session.program_enter_scope(at(3), &[A], Some(100)).unwrap());
        }
        let scopes = entered.clone().unwrap();
        let slept = session.program_sleep(Place { position: at(4), scopes: scopes.clone() }, 90, NOTHING, unix);
        if slept.is_ready() {
            session.program_leave_scope(&scopes, slept == Poll::Ready(Ok(())));
            match session.poll_scope(&scopes, false) {
                Poll::Ready(Ok(ScopeEnd::Completed)) => session.program_send(at(5), B, "fine".into()).unwrap(),
                Poll::Ready(Ok(ScopeEnd::Aborted(_))) => session.program_send(at(6), B, "late".into()).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        session.handle_program_waiting(now);
    }
    fn said(session: &mut Session) -> Vec<String> {
        let payload = |body: Body| match body {
            Body::Message { payload, .. } => Some(payload.to_string()),
            _ => None,
        };
        frames(session).into_iter().filter_map(payload).collect()
    }
    let (mut session, mut entered) = (start(&[A, B]), None);
    // The start is durable, the records of the timer are lazy and not: it waited for something before.
    assert!(session.program_receive(at(2), B).is_pending());
    session.handle_program_waiting(Millis(0));
    let mut all = writes(&mut session);
    session.handle_durable(all[0].id, Millis(0));
    poll(&mut session, &mut entered, Millis(0), NOON);
    session.handle_timeout(Millis(90));
    poll(&mut session, &mut entered, Millis(90), NOON + 90);
    assert_eq!(said(&mut session), [""; 0], "how the scope ended is not durable");
    all.extend(writes(&mut session));
    session.handle_durable(all.last().unwrap().id, Millis(91));
    let first = said(&mut session);
    assert_eq!(first, ["fine"]);
    let (mut session, mut entered) = (Session::recover(stored(all), A, &[], TIMING, Millis(1_000)), None);
    poll(&mut session, &mut entered, Millis(1_000), NOON + 1_000);
    assert_eq!(said(&mut session), first, "B may have done what follows the first");
}
