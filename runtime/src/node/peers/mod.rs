//! Whether the databases of peers are those that are known, and what happens where this node's own
//! is not.
//!
//! Each connection begins with a greeting by which both nodes tell of their databases
//! (`store/registry.rs`). A peer whose database is another one, a copy, or older than what this
//! node has heard of it is not admitted. A node that is refused by one of its peers takes no part
//! in anything: what it lacks would happen a second time. That ends when all who refused it admit
//! it, or when an operator adopts its database (`adopt.rs`).
//!
//! What is known of a store that is gone with its process is not kept: such a peer is always
//! admitted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use accompanist_core::{Progress, SessionKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::cell::lock;
use crate::error::Error;
use crate::seldom::Seldom;
use crate::store::{Known, Lineage, Outcome, Registry, SharedSession, Store, StoreError};
use crate::transport::Refusal;

/// How often the numbers of commits that were heard of peers are made durable.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// Sessions that a node tells of to one whose database it refuses.
const TOLD_SESSIONS_MAX: usize = 10_000;

/// How far two nodes' times of day may be apart, where one tells the other since when it wants to
/// be told.
const CLOCKS_APART_MAX_MS: i64 = 10 * 60 * 1_000;

/// What a node says of itself when a connection is made.
#[derive(Debug, Serialize, Deserialize)]
struct Greeting {
    /// `None` of a store that is gone with its process.
    lineage: Option<Lineage>,
    question: Option<Question>,
}

/// An operator of the node wants to know what the others know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Question {
    number: u64,
    /// Sessions that finished before are not asked for, in milliseconds since 1970.
    since_ms: i64,
}

/// What a node that is refused is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Details {
    /// What is known of its database; `None` where its greeting cannot be read.
    known: Option<Known>,
    /// The answer to its question.
    answer: Option<Answer>,
}

/// The sessions of the refused node, as another node knows them.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Answer {
    /// The question's number.
    number: u64,
    sessions: Vec<SharedSession>,
    /// There are more of them.
    is_cut: bool,
}

/// What a node knows of databases.
pub(super) struct Peers {
    node: String,
    registry: Option<Arc<dyn Registry>>,
    /// The number of this opening of the database.
    incarnation: u64,
    state: Mutex<State>,
    /// Some peer refuses this node's database.
    is_suspended: AtomicBool,
    refusals: Seldom,
}

#[derive(Default)]
struct State {
    known: BTreeMap<String, Peer>,
    /// Those that refuse this node.
    refused_by: BTreeMap<String, RefusedBy>,
    /// What was logged of whom, so that it is logged once.
    logged: BTreeSet<(String, String)>,
    question: Option<Question>,
}

/// A peer's database.
struct Peer {
    known: Known,
    /// It is connected in the opening that is known.
    is_connected: bool,
    /// The number of commits that is durable here.
    written: u64,
}

/// What a peer that refuses this node knows of it.
#[cfg(all(feature = "admin", unix))]
pub(super) struct PeerAnswer {
    pub(super) node: String,
    pub(super) reason: String,
    /// The generation of the database that it knows.
    pub(super) generation: u64,
    /// `None` where it has not answered.
    pub(super) sessions: Option<Vec<SharedSession>>,
    pub(super) is_cut: bool,
}

struct RefusedBy {
    #[cfg_attr(not(all(feature = "admin", unix)), expect(dead_code, reason = "operators ask for it"))]
    reason: String,
    #[cfg_attr(not(all(feature = "admin", unix)), expect(dead_code, reason = "operators ask for it"))]
    details: Option<Details>,
}

impl Peers {
    pub(super) fn new(node: &str, registry: Option<Arc<dyn Registry>>) -> Result<Self, StoreError> {
        let peer = |known: Known| Peer { known, is_connected: false, written: known.commits };
        let known = registry.as_ref().map_or(Ok(Vec::new()), |registry| registry.peers())?;
        let known = known.into_iter().map(|(node, known)| (node, peer(known))).collect();
        Ok(Self {
            node: node.to_owned(),
            incarnation: registry.as_ref().map_or(0, |registry| registry.lineage().incarnation),
            registry,
            state: Mutex::new(State { known, ..State::default() }),
            is_suspended: AtomicBool::new(false),
            refusals: Seldom::default(),
        })
    }

    /// Some peer refuses this node's database: nothing goes out, and nothing is taken.
    pub(super) fn is_suspended(&self) -> bool {
        self.is_suspended.load(Ordering::Acquire)
    }

    /// That sessions may be started.
    pub(super) fn check(&self) -> Result<(), Error> {
        let state = lock(&self.state);
        let Some(node) = state.refused_by.keys().next() else { return Ok(()) };
        Err(Error::not_accepted(format!(
            "node `{node}` refuses the database of this node, `{}`: see its log, and `chor adopt`",
            self.node
        )))
    }

