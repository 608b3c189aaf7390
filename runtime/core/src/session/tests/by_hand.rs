//! What an operator does: looks, has things tried again, and settles by hand a compensation that fails.

use std::sync::Arc;
use std::time::Duration;

use super::inputs::{NOTHING, NOW, at, events, joined, message, writes};
use crate::{Change, Event, Millis, Ran, Retries, Retry, RowState, Run, Session, WaitsFor};

const HOUR_MILLIS: u64 = 3_600_000;

/// A session of B with the transactions 1 and 2 committed, aborted and about to undo the second.
fn aborting() -> Session {
    let hour = Duration::from_millis(HOUR_MILLIS);
    let slow = Retry::of_compensations().pauses(hour, hour).jitter(0);
    let compensations = [("S.t".into(), slow)].into();
    let mut session = joined().with_retries(&Arc::new(Retries { compensations, ..Retries::default() }));
    session.handle_frame(message(9, "0"));
    for place in [1, 2] {
        assert_eq!(session.program_transaction(at(place), "S.t", "[]".into(), NOTHING), Ok(None));
        session.handle_program_waiting(NOW);
        assert_eq!(session.poll_run(), Some(Run::Transaction(at(place))));
        assert!(session.handle_transaction_ran(at(place), Ran::Done("7".into()), NOW));
    }
    session.program_refuse("no".into());
    session.handle_program_waiting(NOW);
    durable(&mut session);
    events(&mut session);
    assert_eq!(undoing(&mut session), Some(at(2)));
    session
}

fn durable(session: &mut Session) {
    if let Some(last) = writes(session).last() {
        session.handle_durable(last.id, NOW);
    }
}

fn undoing(session: &mut Session) -> Option<crate::Position> {
    match session.poll_run()? {
        Run::Compensate(record) => Some(record.position),
        Run::Transaction(_) | Run::Call(_) => None,
    }
}

#[test]
fn only_a_compensation_that_has_failed_and_does_not_run_is_settled_by_hand() {
    let mut session = aborting();
    assert!(session.stuck_compensation().is_none());
    assert!(!session.handle_undone_by_hand(at(2)), "it has not failed");
    assert!(!session.handle_compensated(at(2), Err("stuck".into()), NOW));
    let stuck = session.stuck_compensation().expect("it has failed");
    assert_eq!((stuck.attempts, stuck.failure.as_deref(), stuck.position), (1, Some("stuck"), at(2)));
    assert_eq!(stuck.next_try, Some(NOW.plus(HOUR_MILLIS)));
    assert!(!session.handle_undone_by_hand(at(1)), "that is another one");
    session.handle_timeout(NOW.plus(HOUR_MILLIS));
    assert_eq!(undoing(&mut session), Some(at(2)));
    assert!(!session.handle_undone_by_hand(at(2)), "it runs");
}

#[test]
fn what_is_settled_by_hand_is_recorded_as_undone_and_the_rollback_goes_on() {
    let mut session = aborting();
    session.handle_compensated(at(2), Err("stuck".into()), NOW);
    assert!(session.handle_undone_by_hand(at(2)));
    let written = writes(&mut session);
    assert_eq!(written.len(), 1);
    assert_eq!(written[0].changes, [Change::Undone(at(2))]);
    assert!(matches!(written[0].row.state, RowState::Aborting { .. }));
    assert_eq!(undoing(&mut session), Some(at(1)));
    assert!(!session.handle_compensated(at(2), Ok(()), NOW), "a try that comes late is taken back");
    assert!(session.handle_compensated(at(1), Ok(()), NOW));
    session.handle_durable(written[0].id, NOW);
    durable(&mut session);
    let undone: Vec<_> = session.view().transactions.iter().map(|record| record.undone).collect();
    assert_eq!(undone, [true, true]);
    assert!(!events(&mut session).iter().any(|event| matches!(event, Event::Parked(_))));
}

#[test]
fn a_retry_does_not_wait_for_the_pause_and_touches_no_limit_of_the_program() {
    let mut session = aborting();
    session.handle_compensated(at(2), Err("stuck".into()), NOW);
    assert_eq!(session.poll_run(), None);
    assert_eq!(session.handle_retry(NOW), 1);
    assert_eq!(undoing(&mut session), Some(at(2)));
    assert_eq!(session.handle_retry(NOW), 0, "it runs");

    let mut session = joined();
    session.handle_frame(message(9, "0"));
    assert!(session.program_receive_within(at(5), super::choreography::A, 1_000, NOTHING).is_pending());
    session.handle_program_waiting(NOW);
    assert_eq!(session.handle_retry(NOW), 0);
    assert!(session.program_receive_within(at(5), super::choreography::A, 1_000, NOTHING).is_pending());
    let waits = WaitsFor::Message { position: at(5), from: super::choreography::A };
    assert!(session.waits_for().contains(&waits));
    session.handle_timeout(Millis(NOW.0 + 1_000));
    assert!(session.program_receive_within(at(5), super::choreography::A, 1_000, NOTHING).is_ready());
}
