//! Seeded schedules: whatever can go wrong, in any order; then no more faults, and every role must come to the right end and forget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::choreography::{A, B, Behaviour, C, Choreography, Otherwise, Step};
use super::programs;
use super::world::{Action, LIFE_MILLIS, RETENTION_MILLIS, World};
use crate::{RoleId, Stability};

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, in_thousand: u64) -> bool {
        self.next() % 1000 < in_thousand
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// How hostile one run is, in thousandths of its steps.
#[derive(Clone, Copy, Debug)]
struct Faults {
    crash: u64,
    lose: u64,
    duplicate: u64,
    fail_write: u64,
    tick: u64,
    connect: u64,
    start: u64,
    steps: usize,
}

impl Faults {
    fn draw(random: &mut Random) -> Self {
        Self {
            crash: random.pick(&[0, 5, 20, 60, 150]),
            lose: random.pick(&[0, 20, 150, 400]),
            duplicate: random.pick(&[0, 50, 300]),
            fail_write: random.pick(&[0, 0, 10, 40]),
            tick: random.pick(&[5, 30, 120, 300]),
            connect: random.pick(&[0, 10]),
            start: random.pick(&[2, 40]),
            steps: random.pick(&[20, 60, 150, 400, 1000]),
        }
    }
}

fn random_choreography(random: &mut Random) -> Choreography {
    let roles: Vec<_> = (0..2 + random.below(3) as u16).map(RoleId).collect();
    let length = 2 + random.below(10);
    let refuses = random.pick(&[0, 60, 200]);
    let mut steps = random_steps(random, &roles, length, refuses, 2);
    if random.chance(250) {
        // What a role does last, of all that is done.
        let role = random.pick(&roles);
        steps.push(Step::Pivot(role, random.pick(&[Behaviour::Works, Behaviour::Fails(2), Behaviour::RefusesIfOdd])));
    }
    let cancels = roles.iter().copied().filter(|_| random.chance(100)).collect::<Vec<_>>();
    let choreography = Choreography::new("random", &steps).with_failing_compensations(random.pick(&[0, 0, 1, 5]));
    let choreography = choreography.cancelled_by(&cancels);
    if random.chance(100) { choreography.within(1 + random.below(300) as u64) } else { choreography }
}

fn random_steps(random: &mut Random, roles: &[RoleId], length: usize, refuses: u64, depth: u32) -> Vec<Step> {
    let behaviour = |random: &mut Random| {
        if random.chance(refuses) {
            random.pick(&[Behaviour::Refuses, Behaviour::RefusesIfOdd, Behaviour::FailsAlways])
        } else if random.chance(100) {
            Behaviour::Fails(1 + random.below(3) as u32)
        } else {
            Behaviour::Works
        }
    };
    let mut steps = Vec::new();
    for _ in 0..length {
        let (role, other) = (random.pick(roles), random.pick(roles));
        steps.push(match random.below(26) {
            0..9 if role != other => Step::Send(role, other),
            0..15 => Step::Transaction(role, behaviour(random)),
            15 => Step::Call(role),
            23..26 => Step::Intent(role, behaviour(random)),
            16 => match behaviour(random) {
                Behaviour::Fails(_) => Step::Call(role),
                behaviour => Step::Require(role, behaviour),
            },
            17 | 18 if depth > 0 => {
                let odd = random_steps(random, roles, 1 + length / 3, refuses, depth - 1);
                Step::Choice(role, odd, random_steps(random, roles, length / 3, refuses, depth - 1))
            }
            19 if depth > 0 => {
                let rounds = 1 + random.below(3) as u64;
                Step::Repeat(rounds, random_steps(random, roles, 1 + length / 3, refuses, depth - 1))
            }
            20..23 if depth > 0 => {
                let refuses = random.pick(&[0, 100, 250, 500]);
                let body = random_steps(random, roles, 1 + length / 2, refuses, depth - 1);
                let length = random.pick(&[0, 1, 3]);
                let steps = random_steps(random, roles, length, 30, depth - 1);
                let limit_millis = if random.chance(100) { Some(1 + random.below(60) as u64) } else { None };
                Step::Scope(body, Otherwise { steps, why: random.chance(500), limit_millis })
            }
            _ => Step::Transaction(role, Behaviour::Works),
        });
    }
    steps
}

/// How much is kept, and what is logged: from the seed, but not from its other choices.
fn random_stability(seed: u64) -> Stability {
    let mut random = Random(seed ^ 0x5ab1_e000);
    let log_after_millis = random.pick(&[None, None, Some(1), Some(20), Some(100)]);
    // As it comes; two or three messages; one.
    let kept_bytes_max = random.pick(&[usize::MAX, usize::MAX, 400, 0]);
    let inbox_bytes_max = random.pick(&[usize::MAX, usize::MAX, 200, 0]);
    Stability { log_after_millis, kept_bytes_max, inbox_bytes_max }
}

pub fn run(seed: u64, trace: bool, into: &mut Vec<String>) {
    let mut random = Random(seed);
    let fixed = programs::all();
    let choreography = match random.below(2) {
        0 => fixed[random.below(fixed.len())].clone(),
        _ => random_choreography(&mut random),
    };
    let choreography = choreography.with_stability(random_stability(seed));
    let mut world = World::new(Rc::new(choreography), random.next() & 0xff);
    world.trace = trace.then(Vec::new);
    let result = catch_unwind(AssertUnwindSafe(|| simulate(&mut world, &mut random)));
    if let Err(panic) = result {
        into.push(format!("{:?}", world.choreography));
        into.extend(world.trace.take().unwrap_or_default());
        std::panic::resume_unwind(panic);
    }
}

fn simulate(world: &mut World, random: &mut Random) {
    let faults = Faults::draw(random);
    let roles: Vec<_> = world.roles().collect();
    world.step(Action::Start);
    for _ in 0..faults.steps {
        let action = choose(world, random, faults, &roles);
        if let Some(action) = action {
            world.step(action);
        }
    }
    world.settle();
    world.check();
    // Whatever was sent and may still live comes once more, in any order.
    let mut stale = world.sent.clone();
    while !stale.is_empty() {
        let letter = stale.swap_remove(random.below(stale.len()));
        world.network.push(letter);
        let last = world.network.len() - 1;
        world.step(Action::Deliver(last));
        if random.chance(200) {
            let actions = world.progress();
            if !actions.is_empty() {
                world.step(random.pick(&actions));
            }
        }
    }
    world.settle_without_loss();
    world.check();
    world.pass(RETENTION_MILLIS.max(LIFE_MILLIS) + 1);
    roles.iter().for_each(|role| world.step(Action::Forget(*role)));
    assert!(world.nodes.iter().all(|node| node.store.sessions.is_empty() && node.live.is_empty()), "not forgotten");
}

fn choose(world: &World, random: &mut Random, faults: Faults, roles: &[RoleId]) -> Option<Action> {
    let role = random.pick(roles);
    if random.chance(faults.crash) && world.node(role).up {
        return Some(Action::Crash(role));
    }
    if random.chance(faults.lose) && !world.network.is_empty() {
        return Some(Action::Lose(random.below(world.network.len())));
    }
    if random.chance(faults.duplicate) && !world.network.is_empty() {
        return Some(Action::Duplicate(random.below(world.network.len())));
    }
    if random.chance(faults.fail_write) && !world.node(role).store.queue.is_empty() {
        return Some(Action::FailWrite(role));
    }
    if random.chance(faults.tick) {
        return Some(Action::Tick);
    }
    if random.chance(faults.connect) {
        return Some(Action::Connect(role, random.pick(roles)));
    }
    if random.chance(faults.start) {
        return Some(Action::Start);
    }
    if random.chance(20) && world.choreography.cancels.contains(&role) {
        return world.node(role).live.keys().next().map(|id| Action::Cancel(role, *id));
    }
    if random.chance(20) {
        return Some(Action::Forget(role));
    }
    let actions = world.progress();
    if actions.is_empty() {
        return Some(Action::Tick);
    }
    let action = random.pick(&actions);
    match action {
        // A restart takes its time, and so does what nobody waits for.
        Action::Restart(_) if !random.chance(150) => None,
        Action::Commit(role) if world.node(role).store.queue.iter().all(|group| group.is_lazy()) => {
            random.chance(200).then_some(action)
        }
        Action::Operate(role, id) if random.chance(100) => Some(Action::OperateLate(role, id)),
        Action::Arrive(_) if !random.chance(100) => None,
        action => Some(action),
    }
}

#[test]
fn any_schedule_comes_to_the_right_end() {
    let asked = std::env::var("ACCOMPANIST_SEEDS").ok();
    let (first, count) = match asked.as_deref().map(|asked| asked.split_once('+')) {
        None => (0, 2_000),
        Some(None) => (
            0,
            asked.as_deref().and_then(|asked| asked.parse().ok()).expect("ACCOMPANIST_SEEDS is COUNT or FIRST+COUNT"),
        ),
        Some(Some((first, count))) => (first.parse().expect("FIRST+COUNT"), count.parse().expect("FIRST+COUNT")),
    };
    for seed in first..first + count {
        if catch_unwind(|| run(seed, false, &mut Vec::new())).is_err() {
            let mut trace = Vec::new();
            let failed = catch_unwind(AssertUnwindSafe(|| run(seed, true, &mut trace)));
            eprintln!("{}", trace.join("\n"));
            eprintln!("seed {seed}; again with ACCOMPANIST_SEEDS={seed}+1");
            failed.expect("the same seed is the same run");
        }
    }
}

#[test]
fn fault_free_runs_cost_what_they_must() {
    for choreography in programs::all() {
        let mut world = World::new(Rc::new(choreography), 3);
        world.step(Action::Start);
        world.settle();
        world.check();
    }
    let mut world = World::new(Rc::new(programs::order_fulfilment(None)), 3);
    world.step(Action::Start);
    world.settle();
    let writes: Vec<_> = [A, B, C]
        .map(|role| {
            let store = &world.node(role).store;
            (store.prompt_writes, store.lazy_writes)
        })
        .into();
    // Each transaction is one write; settled and forgotten are one lazy write each, and at the initiator only one.
    assert_eq!(writes, [(2, 1), (1, 2), (1, 2)]);
}
