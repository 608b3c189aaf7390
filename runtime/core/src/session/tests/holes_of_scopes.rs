//! The traces that break scopes when one of their rules is left out: H18, a to e, and what else must not go wrong around them.

use super::choreography::Behaviour::{Refuses, Works};
use super::choreography::Step::{Call, Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::Kind::{Message, ScopeVote as Vote};
use super::world::{Action, World};
use crate::{Change, RoleId, RowState, Run, ScopeEnd, ScopeVote};

/// What `role` has voted, durably.
fn votes(world: &World, role: RoleId) -> Vec<ScopeVote> {
    let kept = world.node(role).store.sessions.get(&world.id());
    kept.map_or_else(Vec::new, |kept| kept.stored.scope_votes.iter().map(|record| record.vote.clone()).collect())
}

fn ends(world: &World) -> Vec<ScopeEnd> {
    world.ends.values().cloned().collect()
}

fn refused() -> ScopeVote {
    ScopeVote::Aborted { reason: "refused".into() }
}

/// A does t and then either of them, or both, may refuse; A goes on after it.
fn one_scope(a: &[Step], b: &[Step]) -> Choreography {
    let body = [&[Transaction(A, Works), Send(A, B)][..], b, a].concat();
    Choreography::new("one scope", &[Step::scope(&body, &[]), Transaction(A, Works)])
}

#[test]
fn h18_a_all_roles_agree_on_why() {
    let body = [Transaction(A, Refuses), Transaction(B, Works), Transaction(B, Refuses)];
    let otherwise = [Transaction(A, Works), Transaction(B, Works)];
    let steps = [Send(A, B), Step::scope_why(&body, &otherwise)];
    let mut world = World::begun(Choreography::new("two abort", &steps));
    world.work(A);
    assert_eq!((votes(&world, A), world.effects(A)), (vec![refused()], (0, 0)), "A waits for B's vote");
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!((votes(&world, B), world.effects(B)), (vec![refused()], (1, 1)), "B waits for A's vote");
    assert_eq!(ends(&world), []);
    world.deliver(A, B, Vote);
    world.work(B);
    assert!(matches!(&ends(&world)[..], [ScopeEnd::Aborted(Some(why))] if why.role == A), "the first of the roles");
    world.deliver(B, A, Vote);
    world.work(A);
    assert_eq!((world.effects(A), world.effects(B)), ((1, 0), (2, 1)));
    world.settle_and_check();
}

#[test]
fn h18_b_nobody_goes_on_before_all_have_voted() {
    for refuses in [true, false] {
        let last = Transaction(B, if refuses { Refuses } else { Works });
        let mut world = World::begun(one_scope(&[], &[last]));
        world.work(A);
        assert_eq!((votes(&world, A), world.effects(A)), (vec![ScopeVote::Done], (1, 0)), "it waits for B");
        world.deliver(A, B, Message);
        world.deliver(A, B, Vote);
        world.work(B);
        assert_eq!(world.effects(A), (1, 0));
        world.deliver(B, A, Vote);
        world.work(A);
        assert_eq!(world.effects(A), if refuses { (2, 1) } else { (2, 0) });
        world.settle_and_check();
    }
}

/// A has done t in the scope, and hears of B's abort before it has come to the end of the body.
fn a_is_stopped() -> World {
    let mut world = World::begun(one_scope(&[Send(B, A), Transaction(A, Works)], &[Transaction(B, Refuses)]));
    world.work(A);
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Vote);
    world
}

#[test]
fn h18_c_a_role_has_stopped_durably_before_it_undoes() {
    let mut world = a_is_stopped();
    let id = world.id();
    assert!(world.node(A).live[&id].runs.is_empty(), "nothing is undone before the vote is durable");
    world.step(Action::Commit(A));
    assert_eq!(votes(&world, A), [ScopeVote::Stopped]);
    world.step(Action::Notify(A, id));
    world.operate_only(A);
    world.step(Action::Commit(A));
    assert_eq!(world.effects(A), (1, 1));
    world.crash(A);
    world.lose_all();
    world.restart(A);
    world.work(A);
    assert_eq!(world.effects(A), (2, 1), "the body is not run again; what follows the scope is");
    assert_eq!(world.under_way(A, Message), 0, "nothing of the body is said again");
    assert_eq!(world.under_way(A, Vote), 1);
    world.settle_and_check();
}

#[test]
fn h18_c_a_vote_that_was_not_durable_is_made_again() {
    let mut world = a_is_stopped();
    assert_eq!(world.under_way(A, Vote), 0, "it is not said before it is durable");
    world.crash(A);
    world.restart(A);
    assert_eq!(votes(&world, A), []);
    world.settle_and_check();
    assert_eq!(world.effects(A), (2, 1));
}

