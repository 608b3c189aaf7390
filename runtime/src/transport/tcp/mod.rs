//! TCP: one connection per pair of nodes, with all their sessions on it.
//!
//! Of two nodes, the one whose name sorts first (byte by byte) dials, and dials again when a connection is lost. A handshake makes sure of both names and of
//! the version. With the feature `tls`, `Tls` makes sure that a name is that of a certificate; without it the names are believed (who can reach the port can
//! claim one: use it in a network that you trust). `wire.rs` has the bytes, `incoming.rs` the bounds on a frame's life, `peer.rs` the life of connections,
//! `reception.rs` who is refused, `stream.rs` what is on the socket, `tls/` how it is encrypted.

mod connect;
mod handshakes;
mod incoming;
mod outgoing;
mod peer;
mod pieces;
mod reception;
mod stream;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "without_tls.rs"]
mod tls;
mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

pub use self::incoming::{FRAME_LIFE_MAX, SILENCE_MAX};
use self::outgoing::Outgoing;
use self::peer::{Caller, Peer};
use self::reception::Reception;
use self::tls::Identity;
#[cfg(feature = "tls")]
pub use self::tls::Tls;
#[cfg(not(feature = "tls"))]
use self::tls::Tls;
pub use self::wire::FRAME_BYTES_MAX;
use self::wire::NAME_BYTES_MAX;
pub use super::OUTGOING_BYTES_MAX;
use super::{Inbound, Link, Transport};
use crate::loopback::{Heard, Loopback, Looped, loopback};

/// Connections of one peer that may wait to be answered.
const ACCEPTED_MAX: usize = 4;

/// Frames that a node may have under way to itself.
const LOOPBACK_FRAMES_MAX: usize = 64 * 1024;

/// The TCP transport, before it is started.
#[derive(Debug)]
pub struct Tcp {
    listen: Listen,
    peers: Vec<(String, String)>,
    outgoing_bytes_max: usize,
    tls: Option<Tls>,
}

#[derive(Debug)]
enum Listen {
    At(String),
    Bound(TcpListener),
}

impl Tcp {
    /// Listens at `listen` once it is started, and reaches each peer, given by its node's name, at its address. Addresses are `host:port`, and
    /// names of hosts are resolved each time. The node itself may stand among the peers, so that all nodes can have one list.
    ///
    /// ```
    /// use accompanist::transport::Tcp;
    /// let transport = Tcp::new("0.0.0.0:7001", [("payment", "payment.internal:7001"), ("loyalty", "10.0.0.7:7001")]);
    /// ```
    pub fn new<N: Into<String>, A: ToString>(listen: impl ToString, peers: impl IntoIterator<Item = (N, A)>) -> Self {
        Self::listening(Listen::At(listen.to_string())).with_peers(peers)
    }

    /// Listens at `address` from now on, which tells the port when it is given as 0. Peers that dial wait until the transport is started.
    ///
    /// # Errors
    /// Those of binding a socket.
    pub async fn bind(address: impl ToString) -> io::Result<Self> {
        let address = address.to_string();
        let listener = connect::listen(&address).await.map_err(|error| at(&address, &error))?;
        Ok(Self::listening(Listen::Bound(listener)))
    }

    fn listening(listen: Listen) -> Self {
        Self { listen, peers: Vec::new(), outgoing_bytes_max: OUTGOING_BYTES_MAX, tls: None }
    }

    /// Adds peers.
    #[must_use]
    pub fn with_peers<N: Into<String>, A: ToString>(mut self, peers: impl IntoIterator<Item = (N, A)>) -> Self {
        self.peers.extend(peers.into_iter().map(|(name, address)| (name.into(), address.to_string())));
        self
    }

    /// How many bytes may wait for one peer that does not read: [`OUTGOING_BYTES_MAX`] unless said. What does not fit is sent again when there is room.
    #[must_use]
    pub fn outgoing_bytes_max(self, outgoing_bytes_max: usize) -> Self {
        Self { outgoing_bytes_max, ..self }
    }

    /// Speaks TLS with every peer, and refuses those that do not: see [`Tls`].
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// The address that it listens at; `None` when it has not been bound.
    pub fn local_address(&self) -> Option<SocketAddr> {
        match &self.listen {
            Listen::At(_) => None,
            Listen::Bound(listener) => listener.local_addr().ok(),
        }
    }
}

impl Transport for Tcp {
    type Link = TcpLink;

