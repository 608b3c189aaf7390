//! The defects of the paper's own prototype, each with the test that would have caught it.

use super::choreography::Behaviour::{Refuses, Works};
use super::choreography::Step::{Call, Repeat, Send, Transaction};
use super::choreography::{A, B, C, Choreography};
use super::script::Kind::{Aborted, Done, Message};
use super::world::{ATTEMPTS_MAX, Action, RETRY_MILLIS_MAX, World};
use crate::{Header, Position, RowState};

fn rounds_then_refused(compensation_fails: u32) -> Choreography {
    let steps = [
        Repeat(3, vec![Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A)]),
        Transaction(B, Refuses),
    ];
    Choreography::new("rounds, then refused", &steps).with_failing_compensations(compensation_fails)
}

/// Up to where B has done three rounds and refuses, durably.
fn rounds_done(compensation_fails: u32) -> World {
    let mut world = World::begun(rounds_then_refused(compensation_fails));
    for _ in 0..3 {
        world.work(A);
        world.deliver(A, B, Message);
        world.operate_only(B);
        world.step(Action::Commit(B));
        let id = world.id();
        world.step(Action::Notify(B, id));
        world.deliver(B, A, Message);
    }
    assert_eq!(world.effects(B), (3, 0));
    world
}

#[test]
fn defect_1_compensations_run_in_reverse_order_of_commit() {
    let mut world = rounds_done(0);
    world.settle_and_check();
    for role in [A, B] {
        let (done, undone): (Vec<_>, Vec<_>) = world.node(role).store.effects.iter().partition(|effect| !effect.undoes);
        let done: Vec<Position> = done.iter().map(|effect| effect.position).collect();
        let undone: Vec<Position> = undone.iter().rev().map(|effect| effect.position).collect();
        assert_eq!((done.len(), &done), (3, &undone));
    }
}

#[test]
fn defect_2_a_crash_between_compensations_loses_none() {
    for crashes_after in 0..4 {
        let mut world = rounds_done(0);
        world.operate_only(B); // refuses
        for _ in 0..crashes_after {
            while world.node(B).live.values().all(|live| live.runs.is_empty()) {
                let id = world.id();
                world.step(Action::Commit(B));
                world.step(Action::Notify(B, id));
            }
            world.operate_only(B);
            world.step(Action::Commit(B));
        }
        let undone = world.effects(B).1;
        world.crash(B);
        world.lose_all();
        world.restart(B);
        world.work(B);
        if crashes_after > 0 {
            assert_eq!(
                (undone, world.effects(B)),
                (crashes_after.min(3), (3, 3)),
                "resumed on restart, without a message"
            );
        }
        world.settle_and_check();
    }
}

#[test]
fn defect_3_a_failing_compensation_is_neither_acknowledged_nor_dropped() {
    let mut world = World::begun(
        Choreography::new(
            "b",
            &[Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, C), Transaction(C, Refuses)],
        )
        .with_failing_compensations(7),
    );
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, C, Message);
    world.work(C);
    world.deliver(C, B, Aborted);
    world.work(B);
    // More often than an operation would be tried.
    for _ in 0..=ATTEMPTS_MAX {
        world.pass(RETRY_MILLIS_MAX);
        world.work(B);
        assert_eq!((world.effects(B), world.under_way(B, Done)), ((1, 0), 0));
        assert!(world.is_aborting(B));
    }
    world.settle_and_check();
}

#[test]
fn defect_4_abort_before_the_first_message_leaves_a_durable_mark() {
    let mut world = World::begun(Choreography::new(
        "f",
        &[Transaction(A, Works), Send(A, B), Send(A, C), Transaction(C, Refuses), Transaction(B, Works)],
    ));
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    world.deliver(C, B, Aborted);
    world.step(Action::Commit(B));
    assert!(matches!(world.state(B), Some(RowState::Aborting { via: C, .. })));
    world.crash(B);
    world.restart(B);
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(world.effects(B), (0, 0));
    world.settle_and_check();
}