#[test]
fn h18_d_a_role_that_voted_done_does_not_wait_for_a_body_that_was_given_up() {
    let body = [Send(A, B), Transaction(B, Works), Transaction(A, Refuses)];
    let mut world = World::begun(Choreography::new("d", &[Step::scope(&body, &[]), Transaction(B, Works)]));
    world.step(Action::Commit(A));
    let id = world.id();
    world.step(Action::Notify(A, id));
    world.deliver(A, B, Message);
    world.work(B);
    assert_eq!(votes(&world, B), [ScopeVote::Done]);
    world.work(A);
    assert_eq!(votes(&world, A), [refused()]);
    world.crash(A);
    world.crash(B);
    world.lose_all();
    world.restart(A);
    world.restart(B);
    world.resend();
    assert_eq!(world.under_way(A, Message), 0, "m0 is not made again");
    assert_eq!(world.effects(B), (1, 0));
    world.deliver(A, B, Vote);
    world.work(B);
    assert_eq!(world.effects(B), (2, 1));
    world.settle_and_check();
}

#[test]
fn h18_e_what_a_scope_has_undone_the_session_does_not_undo_again() {
    let body = [Transaction(A, Works), Transaction(A, Works), Send(A, B), Transaction(B, Refuses)];
    let steps = [Transaction(A, Works), Step::scope(&body, &[]), Transaction(A, Works)];
    let mut world = World::begun(Choreography::new("e", &steps).cancelled_by(&[A]));
    world.work(A);
    world.cancel(A);
    world.settle_and_check();
    assert_eq!(world.effects(A), (3, 3), "the session's abort, before the scope's");
    for crashes in [false, true] {
        let mut world = World::begun(Choreography::new("e", &steps).cancelled_by(&[A]));
        world.work(A);
        world.deliver(A, B, Message);
        world.work(B);
        world.deliver(B, A, Vote);
        world.step(Action::Commit(A));
        let id = world.id();
        world.step(Action::Notify(A, id));
        world.operate_only(A);
        world.step(Action::Commit(A));
        assert_eq!(world.effects(A), (3, 1), "one of two");
        if crashes {
            world.crash(A);
            world.restart(A);
        } else {
            world.step(Action::Notify(A, id));
        }
        world.cancel(A);
        world.settle_and_check();
        assert_eq!(world.effects(A), (3, 3));
    }
}

#[test]
fn a_compensation_that_is_under_way_is_the_sessions_when_that_is_aborted() {
    for waits_for_its_next_try in [false, true] {
        let body = [Transaction(A, Works), Transaction(A, Works), Send(A, B), Transaction(B, Refuses)];
        let steps = [Transaction(A, Works), Step::scope(&body, &[])];
        let choreography = Choreography::new("undone", &steps).with_failing_compensations(2).cancelled_by(&[A]);
        let mut world = World::begun(choreography);
        world.work(A);
        world.deliver(A, B, Message);
        world.work(B);
        world.deliver(B, A, Vote);
        world.step(Action::Commit(A));
        let id = world.id();
        world.step(Action::Notify(A, id));
        assert!(matches!(world.node(A).live[&id].runs.front(), Some(Run::Compensate(_))));
        if waits_for_its_next_try {
            world.operate_only(A);
        }
        world.cancel(A);
        world.settle_and_check();
        assert_eq!(world.effects(A), (3, 3));
    }
}

#[test]
fn a_vote_is_part_of_the_last_transactions_commit() {
    let mut world = World::begun(one_scope(&[], &[Transaction(B, Works)]));
    world.operate_only(A);
    let group = world.node(A).store.queue.front().expect("what t is committed with").clone();
    assert!(group.effect.is_some() && group.writes.len() == 1);
    assert!(matches!(&group.writes[0].changes[..], [Change::Transaction(_), Change::ScopeVote(_)]));
    assert_eq!((world.under_way(A, Vote), world.under_way(A, Message)), (0, 0), "nothing leaves before it");
    world.settle_and_check();
    let writes = world.node(A).store.prompt_writes;
    assert_eq!(writes, 2, "the scope's and the session's");
}

