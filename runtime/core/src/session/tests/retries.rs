//! Operations and compensations that fail: how often and when they are tried again.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::inputs::{NOTHING, NOW, at, events, joined, writes};
use crate::{Event, Millis, Ran, Retries, Retry, RowState, Run, Session};

const SECOND: Duration = Duration::from_secs(1);

fn steady(seconds: u32) -> Retry {
    Retry::new().pauses(SECOND * seconds, SECOND * seconds).jitter(0)
}

/// A session of B that has asked for the transaction 1, under these rules for single operations.
fn asking(retries: Retries) -> Session {
    let mut session = joined().with_retries(&Arc::new(retries));
    session.handle_frame(super::inputs::message(9, "0"));
    assert_eq!(session.program_transaction(at(1), "S.t", "[]".into(), NOTHING), Ok(None));
    session.handle_program_waiting(NOW);
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(1))));
    session
}

/// How often, and how long after the failure, an operation that fails at once is tried again until the session is aborted.
fn pauses(session: &mut Session) -> Vec<u64> {
    let mut now = NOW;
    let mut pauses = Vec::new();
    while session.may_run(at(1)) {
        session.handle_transaction_ran(at(1), Ran::Failed("busy".into()), now);
        session.handle_program_waiting(now);
        writes(session);
        // The clock of what is sent again is left out of account.
        let Some(next) = (1..100_000).map(|millis| now.plus(millis)).find(|at| {
            session.handle_timeout(*at);
            session.poll_run().is_some()
        }) else {
            break;
        };
        pauses.push(next.0 - now.0);
        now = next;
    }
    pauses
}

#[test]
fn an_operation_of_its_own_rule_is_tried_by_that_and_others_by_the_general_one() {
    assert_eq!(pauses(&mut asking(Retries::default())), [3, 6, 12]);
    let of = |name: &str| Retries { operations: [(name.into(), steady(1).attempts(6))].into(), ..Retries::default() };
    assert_eq!(pauses(&mut asking(of("S.t"))), [1_000; 5]);
    assert_eq!(pauses(&mut asking(of("S.u"))), [3, 6, 12]);
}

#[test]
fn a_single_attempt_is_one() {
    let once = Retries { operations: [("S.t".into(), Retry::new().attempts(1))].into(), ..Retries::default() };
    let mut session = asking(once);
    assert_eq!(pauses(&mut session), [0; 0]);
    assert!(matches!(session.state(), Some(RowState::Aborting { reason, .. }) if reason.contains("S.t failed: busy")));
}

#[test]
fn a_compensation_is_tried_for_ever_by_its_own_rule_and_counts_from_one() {
    let compensations = [("S.t".into(), steady(5).attempts(1))].into();
    let mut session = asking(Retries { compensations, ..Retries::default() });
    for millis in [0, 3] {
        assert!(!session.handle_transaction_ran(at(1), Ran::Failed("busy".into()), Millis(millis)));
        session.handle_program_waiting(Millis(millis));
    }
    assert!(session.handle_transaction_ran(at(1), Ran::Done("7".into()), Millis(9)));
    assert_eq!(session.poll_transaction(at(1)), Poll::Ready(Ok("7".into())));
    session.program_refuse("no".into());
    session.handle_program_waiting(Millis(9));
    let last = writes(&mut session).last().expect("the abort").id;
    session.handle_durable(last, Millis(9));
    events(&mut session);
    let mut now = Millis(9);
    for attempt in 1..=40 {
        while session.poll_run().is_none() {
            now = now.plus(1);
            session.handle_timeout(now);
        }
        assert!(!session.handle_compensated(at(1), Err("stuck".into()), now));
        let failed = events(&mut session);
        let expected = Event::CompensationFailed { operation: "S.t".into(), reason: "stuck".into(), attempts: attempt };
        assert_eq!(failed, [expected]);
    }
    assert_eq!(now, Millis(9 + 39 * 5_000), "a pause of five seconds between any two");
}