    /// That the client's id is not that of a session which this database has lost.
    pub(super) fn check_lost(&self, choreography: &str, id: &str) -> Result<(), Error> {
        let Some(registry) = self.registry.as_ref().filter(|registry| registry.lineage().generation > 0) else {
            return Ok(());
        };
        let how = match registry.find_lost(choreography, id).map_err(Error::unavailable)? {
            None => return Ok(()),
            Some(Outcome::Committed) => "committed",
            Some(Outcome::Aborted) => "was rolled back",
            Some(Outcome::Unfinished) => "was not finished",
        };
        Err(Error::lost(format!(
            "the session `{id}` was started before the database of node `{}` was restored from a backup that lacks it; \
             as far as others know, it {how}. It is not started again: take another id where it is to be",
            self.node
        )))
    }

    /// Whether this database may lack what it once knew of its part of a session.
    pub(super) fn is_doubtful(&self, key: SessionKey) -> bool {
        let Some(registry) = self.registry.as_ref().filter(|registry| registry.lineage().generation > 0) else {
            return false;
        };
        // What cannot be read is in doubt.
        registry.is_doubtful(key).unwrap_or(true)
    }

    /// How far the database of this node is.
    pub(super) fn progress(&self) -> Progress {
        let commits = self.registry.as_ref().map_or(0, |registry| registry.commits());
        Progress { incarnation: self.incarnation, commits }
    }

    pub(super) fn greeting(&self) -> Vec<u8> {
        let lineage = self.registry.as_ref().map(|registry| registry.lineage());
        let question = lock(&self.state).question;
        encode(&Greeting { lineage, question })
    }

    /// See [`crate::transport::Inbound::admit`].
    pub(super) async fn admit(&self, node: &str, greeting: &[u8]) -> Result<(), Refusal> {
        // A transport that carries no greetings.
        if greeting.is_empty() {
            return Ok(());
        }
        let Some(greeting) = decode::<Greeting>(greeting) else {
            let reason = format!("what node `{node}` says of its database cannot be read");
            return Err(self.refusal(node, reason, None, None));
        };
        match self.judge(node, &greeting) {
            Ok(None) => Ok(()),
            Ok(Some(known)) => {
                self.remember(node, known).await;
                Ok(())
            }
            Err((reason, known)) => Err(self.refusal(node, reason, Some(known), greeting.question)),
        }
    }

    /// What is to be made durable where a peer is admitted; else why it is not.
    fn judge(&self, node: &str, greeting: &Greeting) -> Result<Option<Known>, (String, Known)> {
        let mut state = lock(&self.state);
        let known = state.known.get(node).map(|peer| peer.known);
        let told = match (&greeting.lineage, known) {
            (None, None) => return Ok(None),
            (None, Some(known)) => return Err((lost_in_memory(node), known)),
            (Some(lineage), None) => lineage.known(),
            (Some(lineage), Some(known)) => {
                lineage.check(&known).map_err(|mismatch| (mismatch.describe(node, lineage, &known), known))?;
                let mut told = lineage.known();
                if known.is_same_opening(&told) {
                    return Ok(None);
                }
                if told.generation > known.generation {
                    tracing::warn!(
                        node = self.node,
                        peer = node,
                        "an operator has adopted another database for this peer"
                    );
                } else {
                    told.commits = told.commits.max(known.commits);
                }
                told
            }
        };
        let peer = Peer { known: told, is_connected: false, written: told.commits };
        state.known.insert(node.to_owned(), peer);
        state.logged.retain(|(logged, _)| logged != node);
        Ok(Some(told))
    }

    async fn remember(&self, node: &str, known: Known) {
        let Some(registry) = &self.registry else { return };
        if let Err(error) = registry.remember(node, known).await {
            tracing::warn!(node = self.node, peer = node, %error, "what is known of a peer's database could not be made durable");
        }
    }

    fn refusal(&self, node: &str, reason: String, known: Option<Known>, question: Option<Question>) -> Refusal {
        if self.is_news(node, &reason)
            && let Some(unsaid) = self.refusals.says()
        {
            tracing::error!(node = self.node, peer = node, reason, unsaid, "a peer's database is refused");
            lock(&self.state).logged.insert((node.to_owned(), reason.clone()));
        }
        let answer = question.and_then(|question| self.answer(node, question));
        Refusal { reason, details: encode(&Details { known, answer }) }
    }

    fn answer(&self, node: &str, question: Question) -> Option<Answer> {
        let registry = self.registry.as_ref()?;
        let since_ms = question.since_ms.saturating_sub(CLOCKS_APART_MAX_MS);
        match registry.shared_with(node, since_ms, TOLD_SESSIONS_MAX) {
            Ok(sessions) => {
                let is_cut = sessions.len() == TOLD_SESSIONS_MAX;
                Some(Answer { number: question.number, sessions, is_cut })
            }
            Err(error) => {
                tracing::error!(node = self.node, peer = node, %error, "a peer cannot be told of its sessions");
                None
            }
        }
    }

