//! How a node is described and started.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use accompanist_core::{Retry, Stability, Timing};

use super::admission::Admission;
use super::authority::Authority;
use super::clock::{self, Clock, Timers};
use super::configured;
use super::forget;
use super::inbound::NodeInbound;
use super::limits::{Limits, check_name, short};
use super::peers::{self, Peers};
use super::process::{Played, Process};
use super::recovery::{Left, Recovery};
use super::repertoire::Repertoire;
use super::role::{Erased, ErasedRole};
use super::room::Room;
use super::watch::Watch;
use super::{Counters, LOOPBACK_FRAMES_MAX, Node, Shared, retries};
use crate::context::{BoxFuture, Role};
use crate::error::Error;
use crate::loopback::{Heard, loopback};
use crate::seldom::Seldom;
use crate::store::{Store, StoreError};
use crate::transport::{Inbound, Link, Transport};

/// How long a finished session is remembered unless the builder is told otherwise: for so long, a repeated start is answered with its result.
pub const RETENTION_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// The shortest retention: longer than any frame can be under way.
pub const RETENTION_MIN: Duration = Duration::from_secs(120);

/// How long messages stay in their senders' memory unless the builder is told otherwise, before their receivers write them down.
pub const LOG_AFTER_DEFAULT: Duration = Duration::from_secs(30);

type StartTransport = Box<dyn FnOnce(String, Arc<dyn Inbound>) -> BoxFuture<'static, io::Result<Box<dyn Link>>> + Send>;

/// A node about to be started.
pub struct NodeBuilder<S: Store> {
    name: String,
    store: S,
    roles: Vec<Arc<dyn ErasedRole<S>>>,
    authority: Authority,
    transport: Option<StartTransport>,
    #[cfg(feature = "tcp")]
    listen: Option<String>,
    #[cfg(feature = "tcp")]
    peers: Vec<(String, String)>,
    #[cfg(feature = "tls")]
    tls: Option<crate::transport::Tls>,
    timing: Timing,
    retries: Vec<(String, Retry)>,
    limits: Limits,
    log_after: Duration,
    retention: Duration,
    #[cfg(all(feature = "admin", unix))]
    admin: super::admin::Place,
    played: Option<Arc<dyn Played>>,
}

