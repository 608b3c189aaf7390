//! What the roles of a plain session share: messages, votes of scopes, and what each role has committed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist_core::{Position, RoleId};
use tokio::sync::Notify;

use super::commit::Committed;
use crate::context::IdempotencyKey;

#[derive(Default)]
pub(super) struct Board {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) messages: HashMap<(Position, RoleId, RoleId), Arc<str>>,
    pub(super) messages_sent: u64,
    pub(super) completed: usize,
    pub(super) refused: Option<Arc<str>>,
    scopes: HashMap<Position, BTreeMap<RoleId, Vote>>,
    /// In the order of their commits; those that run come where they commit.
    entries: Vec<Entry>,
    tickets: u64,
}

/// What a role says of its part of a scope, once.
pub(super) enum Vote {
    Completed,
    Aborted(Arc<str>),
    /// It heard that the scope has failed before it came to its end.
    Stopped,
}

/// An instance of a scope, and those around it.
pub(super) struct Scope {
    pub(super) position: Position,
    pub(super) outer: Option<Arc<Self>>,
}

/// What ended a scope, as far as it has ended.
pub(super) enum Verdict {
    AllCompleted,
    Failed(RoleId, Arc<str>),
}

/// A transaction that runs, has committed, or is being undone.
struct Entry {
    ticket: u64,
    role: RoleId,
    scope: Option<Arc<Scope>>,
    committed: Option<Committed>,
}

/// Stands for a transaction or a compensation that runs: as long as it does, nothing around it is taken for undone.
pub(super) struct Running {
    board: Arc<Board>,
    number: u64,
}

/// A transaction that runs.
pub(super) struct Ticket {
    running: Running,
    operation: &'static str,
    arguments: Arc<str>,
    /// Of an operation outside of the database.
    key: Option<IdempotencyKey>,
}

/// An operation outside of the database that runs: whoever gives it up before it has returned does not know whether it has happened.
pub(super) struct Intent(Option<Ticket>);

impl Scope {
    /// Itself and those around it.
    fn chain(scope: Option<&Arc<Self>>) -> impl Iterator<Item = &Self> {
        std::iter::successors(scope.map(Arc::as_ref), |scope| scope.outer.as_deref())
    }
}

impl State {
    /// Whether the session or one of the scopes around has failed.
    pub(super) fn has_ended(&self, scope: Option<&Arc<Scope>>) -> bool {
        self.refused.is_some() || Scope::chain(scope).any(|scope| self.has_failed(scope.position))
    }

    pub(super) fn has_failed(&self, scope: Position) -> bool {
        self.scopes.get(&scope).is_some_and(|votes| votes.values().any(|vote| matches!(vote, Vote::Aborted(_))))
    }

    /// The first vote of a role counts.
    pub(super) fn vote(&mut self, scope: Position, role: RoleId, vote: Vote) {
        self.scopes.entry(scope).or_default().entry(role).or_insert(vote);
    }

    /// What became of a scope of so many roles; `None` where it is too early to say.
    pub(super) fn verdict(&self, scope: Position, roles: usize, waits_for_all: bool) -> Option<Verdict> {
        let votes = self.scopes.get(&scope)?;
        let all = votes.len() >= roles;
        let first = votes.iter().find_map(|(role, vote)| match vote {
            Vote::Aborted(reason) => Some(Verdict::Failed(*role, Arc::clone(reason))),
            Vote::Completed | Vote::Stopped => None,
        });
        match first {
            Some(failed) => (all || !waits_for_all).then_some(failed),
            None => all.then_some(Verdict::AllCompleted),
        }
    }

    /// The last transaction that `role` committed in `scope` (`None`: in the session), to be undone, and its number; or nothing where there is none
    /// left. `None` as long as one runs, or is being undone.
    fn take_last(&mut self, role: RoleId, scope: Option<Position>) -> Option<Option<(u64, Committed)>> {
        let within = |entry: &Entry| {
            entry.role == role
                && scope.is_none_or(|scope| Scope::chain(entry.scope.as_ref()).any(|around| around.position == scope))
        };
        if self.entries.iter().any(|entry| within(entry) && entry.committed.is_none()) {
            return None;
        }
        let last = self.entries.iter_mut().rev().find(|entry| within(entry));
        Some(last.and_then(|entry| entry.committed.take().map(|committed| (entry.ticket, committed))))
    }
}

impl Board {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that others may wait for.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_waiters();
        changed
    }

    /// Waits until `look` finds something.
    pub(super) async fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
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

    /// The last transaction that `role` committed in `scope`, or in the session, and what says that it is being undone; nothing where there is none left.
    pub(super) async fn undoes(
        self: &Arc<Self>,
        role: RoleId,
        scope: Option<Position>,
    ) -> Option<(Running, Committed)> {
        let (number, committed) = self.wait(|state| state.take_last(role, scope)).await?;
        Some((Running { board: Arc::clone(self), number }, committed))
    }

    /// A transaction begins.
    pub(super) fn ticket(
        self: &Arc<Self>,
        role: RoleId,
        scope: Option<Arc<Scope>>,
        operation: &'static str,
        arguments: Arc<str>,
    ) -> Ticket {
        let mut state = self.lock();
        state.tickets += 1;
        let number = state.tickets;
        state.entries.push(Entry { ticket: number, role, scope, committed: None });
        Ticket { running: Running { board: Arc::clone(self), number }, operation, arguments, key: None }
    }
}

impl Ticket {
    /// It is of an operation outside of the database, called with this key.
    pub(super) fn intent(self, key: IdempotencyKey) -> Intent {
        Intent(Some(Self { key: Some(key), ..self }))
    }

    /// The transaction has committed; the operation outside of the database has returned, or nothing is known of it.
    pub(super) fn committed(self, output: Option<Arc<str>>) {
        let (operation, arguments, key) = (self.operation, Arc::clone(&self.arguments), self.key);
        let committed = Committed { operation, arguments, output, key };
        let Running { board, number } = &self.running;
        let mut state = board.lock();
        if let Some(index) = state.entries.iter().position(|entry| entry.ticket == *number) {
            let entry = state.entries.remove(index);
            state.entries.push(Entry { committed: Some(committed), ..entry });
        }
    }
}

impl Intent {
    /// It has returned.
    pub(super) fn returned(mut self, output: Arc<str>) {
        if let Some(ticket) = self.0.take() {
            ticket.committed(Some(output));
        }
    }

    /// It was refused, and so did nothing.
    pub(super) fn refused(mut self) {
        self.0 = None;
    }
}

impl Drop for Intent {
    fn drop(&mut self) {
        if let Some(ticket) = self.0.take() {
            ticket.committed(None);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let number = self.number;
        self.board.change(|state| {
            state.entries.retain(|entry| entry.ticket != number || entry.committed.is_some());
        });
    }
}
