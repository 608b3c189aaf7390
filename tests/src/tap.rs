//! A transport that is listened to: it counts frames by sender, receiver and kind, and holds back those that it is told to.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist::BoxFuture;
use accompanist::transport::{Inbound, Link, LocalLink, LocalNetwork, Refusal, Transport};
use accompanist_core::{Body, Frame, Outcome, Vote};

/// What a frame says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A message of the program.
    Message,
    /// A vote of a scope.
    ScopeVote,
    /// What is known of the votes of a scope.
    ScopeNews,
    /// A message need not come again.
    Stable,
    /// A question for room.
    Keep,
    /// What is waited for while there is no room for anything else.
    Awaits,
    /// A vote for the session.
    Completed,
    /// A vote against it.
    Aborted,
    /// Settled: committed.
    Committed,
    /// Settled: compensated.
    Compensated,
    /// Forgotten.
    Over,
    /// A question for what is missing.
    Need,
    /// A question how the session stands.
    Ask,
    /// The answer to it.
    Stands,
    /// Somebody asks to end the session.
    Cancel,
    /// A role holds its pivot and asks for votes.
    AwaitVotes,
    /// All but that role have voted.
    OthersVoted,
    /// Something was wrong with a frame.
    Refused,
}

impl From<&Body> for Kind {
    fn from(body: &Body) -> Self {
        match body {
            Body::Message { .. } => Self::Message,
            Body::ScopeVote { .. } => Self::ScopeVote,
            Body::ScopeNews { .. } => Self::ScopeNews,
            Body::Stable { .. } => Self::Stable,
            Body::Keep => Self::Keep,
            Body::Awaits { .. } => Self::Awaits,
            Body::Vote { vote: Vote::Completed { .. }, .. } => Self::Completed,
            Body::Vote { vote: Vote::Aborted { .. }, .. } => Self::Aborted,
            Body::Done { outcome: Outcome::Committed, .. } => Self::Committed,
            Body::Done { outcome: Outcome::Compensated, .. } => Self::Compensated,
            Body::Over => Self::Over,
            Body::Need => Self::Need,
            Body::Ask => Self::Ask,
            Body::Stands { .. } => Self::Stands,
            Body::Cancel { .. } => Self::Cancel,
            Body::AwaitVotes => Self::AwaitVotes,
            Body::OthersVoted => Self::OthersVoted,
            Body::Refused { .. } => Self::Refused,
        }
    }
}

/// A frame that is held: from, to, bytes.
type Held = (String, String, Vec<u8>);
type Rule = Box<dyn Fn(&str, &str, Kind) -> bool + Send>;

/// A network within the process, with a tap on it. Clones are the same one.
#[derive(Clone, Default)]
pub struct Tap {
    network: LocalNetwork,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    sent: BTreeMap<(String, String, Kind), u64>,
    hold: Option<Rule>,
    held: Vec<Held>,
    nodes: BTreeMap<String, Arc<dyn Inbound>>,
    connected: BTreeMap<(String, String), u64>,
    trace: Vec<String>,
}

impl Tap {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transport for one node.
    pub fn transport(&self) -> TapTransport {
        TapTransport { tap: self.clone() }
    }

    /// How many frames have been sent: from, to, what.
    pub fn sent(&self, which: impl Fn(&str, &str, Kind) -> bool) -> u64 {
        self.state().sent.iter().filter(|((from, to, kind), _)| which(from, to, *kind)).map(|(_, count)| count).sum()
    }

    /// How often `node` has been told that it is connected with `other`, and has dealt with it.
    pub fn connected(&self, node: &str, other: &str) -> u64 {
        self.state().connected.get(&(node.to_owned(), other.to_owned())).copied().unwrap_or_default()
    }

    /// All that was sent, in order: for whoever looks into a test that failed.
    pub fn trace(&self) -> String {
        self.state().trace.join("\n")
    }

