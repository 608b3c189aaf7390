//! The plain runtime: a session in one process's memory, without a journal. For unit tests, for teaching, and as the baseline that the
//! resilient runtime is measured against. It knows no crash; a saga that is refused is rolled back all the same.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist_core::{Path, Position, RoleId, SessionKey, Write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, oneshot};

use crate::context::{
    BoxFuture, Failure, IdempotencyKey, Interrupted, Operation, Role, SessionContext, Site, Transaction,
};
use crate::error::Error;
use crate::store::{Job, Store, StoreError, Transact};

/// One session in memory. Every role with a part in the choreography is played once, all at the same time.
///
/// The stores serve for the services' own tables only; nothing of the session is written.
#[derive(Clone, Default)]
pub struct PlainSession {
    board: Arc<Board>,
}

#[derive(Default)]
struct Board {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    messages: HashMap<(Position, RoleId, RoleId), Arc<str>>,
    messages_sent: u64,
    completed: usize,
    refused: Option<Arc<str>>,
}

impl fmt::Debug for PlainSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainSession").field("messages_sent", &self.messages_sent()).finish_non_exhaustive()
    }
}

impl PlainSession {
    /// A session that nobody plays a role in yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many messages have been sent.
    pub fn messages_sent(&self) -> u64 {
        self.board.lock().messages_sent
    }

    /// Plays `role` from its `arguments` to the end of the session: until all roles have completed, or until one has refused and what this role
    /// did is undone.
    pub async fn play<S: Store, R: Role<S>>(
        &self,
        role: R,
        store: &Arc<S>,
        arguments: R::Arguments,
    ) -> Result<R::Output, Error> {
        let role = Arc::new(role);
        let done = Arc::new(Mutex::new(Vec::new()));
        let context = PlainContext {
            board: Arc::clone(&self.board),
            store: Arc::clone(store),
            role: R::ROLE,
            path: Path::ROOT,
            done: Arc::clone(&done),
        };
        let output = Arc::clone(&role).run(context, arguments).await;
        if output.is_ok() {
            self.board.lock().completed += 1;
            self.board.changed.notify_waiters();
        }
        let all = R::DEFINITION.participants.len();
        let refused = self.board.wait(|state| match &state.refused {
            Some(reason) => Some(Some(Arc::clone(reason))),
            None if state.completed >= all => Some(None),
            None => None,
        });
        match (refused.await, output) {
            (None, Ok(output)) => Ok(output),
            (None, Err(_)) => Err(Error::unreadable("the role left without a reason")),
            (Some(reason), _) => {
                let committed = std::mem::take(&mut *lock(&done));
                for record in committed.into_iter().rev() {
                    let undo = Undo { role: Arc::clone(&role), record };
                    run_in(&**store, undo).await.map_err(Error::unreadable)?.map_err(Error::unreadable)?;
                }
                Err(Error::aborted(reason))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Waits until `look` finds something.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&mut self.lock()) {
                return found;
            }
            changed.await;
        }
    }
}

/// A committed transaction of this session, as JSON.
struct Committed {
    operation: &'static str,
    arguments: Arc<str>,
    output: Arc<str>,
}

/// One role's view of a [`PlainSession`].
pub struct PlainContext<S: Store> {
    board: Arc<Board>,
    store: Arc<S>,
    role: RoleId,
    path: Path,
    done: Arc<Mutex<Vec<Committed>>>,
}

impl<S: Store> Clone for PlainContext<S> {
    fn clone(&self) -> Self {
        Self {
            board: Arc::clone(&self.board),
            store: Arc::clone(&self.store),
            role: self.role,
            path: self.path,
            done: Arc::clone(&self.done),
        }
    }
}

impl<S: Store> fmt::Debug for PlainContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainContext").field("role", &self.role).finish_non_exhaustive()
    }
}

impl<S: Store> PlainContext<S> {
    fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<Arc<str>, Interrupted> {
        crate::json::to_json(value)
            .map(Arc::from)
            .map_err(|error| self.refuse(format!("a value cannot be written as JSON: {error}")))
    }

    fn decode<T: DeserializeOwned>(&self, json: &str) -> Result<T, Interrupted> {
        serde_json::from_str(json).map_err(|error| self.refuse(format!("a value cannot be read: {error}")))
    }

    fn go_on(&self) -> Result<(), Interrupted> {
        if self.board.lock().refused.is_some() { Err(Interrupted::new()) } else { Ok(()) }
    }

    /// Waits until `look` finds something, or the session is refused.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T, Interrupted> {
        let found = self
            .board
            .wait(|state| if state.refused.is_some() { Some(Err(Interrupted::new())) } else { look(state).map(Ok) });
        found.await
    }

    fn fail(&self, operation: &str, failure: Failure) -> Interrupted {
        match failure {
            Failure::Abort(reason) => self.refuse(reason),
            Failure::Infrastructure(error) => self.refuse(format!("{operation} failed: {error}")),
        }
    }
}

impl<D: Store> SessionContext for PlainContext<D> {
    type Database = D;

    fn child(&self, site: Site, index: u64) -> Self {
        Self { path: self.path.child(site, index), ..self.clone() }
    }

