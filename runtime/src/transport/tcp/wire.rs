//! What goes over a connection. Transport protocol version 8:
//!
//! Each side first says `ACCOMPAN`, its version (u16), a length (u32) and that many bytes of postcard: the dialer a [`Hello`], the other side a
//! [`Reply`], and after a welcome the dialer a [`Verdict`] in the same form. Magic and version stay where they are forever, so that a stranger and another version can be told what they are.
//! Then both send frames: a length (u32, at least 1) and that many bytes; a length of 0 is followed by a heartbeat, the sender's clock (i64).
//! Frames of more than 64 KiB go in pieces, with others between them (`pieces.rs`).
//! All numbers are little-endian.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::stream::Stream;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(super) const MAGIC: [u8; 8] = *b"ACCOMPAN";
pub(super) const VERSION: u16 = 8;

/// Bytes of a greeting: names, and what a node says of its database.
pub(super) const GREETING_BYTES_MAX: usize = 16 * 1024;

/// Bytes of an answer: a refusal may say what is known of the refused node's sessions.
pub(super) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a node's name.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// How long the two greetings may take.
pub(super) const HANDSHAKE_DURATION_MAX: Duration = Duration::from_secs(5);

/// How long whoever dials may take until the first byte of its greeting: it has nothing to wait for.
pub(super) const FIRST_BYTE_DURATION_MAX: Duration = Duration::from_secs(2);

/// After how long without it a connection counts as silent.
pub(super) const MOMENT: Duration = Duration::from_millis(20);

/// Bytes of one frame. A connection on which a longer one is announced is closed.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes before a frame: its length.
pub(super) const LENGTH_BYTES: usize = 4;

/// Bytes of a heartbeat after its length.
pub(super) const HEARTBEAT_BYTES: usize = 8;

/// The dialer's greeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// Who dials.
    pub(super) node: String,
    /// Whom it wants.
    pub(super) peer: String,
    /// Which connection this is.
    pub(super) epoch: Epoch,
    /// The dialer's clock.
    pub(super) clock_ms: i64,
    /// What the dialer's node says of itself.
    pub(super) greeting: Vec<u8>,
}

/// Numbers a dialer's connections. Those of one process are ordered by their number. Those of two processes are not: clocks jump, and the
/// dialer that is there now is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Epoch {
    /// When the dialer's process started, in nanoseconds since 1970: tells processes apart.
    pub(super) process: u64,
    /// Counts the connections that it dialed.
    pub(super) connection: u64,
}

impl Epoch {
    /// A connection of this number takes the place of one of the other.
    pub(super) fn is_newer_than(self, other: Self) -> bool {
        self.process != other.process || self.connection > other.connection
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The connection stands.
    Welcome {
        /// Who answers.
        node: String,
        /// Its clock.
        clock_ms: i64,
        /// What its node says of itself.
        greeting: Vec<u8>,
    },
    /// The connection is refused.
    Refused {
        /// Why, for a person.
        reason: String,
        /// For the dialer's node, where the other node does not admit it.
        details: Option<Vec<u8>>,
    },
}

/// What the dialer says to a welcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Verdict {
    /// The connection stands.
    Admitted,
    /// The dialer's node does not admit the other one.
    Refused {
        /// Why, for a person.
        reason: String,
        /// For the other node.
        details: Vec<u8>,
    },
}

/// Milliseconds since 1970 by the wall clock, the one that retention times are measured by.
pub(super) fn clock_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Sends a greeting.
pub(super) async fn greet<T: Serialize>(stream: &Stream, greeting: &T) -> io::Result<()> {
    let body = postcard::to_stdvec(greeting).map_err(|error| invalid(error.to_string()))?;
    let length = u32::try_from(body.len()).map_err(|error| invalid(error.to_string()))?;
    let mut bytes = Vec::with_capacity(body.len() + 14);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&body);
    stream.write_all(&bytes).await
}

/// Receives a greeting of at most `bytes_max`, and not a byte more. An error of kind `InvalidData` says what is wrong with it.
pub(super) async fn greeting<T: DeserializeOwned>(stream: &Stream, bytes_max: usize) -> io::Result<T> {
    let [first, rest @ ..] = MAGIC;
    let begin = read_array(stream).await?;
    if stream.security().is_none() && is_tls(begin) {
        return Err(invalid(
            "it speaks TLS, and this node does not: give certificates to both nodes, or to none".to_owned(),
        ));
    }
    if begin != [first] || read_array(stream).await? != rest {
        return Err(invalid("it does not speak the protocol of accompanist".to_owned()));
    }
    let version = u16::from_le_bytes(read_array(stream).await?);
    let length = u32::from_le_bytes(read_array(stream).await?) as usize;
    if length > bytes_max {
        return Err(invalid(format!("its greeting has {length} bytes, more than {bytes_max}")));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    // Only now: closing a socket with unread bytes would take the reason of the refusal back.
    if version != VERSION {
        return Err(invalid(format!(
            "it speaks version {version} of the transport protocol, and this node version {VERSION}"
        )));
    }
    match postcard::take_from_bytes(&body) {
        Ok((greeting, [])) => Ok(greeting),
        Ok(_) | Err(_) => Err(invalid("its greeting is malformed".to_owned())),
    }
}

async fn read_array<const N: usize>(stream: &Stream) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    stream.read_exact(&mut array).await?;
    Ok(array)
}

/// Whether what begins so is TLS: its first record is an alert or part of a handshake (RFC 8446, section 5.1). Nothing in the protocol of
/// accompanist begins so.
pub(super) fn is_tls([first]: [u8; 1]) -> bool {
    matches!(first, 0x15 | 0x16)
}

pub(super) fn invalid(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}
