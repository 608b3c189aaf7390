//! Clients of a run: they ask until they are answered, as often as their node crashes.

use std::fmt;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use accompanist_core::SessionId;
use serde::Serialize;

use super::faults::Fault;
use super::node::{Simulated, Typed};
use super::trace::Noted;
use super::world::World;
use crate::context::{Choreography, Definition};
use crate::error::Error;
use crate::node::Node;

/// A session about to be started; `accepted`, `decided` or `settled` starts it.
#[must_use = "a session starts when it is asked to be accepted, decided or settled"]
pub struct Start<S: Simulated, A> {
    typed: Arc<Typed<S>>,
    arguments: Arc<A>,
    id: Option<String>,
    groups: Vec<(String, Vec<String>)>,
    within: Option<Duration>,
}

impl<S: Simulated, A> fmt::Debug for Start<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Start").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The same arguments again.
struct Again<A>(Arc<A>);

impl<A: Serialize> Serialize for Again<A> {
    fn serialize<Z: serde::Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.0.serialize(serializer)
    }
}

impl<A: Choreography + Sync> Choreography for Again<A> {
    type Output = A::Output;

    fn definition(&self) -> &'static Definition {
        self.0.definition()
    }
}

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Accepted,
    Decided,
    Settled,
}

impl<S: Simulated, A: Choreography + Sync> Start<S, A> {
    pub(super) fn new(typed: Arc<Typed<S>>, arguments: A) -> Self {
        Self { typed, arguments: Arc::new(arguments), id: None, groups: Vec::new(), within: None }
    }

    /// The client's own id for the session. Without one, it gets one that nobody else has.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Says which nodes play the members of the group `role`, in order.
    pub fn members<N: Into<String>>(mut self, role: impl Into<String>, nodes: impl IntoIterator<Item = N>) -> Self {
        self.groups.push((role.into(), nodes.into_iter().map(Into::into).collect()));
        self
    }

    /// How long the session may take until its outcome is decided.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = Some(within);
        self
    }

    /// Starts the session, and waits until it is durable.
    ///
    /// # Errors
    /// What a client does wrong, as [`Node::start`] reports it.
    pub async fn accepted(self) -> Result<SessionId, Error> {
        self.ask(Until::Accepted).await.map(|(session, _)| session)
    }

    /// Starts the session, and waits for its outcome: the result, or the reason why it is being rolled back.
    ///
    /// # Errors
    /// Why the session was aborted, or what a client does wrong.
    pub async fn decided(self) -> Result<A::Output, Error> {
        self.output(Until::Decided).await
    }

    /// Starts the session, and waits until it is over: the result, or the reason why it has been rolled back at every role.
    ///
    /// # Errors
    /// Why the session was aborted, or what a client does wrong.
    pub async fn settled(self) -> Result<A::Output, Error> {
        self.output(Until::Settled).await
    }

    async fn output(self, until: Until) -> Result<A::Output, Error> {
        let (_, output) = self.ask(until).await?;
        output.ok_or_else(|| Error::unavailable("nobody has answered"))
    }

    async fn ask(mut self, until: Until) -> Result<(SessionId, Option<A::Output>), Error> {
        let world = Arc::clone(&self.typed.world);
        let id = self.id.take().unwrap_or_else(|| world.with(|state| format!("{:016x}", state.random.next())));
        let _waiting = Waiting::new(&world);
        loop {
            let Some((node, life)) = self.typed.up() else {
                pause(&world).await;
                continue;
            };
            let asked = self.ask_once(node, &id, until);
            let answer = tokio::select! {
                biased;
                () = life.ended() => None,
                () = impatience(&world) => None,
                answer = asked => Some(answer),
            };
            match answer {
                Some(Err(error)) if error.is_unavailable() || error.is_not_accepted() => {}
                Some(answer) => return answer,
                None => {}
            }
            pause(&world).await;
        }
    }

    async fn ask_once(&self, node: Node<S>, id: &str, until: Until) -> Result<(SessionId, Option<A::Output>), Error> {
        let world = &self.typed.world;
        let mut start = node.start(Again(Arc::clone(&self.arguments))).id(id);
        drop(node);
        for (group, nodes) in &self.groups {
            start = start.members(group.clone(), nodes.iter().cloned());
        }
        if let Some(within) = self.within {
            start = start.within(within);
        }
        let handle = match start.accepted().await {
            Ok(handle) => handle,
            Err(error) => {
                self.told(id, &error.to_string());
                return Err(error);
            }
        };
        let session = handle.session();
        let choreography = self.arguments.definition().name;
        let kept = world.with(|state| state.ledger.acknowledge(self.typed.index, choreography, id, session));
        // It is about two sessions: all are drawn.
        kept.unwrap_or_else(|what| world.fail(what, None));
        let answer = match until {
            Until::Accepted => {
                self.told(id, "accepted");
                return Ok((session, None));
            }
            Until::Decided => handle.decided().await,
            Until::Settled => handle.settled().await,
        };
        self.told(id, &answer.as_ref().map_or_else(ToString::to_string, |_| "committed".to_owned()));
        let committed = match &answer {
            Ok(_) => Some(true),
            Err(error) if error.is_aborted() => Some(false),
            Err(_) => None,
        };
        if let Some(committed) = committed {
            let kept = world.with(|state| state.ledger.answer(session, committed));
            kept.unwrap_or_else(|what| world.fail(what, Some(session)));
        }
        answer.map(|output| (session, Some(output)))
    }

    fn told(&self, id: &str, what: &str) {
        let now = self.typed.world.now();
        let told = Noted::Told { node: self.typed.index, id: id.to_owned(), what: what.to_owned() };
        self.typed.world.with(|state| state.trace.note(now, told));
    }
}

/// Until the next try.
pub(super) async fn pause(world: &World) {
    let millis = world.with(|state| state.random.skewed(10..2_000));
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Ends where the client gives up waiting.
pub(super) async fn impatience(world: &World) {
    let millis = world.with(|state| state.draws(Fault::Impatience).then(|| state.random.skewed(1..5_000)));
    match millis {
        Some(millis) => tokio::time::sleep(Duration::from_millis(millis)).await,
        None => pending().await,
    }
}

/// A client that waits for an answer.
pub(super) struct Waiting<'a>(&'a World);

impl<'a> Waiting<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        world.with(|state| state.clients += 1);
        Self(world)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.clients = state.clients.saturating_sub(1));
    }
}
