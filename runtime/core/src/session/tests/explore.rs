//! Every schedule of small choreographies: breadth first over all states, with unlimited crashes and duplicates. A frame once sent may come
//! at any later time, any number of times, or never; frames of the program go when a role forgets (rule G5), all others never. From every
//! state, the network is wiped, faults end, and every role must come to the right end and forget.
//!
//! What only saves work is left to the simulator, for the sake of fewer states: frames always carry the header, nobody hears a `Need` or a
//! `Stable`, and a session hears of its commit when it is made, unless it crashes there.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::choreography::Behaviour::{Refuses, Works};
use super::choreography::Step::{Send, Transaction};
use super::choreography::{A, B, C, Choreography, Step};
use super::script::{Kind, kind};
use super::world::{Action, World};
use crate::{Digest, RowState};

/// All that makes a difference to what can happen from here.
fn digest(world: &World) -> Digest {
    let mut network: Vec<_> = world.network.iter().map(|letter| letter.frame.encode()).collect();
    network.sort();
    let nodes: Vec<_> = (world.nodes.iter())
        .map(|node| (&node.store.sessions, &node.store.effects, &node.store.queue, &node.store.known, &node.live))
        .collect();
    Digest::of(format!("{network:?} {nodes:?} {:?} {:?}", world.decided, world.ends).as_bytes())
}

fn actions(world: &World) -> Vec<Action> {
    let mut actions: Vec<_> = (0..world.network.len()).map(Action::Duplicate).collect();
    actions.extend(world.progress().into_iter().filter(|action| !matches!(action, Action::Deliver(_))));
    for role in world.roles() {
        let node = world.node(role);
        let finished = |row: &RowState| matches!(row, RowState::Finished { .. });
        if node.store.sessions.values().any(|kept| finished(&kept.stored.row.state)) && node.live.is_empty() {
            actions.push(Action::Forget(role));
        }
        if !node.live.is_empty() {
            actions.push(Action::Crash(role));
        }
        if world.choreography.cancels.contains(&role) {
            actions.extend(node.live.keys().map(|id| Action::Cancel(role, *id)));
        }
    }
    if world.node(A).store.known.is_empty() && world.node(A).live.is_empty() {
        actions.push(Action::Start);
    }
    actions
}

fn apply(world: &mut World, action: Action) {
    match action {
        Action::Forget(role) => {
            // All that is left of the retention time, in which every frame of the program dies.
            world.network.retain(|letter| !matches!(kind(&letter.frame), Kind::Message | Kind::ScopeVote));
            world.node_mut(role).store.sessions.retain(|_, kept| kept.finished.is_none());
        }
        Action::Crash(role) => {
            world.step(action);
            world.step(Action::Restart(role));
        }
        Action::Commit(role) => {
            world.step(action);
            let ids: Vec<_> = world.node(role).live.keys().copied().collect();
            ids.into_iter().for_each(|id| world.step(Action::Notify(role, id)));
        }
        action => world.step(action),
    }
    world.sent.clear();
    for live in world.nodes.iter_mut().flat_map(|node| node.live.values_mut()) {
        live.session.peers.values_mut().for_each(|peer| peer.has_header = false);
    }
    world.network.retain(|letter| !matches!(kind(&letter.frame), Kind::Need | Kind::Stable));
    let mut seen = BTreeSet::new();
    world.network.retain(|letter| seen.insert(letter.frame.encode()));
}

/// The number of states, up to `states_max`, and whether these are all.
fn explore(choreography: Choreography, states_max: usize) -> (usize, bool) {
    let name = choreography.name.clone();
    let first = World::new(Rc::new(choreography), 3);
    let mut seen = BTreeSet::from([digest(&first).0]);
    let mut paths: Vec<(usize, Option<Action>)> = vec![(0, None)];
    let mut frontier = vec![(0, first)];
    while !frontier.is_empty() {
        for (index, world) in std::mem::take(&mut frontier) {
            let mut live = world.clone();
            let settled = catch_unwind(AssertUnwindSafe(|| {
                live.settle();
                live.check();
            }));
            settled.unwrap_or_else(|_| fail(&name, &paths, index, None));
            for action in actions(&world) {
                let mut next = world.clone();
                let applied = catch_unwind(AssertUnwindSafe(|| apply(&mut next, action)));
                applied.unwrap_or_else(|_| fail(&name, &paths, index, Some(action)));
                if seen.insert(digest(&next).0) {
                    if seen.len() >= states_max {
                        return (seen.len(), false);
                    }
                    paths.push((index, Some(action)));
                    frontier.push((paths.len() - 1, next));
                }
            }
        }
    }
    (seen.len(), true)
}

