//! Everything of one run that is not the nodes' own: what is going to happen and when, who is up, and what has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::SessionId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::disk::Plan;
use super::faults::{Fault, FaultCounts, Faults};
use super::ledger::Ledger;
use super::life::Life;
use super::node::Host;
use super::random::Random;
use super::trace::{Noted, Trace};
use crate::store::StoreError;
use crate::store::driven::{Carried, Fate};
use crate::transport::Inbound;

/// How often what may go wrong at any time is drawn.
const TICK_MILLIS: u64 = 250;

/// How long a node is down after a crash, or a fault lasts, at most.
const FAULT_MILLIS_MAX: u64 = 10_000;

/// How many jobs share a commit at most.
const BATCH_JOBS_MAX: u64 = 8;

/// One run.
pub(crate) struct World {
    state: Mutex<State>,
    /// An earlier event than those before has come up.
    earlier: Notify,
    /// The run has failed.
    failed: Notify,
    started: Instant,
}

/// What is behind the world's lock. No code of a node is called while it is held.
pub(crate) struct State {
    pub(super) random: Random,
    faults: Faults,
    pub(super) is_faulty: bool,
    /// By the millisecond, and in the order in which they came up.
    events: BTreeMap<(u64, u64), Event>,
    number: u64,
    pub(super) hosts: Vec<Slot>,
    /// From, to: frames do not get there.
    cut: BTreeSet<(usize, usize)>,
    /// From, to: when the last frame that keeps its order arrives.
    arrivals: BTreeMap<(usize, usize), u64>,
    pub(super) trace: Trace,
    pub(super) ledger: Ledger,
    pub(super) counts: FaultCounts,
    pub(super) frames: u64,
    pub(super) commits: u64,
    failure: Option<Failure>,
    /// Clients that wait for an answer.
    pub(super) clients: usize,
}

/// What a run fails of.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) what: String,
    pub(super) session: Option<SessionId>,
}

/// A node, as the world knows it.
pub(super) struct Slot {
    pub(super) host: Arc<dyn Host>,
    pub(super) name: Arc<str>,
    /// Its process, while it runs.
    life: Option<Arc<Life>>,
    inbound: Option<Arc<dyn Inbound>>,
    /// What came while it stood still.
    held: Vec<Event>,
    full_until: u64,
    /// How far its time of day is from the run's, in milliseconds.
    pub(super) clock_millis: i64,
}

/// Something that is going to happen.
#[derive(Clone)]
enum Event {
    Frame { from: usize, to: usize, bytes: Arc<[u8]> },
    Connected { node: usize, with: usize },
    Boot(usize),
    Resume(usize),
    Heal(Vec<(usize, usize)>),
    Tick,
}

impl World {
    pub(super) fn new(seed: u64, faults: &Faults) -> Arc<Self> {
        let mut random = Random::new(seed);
        let faults = faults.of_run(&mut random);
        let world = Self {
            state: Mutex::new(State {
                random,
                faults,
                is_faulty: true,
                events: BTreeMap::new(),
                number: 0,
                hosts: Vec::new(),
                cut: BTreeSet::new(),
                arrivals: BTreeMap::new(),
                trace: Trace::default(),
                ledger: Ledger::default(),
                counts: FaultCounts::default(),
                frames: 0,
                commits: 0,
                failure: None,
                clients: 0,
            }),
            earlier: Notify::new(),
            failed: Notify::new(),
            started: Instant::now(),
        };
        world.schedule(TICK_MILLIS, Event::Tick);
        Arc::new(world)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<T>(&self, body: impl FnOnce(&mut State) -> T) -> T {
        body(&mut self.lock())
    }

    /// Milliseconds of the run.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn note(&self, noted: Noted) {
        let now = self.now();
        self.lock().trace.note(now, noted);
    }

    /// The run fails of this, unless it has failed already.
    pub(super) fn fail(&self, what: String, session: Option<SessionId>) {
        self.lock().failure.get_or_insert(Failure { what, session });
        self.failed.notify_waiters();
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.lock().failure.clone()
    }

    /// Waits until the run fails.
    pub(super) async fn failed(&self) -> Failure {
        loop {
            let failed = self.failed.notified();
            if let Some(failure) = self.failure() {
                return failure;
            }
            failed.await;
        }
    }

    /// Nothing refers to anything any more: what belongs to a run is in circles.
    pub(super) fn clear(&self) {
        let (hosts, events) = self.with(|state| (std::mem::take(&mut state.hosts), std::mem::take(&mut state.events)));
        drop(events);
        drop(hosts);
    }

