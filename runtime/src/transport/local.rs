//! Several nodes in one process, for tests and demos: frames go from node to node through queues in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Inbound, Link, Transport};

/// Deliveries that may wait for one node; frames over it are refused, and their senders told when there is room.
const DELIVERIES_MAX: usize = 64 * 1024;

/// A network within the process. Every clone is the same network.
///
/// Each node gets what is for it, from any node and from itself, in a task of its own and never from within [`Link::send`]. A node that is
/// started under the name of another takes its place.
#[derive(Clone, Debug, Default)]
pub struct LocalNetwork {
    nodes: Arc<Mutex<BTreeMap<String, Seat>>>,
}

/// A node's place in the network.
#[derive(Clone)]
struct Seat {
    deliveries: mpsc::Sender<Delivery>,
    inbound: Arc<dyn Inbound>,
    /// The nodes whose frames to this one were refused.
    refused: BTreeSet<String>,
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seat").field("refused", &self.refused).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Delivery {
    Connected(String),
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

    fn nodes(&self) -> MutexGuard<'_, BTreeMap<String, Seat>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
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
        let seat = Seat { deliveries: sender.clone(), inbound: Arc::clone(&inbound), refused: BTreeSet::new() };
        let network = Arc::downgrade(&self.network.nodes);
        let task = tokio::spawn(deliver(deliveries, inbound, sender.downgrade(), network, node.to_owned()));
        let task = task.abort_handle();
        let mut nodes = self.network.nodes();
        nodes.insert(node.to_owned(), seat);
        // Each hears of the other before any frame of the other.
        for (name, other) in nodes.iter().filter(|(name, _)| *name != node) {
            let _ = sender.try_send(Delivery::Connected(name.clone()));
            let _ = other.deliveries.try_send(Delivery::Connected(node.to_owned()));
        }
        drop(nodes);
        Ok(LocalLink { node: Arc::from(node), own: sender, network: self.network, task, missed: Mutex::default() })
    }
}

/// A node's way into a [`LocalNetwork`]. Dropping it takes the node out.
#[derive(Debug)]
pub struct LocalLink {
    node: Arc<str>,
    own: mpsc::Sender<Delivery>,
    network: LocalNetwork,
    task: AbortHandle,
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
        let mut nodes = self.network.nodes();
        let replaced = !nodes.get(&*self.node).is_some_and(|own| own.deliveries.same_channel(&self.own));
        match nodes.get_mut(node) {
            Some(other) if !replaced => {
                let delivery = Delivery::Frame(Arc::clone(&self.node), frame.to_vec());
                if let Err(mpsc::error::TrySendError::Full(_)) = other.deliveries.try_send(delivery) {
                    other.refused.insert(self.node.to_string());
                    return false;
                }
            }
            Some(_) => {}
            None => self.miss(node),
        }
        true
    }
}

impl Drop for LocalLink {
    fn drop(&mut self) {
        let mut nodes = self.network.nodes();
        if nodes.get(&*self.node).is_some_and(|own| own.deliveries.same_channel(&self.own)) {
            nodes.remove(&*self.node);
        }
        self.task.abort();
    }
}

async fn deliver(
    mut deliveries: mpsc::Receiver<Delivery>,
    inbound: Arc<dyn Inbound>,
    own: mpsc::WeakSender<Delivery>,
    network: Weak<Mutex<BTreeMap<String, Seat>>>,
    node: String,
) {
    while let Some(delivery) = deliveries.recv().await {
        match delivery {
            Delivery::Connected(node) => inbound.connected(&node),
            Delivery::Frame(from, frame) => inbound.frame(&from, &frame),
        }
        if deliveries.len() <= DELIVERIES_MAX / 2
            && let (Some(own), Some(nodes)) = (own.upgrade(), network.upgrade())
        {
            take_refused(&nodes, &node, &own).iter().for_each(|sender| sender.room(&node));
        }
    }
}

/// The nodes that wait for room at `node`, and who then wait no more.
fn take_refused(
    nodes: &Mutex<BTreeMap<String, Seat>>,
    node: &str,
    own: &mpsc::Sender<Delivery>,
) -> Vec<Arc<dyn Inbound>> {
    let mut nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner);
    let seat = nodes.get_mut(node).filter(|seat| seat.deliveries.same_channel(own) && !seat.refused.is_empty());
    let refused = seat.map(|seat| std::mem::take(&mut seat.refused)).unwrap_or_default();
    refused.iter().filter_map(|sender| nodes.get(sender)).map(|seat| Arc::clone(&seat.inbound)).collect()
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
