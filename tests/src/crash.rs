//! A store and a transport that end the process at a chosen durable write or message: what a power cut does, at the worst moment.

use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use accompanist::store::{Job, Registry, Store, StoreError, Transact};
use accompanist::transport::{Inbound, Link, Refusal, Transport};
use accompanist::{BoxFuture, Database, RoleId};
use accompanist_core::{SessionKey, Stored, Write};

/// The kinds of moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// A write has been asked for, and is not durable.
    BeforeWrite,
    /// A write is durable, and the session does not know it yet.
    AfterWrite,
    /// A frame is about to be sent.
    BeforeSend,
    /// A frame has been sent.
    AfterSend,
    /// A frame has come, and nothing has been done about it.
    OnReceive,
}

impl Moment {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::BeforeWrite, Self::AfterWrite, Self::BeforeSend, Self::AfterSend, Self::OnReceive];
}

/// Where to end: at the so-manyeth moment of a kind, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The kind.
    pub moment: Moment,
    /// Which.
    pub number: u64,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}:{}", self.moment, self.number)
    }
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (moment, number) = text.split_once(':').ok_or("a point is MOMENT:NUMBER")?;
        let moment = Moment::ALL.into_iter().find(|known| format!("{known:?}") == moment).ok_or("no such moment")?;
        Ok(Self { moment, number: number.parse().map_err(|_| "no such number")? })
    }
}

/// Counts moments, and ends the process at one.
#[derive(Debug)]
pub struct Trigger {
    point: Option<Point>,
    count: AtomicU64,
}

impl Trigger {
    /// Ends the process at `point`, if there is one.
    pub fn new(point: Option<Point>) -> Arc<Self> {
        Arc::new(Self { point, count: AtomicU64::new(0) })
    }

    fn reached(&self, moment: Moment, times: u64) {
        let Some(point) = self.point.filter(|point| point.moment == moment) else { return };
        let before = self.count.fetch_add(times, Ordering::SeqCst);
        if before < point.number && before + times >= point.number {
            std::process::abort();
        }
    }
}

/// A store that ends the process at a write.
pub struct CrashingStore<S> {
    store: S,
    trigger: Arc<Trigger>,
}

impl<S: Store> CrashingStore<S> {
    /// `store`, with a trigger.
    pub fn new(store: S, trigger: Arc<Trigger>) -> Self {
        Self { store, trigger }
    }
}

impl<S: Store> Database for CrashingStore<S> {
    type Tx = S::Tx;
}

impl<S: Store> Store for CrashingStore<S> {
    async fn unfinished(&self) -> Result<Vec<(RoleId, Stored)>, StoreError> {
        self.store.unfinished().await
    }

    async fn find(&self, key: SessionKey) -> Result<Option<Stored>, StoreError> {
        self.store.find(key).await
    }

    async fn find_client(&self, choreography: &str, client_id: &str) -> Result<Option<Stored>, StoreError> {
        self.store.find_client(choreography, client_id).await
    }

    fn admin_path(&self) -> Option<PathBuf> {
        self.store.admin_path()
    }

    fn registry(&self) -> Option<Arc<dyn Registry>> {
        self.store.registry()
    }

    fn submit(&self, job: Job<Self>) {
        let trigger = Arc::clone(&self.trigger);
        self.store.submit(match job {
            Job::Write { write, key, done } => {
                trigger.reached(Moment::BeforeWrite, 1);
                let done = Box::new(move |result| {
                    trigger.reached(Moment::AfterWrite, 1);
                    done(result);
                });
                Job::Write { write, key, done }
            }
            Job::Transact(inner) => Job::Transact(Box::new(CrashingTransact { inner, trigger, writes: 0 })),
        });
    }

    async fn forget(&self, retention: Duration) -> Result<u64, StoreError> {
        self.store.forget(retention).await
    }
}

struct CrashingTransact<S: Store> {
    inner: Box<dyn Transact<CrashingStore<S>>>,
    trigger: Arc<Trigger>,
    writes: u64,
}

impl<S: Store> Transact<S> for CrashingTransact<S> {
    fn key(&self) -> SessionKey {
        self.inner.key()
    }

    fn run<'a>(&'a mut self, tx: &'a mut S::Tx) -> BoxFuture<'a, bool> {
        self.inner.run(tx)
    }

    fn record(&mut self) -> Vec<Write> {
        let writes = self.inner.record();
        self.writes = writes.len() as u64;
        self.trigger.reached(Moment::BeforeWrite, self.writes);
        writes
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        self.trigger.reached(Moment::AfterWrite, self.writes);
        self.inner.done(result);
    }
}

/// A transport that ends the process at a message.
pub struct CrashingTransport<T> {
    transport: T,
    trigger: Arc<Trigger>,
}

impl<T> CrashingTransport<T> {
    /// `transport`, with a trigger.
    pub fn new(transport: T, trigger: Arc<Trigger>) -> Self {
        Self { transport, trigger }
    }
}

impl<T: Transport> Transport for CrashingTransport<T> {
    type Link = CrashingLink<T::Link>;

    async fn start(self, node: &str, inbound: Arc<dyn Inbound>) -> io::Result<Self::Link> {
        let trigger = Arc::clone(&self.trigger);
        let link = self.transport.start(node, Arc::new(CrashingInbound { inbound, trigger })).await?;
        Ok(CrashingLink { link, trigger: self.trigger })
    }
}

/// See [`CrashingTransport`].
pub struct CrashingLink<L> {
    link: L,
    trigger: Arc<Trigger>,
}

impl<L: Link> Link for CrashingLink<L> {
    fn send(&self, node: &str, frame: &[u8]) -> bool {
        self.trigger.reached(Moment::BeforeSend, 1);
        let taken = self.link.send(node, frame);
        self.trigger.reached(Moment::AfterSend, 1);
        taken
    }
}

struct CrashingInbound {
    inbound: Arc<dyn Inbound>,
    trigger: Arc<Trigger>,
}

impl Inbound for CrashingInbound {
    fn frame(&self, from: &str, frame: &[u8]) {
        self.trigger.reached(Moment::OnReceive, 1);
        self.inbound.frame(from, frame);
    }

    fn connected(&self, node: &str) {
        self.inbound.connected(node);
    }

    fn disconnected(&self, node: &str, cause: &str) {
        self.inbound.disconnected(node, cause);
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

    fn room(&self, node: &str) {
        self.inbound.room(node);
    }

    fn refused(&self, reason: &str) {
        self.inbound.refused(reason);
    }
}