impl<S: Store> fmt::Debug for NodeBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeBuilder").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S: Store> NodeBuilder<S> {
    pub(super) fn new(name: String, store: S) -> Self {
        Self {
            name,
            store,
            roles: Vec::new(),
            authority: Authority::default(),
            transport: None,
            #[cfg(feature = "tcp")]
            listen: None,
            #[cfg(feature = "tcp")]
            peers: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            timing: Timing::default(),
            retries: Vec::new(),
            limits: Limits::default(),
            log_after: LOG_AFTER_DEFAULT,
            retention: RETENTION_DEFAULT,
            #[cfg(all(feature = "admin", unix))]
            admin: super::admin::Place::default(),
            played: None,
        }
    }

    /// Plays a role of a choreography.
    ///
    /// A role may be given in several versions of its choreography: sessions start on the first that is given, and those that started on another
    /// one finish on that. So a new version is deployed beside the old one, `.role(order::Shop::new(…)).role(order_v1::order::Shop::new(…))`
    /// with the old `.chor` file in a module of its own, until no session of the old one is left; and a deployment is rolled back by giving the
    /// old one first. A session of a version that is not given waits, untouched, until it is.
    pub fn role<R: Role<S>>(mut self, role: R) -> Self {
        self.roles.push(Arc::new(Erased(Arc::new(role))));
        self
    }

    /// Says which node plays `role`, where it is not the node of that name: `Role`, or `Choreography.Role` for one choreography only. Say it on
    /// every node that has a part in the choreography: sessions that start here are played so, and of those that start elsewhere any that says
    /// otherwise is refused, see [`NodeBuilder::allow`].
    pub fn assign(mut self, role: impl Into<String>, node: impl Into<String>) -> Self {
        self.authority.assign(role.into(), vec![node.into()]);
        self
    }

    /// Says which nodes play the members of the group `role`, in order, where a start does not say so itself ([`Start::members`]). A node may
    /// play several members. In sessions that start elsewhere these nodes may play it, in any order and number.
    ///
    /// [`Start::members`]: super::Start::members
    pub fn members<N: Into<String>>(mut self, role: impl Into<String>, nodes: impl IntoIterator<Item = N>) -> Self {
        self.authority.assign(role.into(), nodes.into_iter().map(Into::into).collect());
        self
    }

    /// Lets these nodes, too, play `role`, `Role` or `Choreography.Role`, in sessions that start elsewhere; where it is the role at which sessions
    /// start, they may start them. A certificate says who a node is, and this what it may do.
    ///
    /// Without it a role is played by the node that [`NodeBuilder::assign`] or [`NodeBuilder::members`] say here, and where they say nothing by
    /// the node of the role's name; this node itself plays what it is given by [`NodeBuilder::role`]. A session in which another node plays a
    /// role is refused, logged, and counted ([`Counts::sessions_refused`](crate::Counts::sessions_refused)). So `allow` is needed where the
    /// members of a group are said at each start ([`Start::members`]), on the nodes where sessions do not start, and while a role moves from one
    /// node to another. Sessions that have begun here go on whatever it says. A role that no choreography of this node has is an error when it
    /// starts.
    ///
    /// ```
    /// # fn told(node: accompanist::NodeBuilder<accompanist::store::Memory>) -> accompanist::NodeBuilder<accompanist::store::Memory> {
    /// node.allow("Carrier", ["rail", "road"])
    /// # }
    /// ```
    ///
    /// [`Start::members`]: super::Start::members
    pub fn allow<N: Into<String>>(mut self, role: impl Into<String>, nodes: impl IntoIterator<Item = N>) -> Self {
        self.authority.allow(role.into(), nodes.into_iter().map(Into::into));
        self
    }

    /// Reaches the other nodes by `transport`. Without one, all roles must be played by this node.
    pub fn transport<T: Transport>(mut self, transport: T) -> Self {
        self.transport = Some(Box::new(|node, inbound| {
            Box::pin(async move { Ok(Box::new(transport.start(&node, inbound).await?) as Box<dyn Link>) })
        }));
        self
    }

    /// Reaches the other nodes by [`Tcp`](crate::transport::Tcp): listens at `address`, `host:port`.
    #[cfg(feature = "tcp")]
    pub fn listen(mut self, address: impl ToString) -> Self {
        self.listen = Some(address.to_string());
        self
    }

    /// The other nodes, by name, and where they are reached; it goes with [`NodeBuilder::listen`]. The node itself may stand among them.
    #[cfg(feature = "tcp")]
    pub fn peers<N: Into<String>, A: ToString>(mut self, peers: impl IntoIterator<Item = (N, A)>) -> Self {
        self.peers.extend(peers.into_iter().map(|(name, address)| (name.into(), address.to_string())));
        self
    }

    /// Speaks TLS with the other nodes, and refuses those that do not: see [`Tls`](crate::transport::Tls). It goes with [`NodeBuilder::listen`]; a
    /// transport of [`NodeBuilder::transport`] has its own, [`Tcp::with_tls`](crate::transport::Tcp::with_tls).
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::transport::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// How patient sessions are.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// What the node takes on at most.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// After how long a session writes down what it has received, so that the senders need not keep it: [`LOG_AFTER_DEFAULT`] unless said. A
    /// session that has settled by then writes nothing of it. Senders that are short of room do not wait for it
    /// ([`Limits::kept_bytes_max`]).
    pub fn log_after(mut self, interval: Duration) -> Self {
        self.log_after = interval;
        self
    }

    /// How one operation is tried again where it fails: `Service.operation`, or the name of a compensation in the same way. The others are as
    /// [`NodeBuilder::retries`] says. A name that no role of this node has is an error when it starts.
    ///
    /// ```
    /// use std::time::Duration;
    /// use accompanist::Retry;
    /// # fn told(node: accompanist::NodeBuilder<accompanist::store::Memory>) -> accompanist::NodeBuilder<accompanist::store::Memory> {
    /// node.retries(Retry::new().attempts(20))
    ///     .retry("Carrier.quote", Retry::new().time_limit(Duration::from_secs(5)))
    ///     .retry("Payment.refund", Retry::new().pauses(Duration::from_secs(1), Duration::from_secs(600)))
    /// # }
    /// ```
    pub fn retry(mut self, operation: impl Into<String>, retry: Retry) -> Self {
        self.retries.push((operation.into(), retry));
        self
    }

    /// How operations are tried again where they fail: [`Retry::new`] unless said. Its time limit is for operations declared `fn`.
    pub fn retries(mut self, retry: Retry) -> Self {
        self.timing.retry = retry;
        self
    }

    /// How compensations are tried again where they fail: [`Retry::of_compensations`] unless said, and for ever in any case.
    pub fn retry_compensations(mut self, retry: Retry) -> Self {
        self.timing.retry_compensations = retry;
        self
    }

    /// How long a finished session is remembered: at least [`RETENTION_MIN`], [`RETENTION_DEFAULT`] unless said. It is timed by the time of day: when
    /// that is put forward while the node is down, sessions are forgotten earlier by as much.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention.max(RETENTION_MIN);
        self
    }

    /// Listens for operators at this path, a Unix domain socket that only its owner can open: `chor sessions`, `inspect`, `retry`, `abort`,
    /// `settle` and `metrics` speak to it. Unless said, it is beside the database of a [`Sqlite`](crate::store::Sqlite), `<path>.sock`, and a
    /// node over another store has none.
    #[cfg(all(feature = "admin", unix))]
    pub fn admin(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.admin = super::admin::Place::At(path.into());
        self
    }

    /// Does not listen for operators.
    #[cfg(all(feature = "admin", unix))]
    pub fn without_admin(mut self) -> Self {
        self.admin = super::admin::Place::Nowhere;
        self
    }

    /// Runs in a process that is played, and not in that of the program.
    #[cfg(feature = "sim")]
    pub(crate) fn within(mut self, process: Arc<dyn Played>) -> Self {
        // No operator's socket is part of what is played.
        #[cfg(all(feature = "admin", unix))]
        {
            self.admin = super::admin::Place::Nowhere;
        }
        self.played = Some(process);
        self
    }

    /// With another stability of messages than the test's.
    #[cfg(feature = "sim")]
    pub(crate) fn stability(mut self, log_after: Duration, kept_bytes_max: usize) -> Self {
        self.log_after = log_after;
        self.limits.kept_bytes_max = kept_bytes_max;
        self
    }

    /// Starts the node: goes on with the sessions that are not finished, and lets others in. Where there are many, it works already while it takes
    /// the rest of them up. Call it within a tokio runtime.
    pub async fn start(self) -> Result<Node<S>, Error> {
        #[cfg(feature = "tcp")]
        let builder = self.over_tcp()?;
        #[cfg(not(feature = "tcp"))]
        let builder = self;
        builder.start_over_its_transport().await
    }

    /// With the transport that `listen` and `peers` ask for.
    #[cfg(feature = "tcp")]
    fn over_tcp(mut self) -> Result<Self, Error> {
        #[cfg(feature = "tls")]
        let tls = self.tls.take();
        #[cfg(feature = "tls")]
        if tls.is_some() && self.listen.is_none() {
            return Err(Error::configuration(
                "there is `tls`, but no address to `listen` at; a transport has `with_tls`",
            ));
        }
        match (self.listen.take(), self.transport.is_some()) {
            (Some(address), false) => {
                let peers = std::mem::take(&mut self.peers);
                let tcp = crate::transport::Tcp::new(address, peers);
                let tcp = tcp.outgoing_bytes_max(self.limits.outgoing_bytes_max);
                #[cfg(feature = "tls")]
                let tcp = match tls {
                    Some(tls) => tcp.with_tls(tls),
                    None => tcp,
                };
                Ok(self.transport(tcp))
            }
            (Some(_), true) => Err(Error::configuration("`listen` and `transport` are two ways to one end: take one")),
            (None, _) if !self.peers.is_empty() => {
                Err(Error::configuration("there are `peers`, but no address to `listen` at"))
            }
            (None, _) => Ok(self),
        }
    }

    /// No other node would take a frame with a longer name in it.
    fn check_names(&self) -> Result<(), Error> {
        check_name("the name of this node", &self.name)?;
        for role in &self.roles {
            check_name("the name of a choreography", role.definition().name)?;
        }
        let said = self.authority.said();
        let mut named = said.iter().flat_map(|(role, nodes)| nodes.iter().map(move |node| (role, node)));
        named.try_for_each(|(role, node)| check_name(&format!("the name of a node that plays `{}`", short(role)), node))
    }

    async fn start_over_its_transport(self) -> Result<Node<S>, Error> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| Error::configuration("a node is started within a tokio runtime, of several threads or one"))?;
        self.limits.check()?;
        self.check_names()?;
        let operations: Vec<_> = self.roles.iter().flat_map(|role| role.operations()).copied().collect();
        let retries = Arc::new(retries::resolve(&self.retries, &operations)?);
        let repertoire = Repertoire::new(self.roles)?;
        configured::check_name("the node's name", &self.name)?;
        configured::check_assignments(&self.authority.said(), &repertoire)?;
        let configuration = |error: StoreError| Error::configuration(error.to_string());
        let mut left = Left::new(self.store.ages().await.map_err(configuration)?);
        left.check_is_of(&self.name, &self.store).await?;
        #[cfg(all(feature = "admin", unix))]
        let (admin, operators) = self.admin.open(&self.store)?.unzip();
        let (loopback, mut looped) = loopback(LOOPBACK_FRAMES_MAX);
        let asked = super::asked::aborts(&self.store).map_err(configuration)?;
        let crashes = self.store.registry().and_then(|registry| registry.crashes());
        let watch = match &self.played {
            Some(_) => Watch::default(),
            None => Watch::begin(&self.name, crashes.clone())
                .map_err(|error| Error::configuration(format!("the watchdog's thread cannot start: {error}")))?,
        };
        let process = Arc::new(Process::new(runtime, self.played)?);
        let peers = Peers::new(&self.name, self.store.registry()).map_err(configuration)?;
        let shared = Arc::new(Shared {
            #[cfg(all(feature = "admin", unix))]
            _admin: admin,
            name: self.name,
            store: self.store,
            link: OnceLock::new(),
            early: Mutex::default(),
            headers: Mutex::default(),
            loopback,
            unsent: Mutex::default(),
            peers,
            process,
            clock: Clock::new(),
            timers: Arc::new(Timers::default()),
            timing: self.timing.into(),
            stability: Stability {
                log_after_millis: Some(u64::try_from(self.log_after.as_millis()).unwrap_or(u64::MAX)),
                kept_bytes_max: self.limits.kept_bytes_max,
                inbox_bytes_max: self.limits.inbox_bytes_max,
            },
            retries,
            repertoire,
            authority: self.authority,
            sessions: Mutex::default(),
            undeployed: Mutex::default(),
            limits: self.limits,
            admission: Admission::new(&self.limits),
            room: Arc::new(Room::new()),
            clients: Mutex::default(),
            starting: tokio::sync::Mutex::new(()),
            recovery: Recovery::new(),
            counts: Counters::default(),
            refusals: Seldom::default(),
            peer_refusals: Seldom::default(),
            presence: super::presence::Presence::new(),
            watch: Arc::new(watch),
            objections: Seldom::default(),
            crashes,
            asked,
        });
        shared.record_asked().await.map_err(configuration)?;
        let cells = shared.take_up_first(&mut left).await.map_err(configuration)?;
        let inbound: Arc<dyn Inbound> = Arc::new(NodeInbound(Arc::downgrade(&shared)));
        let start = self.transport.unwrap_or_else(|| {
            Box::new(|_, _| Box::pin(async { Ok(Box::new(super::inbound::Alone) as Box<dyn Link>) }))
        });
        let link = start(shared.name.clone(), inbound).await;
        let link = link.map_err(|error| Error::configuration(format!("the transport cannot start: {error}")))?;
        shared.open_link(link);
        let weak = Arc::downgrade(&shared);
        shared.process.spawn(async move {
            while let Some(heard) = looped.next().await {
                let Some(shared) = weak.upgrade() else { return };
                let name = shared.name.clone();
                match heard {
                    Heard::Item(frame) => shared.handle_frame(&name, frame),
                    Heard::Room => NodeInbound(weak.clone()).room(&name),
                }
            }
        });
        shared.process.spawn(clock::run(Arc::downgrade(&shared), Arc::clone(&shared.timers)));
        #[cfg(all(feature = "admin", unix))]
        if let Some(operators) = operators {
            shared.process.spawn(super::admin::run(Arc::downgrade(&shared), operators));
        }
        shared.process.spawn(peers::run(Arc::downgrade(&shared)));
        shared.process.spawn(forget::run(Arc::downgrade(&shared), self.retention));
        for cell in cells {
            cell.step(|_, _| {});
        }
        shared.take_up_others(left);
        Ok(Node { shared })
    }
}
