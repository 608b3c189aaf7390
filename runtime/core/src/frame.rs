//! What roles say to one another. A frame is encoded by postcard; protocol version 8 is the set and
//! order of the variants here, and that an optional role without a part does not vote.
//! Behind each frame stands how many commits the sender's database had made when it was sent.

use std::fmt;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::headers::Headers;
use crate::identity::{Header, Position, RoleId, SessionId};
use crate::scope::{ScopeNews, ScopeVote, Scopes};

/// How many positions one frame names at most.
pub const POSITIONS_MAX: usize = 4_096;

/// One message between two roles of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The session.
    pub session: SessionId,
    /// Who says it.
    pub from: RoleId,
    /// To whom.
    pub to: RoleId,
    /// The session's header, as long as the sender does not know that the receiver has it.
    pub header: Option<Arc<Header>>,
    /// What is said.
    pub body: Body,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// A message of the program.
    Message {
        /// Which.
        position: Position,
        /// The scopes around it: it is dropped where one of them was aborted.
        scopes: Scopes,
        /// Its value as JSON.
        payload: Arc<str>,
    },
    /// The messages at these positions are durable here, or not needed any more: they need not be kept, nor sent again.
    Stable {
        /// Which.
        positions: Vec<Position>,
    },
    /// A vote; `voter` is somebody else where it is passed on.
    Vote {
        /// Whose vote it is.
        voter: RoleId,
        /// What it says.
        vote: Vote,
    },
    /// I have durably reached the outcome and say no more of the program. Where the initiator says it of a committed session it has seen all votes,
    /// and its own record may still be on its way.
    Done {
        /// Which.
        outcome: Outcome,
        /// It answers a vote or a `Done`, and is not answered itself: two settled roles never go on answering each other.
        answer: bool,
    },
    /// I have nothing of that session any more.
    Over,
    /// Send what you have for me again, with the header.
    Need,
    /// I cannot take part, and why: another version, an unknown choreography, a frame that does not fit the header.
    Refused {
        /// Why, for a person.
        reason: String,
    },
    /// What a role votes of a scope. It is sent, called stable and sent again like a message of the program, and may begin the session.
    ScopeVote {
        /// Which scope.
        position: Position,
        /// The scopes around it.
        scopes: Scopes,
        /// The vote.
        vote: ScopeVote,
        /// The sender asks what is known of the other votes.
        asks: bool,
    },
    /// Somebody asks to end the session, at a role that has voted: whoever has not voted is to end it. It may begin the session, as a message does.
    Cancel {
        /// Why.
        reason: Arc<str>,
    },
    /// I am short of room for the messages that I keep for you: make them durable, and say so.
    Keep,
    /// I have no room but for these messages, which my program waits for: send them, though there is no room at your side.
    Awaits {
        /// Which.
        positions: Vec<Position>,
    },
    /// My last transaction decides the session, and waits until all others have voted: the initiator is to say so, any other role to send its vote.
    AwaitVotes,
    /// The initiator says it: all roles but the receiver have voted *completed*, durably.
    OthersVoted,
    /// What is known of the votes of a scope. It is not kept: whoever lacks it asks with its vote.
    ScopeNews {
        /// Which scope.
        position: Position,
        /// The scopes around it.
        scopes: Scopes,
        /// What is known.
        news: ScopeNews,
    },
    /// My database may lack what it once knew of this session, or I have waited for long: how does it stand with you?
    Ask,
    /// The answer to it.
    Stands {
        /// How it stands.
        standing: Standing,
    },
}

/// How a session stands with a role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It knows nothing of it.
    Unknown,
    /// It knows of no outcome.
    Undecided,
    /// All roles completed.
    Committed,
    /// It is rolled back, or has been.
    Aborted {
        /// Why.
        reason: Arc<str>,
    },
}

/// What a role votes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Vote {
    /// Its program has run to the end.
    Completed {
        /// The optional roles to which it has given a part in the session. `None` of a role that
        /// gives nobody one, and of one that runs again and does not know it yet.
        parts: Option<Vec<RoleId>>,
    },
    /// It ended the session.
    Aborted {
        /// Why.
        reason: Arc<str>,
    },
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// All roles completed.
    Committed,
    /// Some role aborted, and what was committed has been undone.
    Compensated,
}

/// How far the sender's database was when a frame was sent. All zero where the sender does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The number of the database's opening.
    pub incarnation: u64,
    /// Its commits, over all openings.
    pub commits: u64,
}

/// A frame as it is sent: the header apart, so that it need not be read to be known.
#[derive(Serialize, Deserialize)]
struct Wire<'a, B> {
    session: SessionId,
    from: RoleId,
    to: RoleId,
    #[serde(borrow)]
    header: Option<Bytes<'a>>,
    body: B,
}

/// Bytes that are read where they stand.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;
        impl<'de> Visitor<'de> for Borrowed {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_bytes(Borrowed).map(Self)
    }
}

impl Frame {
    /// The bytes of the frame, sent when the sender's database was at `progress`; `write` gives those of its header.
    pub fn encode_at(&self, progress: Progress, write: impl FnOnce(SessionId, &Arc<Header>) -> Arc<[u8]>) -> Vec<u8> {
        let header = self.header.as_ref().map(|header| write(self.session, header));
        let header = header.as_deref().map(Bytes);
        let wire = Wire { session: self.session, from: self.from, to: self.to, header, body: &self.body };
        postcard::to_stdvec(&(wire, progress))
            .expect("a frame has no map, no unsized sequence and no failing serializer")
    }

    /// As [`Frame::encode_at`], from a sender that does not count its commits.
    pub fn encode(&self) -> Vec<u8> {
        self.encode_at(Progress::default(), |session, header| Headers::default().write(session, header))
    }

    /// The frame of some bytes, and how far its sender was; `None` where they are none. `read` gives the header of some bytes.
    pub fn decode_at(
        bytes: &[u8],
        read: impl FnOnce(SessionId, &[u8]) -> Option<Arc<Header>>,
    ) -> Option<(Self, Progress)> {
        let ((wire, progress), []) = postcard::take_from_bytes::<(Wire<'_, Body>, Progress)>(bytes).ok()? else {
            return None;
        };
        let Wire { session, from, to, header, body } = wire;
        let header = match header {
            Some(Bytes(header)) => Some(read(session, header)?),
            None => None,
        };
        Some((Self { session, from, to, header, body }, progress))
    }

    /// The frame of some bytes; `None` where they are none.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        Self::decode_at(bytes, |session, header| Headers::default().read(session, header)).map(|(frame, _)| frame)
    }
}
