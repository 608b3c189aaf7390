//! One peer: its connections, one after another.
//!
//! One task per peer owns the peer's connection, so a newer connection cannot deliver anything before the older one is over: the older one's
//! future is dropped before the newer one is answered, and a dialer sends nothing before it is.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use super::connect::{connect, timed_out};
use super::incoming::{Age, Frames, HEARTBEAT_INTERVAL, SILENCE_MAX};
use super::outgoing::Outgoing;
use super::stream::Stream;
use super::tls::Identity;
use super::wire::{
    ANSWER_BYTES_MAX, Epoch, HANDSHAKE_DURATION_MAX, Hello, Reply, Verdict, clock_ms, greet, greeting, invalid,
};
use crate::quoted::quoted;
use crate::transport::{Inbound, Refusal};

/// The first pause after a connection was lost or refused; each further one is twice as long. Without jitter: a node has few peers, and
/// that a peer is back should be noticed fast.
const REDIAL_PAUSE_MIN: Duration = Duration::from_millis(1);
const REDIAL_PAUSE_MAX: Duration = Duration::from_secs(1);

/// A connection that lived for as long as this was a good one: the next pause is the first again.
const CONNECTION_GOOD_AFTER: Duration = Duration::from_millis(100);

/// How long a peer that dials this node may stay away before that is said.
const AWAY_WARNING_AFTER: Duration = Duration::from_secs(5);

/// A peer, as its task and the link share it.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) address: String,
    pub(super) outgoing: Outgoing,
}

/// A connection that a peer dialed, with its greeting; it has not been answered.
pub(super) struct Accepted {
    pub(super) stream: Stream,
    pub(super) hello: Hello,
}

/// Who dials.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) node: String,
    /// When its process started.
    pub(super) process: u64,
    /// Without one, it speaks without TLS.
    pub(super) identity: Option<Arc<Identity>>,
}

