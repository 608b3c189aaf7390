//! A node: one process's part in all its sessions. It joins the session core to a store, a transport and the clock.

#[cfg(all(feature = "admin", unix))]
mod admin;
mod admission;
mod asked;
mod authority;
mod builder;
mod call;
mod cancel;
mod cell;
mod client;
mod clock;
mod configured;
mod context;
mod drain;
mod forget;
mod inbound;
mod life;
mod limits;
mod metrics;
mod peers;
mod presence;
mod process;
mod quarantine;
mod recovery;
mod repertoire;
mod retries;
mod role;
mod room;
mod table;
mod trace;
mod transact;
mod unsent;
mod waiters;
mod watch;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

#[cfg(feature = "sim")]
pub(crate) use self::process::Played;
use accompanist_core::{
    Frame, Header, Headers, Retries, RoleId, RowState, Session, SessionKey, Stability, Stored, Timing, Urgency,
};
use admission::Admission;
use authority::Authority;
pub use builder::{LOG_AFTER_DEFAULT, NodeBuilder, RETENTION_DEFAULT, RETENTION_MIN};
use call::Call;
pub use cancel::Cancelled;
use cell::{Cell, lock};
pub use client::{CLIENT_ID_BYTES_MAX, Handle, Start};
use clock::{Clock, Timers};
pub use context::NodeContext;
pub use drain::Unfinished;
pub use limits::Limits;
pub(crate) use limits::PAYLOAD_BYTES_MAX;
use metrics::Counters;
pub use metrics::Counts;
use peers::Peers;
pub use presence::Peer;
use process::Process;
use recovery::Recovery;
use repertoire::Repertoire;
use role::ErasedRole;
pub(crate) use role::{panic_message, unrecordable};
use room::Room;
use table::{Slot, Table};
use unsent::Unsent;
use waiters::Waiters;
use watch::Watch;

use crate::context::Choreography;
use crate::error::Error;
use crate::loopback::Loopback;
use crate::seldom::Seldom;
use crate::store::{Crashes, Store, StoreError};
use crate::transport::Link;

/// How long a node waits before it reads a session again whose store failed, at first and at most.
const RELOAD_MILLIS: (u64, u64) = (20, 5_000);

/// How many participants a session has at most. Each of them has a state of its own, and all are in its header.
pub const PARTICIPANTS_MAX: usize = 4_096;

/// How many frames wait from role to role of one node; a session says what there was no room for again when there is.
const LOOPBACK_FRAMES_MAX: usize = 64 * 1024;

/// How many frames wait for the transport to be started; further ones are dropped, and come again.
const EARLY_FRAMES_MAX: usize = 64 * 1024;

/// From how many bytes on no more frames of one step are made and handed to the transport together.
const BYTES_AT_ONCE: usize = 64 * 1024;

/// A running node. Cloning gives another handle; the node stops when the last one is dropped, and goes on where it was when one is started
/// over the same store.
pub struct Node<S: Store> {
    shared: Arc<Shared<S>>,
}

#[cfg(feature = "sim")]
impl<S: Store> Node<S> {
    /// The transactions of its roles that decide their session, with the version that they are of.
    pub(crate) fn pivots(&self) -> impl Iterator<Item = ([u8; 32], accompanist_core::Position)> {
        self.shared.repertoire.pivots()
    }

    /// What it plays roles of.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &'static crate::context::Definition> {
        self.shared.repertoire.definitions()
    }
}

impl<S: Store> Clone for Node<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S: Store> fmt::Debug for Node<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl<S: Store> Node<S> {
    /// Begins to describe a node. Roles are played by the node that has their name in lower case, `order_desk` for `OrderDesk`, unless said
    /// otherwise.
    pub fn builder(name: impl Into<String>, store: S) -> NodeBuilder<S> {
        NodeBuilder::new(name.into(), store)
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Starts a session, with this node as initiator.
    ///
    /// The result is the initiator's part of the choreography's. What is given at another role, `-> u64@Other`, is not told here: send it
    /// to the initiator in the choreography, or hand it to an operation of that role's service, which is how a service learns anything.
    pub fn start<A: Choreography>(&self, arguments: A) -> Start<S, A> {
        Start::new(self.clone(), arguments)
    }

    /// Deletes what is left of sessions that have been finished for `retention` or longer, and says how many they were. From then on the
    /// client's ids of these sessions may be used again. `retention` must be longer than a message can be under way; the builder's default
    /// does this by itself now and then.
    pub async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        self.shared.store.forget(retention).await
    }
}

