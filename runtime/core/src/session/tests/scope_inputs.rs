//! Single inputs around scopes: what one session takes, drops, and refuses.

use std::task::Poll;

use super::choreography::{A, B, C};
use super::inputs::{NOTHING, NOW, at, events, frame, frames, joined, stored, writes};
use super::world::TIMING;
use crate::{
    Body, Cancel, Event, Frame, INBOX_MESSAGES_MAX, Millis, Place, Ran, RowState, Run, ScopeAbort, ScopeEnd, ScopeVote,
    Scopes, Session,
};

const SCOPE: u32 = 100;

fn within(site: u32, scopes: &Scopes) -> Place {
    Place { position: at(site), scopes: scopes.clone() }
}

fn message_in(site: u32, scopes: &Scopes) -> Frame {
    frame(Body::Message { position: at(site), scopes: scopes.clone(), payload: "1".into() })
}

fn vote(scope: u32, around: &Scopes, vote: ScopeVote) -> Frame {
    frame(Body::ScopeVote { position: at(scope), scopes: around.clone(), vote, asks: false })
}

fn aborted() -> ScopeVote {
    ScopeVote::Aborted { reason: "no".into() }
}

/// B has entered a scope with A.
fn entered() -> (Session, Scopes) {
    let mut session = joined();
    let scopes = session.program_enter_scope(at(SCOPE), &[A, B], None).expect("it goes on");
    (session, scopes)
}

fn parked(session: &mut Session) -> bool {
    events(session).iter().any(|event| matches!(event, Event::Parked(_)))
}

#[test]
fn what_belongs_to_a_body_that_was_aborted_is_dropped_and_takes_no_room() {
    let (mut session, scopes) = entered();
    let inner = scopes.with(at(SCOPE + 1));
    let other = [at(SCOPE + 2)].into_iter().collect();
    for frame in [
        message_in(1, &scopes),
        message_in(2, &inner),
        message_in(3, &Scopes::default()),
        message_in(4, &other),
        vote(SCOPE + 1, &scopes, ScopeVote::Done),
        vote(SCOPE + 2, &Scopes::default(), ScopeVote::Done),
    ] {
        session.handle_frame(frame);
    }
    assert_eq!(session.inbox_load.waiting(), 6);
    session.handle_frame(vote(SCOPE, &Scopes::default(), aborted()));
    session.handle_program_waiting(NOW);
    assert_eq!(session.inbox_load.waiting(), 3);
    session.handle_frame(message_in(1, &scopes));
    session.handle_frame(message_in(5, &inner));
    session.handle_frame(vote(SCOPE + 3, &inner, ScopeVote::Done));
    assert_eq!(session.inbox_load.waiting(), 3, "nor does what comes late");
    assert_eq!(session.program_receive(at(3), A), Poll::Ready(Ok("1".into())));
}

#[test]
fn early_votes_are_bounded_like_messages() {
    let mut session = joined();
    let sites = (1_000..).take(INBOX_MESSAGES_MAX);
    sites.for_each(|site| session.handle_frame(message_in(site, &Scopes::default())));
    session.handle_frame(vote(SCOPE, &Scopes::default(), ScopeVote::Done));
    assert_eq!(session.inbox_load.waiting(), INBOX_MESSAGES_MAX);
    let scopes = session.program_enter_scope(at(SCOPE), &[A, B], None).expect("it goes on");
    session.program_leave_scope(&scopes, true);
    assert_eq!(session.poll_scope(&scopes, false), Poll::Pending);
    // Now the program waits for it.
    session.handle_frame(vote(SCOPE, &Scopes::default(), ScopeVote::Done));
    assert_eq!(session.poll_scope(&scopes, false), Poll::Ready(Ok(ScopeEnd::Completed)));
}

