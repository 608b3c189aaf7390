//! Scopes of three and more, whose first member collects the votes: how many frames that takes, and that nobody depends on the collector.

use super::choreography::Behaviour::{Refuses, Works};
use super::choreography::Step::{Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::{Kind, kind};
use super::world::{Action, World};
use crate::RoleId;

/// The members of the large scopes, A among them.
const MEMBERS: u16 = 40;

/// A tells all, each does its work, and all tell A: the last one may refuse. Each works once more after the scope.
fn fan(last: super::choreography::Behaviour, why: bool) -> Choreography {
    let workers = || (1..MEMBERS).map(RoleId);
    let behaviour = |role: RoleId| if role.0 == MEMBERS - 1 { last } else { Works };
    let out = workers().flat_map(|role| [Send(A, role), Transaction(role, behaviour(role))]);
    let body: Vec<_> = out.chain(workers().map(|role| Send(role, A))).collect();
    let scope = if why { Step::scope_why(&body, &[]) } else { Step::scope(&body, &[]) };
    let after = workers().map(|role| Transaction(role, Works));
    Choreography::new("fan", &[scope].into_iter().chain(after).collect::<Vec<_>>())
}

fn sent(world: &World, of: Kind) -> usize {
    world.sent.iter().filter(|letter| kind(&letter.frame) == of).count()
}

fn under_way(world: &World, from: RoleId, to: RoleId, of: Kind) -> usize {
    let is_it = |letter: &&super::world::Letter| (letter.frame.from, letter.frame.to) == (from, to);
    world.network.iter().filter(is_it).filter(|letter| kind(&letter.frame) == of).count()
}

/// Every role does all it can, and what it says comes, but for what is from or to `away`; no time passes.
fn play(world: &mut World, away: &[RoleId]) {
    loop {
        world.network.retain(|letter| !away.contains(&letter.frame.from) && !away.contains(&letter.frame.to));
        let roles: Vec<_> = world.roles().filter(|role| !away.contains(role)).collect();
        roles.iter().for_each(|role| world.work(*role));
        world.network.retain(|letter| !away.contains(&letter.frame.to));
        if world.network.is_empty() {
            return;
        }
        world.step(Action::Deliver(0));
    }
}

/// The resend timers fire; nobody hears what is said then.
fn pass(world: &mut World) {
    world.pass(100);
}

#[test]
fn a_scope_that_all_complete_takes_two_frames_for_each_member_but_one() {
    let mut world = World::begun(fan(Works, false));
    play(&mut world, &[]);
    let others = usize::from(MEMBERS - 1);
    assert_eq!((sent(&world, Kind::ScopeVote), sent(&world, Kind::ScopeNews)), (others, others));
    world.settle_and_check();
    assert_eq!(world.effects(C), (2, 0));
}

#[test]
fn a_scope_that_is_aborted_takes_three_frames_for_each_member_but_one() {
    for why in [true, false] {
        let mut world = World::begun(fan(Refuses, why));
        play(&mut world, &[]);
        let others = usize::from(MEMBERS - 1);
        assert_eq!(sent(&world, Kind::ScopeVote), others);
        let news = sent(&world, Kind::ScopeNews);
        // Where nobody asks why, the session may be over before that is told.
        assert!((others - 1..=2 * others).contains(&news), "{news} frames of news");
        world.settle_and_check();
        let (done, undone) = world.effects(C);
        assert_eq!(done - undone, 1, "what comes after the scope");
    }
}

/// A sends to both, and does not vote before it has heard of both.
fn body(b: super::choreography::Behaviour) -> [Step; 6] {
    [Send(A, B), Send(A, C), Transaction(C, Works), Transaction(B, b), Send(B, A), Send(C, A)]
}

#[test]
fn a_vote_that_is_answered_stays_with_the_collector() {
    // C works for long: A and B wait for it.
    let mut world = World::begun(Choreography::new("slow", &[Step::scope(&body(Works), &[])]));
    world.work(A);
    play(&mut world, &[C]);
    for _ in 0..6 {
        pass(&mut world);
        assert_eq!(under_way(&world, B, C, Kind::ScopeVote), 0, "A has answered it");
        assert!(under_way(&world, B, A, Kind::ScopeVote) > 0);
        play(&mut world, &[C]);
    }
    // Not answered once, and then again.
    for to_c in [0, 1] {
        pass(&mut world);
        assert_eq!(under_way(&world, B, C, Kind::ScopeVote), to_c);
        world.lose_all();
    }
    world.settle_and_check();
}

#[test]
fn an_abort_reaches_all_members_without_the_collector() {
    let mut world = World::begun(Choreography::new("abort", &[Step::scope(&body(Refuses), &[Transaction(C, Works)])]));
    world.work(A);
    world.deliver(A, B, Kind::Message);
    world.deliver(A, C, Kind::Message);
    world.crash(A);
    play(&mut world, &[A]);
    assert_eq!(world.effects(C), (1, 0), "it hears of nothing so far");
    pass(&mut world);
    play(&mut world, &[A]);
    assert_eq!(world.effects(C), (1, 0), "B has asked A alone");
    pass(&mut world);
    play(&mut world, &[A]);
    assert_eq!(world.effects(C), (2, 1), "undone, and the `else` done");
    world.settle_and_check();
}

#[test]
fn a_member_that_was_not_told_the_end_learns_it_from_another_one() {
    for b in [Works, Refuses] {
        let after = [Transaction(B, Works), Transaction(C, Works)];
        let steps = [&[Step::scope_why(&body(b), &[])][..], &after].concat();
        let mut world = World::begun(Choreography::new("told", &steps));
        world.work(A);
        // Nothing of what A says of the votes comes to C.
        let is_news_to_c =
            |world: &World| under_way(world, A, C, Kind::ScopeNews) > 0 && sent(world, Kind::ScopeNews) >= 2;
        while !(is_news_to_c(&world) && world.effects(B).0 == if b == Works { 2 } else { 1 }) {
            [A, B, C].iter().for_each(|role| world.work(*role));
            let next = world.network.iter().position(|letter| {
                letter.frame.to != C || letter.frame.from != A || kind(&letter.frame) != Kind::ScopeNews
            });
            world.step(Action::Deliver(next.expect("it goes on")));
            [A, B, C].iter().for_each(|role| world.work(*role));
        }
        world.crash(A);
        world.lose_all();
        for _ in 0..4 {
            pass(&mut world);
            play(&mut world, &[A]);
        }
        let done = if b == Works { (2, 0) } else { (2, 1) };
        assert_eq!(world.effects(C), done, "{b:?}");
        world.settle_and_check();
    }
}

#[test]
fn with_the_votes_of_all_no_collector_is_needed() {
    // A votes first, and says so to B, which asks; then it is away.
    let body = [Send(A, B), Send(A, C), Transaction(B, Works), Transaction(C, Works)];
    let steps = [Step::scope(&body, &[]), Transaction(B, Works), Transaction(C, Works)];
    let mut world = World::begun(Choreography::new("without", &steps));
    world.work(A);
    world.deliver(A, C, Kind::Message);
    play(&mut world, &[C]);
    pass(&mut world);
    play(&mut world, &[C]);
    world.crash(A);
    world.lose_all();
    for _ in 0..4 {
        pass(&mut world);
        play(&mut world, &[A]);
    }
    assert_eq!((world.effects(B), world.effects(C)), ((2, 0), (2, 0)));
    world.settle_and_check();
}

#[test]
fn news_of_an_abort_may_be_the_first_thing_that_a_role_hears() {
    let first = [Transaction(A, Refuses), Send(A, B), Send(B, C)];
    let mut world = World::begun(Choreography::new("first", &[Step::scope(&first, &[Transaction(C, Works)])]));
    play(&mut world, &[]);
    assert_eq!(world.effects(C), (1, 0));
    world.settle_and_check();
}
