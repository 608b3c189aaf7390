//! How frames get from node to node. A transport may lose, repeat and reorder frames; it must say when a peer is (again) within reach.

mod local;
#[cfg(feature = "tcp")]
pub mod tcp;

use std::future::Future;
use std::io;
use std::sync::Arc;

use crate::context::BoxFuture;

pub use self::local::{Local, LocalLink, LocalNetwork};
#[cfg(feature = "tls")]
pub use self::tcp::Tls;
#[cfg(feature = "tcp")]
pub use self::tcp::{Tcp, TcpLink};

/// Bytes that may wait for a peer that does not read, unless said.
pub const OUTGOING_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A means to reach the other nodes, before it is started.
pub trait Transport: Send + 'static {
    /// What frames are sent by.
    type Link: Link;

    /// Begins to reach and to be reached. `node` is this node's name.
    fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> impl Future<Output = io::Result<Self::Link>> + Send;
}

/// Sends frames. Dropping it ends every connection.
pub trait Link: Send + Sync + 'static {
    /// Sends `frame` to `node`. Never waits: a frame that cannot go out now is dropped, for the session will send it again. `false` where that is
    /// because too much waits for the node already: [`Inbound::room`] tells when there is room again.
    fn send(&self, node: &str, frame: &[u8]) -> bool;

    /// Sends `frames` to `node`, in their order, as [`Link::send`] does each of them; at once, where the transport can. `false` where that is so of
    /// any of them.
    fn send_all(&self, node: &str, frames: &[&[u8]]) -> bool {
        frames.iter().filter(|frame| !self.send(node, frame)).count() == 0
    }

    /// Whether `node` can ever be reached, up or down: a session that needs one that cannot is not begun. A transport that does not know says so.
    fn may_reach(&self, _node: &str) -> bool {
        true
    }

    /// The other nodes that it was given, for operators; a transport that is given none says
    /// nothing.
    fn peers(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What a transport tells its node. Called from any thread; must not block.
pub trait Inbound: Send + Sync + 'static {
    /// A frame came from the node `from`, which the transport has made sure of.
    fn frame(&self, from: &str, frame: &[u8]);

    /// A connection with `node` has been made; nothing sent before has to be waited for.
    fn connected(&self, node: &str);

    /// There is no connection with `node`, and why: one has ended, or could not be made. For
    /// operators; one that wraps another passes it on.
    fn disconnected(&self, _node: &str, _cause: &str) {}

    /// There is room again for frames to `node`, some of which were refused. A transport that refuses none never says so; one that wraps another
    /// passes it on.
    fn room(&self, _node: &str) {}

    /// A connection was refused: one of its ends is not the node that it should be, as far as the other can tell. One that wraps another passes
    /// it on.
    fn refused(&self, _reason: &str) {}

    /// What this node says of itself when a connection is made, for the other node's [`Inbound::admit`].
    /// The transport carries it and does not look into it. It may differ from connection to connection.
    fn greeting(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Whether `node`, which says `greeting` of itself, is the node that is known by that name. Called
    /// before [`Inbound::connected`] and before any frame of the connection. Where this refuses, the
    /// connection is not made, and the other node gets the refusal by [`Inbound::refused_by`].
    fn admit<'a>(&'a self, _node: &'a str, _greeting: &'a [u8]) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// `node` has refused this node by its [`Inbound::admit`].
    fn refused_by(&self, _node: &str, _refusal: Refusal) {}
}

/// Why a node does not admit another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For a person.
    pub reason: String,
    /// For the node that is refused; the transport does not look into it.
    pub details: Vec<u8>,
}