#[test]
fn requests_of_a_body_stop_and_those_around_it_go_on() {
    let (mut session, scopes) = entered();
    let inner = session.program_enter_scope(within(SCOPE + 1, &scopes), &[A, B], None).expect("it goes on");
    assert_eq!(session.program_receive(within(1, &inner), A), Poll::Pending);
    assert_eq!(session.program_transaction(within(2, &inner), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(2))));
    session.handle_frame(vote(SCOPE, &Scopes::default(), aborted()));
    assert!(!session.goes_on(&inner) && !session.goes_on(&scopes) && session.goes_on(&Scopes::default()));
    assert!(!session.may_run(at(2)));
    assert!(!session.handle_transaction_ran(at(2), Ran::Done("7".into()), NOW));
    assert_eq!(session.program_receive(within(1, &inner), A), Poll::Ready(Err(crate::Stop)));
    assert_eq!(session.poll_transaction(within(2, &inner)), Poll::Ready(Err(crate::Stop)));
    assert_eq!(session.program_offer(&inner, &[(at(1), A)]), Poll::Ready(Err(crate::Stop)));
    assert!(session.program_send(within(3, &inner), A, "1".into()).is_err());
    assert!(session.program_call(within(4, &inner), "S.c", "[]".into(), NOTHING).is_err());
    assert!(session.program_enter_scope(within(5, &inner), &[A, B], None).is_err());
    assert_eq!(session.poll_scope(&inner, false), Poll::Ready(Err(crate::Stop)), "an outer one ends");
    session.program_leave_scope(&scopes, false);
    let end = session.poll_scope(&scopes, true);
    let why = ScopeAbort { role: A, reason: "no".into() };
    assert_eq!(end, Poll::Ready(Ok(ScopeEnd::Aborted(Some(why)))));
    assert!(session.program_send(at(6), A, "1".into()).is_ok());
}

#[test]
fn nothing_is_said_before_the_vote_is_durable() {
    let (mut session, scopes) = entered();
    session.program_refuse_in(&scopes, "no".into());
    session.handle_program_waiting(NOW);
    assert_eq!(frames(&mut session), []);
    let write = writes(&mut session).pop().expect("the vote");
    assert_eq!(write.row.state, RowState::Active);
    session.handle_durable(write.id, NOW);
    let expected = Body::ScopeVote { position: at(SCOPE), scopes: Scopes::default(), vote: aborted(), asks: false };
    assert_eq!(frames(&mut session), std::slice::from_ref(&expected));
    // Until it is stable.
    session.handle_connected(A);
    assert_eq!(frames(&mut session), [expected]);
    session.handle_frame(frame(Body::Stable { positions: vec![at(SCOPE)] }));
    session.handle_connected(A);
    assert_eq!(frames(&mut session), []);
}

#[test]
fn a_first_vote_counts_and_one_of_a_stranger_does_not() {
    let (mut session, scopes) = entered();
    session.program_leave_scope(&scopes, true);
    session.handle_frame(Frame { from: C, ..vote(SCOPE, &Scopes::default(), aborted()) });
    assert_eq!(session.poll_scope(&scopes, false), Poll::Pending);
    session.handle_frame(vote(SCOPE, &Scopes::default(), ScopeVote::Done));
    session.handle_frame(vote(SCOPE, &Scopes::default(), aborted()));
    assert_eq!(session.poll_scope(&scopes, false), Poll::Ready(Ok(ScopeEnd::Completed)));
}

#[test]
fn a_program_that_does_otherwise_in_a_scope_is_parked() {
    // What is recorded: B's vote done of the scope.
    let (mut session, scopes) = entered();
    session.program_leave_scope(&scopes, true);
    session.handle_program_waiting(NOW);
    let recorded = stored(writes(&mut session));
    assert_eq!(recorded.scope_votes.len(), 1);
    for otherwise in 0..6 {
        let mut session = Session::recover(recorded.clone(), B, &[], TIMING, NOW);
        if otherwise == 0 {
            session.handle_program_ended("1".into(), NOW);
            assert!(parked(&mut session), "a scope is left out");
            continue;
        }
        let scopes = session.program_enter_scope(at(SCOPE), &[A, B], None).expect("it goes on");
        match otherwise {
            1 => session.program_refuse_in(&scopes, "no".into()),
            2 => assert!(session.program_transaction(within(1, &scopes), "S.t", "[]".into(), NOTHING).is_err()),
            3 => assert!(session.program_call(within(1, &scopes), "S.t", "[]".into(), NOTHING).is_err()),
            4 => assert!(session.program_enter_scope(at(SCOPE), &[A, B], None).is_err()),
            _ => assert!(session.program_enter_scope(at(SCOPE + 1), &[A, B, C], None).is_err()),
        }
        session.handle_program_waiting(NOW);
        assert_eq!((writes(&mut session), parked(&mut session)), (vec![], true), "{otherwise}");
    }
}

#[test]
fn a_role_that_voted_of_the_session_votes_of_no_other_scope() {
    let mut session = joined();
    session.handle_program_ended("1".into(), NOW);
    let recorded = stored(writes(&mut session));
    let mut session = Session::recover(recorded, B, &[], TIMING, NOW);
    let scopes = session.program_enter_scope(at(SCOPE), &[A, B], None).expect("it goes on");
    session.program_leave_scope(&scopes, true);
    session.handle_program_waiting(NOW);
    assert_eq!((writes(&mut session), parked(&mut session)), (vec![], true));
}