    fn schedule(&self, after_millis: u64, event: Event) {
        let at = self.now() + after_millis;
        if self.lock().schedule(at, event) {
            self.earlier.notify_one();
        }
    }

    /// Lets happen what is to happen, as long as the run lasts.
    pub(super) async fn drive(self: Arc<Self>) {
        loop {
            let now = self.now();
            let next = self.with(|state| match state.events.first_key_value() {
                Some(((at, _), _)) if *at > now => Err(Some(*at)),
                Some(_) => state.events.pop_first().map(|(_, event)| event).ok_or(None),
                None => Err(None),
            });
            match next {
                Ok(event) => self.happen(event).await,
                Err(Some(at)) => {
                    tokio::select! {
                        biased;
                        () = self.earlier.notified() => {}
                        () = tokio::time::sleep_until(self.started + Duration::from_millis(at)) => {}
                    }
                }
                Err(None) => self.earlier.notified().await,
            }
        }
    }

    async fn happen(self: &Arc<Self>, event: Event) {
        match event {
            Event::Frame { from, to, bytes } => self.deliver(from, to, bytes),
            Event::Connected { node, with } => self.connect(node, with),
            Event::Boot(node) => self.boot(node).await,
            Event::Resume(node) => self.resume(node),
            Event::Heal(pairs) => self.heal(&pairs),
            Event::Tick => self.tick(),
        }
    }

    pub(super) fn host(&self, node: usize) -> Option<Arc<dyn Host>> {
        self.lock().hosts.get(node).map(|slot| Arc::clone(&slot.host))
    }

    pub(super) fn hosts(&self) -> Vec<Arc<dyn Host>> {
        self.lock().hosts.iter().map(|slot| Arc::clone(&slot.host)).collect()
    }

    /// A new node, which starts at once.
    pub(super) fn add(&self, name: &str, host: impl FnOnce(usize) -> Arc<dyn Host>) -> usize {
        let node = self.with(|state| {
            let node = state.hosts.len();
            state.hosts.push(Slot {
                host: host(node),
                name: Arc::from(name),
                life: None,
                inbound: None,
                held: Vec::new(),
                full_until: 0,
                clock_millis: 0,
            });
            node
        });
        self.schedule(0, Event::Boot(node));
        node
    }

    // What happens to nodes.

    /// Starts a node that is down.
    pub(super) async fn boot(self: &Arc<Self>, node: usize) {
        let Some(host) = self.host(node).filter(|host| host.life().is_none()) else { return };
        self.note(Noted::Starts(node));
        if let Err(error) = Arc::clone(&host).boot().await {
            self.fail(format!("the node `{}` cannot start: {error}", host.name()), None);
        }
    }

    /// A node's transport is there: it and those that it can reach are told of each other.
    pub(super) fn listen(&self, node: usize, inbound: Arc<dyn Inbound>) {
        let others = self.with(|state| {
            if let Some(slot) = state.hosts.get_mut(node) {
                slot.inbound = Some(inbound);
            }
            (0..state.hosts.len()).filter(|other| *other != node).collect::<Vec<_>>()
        });
        others.into_iter().for_each(|other| self.join(node, other));
    }

    /// Both are told soon of their connection.
    fn join(&self, one: usize, other: usize) {
        let delays = self.with(|state| [state.random.within(1..20), state.random.within(1..20)]);
        for ([node, with], delay) in [[one, other], [other, one]].into_iter().zip(delays) {
            self.schedule(delay, Event::Connected { node, with });
        }
    }

    pub(super) fn set_life(&self, node: usize, life: Option<Arc<Life>>) {
        if let Some(slot) = self.lock().hosts.get_mut(node) {
            slot.life = life;
        }
    }

    /// Ends a node at once; it comes back after a while.
    pub(super) fn crash(self: &Arc<Self>, node: usize) {
        if self.kill(node) {
            let down = self.with(|state| state.random.skewed(1..FAULT_MILLIS_MAX));
            self.schedule(down, Event::Boot(node));
        }
    }

    /// Ends a node at once; whether it was up.
    pub(super) fn kill(self: &Arc<Self>, node: usize) -> bool {
        let Some(host) = self.host(node) else { return false };
        let killed = host.kill();
        if killed {
            self.note(Noted::Crashes(node));
            self.with(|state| {
                if let Some(slot) = state.hosts.get_mut(node) {
                    (slot.life, slot.inbound) = (None, None);
                    slot.held.clear();
                }
                // What it said last may have left it, or not.
                let State { events, random, .. } = state;
                events.retain(|_, event| match event {
                    Event::Frame { from, .. } if *from == node => random.chance(0.5),
                    _ => true,
                });
            });
        }
        killed
    }

