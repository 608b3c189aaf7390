//! `SessionContext`: the interface that generated code is written against, and the shapes of what it is handed. It is the plain
//! choreographic one: nothing in it knows of a crash, and every runtime (plain, resilient, simulated) implements it unchanged.

mod generated;

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use accompanist_core::{Header, OptionalRoles, Path};
pub use accompanist_core::{Position, RoleId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::generated::{compensate, compensate_call, only_member, unknown_operation};
use crate::deep::CALL_DEPTH_MAX;
use crate::json::{VALUE_DEPTH_MAX, discard, is_too_deep};

/// What a value that roles hold, send or record must be able to do. Implemented for every type that can.
///
/// Values are kept and sent as JSON, and a role that runs again must make the same text again: so a type writes the same JSON each time (a
/// `BTreeMap`, not a `HashMap`, whose order is random) and can read what it wrote. This is checked where a value is sent, or is the argument or
/// the result of an operation: it is read again, and must then write the same text. A value that fails the check ends the session there. What
/// a type leaves out of its text (`#[serde(skip)]`) is not seen by the check, and is lost alike in the first run and in a replay.
pub trait Value: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static> Value for T {}

/// The number of a communication, an operation, a loop or a call in the text of a choreography: the static half of a position.
/// What several roles take part in has the same number at all of them.
pub type Site = u32;

/// A boxed error of any kind, as compensations return it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The database that a role's transactions use.
pub trait Database: Send + Sync + 'static {
    /// What an operation is handed to write with. Its writes commit together with the record that it ran.
    type Tx: Send;
}

/// The session has ended or cannot go on here. Generated code hands it up with `?`; only the runtime makes one.
#[derive(Debug)]
pub struct Interrupted(());

impl Interrupted {
    pub(crate) fn new() -> Self {
        Self(())
    }
}

/// Why a scope failed, the same at all its roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abort {
    /// The role that ended it, by its declared name; a member of a group with its index, `Worker[2]`.
    pub role: String,
    /// Its reason.
    pub reason: String,
}

/// What an operation is called with, as reasons name it.
pub(crate) fn arguments_of(operation: &str) -> String {
    format!("the list of arguments of {operation}")
}

/// Why a call at `place` is refused.
pub(crate) fn too_deep(place: &str) -> String {
    format!("{place} nests calls of choreographies more than {CALL_DEPTH_MAX} deep: a loop goes on for longer")
}

/// The reason of a scope that a role has not completed in time.
pub(crate) fn too_late(millis: u64) -> String {
    format!("not completed within {millis} ms")
}

/// Why an operation did not return a value.
///
/// Any [`std::error::Error`] becomes a failure of infrastructure by `?`: it is tried again by the retry policy, and ends the saga
/// only when that is exhausted. [`Failure::abort`] is a business reason: the saga rolls back on all roles.
///
/// ```
/// use accompanist::Failure;
/// fn charge(balance: u64, amount: &str) -> Result<u64, Failure> {
///     let amount: u64 = amount.parse()?; // infrastructure: retried
///     if amount > balance {
///         return Err(Failure::abort("card declined"));
///     }
///     Ok(balance - amount)
/// }
/// assert!(matches!(charge(1, "2"), Err(Failure::Abort(reason)) if reason == "card declined"));
/// ```
#[derive(Debug)]
pub enum Failure {
    /// A business reason to end the saga.
    Abort(String),
    /// A failure of infrastructure.
    Infrastructure(BoxError),
}

impl Failure {
    /// A business reason to end the saga: every role undoes what it did.
    pub fn abort(reason: impl Into<String>) -> Self {
        Self::Abort(reason.into())
    }
}

/// Every error that `Box<dyn Error + Send + Sync>` can be made of: those of libraries, boxed
/// ones, and `anyhow`'s.
impl<E: Into<BoxError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Infrastructure(error.into())
    }
}

/// A key that is the same at every attempt of one operation in one session and different for every other: hand it to external services.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(pub(crate) u128);

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({self})")
    }
}

