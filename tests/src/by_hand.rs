//! Choreographies written by hand, as data: for what is easier said to a runtime than in the language, and for programs made at run time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use accompanist::plain::PlainSession;
use accompanist::store::Store;
use accompanist::{
    BoxError, BoxFuture, Choreography, Database, Definition, Error, Failure, IdempotencyKey, Interrupted, NodeBuilder,
    Operation, Role, RoleId, SessionContext, Site, Transaction, all,
};
use serde::{Serialize, Serializer};

use crate::clerk::Clerk;
use crate::generated::trials::Ledger;
use crate::pages::{Shelf, Writes};

/// In an `Each`, the member whose arm it is.
pub const MEMBER: RoleId = RoleId(u16::MAX);

/// What a role does. What it receives, and what comes of waiting and of scopes, is its result, as text in the order of its program.
#[derive(Clone, Debug)]
pub enum Step {
    /// Sends a text to a participant.
    Send(Site, RoleId, &'static str),
    /// Receives a text from a participant.
    Receive(Site, RoleId),
    /// Waits for so many milliseconds.
    Sleep(Site, u64),
    /// Receives a text, or `nothing` after so many milliseconds.
    ReceiveWithin(Site, RoleId, u64),
    /// Waits for one of these messages, and notes which.
    Offer(Vec<(Vec<Site>, RoleId)>),
    /// Makes an entry.
    Enter(Site, &'static str),
    /// Looks at an entry.
    Look(Site, &'static str),
    /// Runs arms side by side.
    Par(Site, Vec<Vec<Self>>),
    /// Runs an arm for every member of a declared role.
    Each(Site, RoleId, Vec<Self>),
    /// A member's own arm of an `Each` of its group.
    Mine(Site, RoleId, Vec<Self>),
    /// Runs a block in so many rounds.
    Rounds(Site, u64, Vec<Self>),
    /// Runs a scope of these participants.
    Saga(Site, Vec<RoleId>, Scope, Vec<Self>),
    /// Ends the innermost scope.
    Refuse(&'static str),
}

/// How a scope is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// How long its body may take.
    pub within_millis: Option<u64>,
    /// Whether why it failed is not waited for, and not noted.
    pub hurries: bool,
}

/// A choreography. It is also what a session of it starts with.
#[derive(Clone, Debug)]
pub struct Piece {
    definition: &'static Definition,
    programs: Arc<BTreeMap<RoleId, Vec<Step>>>,
}

impl Piece {
    /// A choreography of these declared roles, each with its program; those of `groups` are groups. The first role starts it.
    pub fn new(name: &'static str, groups: &[u16], roles: &[(&'static str, Vec<Step>)]) -> Self {
        let ids: Vec<RoleId> = (0..).map(RoleId).take(roles.len()).collect();
        let definition = Definition {
            name,
            fingerprint: [u8::try_from(roles.len()).unwrap_or_default(); 32],
            roles: Vec::leak(roles.iter().map(|(role, _)| *role).collect()),
            groups: Vec::leak(groups.iter().copied().map(RoleId).collect()),
            initiator: RoleId(0),
            participants: Vec::leak(ids.clone()),
            begins: Vec::leak(ids.iter().skip(1).copied().collect()),
            pivots: &[],
            optional: &[],
            givers: &[],
        };
        let programs = ids.into_iter().zip(roles.iter().map(|(_, steps)| steps.clone())).collect();
        Self { definition: Box::leak(Box::new(definition)), programs: Arc::new(programs) }
    }

    /// One of its declared roles, played with the help of `clerk`.
    pub fn role(&self, role: RoleId, clerk: &Clerk) -> ByHand {
        ByHand { piece: self.clone(), role, clerk: Arc::new(clerk.clone()) }
    }

    /// Has a node play its declared roles.
    pub fn cast<S: Store<Tx: Writes>>(&self, roles: &[u16], builder: NodeBuilder<S>, clerk: &Clerk) -> NodeBuilder<S> {
        roles.iter().fold(builder, |builder, role| builder.role(self.role(RoleId(*role), clerk)))
    }

    /// Tells a node which nodes play the groups, where that is said at each start.
    ///
    /// # Panics
    /// Where a group is no declared role, which the compiler rules out.
    pub fn tell<S: Store>(&self, cast: &BTreeMap<&'static str, Vec<u16>>, builder: NodeBuilder<S>) -> NodeBuilder<S> {
        self.definition.groups.iter().fold(builder, |builder, group| {
            let nodes = cast.iter().filter(|(_, roles)| roles.contains(&group.0)).map(|(node, _)| *node);
            let name = self.definition.roles.get(usize::from(group.0)).expect("a group is a declared role");
            builder.allow(*name, nodes)
        })
    }

    /// Plays it on the plain runtime, the declared roles with so many participants each; what each of them gave, and what stands in its book.
    ///
    /// # Panics
    /// Where a store cannot be opened.
    pub async fn plainly<S: Shelf>(
        &self,
        counts: &[usize],
        clerks: &[Clerk],
        directory: &Path,
    ) -> Vec<(Result<Vec<String>, Error>, Vec<String>)> {
        let session = self.definition.groups.iter().fold(PlainSession::new(), |session, role| {
            session.members_of(*role, counts.get(usize::from(role.0)).copied().unwrap_or_default())
        });
        let mut players = Vec::new();
        for (role, count) in (0..).map(RoleId).zip(counts) {
            for index in 0..*count {
                let clerk = clerks.get(players.len()).cloned().unwrap_or_default();
                let store = Arc::new(S::fresh(directory, &players.len().to_string()).expect("the store opens"));
                let (session, role) = (session.clone(), self.role(role, &clerk));
                let (played, of_store) = (session, Arc::clone(&store));
                let playing = tokio::spawn(async move { played.play_member(role, index, &of_store, ()).await });
                players.push((playing, store, clerk));
            }
        }
        let mut results = Vec::new();
        for (playing, store, clerk) in players {
            let result = playing.await.expect("a role does not panic");
            results.push((result, store.pages(&clerk.book).expect("the book can be read").entries));
        }
        results
    }
}

impl Serialize for Piece {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl Choreography for Piece {
    type Output = Vec<String>;