    /// Notes something in the trace.
    pub fn note(&self, what: String) {
        self.state().trace.push(what);
    }

    /// Holds back frames from now on, when they arrive: from, to, what.
    pub fn hold(&self, which: impl Fn(&str, &str, Kind) -> bool + Send + 'static) {
        self.state().hold = Some(Box::new(which));
    }

    /// How many frames are held.
    pub fn held(&self) -> usize {
        self.state().held.len()
    }

    /// Holds nothing back any more, and loses what was.
    pub fn lose_held(&self) {
        let mut state = self.state();
        state.hold = None;
        state.held.clear();
    }

    /// Holds nothing back any more; what was arrives now, late.
    pub fn release(&self) {
        self.release_in_order(|_| {});
    }

    /// Like [`Tap::release`], the last first.
    pub fn release_reversed(&self) {
        self.release_in_order(<[_]>::reverse);
    }

    fn release_in_order(&self, order: impl FnOnce(&mut [Held])) {
        let mut held = {
            let mut state = self.state();
            state.hold = None;
            std::mem::take(&mut state.held)
        };
        order(&mut held);
        for (from, to, frame) in held {
            let inbound = self.state().nodes.get(&to).cloned();
            if let Some(inbound) = inbound {
                inbound.frame(&from, &frame);
            }
        }
    }
}

/// See [`Tap`].
pub struct TapTransport {
    tap: Tap,
}

impl Transport for TapTransport {
    type Link = TapLink;

    async fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> io::Result<TapLink> {
        let tap = self.tap;
        let listening = Arc::new(TapInbound { tap: tap.clone(), node: node.to_owned(), inbound: Arc::clone(&inbound) });
        tap.state().nodes.insert(node.to_owned(), inbound);
        let link = tap.network.transport().start(node, listening).await?;
        Ok(TapLink { tap, node: node.to_owned(), link })
    }
}

/// See [`Tap`].
pub struct TapLink {
    tap: Tap,
    node: String,
    link: LocalLink,
}

impl Link for TapLink {
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        if let Some(decoded) = Frame::decode(frame) {
            let key = (self.node.clone(), node.to_owned(), Kind::from(&decoded.body));
            let mut state = self.tap.state();
            state.trace.push(format!("{} -> {node}: {:?}", self.node, decoded.body));
            *state.sent.entry(key).or_default() += 1;
        }
        self.link.send(node, frame)
    }
}

struct TapInbound {
    tap: Tap,
    node: String,
    inbound: Arc<dyn Inbound>,
}

impl Inbound for TapInbound {
    fn frame(&self, from: &str, frame: &[u8]) {
        {
            let mut state = self.tap.state();
            let kind = Frame::decode(frame).map(|frame| Kind::from(&frame.body));
            state.trace.push(format!("{} <- {from}: {kind:?}", self.node));
            if let (Some(hold), Some(kind)) = (&state.hold, kind)
                && hold(from, &self.node, kind)
            {
                state.trace.push(format!("{} holds a frame of {from}", self.node));
                state.held.push((from.to_owned(), self.node.clone(), frame.to_vec()));
                return;
            }
        }
        self.inbound.frame(from, frame);
    }

    fn greeting(&self) -> Vec<u8> {
        self.inbound.greeting()
    }

    fn admit<'a>(&'a self, node: &'a str, greeting: &'a [u8]) -> BoxFuture<'a, Result<(), Refusal>> {
        self.inbound.admit(node, greeting)
    }

    fn refused_by(&self, node: &str, refusal: Refusal) {
        self.inbound.refused_by(node, refusal);
    }

    fn connected(&self, node: &str) {
        self.tap.note(format!("{} is connected with {node}", self.node));
        self.inbound.connected(node);
        *self.tap.state().connected.entry((self.node.clone(), node.to_owned())).or_default() += 1;
    }

    fn room(&self, node: &str) {
        self.inbound.room(node);
    }
}