    pub(super) fn pause(&self, node: usize) {
        let life = self.lock().hosts.get(node).and_then(|slot| slot.life.clone());
        if let Some(life) = life {
            self.note(Noted::Pauses(node));
            life.pause();
        }
    }

    pub(super) fn resume(&self, node: usize) {
        let (life, held) = self.with(|state| match state.hosts.get_mut(node) {
            Some(slot) => (slot.life.clone(), std::mem::take(&mut slot.held)),
            None => (None, Vec::new()),
        });
        let Some(life) = life.filter(|life| life.stands_still()) else { return };
        self.note(Noted::Resumes(node));
        life.resume();
        held.into_iter().for_each(|event| self.schedule(1, event));
    }

    /// No frame gets from the first to the second of a pair.
    pub(super) fn cut(&self, pairs: &[(usize, usize)]) {
        for pair in pairs {
            if self.lock().cut.insert(*pair) {
                self.note(Noted::Cut(pair.0, pair.1));
            }
        }
    }

    pub(super) fn heal(&self, pairs: &[(usize, usize)]) {
        for (from, to) in pairs.iter().copied() {
            let healed = self.lock().cut.remove(&(from, to));
            if healed {
                self.note(Noted::Heals(from, to));
                self.join(from, to);
            }
        }
    }

    pub(super) fn fill_disk(&self, node: usize, millis: u64) {
        self.note(Noted::DiskFull(node));
        let until = self.now() + millis;
        if let Some(slot) = self.lock().hosts.get_mut(node) {
            slot.full_until = until;
        }
    }

    /// Whatever is wrong is mended, and nothing goes wrong any more.
    pub(super) async fn mend(self: &Arc<Self>) {
        let (count, cut) = self.with(|state| {
            state.is_faulty = false;
            state.hosts.iter_mut().for_each(|slot| slot.full_until = 0);
            (state.hosts.len(), state.cut.iter().copied().collect::<Vec<_>>())
        });
        self.heal(&cut);
        for node in 0..count {
            self.resume(node);
            self.boot(node).await;
        }
    }

    // Frames.

    pub(super) fn send(&self, from: usize, to: &str, bytes: &[u8]) {
        let now = self.now();
        let bytes: Arc<[u8]> = Arc::from(bytes);
        let first = self.with(|state| {
            state.frames += 1;
            let Some(to) = state.node(to) else { return false };
            if state.cut.contains(&(from, to)) {
                state.trace.note(now, Noted::CutOff { from, to, bytes });
                return false;
            }
            if state.draws(Fault::Loss) {
                state.trace.note(now, Noted::Lost { from, to, bytes });
                return false;
            }
            let mut first = false;
            if state.draws(Fault::Duplicate) {
                let at = now + state.random.skewed(1..30_000);
                first |= state.schedule(at, Event::Frame { from, to, bytes: Arc::clone(&bytes) });
            }
            let overtaken = state.draws(Fault::Reorder);
            let delay = if overtaken { state.random.skewed(1..5_000) } else { state.random.within(1..6) };
            let last = state.arrivals.entry((from, to)).or_default();
            let at = if overtaken { now + delay } else { (now + delay).max(*last) };
            if !overtaken {
                *last = at;
            }
            state.schedule(at, Event::Frame { from, to, bytes }) || first
        });
        if first {
            self.earlier.notify_one();
        }
    }

    fn deliver(self: &Arc<Self>, from: usize, to: usize, bytes: Arc<[u8]>) {
        let now = self.now();
        let delivery = self.with(|state| {
            let from_name = state.hosts.get(from).map(|slot| Arc::clone(&slot.name))?;
            let slot = state.hosts.get_mut(to)?;
            if slot.life.as_ref().is_some_and(|life| life.stands_still()) {
                slot.held.push(Event::Frame { from, to, bytes });
                return None;
            }
            let Some(inbound) = slot.inbound.clone() else {
                state.trace.note(now, Noted::NobodyThere { from, to, bytes });
                return None;
            };
            if state.cut.contains(&(from, to)) {
                state.trace.note(now, Noted::CutOff { from, to, bytes });
                return None;
            }
            let crashes = state.draws(Fault::CrashAtFrame).then(|| state.random.chance(0.5));
            state.trace.note(now, Noted::Arrives { from, to, bytes: Arc::clone(&bytes) });
            Some((inbound, from_name, bytes, crashes))
        });
        let Some((inbound, from_name, bytes, crashes)) = delivery else { return };
        if crashes != Some(true) {
            inbound.frame(&from_name, &bytes);
        }
        if crashes.is_some() {
            drop(inbound);
            self.crash(to);
        }
    }

