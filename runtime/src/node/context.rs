//! `SessionContext` of the resilient runtime: what the program asks for goes to the session core, and nothing here waits for anything else.
//!
//! A program is polled by its session's own steps only, after every input; so these futures need no waker.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use accompanist_core::{Digest, Path, Place, Position, RoleId, ScopeAbort, ScopeEnd, Scopes, Stop, canonical};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::call::Call;
use super::cell::{Core, lock};
use super::role::{Prepared, PreparedCall};
use crate::context::{Abort, Interrupted, Operation, SessionContext, Site, Transaction, Value, arguments_of, too_deep};
use crate::deep::CALL_DEPTH_MAX;
use crate::json::{read, record, record_owned};
use crate::store::Store;

/// One role's view of one session on a [`Node`](super::Node).
pub struct NodeContext<S: Store> {
    core: Arc<Core<S>>,
    path: Path,
    thread: Arc<Thread>,
    scopes: Scopes,
    /// How many calls of choreographies are around.
    depth: u32,
}

/// What runs one after another: the program, or one arm of it. What it does depends on all that it has received, and on nothing that an arm
/// beside it has; so it carries that digest, and a first run and a replay agree whatever order messages arrive in.
#[derive(Default)]
struct Thread(Mutex<Digest>);

impl Thread {
    fn received(&self) -> Digest {
        *lock(&self.0)
    }

    fn receives(&self, position: Position, payload: &str) {
        let mut received = lock(&self.0);
        *received = received.then(position, canonical(payload).as_bytes());
    }
}

impl<S: Store> Clone for NodeContext<S> {
    fn clone(&self) -> Self {
        let thread = Arc::clone(&self.thread);
        Self { core: Arc::clone(&self.core), path: self.path, thread, scopes: self.scopes.clone(), depth: self.depth }
    }
}

