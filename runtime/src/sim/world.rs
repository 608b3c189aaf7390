//! Everything of one run that is not the nodes' own: what is going to happen and when, who is up, and what has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use accompanist_core::SessionId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::chance::{FAULT_MILLIS_MAX, TICK_MILLIS, stability};
use super::faults::{FaultCounts, Faults};
use super::ledger::Ledger;
use super::life::Life;
use super::node::Host;
use super::random::Random;
use super::trace::{Noted, Trace};
use crate::transport::Inbound;

/// The time of day at which a run begins, in milliseconds since 1970.
const START_MS: i64 = 1_767_225_600_000;

/// One run.
pub(crate) struct World {
    state: Mutex<State>,
    /// How soon messages are written down, and how many bytes of them are kept, where it is not as the test says.
    pub(super) stability: Option<(Duration, usize)>,
    /// An earlier event than those before has come up.
    pub(super) earlier: Notify,
    /// The run has failed.
    failed: Notify,
    started: Instant,
}

/// What is behind the world's lock. No code of a node is called while it is held.
pub(crate) struct State {
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) is_faulty: bool,
    /// By the millisecond, and in the order in which they came up.
    pub(super) events: BTreeMap<(u64, u64), Event>,
    number: u64,
    pub(super) hosts: Vec<Slot>,
    /// Node, with: the first does not admit the second.
    pub(super) refused: BTreeSet<(usize, usize)>,
    /// From, to: frames do not get there.
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// From, to: when the last frame that keeps its order arrives.
    pub(super) arrivals: BTreeMap<(usize, usize), u64>,
    pub(super) trace: Trace,
    pub(super) ledger: Ledger,
    pub(super) counts: FaultCounts,
    pub(super) frames: u64,
    pub(super) commits: u64,
    pub(super) processes: u32,
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
    pub(super) life: Option<Arc<Life>>,
    pub(super) inbound: Option<Arc<dyn Inbound>>,
    /// What came while it stood still.
    pub(super) held: Vec<Event>,
    pub(super) full_until: u64,
    /// How far its time of day is from the run's, in milliseconds.
    pub(super) clock_millis: i64,
}

/// Something that is going to happen.
#[derive(Clone)]
pub(super) enum Event {
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
        let stability = if faults.draws() { stability(&mut Random::new(!seed)) } else { None };
        let faults = faults.of_run(&mut random);
        let world = Self {
            stability,
            state: Mutex::new(State {
                random,
                faults,
                is_faulty: true,
                events: BTreeMap::new(),
                number: 0,
                hosts: Vec::new(),
                refused: BTreeSet::new(),
                cut: BTreeSet::new(),
                arrivals: BTreeMap::new(),
                trace: Trace::default(),
                ledger: Ledger::default(),
                counts: FaultCounts::default(),
                frames: 0,
                commits: 0,
                processes: 0,
                failure: None,
                clients: 0,
            }),
            earlier: Notify::new(),
            failed: Notify::new(),
            started: Instant::now(),
        };
        if world.may_strike() {
            world.schedule(TICK_MILLIS, Event::Tick);
        }
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

    pub(super) fn note(&self, noted: Noted) {
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

    /// A node's time of day, in milliseconds since 1970.
    pub(super) fn time_of_day(&self, node: usize) -> i64 {
        let offset = self.lock().hosts.get(node).map_or(0, |slot| slot.clock_millis);
        START_MS + i64::try_from(self.now()).unwrap_or(i64::MAX / 2) + offset
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

    pub(super) fn schedule(&self, after_millis: u64, event: Event) {
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
            Event::Connected { node, with } => self.connect(node, with).await,
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
            let up = state.hosts.iter().enumerate().filter(|(_, slot)| slot.inbound.is_some());
            up.map(|(other, _)| other).filter(|other| *other != node).collect::<Vec<_>>()
        });
        others.into_iter().for_each(|other| self.join(node, other));
    }

    /// Both are told soon of their connection.
    pub(super) fn join(&self, one: usize, other: usize) {
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

    pub(super) fn turn_clock(&self, node: usize, millis: i64) {
        self.note(Noted::ClockTurned(node, millis));
        if let Some(slot) = self.lock().hosts.get_mut(node) {
            slot.clock_millis = slot.clock_millis.saturating_add(millis);
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
}

impl State {
    /// Whether it is the first event now.
    pub(super) fn schedule(&mut self, at: u64, event: Event) -> bool {
        self.number += 1;
        let first = self.events.first_key_value().is_none_or(|((first, _), _)| at < *first);
        self.events.insert((at, self.number), event);
        first
    }

    /// The node of that name.
    pub(super) fn node(&self, name: &str) -> Option<usize> {
        self.hosts.iter().position(|slot| &*slot.name == name)
    }

    /// Whether a frame is on its way.
    pub(super) fn has_frames(&self) -> bool {
        self.events.values().any(|event| matches!(event, Event::Frame { .. }))
    }
}
