//! Statements, one after another.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use accompanist::{Interrupted, RoleId, SessionContext};
use chor::hir::{Callee, MemberOrder};
use chor::interpret::{self, Value};
use chor::lir::{Block, Call, Decision, Key, Members, Projection, Repeat, Saga, Stmt, StmtKind};
use chor::span::Span;
use chor::syntax::ast::OperationKind;

use super::call::{Committed, Keeps, Outside, Recorded, Request};
use super::frame::Frame;
use super::{Player, Wire};

type Run<'r, T> = Pin<Box<dyn Future<Output = Result<T, Interrupted>> + Send + 'r>>;

/// Plays a role from the start of a session.
pub(super) async fn session<S: Keeps, C: SessionContext<Database = S>>(
    player: &Arc<Player>,
    ctx: C,
    arguments: Vec<Value>,
) -> Result<Value, Interrupted> {
    let projection = player.projection(player.play.choreography);
    let choreography = player.play.compilation.hir.choreography(player.play.choreography);
    let cast = choreography.role_ids().map(|role| (role, ctx.members(RoleId(role.0)).to_vec())).collect();
    let program = &projection.programs[usize::from(player.role.0)];
    let params = choreography.params.iter().map(|param| param.local);
    let vars = params.zip(arguments).collect();
    let mut frame =
        Frame { projection, me: ctx.me(), cast, vars, types: Vec::new(), choreographies: Vec::new(), functions: 0 };
    player.block(&ctx, &mut frame, &program.body).await
}