#[test]
fn a_body_that_was_given_up_for_no_reason_aborts_its_scope() {
    let (mut session, scopes) = entered();
    session.program_leave_scope(&scopes, false);
    session.handle_program_waiting(NOW);
    let votes: Vec<_> = stored(writes(&mut session)).scope_votes.into_iter().map(|record| record.vote).collect();
    assert!(matches!(&votes[..], [ScopeVote::Aborted { .. }]));
}

#[test]
fn a_limit_is_armed_when_the_poll_ends_and_dropped_with_the_vote() {
    let mut session = joined();
    let limited =
        |session: &Session| session.timers.iter().any(|(timer, _)| matches!(timer, super::super::Timer::Scope(_)));
    let scopes = session.program_enter_scope(at(SCOPE), &[A, B], Some(7)).expect("it goes on");
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_timeout(), Some(Millis(7)));
    session.handle_timeout(Millis(6));
    assert!(limited(&session) && session.goes_on(&scopes));
    let mut late = session.clone();
    late.handle_timeout(Millis(7));
    assert!(!limited(&late) && !late.goes_on(&scopes));
    session.program_leave_scope(&scopes, true);
    assert!(!limited(&session));
    // An outer scope that ends takes the limits of the inner ones with it.
    let (mut session, scopes) = entered();
    session.program_enter_scope(within(SCOPE + 1, &scopes), &[B], Some(7)).expect("it goes on");
    session.handle_program_waiting(NOW);
    assert!(limited(&session));
    session.handle_frame(vote(SCOPE, &Scopes::default(), ScopeVote::Stopped));
    assert!(!limited(&session));
}

#[test]
fn a_session_that_ends_takes_its_scopes_with_it() {
    let (mut session, scopes) = entered();
    assert_eq!(session.handle_cancel("no".into()), Cancel::Aborts);
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_scope(&scopes, false), Poll::Ready(Err(crate::Stop)));
    let last = writes(&mut session).pop().expect("the abort");
    session.handle_durable(last.id, NOW);
    frames(&mut session);
    // Whoever votes of a scope, and has not heard of it, is told.
    session.handle_frame(vote(SCOPE, &Scopes::default(), ScopeVote::Done));
    assert!(matches!(&frames(&mut session)[..], [Body::Vote { voter: B, .. }]));
}

#[test]
fn messages_of_a_body_are_not_sent_again_once_it_was_aborted() {
    let (mut session, scopes) = entered();
    let inner = session.program_enter_scope(within(SCOPE + 1, &scopes), &[A, B], None).expect("it goes on");
    session.program_send(within(1, &scopes), A, "1".into()).expect("it goes on");
    session.program_leave_scope(&inner, true);
    session.program_send(at(2), A, "1".into()).expect("it goes on");
    session.handle_program_waiting(NOW);
    let write = writes(&mut session).pop().expect("the inner vote");
    session.handle_durable(write.id, NOW);
    assert_eq!(frames(&mut session).len(), 3);
    session.handle_frame(vote(SCOPE, &Scopes::default(), aborted()));
    session.handle_program_waiting(NOW);
    let write = writes(&mut session).pop().expect("the outer vote");
    session.handle_durable(write.id, NOW);
    frames(&mut session);
    session.handle_connected(A);
    let said: Vec<_> = frames(&mut session)
        .into_iter()
        .map(|body| match body {
            Body::Message { position, .. } | Body::ScopeVote { position, .. } => position,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(said.len() == 2 && said.contains(&at(2)) && said.contains(&at(SCOPE)), "{said:?}");
}

#[test]
fn a_compensation_that_was_asked_for_is_not_lost_when_the_session_ends_in_the_same_step() {
    let (mut session, scopes) = entered();
    assert_eq!(session.program_transaction(within(2, &scopes), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(2))));
    assert!(session.handle_transaction_ran(at(2), Ran::Done("7".into()), NOW));
    session.program_refuse_in(&scopes, "no".into());
    session.handle_program_waiting(NOW);
    let write = writes(&mut session).pop().expect("the vote");
    session.handle_durable(write.id, NOW);
    // A thread of the program beside the scope ends the session.
    session.program_refuse("no".into());
    session.handle_program_waiting(NOW);
    assert!(matches!(session.poll_run(), Some(Run::Compensate(_))));
    assert!(session.handle_compensated(at(2), Ok(()), NOW));
    let write = writes(&mut session).pop().expect("undone");
    session.handle_durable(write.id, NOW);
    assert_eq!(session.poll_run(), None, "once");
    assert!(session.is_compensated());
}
