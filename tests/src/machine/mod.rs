//! A machine that plays the role of any projected program, without rustc: it walks through the statements, on whatever runtime it is handed. What its services
//! do is said by a [`World`].

mod call;
mod compute;
mod frame;
mod function;
mod outside;
mod run;
mod wire;
mod world;

use std::sync::Arc;

use accompanist::{
    BoxError, BoxFuture, Choreography, Definition, IdempotencyKey, Interrupted, Role, RoleId, ServiceOperation,
    SessionContext,
};
use chor::Compilation;
use chor::hir::ChoreographyId;
use chor::interpret::Value;
use serde::Serialize;

use call::Keeps;
pub use call::{Committed, Effects, Keeping, Outside};
pub use outside::{Books, Kept};
pub use wire::Wire;
pub use world::{Asked, Entry, LATE_MILLIS_MAX, World, any_value};

/// A choreography that is played.
#[derive(Debug)]
pub struct Play {
    /// The program.
    pub compilation: Arc<Compilation>,
    /// The choreography.
    pub choreography: ChoreographyId,
    /// What a runtime knows of it.
    pub definition: &'static Definition,
}

impl Play {
    /// A choreography of a program without errors.
    pub fn new(compilation: Arc<Compilation>, choreography: ChoreographyId) -> Option<Self> {
        let declared = compilation.hir.choreography(choreography);
        let projection = compilation.projections.iter().find(|known| known.choreography == choreography.0 as usize)?;
        let role = |role: &chor::hir::RoleId| RoleId(role.0);
        let groups = declared.role_ids().filter(|role| declared.role(*role).kind == chor::hir::RoleKind::Group);
        let names: Vec<&'static str> =
            declared.role_ids().map(|role| &*declared.role_name(role).to_owned().leak()).collect();
        let sites = |pivot: &chor::lir::Pivot| -> &'static [u32] { pivot.sites.clone().leak() };
        let pivots: Vec<_> = projection.pivots.iter().map(|pivot| (role(&pivot.role), sites(pivot))).collect();
        let idle = |optional: &chor::lir::Optional| -> &'static [u32] { optional.idle.clone().leak() };
        let optional: Vec<_> = projection.optional.iter().map(|part| (role(&part.role), idle(part))).collect();
        // A test's programs are few enough to stay in memory.
        let definition = Box::leak(Box::new(Definition {
            name: declared.name.name.clone().leak(),
            fingerprint: projection.fingerprint,
            roles: names.leak(),
            groups: groups.map(|group| role(&group)).collect::<Vec<_>>().leak(),
            initiator: role(&projection.initiator),
            participants: projection.participants.iter().map(role).collect::<Vec<_>>().leak(),
            begins: projection.begins.iter().map(role).collect::<Vec<_>>().leak(),
            pivots: pivots.leak(),
            optional: optional.leak(),
            givers: projection.givers().iter().map(role).collect::<Vec<_>>().leak(),
        }));
        Some(Self { compilation, choreography, definition })
    }
}

/// A role that the machine plays.
#[derive(Debug)]
pub struct Player {
    /// What is played.
    pub play: Arc<Play>,
    /// Which of its declared roles.
    pub role: RoleId,
    /// Its services.
    pub world: Arc<World>,
}

/// What stands for all operations of a program.
const OPERATIONS: [ServiceOperation; 3] = [
    ServiceOperation::Transaction("Machine.commit", Some("Machine.undo")),
    ServiceOperation::Recorded("Machine.call", None),
    ServiceOperation::Recorded("Machine.call_outside", Some("Machine.undo_outside")),
];

impl<S: Keeps> Role<S> for Player {
    type Arguments = Option<Vec<Wire>>;
    type Output = Wire;

    fn definition(&self) -> &'static Definition {
        self.play.definition
    }

    fn role(&self) -> RoleId {
        self.role
    }

    fn operations(&self) -> &'static [ServiceOperation] {
        &OPERATIONS
    }

    async fn run<C: SessionContext<Database = S>>(
        self: Arc<Self>,
        ctx: C,
        arguments: Self::Arguments,
    ) -> Result<Wire, Interrupted> {
        let arguments = arguments.unwrap_or_default().into_iter().map(|Wire(value)| value).collect();
        run::session(&self, ctx, arguments).await.map(Wire)
    }

    fn compensate<'a>(
        &'a self,
        tx: &'a mut S::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        match operation {
            "Machine.commit" => accompanist::compensate::<Committed, World, S>(&self.world, tx, arguments, output),
            _ => accompanist::unknown_operation(operation),
        }
    }

    fn compensate_call<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        operation: &'a str,
        arguments: &'a str,
        output: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        match operation {
            "Machine.call_outside" => {
                accompanist::compensate_call::<Outside, World, S>(&self.world, key, arguments, output)
            }
            _ => accompanist::unknown_operation(operation),
        }
    }
}

/// The arguments of a session.
#[derive(Debug)]
pub struct Arguments {
    /// What is played.
    pub play: Arc<Play>,
    /// The values.
    pub values: Vec<Value>,
}

impl Serialize for Arguments {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.iter().cloned().map(Wire).collect::<Vec<_>>().serialize(serializer)
    }
}

impl Choreography for Arguments {
    type Output = Wire;

    fn definition(&self) -> &'static Definition {
        self.play.definition
    }
}
