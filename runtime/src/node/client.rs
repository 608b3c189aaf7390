//! Starting sessions, and waiting for them.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use accompanist_core::{Deadline, Header, RoleId, RowState, Session, SessionId, SessionKey, Stored, canonical};
use tokio::sync::oneshot;

use super::admission::Admitted;
use super::cancel::{Cancelled, Canceller, Cancels};
use super::cell::{Cell, lock};
use super::limits::{NAME_BYTES_MAX, check_name};
use super::waiters::{Ending, Waiters};
use super::{Node, PARTICIPANTS_MAX, Shared};
use crate::context::{BoxFuture, Choreography, Definition};
use crate::error::Error;
use crate::json::{Unwritable, discard, read, to_json};
use crate::store::Store;

/// The longest id that a client may give a session, in bytes.
pub const CLIENT_ID_BYTES_MAX: usize = NAME_BYTES_MAX;

/// A deadline that is further away, a hundred years, is as far.
const DEADLINE_MILLIS_MAX: u64 = 100 * 365 * 24 * 60 * 60 * 1_000;

/// A session about to be started; `accepted`, `decided` or `settled` starts it, and so does
/// awaiting it, which is `settled`.
#[must_use = "a session starts when it is awaited, or asked to be accepted, decided or settled"]
pub struct Start<S: Store, A> {
    node: Node<S>,
    arguments: A,
    id: Option<String>,
    groups: BTreeMap<String, Vec<String>>,
    within: Option<Duration>,
    waits: bool,
}

/// What a client says of a session that it starts.
struct Request {
    definition: &'static Definition,
    id: Option<String>,
    arguments: Arc<str>,
    groups: BTreeMap<String, Vec<String>>,
    within: Option<Duration>,
    /// Until there is room for one more session.
    waits: bool,
}

impl<S: Store, A> fmt::Debug for Start<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("node", &self.node).field("id", &self.id).finish_non_exhaustive()
    }
}

impl<S: Store, A: Choreography> Start<S, A> {
    pub(super) fn new(node: Node<S>, arguments: A) -> Self {
        Self { node, arguments, id: None, groups: BTreeMap::new(), within: None, waits: true }
    }

    /// The client's own id for the session. Starting again with the same id and arguments gives the same session, however often, as long as
    /// the node remembers it; with other arguments it is an error. Without an id every start is a session of its own.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says which nodes play the members of the group `role`, in order; they may be none, and a node may be there several times. A start with the
    /// id of a session that has other members is an error, as one with other arguments is. Where nothing is said, it is as the node's builder
    /// says; a group of which neither says anything is an error.
    pub fn members<N: Into<String>>(mut self, role: impl Into<String>, nodes: impl IntoIterator<Item = N>) -> Self {
        self.groups.insert(role.into(), nodes.into_iter().map(Into::into).collect());
        self
    }

    /// How long the session may take until its outcome is decided. One that is not decided by then is rolled back, unless by then all roles have
    /// completed their parts: the end of this time is a cancel ([`Node::cancel`]), with `not decided within … ms` for its reason.
    ///
    /// The deadline is stored with the start, and outlives the node: it is timed by a clock that does not jump for as long as the node runs, and
    /// by the time of day when it starts again. If that was put back meanwhile, the session has at most the whole time again; if it was put
    /// forward, less than it should have. A start with the id of a session that is under way does not change its deadline.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// As [`Start::accepted`], without waiting for its turn: where as many sessions are in flight as may be ([`Limits`](super::Limits)), it is an
    /// error ([`Error::is_overloaded`]).
    pub async fn try_accepted(self) -> Result<Handle<A::Output>, Error> {
        Self { waits: false, ..self }.accepted().await
    }

    /// Starts the session; returns when it is durable, so that it will settle whatever happens.
    pub async fn accepted(self) -> Result<Handle<A::Output>, Error> {
        let (accepted, waits) = oneshot::channel();
        let handle = self.begin(|waiters| waiters.accepted.push(accepted)).await?;
        waits.await.map_err(|_| Error::unavailable("the node is stopping"))??;
        Ok(handle)
    }

    /// Starts the session and waits for its outcome: the result, or the reason why it is being rolled back.
    pub async fn decided(self) -> Result<A::Output, Error> {
        self.begin(|_| {}).await?.decided().await
    }