/// Lets the others go on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Player {
    fn projection(&self, choreography: chor::hir::ChoreographyId) -> &Projection {
        let mut all = self.play.compilation.projections.iter();
        all.find(|known| known.choreography == choreography.0 as usize).expect("what is called has been projected")
    }

    /// A block; its value.
    fn block<'r, S: Keeps, C: SessionContext<Database = S>>(
        &'r self,
        ctx: &'r C,
        frame: &'r mut Frame<'_>,
        block: &'r Block,
    ) -> Run<'r, Value> {
        Box::pin(async move {
            for stmt in &block.stmts {
                for _ in 0..self.world.pauses() {
                    yield_now().await;
                }
                self.stmt(ctx, frame, stmt).await?;
            }
            match &block.value {
                Some(value) => self.value(frame, value).map_err(|reason| ctx.refuse(reason)),
                None => Ok(Value::UNIT),
            }
        })
    }

    #[allow(clippy::too_many_lines, reason = "one arm a statement")]
    async fn stmt<S: Keeps, C: SessionContext<Database = S>>(
        &self,
        ctx: &C,
        frame: &mut Frame<'_>,
        stmt: &Stmt,
    ) -> Result<(), Interrupted> {
        let refuse = |reason: String| ctx.refuse(reason);
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let value = self.value(frame, value).map_err(refuse)?;
                let mut bound = Vec::new();
                if !interpret::matches(pattern, &value, &mut bound) {
                    return Err(ctx.refuse("a bug: a value is not of its pattern"));
                }
                frame.vars.extend(bound);
            }
            StmtKind::Assign(target, value) => {
                let value = self.value(frame, value).map_err(refuse)?;
                let set = |part: &mut Value| Ok(std::mem::replace(part, value));
                self.change(frame, target, (stmt.span, stmt.grows().is_some()), set).map_err(refuse)?;
            }
            StmtKind::Mutate { target, method, args, into } => {
                let args = self.values(frame, args).map_err(refuse)?;
                let apply = |part: &mut Value| interpret::mutate(*method, part, &args).ok_or(method.fault());
                let value = self.change(frame, target, (stmt.span, stmt.grows().is_some()), apply).map_err(refuse)?;
                frame.set(*into, value);
            }
            StmtKind::Send(to, value) => {
                let value = Wire(self.value(frame, value).map_err(refuse)?);
                for (site, to) in to {
                    for receiver in frame.recipients(to).into_iter().filter(|receiver| *receiver != frame.me) {
                        self.world.sent(frame.me, ctx.position(&[*site]), receiver, &value);
                        ctx.send(*site, receiver, &value).await?;
                    }
                }
            }
            StmtKind::Receive { site, from, into, ty: _, within } => {
                let from = frame.player(*from);
                self.world.received(from, ctx.position(&[*site]), frame.me);
                let value = match within {
                    None => ctx.receive::<Wire>(*site, from).await?.0,
                    Some(millis) if self.world.in_time(interpret::Participant(frame.me.0), *millis) => {
                        Value::option(Some(ctx.receive::<Wire>(*site, from).await?.0))
                    }
                    Some(_) => Value::option(None),
                };
                frame.set(*into, value);
            }
            StmtKind::Select(label, to) => {
                for receiver in frame.recipients(to).into_iter().filter(|receiver| *receiver != frame.me) {
                    self.world.sent(frame.me, ctx.position(&[label.site]), receiver, &Wire(Value::UNIT));
                    ctx.select(label.site, receiver).await?;
                }
            }
            StmtKind::Told(label, from) => {
                let from = frame.player(*from);
                ctx.receive::<()>(label.site, from).await?;
                self.world.received(from, ctx.position(&[label.site]), frame.me);
            }
            StmtKind::Operation { site, service, operation, args, into } => {
                let args = self.values(frame, args).map_err(refuse)?;
                let hir = &self.play.compilation.hir;
                let called = self.called(frame, *service, *operation, &args);
                let kind = called.kind;
                let request = Request::new(&self.world, hir, &called, kind.compensation().is_some());
                let value = match kind {
                    OperationKind::Transaction { .. } => {
                        ctx.transaction::<Committed, _>(*site, &self.world, request).await?
                    }
                    OperationKind::Recorded { compensate: Some(_) } => {
                        ctx.call::<Outside, _>(*site, &self.world, request).await?
                    }
                    OperationKind::Recorded { compensate: None } | OperationKind::Pure => {
                        ctx.call::<Recorded, _>(*site, &self.world, request).await?
                    }
                };
                frame.set(*into, value.0);
            }
            StmtKind::Sleep(site, millis) => {
                let millis = self.value(frame, millis).map_err(refuse)?;
                let Value::Int(millis, _) = millis else { return Err(ctx.refuse("a bug: a time is not a number")) };
                ctx.sleep(*site, u64::try_from(millis).unwrap_or(u64::MAX)).await?;
            }
            StmtKind::If { condition, then, otherwise, into } => {
                let holds = self.value(frame, condition).map_err(refuse)?.is_true();
                let value = self.block(ctx, frame, if holds { then } else { otherwise }).await?;
                frame.set(*into, value);
            }
            StmtKind::Match { scrutinee, arms, into } => {
                let value = self.value(frame, scrutinee).map_err(refuse)?;
                let mut bound = Vec::new();
                let arm = arms.iter().find(|(pattern, _)| {
                    bound.clear();
                    interpret::matches(pattern, &value, &mut bound)
                });
                let Some((_, arm)) = arm else { return Err(ctx.refuse("a bug: no pattern matches")) };
                frame.vars.extend(bound);
                let value = self.block(ctx, frame, arm).await?;
                frame.set(*into, value);
            }
            StmtKind::Offer { branches, into } => {
                let keys = branches.iter().flat_map(|(keys, _)| keys);
                let messages: Vec<_> = keys.map(|key| self.message(ctx, frame, key)).collect();
                let told = ctx.offer(&messages).await?;
                let mut index = 0;
                let branch = branches.iter().find(|(keys, _)| {
                    index += keys.len();
                    told < index
                });
                let Some((_, branch)) = branch else { return Err(ctx.refuse("a bug: an offer of nothing")) };
                let value = self.block(ctx, frame, branch).await?;
                frame.set(*into, value);
            }
            StmtKind::Loop(repeat) => self.repeat(ctx, frame, repeat).await?,
            StmtKind::Par { site, arms, into } => {
                let contexts: Vec<C> = (0..).zip(arms).map(|(index, _)| ctx.arm(*site, index)).collect();
                let before = frame.vars.clone();
                let runs = contexts.iter().zip(arms).map(|(ctx, arm)| self.arm(ctx, frame.clone(), arm));
                let ended = accompanist::all(runs.collect()).await?;
                ctx.join(&contexts);
                for ((value, arm), into) in ended.into_iter().zip(into) {
                    frame.take_over(&before, arm);
                    frame.set(*into, value);
                }
            }
            StmtKind::Members(members) => self.members(ctx, frame, members).await?,
            StmtKind::Call(call) => self.call(ctx, frame, call, stmt.span).await?,
            StmtKind::Saga(saga) => self.saga(ctx, frame, saga).await?,
            StmtKind::Again => return Err(ctx.refuse("a bug: `Again` is left")),
            StmtKind::Require(condition, reason) => {
                let holds = self.value(frame, condition).map_err(refuse)?.is_true();
                let reason = self.value(frame, reason).map_err(refuse)?;
                ctx.require(holds, || reason.display())?;
            }
            StmtKind::Refuse(reason) => {
                let reason = self.value(frame, reason).map_err(refuse)?;
                return Err(ctx.refuse(reason.display()));
            }
            StmtKind::RefusedBy(role) => {
                let role = frame.player(*role);
                return Err(ctx.refused_by(role).await);
            }
        }
        Ok(())
    }

    fn message<C: SessionContext>(&self, ctx: &C, frame: &Frame<'_>, key: &Key) -> (accompanist::Position, RoleId) {
        let path: Vec<u32> = key.path().collect();
        (ctx.position(&path), frame.player(key.from))
    }

    /// An arm, with variables of its own.
    fn arm<'r, S: Keeps, C: SessionContext<Database = S>>(
        &'r self,
        ctx: &'r C,
        mut frame: Frame<'r>,
        block: &'r Block,
    ) -> Run<'r, (Value, Frame<'r>)> {
        Box::pin(async move {
            let value = self.block(ctx, &mut frame, block).await?;
            Ok((value, frame))
        })
    }

    async fn repeat<S: Keeps, C: SessionContext<Database = S>>(
        &self,
        ctx: &C,
        frame: &mut Frame<'_>,
        repeat: &Repeat,
    ) -> Result<(), Interrupted> {
        let mut items = match &repeat.decision {
            Decision::For(_, items) => match self.value(frame, items).map_err(|reason| ctx.refuse(reason))? {
                Value::Vec(items) => items.into_iter(),
                _ => Vec::new().into_iter(),
            },
            Decision::While(_) | Decision::Offer { .. } => Vec::new().into_iter(),
        };
        for round in 0.. {
            let inner = ctx.child(repeat.site, round);
            for stmt in &repeat.head {
                Box::pin(self.stmt(&inner, frame, stmt)).await?;
            }
            let goes_on = match &repeat.decision {
                Decision::While(condition) => {
                    self.value(frame, condition).map_err(|reason| ctx.refuse(reason))?.is_true()
                }
                Decision::For(pattern, _) => match items.next() {
                    Some(item) => {
                        let mut bound = Vec::new();
                        interpret::matches(pattern, &item, &mut bound);
                        frame.vars.extend(bound);
                        true
                    }
                    None => false,
                },
                Decision::Offer { again, stop } => {
                    let keys = again.iter().chain(stop).map(|key| self.message(&inner, frame, key));
                    ctx.offer(&keys.collect::<Vec<_>>()).await? < again.len()
                }
            };
            if !goes_on {
                self.block(&inner, frame, &repeat.leave).await?;
                break;
            }
            self.block(&inner, frame, &repeat.body).await?;
        }
        Ok(())
    }

    async fn members<S: Keeps, C: SessionContext<Database = S>>(
        &self,
        ctx: &C,
        frame: &mut Frame<'_>,
        members: &Members,
    ) -> Result<(), Interrupted> {
        let group = frame.players_of(&members.group);
        let before = frame.vars.clone();
        let copy = |member: RoleId| match &members.own {
            Some(own) if member == frame.me => own,
            Some(_) | None => &members.other,
        };
        let blocks: Vec<(RoleId, &Block)> = group.iter().map(|member| (*member, copy(*member))).collect();
        let outer = frame.cast.get(&members.member).cloned();
        let mut values = Vec::new();
        match members.order {
            MemberOrder::OneByOne => {
                for (index, (member, block)) in (0..).zip(blocks) {
                    frame.cast.insert(members.member, vec![member]);
                    let inner = ctx.child(members.site, index);
                    values.push(self.block(&inner, frame, block).await?);
                }
            }
            MemberOrder::SideBySide => {
                let contexts: Vec<C> = (0..).zip(&blocks).map(|(index, _)| ctx.arm(members.site, index)).collect();
                let runs = contexts.iter().zip(blocks).map(|(ctx, (member, block))| {
                    let mut inner = frame.clone();
                    inner.cast.insert(members.member, vec![member]);
                    self.arm(ctx, inner, block)
                });
                let ended = accompanist::all(runs.collect()).await?;
                ctx.join(&contexts);
                for (value, arm) in ended {
                    frame.take_over(&before, arm);
                    values.push(value);
                }
            }
        }
        match outer {
            Some(outer) => drop(frame.cast.insert(members.member, outer)),
            None => drop(frame.cast.remove(&members.member)),
        }
        if members.gathers {
            frame.set(members.into, Value::Vec(values));
        } else if let Some(own) = group.iter().position(|member| *member == frame.me) {
            let value = values.into_iter().nth(own).unwrap_or(Value::UNIT);
            frame.set(members.into, value);
        }
        Ok(())
    }

    async fn call<S: Keeps, C: SessionContext<Database = S>>(
        &self,
        ctx: &C,
        frame: &mut Frame<'_>,
        call: &Call,
        span: Span,
    ) -> Result<(), Interrupted> {
        let resolve = |callee: &Callee| match callee {
            Callee::Choreography(id) => *id,
            Callee::Param(index) => frame.choreographies[*index as usize],
        };
        let id = resolve(&call.callee);
        let place = interpret::reason(&self.play.compilation.sources, span, "");
        let inside = ctx.enter(call.site, place.trim_end())?;
        let (projection, choreography) = (self.projection(id), self.play.compilation.hir.choreography(id));
        let mut vars = std::collections::BTreeMap::new();
        for (param, value) in &call.args {
            let value = self.value(frame, value).map_err(|reason| ctx.refuse(reason))?;
            vars.insert(choreography.params[*param as usize].local, value);
        }
        let cast = (0..).map(chor::hir::RoleId).zip(&call.cast).map(|(role, by)| (role, frame.players_of(by)));
        let mut inner = Frame {
            projection,
            me: frame.me,
            cast: cast.collect(),
            vars,
            types: call.types.iter().map(|ty| chor::hir::substitute(ty, &frame.types)).collect(),
            choreographies: call.choreographies.iter().map(resolve).collect(),
            functions: 0,
        };
        let program = &projection.programs[usize::from(call.formal.0)];
        let value = accompanist::Call::new(self.block(&inside, &mut inner, &program.body)).await?;
        frame.set(call.into, value);
        Ok(())
    }

    async fn saga<S: Keeps, C: SessionContext<Database = S>>(
        &self,
        ctx: &C,
        frame: &mut Frame<'_>,
        saga: &Saga,
    ) -> Result<(), Interrupted> {
        let mut roles: Vec<RoleId> = saga.roles.iter().flat_map(|to| frame.recipients(to)).collect();
        roles.sort();
        roles.dedup();
        let inner = frame.clone();
        let body = |ctx: C| async move {
            let mut inner = inner;
            let value = self.block(&ctx, &mut inner, &saga.body).await?;
            Ok((value, inner.vars))
        };
        // Deadlines are for clocks, of which a schedule has none.
        let value = match ctx.saga(saga.site, &roles, None, saga.why.is_some(), body).await? {
            Ok((value, vars)) => {
                frame.vars = vars;
                value
            }
            Err(why) => {
                let (role, reason) = (Value::text(why.role), Value::text(why.reason));
                frame.set(saga.why, Value::Struct(vec![("role".to_owned(), role), ("reason".to_owned(), reason)]));
                self.block(ctx, frame, &saga.otherwise).await?
            }
        };
        frame.set(saga.into, value);
        Ok(())
    }
}
