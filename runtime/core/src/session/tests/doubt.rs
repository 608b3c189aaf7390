//! Sessions of a role, or of an initiator, that has lost its memory (`doubt.rs`).

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;

use super::choreography::{A, B};
use super::inputs::{NOW, at, events, frame, frames, header_of, joined, message, stored, writes};
use super::world::TIMING;
use crate::{
    Body, Cancel, Doubt, Event, Frame, Millis, OptionalRoles, Outcome, Resolution, RoleId, RowState, Session, Standing,
    Stored, Unresolvable, Urgency, Vote, answer_ask,
};

fn reason() -> std::sync::Arc<str> {
    "by hand".into()
}

/// B as its database has it: active, or voted.
fn at_b(voted: bool) -> Stored {
    let mut session = joined();
    session.handle_frame(message(1, "x"));
    assert!(matches!(session.program_receive(at(1), A), Poll::Ready(Ok(_))));
    session.handle_program_ended("7".into(), NOW);
    let mut stored = stored(writes(&mut session));
    if !voted {
        stored.row.state = RowState::Active;
    }
    stored
}

/// B's session, whose database was restored.
fn restored(voted: bool) -> Session {
    let mut session = Session::recover(at_b(voted), B, &[], TIMING, NOW).with_doubt();
    assert_eq!(frames(&mut session).iter().filter(|body| **body == Body::Ask).count(), 1);
    session
}

fn stands(standing: Standing) -> Frame {
    frame(Body::Stands { standing })
}

fn states(session: &mut Session) -> Vec<RowState> {
    writes(session).into_iter().map(|write| write.row.state).collect()
}

#[test]
fn a_role_that_may_have_forgotten_does_nothing_until_it_is_told() {
    let mut session = restored(false);
    assert!(!session.runs_program());
    assert_eq!(session.handle_cancel(reason()), Cancel::Doubtful);
    session.handle_frame(frame(Body::Cancel { reason: reason() }));
    assert_eq!(session.handle_resolve(Resolution::Abort, reason()), Err(Unresolvable::Asking));
    assert_eq!(writes(&mut session), []);
    session.handle_timeout(Millis(TIMING.resend_millis_min));
    assert!(frames(&mut session).contains(&Body::Ask), "it goes on asking");
    session.handle_frame(stands(Standing::Undecided));
    assert_eq!((session.doubt(), session.runs_program()), (None, true));
    assert!(frames(&mut session).contains(&Body::Need));
    assert_eq!(session.handle_cancel(reason()), Cancel::Aborts);
}

#[test]
fn a_role_that_has_forgotten_what_all_committed_undoes_nothing_and_a_person_decides() {
    for told in [stands(Standing::Committed), frame(Body::Done { outcome: Outcome::Committed, answer: false })] {
        let mut session = restored(false);
        session.handle_frame(told);
        assert_eq!(events(&mut session), [Event::Doubtful(Doubt::Behind)]);
        assert_eq!((session.handle_cancel(reason()), session.runs_program()), (Cancel::Behind, false));
        assert_eq!(writes(&mut session), []);
        session.handle_resolve(Resolution::Commit, reason()).unwrap();
        let written = writes(&mut session);
        assert!(matches!(written[0].row.state, RowState::Finished { outcome: Ok(_) }));
        assert_eq!(session.handle_resolve(Resolution::Abort, reason()), Err(Unresolvable::Decided));
    }
}

/// It may have had a part, which its database lacks, and been waited for.
#[test]
fn an_optional_role_that_was_in_doubt_does_not_end_without_a_part() {
    let committed = frame(Body::Done { outcome: Outcome::Committed, answer: false });
    for told in [committed, stands(Standing::Committed)] {
        let mut session = restored(false)
            .with_optional(&Arc::new(OptionalRoles { roles: BTreeSet::from([B]), ..OptionalRoles::default() }));
        session.handle_frame(stands(Standing::Undecided));
        assert_eq!(session.doubt(), None);
        session.handle_frame(told);
        assert_eq!(session.doubt(), Some(Doubt::Behind));
        assert_eq!(writes(&mut session), []);
    }
    let mut session = restored(false)
        .with_optional(&Arc::new(OptionalRoles { roles: BTreeSet::from([B]), ..OptionalRoles::default() }));
    session.handle_frame(stands(Standing::Undecided));
    session.handle_frame(stands(Standing::Unknown));
    assert_eq!(session.doubt(), Some(Doubt::Forgotten));
    assert_eq!(writes(&mut session), []);
}

#[test]
fn a_role_that_had_voted_commits_or_aborts_as_it_is_told() {
    let mut session = restored(true);
    session.handle_frame(stands(Standing::Committed));
    assert!(matches!(states(&mut session)[..], [RowState::Committed { .. }]));
    for voted in [false, true] {
        let mut session = restored(voted);
        session.handle_frame(stands(Standing::Aborted { reason: "sold out".into() }));
        let states = states(&mut session);
        assert!(matches!(&states[..], [RowState::Aborting { via: A, local: false, .. }]), "{states:?}");
    }
}