    async fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> io::Result<TcpLink> {
        let mut peers = BTreeMap::new();
        check_name(node)?;
        for (name, address) in self.peers {
            check_name(&name)?;
            check_address(&name, &address)?;
            let peer = Arc::new(Peer { name: name.clone(), address, outgoing: Outgoing::new(self.outgoing_bytes_max) });
            if peers.insert(name.clone(), peer).is_some() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("two peers are named `{name}`")));
            }
        }
        peers.remove(node);
        let identity = match self.tls {
            None => None,
            Some(tls) => Some(Identity::open(tls, node).await?),
        };
        let listener = match self.listen {
            Listen::Bound(listener) => listener,
            Listen::At(address) => connect::listen(&address).await.map_err(|error| at(&address, &error))?,
        };
        let process = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let caller = Caller { node: node.to_owned(), process, identity: identity.clone() };
        let mut tasks = Vec::new();
        let mut dialers = BTreeMap::new();
        for peer in peers.values() {
            let (shared, node, inbound) = (Arc::clone(peer), node.to_owned(), Arc::clone(&inbound));
            tasks.push(if node < peer.name {
                tokio::spawn(peer::dial(shared, caller.clone(), inbound)).abort_handle()
            } else {
                let (sender, accepted) = mpsc::channel(ACCEPTED_MAX);
                dialers.insert(peer.name.clone(), sender);
                tokio::spawn(peer::answer(shared, node, accepted, inbound)).abort_handle()
            });
        }
        let known = peers.keys().cloned().collect();
        let reception = Reception::new(node, identity, dialers, known, Arc::clone(&inbound));
        tasks.push(tokio::spawn(reception::accept(listener, Arc::new(reception))).abort_handle());
        let (loopback, looped) = loopback(LOOPBACK_FRAMES_MAX);
        tasks.push(tokio::spawn(loop_back(node.to_owned(), looped, inbound)).abort_handle());
        Ok(TcpLink { node: node.to_owned(), peers, loopback, tasks })
    }
}

/// The connections of a node. Dropping it closes them, and stops listening.
#[derive(Debug)]
pub struct TcpLink {
    node: String,
    peers: BTreeMap<String, Arc<Peer>>,
    loopback: Loopback<Vec<u8>>,
    tasks: Vec<AbortHandle>,
}

impl TcpLink {
    /// How many frames for `node` were dropped because there was no connection or no room.
    pub fn dropped_frames(&self, node: &str) -> u64 {
        self.peers.get(node).map_or(0, |peer| peer.outgoing.dropped_frames())
    }

    /// How many bytes wait for `node`, which reads slower than it is sent to.
    pub fn waiting_bytes(&self, node: &str) -> usize {
        self.peers.get(node).map_or(0, |peer| peer.outgoing.waiting_bytes())
    }
}

impl Link for TcpLink {
    /// From any thread. A frame to the node itself comes back from another task, never from within this call.
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        self.send_all(node, &[frame])
    }

    fn send_all(&self, node: &str, frames: &[&[u8]]) -> bool {
        if let Some(peer) = self.peers.get(node) {
            return peer.outgoing.frames(frames);
        }
        if node == self.node {
            return frames.iter().filter(|frame| !self.loopback.send(frame.to_vec())).count() == 0;
        }
        tracing::warn!(node, "what is for a node that is not among the peers is dropped");
        true
    }

    fn may_reach(&self, node: &str) -> bool {
        node == self.node || self.peers.contains_key(node)
    }

    fn peers(&self) -> Vec<String> {
        self.peers.keys().cloned().collect()
    }
}

impl Drop for TcpLink {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

async fn loop_back(node: String, mut looped: Looped<Vec<u8>>, inbound: Arc<dyn Inbound>) {
    while let Some(heard) = looped.next().await {
        match heard {
            Heard::Item(frame) => inbound.frame(&node, &frame),
            Heard::Room => inbound.room(&node),
        }
    }
}

fn check_name(name: &str) -> io::Result<()> {
    if (1..=NAME_BYTES_MAX).contains(&name.len()) {
        return Ok(());
    }
    let reason = format!("a node's name has 1 to {NAME_BYTES_MAX} bytes, and `{name}` has {}", name.len());
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

fn check_address(peer: &str, address: &str) -> io::Result<()> {
    let is_address =
        address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if is_address {
        return Ok(());
    }
    let reason = format!("the address of the peer `{peer}` is `{address}`, where `host:port` is needed");
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

fn at(address: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{address}`: {error}"))
}
