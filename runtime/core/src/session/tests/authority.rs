//! What a participant may say: its own vote, and the outcome only if it is the initiator. One input at a time; `explore/liar.rs` has all of them.

use super::choreography::{A, B, C};
use super::inputs::{NOW, events, frames, header_of, writes};
use super::world::TIMING;
use crate::{Body, Frame, Outcome, RoleId, RowState, Session, Vote, WriteId};

/// `from` says `body` to `to` in a session of A, B and C.
fn said(from: RoleId, to: RoleId, body: Body) -> Frame {
    let header = header_of(&[A, B, C]);
    Frame { session: header.session_id(), from, to, header: Some(header), body }
}

/// B, whose vote is durable.
fn voted() -> Session {
    let mut session = Session::join(header_of(&[A, B, C]), B, TIMING, NOW);
    session.handle_program_ended("8".into(), NOW);
    session.handle_durable(WriteId(1), NOW);
    writes(&mut session);
    frames(&mut session);
    session
}

/// The initiator, whose vote is durable.
fn voted_initiator() -> Session {
    let mut session = Session::start(header_of(&[A, B, C]), "0".into(), &[], TIMING, NOW);
    session.handle_program_ended("8".into(), NOW);
    for write in writes(&mut session) {
        session.handle_durable(write.id, NOW);
    }
    frames(&mut session);
    events(&mut session);
    session
}

fn completed(voter: RoleId) -> Body {
    Body::Vote { voter, vote: Vote::Completed { parts: None } }
}

fn aborted(voter: RoleId) -> Body {
    Body::Vote { voter, vote: Vote::Aborted { reason: "no".into() } }
}

const COMMITTED: Body = Body::Done { outcome: Outcome::Committed, answer: false };

#[test]
fn done_of_a_role_that_is_not_the_initiator_commits_nothing() {
    let mut session = voted();
    session.handle_frame(said(C, B, COMMITTED));
    assert_eq!((session.outcome(), writes(&mut session)), (None, vec![]), "A may have rolled back");
    // It says that C has voted. With the vote of A, all have.
    session.handle_frame(said(A, B, completed(A)));
    assert_eq!(session.outcome(), Some(Outcome::Committed));
}

#[test]
fn done_of_the_initiator_commits() {
    let mut session = voted();
    session.handle_frame(said(A, B, COMMITTED));
    assert_eq!(session.outcome(), Some(Outcome::Committed));
}

#[test]
fn done_of_one_role_is_not_the_vote_of_another_at_the_initiator() {
    let mut session = voted_initiator();
    session.handle_frame(said(C, A, COMMITTED));
    assert_eq!((session.outcome(), events(&mut session)), (None, vec![]), "B has not voted");
    session.handle_frame(said(B, A, COMMITTED));
    assert_eq!(session.outcome(), Some(Outcome::Committed));
}

#[test]
fn a_role_votes_for_itself_only() {
    let mut session = voted_initiator();
    session.handle_frame(said(C, A, completed(B)));
    session.handle_frame(said(B, A, completed(B)));
    assert_eq!(session.outcome(), None, "C has not voted");
    session.handle_frame(said(C, A, completed(C)));
    assert_eq!(session.outcome(), Some(Outcome::Committed));
}

#[test]
fn an_abort_is_not_passed_on_of_a_role_that_has_voted_otherwise() {
    let mut session = voted_initiator();
    session.handle_frame(said(B, A, completed(B)));
    for voter in [B, A] {
        session.handle_frame(said(C, A, aborted(voter)));
        assert!(writes(&mut session).is_empty(), "{voter:?} has not voted so");
    }
    // It may abort in its own name, and so could pass on the abort of one that has not voted.
    session.handle_frame(said(C, A, aborted(C)));
    assert!(matches!(session.state(), Some(RowState::Aborting { via: C, .. })));
}

#[test]
fn a_role_that_says_that_it_is_done_too_early_is_waited_for_all_the_same() {
    let mut session = Session::start(header_of(&[A, B, C]), "0".into(), &[], TIMING, NOW);
    session.handle_frame(said(B, A, COMMITTED));
    assert!(session.view().peers.iter().all(|peer| !peer.done && !peer.completed));
}
