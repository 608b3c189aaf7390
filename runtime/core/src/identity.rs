//! What names a session, a place in its program, and a durable write. All digests are BLAKE3.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::{self, Fault};

/// A participant of a session: the declared roles of its choreography in order, the members of a group one after another. In a choreography
/// without groups that is the role's index in its list of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleId(pub u16);

/// A session: the digest of its [`Header`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId(pub [u8; 32]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a session is, agreed on by all its roles: every message is checked against it, and a role that knows nothing of a session
/// can act on any message that carries it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The name of the choreography.
    pub choreography: String,
    /// The digest of everything on which the choreography's roles must agree.
    pub fingerprint: [u8; 32],
    /// The role where the session started.
    pub initiator: RoleId,
    /// The id that the client gave the session; unique at the initiator while the session is remembered.
    pub client_id: String,
    /// Drawn at the durable start, so that a client id that is used again after the session was forgotten names another session.
    pub nonce: [u8; 16],
    /// For each declared role, in the choreography's order, the nodes that play it: one, or for a group those of its members.
    pub nodes: Vec<Vec<String>>,
    /// Who has a part in the session; each of them votes.
    pub participants: Vec<RoleId>,
}

impl Header {
    /// The digest that names the session.
    pub fn session_id(&self) -> SessionId {
        // Gathered first: hashing few bytes many times costs several times as much.
        let mut fields = Vec::with_capacity(512);
        let mut text = |bytes: &[u8]| {
            fields.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
            fields.extend_from_slice(bytes);
        };
        text(self.choreography.as_bytes());
        text(&self.fingerprint);
        text(&self.initiator.0.to_le_bytes());
        text(self.client_id.as_bytes());
        text(&self.nonce);
        text(&(self.nodes.len() as u64).to_le_bytes());
        for nodes in &self.nodes {
            text(&(nodes.len() as u64).to_le_bytes());
            nodes.iter().for_each(|node| text(node.as_bytes()));
        }
        text(&(self.participants.len() as u64).to_le_bytes());
        self.participants.iter().for_each(|role| text(&role.0.to_le_bytes()));
        SessionId(blake3::derive_key("accompanist session header v1", &fields))
    }

    /// The node of a participant; `None` for one that the session does not have.
    pub fn node(&self, role: RoleId) -> Option<&str> {
        let (declared, index) = self.part(role)?;
        self.nodes.get(usize::from(declared.0))?.get(index).map(String::as_str)
    }

    /// The participants that play the declared role `role`, in order.
    pub fn members(&self, role: RoleId) -> impl Iterator<Item = RoleId> {
        members(self.nodes.iter().map(Vec::len), role)
    }

    /// Which declared role a participant plays, and which of its members it is.
    pub fn part(&self, participant: RoleId) -> Option<(RoleId, usize)> {
        part(self.nodes.iter().map(Vec::len), participant)
    }
}

/// The participants that play the declared role `role`, where the declared roles are played by so many each.
pub fn members(counts: impl IntoIterator<Item = usize>, role: RoleId) -> impl Iterator<Item = RoleId> {
    let (mut first, mut after) = (0, 0);
    for count in counts.into_iter().take(usize::from(role.0) + 1) {
        (first, after) = (after, after + count);
    }
    (first..after).map_while(|index| u16::try_from(index).ok().map(RoleId))
}

/// Which declared role a participant plays, and which of its members it is, where the declared roles are played by so many each.
pub fn part(counts: impl IntoIterator<Item = usize>, participant: RoleId) -> Option<(RoleId, usize)> {
    let mut index = usize::from(participant.0);
    for (role, count) in (0..=u16::MAX).map(RoleId).zip(counts) {
        if index < count {
            return Some((role, index));
        }
        index -= count;
    }
    None
}

/// One role's part of one session: what a node keeps state for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionKey {
    /// The session.
    pub session: SessionId,
    /// The role.
    pub role: RoleId,
}

/// The place in the execution of a choreography where a communication or an operation stands: the static site in the text and the
/// path of rounds, calls, arms and members to it. The same at every role and in every run, whatever order messages arrive in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position(pub u128);

impl Position {
    /// Of the message with which the initiator begins a role whose first action is not a receive.
    pub const BEGIN: Self = Self(0);

    /// A position of its own for what is recorded when that which stands here is over.
    pub(crate) fn behind(self) -> Self {
        Self(Path(self.0).digest(b'b', 0, 0))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{:08x}", self.0 >> 96)
    }
}

/// The dynamic half of a position: how execution got to a block of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path(u128);

impl Path {
    /// The path of the choreography's own body.
    pub const ROOT: Self = Self(0);

    /// The path of round, call, arm or member `index` at `site`.
    pub fn child(self, site: u32, index: u64) -> Self {
        let index = if fault::is_on(Fault::ReusesPositions) { 0 } else { index };
        Self(self.digest(b'c', site, index))
    }

    /// The position of the communication or operation at `site`.
    pub fn position(self, site: u32) -> Position {
        Position(self.digest(b'p', site, 0))
    }

    /// The position of a message inside calls: the sites of the calls, outermost first, and at last its own.
    pub fn position_of(self, sites: &[u32]) -> Position {
        match sites.split_last() {
            Some((last, calls)) => calls.iter().fold(self, |path, call| path.child(*call, 0)).position(*last),
            None => self.position(0),
        }
    }

    fn digest(self, kind: u8, site: u32, index: u64) -> u128 {
        let mut input = [0; 29];
        let parts = [&self.0.to_le_bytes()[..], &site.to_le_bytes(), &index.to_le_bytes(), &[kind]];
        for (to, from) in input.iter_mut().zip(parts.into_iter().flatten()) {
            *to = *from;
        }
        first_16(blake3::hash(&input).as_bytes())
    }
}

/// A digest of 128 bits, for what is compared and never looked up by an adversary's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(pub u128);

impl Digest {
    /// Of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(first_16(blake3::hash(bytes).as_bytes()))
    }

    /// Of everything that went into `self`, and then `position` and `bytes`.
    pub fn then(self, position: Position, bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&position.0.to_le_bytes());
        hasher.update(bytes);
        Self(first_16(hasher.finalize().as_bytes()))
    }

    /// Of everything that went into `self`, and everything that went into `other`.
    pub fn join(self, other: Self) -> Self {
        self.then(Position(other.0), b"join")
    }
}

fn first_16(digest: &[u8; 32]) -> u128 {
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(digest) {
        *to = *from;
    }
    u128::from_le_bytes(half)
}

/// A durable write of a session, numbered in the order in which the session asked for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(pub u64);

/// A point in time, in milliseconds since any fixed one: the core only compares and adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// `self` and `millis` more.
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}