#[test]
fn a_role_whose_initiator_knows_nothing_says_so_and_is_decided_by_hand() {
    for (resolution, commits) in [(Resolution::Commit, true), (Resolution::Abort, false)] {
        // No restore here: it has waited for long.
        let mut session = Session::recover(at_b(true), B, &[], TIMING, NOW);
        assert!(!frames(&mut session).contains(&Body::Ask));
        for at in 1..=4 {
            session.handle_timeout(Millis(at * 1_000));
        }
        assert!(frames(&mut session).contains(&Body::Ask));
        session.handle_frame(stands(Standing::Unknown));
        session.handle_frame(stands(Standing::Unknown));
        let doubts: Vec<_> =
            events(&mut session).into_iter().filter(|event| matches!(event, Event::Doubtful(_))).collect();
        assert_eq!(doubts, [Event::Doubtful(Doubt::Forgotten)], "it is said once");
        assert_eq!(session.handle_cancel(reason()), Cancel::Forgotten);
        session.handle_resolve(resolution, reason()).unwrap();
        let written = writes(&mut session);
        match &written[0].row.state {
            RowState::Finished { outcome: Ok(result) } => assert!(commits && **result == *"7"),
            RowState::Aborting { local: true, .. } => {
                assert_eq!((commits, written[0].urgency), (false, Urgency::Prompt));
            }
            other => panic!("{other:?}"),
        }
        assert!(!frames(&mut session).iter().any(|body| matches!(body, Body::Vote { .. })), "nobody else is told");
    }
}

#[test]
fn a_session_that_can_end_is_not_decided_by_hand() {
    let mut session = joined();
    session.handle_frame(message(1, "x"));
    assert_eq!(session.handle_resolve(Resolution::Commit, reason()), Err(Unresolvable::Undecided));
}

#[test]
fn an_initiator_that_may_have_forgotten_hears_all_others() {
    let (c, header) = (RoleId(2), header_of(&[A, B, RoleId(2)]));
    let mut session = Session::start(header, "1".into(), &[], TIMING, NOW);
    session.program_send(at(1), B, "x".into()).unwrap();
    session.handle_program_waiting(NOW);
    let stored = stored(writes(&mut session));
    let restored = || Session::recover(stored.clone(), A, &[], TIMING, NOW).with_doubt();
    let told = |session: &mut Session, from, standing| {
        let session_id = session.key().session;
        session.handle_frame(Frame { session: session_id, from, to: A, header: None, body: Body::Stands { standing } });
    };
    let mut session = restored();
    told(&mut session, B, Standing::Unknown);
    assert_eq!(session.doubt(), Some(Doubt::Asking), "C may know more");
    told(&mut session, c, Standing::Unknown);
    assert_eq!(session.doubt(), Some(Doubt::Forgotten));
    let mut session = restored();
    told(&mut session, B, Standing::Unknown);
    told(&mut session, c, Standing::Undecided);
    assert_eq!((session.doubt(), session.runs_program()), (None, true));
    let mut session = restored();
    told(&mut session, c, Standing::Committed);
    assert_eq!(session.doubt(), Some(Doubt::Behind));
}

#[test]
fn an_initiator_notices_that_a_role_which_had_voted_knows_nothing() {
    let mut session = Session::start(header_of(&[A, B]), "1".into(), &[], TIMING, NOW);
    session.program_send(at(1), B, "x".into()).unwrap();
    session.handle_program_ended("7".into(), NOW);
    for write in writes(&mut session) {
        session.handle_durable(write.id, NOW);
    }
    let from_b = |session: &Session, body| Frame { session: session.key().session, from: B, to: A, header: None, body };
    session.handle_frame(from_b(&session, Body::Vote { voter: B, vote: Vote::Completed { parts: None } }));
    events(&mut session);
    session.handle_timeout(Millis(10_000));
    session.handle_frame(from_b(&session, Body::Over));
    assert!(events(&mut session).contains(&Event::PeerForgot { role: B }));
}

#[test]
fn a_node_answers_for_sessions_that_are_over_and_for_those_it_does_not_know() {
    let ask = Frame { header: None, ..frame(Body::Ask) };
    let standing = |state: Option<RowState>| match answer_ask(state.as_ref(), &ask).map(|frame| frame.body) {
        Some(Body::Stands { standing }) => Some(standing),
        _ => None,
    };
    assert_eq!(standing(None), Some(Standing::Unknown));
    assert_eq!(standing(Some(RowState::Finished { outcome: Ok("1".into()) })), Some(Standing::Committed));
    let aborted = RowState::Finished { outcome: Err("no".into()) };
    assert_eq!(standing(Some(aborted)), Some(Standing::Aborted { reason: "no".into() }));
    assert_eq!(standing(Some(RowState::Active)), None, "it is being read, and answers itself");
}
