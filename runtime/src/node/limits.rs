//! What a node takes on at most.

use accompanist_core::Stability;

use crate::error::Error;
use crate::transport::OUTGOING_BYTES_MAX;

/// What a node takes on at most: `Limits { sessions_started_max: 500, ..Limits::default() }`. Nothing that was accepted is ever dropped: callers
/// wait, and what other nodes send comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of JSON of one message, of the arguments of a session, and of the result of an operation: 15 MiB unless said, which is also the most
    /// that there can be. A value that is longer ends its session where it is made; what an operation did by then is undone.
    pub payload_bytes_max: usize,
    /// Sessions in flight that were started at this node, those that sleep among them, 10,000 unless said. Further starts wait in the order in which they came, or are refused
    /// where they would rather not wait ([`Start::try_accepted`](super::Start::try_accepted)).
    pub sessions_started_max: usize,
    /// Parts in sessions in flight that this node plays on behalf of one other node, where those sessions started, and that were begun here by the
    /// frames of one node, that or another: 50,000 unless said. What would begin a further one is dropped, and comes again. It is to be larger than
    /// `sessions_started_max` there, times the roles played here.
    pub sessions_of_peer_max: usize,
    /// What the messages that a session keeps in memory for one other role may count, their bytes of JSON and a little for each: 4 MiB unless
    /// said. From half of it on, the other role is asked to write them down, so that they need not be kept; and a program that has more to say
    /// waits until there is room. A message that is longer by itself waits until nothing else is kept.
    pub kept_bytes_max: usize,
    /// What the sessions in flight that started here hold in memory, the bytes of JSON of their arguments and the messages that they
    /// [keep](Self::kept_bytes_max) for others: 256 MiB unless said. Further starts wait, or are refused, as with `sessions_started_max`, until others
    /// have written the messages down, or sessions have ended; so a peer that is away or slow is felt where sessions start. A session that is larger
    /// by itself starts when it is alone.
    pub started_bytes_max: usize,
    /// What the messages may count that have come to one session here, and that its program has not taken: 16 MiB unless said. What the program waits
    /// for is let in beyond that; the rest is refused, stays with its sender, and is asked for when there is room.
    pub inbox_bytes_max: usize,
    /// Bytes of frames that wait for one peer that reads slower than it is sent to: 8 MiB unless said. What does not fit is sent when there is room.
    /// It is for the connections that [`NodeBuilder::listen`](crate::NodeBuilder::listen) makes; a transport of one's own has its own limits
    /// (`Tcp::outgoing_bytes_max`). Twice `kept_bytes_max` or more, so that no session fills it alone.
    pub outgoing_bytes_max: usize,
    /// Milliseconds that one try of a transaction or compensation may hold the database: 10,000 by default, and 0 for no limit. All other
    /// writes of the node wait meanwhile. One that waits for longer has failed, as by a failure of infrastructure, and is tried again as such. Code
    /// that blocks its thread cannot be ended; a warning names it.
    pub transaction_millis_max: u64,
}

/// The longest message: with the session's header it is still less than a frame of the TCP transport.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 15 * 1024 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            payload_bytes_max: PAYLOAD_BYTES_MAX,
            sessions_started_max: 10_000,
            sessions_of_peer_max: 50_000,
            kept_bytes_max: Stability::default().kept_bytes_max,
            started_bytes_max: 256 * 1024 * 1024,
            inbox_bytes_max: Stability::default().inbox_bytes_max,
            outgoing_bytes_max: OUTGOING_BYTES_MAX,
            transaction_millis_max: 10_000,
        }
    }
}

impl Limits {
    pub(super) fn check(&self) -> Result<(), Error> {
        if self.payload_bytes_max > PAYLOAD_BYTES_MAX {
            return Err(Error::configuration(format!("`payload_bytes_max` is {PAYLOAD_BYTES_MAX} at most")));
        }
        let least = [
            self.payload_bytes_max,
            self.sessions_started_max,
            self.sessions_of_peer_max,
            self.started_bytes_max,
            self.inbox_bytes_max,
            self.outgoing_bytes_max,
        ];
        if least.contains(&0) {
            return Err(Error::configuration("a limit of 0 lets nothing in: give it a larger one"));
        }
        Ok(())
    }
}

/// The longest name of a choreography or of a node, in bytes, and the longest id that a client may give a session.
pub(super) const NAME_BYTES_MAX: usize = 512;

/// A name that other nodes are told of.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), Error> {
    match name.len() {
        0..=NAME_BYTES_MAX => Ok(()),
        bytes => Err(Error::configuration(format!(
            "{what} has {bytes} bytes, more than {NAME_BYTES_MAX}: `{}`",
            short(name)
        ))),
    }
}

/// The beginning of a name that may be long.
pub(super) fn short(name: &str) -> String {
    const SHOWN_CHARS: usize = 40;
    let shown: String = name.chars().take(SHOWN_CHARS).collect();
    if shown.len() < name.len() { format!("{shown}…") } else { shown }
}
