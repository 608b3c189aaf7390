//! Single inputs: what one session answers, refuses, and keeps.

use std::sync::Arc;
use std::task::Poll;

use super::choreography::{A, B, C};
use super::simulate::Random;
use super::world::TIMING;
use crate::{
    Body, Cancel, Change, Digest, Event, Frame, Header, INBOX_MESSAGES_MAX, Millis, Outcome, Path, Position, Ran,
    RecordKinds, RoleId, RowState, Run, ScopeAbort, ScopeNews, ScopeVote, Scopes, Session, Standing, Stored, Timing,
    Vote, Write, WriteId,
};

pub const NOW: Millis = Millis(0);

/// What a thread depends on that has received nothing.
pub const NOTHING: Digest = Digest(0);

/// What a thread depends on that has received message 1.
fn having(payload: &str) -> Digest {
    NOTHING.then(at(1), payload.as_bytes())
}

fn header() -> Arc<Header> {
    header_of(&[A, B])
}

pub fn header_of(participants: &[RoleId]) -> Arc<Header> {
    Arc::new(Header {
        choreography: "test".into(),
        fingerprint: [0; 32],
        initiator: A,
        client_id: "1".into(),
        nonce: [0; 16],
        nodes: vec![vec!["a".into()], vec!["b".into()], vec!["c".into()]],
        participants: participants.to_vec(),
    })
}

pub fn at(site: u32) -> Position {
    Path::ROOT.position(site)
}

pub fn frame(body: Body) -> Frame {
    Frame { session: header().session_id(), from: A, to: B, header: Some(header()), body }
}

pub(super) fn message(site: u32, payload: &str) -> Frame {
    frame(Body::Message { position: at(site), scopes: Scopes::default(), payload: payload.into() })
}

fn aborted(voter: RoleId) -> Frame {
    frame(Body::Vote { voter, vote: Vote::Aborted { reason: "no".into() } })
}

pub fn joined() -> Session {
    Session::join(header(), B, TIMING, NOW)
}

pub fn writes(session: &mut Session) -> Vec<Write> {
    std::iter::from_fn(|| session.poll_write()).collect()
}

pub fn frames(session: &mut Session) -> Vec<Body> {
    std::iter::from_fn(|| session.poll_transmit()).map(|frame| frame.body).collect()
}

pub fn events(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// B has received message 1 and done transaction 2.
fn with_a_transaction(payload: &str) -> Session {
    let mut session = joined();
    session.handle_frame(message(1, payload));
    assert_eq!(session.program_receive(at(1), A), Poll::Ready(Ok(payload.into())));
    assert_eq!(session.program_transaction(at(2), "S.t", "[]".into(), having(payload)), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(2))));
    assert!(session.handle_transaction_ran(at(2), Ran::Done("7".into()), NOW));
    session
}

pub fn stored(writes: Vec<Write>) -> Stored {
    let mut transactions = Vec::new();
    let mut calls = Vec::new();
    let mut scope_votes = Vec::new();
    let mut messages = Vec::new();
    let mut row = None;
    for write in writes {
        for change in write.changes {
            match change {
                Change::Transaction(record) => transactions.push(record),
                Change::Call(record) => calls.push(record),
                Change::ScopeVote(record) => scope_votes.push(record),
                Change::Message(message) => messages.push(message),
                Change::Returned { .. } | Change::Undone(_) | Change::Drop(_) => panic!("not here"),
            }
        }
        row = Some(write.row);
    }
    Stored { row: row.expect("a write"), transactions, calls, scope_votes, messages }
}

fn parked(session: &mut Session) -> bool {
    events(session).iter().any(|event| matches!(event, Event::Parked(_)))
}