    /// Starts the session and waits until it is over: the result, or the reason why it has been rolled back at every role.
    pub async fn settled(self) -> Result<A::Output, Error> {
        self.begin(|_| {}).await?.settled().await
    }

    async fn begin(self, wait: impl FnOnce(&mut Waiters)) -> Result<Handle<A::Output>, Error> {
        let (decided, waits_decided) = oneshot::channel();
        let (settled, waits_settled) = oneshot::channel();
        let mut waiters = Waiters { decided: vec![decided], settled: vec![settled], ..Waiters::default() };
        wait(&mut waiters);
        let definition = self.arguments.definition();
        let Self { node, arguments, id, groups, within, waits } = self;
        let arguments = written(arguments, node.shared.limits.payload_bytes_max)?;
        let request = Request { definition, id, arguments, groups, within, waits };
        let key = node.shared.start(request, waiters).await?;
        let canceller = Arc::new(Canceller::new(&node.shared, key));
        Ok(Handle { key, decided: waits_decided, settled: waits_settled, canceller, output: PhantomData })
    }
}

/// As [`Start::settled`].
impl<S: Store, A: Choreography + 'static> IntoFuture for Start<S, A> {
    type Output = Result<A::Output, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.settled())
    }
}

/// A session that was started here.
pub struct Handle<T> {
    key: SessionKey,
    decided: oneshot::Receiver<Ending>,
    settled: oneshot::Receiver<Ending>,
    canceller: Arc<dyn Cancels>,
    output: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("session", &self.key.session).finish_non_exhaustive()
    }
}

impl<T: serde::de::DeserializeOwned> Handle<T> {
    /// The session's identity, the same at all its roles.
    pub fn session(&self) -> SessionId {
        self.key.session
    }

    /// Asks to end the session, and waits for its outcome; see [`Node::cancel`].
    pub async fn cancel(&self, reason: impl Into<Arc<str>>) -> Result<Cancelled, Error> {
        self.canceller.cancel(reason.into()).await
    }

    /// Waits for the outcome: the initiator's part of the result, or the reason why the session is being rolled back.
    pub async fn decided(self) -> Result<T, Error> {
        Self::output(self.decided).await
    }

    /// Waits until the session is over: the result, or the reason why it has been rolled back at every role.
    pub async fn settled(self) -> Result<T, Error> {
        Self::output(self.settled).await
    }

    async fn output(waits: oneshot::Receiver<Ending>) -> Result<T, Error> {
        let json = waits
            .await
            .map_err(|_| Error::unavailable("the node stopped; the session goes on when it runs again"))??;
        read(&json).map_err(|error| Error::unreadable(format!("the result cannot be read: {error}")))
    }
}

/// A session that was started before.
enum Known<S: Store> {
    Live(Arc<Cell<S>>),
    Stored(Box<Stored>),
}