    fn definition(&self) -> &'static Definition {
        self.definition
    }
}

/// A role of a [`Piece`].
#[derive(Debug)]
pub struct ByHand {
    piece: Piece,
    role: RoleId,
    clerk: Arc<Clerk>,
}

impl<D: Database<Tx: Writes>> Role<D> for ByHand {
    type Arguments = ();
    type Output = Vec<String>;

    fn definition(&self) -> &'static Definition {
        self.piece.definition
    }

    fn role(&self) -> RoleId {
        self.role
    }

    async fn run<C: SessionContext<Database = D>>(self: Arc<Self>, ctx: C, (): ()) -> Result<Vec<String>, Interrupted> {
        let steps = self.piece.programs.get(&self.role).map(Vec::as_slice).unwrap_or_default();
        run(Player { ctx, clerk: &self.clerk, member: None }, steps).await
    }

    fn compensate<'a>(
        &'a self,
        tx: &'a mut D::Tx,
        operation: &'a str,
        arguments: &'a str,
        output: &'a str,
    ) -> BoxFuture<'a, Result<(), BoxError>> {
        match operation {
            "Ledger.enter" => accompanist::compensate::<Enter, Clerk, D>(&self.clerk, tx, arguments, output),
            other => accompanist::unknown_operation(other),
        }
    }
}

struct Enter;

impl<D: Database<Tx: Writes>> Transaction<Clerk, D> for Enter {
    const NAME: &'static str = "Ledger.enter";
    type Arguments = (String,);
    type Output = u64;

    async fn commit(clerk: &Clerk, tx: &mut D::Tx, (line,): &(String,)) -> Result<u64, Failure> {
        Ledger::<D>::enter(clerk, tx, line).await
    }

    async fn compensate(clerk: &Clerk, tx: &mut D::Tx, (line,): &(String,), count: &u64) -> Result<(), BoxError> {
        Ledger::<D>::strike(clerk, tx, line, count).await
    }
}

struct Look;

impl<D: Database<Tx: Writes>> Operation<Clerk, D> for Look {
    const NAME: &'static str = "Ledger.look";
    type Arguments = (String,);
    type Output = u64;

    async fn call(clerk: &Clerk, key: &IdempotencyKey, (line,): &(String,)) -> Result<u64, Failure> {
        Ledger::<D>::look(clerk, key, line).await
    }
}

/// Who runs steps.
struct Player<'a, C> {
    ctx: C,
    clerk: &'a Arc<Clerk>,
    member: Option<RoleId>,
}