impl<S: Store> fmt::Debug for NodeContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeContext").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Waits for what any step of the session may bring. What waits for a message is woken by it, and is
/// not polled in between where it is one of many arms.
fn poll_each_time<T>(mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> impl Future<Output = T> {
    poll_fn(move |cx| {
        let polled = poll(cx);
        if polled.is_pending() {
            cx.waker().wake_by_ref();
        }
        polled
    })
}

impl<S: Store> NodeContext<S> {
    pub(super) fn new(core: Arc<Core<S>>) -> Self {
        Self { core, path: Path::ROOT, thread: Arc::default(), scopes: Scopes::default(), depth: 0 }
    }

    fn place(&self, site: Site) -> Place {
        Place { position: self.path.position(site), scopes: self.scopes.clone() }
    }

    /// This context, with a thread of its own that begins here.
    fn forked(&self) -> Self {
        Self { thread: Arc::new(Thread(Mutex::new(self.thread.received()))), ..self.clone() }
    }

    /// The JSON of a value. One that no one could read ends the session.
    fn encode<T: Serialize + DeserializeOwned>(&self, what: &str, value: &T) -> Result<Arc<str>, Interrupted> {
        match record(value, self.core.payload_bytes_max) {
            Ok(json) => Ok(json.into()),
            Err(error) => Err(self.refuse(format!("{what} {error}"))),
        }
    }

    /// The JSON of the role's part of the session's result.
    pub(super) fn result<T: Serialize + DeserializeOwned>(&self, value: T) -> Result<Arc<str>, Interrupted> {
        match record_owned(value, self.core.payload_bytes_max) {
            Ok(json) => Ok(json.into()),
            Err(error) => Err(self.refuse(format!("the session's result {error}"))),
        }
    }

    /// Runs the body of a scope, whose context is `inside`: to its end, or as far as it goes before the scope fails.
    async fn body<T, F>(&self, inside: &Self, body: impl FnOnce(Self) -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Interrupted>>,
    {
        if !self.core.lock().session.goes_on(&inside.scopes) {
            return None;
        }
        let mut body = pin!(body(inside.clone()));
        poll_each_time(|cx| match body.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended.ok()),
            Poll::Pending if self.core.lock().session.goes_on(&inside.scopes) => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Waits until the innermost scope fails. The end of the session drops the program.
    async fn given_up(&self) -> Interrupted {
        let goes_on = |_: &mut Context<'_>| match self.core.lock().session.goes_on(&self.scopes) {
            true => Poll::Pending,
            false => Poll::Ready(Interrupted::new()),
        };
        poll_each_time(goes_on).await
    }

    fn abort(&self, why: &ScopeAbort) -> Abort {
        let role = self.core.definition.participant_name(&self.core.header, why.role);
        Abort { role, reason: why.reason.to_string() }
    }

    fn decode<T: DeserializeOwned>(&self, position: Position, json: &str) -> Result<T, Interrupted> {
        read(json).map_err(|error| {
            self.core.lock().session.handle_unreadable(position, &error.to_string());
            Interrupted::new()
        })
    }
}

impl From<Stop> for Interrupted {
    fn from(Stop: Stop) -> Self {
        Self::new()
    }
}

impl<D: Store> SessionContext for NodeContext<D> {
    type Database = D;

    fn me(&self) -> RoleId {
        self.core.key.role
    }

    fn members(&self, role: RoleId) -> Arc<[RoleId]> {
        self.core.header.members(role).collect()
    }

    fn position(&self, path: &[Site]) -> Position {
        self.path.position_of(path)
    }

    fn child(&self, site: Site, index: u64) -> Self {
        Self { path: self.path.child(site, index), ..self.clone() }
    }

    fn enter(&self, site: Site, place: &str) -> Result<Self, Interrupted> {
        match self.depth {
            CALL_DEPTH_MAX.. => Err(self.refuse(too_deep(place))),
            depth => Ok(Self { depth: depth + 1, ..self.child(site, 0) }),
        }
    }

    fn arm(&self, site: Site, index: u64) -> Self {
        Self { path: self.path.child(site, index), ..self.forked() }
    }

    fn join(&self, arms: &[Self]) {
        let joined = arms.iter().fold(self.thread.received(), |received, arm| received.join(arm.thread.received()));
        *lock(&self.thread.0) = joined;
    }

    fn send<T: Value>(
        &self,
        site: Site,
        to: RoleId,
        value: &T,
    ) -> impl Future<Output = Result<(), Interrupted>> + Send {
        let (payload, place) = (self.encode("a message", value), self.place(site));
        async move {
            let payload = payload?;
            poll_each_time(|_| self.core.lock().session.poll_room(&place, to, payload.len())).await?;
            let is_idle = self.core.definition.is_idle(&self.core.header, site, to);
            let mut run = self.core.lock();
            if is_idle {
                run.session.program_tell(place, to, payload)?;
            } else {
                run.session.program_send(place, to, payload)?;
            }
            Ok(())
        }
    }

    async fn receive<T: DeserializeOwned>(&self, site: Site, from: RoleId) -> Result<T, Interrupted> {
        let place = self.place(site);
        let position = place.position;
        let payload = poll_fn(|cx| {
            let mut core = self.core.lock();
            let payload = core.session.program_receive(place.clone(), from);
            if payload.is_pending() {
                core.wake_by((position, from), cx.waker());
            }
            payload
        })
        .await?;
        if !self.core.definition.is_idle(&self.core.header, site, self.core.key.role) {
            self.core.lock().session.program_takes_part();
        }
        self.thread.receives(position, &payload);
        self.decode(position, &payload)
    }

    async fn receive_within<T: DeserializeOwned>(
        &self,
        site: Site,
        from: RoleId,
        millis: u64,
    ) -> Result<Option<T>, Interrupted> {
        let (place, received) = (self.place(site), self.thread.received());
        let position = place.position;
        let wait = |_: &mut Context<'_>| {
            self.core.lock().session.program_receive_within(place.clone(), from, millis, received)
        };
        let payload = poll_each_time(wait).await?;
        self.thread.receives(position, payload.as_deref().unwrap_or_default());
        payload.map(|payload| self.decode(position, &payload)).transpose()
    }

    async fn sleep(&self, site: Site, millis: u64) -> Result<(), Interrupted> {
        let (place, received) = (self.place(site), self.thread.received());
        let unix_millis = self.core.process.unix_millis();
        let wait =
            |_: &mut Context<'_>| self.core.lock().session.program_sleep(place.clone(), millis, received, unix_millis);
        Ok(poll_each_time(wait).await?)
    }

    async fn offer(&self, messages: &[(Position, RoleId)]) -> Result<usize, Interrupted> {
        Ok(poll_fn(|cx| {
            let mut core = self.core.lock();
            let offered = core.session.program_offer(&self.scopes, messages);
            if offered.is_pending() {
                messages.iter().for_each(|message| core.wake_by(*message, cx.waker()));
            }
            offered
        })
        .await?)
    }

    async fn saga<T, F>(
        &self,
        site: Site,
        roles: &[RoleId],
        within_millis: Option<u64>,
        waits_for_all: bool,
        body: impl FnOnce(Self) -> F + Send,
    ) -> Result<Result<T, Abort>, Interrupted>
    where
        T: Send,
        F: Future<Output = Result<T, Interrupted>> + Send,
    {
        let place = self.place(site);
        let position = place.position;
        let scopes = self.core.lock().session.program_enter_scope(place, roles, within_millis)?;
        // What was received in a body that failed counts for nothing: a replay does not enter it again.
        let inside = Self { path: self.path.child(site, 0), scopes: scopes.clone(), ..self.forked() };
        let output = self.body(&inside, body).await;
        self.core.lock().session.program_leave_scope(&scopes, output.is_some());
        let end = poll_each_time(|_| self.core.lock().session.poll_scope(&scopes, waits_for_all)).await?;
        match (end, output) {
            (ScopeEnd::Completed, Some(output)) => {
                *lock(&self.thread.0) = inside.thread.received();
                Ok(Ok(output))
            }
            (ScopeEnd::Completed, None) => Err(Interrupted::new()),
            (ScopeEnd::Aborted(why), _) => {
                let why = why.map(|why| self.abort(&why)).unwrap_or_default();
                self.thread.receives(position, &format!("{why:?}"));
                Ok(Err(why))
            }
        }
    }

    async fn transaction<T, S>(
        &self,
        site: Site,
        service: &Arc<S>,
        arguments: T::Arguments,
    ) -> Result<T::Output, Interrupted>
    where
        T: Transaction<S, D>,
        S: Send + Sync + 'static,
    {
        let place = self.place(site);
        let position = place.position;
        let json = self.encode(&arguments_of(T::NAME), &arguments)?;
        let received = self.thread.received();
        let recorded = self.core.lock().session.program_transaction(place.clone(), T::NAME, json, received)?;
        let result = match recorded {
            Some(result) => result,
            None => {
                let prepared =
                    Prepared::<T, S, T::Arguments>::new(Arc::clone(service), arguments, self.core.payload_bytes_max);
                self.core.lock().transactions.insert(position, Arc::new(prepared));
                poll_each_time(|_| self.core.lock().session.poll_transaction(place.clone())).await?
            }
        };
        self.decode(position, &result)
    }

    async fn call<O, S>(&self, site: Site, service: &Arc<S>, arguments: O::Arguments) -> Result<O::Output, Interrupted>
    where
        O: Operation<S, D>,
        S: Send + Sync + 'static,
    {
        let place = self.place(site);
        let position = place.position;
        let json = self.encode(&arguments_of(O::NAME), &arguments)?;
        let received = self.thread.received();
        let recorded = match (O::COMPENSATION, &mut self.core.lock().session) {
            (Some(_), session) => session.program_intent(place.clone(), O::NAME, json, received)?,
            (None, session) => session.program_call(place.clone(), O::NAME, json, received)?,
        };
        let result = match recorded {
            Some(result) => result,
            None => {
                let prepared =
                    Prepared::<O, S, O::Arguments>::new(Arc::clone(service), arguments, self.core.payload_bytes_max);
                let call = Arc::new(PreparedCall::<O, S, O::Arguments, D>(prepared, PhantomData));
                self.core.lock().calls.insert(position, Call::new(call));
                poll_each_time(|_| self.core.lock().session.poll_call(place.clone())).await?
            }
        };
        self.decode(position, &result)
    }

    fn refuse(&self, reason: impl Into<String>) -> Interrupted {
        self.core.lock().session.program_refuse_in(&self.scopes, reason.into().into());
        Interrupted::new()
    }

    async fn refused_by(&self, _role: RoleId) -> Interrupted {
        // The abort that `role` brings about ends the scope, or drops this program.
        self.given_up().await
    }
}