/// A `transaction … compensate …` of a service, as a type: generated, one per operation.
pub trait Transaction<S, D: Database>: Send + Sync + 'static {
    /// `Service.operation`.
    const NAME: &'static str;
    /// The arguments, a tuple.
    type Arguments: Value;
    /// The result.
    type Output: Value;

    /// Runs the operation.
    fn commit(
        service: &S,
        tx: &mut D::Tx,
        arguments: &Self::Arguments,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// Undoes it, given its arguments and its result.
    fn compensate(
        service: &S,
        tx: &mut D::Tx,
        arguments: &Self::Arguments,
        output: &Self::Output,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// A `fn` of a service, as a type: generated, one per operation.
pub trait Operation<S, D: Database>: Send + Sync + 'static {
    /// `Service.operation`.
    const NAME: &'static str;
    /// What undoes it, `Service.operation`, where something does: then it is [`Compensated`], too.
    const COMPENSATION: Option<&'static str> = None;
    /// The arguments, a tuple.
    type Arguments: Value;
    /// The result.
    type Output: Value;

    /// Calls the operation.
    fn call(
        service: &S,
        key: &IdempotencyKey,
        arguments: &Self::Arguments,
    ) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// A `fn … compensate …` of a service, as a type: generated beside its [`Operation`].
///
/// It works on something outside of the role's database, and so shares no commit with its record: that it is about to be called is durable
/// before, its result after. A rollback that finds it without a result compensates it all the same, by the same key: the call may never have
/// arrived, or may be on its way still, and must do nothing once it is compensated.
pub trait Compensated<S, D: Database>: Operation<S, D> {
    /// Undoes it, given its arguments and, where that is known, its result.
    fn compensate(
        service: &S,
        key: &IdempotencyKey,
        arguments: &Self::Arguments,
        output: Option<&Self::Output>,
    ) -> impl Future<Output = Result<(), BoxError>> + Send;
}

/// One role's view of one session. Cloning is cheap.
pub trait SessionContext: Clone + Send + Sync + 'static {
    /// The database of this role's transactions.
    type Database: Database;

    /// Which participant of the session this is.
    fn me(&self) -> RoleId;

    /// The participants that play the declared role `role` (an index in [`Definition::roles`]), in order: one for a single role.
    fn members(&self, role: RoleId) -> Arc<[RoleId]>;

    /// The context of round or call `index` at `site`: what is done with it has positions of its own, and comes after what was done before.
    fn child(&self, site: Site, index: u64) -> Self;

    /// The context of a call at `site`. Where calls nest more than [`CALL_DEPTH_MAX`] deep, the innermost scope ends, or the session: for a
    /// reason that begins with `place`, which says where and what the call is.
    fn enter(&self, site: Site, place: &str) -> Result<Self, Interrupted>;

    /// The context of arm or member `index` at `site`: like a child, but one that runs side by side with its neighbours.
    fn arm(&self, site: Site, index: u64) -> Self {
        self.child(site, index)
    }

    /// All `arms` have ended: what follows depends on what each of them has received, in this order.
    fn join(&self, arms: &[Self]) {
        // A runtime that runs nothing twice has no use for it.
        let _ = arms;
    }

    /// The position of a message: the sites of the calls that lead to it (children of index 0), and at last its own.
    fn position(&self, path: &[Site]) -> Position;

    /// Sends `value` to `to`. Waits for nothing but room, where much is kept for `to` that it has not got yet.
    fn send<T: Value>(&self, site: Site, to: RoleId, value: &T)
    -> impl Future<Output = Result<(), Interrupted>> + Send;

    /// Waits for the message that `from` sends at `site`.
    fn receive<T: DeserializeOwned>(
        &self,
        site: Site,
        from: RoleId,
    ) -> impl Future<Output = Result<T, Interrupted>> + Send;

    /// Waits for the message that `from` sends at `site`, and gives `None` once this role has waited so long here. Which of the two it is, is
    /// kept; a message that comes too late is dropped.
    fn receive_within<T: DeserializeOwned>(
        &self,
        site: Site,
        from: RoleId,
        millis: u64,
    ) -> impl Future<Output = Result<Option<T>, Interrupted>> + Send;

    /// Waits for so many milliseconds, counted from when this role first came here: it is waited for once, however often the role is run again.
    fn sleep(&self, site: Site, millis: u64) -> impl Future<Output = Result<(), Interrupted>> + Send;

    /// Tells `to` which branch was taken: a message whose site says it all, received as `()`.
    fn select(&self, site: Site, to: RoleId) -> impl Future<Output = Result<(), Interrupted>> + Send {
        self.send(site, to, &())
    }

    /// Waits until one of `messages` is there and says which, without taking it.
    fn offer(&self, messages: &[(Position, RoleId)]) -> impl Future<Output = Result<usize, Interrupted>> + Send;

    /// Runs a transaction of the role's service.
    fn transaction<T, S>(
        &self,
        site: Site,
        service: &Arc<S>,
        arguments: T::Arguments,
    ) -> impl Future<Output = Result<T::Output, Interrupted>> + Send
    where
        T: Transaction<S, Self::Database>,
        S: Send + Sync + 'static;

    /// Calls an operation of the role's service whose result is remembered.
    fn call<O, S>(
        &self,
        site: Site,
        service: &Arc<S>,
        arguments: O::Arguments,
    ) -> impl Future<Output = Result<O::Output, Interrupted>> + Send
    where
        O: Operation<S, Self::Database>,
        S: Send + Sync + 'static;

    /// Runs `body` as a scope of `roles`: participants, this one among them, the same list at all of them.
    ///
    /// `Ok(Ok(_))` once all of them have completed the body. Otherwise what this role's transactions did in the body is undone, the last one
    /// first, and it is `Ok(Err(why))`: why the lowest-numbered role that aborted did so. With `waits_for_all` that is known when every role
    /// has voted, and the same at all of them; without, a role goes on as soon as it knows of an abort, and what it reports then
    /// may differ between roles and runs, or say nothing. With `within_millis` the scope aborts where a role has not completed the body that long after it began it.
    ///
    /// `Err` where a scope around this one, or the session, has ended.
    fn saga<T, F>(
        &self,
        site: Site,
        roles: &[RoleId],
        within_millis: Option<u64>,
        waits_for_all: bool,
        body: impl FnOnce(Self) -> F + Send,
    ) -> impl Future<Output = Result<Result<T, Abort>, Interrupted>> + Send
    where
        T: Send,
        F: Future<Output = Result<T, Interrupted>> + Send;

    /// Ends the innermost scope, or the session where there is none, by intent, for `reason`.
    fn refuse(&self, reason: impl Into<String>) -> Interrupted;

    /// Waits for the end of the innermost scope, or of the session, which `role` brings about at this place.
    fn refused_by(&self, role: RoleId) -> impl Future<Output = Interrupted> + Send;

    /// Goes on when `condition` holds; otherwise ends the innermost scope, or the session, for `reason`.
    fn require(&self, condition: bool, reason: impl FnOnce() -> String) -> Result<(), Interrupted> {
        if condition { Ok(()) } else { Err(self.refuse(reason())) }
    }

    /// Goes on with a value that is nested no deeper than a value may be, [`VALUE_DEPTH_MAX`]; `place` says where it is made.
    fn shallow<T: Value>(&self, value: T, place: &str) -> Result<T, Interrupted> {
        if !is_too_deep(&value) {
            return Ok(value);
        }
        discard(value);
        Err(self.refuse(format!("{place} is nested more than {VALUE_DEPTH_MAX} levels deep")))
    }

    /// The value of an expression that may have none (overflow, division by zero, an index out of range); `place` says which and where.
    fn defined<T>(&self, value: Option<T>, place: &str) -> Result<T, Interrupted> {
        value.ok_or_else(|| self.refuse(place))
    }
}

/// What a choreography is to a runtime: generated, one per choreography.
///
/// A [`RoleId`] in it is a declared role, by its index in `roles`. In a session every member of a group is a participant with a `RoleId` of
/// its own: the declared roles in order, the members of a group one after another. Without groups both are the same.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// A digest of everything on which its roles must agree.
    pub fingerprint: [u8; 32],
    /// The names of its declared roles.
    pub roles: &'static [&'static str],
    /// The roles that are groups: how many members one has, and who plays them, is said when a session starts.
    pub groups: &'static [RoleId],
    /// The role where a session starts.
    pub initiator: RoleId,
    /// The roles that have a part in it.
    pub participants: &'static [RoleId],
    /// The participants whose first action is not a receive, and which the initiator begins by a message of its own.
    pub begins: &'static [RoleId],
    /// The pivots: transactions that nothing undoes and that their role does last, so that they run
    /// only when every other role has voted, and decide the session. The sites of the calls that lead
    /// to one (children of index 0), and at last its own.
    pub pivots: &'static [(RoleId, &'static [Site])],
    /// The roles that may have no part in a session, and whom the initiator does not wait for then.
    /// With the sites of the messages to them that lead to none; any other gives a part.
    pub optional: &'static [(RoleId, &'static [Site])],
    /// The roles, but for the initiator, that may give one of those a part.
    pub givers: &'static [RoleId],
}