#[test]
fn h16_what_the_program_waits_for_is_always_let_in() {
    let mut session = joined();
    for site in 0..INBOX_MESSAGES_MAX as u32 {
        session.handle_frame(message(site + 10, "0"));
    }
    session.handle_frame(message(1, "dropped"));
    assert_eq!(session.program_receive(at(1), A), Poll::Pending);
    session.handle_program_waiting(NOW);
    session.handle_frame(message(2, "dropped too"));
    session.handle_frame(message(1, "awaited"));
    session.handle_frame(message(1, "twice"));
    assert_eq!(session.inbox_load.waiting(), INBOX_MESSAGES_MAX + 1);
    assert_eq!(session.program_receive(at(1), A), Poll::Ready(Ok("awaited".into())));
    assert_eq!(session.program_receive(at(2), A), Poll::Pending);
    session.handle_frame(message(1, "once more"));
    assert_eq!(session.inbox_load.waiting(), INBOX_MESSAGES_MAX, "a duplicate takes no room");
}

#[test]
fn h21_another_message_than_the_recorded_one_parks() {
    for (again, parks) in [("1", false), ("2", true)] {
        let mut session = with_a_transaction("1");
        session.handle_program_waiting(NOW);
        let stored = stored(writes(&mut session));
        let mut session = Session::recover(stored, B, &[], TIMING, NOW);
        session.handle_frame(message(1, again));
        assert_eq!(session.program_receive(at(1), A), Poll::Ready(Ok(again.into())));
        let result = session.program_transaction(at(2), "S.t", "[]".into(), having(again));
        assert_eq!(result.is_err(), parks, "with the same arguments");
        assert_eq!((parked(&mut session), session.runs_program()), (parks, !parks));
        session.handle_program_waiting(NOW);
        assert_eq!((writes(&mut session), session.poll_run()), (vec![], None), "nothing is overwritten");
    }
}

#[test]
fn other_arguments_another_operation_and_a_missing_one_park() {
    for change in 0..4 {
        let mut session = with_a_transaction("1");
        session.handle_program_waiting(NOW);
        let stored = stored(writes(&mut session));
        let mut session = Session::recover(stored, B, &[], TIMING, NOW);
        session.handle_frame(message(1, "1"));
        assert!(session.program_receive(at(1), A).is_ready());
        match change {
            0 => assert!(session.program_transaction(at(2), "S.t", "[1]".into(), having("1")).is_err()),
            1 => assert!(session.program_transaction(at(2), "S.u", "[]".into(), having("1")).is_err()),
            2 => session.handle_program_ended("null".into(), NOW),
            _ => {
                assert_eq!(session.program_transaction(at(2), "S.t", "[]".into(), having("1")), Ok(Some("7".into())));
                assert!(session.program_transaction(at(2), "S.t", "[]".into(), having("1")).is_err(), "once is enough");
            }
        }
        assert!(parked(&mut session));
        assert_eq!(writes(&mut session), []);
    }
}

#[test]
fn what_ran_before_its_program_parked_is_recorded() {
    let mut session = with_a_transaction("1");
    session.handle_unreadable(at(3), "not a number");
    session.handle_program_waiting(NOW);
    let stored = stored(writes(&mut session));
    assert_eq!((stored.row.state, stored.transactions.len()), (RowState::Active, 1));
    // A parked session rolls back like any other.
    session.handle_frame(aborted(A));
    let last = writes(&mut session).pop().expect("the abort");
    session.handle_durable(last.id, NOW);
    assert!(matches!(session.poll_run(), Some(Run::Compensate(_))));
}

#[test]
fn h15_a_voted_role_that_refuses_when_it_runs_again_is_parked() {
    let mut session = with_a_transaction("1");
    session.handle_program_ended("8".into(), NOW);
    let stored = stored(writes(&mut session));
    assert!(matches!(stored.row.state, RowState::Voted { .. }));
    let mut session = Session::recover(stored, B, &[], TIMING, NOW);
    session.program_refuse("changed its mind".into());
    session.handle_program_waiting(NOW);
    assert_eq!((writes(&mut session), parked(&mut session)), (vec![], true));
    // Its vote counts all the same.
    session.handle_connected(A);
    assert!(frames(&mut session).contains(&Body::Vote { voter: B, vote: Vote::Completed { parts: None } }));
}

