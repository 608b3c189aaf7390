//! Several nodes in one process, for tests and demos: frames go from node to node through queues in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::{Inbound, Link, Transport};

/// Deliveries that may wait for one node; frames over it are refused, and their senders told when there is room.
const DELIVERIES_MAX: usize = 64 * 1024;

/// How long a node that was not admitted waits before it tries again.
const REDIAL_PAUSE: Duration = Duration::from_millis(100);

/// A network within the process. Every clone is the same network.
///
/// Each node gets what is for it, from any node and from itself, in a task of its own and never from within [`Link::send`]. A node that is
/// started under the name of another takes its place with all that admit it ([`Inbound::admit`]).
#[derive(Clone, Debug, Default)]
pub struct LocalNetwork {
    state: Arc<Mutex<State>>,
}

/// One start of a node.
type Serial = u64;

#[derive(Debug, Default)]
struct State {
    started: Serial,
    nodes: BTreeMap<Serial, Entry>,
    /// Whom a node reaches by a name.
    routes: BTreeMap<(Serial, Arc<str>), Serial>,
}

struct Entry {
    name: Arc<str>,
    deliveries: mpsc::Sender<Delivery>,
    inbound: Arc<dyn Inbound>,
    /// The nodes whose frames to this one were refused.
    refused: BTreeSet<Serial>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Delivery {
    Connected(Arc<str>),
    Frame(Arc<str>, Vec<u8>),
}

impl LocalNetwork {
    /// A network without nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// A transport for one node.
    pub fn transport(&self) -> Local {
        Local { network: self.clone() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, serial: Serial) -> Option<(Arc<str>, Arc<dyn Inbound>)> {
        self.state().nodes.get(&serial).map(|entry| (Arc::clone(&entry.name), Arc::clone(&entry.inbound)))
    }

    /// Connects two nodes, where each admits the other. `None` where one of them is gone.
    async fn meet(&self, one: Serial, other: Serial) -> Option<bool> {
        let ((one_name, one_inbound), (other_name, other_inbound)) = (self.entry(one)?, self.entry(other)?);
        let (mut admits, ends) = (true, [(&one_name, &one_inbound), (&other_name, &other_inbound)]);
        for [(name, inbound), (peer_name, peer)] in [ends, [ends[1], ends[0]]] {
            if let Err(refusal) = inbound.admit(peer_name, &peer.greeting()).await {
                peer.refused_by(name, refusal);
                admits = false;
            }
        }
        if admits {
            self.state().connect(one, other)?;
        }
        Some(admits)
    }

    /// Tries again until one admits the other, or one of them is gone.
    async fn meet_later(self, one: Serial, other: Serial) {
        loop {
            sleep(REDIAL_PAUSE).await;
            if self.meet(one, other).await != Some(false) {
                return;
            }
        }
    }
}

impl State {
    /// Each hears of the other before any frame of the other.
    fn connect(&mut self, one: Serial, other: Serial) -> Option<()> {
        let (one_entry, other_entry) = (self.nodes.get(&one)?, self.nodes.get(&other)?);
        let routes = [((one, Arc::clone(&other_entry.name)), other), ((other, Arc::clone(&one_entry.name)), one)];
        let _ = one_entry.deliveries.try_send(Delivery::Connected(Arc::clone(&other_entry.name)));
        let _ = other_entry.deliveries.try_send(Delivery::Connected(Arc::clone(&one_entry.name)));
        self.routes.extend(routes);
        Some(())
    }

    /// Whom `serial` reaches by the name `node`, which has to reach it, too.
    fn route(&self, serial: Serial, node: &str) -> Option<Serial> {
        let own = self.nodes.get(&serial)?;
        if *own.name == *node {
            return Some(serial);
        }
        let other = *self.routes.get(&(serial, Arc::from(node)))?;
        let back = self.routes.get(&(other, Arc::clone(&own.name)))?;
        (*back == serial).then_some(other)
    }

    /// The nodes that wait for room at `serial`, and which then wait no more.
    fn take_refused(&mut self, serial: Serial) -> Vec<Arc<dyn Inbound>> {
        let refused = self.nodes.get_mut(&serial).map(|entry| std::mem::take(&mut entry.refused)).unwrap_or_default();
        refused.iter().filter_map(|sender| self.nodes.get(sender)).map(|entry| Arc::clone(&entry.inbound)).collect()
    }
}

/// A [`LocalNetwork`]'s transport for one node, before it is started.
#[derive(Debug)]
pub struct Local {
    network: LocalNetwork,
}

impl Transport for Local {
    type Link = LocalLink;

