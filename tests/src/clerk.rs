//! The service of `fixtures/trials.chor`: it does as it is told, and counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use accompanist::{BoxError, Database, Failure, IdempotencyKey};
use tokio::sync::watch;

use crate::generated::trials::Ledger;
use crate::pages::{Book, Writes};

/// What an operation does.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// What it is for.
    Works,
    /// It refuses, with this reason.
    Refuses(&'static str),
    /// It writes, and then fails with this cause.
    Fails(&'static str),
    /// It panics.
    Panics,
    /// It waits until it is told otherwise, and then does that.
    Waits,
}

/// What the operations of one role do, and how often they were called. Clones share it; it outlives the role's node.
#[derive(Clone, Debug, Default)]
pub struct Clerk {
    /// Where they write, when their store has no tables.
    pub book: Book,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviours: BTreeMap<String, Behaviour>,
    calls: BTreeMap<String, u64>,
    keys: Vec<IdempotencyKey>,
    changed: watch::Sender<()>,
}

impl Default for State {
    fn default() -> Self {
        let changed = watch::Sender::new(());
        Self { behaviours: BTreeMap::new(), calls: BTreeMap::new(), keys: Vec::new(), changed }
    }
}

impl Clerk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, `operation` does that; `enter tea` is the operation for that line only, and counts before `enter`.
    pub fn tell(&self, operation: &str, behaviour: Behaviour) {
        let mut state = self.state();
        state.behaviours.insert(operation.to_owned(), behaviour);
        state.changed.send_replace(());
    }

    /// How often `operation` was called, whatever came of it.
    pub fn calls(&self, operation: &str) -> u64 {
        self.state().calls.get(operation).copied().unwrap_or_default()
    }

    /// How many operations are under way.
    pub fn under_way(&self) -> usize {
        self.state().changed.receiver_count()
    }

    /// The keys that `look` was called with.
    pub fn keys(&self) -> Vec<IdempotencyKey> {
        self.state().keys.clone()
    }

    #[expect(clippy::panic, reason = "it does as it is told")]
    async fn behave(&self, operation: &str, line: &str) -> Result<(), Failure> {
        let mut changed = {
            let mut state = self.state();
            *state.calls.entry(operation.to_owned()).or_default() += 1;
            state.changed.subscribe()
        };
        loop {
            let told = {
                let state = self.state();
                let of_line = state.behaviours.get(&format!("{operation} {line}"));
                of_line.or_else(|| state.behaviours.get(operation)).cloned().unwrap_or(Behaviour::Works)
            };
            match told {
                Behaviour::Works => return Ok(()),
                Behaviour::Refuses(reason) => return Err(Failure::abort(reason)),
                Behaviour::Fails(cause) => return Err(Failure::Infrastructure(cause.into())),
                Behaviour::Panics => panic!("as it was told"),
                Behaviour::Waits => changed.changed().await?,
            }
        }
    }

    /// Writes first: what is written by an operation that then does not succeed must not be seen.
    async fn add(&self, tx: &mut impl Writes, operation: &str, line: &str) -> Result<u64, Failure> {
        let count = tx.add(&self.book, operation, line)?;
        self.behave(operation, line).await.map(|()| count)
    }

    async fn undo(&self, tx: &mut impl Writes, operation: &str, line: &str) -> Result<(), BoxError> {
        tx.take_back(&self.book, operation, line)?;
        match self.behave(operation, line).await {
            Ok(()) => Ok(()),
            Err(Failure::Abort(reason)) => Err(reason.into()),
            Err(Failure::Infrastructure(error)) => Err(error),
        }
    }
}

impl<D: Database<Tx: Writes>> Ledger<D> for Clerk {
    async fn enter(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        self.add(tx, "enter", line).await
    }

    async fn strike(&self, tx: &mut D::Tx, line: &String, _: &u64) -> Result<(), BoxError> {
        self.undo(tx, "strike", line).await
    }

    async fn note(&self, tx: &mut D::Tx, line: &String) -> Result<u64, Failure> {
        self.add(tx, "note", line).await
    }

    async fn erase(&self, tx: &mut D::Tx, line: &String, _: &u64) -> Result<(), BoxError> {
        self.undo(tx, "erase", line).await
    }

    async fn look(&self, key: &IdempotencyKey, line: &String) -> Result<u64, Failure> {
        self.state().keys.push(*key);
        self.behave("look", line).await?;
        Ok(self.calls("look"))
    }

    async fn stamp(&self, tx: &mut D::Tx, line: &String) -> Result<(), Failure> {
        self.add(tx, "stamp", line).await.map(drop)
    }

    async fn recall(&self, _: &IdempotencyKey, lines: &u64) -> Result<Vec<(String, Option<Vec<u64>>)>, Failure> {
        self.behave("recall", "").await?;
        let call = self.calls("recall");
        let line =
            |at: u64| (format!("{call}: \u{1f375} \"{at}\"\n"), at.is_multiple_of(2).then(|| vec![u64::MAX, at]));
        Ok((0..*lines).map(line).collect())
    }

    async fn ring(&self, _: &IdempotencyKey, line: &String) -> Result<(), Failure> {
        self.behave("ring", line).await
    }
}