#[test]
fn h15_a_voted_role_that_does_more_when_it_runs_again_is_parked() {
    let mut session = with_a_transaction("1");
    session.handle_program_ended("8".into(), NOW);
    let stored = stored(writes(&mut session));
    let mut session = Session::recover(stored, B, &[], TIMING, NOW);
    assert!(session.program_transaction(at(3), "S.more", "[]".into(), NOTHING).is_err());
    session.handle_program_waiting(NOW);
    assert_eq!((session.poll_run(), parked(&mut session)), (None, true));
}

#[test]
fn h22_an_initiator_is_not_begun_by_others() {
    let mut session = Session::join(header(), A, TIMING, NOW);
    assert!(!session.runs_program());
    let stale = Frame { from: B, to: A, ..message(1, "0") };
    session.handle_frame(stale);
    session.handle_program_waiting(NOW);
    assert_eq!((events(&mut session), writes(&mut session), session.poll_run()), (vec![Event::Finished], vec![], None));
    // A forged abort leaves no record, which would take the client's id. Its sender is answered.
    for (frame, answer) in [
        (aborted(B), Some(Body::Done { outcome: Outcome::Compensated, answer: true })),
        (aborted(C), None),
        (message(1, "0"), None),
        (Frame { body: Body::Cancel { reason: "x".into() }, ..message(1, "0") }, None),
        (Frame { header: None, ..message(1, "0") }, Some(Body::Need)),
    ] {
        let header = frame.header.as_ref().map(|_| header());
        let frame = Frame { from: B, to: A, header, ..frame };
        assert!(!crate::begins_session(&frame), "{frame:?}");
        assert_eq!(crate::answer_unknown(&frame).map(|answer| answer.body), answer);
    }
}

#[test]
fn h22_frames_that_do_not_fit_change_nothing() {
    let mut session = joined();
    for wrong in [
        Frame { from: C, ..message(1, "0") },
        Frame { from: RoleId(999), ..aborted(A) },
        Frame { to: C, ..message(1, "0") },
        Frame { session: crate::SessionId([0; 32]), ..message(1, "0") },
        aborted(C),
    ] {
        session.handle_frame(wrong);
    }
    assert_eq!(session.program_receive(at(1), A), Poll::Pending);
    assert_eq!((writes(&mut session), session.state().is_none()), (vec![], true));
}