#[test]
fn defect_5_a_commit_checks_for_an_abort_that_has_run() {
    let mut world = World::begun(Choreography::new(
        "c",
        &[Transaction(A, Works), Send(A, B), Send(A, C), Transaction(C, Refuses), Transaction(B, Works)],
    ));
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    // B's transaction is about to run when the abort comes, and the abort is all done before it does.
    world.deliver(A, B, Message);
    let waiting = world.node(B).live.values().next().expect("live").runs.clone();
    assert_eq!(waiting.len(), 1);
    world.deliver(C, B, Aborted);
    let id = world.id();
    world.step(Action::Commit(B));
    world.step(Action::Notify(B, id));
    let crate::Run::Transaction(position) = waiting[0] else { panic!("a transaction") };
    let live = world.node_mut(B).live.get_mut(&id).expect("live");
    assert!(!live.session.may_run(position));
    assert!(!live.session.handle_transaction_ran(position, crate::Ran::Done("1".into()), crate::Millis(0)));
    assert_eq!(live.session.poll_write(), None);
    world.settle_and_check();
    assert_eq!(world.effects(B), (0, 0));
}

#[test]
fn defect_6_one_operation_at_two_positions_runs_twice() {
    let steps = [Repeat(4, vec![Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A)])];
    let mut world = World::begun(Choreography::new("rounds", &steps));
    world.settle_and_check();
    assert_eq!((world.effects(A), world.effects(B)), ((4, 0), (4, 0)));
}

#[test]
fn defect_7_an_abort_goes_to_the_participants_and_to_nobody_else() {
    let mut world = World::begun(Choreography::new("a", &[Transaction(A, Works), Send(A, C), Transaction(C, Refuses)]));
    assert_eq!(world.roles().count(), 3);
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    assert_eq!(world.under_way(C, Aborted), 1);
    world.settle_and_check();
    assert!(world.sent.iter().all(|letter| letter.frame.to != B));
}

#[test]
fn defect_9_session_ids_are_wide_and_no_two_headers_share_one() {
    let header = Header {
        choreography: "order".into(),
        fingerprint: [1; 32],
        initiator: A,
        client_id: "1".into(),
        nonce: [0; 16],
        nodes: vec![vec!["a".into()], vec!["b".into()]],
        participants: vec![A, B],
    };
    let others = [
        Header { choreography: "order1".into(), client_id: String::new(), ..header.clone() },
        Header { fingerprint: [2; 32], ..header.clone() },
        Header { initiator: B, ..header.clone() },
        Header { client_id: "2".into(), ..header.clone() },
        Header { nonce: [1; 16], ..header.clone() },
        Header { nodes: vec![vec!["ab".into()], vec![String::new()]], ..header.clone() },
        Header { nodes: vec![vec!["a".into()]], ..header.clone() },
        Header { nodes: vec![vec!["a".into(), "b".into()]], ..header.clone() },
        Header { nodes: vec![vec![], vec!["a".into(), "b".into()]], ..header.clone() },
        Header { nodes: vec![vec!["a".into(), "b".into()], vec![]], ..header.clone() },
        Header { participants: vec![A], ..header.clone() },
        Header { participants: vec![B, A], ..header.clone() },
    ];
    let mut ids: Vec<_> = others.iter().chain([&header]).map(Header::session_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), others.len() + 1);
    assert_eq!(ids[0].0.len() * 8, 256);
}

#[test]
fn defect_9_an_operation_without_effect_on_the_database_is_recorded() {
    let steps = [Call(A), Send(A, B), Transaction(B, Works), Send(B, A), Transaction(A, Works)];
    let mut world = World::begun(Choreography::new("call", &steps));
    world.work(A);
    let first = world.deliver(A, B, Message);
    world.crash(A);
    world.restart(A);
    world.work(A);
    assert_eq!(world.deliver(A, B, Message), first, "the value that B may have is the value that A has again");
    world.settle_and_check();
}