/// A stored session whose choreography or version is not deployed here: nothing happens to it until the node is started with it.
#[cfg_attr(not(all(feature = "admin", unix)), expect(dead_code, reason = "operators ask for it"))]
struct Undeployed {
    header: Arc<Header>,
    /// By the node's clock.
    since_millis: i64,
}

/// How many frames wait for a session that is being opened; further ones are dropped, and come again.
const OPENING_FRAMES_MAX: usize = 64;

/// What all parts of a node share.
pub(crate) struct Shared<S: Store> {
    /// First, so that it is gone before another node may use the store.
    #[cfg(all(feature = "admin", unix))]
    _admin: Option<admin::Socket>,
    name: String,
    store: S,
    link: OnceLock<Box<dyn Link>>,
    /// Frames of sessions that spoke before the link was there: a transport may hear of a peer while it starts.
    early: Mutex<Vec<(String, Vec<u8>)>>,
    /// Of large sessions.
    headers: Mutex<Headers>,
    loopback: Loopback<Frame>,
    unsent: Mutex<Unsent>,
    peers: Peers,
    process: Arc<Process>,
    clock: Clock,
    timers: Arc<Timers>,
    timing: Arc<Timing>,
    stability: Stability,
    /// What is said of single operations.
    retries: Arc<Retries>,
    repertoire: Repertoire<S>,
    authority: Authority,
    sessions: Mutex<Table<S>>,
    undeployed: Mutex<BTreeMap<SessionKey, Undeployed>>,
    limits: Limits,
    admission: Arc<Admission>,
    room: Arc<Room>,
    /// Sessions in memory that started here, by choreography and client's id.
    clients: Mutex<HashMap<(&'static str, String), SessionKey>>,
    starting: tokio::sync::Mutex<()>,
    recovery: Recovery,
    counts: Counters,
    refusals: Seldom,
    /// What peers say of why they cannot take part.
    peer_refusals: Seldom,
    presence: presence::Presence,
    watch: Arc<Watch>,
    /// Of sessions whose nodes may not play their roles: no flood of other refusals hides one.
    objections: Seldom,
    /// Which sessions are in quarantine.
    crashes: Option<Arc<Crashes>>,
    /// What operators asked for while no node ran over the database.
    asked: asked::Aborts,
}

impl<S: Store> Shared<S> {
    fn count_write(&self, urgency: Urgency) {
        let counter = match urgency {
            Urgency::Prompt => &self.counts.writes_prompt,
            Urgency::Lazy => &self.counts.writes_lazy,
        };
        metrics::count(counter);
    }

    /// How long one try of a recorded operation may take.
    fn limit(&self, call: &Call) -> Option<Duration> {
        self.retries.operations.get(call.name()).unwrap_or(&self.timing.retry).limit()
    }

    /// How long one try of the compensation of a recorded operation may take.
    fn limit_of_compensation(&self, operation: &str) -> Option<Duration> {
        self.retries.compensations.get(operation).unwrap_or(&self.timing.retry_compensations).limit()
    }

    /// The session, where it is in memory.
    fn live(&self, key: SessionKey) -> Option<Arc<Cell<S>>> {
        match lock(&self.sessions).slots.get(&key) {
            Some(Slot::Live(cell)) => Some(Arc::clone(cell)),
            Some(Slot::Opening(_)) | None => None,
        }
    }

    /// Sends a frame to the node that plays its receiver. One of a session for which there is no room is sent when there is.
    fn transmit(&self, header: &Header, frame: &Frame) {
        let Some(node) = header.node(frame.to) else { return };
        if !self.transmit_to(node, frame) {
            self.sends_later(node, frame);
        }
    }