#[test]
fn messages_wait_for_the_write_they_depend_on_and_need_no_write_before_it() {
    let mut session = joined();
    session.handle_frame(message(1, "0"));
    assert!(session.program_receive(at(1), A).is_ready());
    session.program_send(at(4), A, "early".into()).expect("runs");
    assert_eq!(session.program_call(at(5), "S.f", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(frames(&mut session).len(), 1, "nothing durable is needed for it");
    assert_eq!(session.poll_run(), Some(Run::Call(at(5))));
    session.handle_call_returned(at(5), Ran::Done("1".into()), NOW);
    assert!(session.poll_call(at(5)).is_ready());
    session.program_send(at(6), A, "late".into()).expect("runs");
    assert_eq!(session.program_call(at(7), "S.g", "[]".into(), NOTHING), Ok(None));
    session.handle_connected(A);
    session.handle_program_waiting(NOW);
    session.handle_connected(A);
    let write = writes(&mut session).pop().expect("the call's record");
    assert!(
        frames(&mut session).iter().all(|body| !matches!(body, Body::Message { payload, .. } if &**payload == "late"))
    );
    assert_eq!(session.poll_run(), None, "a call depends on what is recorded before it");
    session.handle_durable(write.id, NOW);
    assert_eq!(frames(&mut session).len(), 1);
    assert_eq!(session.poll_run(), Some(Run::Call(at(7))));
}

#[test]
fn a_retry_of_the_first_transaction_makes_the_start_durable() {
    let mut session = Session::start(header(), "0".into(), &[], TIMING, NOW);
    assert_eq!(session.program_transaction(at(1), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(writes(&mut session), []);
    assert!(!session.handle_transaction_ran(at(1), Ran::Failed("busy".into()), NOW));
    session.handle_program_waiting(NOW);
    let start = writes(&mut session);
    assert_eq!((start.len(), &start[0].row.state), (1, &RowState::Active));
    session.handle_durable(start[0].id, NOW);
    // From here an abort is not a matter of this role alone.
    assert_eq!(session.handle_cancel("no".into()), Cancel::Aborts);
    assert!(matches!(writes(&mut session)[0].row.state, RowState::Aborting { local: false, .. }));
}

#[test]
fn a_message_that_is_ready_before_the_first_transaction_makes_the_start_durable() {
    let mut session = Session::start(header(), "0".into(), &[], TIMING, NOW);
    assert_eq!(session.program_transaction(at(1), "S.t", "[]".into(), NOTHING), Ok(None));
    session.program_send(at(2), B, "0".into()).expect("runs beside it");
    session.handle_program_waiting(NOW);
    assert_eq!(writes(&mut session).len(), 1);
    assert_eq!(frames(&mut session), []);
    assert!(!session.handle_transaction_ran(at(1), Ran::Refused("no".into()), NOW));
    session.handle_program_waiting(NOW);
    assert!(matches!(writes(&mut session)[0].row.state, RowState::Aborting { local: false, .. }));
}

#[test]
fn a_refusal_of_the_first_transaction_is_one_record_and_tells_nobody() {
    let mut session = Session::start(header(), "0".into(), &[], TIMING, NOW);
    assert_eq!(session.program_transaction(at(1), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert!(!session.handle_transaction_ran(at(1), Ran::Refused("no".into()), NOW));
    assert_eq!(session.poll_transaction(at(1)), Poll::Ready(Err(crate::Stop)));
    session.handle_program_waiting(NOW);
    let abort = writes(&mut session);
    assert!(matches!(abort[..], [Write { id: WriteId(1), .. }]));
    session.handle_durable(WriteId(1), NOW);
    session.handle_durable(WriteId(2), NOW);
    assert_eq!(frames(&mut session), []);
    assert_eq!(events(&mut session).last(), Some(&Event::Finished));
}

#[test]
fn time_without_patience_ends() {
    let timing = Timing { resend_millis_min: 0, resend_millis_max: 0, ..TIMING };
    let mut session = Session::join(header(), B, timing, NOW);
    session.handle_timeout(Millis(1_000));
    assert_eq!(session.poll_timeout(), Some(Millis(1_001)));
    session.handle_timeout(Millis(u64::MAX));
}

#[test]
fn two_settled_roles_do_not_go_on_answering_each_other() {
    let done = |answer| frame(Body::Done { outcome: Outcome::Committed, answer });
    let mut session = with_a_transaction("1");
    session.handle_program_ended("8".into(), NOW);
    session.handle_durable(WriteId(1), NOW);
    session.handle_frame(frame(Body::Vote { voter: A, vote: Vote::Completed { parts: None } }));
    session.handle_durable(WriteId(2), NOW);
    assert_eq!(session.outcome(), Some(Outcome::Committed));
    let said = |answer| Body::Done { outcome: Outcome::Committed, answer };
    assert_eq!(frames(&mut session), [Body::Vote { voter: B, vote: Vote::Completed { parts: None } }, said(false)]);
    session.handle_frame(done(true));
    assert_eq!(frames(&mut session), [], "an answer is not answered");
    session.handle_frame(done(false));
    assert_eq!(frames(&mut session), [said(true)]);
    session.handle_frame(frame(Body::Over));
    session.handle_frame(done(false));
    assert_eq!(frames(&mut session), [], "it is not durable that it is over");
    assert_eq!(events(&mut session).iter().filter(|event| **event == Event::Finished).count(), 0);
    session.handle_durable(WriteId(3), NOW);
    assert_eq!(events(&mut session).last(), Some(&Event::Finished));
    session.handle_frame(frame(Body::Over));
    session.handle_frame(frame(Body::Stable { positions: vec![at(1)] }));
    assert_eq!(frames(&mut session), []);
}

#[test]
fn a_settled_session_keeps_nothing_of_its_run() {
    let mut session = with_a_transaction("1");
    (10..100).for_each(|site| session.handle_frame(message(site, "0")));
    session.program_send(at(5), A, "0".into()).expect("runs");
    session.handle_program_ended("8".into(), NOW);
    session.handle_durable(WriteId(1), NOW);
    session.handle_frame(frame(Body::Vote { voter: A, vote: Vote::Completed { parts: None } }));
    assert!(session.inbox.is_empty() && session.outgoing.is_empty() && session.transactions.is_empty());
    assert!(session.held.is_empty() && session.awaited.is_empty() && session.calls.is_empty());
    assert!(
        writes(&mut session)
            .last()
            .expect("settled")
            .changes
            .contains(&Change::Drop(RecordKinds { transactions: true, ..RecordKinds::NONE }))
    );
}

#[test]
fn any_bytes_are_a_frame_or_none_and_any_frame_is_survived() {
    let mut random = Random(1);
    let whole = aborted(A).encode();
    let mut sessions = [joined(), with_a_transaction("1"), Session::start(header(), "0".into(), &[B], TIMING, NOW)];
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(4) {
            let index = random.below(bytes.len());
            bytes[index] = random.next() as u8;
        }
        bytes.truncate(random.below(whole.len() + 1));
        if let Some(decoded) = Frame::decode(&bytes) {
            assert_eq!(Frame::decode(&decoded.encode()), Some(decoded));
        }
        let position = [Position::BEGIN, at(1), at(9), Position(u128::MAX)][random.below(4)];
        let voter = RoleId([0, 1, 2, u16::MAX][random.below(4)]);
        let outcome = [Outcome::Committed, Outcome::Compensated][random.below(2)];
        let scopes: Scopes = (0..random.below(3)).map(|site| at(site as u32)).collect();
        let votes = [ScopeVote::Done, ScopeVote::Stopped, ScopeVote::Aborted { reason: "x".into() }];
        let body = match random.below(11) {
            0 | 1 => Body::Message { position, scopes, payload: "x".into() },
            9 => Body::ScopeVote { position, scopes, vote: votes[random.below(3)].clone(), asks: random.below(2) == 0 },
            10 => Body::ScopeNews { position, scopes, news: some_news(&mut random, voter, &votes) },
            2 if random.below(2) == 0 => Body::Keep,
            2 => Body::Stable { positions: vec![position, at(5)] },
            3 => Body::Vote { voter, vote: Vote::Completed { parts: None } },
            4 if random.below(100) == 0 => Body::Vote { voter, vote: Vote::Aborted { reason: "x".into() } },
            5 => Body::Done { outcome, answer: random.below(2) == 0 },
            6 if random.below(2) == 0 => Body::Ask,
            6 => Body::Over,
            7 if random.below(2) == 0 => Body::Stands {
                standing: [
                    Standing::Unknown,
                    Standing::Undecided,
                    Standing::Committed,
                    Standing::Aborted { reason: "x".into() },
                ][random.below(4)]
                .clone(),
            },
            7 => Body::Need,
            _ => Body::Refused { reason: "x".into() },
        };
        let session = &mut sessions[random.below(3)];
        let to = session.key().role;
        session.handle_frame(Frame { from: RoleId(random.below(4) as u16), to, ..frame(body) });
        session.handle_program_waiting(NOW);
        session.handle_durable(WriteId(random.next() >> 60), NOW);
        session.handle_timeout(Millis(random.next() >> 50));
        frames(session);
        events(session);
        writes(session);
        while session.poll_run().is_some() {}
    }
}

fn some_news(random: &mut Random, role: RoleId, votes: &[ScopeVote; 3]) -> ScopeNews {
    match random.below(4) {
        0 => ScopeNews::Waits { own: Some(votes[random.below(3)].clone()) },
        1 => ScopeNews::Aborted,
        2 => ScopeNews::Completed,
        _ => ScopeNews::Failed(ScopeAbort { role, reason: "x".into() }),
    }
}

#[test]
fn a_recovered_role_tells_again_how_the_session_ended() {
    let mut session = with_a_transaction("1");
    session.handle_program_ended("7".into(), NOW);
    let mut stored = stored(writes(&mut session));
    stored.transactions.clear();
    stored.row.state = RowState::Committed { result: "7".into() };
    let mut session = Session::recover(stored, B, &[], TIMING, NOW);
    let told = events(&mut session);
    assert_eq!(told, [Event::Decided(Ok("7".into())), Event::Settled(Ok("7".into()))]);
}