fn fail(name: &str, paths: &[(usize, Option<Action>)], mut index: usize, last: Option<Action>) -> ! {
    let mut path: Vec<_> = last.into_iter().collect();
    while let (parent, Some(action)) = paths[index] {
        path.push(action);
        index = parent;
    }
    path.reverse();
    panic!("{name}: {path:#?}");
}

fn small_programs() -> Vec<Choreography> {
    let a = |first, second| [Transaction(A, first), Send(A, B), Transaction(B, second)];
    vec![
        Choreography::new("a", &a(Works, Works)),
        Choreography::new("a, t0 refuses", &a(Refuses, Works)),
        Choreography::new("a, t1 refuses", &a(Works, Refuses)),
        Choreography::new("a', A and B cancel", &a(Works, Works)).cancelled_by(&[A, B]),
        Choreography::new("e", &[Send(A, B), Transaction(B, Works), Transaction(A, Works)]),
        Choreography::new("e, t0 refuses", &[Send(A, B), Transaction(B, Works), Transaction(A, Refuses)]),
        Choreography::new("scope", &[Step::scope(&a(Works, Works), &[])]),
        Choreography::new("scope, t1 refuses", &[Step::scope_why(&a(Works, Refuses), &[Transaction(B, Works)])]),
        Choreography::new("scope, both refuse", &[Send(A, B), both_refuse()]),
        Choreography::new("h of two", &[Send(A, B), Transaction(A, Refuses), Transaction(B, Refuses)]),
    ]
}

/// Both roles refuse, by themselves; which of it is why, they must agree on.
fn both_refuse() -> Step {
    Step::scope_why(&[Transaction(A, Refuses), Transaction(B, Works), Transaction(B, Refuses)], &[])
}

fn larger_programs() -> Vec<Choreography> {
    let d = [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, A), Send(A, B), Transaction(B, Refuses)];
    let b = [Transaction(A, Works), Send(A, B), Transaction(B, Works), Send(B, C), Transaction(C, Refuses), Send(C, A)];
    let scope = [Transaction(A, Works), Send(A, B), Transaction(B, Refuses)];
    let then = [Step::scope(&scope, &[Send(A, B)]), Transaction(A, Works), Send(A, B), Transaction(B, Refuses)];
    let inner = Step::scope_why(&[Send(A, B), Transaction(B, Works), Transaction(B, Refuses)], &[]);
    let nested = [Step::scope(&[Transaction(A, Works), inner, Transaction(A, Refuses)], &[])];
    let abc = [Transaction(A, Works), Send(A, B), Send(A, C), Transaction(B, Refuses), Transaction(C, Refuses)];
    vec![
        Choreography::new("scope, then refused", &then),
        Choreography::new("scope in a scope, both aborted", &nested),
        Choreography::new("scope of three", &[Step::scope_why(&abc, &[])]),
        Choreography::new("d, t2 refuses", &d),
        Choreography::new("h", &[Send(A, B), Send(A, C), Transaction(B, Refuses), Transaction(C, Refuses)]),
        Choreography::new("b, t2 refuses", &b),
    ]
}

#[test]
fn every_schedule_of_small_programs() {
    let asked = std::env::var("ACCOMPANIST_STATES").ok().map(|asked| asked.parse().expect("a number"));
    for program in small_programs() {
        let name = program.name.clone();
        let (states, complete) = explore(program, asked.unwrap_or(700));
        println!("{name}: {states} states{}", if complete { "" } else { ", not all" });
    }
    if let Some(states_max) = asked {
        for program in larger_programs() {
            let name = program.name.clone();
            let (states, complete) = explore(program, states_max);
            println!("{name}: {states} states{}", if complete { "" } else { ", not all" });
        }
    }
}
