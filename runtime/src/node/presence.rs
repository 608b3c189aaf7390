//! Which other nodes are connected, since when, and why not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::{Node, Shared};
use crate::store::Store;

/// How the way to another node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Peer {
    /// The node's name.
    pub node: String,
    /// There is a connection.
    pub connected: bool,
    /// For how long there has been one, or none; since this node started where there never was one.
    pub for_millis: u64,
    /// How many connections there have been since this node started.
    pub connections: u64,
    /// Why there is none, as far as the transport says.
    pub cause: Option<String>,
}

/// What the transport has told of the other nodes.
pub(super) struct Presence {
    peers: Mutex<BTreeMap<String, Seen>>,
    started: Instant,
}

struct Seen {
    connected: bool,
    since: Instant,
    connections: u64,
    cause: Option<String>,
}

impl Presence {
    pub(super) fn new() -> Self {
        Self { peers: Mutex::default(), started: Instant::now() }
    }

    fn change<T>(&self, node: &str, change: impl FnOnce(&mut Seen) -> T) -> T {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = peers.entry(node.to_owned());
        change(seen.or_insert(Seen { connected: false, since: self.started, connections: 0, cause: None }))
    }

    /// There is a connection. For how long there was none, unless it is the first one.
    pub(super) fn connected(&self, node: &str) -> Option<Duration> {
        self.change(node, |seen| {
            let away =
                (seen.connections > 0).then(|| if seen.connected { Duration::ZERO } else { seen.since.elapsed() });
            *seen = Seen { connected: true, since: Instant::now(), connections: seen.connections + 1, cause: None };
            away
        })
    }

    /// There is none.
    pub(super) fn disconnected(&self, node: &str, cause: &str) {
        self.change(node, |seen| {
            if seen.connected {
                (seen.connected, seen.since) = (false, Instant::now());
            }
            seen.cause = Some(cause.to_owned());
        });
    }

    /// All that are known, and those of `names` of which nothing has been heard.
    fn all(&self, names: Vec<String>) -> Vec<Peer> {
        for name in names {
            self.change(&name, |_| {});
        }
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        let peer = |(node, seen): (&String, &Seen)| Peer {
            node: node.clone(),
            connected: seen.connected,
            for_millis: u64::try_from(seen.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            connections: seen.connections,
            cause: seen.cause.clone(),
        };
        peers.iter().map(peer).collect()
    }
}

impl<S: Store> Node<S> {
    /// The other nodes that this one knows of, by name, and how the way to each of them is.
    pub fn peers(&self) -> Vec<Peer> {
        self.shared.peers()
    }
}

impl<S: Store> Shared<S> {
    pub(super) fn peers(&self) -> Vec<Peer> {
        self.presence.all(self.link.get().map(|link| link.peers()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_peer_is_away_connected_lost_and_connected_again() {
        let presence = Presence::new();
        let peer = |connected, for_millis, connections, cause: Option<&str>| {
            let cause = cause.map(ToOwned::to_owned);
            vec![Peer { node: "bank".to_owned(), connected, for_millis, connections, cause }]
        };
        let pass = |millis| tokio::time::sleep(Duration::from_millis(millis));
        pass(10).await;
        assert_eq!(presence.all(vec!["bank".to_owned()]), peer(false, 10, 0, None));
        presence.disconnected("bank", "connection refused");
        assert_eq!(presence.all(vec![]), peer(false, 10, 0, Some("connection refused")));
        assert_eq!(presence.connected("bank"), None, "it is the first");
        pass(20).await;
        assert_eq!(presence.all(vec![]), peer(true, 20, 1, None));
        presence.disconnected("bank", "it ended");
        pass(5).await;
        presence.disconnected("bank", "connection refused");
        assert_eq!(presence.all(vec![]), peer(false, 5, 1, Some("connection refused")));
        assert_eq!(presence.connected("bank"), Some(Duration::from_millis(5)));
        assert_eq!(presence.all(vec![]), peer(true, 0, 2, None));
    }
}
