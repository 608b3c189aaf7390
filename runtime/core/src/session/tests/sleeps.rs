//! Timers: how long is waited, what is recorded of it, and what the clock may do meanwhile.

use std::sync::Arc;
use std::task::Poll;

use super::choreography::{A, B};
use super::inputs::{NOTHING, at, events, frames, joined, stored, writes};
use super::world::TIMING;
use crate::{Body, Event, Millis, Ran, Run, Session, Stored, Urgency, WaitsFor, Write};

const BEGAN: Millis = Millis(1_000);
const HOUR: u64 = 3_600_000;
/// The time of day when it begins.
const NOON: u64 = 1_800_000_000_000;

/// B waits for an hour at position 1, and then says so.
fn poll(session: &mut Session, now: Millis, unix_millis: u64) -> Poll<()> {
    let slept = session.program_sleep(at(1), HOUR, NOTHING, unix_millis);
    let slept = slept.map(|slept| {
        slept.expect("the program may go on");
        session.program_send(at(2), A, "awake".into()).expect("it may send");
    });
    session.handle_program_waiting(now);
    slept
}

/// B has begun to wait, and that is durable.
fn asleep() -> (Session, Vec<Write>) {
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN, NOON), Poll::Pending);
    let begun = writes(&mut session);
    assert!(matches!(&*begun, [Write { urgency: Urgency::Lazy, .. }]), "{begun:?}");
    session.handle_durable(begun[0].id, BEGAN);
    (session, begun)
}

fn messages(session: &mut Session) -> usize {
    frames(session).iter().filter(|body| matches!(body, Body::Message { .. })).count()
}

/// When B would be woken, if it began again at `BEGAN` with this time of day.
fn due(stored: &Stored, unix_millis: u64) -> Option<u64> {
    let mut session = Session::recover(stored.clone(), B, &[], TIMING, BEGAN);
    if poll(&mut session, BEGAN, unix_millis).is_ready() {
        return None;
    }
    assert_eq!(writes(&mut session), vec![], "it is recorded already");
    let due = session.waits_for().into_iter().find_map(|wait| match wait {
        WaitsFor::Sleep { position, until } if position == at(1) => until,
        _ => None,
    });
    Some(due.expect("it waits for its timer").0 - BEGAN.0)
}

#[test]
fn t1_a_timer_fires_once_and_nothing_waits_for_its_records() {
    let (mut session, mut written) = asleep();
    session.handle_timeout(BEGAN.plus(HOUR - 1));
    assert_eq!(poll(&mut session, BEGAN, NOON), Poll::Pending);
    session.handle_timeout(BEGAN.plus(HOUR));
    assert_eq!(poll(&mut session, BEGAN.plus(HOUR), NOON + HOUR), Poll::Ready(()));
    assert_eq!(messages(&mut session), 1, "what follows does not wait for the record");
    written.extend(writes(&mut session));
    assert_eq!(written.len(), 2);
    assert!(written.iter().all(|write| write.urgency == Urgency::Lazy));

    // Whatever the clock says then.
    for unix_millis in [0, NOON, NOON + HOUR, u64::MAX] {
        let mut session = Session::recover(stored(written.clone()), B, &[], TIMING, BEGAN);
        assert_eq!(poll(&mut session, BEGAN, unix_millis), Poll::Ready(()), "it is over");
        assert_eq!((messages(&mut session), writes(&mut session)), (1, vec![]));
    }
}

#[test]
fn t1_what_is_left_is_waited_for_after_a_restart() {
    let (_, written) = asleep();
    let stored = stored(written);
    assert_eq!(due(&stored, NOON), Some(HOUR));
    assert_eq!(due(&stored, NOON + 10), Some(HOUR - 10));
    assert_eq!(due(&stored, NOON + HOUR - 1), Some(1));
    assert_eq!(due(&stored, NOON + HOUR), None);
    assert_eq!(due(&stored, u64::MAX), None);
}

#[test]
fn t3_a_clock_that_was_put_back_gives_no_more_than_the_whole_time_again() {
    let (_, written) = asleep();
    let stored = stored(written);
    assert_eq!(due(&stored, NOON - 10), Some(HOUR));
    assert_eq!(due(&stored, 0), Some(HOUR));
}

#[test]
fn t3_a_clock_that_jumps_while_the_node_runs_changes_nothing() {
    let (mut session, _) = asleep();
    for unix_millis in [0, NOON + 5 * HOUR] {
        assert_eq!(poll(&mut session, BEGAN, unix_millis), Poll::Pending);
        assert!(session.poll_timeout().is_some_and(|at| at <= BEGAN.plus(HOUR)), "it is woken in time");
    }
    session.handle_timeout(BEGAN.plus(HOUR));
    assert_eq!(poll(&mut session, BEGAN, 0), Poll::Ready(()));
}

#[test]
fn what_is_done_behind_a_timer_takes_its_end_along() {
    let (mut session, mut written) = asleep();
    session.handle_timeout(BEGAN.plus(HOUR));
    let then = |session: &mut Session, unix_millis: u64| {
        assert_eq!(session.program_sleep(at(1), HOUR, NOTHING, unix_millis), Poll::Ready(Ok(())));
        session.program_transaction(at(3), "S.t", "[]".into(), NOTHING).expect("it may run")
    };
    assert_eq!(then(&mut session, NOON), None);
    session.handle_program_waiting(BEGAN);
    assert_eq!(session.poll_run(), Some(Run::Transaction(at(3))));
    assert!(session.handle_transaction_ran(at(3), Ran::Done("7".into()), BEGAN));
    session.handle_program_waiting(BEGAN);
    written.extend(writes(&mut session));
    let mut session = Session::recover(stored(written), B, &[], TIMING, BEGAN);
    assert_eq!(then(&mut session, 0).as_deref(), Some("7"));
}

#[test]
fn a_timer_whose_record_is_lost_begins_again() {
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN, NOON), Poll::Pending);
    let mut session = joined();
    assert_eq!(poll(&mut session, BEGAN, NOON + 10), Poll::Pending);
    let begun = stored(writes(&mut session));
    assert_eq!(begun.calls[0].result, Arc::from((NOON + 10 + HOUR).to_string()));
}

#[test]
fn another_time_than_the_recorded_one_parks() {
    let (_, written) = asleep();
    let mut session = Session::recover(stored(written), B, &[], TIMING, BEGAN);
    assert!(matches!(session.program_sleep(at(1), HOUR + 1, NOTHING, NOON), Poll::Ready(Err(_))));
    assert!(events(&mut session).iter().any(|event| matches!(event, Event::Parked(_))));
}

#[test]
fn an_abort_ends_a_timer() {
    let (mut session, _) = asleep();
    session.handle_cancel("no more".into());
    assert!(matches!(session.program_sleep(at(1), HOUR, NOTHING, NOON), Poll::Ready(Err(_))));
    assert_eq!(session.poll_timeout().filter(|at| *at >= BEGAN.plus(HOUR)), None);
    assert!(!session.waits_for().iter().any(|wait| matches!(wait, WaitsFor::Sleep { .. })));
}

#[test]
fn the_longest_time_there_is_does_not_overflow() {
    let mut session = joined();
    assert!(session.program_sleep(at(1), u64::MAX, NOTHING, NOON).is_pending());
    session.handle_program_waiting(BEGAN);
    session.handle_timeout(Millis(u64::MAX - 1));
    assert!(session.program_sleep(at(1), u64::MAX, NOTHING, NOON).is_pending());
    let mut session = joined();
    assert!(session.program_sleep(at(1), 0, NOTHING, NOON).is_ready(), "no time is over at once");
}