    async fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> io::Result<LocalLink> {
        let (sender, deliveries) = mpsc::channel(DELIVERIES_MAX);
        let (serial, others) = {
            let mut state = self.network.state();
            state.started += 1;
            let serial = state.started;
            let others: Vec<_> =
                state.nodes.iter().filter(|(_, entry)| *entry.name != *node).map(|(serial, _)| *serial).collect();
            let inbound = Arc::clone(&inbound);
            let entry = Entry { name: Arc::from(node), deliveries: sender, inbound, refused: BTreeSet::new() };
            state.nodes.insert(serial, entry);
            (serial, others)
        };
        let network = Arc::downgrade(&self.network.state);
        let delivers = deliver(deliveries, inbound, network, serial, node.to_owned());
        let mut tasks = vec![tokio::spawn(delivers).abort_handle()];
        for other in others {
            if self.network.meet(serial, other).await == Some(false) {
                tasks.push(tokio::spawn(self.network.clone().meet_later(serial, other)).abort_handle());
            }
        }
        Ok(LocalLink { node: Arc::from(node), serial, network: self.network, tasks, missed: Mutex::default() })
    }
}

/// A node's way into a [`LocalNetwork`]. Dropping it takes the node out.
#[derive(Debug)]
pub struct LocalLink {
    node: Arc<str>,
    serial: Serial,
    network: LocalNetwork,
    tasks: Vec<AbortHandle>,
    /// The nodes that were not there, and of which that has been said.
    missed: Mutex<BTreeSet<String>>,
}

impl LocalLink {
    fn miss(&self, node: &str) {
        let mut missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
        if missed.insert(node.to_owned()) {
            tracing::warn!(
                node = &*self.node,
                "there is no node `{node}` in this network yet; a role is played by the node of its name, unless `assign` or `members` say otherwise"
            );
        }
    }
}

impl Link for LocalLink {
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        // Under the lock: a node that takes this one's place is announced after all that this one said.
        let mut state = self.network.state();
        let route = state.route(self.serial, node);
        let is_there = state.nodes.values().any(|entry| *entry.name == *node);
        match route.and_then(|serial| state.nodes.get_mut(&serial)) {
            Some(other) => {
                let delivery = Delivery::Frame(Arc::clone(&self.node), frame.to_vec());
                if let Err(mpsc::error::TrySendError::Full(_)) = other.deliveries.try_send(delivery) {
                    other.refused.insert(self.serial);
                    return false;
                }
            }
            None if is_there => {}
            None => self.miss(node),
        }
        true
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        let mut state = self.network.state();
        let entry = state.nodes.remove(&self.serial);
        state.routes.retain(|(from, _), to| *from != self.serial && *to != self.serial);
        drop(state);
        // Not under the lock: what listens may hold other links.
        drop(entry);
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn deliver(
    mut deliveries: mpsc::Receiver<Delivery>,
    inbound: Arc<dyn Inbound>,
    network: Weak<Mutex<State>>,
    serial: Serial,
    node: String,
) {
    while let Some(delivery) = deliveries.recv().await {
        match delivery {
            Delivery::Connected(node) => inbound.connected(&node),
            Delivery::Frame(from, frame) => inbound.frame(&from, &frame),
        }
        if deliveries.len() <= DELIVERIES_MAX / 2
            && let Some(state) = network.upgrade()
        {
            let waiting = state.lock().unwrap_or_else(PoisonError::into_inner).take_refused(serial);
            waiting.iter().for_each(|sender| sender.room(&node));
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::*;

    struct Ear(UnboundedSender<String>);

    impl Inbound for Ear {
        fn frame(&self, from: &str, frame: &[u8]) {
            let _ = self.0.send(format!("{from}: {}", String::from_utf8_lossy(frame)));
        }

        fn connected(&self, node: &str) {
            let _ = self.0.send(format!("{node} is there"));
        }

        fn room(&self, node: &str) {
            let _ = self.0.send(format!("room at {node}"));
        }
    }

    async fn start(network: &LocalNetwork, node: &str) -> (LocalLink, UnboundedReceiver<String>) {
        let (sender, events) = unbounded_channel();
        (network.transport().start(node, Arc::new(Ear(sender))).await.unwrap(), events)
    }

    #[tokio::test]
    async fn nodes_reach_each_other_and_themselves() {
        let network = LocalNetwork::new();
        let (a, mut at_a) = start(&network, "a").await;
        a.send("b", b"nobody hears it");
        let (b, mut at_b) = start(&network, "b").await;
        a.send("b", b"hello");
        b.send("a", b"hello back");
        a.send("a", b"myself");
        for expected in ["b is there", "b: hello back", "a: myself"] {
            assert_eq!(at_a.recv().await.unwrap(), expected);
        }
        for expected in ["a is there", "a: hello"] {
            assert_eq!(at_b.recv().await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_told_once_there_is_room() {
        let network = LocalNetwork::new();
        let (a, mut at_a) = start(&network, "a").await;
        let (_b, mut at_b) = start(&network, "b").await;
        // Nobody else runs on this thread meanwhile. One delivery is that `a` is there.
        assert!((1..DELIVERIES_MAX).all(|_| a.send("b", b"frame")));
        assert!(!a.send("b", b"refused") && !a.send("b", b"refused"));
        for expected in ["b is there", "room at b"] {
            assert_eq!(at_a.recv().await.unwrap(), expected);
        }
        assert!(a.send("b", b"again"));
        let mut last = String::new();
        for _ in 0..=DELIVERIES_MAX {
            last = at_b.recv().await.unwrap();
        }
        assert_eq!((&*last, at_a.try_recv().is_err()), ("a: again", true), "told once");
    }

    #[tokio::test]
    async fn a_node_that_starts_again_takes_its_own_place() {
        let network = LocalNetwork::new();
        let (_a, mut at_a) = start(&network, "a").await;
        let (old, _) = start(&network, "b").await;
        let (new, mut at_new) = start(&network, "b").await;
        old.send("a", b"from the old one");
        drop(old);
        new.send("a", b"from the new one");
        for expected in ["b is there", "b is there", "b: from the new one"] {
            assert_eq!(at_a.recv().await.unwrap(), expected);
        }
        assert_eq!(at_new.recv().await.unwrap(), "a is there");
    }
}