    /// What a step of a session says: what goes to one node goes by one call.
    fn transmit_all(&self, header: &Header, frames: Vec<Frame>) {
        if self.peers.is_suspended() {
            return;
        }
        let (Some(link), [_, _, ..]) = (self.link.get(), &*frames) else {
            return frames.iter().for_each(|frame| self.transmit(header, frame));
        };
        let mut of_node: BTreeMap<&str, Vec<&Frame>> = BTreeMap::new();
        let mut nodes = Vec::new();
        for frame in &frames {
            match header.node(frame.to) {
                Some(node) if node != self.name => {
                    let of_node = of_node.entry(node).or_default();
                    if of_node.is_empty() {
                        nodes.push(node);
                    }
                    of_node.push(frame);
                }
                Some(_) | None => self.transmit(header, frame),
            }
        }
        // In the order in which they are first spoken to.
        for (node, frames) in nodes.into_iter().filter_map(|node| Some((node, of_node.remove(node)?))) {
            let mut frames = frames.into_iter().peekable();
            while frames.peek().is_some() {
                let (mut together, mut bytes) = (Vec::new(), 0);
                while let Some(frame) = frames.next_if(|_| bytes < BYTES_AT_ONCE) {
                    metrics::count(&self.counts.frames_sent);
                    let encoded = self.encode(frame);
                    bytes += encoded.len();
                    together.push((frame, encoded));
                }
                let encoded: Vec<&[u8]> = together.iter().map(|(_, encoded)| encoded.as_slice()).collect();
                if !link.send_all(node, &encoded) {
                    together.iter().for_each(|(frame, _)| self.sends_later(node, frame));
                }
            }
        }
    }

    fn encode(&self, frame: &Frame) -> Vec<u8> {
        let write = |session, header: &Arc<Header>| lock(&self.headers).write(session, header);
        frame.encode_at(self.peers.progress(), write)
    }

    /// There was no room for it: its session says it again once there is some.
    fn sends_later(&self, node: &str, frame: &Frame) {
        let key = SessionKey { session: frame.session, role: frame.from };
        if self.live(key).is_some() {
            lock(&self.unsent).add(node, key, frame.to);
        }
    }

    /// Whether it went out, or was lost on the way, which nobody tells.
    fn transmit_to(&self, node: &str, frame: &Frame) -> bool {
        metrics::count(&self.counts.frames_sent);
        if node == self.name {
            // By way of a queue: two sessions of one node never step inside each other.
            return self.loopback.send(frame.clone());
        }
        if self.peers.is_suspended() {
            return true;
        }
        let encoded = self.encode(frame);
        if let Some(link) = self.link.get() {
            return link.send(node, &encoded);
        }
        let mut early = lock(&self.early);
        if let Some(link) = self.link.get() {
            return link.send(node, &encoded);
        }
        if early.len() < EARLY_FRAMES_MAX {
            early.push((node.to_owned(), encoded));
        }
        true
    }

    /// The transport has been started: from now on frames go out by `link`, and first those that are waiting.
    fn open_link(&self, link: Box<dyn Link>) {
        // Nobody else sets it.
        let link = self.link.get_or_init(|| link);
        for (node, frame) in std::mem::take(&mut *lock(&self.early)) {
            link.send(&node, &frame);
        }
    }

    /// The session is finished: what the store holds of it answers from now on.
    fn remove(&self, cell: &Cell<S>) {
        // The client's id first: whoever starts it now is answered by the store, and never finds an id without its session.
        self.forget_client(cell);
        lock(&self.sessions).take(cell.key, &cell.header);
    }

    /// The client's id is the initiator's: another role of the session may end earlier on the same node.
    fn forget_client(&self, cell: &Cell<S>) {
        if cell.key.role == cell.header.initiator {
            lock(&self.clients).remove(&(cell.role.definition().name, cell.header.client_id.clone()));
        }
    }

    /// Puts `session` into the map; the frames that waited for it are handed to it.
    fn insert(
        self: &Arc<Self>,
        role: &Arc<dyn ErasedRole<S>>,
        session: Session,
        waiters: Waiters,
        failures: u32,
    ) -> Arc<Cell<S>> {
        let session =
            session.with_retries(&self.retries).with_stability(self.stability).with_run(self.process.next_run());
        let (session, held) = self.quarantine(session);
        let pivots = role.definition().pivots_of(role.id());
        let session = if pivots.is_empty() { session } else { session.with_pivots(&Arc::new(pivots)) };
        let optional = role.definition().optional_of(session.header());
        let mut session = if optional.roles.is_empty() { session } else { session.with_optional(&Arc::new(optional)) };
        self.cancel_if_asked(&mut session, &waiters);
        let cell = Cell::new(self, Arc::clone(role), session, waiters, failures, held);
        if cell.header.initiator == cell.key.role {
            let name = cell.role.definition().name;
            lock(&self.clients).insert((name, cell.header.client_id.clone()), cell.key);
        }
        let waiting = match lock(&self.sessions).put(cell.key, Slot::Live(Arc::clone(&cell)), &cell.header) {
            Some(Slot::Opening(frames)) => frames,
            Some(Slot::Live(_)) | None => Vec::new(),
        };
        for (from, frame) in waiting {
            self.hand_over(&cell, &from, frame);
        }
        cell
    }

