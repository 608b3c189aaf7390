//! The operations of a machine's services, as a runtime sees them: one transaction, one `fn` and one `fn` with a compensation, whose arguments say which is meant.

use std::sync::Arc;
use std::time::Duration;

use accompanist::store::{MemoryTx, Store};
use accompanist::{BoxError, Compensated, Database, Failure, IdempotencyKey, Operation, Transaction};
use chor::interpret::{Called, Participant, Value};
use serde::{Deserialize, Serialize};

use super::Wire;
use super::outside::Kept;
use super::world::{Entry, World};

/// An operation with its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    participant: u16,
    /// `Service.operation`
    name: String,
    /// Whether it can be undone.
    can_be_undone: bool,
    arguments: Vec<Wire>,
    /// What it will give: the same in every run, and so computed where its type is known.
    result: Result<Wire, String>,
}

impl Request {
    /// The operation that is called.
    pub(super) fn new(world: &Arc<World>, hir: &chor::hir::Hir, called: &Called<'_>, can_be_undone: bool) -> Self {
        Self {
            participant: called.participant.0,
            name: format!("{}.{}", called.service, called.operation),
            can_be_undone,
            arguments: called.arguments.iter().cloned().map(Wire).collect(),
            result: world.result(hir, called).map(Wire),
        }
    }

    fn arguments(&self) -> Vec<Value> {
        self.arguments.iter().map(|argument| argument.0.clone()).collect()
    }

    /// What is written down of it.
    fn did(&self) -> (Participant, Entry) {
        let result = self.result.clone().map(|value| value.0);
        (Participant(self.participant), Entry::Did(self.name.clone(), self.arguments(), result))
    }

    fn result(&self) -> Result<Wire, Failure> {
        self.result.clone().map_err(Failure::Abort)
    }
}

/// A transaction of a store that keeps what services write into it.
pub trait Keeping {
    /// Writes it down as a part of the transaction.
    fn keep(&mut self, kept: Kept);
}

/// Keeps nothing: what is done is done.
impl Keeping for () {
    fn keep(&mut self, _: Kept) {}
}

/// What transactions have done, and compensations, as far as they are committed.
#[derive(Clone, Debug, Default)]
pub struct Effects(pub Vec<Kept>);

impl Keeping for MemoryTx {
    fn keep(&mut self, kept: Kept) {
        self.data::<Effects>().0.push(kept);
    }
}

/// A store of such transactions.
pub trait Keeps: Store<Tx: Keeping> {}

impl<S: Store<Tx: Keeping>> Keeps for S {}

/// Any transaction.
#[derive(Debug)]
pub struct Committed;

impl<D: Database<Tx: Keeping>> Transaction<World, D> for Committed {
    const NAME: &'static str = "Machine.commit";
    type Arguments = Request;
    type Output = Wire;

    async fn commit(world: &World, tx: &mut D::Tx, request: &Request) -> Result<Wire, Failure> {
        let (participant, entry) = request.did();
        tx.keep((world.books().next(), participant, entry.clone()));
        world.record(participant, entry);
        request.result()
    }

    async fn compensate(world: &World, tx: &mut D::Tx, request: &Request, output: &Wire) -> Result<(), BoxError> {
        if request.can_be_undone {
            let (participant, undone) = (Participant(request.participant), output.0.clone());
            let undone = Entry::Undid(request.name.clone(), request.arguments(), undone);
            tx.keep((world.books().next(), participant, undone.clone()));
            world.record(participant, undone);
        }
        Ok(())
    }
}

/// Any `fn`.
#[derive(Debug)]
pub struct Recorded;

impl<D: Database> Operation<World, D> for Recorded {
    const NAME: &'static str = "Machine.call";
    type Arguments = Request;
    type Output = Wire;

    async fn call(world: &World, _key: &IdempotencyKey, request: &Request) -> Result<Wire, Failure> {
        let (participant, entry) = request.did();
        world.record(participant, entry);
        request.result()
    }
}

/// Any `fn` with a compensation.
#[derive(Debug)]
pub struct Outside;

impl<D: Database> Operation<World, D> for Outside {
    const NAME: &'static str = "Machine.call_outside";
    const COMPENSATION: Option<&'static str> = Some("Machine.undo_outside");
    type Arguments = Request;
    type Output = Wire;

    async fn call(world: &World, key: &IdempotencyKey, request: &Request) -> Result<Wire, Failure> {
        let (participant, entry) = request.did();
        if request.result.is_err() {
            world.record(participant, entry);
            return request.result();
        }
        let (books, key) = (Arc::clone(world.books()), *key);
        let is_done = match world.lateness_millis() {
            None => books.call(key, participant, entry),
            // Whoever called may be gone when it arrives.
            Some(millis) => {
                let arrival = tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                    books.call(key, participant, entry)
                });
                arrival.await?
            }
        };
        if is_done { request.result() } else { Err(std::io::Error::other("it is compensated").into()) }
    }
}

impl<D: Database> Compensated<World, D> for Outside {
    async fn compensate(
        world: &World,
        key: &IdempotencyKey,
        request: &Request,
        output: Option<&Wire>,
    ) -> Result<(), BoxError> {
        if request.result.is_err() && output.is_some() {
            world.books().contradict(format!("`{}` was refused, and its compensation is told a result", request.name));
        }
        world.books().undo(*key, output.map(|told| &told.0));
        Ok(())
    }
}
