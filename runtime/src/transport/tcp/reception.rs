//! Who dials this node: heard out, and handed to that peer's task or refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::handshakes::{Handshakes, Place};
use super::peer::{self, Accepted};
use super::stream::Stream;
use super::tls::{Identity, Secured};
use super::wire::{
    self, FIRST_BYTE_DURATION_MAX, GREETING_BYTES_MAX, HANDSHAKE_DURATION_MAX, Hello, MOMENT, NAME_BYTES_MAX,
};
use crate::quoted::quoted;
use crate::seldom::Seldom;
use crate::transport::{Inbound, Refusal};

/// Reasons for refusing a connection that are remembered, so that each is logged once.
const REASONS_TOLD_MAX: usize = 64;

/// Pause after a failure to accept, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Whom this node may be dialed by.
pub(super) struct Reception {
    node: String,
    identity: Option<Arc<Identity>>,
    dialers: BTreeMap<String, mpsc::Sender<Accepted>>,
    known: BTreeSet<String>,
    inbound: Arc<dyn Inbound>,
    /// Why connections were refused, as it was logged.
    told: Mutex<BTreeSet<String>>,
    refusals: Seldom,
}

/// Why a connection came to nothing.
struct Failure {
    reason: String,
    /// By what its other end can be told.
    answer: Option<Stream>,
    /// What its node is told, where this node does not admit it.
    details: Option<Vec<u8>>,
    /// One end has refused the other; else the connection ended, as when a process is killed.
    is_refusal: bool,
}

impl Failure {
    /// Something is wrong with what was said, and the other end is told by `answer`.
    fn refusal(reason: String, answer: Option<Stream>) -> Self {
        Self { reason, answer, details: None, is_refusal: true }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        let is_refusal = matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::ConnectionRefused);
        let reason = match error.kind() {
            // Of a handshake the error says so itself.
            io::ErrorKind::UnexpectedEof if error.get_ref().is_none() => "it ended before its greeting".to_owned(),
            _ => error.to_string(),
        };
        Self { reason, answer: None, details: None, is_refusal }
    }
}

/// Takes connections, as long as the node runs.
pub(super) async fn accept(listener: TcpListener, reception: Arc<Reception>) {
    let handshakes = Arc::new(Handshakes::default());
    let mut receiving = tokio::task::JoinSet::new();
    loop {
        while receiving.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((socket, address)) => {
                let (reception, place) = (Arc::clone(&reception), handshakes.enter(address.ip()));
                receiving.spawn(async move { reception.receive(socket, address, place).await });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Reception {
    pub(super) fn new(
        node: &str,
        identity: Option<Arc<Identity>>,
        dialers: BTreeMap<String, mpsc::Sender<Accepted>>,
        known: BTreeSet<String>,
        inbound: Arc<dyn Inbound>,
    ) -> Self {
        let node = node.to_owned();
        Self { node, identity, dialers, known, inbound, told: Mutex::default(), refusals: Seldom::default() }
    }

    /// Hears who dials, and hands the connection to that peer's task or refuses it; all of that for as long as it has a place.
    async fn receive(&self, socket: TcpStream, address: SocketAddr, mut place: Place) {
        let goes = place.goes();
        tokio::select! {
            biased;
            () = goes => {
                let reason = "its greeting did not come before there were too many others";
                self.tell(address, &Failure::refusal(reason.to_owned(), None));
            }
            () = self.receive_in(socket, address, &place) => {}
        }
    }

    async fn receive_in(&self, socket: TcpStream, address: SocketAddr, place: &Place) {
        let failure = match timeout(HANDSHAKE_DURATION_MAX, self.hear(socket, place)).await {
            Ok(Ok(accepted)) => {
                if let Some(dialer) = self.dialers.get(&accepted.hello.node) {
                    let _ = dialer.send(accepted).await;
                }
                return;
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::refusal("it was made, and its greeting did not come".to_owned(), None),
        };
        self.tell(address, &failure);
        if let Some(stream) = failure.answer {
            peer::refuse(&stream, &failure.reason, failure.details).await;
            stream.end().await;
        }
    }

    async fn hear(&self, socket: TcpStream, place: &Place) -> Result<Accepted, Failure> {
        socket.set_nodelay(true)?;
        let first = async {
            match timeout(MOMENT, first_byte(&socket)).await {
                Ok(first) => first,
                Err(_) => {
                    place.is_silent();
                    first_byte(&socket).await
                }
            }
        };
        let Ok(first) = timeout(FIRST_BYTE_DURATION_MAX, first).await else {
            return Err(Failure::refusal("it was made, and its greeting did not come".to_owned(), None));
        };
        let first = first?;
        place.speaks();
        let stream = match &self.identity {
            Some(identity) if first.is_some_and(wire::is_tls) => identity.accept(socket).await?,
            _ => Stream::plain(socket),
        };
        let hello = match wire::greeting::<Hello>(&stream, GREETING_BYTES_MAX).await {
            Ok(hello) => hello,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Failure::refusal(error.to_string(), Some(stream)));
            }
            // What TLS said last, or the end of the connection.
            Err(error) => return Err(error.into()),
        };
        if let Some(reason) = self.objection(&hello, stream.security()) {
            return Err(Failure::refusal(reason, Some(stream)));
        }
        // Before the connection takes the place of the one that stands.
        match self.inbound.admit(&hello.node, &hello.greeting).await {
            Ok(()) => Ok(Accepted { stream, hello }),
            Err(Refusal { reason, details }) => {
                Err(Failure { details: Some(details), ..Failure::refusal(reason, Some(stream)) })
            }
        }
    }

    fn objection(&self, hello: &Hello, security: Option<&Secured>) -> Option<String> {
        if hello.node.len().max(hello.peer.len()) > NAME_BYTES_MAX {
            return Some(format!("a node's name has no more than {NAME_BYTES_MAX} bytes"));
        }
        if self.identity.is_some() && security.is_none() {
            let reason = format!("node `{}` speaks TLS, and `{}` does not", self.node, quoted(&hello.node));
            return Some(format!("{reason}: give certificates to both nodes, or to none"));
        }
        if hello.peer != self.node {
            return Some(format!("this is node `{}`, not `{}`", self.node, quoted(&hello.peer)));
        }
        if self.dialers.contains_key(&hello.node) {
            return security.and_then(|security| security.objection_to(&hello.node));
        }
        Some(if self.known.contains(&hello.node) {
            format!("`{}` dials `{}`, because it sorts first", self.node, hello.node)
        } else {
            format!("node `{}` is not among the peers of `{}`", quoted(&hello.node), self.node)
        })
    }

    /// Counts refusals, and logs what is news: whoever is refused dials again and again, and strangers may say something new each time.
    fn tell(&self, address: SocketAddr, failure: &Failure) {
        let reason = failure.reason.as_str();
        if failure.is_refusal {
            self.inbound.refused(reason);
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.contains(reason) {
            return;
        }
        if let Some(unsaid) = self.refusals.says() {
            if told.len() >= REASONS_TOLD_MAX {
                told.clear();
            }
            told.insert(reason.to_owned());
            tracing::warn!(node = self.node, %address, reason = %quoted(reason), unsaid, "a connection comes to nothing");
        }
    }
}

/// What the other side begins with, if it does not end before. It takes nothing from the socket.
async fn first_byte(socket: &TcpStream) -> io::Result<Option<[u8; 1]>> {
    let mut first = [0];
    let count = socket.peek(&mut first).await?;
    Ok((count > 0).then_some(first))
}