impl<S: Store> Shared<S> {
    /// Starts a session, or joins one that was started with the same id.
    async fn start(self: &Arc<Self>, request: Request, waiters: Waiters) -> Result<SessionKey, Error> {
        let (role, starts) = self.repertoire.initiator(request.definition)?;
        if request.id.as_ref().is_some_and(|id| id.len() > CLIENT_ID_BYTES_MAX) {
            return Err(Error::configuration(format!("the session's id is longer than {CLIENT_ID_BYTES_MAX} bytes")));
        }
        check_groups(request.definition, &request.groups)?;
        role.check_arguments(&request.arguments).map_err(|error| {
            Error::unreadable(format!("the list of arguments is written as JSON that its type cannot read: {error}"))
        })?;
        let nonce = self.process.random_16()?;
        if let Some(id) = &request.id {
            self.taken_up(request.definition.name, id).await?;
        }
        let mut starting = self.starting.lock().await;
        if let Some(known) = self.known(&request).await? {
            return self.answer(known, &request, waiters);
        }
        starts.check(request.definition)?;
        self.peers.check()?;
        if let Some(id) = &request.id {
            self.peers.check_lost(request.definition.name, id)?;
        }
        let place = match self.admission.enter(request.arguments.len(), request.waits)? {
            Admitted::Now(place) => place,
            Admitted::Later(turn) => {
                drop(starting);
                let place = turn.await.map_err(|_| Error::draining())?;
                starting = self.starting.lock().await;
                // Somebody else may have started it meanwhile.
                if let Some(known) = self.known(&request).await? {
                    return self.answer(known, &request, waiters);
                }
                place
            }
        };
        if !self.room.may_try() {
            return Err(Error::store_full("the database of this node has no room"));
        }
        let waiters = Waiters { place: Some(place), ..waiters };
        let Request { definition, id, arguments, groups, within, .. } = request;
        let nodes = self.cast(definition, groups)?;
        nodes.iter().flatten().try_for_each(|node| check_name("the name of a node that takes part", node))?;
        self.check_reach(definition, &nodes)?;
        let counts = nodes.iter().map(Vec::len);
        let participants = definition.players(definition.participants, counts.clone());
        let begins = definition.players(definition.begins, counts.clone());
        let initiator = definition.players(&[definition.initiator], counts).first().copied();
        let initiator =
            initiator.ok_or_else(|| Error::configuration("the role where the session starts has no member"))?;
        let header = Arc::new(Header {
            choreography: definition.name.to_owned(),
            fingerprint: definition.fingerprint,
            initiator,
            client_id: id.unwrap_or_else(|| hex(&nonce)),
            nonce,
            nodes,
            participants,
        });
        let now = self.clock.now();
        let mut session = Session::start(header, arguments, &begins, Arc::clone(&self.timing), now);
        if let Some(within) = within {
            session = session.with_deadline(self.deadline(within), now);
        }
        let key = session.key();
        let cell = self.insert(role, session, waiters, 0);
        drop(starting);
        cell.step(|_, _| {});
        Ok(key)
    }

    fn deadline(&self, within: Duration) -> Deadline {
        let within_millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).min(DEADLINE_MILLIS_MAX);
        Deadline { unix_millis: self.process.unix_millis().saturating_add(within_millis), within_millis }
    }

    /// The session that was started with the same id, if there is one.
    async fn known(&self, request: &Request) -> Result<Option<Known<S>>, Error> {
        let (definition, Some(id)) = (request.definition, &request.id) else { return Ok(None) };
        if let Some(key) = lock(&self.clients).get(&(definition.name, id.clone())).copied() {
            if let Some(cell) = self.live(key) {
                return Ok(Some(Known::Live(cell)));
            }
            // It is being read again, or it has ended just now.
            if lock(&self.sessions).slots.contains_key(&key) {
                return Err(Error::store_fails());
            }
        }
        let stored = self.store.find_client(definition.name, id).await.map_err(Error::unavailable)?;
        Ok(stored.map(|stored| Known::Stored(Box::new(stored))))
    }

    /// The answer to a repeated start.
    fn answer(&self, known: Known<S>, request: &Request, waiters: Waiters) -> Result<SessionKey, Error> {
        let Request { definition, id, arguments, groups, .. } = request;
        let id = id.as_deref().unwrap_or_default();
        match known {
            Known::Live(cell) => {
                same_members(&cell.header, definition, groups, id)?;
                cell.join(arguments, id, waiters)
            }
            Known::Stored(stored) => {
                same_members(&stored.row.header, definition, groups, id)?;
                self.finished(&stored, arguments, id, waiters)
            }
        }
    }

    /// The answer to a repeated start of a session that is stored and not in memory.
    fn finished(
        &self,
        stored: &Stored,
        arguments: &Arc<str>,
        id: &str,
        mut waiters: Waiters,
    ) -> Result<SessionKey, Error> {
        let known = stored.row.arguments.as_ref();
        if known.is_none_or(|known| canonical(known) != canonical(arguments)) {
            return Err(Error::id_in_use(id));
        }
        let RowState::Finished { outcome } = &stored.row.state else {
            return Err(Error::parked(self.not_deployed(&stored.row.header)));
        };
        waiters.accept();
        waiters.end(outcome);
        let header = &stored.row.header;
        Ok(SessionKey { session: header.session_id(), role: header.initiator })
    }

    /// Whether every participant's node can be reached, now or later: else the session could never end.
    fn check_reach(&self, definition: &Definition, nodes: &[Vec<String>]) -> Result<(), Error> {
        for (role, (name, nodes)) in (0..=u16::MAX).map(RoleId).zip(definition.roles.iter().zip(nodes)) {
            let reached = |node: &String| *node == self.name || self.link.get().is_none_or(|link| link.may_reach(node));
            if let Some(node) = nodes.iter().find(|node| definition.participants.contains(&role) && !reached(node)) {
                return Err(Error::configuration(format!(
                    "the role `{name}` of `{}` is played by the node `{node}`, which this node has no way to: name it in `peers`, \
                     or say by `assign` who plays the role",
                    definition.name
                )));
            }
        }
        Ok(())
    }

    /// The nodes that play each declared role: for groups as `groups` says, or else as the node's builder does.
    fn cast(
        &self,
        definition: &Definition,
        mut groups: BTreeMap<String, Vec<String>>,
    ) -> Result<Vec<Vec<String>>, Error> {
        let nodes = (0..=u16::MAX).map(RoleId).zip(definition.roles).map(|(role, name)| {
            match (definition.groups.contains(&role), self.authority.assigned(definition.name, name)) {
                (true, assigned) => groups.remove(*name).or_else(|| assigned.map(<[_]>::to_vec)).ok_or_else(|| {
                    Error::configuration(format!(
                        "the role `{name}` of `{}` is a group: say by `members` which nodes play it",
                        definition.name
                    ))
                }),
                (false, None) => Ok(vec![crate::names::snake_case(name)]),
                (false, Some([node])) => Ok(vec![node.clone()]),
                (false, Some(_)) => Err(not_a_group(definition, name)),
            }
        });
        let nodes: Vec<Vec<String>> = nodes.collect::<Result<_, _>>()?;
        match nodes.iter().map(Vec::len).sum() {
            0..=PARTICIPANTS_MAX => Ok(nodes),
            count => Err(Error::configuration(format!(
                "a session of `{}` would have {count} participants, more than {PARTICIPANTS_MAX}",
                definition.name
            ))),
        }
    }
}