impl Definition {
    /// The beginning of its fingerprint, in hexadecimal: what a node says where it tells one version from another.
    pub fn version(&self) -> String {
        short_version(&self.fingerprint)
    }

    /// The name of a declared role.
    pub(crate) fn role_name(&self, role: RoleId) -> &'static str {
        self.roles.get(usize::from(role.0)).copied().unwrap_or("?")
    }

    /// The name of member `index` of a declared role: with its index where the role is a group.
    pub(crate) fn member_name(&self, role: RoleId, index: usize) -> String {
        let name = self.role_name(role);
        if self.groups.contains(&role) { format!("{name}[{index}]") } else { name.to_owned() }
    }

    /// The name of a participant of a session.
    pub(crate) fn participant_name(&self, header: &Header, participant: RoleId) -> String {
        let part = header.part(participant);
        part.map_or_else(|| "?".to_owned(), |(role, index)| self.member_name(role, index))
    }

    /// Where the pivots of a declared role are.
    pub(crate) fn pivots_of(&self, role: RoleId) -> BTreeSet<Position> {
        let own = self.pivots.iter().filter(|(of, _)| *of == role);
        own.map(|(_, sites)| Path::ROOT.position_of(sites)).collect()
    }

    /// The participants of a session that may have no part in it.
    pub(crate) fn optional_of(&self, header: &Header) -> OptionalRoles {
        let roles: Vec<RoleId> = self.optional.iter().map(|(role, _)| *role).collect();
        let players = |roles: &[RoleId]| self.players(roles, header.nodes.iter().map(Vec::len)).into_iter().collect();
        OptionalRoles { roles: players(&roles), givers: players(self.givers) }
    }

    /// Whether a message to a participant leads it to no part.
    pub(crate) fn is_idle(&self, header: &Header, site: Site, to: RoleId) -> bool {
        if self.optional.is_empty() {
            return false;
        }
        let Some((declared, _)) = header.part(to) else { return false };
        self.optional.iter().any(|(role, idle)| *role == declared && idle.contains(&site))
    }

    /// Of some declared roles, those who play them, where the declared roles are played by so many each.
    pub(crate) fn players(&self, roles: &[RoleId], counts: impl Iterator<Item = usize> + Clone) -> Vec<RoleId> {
        roles.iter().flat_map(|role| accompanist_core::members(counts.clone(), *role)).collect()
    }
}

