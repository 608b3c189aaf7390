//! `SessionContext` of the plain runtime.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{Path, Position, RoleId, cut_reason, members, part};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::board::{Board, Scope, State, Verdict, Vote};
use super::commit::{Commit, Undo, Undoes, run_in};
use crate::context::{
    Abort, BoxError, Definition, Failure, IdempotencyKey, Interrupted, Operation, SessionContext, Site, Transaction,
    Value, arguments_of, too_deep, too_late,
};
use crate::deep::CALL_DEPTH_MAX;
use crate::json::{Unwritable, discard, read, record, record_owned};
use crate::node::{PAYLOAD_BYTES_MAX, unrecordable};
use crate::store::Store;

/// What one participant plays a session with.
pub(super) struct Part<S: Store> {
    pub(super) board: Arc<Board>,
    pub(super) store: Arc<S>,
    pub(super) me: RoleId,
    pub(super) definition: &'static Definition,
    /// How many play each declared role.
    pub(super) counts: Vec<usize>,
    /// How many participants there are.
    pub(super) participants: usize,
    /// Which of this participant's transactions decide the session.
    pub(super) pivots: BTreeSet<Position>,
    pub(super) role: Arc<dyn Undoes<S>>,
}

/// One role's view of a [`PlainSession`](super::PlainSession).
pub struct PlainContext<S: Store> {
    part: Arc<Part<S>>,
    path: Path,
    scope: Option<Arc<Scope>>,
    /// How many calls of choreographies are around.
    depth: u32,
}

impl<S: Store> Clone for PlainContext<S> {
    fn clone(&self) -> Self {
        Self { part: Arc::clone(&self.part), path: self.path, scope: self.scope.clone(), depth: self.depth }
    }
}

impl<S: Store> fmt::Debug for PlainContext<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainContext").field("role", &self.part.me).finish_non_exhaustive()
    }
}

impl<S: Store> Part<S> {
    /// Undoes what this participant has done in `scope`, or in the session, the last first.
    pub(super) async fn undo(&self, scope: Option<Position>) -> Result<(), BoxError> {
        while let Some((running, record)) = self.board.undoes(self.me, scope).await {
            let operation = record.operation;
            let undo = Undo { role: Arc::clone(&self.role), record, running };
            run_in(&*self.store, undo, None).await.map_err(|failure| match failure {
                Failure::Abort(reason) => format!("{operation} cannot be undone: {reason}"),
                Failure::Infrastructure(error) => format!("{operation} cannot be undone: {error}"),
            })?;
        }
        Ok(())
    }

    fn name(&self, participant: RoleId) -> String {
        let part = part(self.counts.iter().copied(), participant);
        part.map_or_else(|| "?".to_owned(), |(role, index)| self.definition.member_name(role, index))
    }
}

impl<S: Store> PlainContext<S> {
    pub(super) fn new(part: Arc<Part<S>>) -> Self {
        Self { part, path: Path::ROOT, scope: None, depth: 0 }
    }

    fn encode<T: Value>(&self, what: &str, value: &T) -> Result<Arc<str>, Interrupted> {
        record(value, PAYLOAD_BYTES_MAX).map(Arc::from).map_err(|error| self.refuse(format!("{what} {error}")))
    }

    /// The JSON of what an operation gave.
    fn result<T: Value>(&self, value: T) -> Result<Arc<str>, Interrupted> {
        record_owned(value, PAYLOAD_BYTES_MAX).map(Arc::from).map_err(|error| self.refuse(unrecordable(&error)))
    }

    /// The role's part of the session's result, where another runtime could keep it.
    pub(super) fn checked<T: Serialize + DeserializeOwned>(&self, output: T) -> Result<T, Interrupted> {
        let error = match record(&output, PAYLOAD_BYTES_MAX) {
            Ok(_) => return Ok(output),
            Err(error) => error,
        };
        if let Unwritable::TooDeep(_) = error {
            discard(output);
        }
        Err(self.refuse(format!("the session's result {error}")))
    }

    fn decode<T: DeserializeOwned>(&self, json: &str) -> Result<T, Interrupted> {
        read(json).map_err(|error| self.refuse(format!("a value cannot be read: {error}")))
    }

    fn go_on(&self) -> Result<(), Interrupted> {
        if self.part.board.lock().has_ended(self.scope.as_ref()) { Err(Interrupted::new()) } else { Ok(()) }
    }

    /// Waits until `look` finds something, or until the session or a scope around fails.
    async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T, Interrupted> {
        let scope = self.scope.as_ref();
        let found = self.part.board.wait(|state| match state.has_ended(scope) {
            true => Some(Err(Interrupted::new())),
            false => look(state).map(Ok),
        });
        found.await
    }

    async fn message(&self, site: Site, from: RoleId) -> Result<Arc<str>, Interrupted> {
        let key = (self.path.position(site), from, self.part.me);
        self.wait(|state| state.messages.remove(&key)).await
    }

    /// A pivot runs when all others have completed.
    async fn await_others(&self, site: Site) -> Result<(), Interrupted> {
        let others = self.part.participants.saturating_sub(1);
        match self.part.pivots.contains(&self.path.position(site)) {
            true => self.wait(|state| (state.completed >= others).then_some(())).await,
            false => Ok(()),
        }
    }

    fn fail(&self, operation: &str, failure: Failure) -> Interrupted {
        match failure {
            Failure::Abort(reason) => self.refuse(reason),
            Failure::Infrastructure(error) => self.refuse(format!("{operation} failed: {error}")),
        }
    }