    fn connect(&self, node: usize, with: usize) {
        let told = self.with(|state| {
            if state.cut.contains(&(node, with)) || state.cut.contains(&(with, node)) {
                return None;
            }
            state.hosts.get(with).filter(|slot| slot.inbound.is_some())?;
            let with_name = state.hosts.get(with).map(|slot| Arc::clone(&slot.name))?;
            let slot = state.hosts.get_mut(node)?;
            if slot.life.as_ref().is_some_and(|life| life.stands_still()) {
                slot.held.push(Event::Connected { node, with });
                return None;
            }
            Some((slot.inbound.clone()?, with_name))
        });
        if let Some((inbound, with_name)) = told {
            self.note(Noted::Connected(node, with));
            inbound.connected(&with_name);
        }
    }

    // Commits.

    pub(super) fn plan_commit(&self, node: usize) -> Plan {
        let now = self.now();
        self.with(|state| {
            state.commits += 1;
            let millis = (state.random.skewed(1..8), state.random.within(0..2));
            let jobs_max = state.random.within(1..BATCH_JOBS_MAX + 1) as usize;
            let is_full = state.hosts.get(node).is_some_and(|slot| slot.full_until > now);
            let mut plan = Plan { fate: Fate::Happens, told: None, crashes: false, jobs_max, millis };
            let failed = || Some(StoreError::Failed("the disk reports an error".to_owned()));
            if is_full {
                (plan.fate, plan.told) = (Fate::IsLost, Some(StoreError::Full("the disk is full".to_owned())));
            } else if state.draws(Fault::CrashBeforeCommit) {
                (plan.fate, plan.crashes) = (Fate::IsLost, true);
            } else if state.draws(Fault::CrashAfterCommit) {
                plan.crashes = true;
            } else if state.draws(Fault::FailedCommit) {
                (plan.fate, plan.told) = (Fate::IsLost, failed());
            } else if state.draws(Fault::HiddenCommit) {
                plan.told = failed();
            }
            plan
        })
    }

    /// A commit has come to what was planned.
    pub(super) fn committed(&self, node: usize, carried: Vec<Carried>, plan: &Plan) {
        let now = self.now();
        let violation = self.with(|state| {
            let mut violation = None;
            if plan.fate == Fate::Happens {
                for carried in &carried {
                    for write in carried.result.iter().flatten() {
                        if let Err(what) = state.ledger.commit(node, carried.key, write) {
                            violation.get_or_insert((what, carried.key.session));
                        }
                    }
                }
            }
            state.trace.note(now, Noted::Commit { node, carried, plan: plan.clone() });
            violation
        });
        if let Some((what, session)) = violation {
            self.fail(what, Some(session));
        }
    }

    // Chance.

    /// What may go wrong at any time, does or does not.
    fn tick(self: &Arc<Self>) {
        let count = self.with(|state| if state.is_faulty { state.hosts.len() } else { 0 });
        if count == 0 && self.with(|state| !state.is_faulty) {
            return;
        }
        for node in 0..count {
            for fault in [
                Fault::FullDisk,
                Fault::Crash,
                Fault::Pause,
                Fault::Partition,
                Fault::OneWayPartition,
                Fault::Reconnect,
                Fault::ClockJump,
            ] {
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
            Fault::ClockJump => self.with(|state| {
                let day = 24 * 3600 * 1000;
                let by = state.random.within(0..2 * day) as i64 - day as i64;
                if let Some(slot) = state.hosts.get_mut(node) {
                    slot.clock_millis += by;
                }
            }),
            _ => {}
        }
    }
}

impl State {
    /// Whether it is the first event now.
    fn schedule(&mut self, at: u64, event: Event) -> bool {
        self.number += 1;
        let first = self.events.first_key_value().is_none_or(|((first, _), _)| at < *first);
        self.events.insert((at, self.number), event);
        first
    }

    /// The node of that name.
    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.hosts.iter().position(|slot| &*slot.name == name)
    }

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

    /// Whether a frame is on its way.
    pub(super) fn has_frames(&self) -> bool {
        self.events.values().any(|event| matches!(event, Event::Frame { .. }))
    }
}
