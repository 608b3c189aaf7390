//! The operations of a machine's services, as a runtime sees them: one transaction and one `fn`, whose arguments say which is meant.

use std::sync::Arc;

use accompanist::{BoxError, Database, Failure, IdempotencyKey, Operation, Transaction};
use chor::interpret::{Called, Participant, Value};
use serde::{Deserialize, Serialize};

use super::Wire;
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

    fn perform(&self, world: &World) -> Result<Wire, Failure> {
        let result = self.result.clone().map(|value| value.0);
        world.record(Participant(self.participant), Entry::Did(self.name.clone(), self.arguments(), result));
        self.result.clone().map_err(Failure::Abort)
    }
}

/// Any transaction.
#[derive(Debug)]
pub struct Committed;

impl<D: Database> Transaction<World, D> for Committed {
    const NAME: &'static str = "Machine.commit";
    type Arguments = Request;
    type Output = Wire;

    async fn commit(world: &World, _tx: &mut D::Tx, request: &Request) -> Result<Wire, Failure> {
        request.perform(world)
    }

    async fn compensate(world: &World, _tx: &mut D::Tx, request: &Request, output: &Wire) -> Result<(), BoxError> {
        if request.can_be_undone {
            let undone = Entry::Undid(request.name.clone(), request.arguments(), output.0.clone());
            world.record(Participant(request.participant), undone);
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
        request.perform(world)
    }
}