    fn send<T: Serialize + ?Sized>(&self, site: Site, to: RoleId, value: &T) -> Result<(), Interrupted> {
        self.go_on()?;
        let json = self.encode(value)?;
        let mut state = self.board.lock();
        state.messages.insert((self.path.position(site), self.role, to), json);
        state.messages_sent += 1;
        drop(state);
        self.board.changed.notify_waiters();
        Ok(())
    }

    async fn receive<T: DeserializeOwned>(&self, site: Site, from: RoleId) -> Result<T, Interrupted> {
        let key = (self.path.position(site), from, self.role);
        let json = self.wait(|state| state.messages.remove(&key)).await?;
        self.decode(&json)
    }

    async fn offer(&self, messages: &[(Site, RoleId)]) -> Result<usize, Interrupted> {
        let keys: Vec<_> = messages.iter().map(|(site, from)| (self.path.position(*site), *from, self.role)).collect();
        self.wait(|state| keys.iter().position(|key| state.messages.contains_key(key))).await
    }

    async fn transaction<T, S>(
        &self,
        _site: Site,
        service: &Arc<S>,
        arguments: T::Arguments,
    ) -> Result<T::Output, Interrupted>
    where
        T: Transaction<S, D>,
        S: Send + Sync + 'static,
    {
        self.go_on()?;
        let json = self.encode(&arguments)?;
        let commit = Commit::<T, S, D> { service: Arc::clone(service), arguments };
        let result = match run_in(&*self.store, commit).await {
            Ok(result) => result.map_err(|failure| self.fail(T::NAME, failure))?,
            Err(error) => return Err(self.refuse(format!("{} failed: {error}", T::NAME))),
        };
        let output = self.encode(&result)?;
        lock(&self.done).push(Committed { operation: T::NAME, arguments: json, output: Arc::clone(&output) });
        self.decode(&output)
    }

    async fn call<O, S>(&self, site: Site, service: &Arc<S>, arguments: O::Arguments) -> Result<O::Output, Interrupted>
    where
        O: Operation<S, D>,
        S: Send + Sync + 'static,
    {
        self.go_on()?;
        let key = IdempotencyKey(self.path.position(site).0);
        let result = O::call(service, &key, &arguments).await.map_err(|failure| self.fail(O::NAME, failure))?;
        self.decode(&self.encode(&result)?)
    }

    fn refuse(&self, reason: impl Into<String>) -> Interrupted {
        let reason = reason.into();
        self.board.lock().refused.get_or_insert_with(|| reason.into());
        self.board.changed.notify_waiters();
        Interrupted::new()
    }

    async fn refused_by(&self, _role: RoleId) -> Interrupted {
        match self.wait(|_| None::<Interrupted>).await {
            Ok(interrupted) | Err(interrupted) => interrupted,
        }
    }
}

/// Something to do in one transaction of a store.
trait Work<D: Store>: Send + 'static {
    type Output: Send + 'static;
    type Error: Send + 'static;
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<Self::Output, Self::Error>>;
}

struct Commit<T: Transaction<S, D>, S, D: Store> {
    service: Arc<S>,
    arguments: T::Arguments,
}

impl<T: Transaction<S, D>, S: Send + Sync + 'static, D: Store> Work<D> for Commit<T, S, D> {
    type Output = T::Output;
    type Error = Failure;
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<T::Output, Failure>> {
        Box::pin(async move { T::commit(&self.service, tx, &self.arguments).await })
    }
}

struct Undo<R> {
    role: Arc<R>,
    record: Committed,
}

impl<R: Role<D>, D: Store> Work<D> for Undo<R> {
    type Output = ();
    type Error = crate::context::BoxError;
    fn run<'a>(&'a self, tx: &'a mut D::Tx) -> BoxFuture<'a, Result<(), Self::Error>> {
        self.role.compensate(tx, self.record.operation, &self.record.arguments, &self.record.output)
    }
}

/// What the store says of some work, and within that what the work says.
type Outcome<D, W> = Result<Result<<W as Work<D>>::Output, <W as Work<D>>::Error>, StoreError>;

/// Runs `work` in one commit; its writes are kept where it succeeds.
async fn run_in<D: Store, W: Work<D>>(store: &D, work: W) -> Outcome<D, W> {
    let (reply, waits) = oneshot::channel();
    store.submit(Job::Transact(Box::new(OneCommit { work, result: None, reply })));
    waits.await.unwrap_or_else(|_| Err(StoreError::Failed("the store is closed".into())))
}

struct OneCommit<D: Store, W: Work<D>> {
    work: W,
    result: Option<Result<W::Output, W::Error>>,
    reply: oneshot::Sender<Outcome<D, W>>,
}

impl<D: Store, W: Work<D>> Transact<D> for OneCommit<D, W> {
    fn key(&self) -> SessionKey {
        SessionKey { session: accompanist_core::SessionId([0; 32]), role: RoleId(0) }
    }

    fn run<'a>(&'a mut self, tx: &'a mut D::Tx) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let result = self.work.run(tx).await;
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn record(&mut self) -> Vec<Write> {
        Vec::new()
    }

    fn done(self: Box<Self>, result: Result<(), StoreError>) {
        let reply = match (result, self.result) {
            (Ok(()), Some(result)) => Ok(result),
            (Ok(()), None) => Err(StoreError::Failed("the store did not run it".into())),
            (Err(error), _) => Err(error),
        };
        // Whoever asked may have gone.
        let _ = self.reply.send(reply);
    }
}
