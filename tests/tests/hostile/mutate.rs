//! Frames that a hostile node might send: those that honest nodes sent, changed in their parts or in their bytes.

use std::collections::BTreeSet;
use std::sync::Arc;

use accompanist_core::{
    Body, Frame, Header, Outcome, Position, RoleId, ScopeAbort, ScopeNews, ScopeVote, SessionId, Standing, Vote,
};
use accompanist_tests::random::Random;
use accompanist_tests::recorder::Recorded;

/// The longest payload that is made up.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// What frames are made from.
pub struct Pool {
    frames: Vec<Frame>,
    headers: Vec<Arc<Header>>,
    /// The sessions in which the hostile node has no part.
    of_others: BTreeSet<SessionId>,
    /// The hostile node.
    me: String,
}

fn bytes<const N: usize>(random: &mut Random) -> [u8; N] {
    std::array::from_fn(|_| random.number() as u8)
}

fn role(random: &mut Random) -> RoleId {
    match random.below(14) {
        0 => RoleId(u16::MAX),
        1 => RoleId(random.number() as u16),
        _ => RoleId(random.below(5) as u16),
    }
}

fn scope_vote(random: &mut Random) -> ScopeVote {
    match random.below(3) {
        0 => ScopeVote::Done,
        1 => ScopeVote::Stopped,
        _ => ScopeVote::Aborted { reason: text(random) },
    }
}

fn scope_news(random: &mut Random) -> ScopeNews {
    match random.below(5) {
        0 => ScopeNews::Waits { own: None },
        1 => ScopeNews::Waits { own: Some(scope_vote(random)) },
        2 => ScopeNews::Aborted,
        3 => ScopeNews::Completed,
        _ => ScopeNews::Failed(ScopeAbort { role: role(random), reason: text(random) }),
    }
}

fn text(random: &mut Random) -> Arc<str> {
    match random.below(8) {
        0 => Arc::from("null"),
        1 => Arc::from("{\"a\":[1,2"),
        2 => Arc::from("[".repeat(1 + random.below(PAYLOAD_BYTES_MAX))),
        3 => Arc::from(format!("\"{}\"", "x".repeat(random.below(PAYLOAD_BYTES_MAX)))),
        4 => Arc::from("1e999"),
        5 => Arc::from(random.number().to_string()),
        6 => Arc::from(""),
        _ => Arc::from("\"tea\""),
    }
}

impl Pool {
    /// From what was recorded; `me` says it.
    pub fn new(recorded: &[Recorded], me: &str) -> Self {
        let frames: Vec<_> = recorded.iter().filter_map(|recorded| Frame::decode(&recorded.bytes)).collect();
        assert_eq!(frames.len(), recorded.len(), "what honest nodes send can be read");
        let headers: Vec<_> = frames.iter().filter_map(|frame| frame.header.clone()).collect();
        let of_others = headers.iter().filter(|header| !header.nodes.iter().flatten().any(|node| node == me));
        let of_others = of_others.map(|header| header.session_id()).collect();
        Self { frames, headers, of_others, me: me.to_owned() }
    }

    fn frame(&self, random: &mut Random) -> &Frame {
        &self.frames[random.below(self.frames.len())]
    }

    fn header(&self, random: &mut Random) -> Arc<Header> {
        Arc::clone(&self.headers[random.below(self.headers.len())])
    }

    /// A frame that one may send who will not be believed.
    pub fn hostile(&self, random: &mut Random) -> Vec<u8> {
        let mut frame = self.frame(random).clone();
        for _ in 0..random.below(4) {
            self.change(&mut frame, random);
        }
        // In a session of its own it does nothing that an honest one does, too: that would not be told apart.
        if let (Body::Message { payload, .. }, false) = (&mut frame.body, self.of_others.contains(&frame.session)) {
            *payload = text(random);
        }
        let mut encoded = frame.encode();
        if random.percent(25) {
            self.damage(&mut encoded, random);
        }
        encoded
    }

    fn change(&self, frame: &mut Frame, random: &mut Random) {
        match random.below(10) {
            0 => frame.session = self.frame(random).session,
            1 => frame.session = SessionId(bytes(random)),
            2 => frame.from = role(random),
            3 => frame.to = role(random),
            4 => frame.header = None,
            5 => {
                let header = self.header(random);
                frame.session = header.session_id();
                frame.header = Some(header);
            }
            6 => self.forge_header(frame, random),
            7 => self.begin(frame, random),
            _ => frame.body = self.body(random),
        }
    }