impl<'a, C: SessionContext<Database: Database<Tx: Writes>>> Player<'a, C> {
    fn who(&self, role: RoleId) -> RoleId {
        self.member.filter(|_| role == MEMBER).unwrap_or(role)
    }

    fn at(&self, ctx: C) -> Self {
        Self { ctx, clerk: self.clerk, member: self.member }
    }

    async fn arms(&self, arms: Vec<(Self, &[Step])>) -> Result<Vec<String>, Interrupted> {
        let contexts: Vec<C> = arms.iter().map(|(player, _)| player.ctx.clone()).collect();
        let ended = all(arms.into_iter().map(|(player, steps)| run(player, steps)).collect()).await?;
        self.ctx.join(&contexts);
        Ok(ended.concat())
    }

    async fn step(&self, step: &Step) -> Result<Vec<String>, Interrupted> {
        let ctx = &self.ctx;
        match step {
            Step::Send(site, to, text) => {
                ctx.send(*site, self.who(*to), &(*text).to_owned()).await.map(|()| Vec::new())
            }
            Step::Receive(site, from) => Ok(vec![ctx.receive(*site, self.who(*from)).await?]),
            Step::Sleep(site, millis) => {
                ctx.sleep(*site, *millis).await?;
                Ok(Vec::new())
            }
            Step::ReceiveWithin(site, from, millis) => {
                let received: Option<String> = ctx.receive_within(*site, self.who(*from), *millis).await?;
                Ok(vec![received.unwrap_or_else(|| "nothing".to_owned())])
            }
            Step::Offer(messages) => {
                let messages: Vec<_> =
                    messages.iter().map(|(path, from)| (ctx.position(path), self.who(*from))).collect();
                Ok(vec![format!("offered {}", ctx.offer(&messages).await?)])
            }
            Step::Enter(site, line) => {
                ctx.transaction::<Enter, Clerk>(*site, self.clerk, ((*line).to_owned(),)).await?;
                Ok(Vec::new())
            }
            Step::Look(site, line) => {
                ctx.call::<Look, Clerk>(*site, self.clerk, ((*line).to_owned(),)).await?;
                Ok(Vec::new())
            }
            Step::Par(site, arms) => {
                let arms = (0..).zip(arms).map(|(index, steps)| (self.at(ctx.arm(*site, index)), steps.as_slice()));
                self.arms(arms.collect()).await
            }
            Step::Each(site, group, steps) => {
                let arm = |(index, member): (u64, &RoleId)| {
                    (Self { member: Some(*member), ..self.at(ctx.arm(*site, index)) }, steps.as_slice())
                };
                self.arms((0..).zip(&*ctx.members(*group)).map(arm).collect()).await
            }
            Step::Mine(site, group, steps) => {
                let members = ctx.members(*group);
                let index = (0..).zip(&*members).find_map(|(index, member)| (*member == ctx.me()).then_some(index));
                let index = index.unwrap_or(u64::MAX);
                self.arms(vec![(self.at(ctx.arm(*site, index)), steps)]).await
            }
            Step::Rounds(site, rounds, steps) => {
                let mut seen = Vec::new();
                for round in 0..*rounds {
                    seen.extend(run(self.at(ctx.child(*site, round)), steps).await?);
                }
                Ok(seen)
            }
            Step::Saga(site, roles, scope, steps) => self.saga(*site, roles, *scope, steps).await,
            Step::Refuse(reason) => Err(ctx.refuse(*reason)),
        }
    }

    async fn saga(
        &self,
        site: Site,
        roles: &[RoleId],
        scope: Scope,
        steps: &[Step],
    ) -> Result<Vec<String>, Interrupted> {
        let body = |ctx: C| run(self.at(ctx), steps);
        Ok(match self.ctx.saga(site, roles, scope.within_millis, !scope.hurries, body).await? {
            Ok(seen) => seen,
            Err(_) if scope.hurries => vec!["failed".to_owned()],
            Err(why) => vec![format!("failed by {}: {}", why.role, why.reason)],
        })
    }
}

/// Runs steps one after another.
fn run<'a, C: SessionContext<Database: Database<Tx: Writes>>>(
    player: Player<'a, C>,
    steps: &'a [Step],
) -> BoxFuture<'a, Result<Vec<String>, Interrupted>> {
    Box::pin(async move {
        let mut seen = Vec::new();
        for step in steps {
            seen.extend(player.step(step).await?);
        }
        Ok(seen)
    })
}