#[test]
fn a_vote_may_be_the_first_thing_that_a_role_hears() {
    let body = [Transaction(A, Refuses), Send(A, B), Transaction(B, Works)];
    let steps = [Step::scope(&body, &[Transaction(B, Works), Transaction(A, Works)])];
    let mut world = World::begun(Choreography::new("first", &steps));
    world.work(A);
    assert_eq!((world.under_way(A, Message), world.under_way(A, Vote)), (0, 1));
    world.deliver(A, B, Vote);
    world.work(B);
    assert_eq!((votes(&world, B), world.effects(B)), (vec![ScopeVote::Stopped], (1, 0)));
    world.settle_and_check();
}

#[test]
fn an_outer_scope_undoes_what_an_inner_one_has_completed() {
    let inner = Step::scope(&[Transaction(A, Works), Send(A, B), Transaction(B, Works)], &[]);
    let body = [inner, Send(B, A), Transaction(A, Refuses)];
    let steps = [Transaction(B, Works), Step::scope(&body, &[Transaction(B, Works)])];
    let mut world = World::begun(Choreography::new("outer", &steps));
    world.settle_and_check();
    assert_eq!((world.effects(A), world.effects(B)), ((1, 1), (3, 1)));
}

#[test]
fn an_abort_of_a_scope_excludes_a_transaction_that_has_not_run_and_undoes_one_that_has() {
    for runs_first in [false, true] {
        let body = [Send(A, C), Transaction(C, Works), Transaction(A, Refuses)];
        let mut world = World::begun(Choreography::new("excluded", &[Step::scope(&body, &[])]));
        world.step(Action::Commit(A));
        let id = world.id();
        world.step(Action::Notify(A, id));
        world.deliver(A, C, Message);
        if runs_first {
            world.operate_only(C);
        }
        world.work(A);
        world.deliver(A, C, Vote);
        world.work(C);
        assert_eq!(world.effects(C), if runs_first { (1, 1) } else { (0, 0) });
        world.settle_and_check();
    }
}

#[test]
fn a_call_of_a_body_that_was_given_up_leaves_no_record() {
    let body = [Send(A, B), Call(B), Transaction(A, Refuses)];
    let mut world = World::begun(Choreography::new("call", &[Step::scope(&body, &[Transaction(B, Works)])]));
    world.step(Action::Commit(A));
    let id = world.id();
    world.step(Action::Notify(A, id));
    world.deliver(A, B, Message);
    let run = world.node_mut(B).live.get_mut(&id).expect("live").runs.pop_front();
    assert!(matches!(run, Some(Run::Call(_))), "it is under way");
    world.work(A);
    world.deliver(A, B, Vote);
    world.node_mut(B).live.get_mut(&id).expect("live").runs.extend(run);
    world.work(B);
    assert!(world.node(B).store.sessions[&id].stored.calls.is_empty());
    assert_eq!(world.effects(B), (1, 0));
    world.settle_and_check();
}

#[test]
fn a_limit_ends_a_body_and_not_one_that_has_completed() {
    for late in [true, false] {
        let body = [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A)];
        let steps = [Step::scope_within(500, &body, &[Transaction(A, Works)]), Transaction(A, Works)];
        let mut world = World::begun(Choreography::new("limit", &steps));
        world.work(A);
        world.deliver(A, B, Message);
        world.work(B);
        if late {
            world.lose_all();
        } else {
            world.deliver(B, A, Message);
            world.work(A);
        }
        world.pass(500);
        world.work(A);
        let reason = "not completed within 500 ms".into();
        let expected = if late { ScopeVote::Aborted { reason } } else { ScopeVote::Done };
        assert_eq!((votes(&world, A), votes(&world, B)), (vec![expected], vec![ScopeVote::Done]));
        world.crash(A);
        world.settle_and_check();
        assert_eq!(world.effects(A), if late { (3, 1) } else { (2, 0) });
    }
}

#[test]
fn a_scope_of_one_role_needs_no_vote_unless_it_is_aborted() {
    for (last, expected) in [(Works, vec![]), (Refuses, vec![refused()])] {
        let alone = Step::scope(&[Transaction(A, Works), Transaction(A, last)], &[]);
        let steps = [alone, Send(A, B), Transaction(B, Works), Send(B, A)];
        let mut world = World::begun(Choreography::new("alone", &steps));
        world.work(A);
        assert_eq!((votes(&world, A), world.under_way(A, Vote)), (expected, 0));
        world.crash(A);
        world.settle_and_check();
    }
}

#[test]
fn a_settled_session_keeps_no_votes() {
    let mut world = World::begun(one_scope(&[], &[Transaction(B, Refuses)]));
    world.settle_and_check();
    for role in [A, B] {
        assert!(matches!(world.state(role), Some(RowState::Finished { outcome: Ok(_) })));
        assert_eq!(votes(&world, role), []);
    }
}