    fn body(&self, random: &mut Random) -> Body {
        let position = match &self.frame(random).body {
            Body::Message { position, .. } | Body::ScopeVote { position, .. } | Body::ScopeNews { position, .. } => {
                *position
            }
            _ => Position(random.number().into()),
        };
        let outcome = if random.percent(50) { Outcome::Committed } else { Outcome::Compensated };
        let scopes = match &self.frame(random).body {
            Body::Message { scopes, .. } | Body::ScopeVote { scopes, .. } => scopes.clone(),
            _ => accompanist_core::Scopes::default(),
        };
        match random.below(18) {
            0 | 1 => Body::Message { position, scopes, payload: text(random) },
            2 => Body::Vote {
                voter: role(random),
                vote: Vote::Completed { parts: random.percent(50).then(|| vec![role(random)]) },
            },
            3 => Body::Vote { voter: role(random), vote: Vote::Aborted { reason: text(random) } },
            4 => Body::Done { outcome, answer: random.percent(50) },
            5 => Body::Over,
            6 => Body::Need,
            7 => Body::Cancel { reason: text(random) },
            8 => Body::Keep,
            10 => Body::Awaits { positions: vec![position; random.below(10_000)] },
            11 => Body::ScopeVote { position, scopes, vote: scope_vote(random), asks: random.percent(50) },
            12 => Body::ScopeNews { position, scopes, news: scope_news(random) },
            9 => Body::Stable { positions: vec![position; random.below(10_000)] },
            13 => Body::AwaitVotes,
            14 => Body::OthersVoted,
            15 => Body::Ask,
            16 => {
                let aborted = Standing::Aborted { reason: text(random) };
                let standings = [Standing::Unknown, Standing::Undecided, Standing::Committed, aborted];
                Body::Stands { standing: standings[random.below(4)].clone() }
            }
            _ => Body::Refused { reason: text(random).to_string() },
        }
    }

    /// A header that is not quite one, under its own session or another.
    fn forge_header(&self, frame: &mut Frame, random: &mut Random) {
        let mut header = (*self.header(random)).clone();
        match random.below(9) {
            0 => header.nonce = bytes(random),
            1 => header.fingerprint = bytes(random),
            2 => header.choreography = text(random).to_string(),
            3 => header.initiator = role(random),
            4 => header.client_id = text(random).to_string(),
            5 => header.participants = (0..random.below(2_000)).map(|_| role(random)).collect(),
            6 => header.nodes = vec![vec![self.me.clone(); random.below(3_000)]; random.below(5)],
            7 => header.nodes.iter_mut().for_each(|nodes| nodes.fill(self.me.clone())),
            _ => header.nodes.clear(),
        }
        if random.percent(70) {
            frame.session = header.session_id();
        }
        frame.header = Some(Arc::new(header));
    }

    /// A session that the hostile node begins itself, or has a part in; of that nobody can say that it is not one.
    fn begin(&self, frame: &mut Frame, random: &mut Random) {
        let mut header = (*self.header(random)).clone();
        header.nonce = bytes(random);
        let mine = random.below(header.nodes.len().max(1));
        if let Some(nodes) = header.nodes.get_mut(mine) {
            nodes.fill(self.me.clone());
        }
        frame.from = RoleId(mine as u16);
        frame.to = role(random);
        frame.session = header.session_id();
        frame.header = Some(Arc::new(header));
    }

    /// Changes bytes.
    fn damage(&self, encoded: &mut Vec<u8>, random: &mut Random) {
        for _ in 0..1 + random.below(4) {
            let at = random.below(encoded.len());
            match random.below(6) {
                0 => encoded.truncate(at),
                1 => encoded.extend_from_slice(&bytes::<16>(random)),
                2 => {
                    let other = self.frame(random).encode();
                    encoded.truncate(at);
                    encoded.extend_from_slice(&other[random.below(other.len())..]);
                }
                // Lengths are where bytes are large.
                3 => encoded.splice(at..at, [0xff; 9]).for_each(drop),
                _ => {
                    if let Some(byte) = encoded.get_mut(at) {
                        *byte ^= 1 << random.below(8);
                    }
                }
            }
        }
    }
}
