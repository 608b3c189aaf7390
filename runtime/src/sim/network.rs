//! The virtual network: frames take their time, and not all of them arrive, in order, and once.

use std::io;
use std::sync::Arc;

use super::faults::Fault;
use super::life::Life;
use super::trace::Noted;
use super::world::{Event, World};
use crate::transport::{Inbound, Link, Transport};

/// After how long a node that was not admitted tries again.
const REDIAL_MILLIS: u64 = 1_000;

/// The transport of one run of a node.
pub(super) struct SimTransport {
    pub(super) world: Arc<World>,
    pub(super) node: usize,
    pub(super) life: Arc<Life>,
}

impl Transport for SimTransport {
    type Link = SimLink;

    async fn start(self, _node: &str, inbound: Arc<dyn Inbound>) -> io::Result<SimLink> {
        self.world.listen(self.node, inbound);
        Ok(SimLink { world: self.world, node: self.node, life: self.life })
    }
}

/// A node's way into the network, dead with the run of the node that it belongs to.
pub(super) struct SimLink {
    world: Arc<World>,
    node: usize,
    life: Arc<Life>,
}

impl Link for SimLink {
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        if !self.life.is_over() {
            self.world.send(self.node, node, frame);
        }
        true
    }

    fn may_reach(&self, node: &str) -> bool {
        self.world.with(|state| state.node(node).is_some())
    }
}

impl World {
    fn send(&self, from: usize, to: &str, bytes: &[u8]) {
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

    pub(super) fn deliver(self: &Arc<Self>, from: usize, to: usize, bytes: Arc<[u8]>) {
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
            if state.cut.contains(&(from, to)) || state.refused.contains(&(to, from)) {
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

    pub(super) async fn connect(&self, node: usize, with: usize) {
        let told = self.with(|state| {
            if state.cut.contains(&(node, with)) || state.cut.contains(&(with, node)) {
                return None;
            }
            let other = state.hosts.get(with)?;
            let (with_inbound, with_name) = (other.inbound.clone()?, Arc::clone(&other.name));
            let slot = state.hosts.get_mut(node)?;
            if slot.life.as_ref().is_some_and(|life| life.stands_still()) {
                slot.held.push(Event::Connected { node, with });
                return None;
            }
            Some((slot.inbound.clone()?, Arc::clone(&slot.name), with_inbound, with_name))
        });
        let Some((inbound, name, with_inbound, with_name)) = told else { return };
        match inbound.admit(&with_name, &with_inbound.greeting()).await {
            Ok(()) => {
                let was_refused = self.with(|state| state.refused.remove(&(node, with)));
                self.note(Noted::Connected(node, with));
                inbound.connected(&with_name);
                if was_refused {
                    with_inbound.connected(&name);
                }
            }
            Err(refusal) => {
                self.with(|state| state.refused.insert((node, with)));
                with_inbound.refused_by(&name, refusal);
                // As a peer that dials again.
                self.schedule(REDIAL_MILLIS, Event::Connected { node, with });
            }
        }
    }
}
