//! How many frames a session of many participants sends again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::choreography::{A, B};
use super::inputs::{NOW, header_of, writes};
use super::world::TIMING;
use crate::{Body, Header, RoleId, Session, Vote};

const PARTICIPANTS: u16 = 1_000;

/// B of a thousand, which has voted and hears nothing.
fn voted() -> Session {
    let nodes = vec![vec!["a".into()], vec!["w".into(); usize::from(PARTICIPANTS) - 1]];
    let header = Header { nodes, ..(*header_of(&(0..PARTICIPANTS).map(RoleId).collect::<Vec<_>>())).clone() };
    let mut session = Session::join(Arc::new(header), B, TIMING, NOW);
    session.handle_program_ended("null".into(), NOW);
    let last = writes(&mut session).last().expect("its vote is written").id;
    session.handle_durable(last, NOW);
    session
}

/// Who hears this role's vote now.
fn told(session: &mut Session) -> Vec<RoleId> {
    let frames = std::iter::from_fn(|| session.poll_transmit());
    frames
        .filter(|frame| matches!(frame.body, Body::Vote { vote: Vote::Completed { .. }, .. }))
        .map(|frame| frame.to)
        .collect()
}

#[test]
fn a_vote_is_sent_again_to_the_initiator_each_time_and_to_all_others_in_turn() {
    let mut session = voted();
    assert_eq!(told(&mut session), [A], "the initiator decides");
    let (mut all, mut times) = (BTreeSet::new(), 0);
    while all.len() < usize::from(PARTICIPANTS) - 1 {
        let due = session.poll_timeout().expect("nobody has answered");
        session.handle_timeout(due);
        let roles = told(&mut session);
        assert!(roles.len() <= 65, "{} frames at once", roles.len());
        if !roles.is_empty() {
            assert!(roles.contains(&A));
            times += 1;
        }
        all.extend(roles);
    }
    assert_eq!(times, 16, "64 others each time");
}