/// Keeps a connection to a peer whom this node dials.
pub(super) async fn dial(peer: Arc<Peer>, caller: Caller, inbound: Arc<dyn Inbound>) {
    let mut pause = REDIAL_PAUSE_MIN;
    let mut last_failure = None;
    for connection in 1.. {
        match caller.call(&peer, connection, inbound.as_ref()).await {
            Ok((stream, age)) => {
                last_failure = None;
                let begun = Instant::now();
                let end = converse(&peer, stream, age, inbound.as_ref()).await;
                tracing::info!(peer = %peer.name, cause = %end, "a connection ended");
                inbound.disconnected(&peer.name, &end.to_string());
                if begun.elapsed() >= CONNECTION_GOOD_AFTER {
                    pause = REDIAL_PAUSE_MIN;
                }
            }
            // Once per cause: a peer that is down stays down for a while.
            Err(error) => {
                let failure = error.to_string();
                inbound.disconnected(&peer.name, &failure);
                if error.kind() == io::ErrorKind::InvalidData {
                    inbound.refused(&failure);
                }
                if last_failure.as_ref() != Some(&failure) {
                    tracing::warn!(node = caller.node, peer = %peer.name, address = %peer.address, cause = %failure, "no connection");
                    last_failure = Some(failure);
                }
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(REDIAL_PAUSE_MAX);
    }
}

impl Caller {
    pub(super) async fn call(&self, peer: &Peer, connection: u64, inbound: &dyn Inbound) -> io::Result<(Stream, Age)> {
        let socket = connect(&peer.address).await?;
        socket.set_nodelay(true)?;
        let deadline = Instant::now() + HANDSHAKE_DURATION_MAX;
        let stream = match &self.identity {
            None => Stream::plain(socket),
            Some(identity) => {
                let securing = identity.connect(socket, &peer.name);
                timeout_at(deadline, securing).await.map_err(|_| timed_out("the TLS handshake"))??
            }
        };
        let greetings = async {
            let hello = Hello {
                node: self.node.clone(),
                peer: peer.name.clone(),
                epoch: Epoch { process: self.process, connection },
                clock_ms: clock_ms(),
                greeting: inbound.greeting(),
            };
            let sent = greet(&stream, &hello).await;
            // Also where it was not sent: why it hung up is in what it said last.
            greeting::<Reply>(&stream, ANSWER_BYTES_MAX).await.map_err(|error| match sent {
                Err(unsent) if error.kind() != io::ErrorKind::InvalidData => unsent,
                _ => error,
            })
        };
        match timeout_at(deadline, greetings).await.map_err(|_| timed_out("greeting"))?? {
            Reply::Welcome { node, clock_ms: sent_ms, greeting } if node == peer.name => {
                let age = Age::new(sent_ms, clock_ms());
                let judged = judge(peer, &stream, &greeting, inbound);
                timeout_at(deadline, judged).await.map_err(|_| timed_out("greeting"))??;
                Ok((stream, age))
            }
            Reply::Welcome { node, .. } => {
                Err(invalid(format!("`{}` answers where `{}` should be", quoted(&node), peer.name)))
            }
            Reply::Refused { reason, details } => {
                if let Some(details) = details {
                    inbound.refused_by(&peer.name, Refusal { reason: reason.clone(), details });
                }
                Err(refused(&reason))
            }
        }
    }
}

/// Says whether this node admits the one that has welcomed it.
async fn judge(peer: &Peer, stream: &Stream, greeting: &[u8], inbound: &dyn Inbound) -> io::Result<()> {
    match inbound.admit(&peer.name, greeting).await {
        Ok(()) => greet(stream, &Verdict::Admitted).await,
        Err(Refusal { reason, details }) => {
            let verdict = Verdict::Refused { reason: reason.clone(), details };
            greet(stream, &verdict).await?;
            Err(invalid(reason))
        }
    }
}

/// Hears whether the dialer admits this node.
async fn judged(peer: &Peer, stream: &Stream, inbound: &dyn Inbound) -> io::Result<()> {
    match greeting::<Verdict>(stream, ANSWER_BYTES_MAX).await? {
        Verdict::Admitted => Ok(()),
        Verdict::Refused { reason, details } => {
            let error = refused(&reason);
            inbound.refused_by(&peer.name, Refusal { reason, details });
            Err(error)
        }
    }
}

/// What a peer says that refuses this node.
pub(super) fn refused(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, format!("refused: {}", quoted(reason)))
}

/// Serves the connections of a peer who dials this node.
pub(super) async fn answer(
    peer: Arc<Peer>,
    node: String,
    mut accepted: mpsc::Receiver<Accepted>,
    inbound: Arc<dyn Inbound>,
) {
    inbound.disconnected(&peer.name, "this peer dials us, and has not yet");
    let mut next = awaited(&mut accepted, &peer.name).await;
    while let Some(Accepted { stream, hello }) = next.take() {
        let epoch = Some(hello.epoch);
        let age = Age::new(hello.clock_ms, clock_ms());
        let welcome = Reply::Welcome { node: node.clone(), clock_ms: clock_ms(), greeting: inbound.greeting() };
        let serve = async {
            let greetings = async {
                greet(&stream, &welcome).await?;
                judged(&peer, &stream, inbound.as_ref()).await
            };
            match timeout(HANDSHAKE_DURATION_MAX, greetings).await {
                Err(_) => timed_out("greeting"),
                Ok(Err(error)) => error,
                Ok(Ok(())) => converse(&peer, stream, age, inbound.as_ref()).await,
            }
        };
        next = tokio::select! {
            biased;
            newer = newer(&mut accepted, epoch, &peer.name) => {
                tracing::info!(peer = %peer.name, "a newer connection takes the place of the one that stands");
                newer
            }
            end = serve => {
                tracing::info!(peer = %peer.name, cause = %end, "a connection ended");
                inbound.disconnected(&peer.name, &format!("{end}; this peer dials us, and has not since"));
                awaited(&mut accepted, &peer.name).await
            }
        };
    }
}

/// The next connection, while there is none: a peer that stays away is mentioned, once. Any will do, for a dialer sends nothing before it is
/// welcomed; and a peer whose clock was set back while it was down has an older epoch than before.
async fn awaited(accepted: &mut mpsc::Receiver<Accepted>, peer: &str) -> Option<Accepted> {
    let mut next = pin!(newer(accepted, None, peer));
    if let Ok(next) = timeout(AWAY_WARNING_AFTER, &mut next).await {
        return next;
    }
    tracing::warn!(
        peer,
        "no connection: this peer dials us, and has not; does it run, and does it have our address right?"
    );
    next.await
}

/// The next connection that is newer than `newest`.
async fn newer(accepted: &mut mpsc::Receiver<Accepted>, newest: Option<Epoch>, peer: &str) -> Option<Accepted> {
    loop {
        let Accepted { stream, hello } = accepted.recv().await?;
        if newest.is_none_or(|newest| hello.epoch.is_newer_than(newest)) {
            return Some(Accepted { stream, hello });
        }
        let reason = "a newer connection has been made";
        tracing::warn!(peer, reason, "a connection is refused");
        refuse(&stream, reason, None).await;
    }
}

/// Tells why a connection is refused, and the dialer's node what it is told of that.
pub(super) async fn refuse(stream: &Stream, reason: &str, details: Option<Vec<u8>>) {
    let reply = Reply::Refused { reason: reason.to_owned(), details };
    // That the stranger does not hear it is not our trouble.
    let _ = timeout(HANDSHAKE_DURATION_MAX, greet(stream, &reply)).await;
}

/// Uses a connection until it ends, and says why it did.
async fn converse(peer: &Peer, stream: Stream, age: Age, inbound: &dyn Inbound) -> io::Error {
    let stream = Arc::new(stream);
    // Until the runtime has looked at the socket once, it takes nothing from other threads.
    if let Err(error) = stream.writable().await {
        return error;
    }
    let _closing = Closing(&peer.outgoing);
    peer.outgoing.open(Arc::clone(&stream));
    inbound.connected(&peer.name);
    let heard_ms = AtomicI64::new(clock_ms());
    let mut frames = Frames::new(age);
    tokio::select! {
        end = frames.receive(&stream, &heard_ms, |frame| inbound.frame(&peer.name, frame)) => end,
        end = peer.outgoing.drain(&stream, || inbound.room(&peer.name)) => end,
        end = beat(&peer.outgoing, &heard_ms) => end,
    }
}

/// Sends heartbeats, and ends when the peer's do not come, or it takes nothing of what is to go out.
pub(super) async fn beat(outgoing: &Outgoing, heard_ms: &AtomicI64) -> io::Error {
    let mut ticks = interval(HEARTBEAT_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stuck = (None, Instant::now());
    loop {
        ticks.tick().await;
        let drained_bytes = outgoing.drained_bytes();
        if drained_bytes.is_none() || stuck.0 != drained_bytes {
            stuck = (drained_bytes, Instant::now());
        } else if stuck.1.elapsed() > SILENCE_MAX {
            return io::Error::new(io::ErrorKind::TimedOut, "it reads nothing");
        }
        let silent_ms = clock_ms().saturating_sub(heard_ms.load(Ordering::Relaxed));
        if silent_ms > SILENCE_MAX.as_millis() as i64 {
            return io::Error::new(io::ErrorKind::TimedOut, format!("nothing was heard for {silent_ms} ms"));
        }
        outgoing.heartbeat();
    }
}

/// Closes the way out when a connection is over, however its future ends.
struct Closing<'a>(&'a Outgoing);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}