/// The JSON of what a session starts with.
fn written<A: Choreography>(arguments: A, bytes_max: usize) -> Result<Arc<str>, Error> {
    let json = to_json(&arguments, bytes_max).map_err(|error| {
        let what = match &error {
            Unwritable::TooLong { bytes, bytes_max } => {
                format!("the arguments have {bytes} bytes of JSON, and this node takes {bytes_max}")
            }
            Unwritable::TooDeep(_)
            | Unwritable::Unsupported(_)
            | Unwritable::Unreadable(_)
            | Unwritable::Changed(..) => format!("the list of arguments {error}"),
        };
        match error {
            Unwritable::TooLong { .. } => (Error::too_large(what), false),
            Unwritable::TooDeep(_) => (Error::too_large(what), true),
            Unwritable::Unsupported(_) | Unwritable::Unreadable(_) | Unwritable::Changed(..) => {
                (Error::unreadable(what), false)
            }
        }
    });
    json.map(Arc::from).map_err(|(error, is_deep)| {
        if is_deep {
            discard(arguments);
        }
        error
    })
}

/// Members are said of groups only.
fn check_groups(definition: &Definition, groups: &BTreeMap<String, Vec<String>>) -> Result<(), Error> {
    let is_group = |name: &str| definition.groups.iter().any(|role| definition.role_name(*role) == name);
    match groups.keys().find(|name| !is_group(name)) {
        Some(name) => Err(not_a_group(definition, name)),
        None => Ok(()),
    }
}

fn not_a_group(definition: &Definition, name: &str) -> Error {
    Error::configuration(format!("`{name}` is no group of `{}`: `members` is for groups", definition.name))
}

/// A repeated start may not ask for other members.
fn same_members(
    header: &Header,
    definition: &Definition,
    groups: &BTreeMap<String, Vec<String>>,
    id: &str,
) -> Result<(), Error> {
    let same = definition
        .roles
        .iter()
        .zip(&header.nodes)
        .all(|(name, nodes)| groups.get(*name).is_none_or(|asked| asked == nodes));
    if same { Ok(()) } else { Err(Error::id_in_use(id)) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
