//! What can still end a session whose pivot is held back, and what cannot once it has run.

use super::cancels::cancel;
use super::choreography::Behaviour::{FailsAlways, Works};
use super::choreography::Step::{Pivot, Require, Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::Kind::{AwaitVotes, Cancel as Cancels, Completed, Message, OthersVoted};
use super::world::World;
use crate::{Cancel, RowState};

/// The courier, C, gives food away.
const FOOD: [Step; 5] = [Transaction(A, Works), Send(A, B), Send(A, C), Transaction(B, Works), Pivot(C, Works)];

/// C holds its pivot, and B has heard of nothing.
fn held(steps: &[Step]) -> World {
    let mut world = World::begun(Choreography::new("food", steps).cancelled_by(&[A, B, C]));
    world.work(A);
    world.deliver(A, C, Message);
    world.work(C);
    world.deliver(C, A, AwaitVotes);
    assert_eq!(world.effects(C), (0, 0), "B has not voted");
    world
}

/// All others have voted, and C has heard of it.
fn released(mut world: World) -> World {
    world.deliver(A, B, Message);
    world.work(B);
    world.deliver(B, A, Completed);
    world.deliver(A, C, OthersVoted);
    world
}

#[test]
fn a_pivot_waits_for_all_votes_and_commits_with_its_own() {
    let mut world = released(held(&FOOD));
    world.work(C);
    assert!(matches!(world.state(C), Some(RowState::Voted { .. } | RowState::Committed { .. })));
    assert_eq!(world.effects(C), (1, 0));
    world.settle_and_check();
    assert!(world.is_committed(A) && world.is_committed(B) && world.is_committed(C));
}

#[test]
fn a_cancel_while_a_pivot_is_held_rolls_back_and_the_pivot_never_runs() {
    for role in [A, C] {
        let mut world = held(&FOOD);
        cancel(&mut world, role);
        world.settle_and_check();
        assert!(!world.is_committed(A));
        assert_eq!(world.effects(C), (0, 0));
    }
}

#[test]
fn a_cancel_is_too_late_from_the_moment_a_pivot_is_submitted() {
    let mut world = released(held(&FOOD));
    world.operate_only(C);
    assert_ne!(cancel(&mut world, C), Cancel::Aborts, "its commit is on its way");
    assert_eq!(cancel(&mut world, A), Cancel::PassedOn);
    world.deliver(A, C, Cancels);
    world.settle_and_check();
    assert!(world.is_committed(A) && world.is_committed(C));
    assert_eq!(world.effects(C), (1, 0));
}

#[test]
fn a_pivot_that_fails_for_good_undoes_everything() {
    let steps = [&FOOD[..4], &[Pivot(C, FailsAlways)]].concat();
    let mut world = released(held(&steps));
    world.settle_and_check();
    assert!(!world.is_committed(A));
    assert_eq!(world.effects(B), (1, 1));
    assert_eq!(world.effects(C), (0, 0));
}

/// No program of the compiler's does that.
#[test]
fn a_pivot_is_taken_back_where_its_program_ends_the_session_behind_it() {
    use super::choreography::Behaviour::Refuses;
    for last in [Require(C, Refuses), Transaction(C, Works)] {
        let steps = [&FOOD[..], &[last]].concat();
        let mut world = released(held(&steps));
        world.work(C);
        assert!(world.is_aborting(C));
        assert_eq!(world.effects(C), (0, 0), "its transaction is rolled back");
    }
}