/// The beginning of a fingerprint, in hexadecimal.
pub(crate) fn short_version(fingerprint: &[u8; 32]) -> String {
    fingerprint.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// The arguments of a session, and with them the type of its choreography: generated.
pub trait Choreography: Serialize + Send + 'static {
    /// The initiator's part of the result.
    type Output: DeserializeOwned + Send + 'static;
    /// The choreography.
    fn definition(&self) -> &'static Definition;
}

/// An operation of a role's service, as `Service.operation`: generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceOperation {
    /// A `fn`, and what undoes it.
    Recorded(&'static str, Option<&'static str>),
    /// A `transaction`, and what undoes it.
    Transaction(&'static str, Option<&'static str>),
}

/// A role of a choreography joined to its service: generated.
pub trait Role<D: Database>: Send + Sync + 'static {
    /// What it starts with: the [`Choreography`] at the initiator, `()` at the others.
    type Arguments: DeserializeOwned + Send + 'static;
    /// The role's part of the result.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// The choreography.
    fn definition(&self) -> &'static Definition;

    /// Which of its declared roles this is.
    fn role(&self) -> RoleId;

    /// The operations of its service that a runtime runs: all but the pure ones.
    fn operations(&self) -> &'static [ServiceOperation] {
        &[]
    }

    /// The role's program.
    fn run<C: SessionContext<Database = D>>(
        self: Arc<Self>,
        ctx: C,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Output, Interrupted>> + Send + 'static;

    /// Undoes `operation` (`Service.operation`), given its arguments and result as JSON.
    fn compensate<'a>(
        &'a self,
        tx: &'a mut D::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Undoes a `fn` (`Service.operation`), given the key that it was called with, its arguments and, where that is known, its result as JSON.
    fn compensate_call<'a>(
        &'a self,
        key: &'a IdempotencyKey,
        operation: &'a str,
        arguments: &'a str,
        output: Option<&'a str>,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        let _ = (key, arguments, output);
        unknown_operation(operation)
    }
}

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
