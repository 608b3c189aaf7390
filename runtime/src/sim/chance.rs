//! What may go wrong at any time, and whether something goes wrong now.

use std::sync::Arc;
use std::time::Duration;

use super::faults::Fault;
use super::random::Random;
use super::world::{Event, State, World};

/// How often what may go wrong at any time is drawn.
pub(super) const TICK_MILLIS: u64 = 250;

/// What may go wrong at any time.
const AT_ANY_TIME: [Fault; 7] = [
    Fault::FullDisk,
    Fault::Crash,
    Fault::Pause,
    Fault::Partition,
    Fault::OneWayPartition,
    Fault::Reconnect,
    Fault::ClockJump,
];

const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// How long a node is down after a crash, or a fault lasts, at most.
pub(super) const FAULT_MILLIS_MAX: u64 = 10_000;

impl World {
    /// Whether anything may go wrong at any time.
    pub(super) fn may_strike(&self) -> bool {
        self.with(|state| AT_ANY_TIME.iter().any(|fault| state.faults.chance(*fault) > 0.0))
    }

    /// What may go wrong at any time, does or does not.
    pub(super) fn tick(self: &Arc<Self>) {
        let count = self.with(|state| if state.is_faulty { state.hosts.len() } else { 0 });
        if count == 0 && self.with(|state| !state.is_faulty) {
            return;
        }
        for node in 0..count {
            for fault in AT_ANY_TIME {
                if self.with(|state| state.draws_within(fault, TICK_MILLIS)) {
                    self.strike(fault, node, count);
                }
            }
        }
        self.schedule(TICK_MILLIS, Event::Tick);
    }

    fn strike(self: &Arc<Self>, fault: Fault, node: usize, count: usize) {
        let (millis, other, all) = self.with(|state| {
            let random = &mut state.random;
            let other = random.within(0..count.saturating_sub(1) as u64) as usize;
            (random.skewed(1..FAULT_MILLIS_MAX), if other >= node { other + 1 } else { other }, random.chance(0.3))
        });
        let both = |other: usize| [(node, other), (other, node)];
        match fault {
            Fault::FullDisk => self.fill_disk(node, millis),
            Fault::Crash => self.crash(node),
            Fault::Pause => {
                self.pause(node);
                self.schedule(millis, Event::Resume(node));
            }
            Fault::Partition if count > 1 => {
                let others = if all { (0..count).filter(|other| *other != node).collect() } else { vec![other] };
                let pairs: Vec<_> = others.into_iter().flat_map(both).collect();
                self.cut(&pairs);
                self.schedule(millis, Event::Heal(pairs));
            }
            Fault::OneWayPartition if count > 1 => {
                self.cut(&[(node, other)]);
                self.schedule(millis, Event::Heal(vec![(node, other)]));
            }
            Fault::Reconnect if count > 1 => {
                self.with(|state| {
                    state.events.retain(|_, event| match event {
                        Event::Frame { from, to, .. } => !both(other).contains(&(*from, *to)),
                        _ => true,
                    });
                });
                self.join(node, other);
            }
            Fault::ClockJump => {
                let by = self.with(|state| {
                    let most = if state.random.chance(0.3) { 7 * DAY_MILLIS } else { DAY_MILLIS / 24 };
                    state.random.within(0..2 * most) as i64 - most as i64
                });
                self.turn_clock(node, by);
            }
            _ => {}
        }
    }
}

/// In half of the runs messages are written down soon, or there is little room for them.
pub(super) fn stability(random: &mut Random) -> Option<(Duration, usize)> {
    if random.chance(0.5) {
        return None;
    }
    let kept_bytes_max = match random.within(0..4) {
        0 => 0,
        1 => random.skewed(200..4_000) as usize,
        _ => usize::MAX,
    };
    Some((Duration::from_millis(random.skewed(1..30_000)), kept_bytes_max))
}

impl State {
    /// Whether a fault happens now.
    pub(super) fn draws(&mut self, fault: Fault) -> bool {
        let chance = self.faults.chance(fault);
        self.strikes(fault, chance)
    }

    fn draws_within(&mut self, fault: Fault, millis: u64) -> bool {
        let chance = self.faults.chance(fault) * millis as f64 / 1000.0;
        self.strikes(fault, chance)
    }

    fn strikes(&mut self, fault: Fault, chance: f64) -> bool {
        let strikes = self.is_faulty && self.random.chance(chance);
        if strikes {
            self.counts.add(fault, 1);
        }
        strikes
    }
}