    fn is_news(&self, node: &str, reason: &str) -> bool {
        !lock(&self.state).logged.contains(&(node.to_owned(), reason.to_owned()))
    }

    /// Asks those that refuse this node what they know of it, the next time that a connection is
    /// tried; the question's number.
    #[cfg(all(feature = "admin", unix))]
    pub(super) fn ask(&self, since_ms: i64) -> u64 {
        let mut state = lock(&self.state);
        let number = state.question.map_or(0, |question| question.number) + 1;
        state.question = Some(Question { number, since_ms });
        number
    }

    /// What those that refuse this node know, where they have answered the question of this number.
    #[cfg(all(feature = "admin", unix))]
    pub(super) fn answers(&self, number: u64) -> Vec<PeerAnswer> {
        let answer = |(node, refused): (&String, &RefusedBy)| {
            let details = refused.details.as_ref();
            let answer = details.and_then(|details| details.answer.clone()).filter(|answer| answer.number == number);
            PeerAnswer {
                node: node.clone(),
                reason: refused.reason.clone(),
                generation: details.and_then(|details| details.known).map_or(0, |known| known.generation),
                is_cut: answer.as_ref().is_some_and(|answer| answer.is_cut),
                sessions: answer.map(|answer| answer.sessions),
            }
        };
        lock(&self.state).refused_by.iter().map(answer).collect()
    }

    #[cfg(all(feature = "admin", unix))]
    pub(super) fn registry(&self) -> Option<&Arc<dyn Registry>> {
        self.registry.as_ref()
    }

    /// See [`crate::transport::Inbound::refused_by`].
    pub(super) fn refused_by(&self, node: &str, refusal: Refusal) {
        let Refusal { reason, details } = refusal;
        let mut state = lock(&self.state);
        self.is_suspended.store(true, Ordering::Release);
        if state.logged.insert((node.to_owned(), reason.clone())) {
            tracing::error!(
                node = self.node,
                peer = node,
                reason,
                "a peer refuses the database of this node, which takes no part in any session until that is settled"
            );
        }
        let details = decode(&details);
        state.refused_by.insert(node.to_owned(), RefusedBy { reason, details });
    }

    /// A connection with a peer has been made, which so admits this node. Whether this node is not
    /// suspended any more.
    pub(super) fn connected(&self, node: &str) -> bool {
        let mut state = lock(&self.state);
        if let Some(peer) = state.known.get_mut(node) {
            peer.is_connected = true;
        }
        state.logged.retain(|(logged, _)| logged != node);
        let was_refused = state.refused_by.remove(node).is_some();
        let resumes = was_refused && state.refused_by.is_empty();
        if resumes {
            self.is_suspended.store(false, Ordering::Release);
            tracing::warn!(node = self.node, "all peers admit the database of this node; it goes on");
        }
        resumes
    }

    /// A frame of a peer came, sent when its database was at `progress`. One of another opening than
    /// the one that is known says nothing: the commits of each opening are compared by themselves.
    pub(super) fn heard(&self, node: &str, progress: Progress) {
        let Progress { incarnation, commits } = progress;
        if let Some(peer) = lock(&self.state).known.get_mut(node)
            && peer.is_connected
            && peer.known.incarnation == incarnation
            && peer.known.commits < commits
        {
            peer.known.commits = commits;
        }
    }

    /// What has been heard of peers and is not durable.
    fn unwritten(&self) -> Vec<(String, Known)> {
        let mut state = lock(&self.state);
        let unwritten = state.known.iter_mut().filter(|(_, peer)| peer.written < peer.known.commits);
        unwritten
            .map(|(node, peer)| {
                peer.written = peer.known.commits;
                (node.clone(), peer.known)
            })
            .collect()
    }
}

/// Makes durable now and then what has been heard of peers, until the node is gone.
pub(super) async fn run<S: Store>(shared: Weak<Shared<S>>) {
    loop {
        tokio::time::sleep(WRITE_EVERY).await;
        let Some(node) = shared.upgrade() else { return };
        for (peer, known) in node.peers.unwritten() {
            node.peers.remember(&peer, known).await;
        }
    }
}

fn lost_in_memory(node: &str) -> String {
    format!(
        "node `{node}` comes with a store in memory, and had a database before. End that process, or start it with \
         its database"
    )
}

fn encode(said: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(said).expect("it has no map, no unsized sequence and no failing serializer")
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((said, [])) => Some(said),
        Ok(_) | Err(_) => None,
    }
}