    /// Goes on with a session from what is stored of it.
    fn recover(
        self: &Arc<Self>,
        stored: Stored,
        me: RoleId,
        role: &Arc<dyn ErasedRole<S>>,
        waiters: Waiters,
        failures: u32,
    ) -> Arc<Cell<S>> {
        let definition = role.definition();
        let begins = definition.players(definition.begins, stored.row.header.nodes.iter().map(Vec::len));
        let mut session = Session::recover(stored, me, &begins, Arc::clone(&self.timing), self.clock.now());
        if self.peers.is_doubtful(SessionKey { session: session.header().session_id(), role: me }) {
            session = session.with_doubt();
        }
        if session.deadline().is_some() {
            session.handle_time_of_day(self.process.unix_millis(), self.clock.now());
        }
        self.insert(role, session, waiters, failures)
    }

    /// A write of the session failed, or an operator has it begin again: reads it again until that succeeds, and goes on from there.
    fn reload(self: &Arc<Self>, cell: &Arc<Cell<S>>, mut waiters: Waiters, failures: u32, error: Option<StoreError>) {
        match &error {
            // Said once for all sessions.
            None => {}
            Some(error @ StoreError::Full(_)) => self.room.is_missing(&self.name, error),
            Some(error) if failures > 1 => {
                tracing::debug!(session = %cell.key.session, node = self.name, %error, "the store fails on")
            }
            Some(error) => {
                tracing::error!(session = %cell.key.session, id = cell.header.client_id, node = self.name, %error, "the store failed; the session goes on from what is stored");
            }
        }
        lock(&self.sessions).put(cell.key, Slot::Opening(Vec::new()), &cell.header);
        let (shared, cell) = (Arc::downgrade(self), Arc::clone(cell));
        self.process.spawn(async move {
            let (delay_millis_min, delay_millis_max) = RELOAD_MILLIS;
            let doubled = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
            let mut delay_millis = delay_millis_min.saturating_mul(doubled).min(delay_millis_max);
            loop {
                tokio::time::sleep(Duration::from_millis(delay_millis)).await;
                delay_millis = delay_millis.saturating_mul(2).min(delay_millis_max);
                // What it reads is to be all that there will be: a row that came after would be nobody's.
                if cell.has_jobs() {
                    continue;
                }
                let Some(node) = shared.upgrade() else { return };
                let found = node.store.find(cell.key).await;
                let room = found.as_ref().is_ok_and(Option::is_some).then(|| Arc::clone(&node.room));
                drop(node);
                // Nobody else writes the session meanwhile. The node may end while it waits.
                if let Some(room) = room {
                    room.wait().await;
                }
                let Some(shared) = shared.upgrade() else { return };
                match found {
                    Ok(Some(stored)) => {
                        waiters.accept();
                        // The write that failed was the last one, and has happened: nothing is left to do.
                        if let RowState::Finished { outcome } = &stored.row.state {
                            waiters.end(outcome);
                            shared.remove(&cell);
                            return;
                        }
                        let anew = shared.recover(stored, cell.key.role, &cell.role, waiters, failures);
                        anew.life.take_over(&cell.life);
                        anew.step(|_, _| {});
                        return;
                    }
                    Ok(None) => {
                        lock(&shared.sessions).take(cell.key, &cell.header);
                        shared.forget_client(&cell);
                        waiters.refuse(&match error {
                            Some(error @ StoreError::Full(_)) => Error::store_full(error),
                            Some(error @ (StoreError::Conflict | StoreError::Corrupt(_) | StoreError::Failed(_))) => {
                                Error::not_accepted(error)
                            }
                            None => Error::store_fails(),
                        });
                        return;
                    }
                    Err(error) => tracing::error!(session = %cell.key.session, %error, "the store still fails"),
                }
            }
        });
    }
}

/// What tasks and transports hold of a node: it does not keep the node running.
type WeakShared<S> = Weak<Shared<S>>;