    /// Runs the body of a scope, whose context this is. What it has begun it ends, also when time is up: only where it waits it is stopped.
    async fn timed<T>(
        &self,
        millis: Option<u64>,
        body: impl Future<Output = Result<T, Interrupted>>,
    ) -> Result<T, Interrupted> {
        let Some(millis) = millis else { return body.await };
        tokio::pin!(body);
        tokio::select! {
            biased;
            ended = &mut body => return ended,
            () = tokio::time::sleep(Duration::from_millis(millis)) => {}
        }
        self.refuse(too_late(millis));
        body.await
    }
}

impl<D: Store> SessionContext for PlainContext<D> {
    type Database = D;

    fn me(&self) -> RoleId {
        self.part.me
    }

    fn members(&self, role: RoleId) -> Arc<[RoleId]> {
        members(self.part.counts.iter().copied(), role).collect()
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

    fn position(&self, path: &[Site]) -> Position {
        self.path.position_of(path)
    }

    fn send<T: Value>(
        &self,
        site: Site,
        to: RoleId,
        value: &T,
    ) -> impl Future<Output = Result<(), Interrupted>> + Send {
        let sent = self.go_on().and_then(|()| self.encode("a message", value)).map(|json| {
            self.part.board.change(|state| {
                state.messages.insert((self.path.position(site), self.part.me, to), json);
                state.messages_sent += 1;
            });
        });
        std::future::ready(sent)
    }

    async fn receive<T: DeserializeOwned>(&self, site: Site, from: RoleId) -> Result<T, Interrupted> {
        let json = self.message(site, from).await?;
        self.decode(&json)
    }

    async fn receive_within<T: DeserializeOwned>(
        &self,
        site: Site,
        from: RoleId,
        millis: u64,
    ) -> Result<Option<T>, Interrupted> {
        match tokio::time::timeout(Duration::from_millis(millis), self.message(site, from)).await {
            Ok(json) => self.decode(&json?).map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn sleep(&self, _site: Site, millis: u64) -> Result<(), Interrupted> {
        match tokio::time::timeout(Duration::from_millis(millis), self.wait(|_| None::<()>)).await {
            Ok(ended) => ended,
            Err(_) => Ok(()),
        }
    }

    async fn offer(&self, messages: &[(Position, RoleId)]) -> Result<usize, Interrupted> {
        let me = self.part.me;
        let there =
            |state: &State, (position, from): &(Position, RoleId)| state.messages.contains_key(&(*position, *from, me));
        self.wait(|state| messages.iter().position(|message| there(state, message))).await
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
        self.go_on()?;
        self.await_others(site).await?;
        let json = self.encode(&arguments_of(T::NAME), &arguments)?;
        let commit = Commit::<T, S, D> { service: Arc::clone(service), arguments };
        let ticket = self.part.board.ticket(self.part.me, self.scope.clone(), T::NAME, json);
        let output = run_in(&*self.part.store, commit, Some(ticket)).await;
        self.decode(&output.map_err(|failure| self.fail(T::NAME, failure))?)
    }

    async fn call<O, S>(&self, site: Site, service: &Arc<S>, arguments: O::Arguments) -> Result<O::Output, Interrupted>
    where
        O: Operation<S, D>,
        S: Send + Sync + 'static,
    {
        self.go_on()?;
        let key = IdempotencyKey(self.path.position(site).0);
        let Some(_) = O::COMPENSATION else {
            let result = O::call(service, &key, &arguments).await.map_err(|failure| self.fail(O::NAME, failure))?;
            return self.decode(&self.result(result)?);
        };
        let json = self.encode(&arguments_of(O::NAME), &arguments)?;
        let intent = self.part.board.ticket(self.part.me, self.scope.clone(), O::NAME, json).intent(key);
        match O::call(service, &key, &arguments).await {
            Ok(result) => {
                // Where it cannot be recorded, the intent stands: it has happened.
                let json = self.result(result)?;
                intent.returned(Arc::clone(&json));
                self.decode(&json)
            }
            Err(failure) => {
                if let Failure::Abort(_) = &failure {
                    intent.refused();
                }
                Err(self.fail(O::NAME, failure))
            }
        }
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
        self.go_on()?;
        let (board, me, position) = (&self.part.board, self.part.me, self.path.position(site));
        let scope = Some(Arc::new(Scope { position, outer: self.scope.clone() }));
        let inside = Self { part: Arc::clone(&self.part), path: self.path.child(site, 0), scope, depth: self.depth };
        let failed = board.lock().has_failed(position);
        let output = match failed {
            true => None,
            false => inside.timed(within_millis, body(inside.clone())).await.ok(),
        };
        let vote = if output.is_some() { Vote::Completed } else { Vote::Stopped };
        board.change(|state| state.vote(position, me, vote));
        match (self.wait(|state| state.verdict(position, roles.len(), waits_for_all)).await?, output) {
            (Verdict::AllCompleted, Some(output)) => Ok(Ok(output)),
            // Only a body that was interrupted without a reason.
            (Verdict::AllCompleted, None) => Err(Interrupted::new()),
            (Verdict::Failed(role, reason), _) => match self.part.undo(Some(position)).await {
                Ok(()) => Ok(Err(Abort { role: self.part.name(role), reason: reason.to_string() })),
                Err(error) => Err(self.refuse(error.to_string())),
            },
        }
    }

    fn refuse(&self, reason: impl Into<String>) -> Interrupted {
        let reason = cut_reason(reason.into().into());
        self.part.board.change(|state| match &self.scope {
            Some(scope) => state.vote(scope.position, self.part.me, Vote::Aborted(reason)),
            None => drop(state.refused.get_or_insert(reason)),
        });
        Interrupted::new()
    }

    async fn refused_by(&self, _role: RoleId) -> Interrupted {
        match self.wait(|_| None::<Interrupted>).await {
            Ok(interrupted) | Err(interrupted) => interrupted,
        }
    }
}
