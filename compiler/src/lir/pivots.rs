//! Where a transaction that nothing undoes decides the session, and where it cannot.
//!
//! Such a transaction is a *pivot* (last-resource commit) where it is the last thing that its role
//! does: then the runtime holds it back until every other role has voted, and its commit is the
//! outcome. That works where nobody waits for anything that the role does behind it, where it is run
//! once by one participant, and where no other role holds a pivot in the same session. Everywhere
//! else it commits when it is reached, what comes later may roll the session back and leave it
//! committed, and a warning (`W0409`) names the way to that.

use std::collections::{BTreeMap, BTreeSet};

use super::{Block, Call, Projection, Site, Stmt, StmtKind};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::{Meaning, PivotPath};
use crate::hir::calls::Calls;
use crate::hir::{Callee, ChoreographyId, ExprId, ExprKind, Hir, RoleId, RoleKind};
use crate::span::Span;
use crate::syntax::ast::OperationKind;

/// How many pivots a session has at most; more are not marked, but reported.
const PIVOTS_MAX: usize = 32;
/// How many calls are followed for one role of one session.
const CALLS_MAX: u32 = 2_048;

/// A transaction that decides the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pivot {
    /// Whose it is.
    pub role: RoleId,
    /// The sites of the calls that lead to it, and at last its own.
    pub sites: Vec<Site>,
    /// Where it stands in the session's own choreography: it, or the call that leads to it.
    pub span: Span,
}

/// What a role's program of a choreography does, as far as it concerns whoever calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Summary {
    /// It runs a transaction that nothing undoes.
    commits: bool,
    /// It runs an operation, or requires something, and so may abort.
    may_abort: bool,
}

/// A call on the way to a transaction, or the transaction.
#[derive(Clone, Debug)]
struct Link {
    choreography: ChoreographyId,
    site: Site,
    name: String,
    span: Span,
}

/// What lets a session be rolled back after a transaction has committed.
#[derive(Clone, Debug)]
struct Obstacle {
    /// In the program of which link it stands.
    depth: usize,
    path: PivotPath,
}

/// A transaction that nothing undoes, with the way to it.
#[derive(Clone, Debug)]
struct Found {
    role: RoleId,
    links: Vec<Link>,
    obstacle: Option<Obstacle>,
}

impl Found {
    fn into_pivot(self) -> Option<Pivot> {
        let span = self.links.first()?.span;
        Some(Pivot { role: self.role, sites: self.links.iter().map(|link| link.site).collect(), span })
    }
}

struct Known<'a> {
    hir: &'a Hir,
    projections: BTreeMap<ChoreographyId, &'a Projection>,
    summaries: BTreeMap<(ChoreographyId, RoleId), Summary>,
}

/// Finds the pivots of every session, and reports the transactions that nothing undoes and that are none.
pub(super) fn find(hir: &Hir, calls: &Calls, projections: &mut [Projection], diagnostics: &mut Diagnostics) {
    let operations = hir.services.iter().flat_map(|service| &service.operations);
    if !{ operations }.any(|operation| is_final(&operation.kind)) {
        return;
    }
    let mut pivots: BTreeMap<usize, Vec<Pivot>> = BTreeMap::new();
    let known = Known::of(hir, calls, projections);
    let mut reported = BTreeSet::new();
    let is_root = |projection: &&Projection| projection.starts || !calls.is_called(projection.id());
    for projection in projections.iter().filter(is_root) {
        let found = known.of_session(projection);
        for Found { links, obstacle, .. } in &found {
            let Some(Obstacle { depth, path }) = obstacle else { continue };
            let Some(link) = links.get((*depth).min(links.len().saturating_sub(1))) else { continue };
            // The nearest one is enough.
            if reported.insert(link.span) {
                let (name, span, path) = (link.name.clone(), link.span, path.clone());
                diagnostics.push(Meaning::Pivot { name, span, path }.into());
            }
        }
        let decide = found.into_iter().filter(|found| found.obstacle.is_none());
        let mut decide: Vec<Pivot> = decide.filter_map(Found::into_pivot).collect();
        decide.dedup();
        pivots.insert(projection.choreography, decide);
    }
    for projection in projections {
        projection.pivots = pivots.remove(&projection.choreography).unwrap_or_default();
    }
}

fn is_final(kind: &OperationKind) -> bool {
    *kind == OperationKind::Transaction { compensate: None }
}

impl<'a> Known<'a> {
    fn of(hir: &'a Hir, calls: &Calls, projections: &'a [Projection]) -> Self {
        let projections = projections.iter().map(|projection| (projection.id(), projection)).collect();
        let mut known = Self { hir, projections, summaries: BTreeMap::new() };
        // Callees come first, so that only what calls itself takes another turn.
        let order = calls.order();
        loop {
            let before = known.summaries.clone();
            for projection in order.iter().filter_map(|id| known.projections.get(id).copied()) {
                for program in &projection.programs {
                    let summary = known.summary(&program.body);
                    known.summaries.insert((projection.id(), program.role), summary);
                }
            }
            if known.summaries == before {
                return known;
            }
        }
    }

    fn summary(&self, block: &Block) -> Summary {
        let mut all = Summary::default();
        let mut blocks = vec![block];
        while let Some(block) = blocks.pop() {
            for stmt in &block.stmts {
                self.summarize(stmt, &mut all);
                for inner in stmt.head() {
                    self.summarize(inner, &mut all);
                    blocks.extend(inner.blocks());
                }
                blocks.extend(stmt.blocks());
            }
        }
        all
    }

    fn summarize(&self, stmt: &Stmt, all: &mut Summary) {
        match &stmt.kind {
            StmtKind::Operation { service, operation, .. } => {
                all.may_abort = true;
                all.commits |= is_final(&self.hir.operation(*service, *operation).kind);
            }
            StmtKind::Require(..) | StmtKind::Refuse(_) => all.may_abort = true,
            StmtKind::Call(call) => {
                let called = self.called(call, call.callee);
                all.commits |= called.commits;
                all.may_abort |= called.may_abort;
            }
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Sleep(..)
            | StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Offer { .. }
            | StmtKind::Loop(_)
            | StmtKind::Par { .. }
            | StmtKind::Members(_)
            | StmtKind::Saga(_)
            | StmtKind::Again
            | StmtKind::RefusedBy(_) => {}
        }
    }

    /// What is called does. A choreography that is a parameter may do anything.
    fn called(&self, call: &Call, callee: Callee) -> Summary {
        match callee {
            Callee::Choreography(id) => self.summaries.get(&(id, call.formal)).copied().unwrap_or_default(),
            Callee::Param(_) => Summary { commits: true, may_abort: true },
        }
    }

    /// The transactions that nothing undoes of all roles of a session, in the order of the text.
    fn of_session(&self, projection: &Projection) -> Vec<Found> {
        let mut found = Vec::new();
        let choreography = self.hir.choreography(projection.id());
        for program in &projection.programs {
            let group = match choreography.kind(program.role) {
                RoleKind::Single => None,
                RoleKind::Group => Some(self.group(projection.id(), program.role, 0)),
                RoleKind::Member(_) => continue,
            };
            let mut walk = Walk {
                known: self,
                role: program.role,
                at: vec![(projection.id(), program.role, Vec::new())],
                chain: Vec::new(),
                found: &mut found,
                calls_left: CALLS_MAX,
            };
            walk.block(&program.body, group.as_ref());
        }
        found.sort_by_cached_key(|found| found.links.iter().map(|link| link.span).collect::<Vec<_>>());
        self.keep_the_last(&mut found);
        found
    }

    fn group(&self, choreography: ChoreographyId, role: RoleId, depth: usize) -> Obstacle {
        let role = self.hir.choreography(choreography).role_name(role).to_owned();
        Obstacle { depth, path: PivotPath::Group { role } }
    }

    /// Of several that one session may run, only the last can decide it.
    fn keep_the_last(&self, found: &mut [Found]) {
        let mut deciding: Vec<usize> = Vec::new();
        for index in (0..found.len()).rev() {
            let Some(one) = found.get(index).filter(|found| found.obstacle.is_none()) else { continue };
            let other = deciding.iter().rev().filter_map(|other| found.get(*other));
            let conflict = { other }.find_map(|other| self.conflict(one, other));
            let obstacle = match conflict {
                Some(obstacle) => Some(obstacle),
                None if deciding.len() >= PIVOTS_MAX => Some(Obstacle { depth: usize::MAX, path: PivotPath::TooMany }),
                None => {
                    deciding.push(index);
                    None
                }
            };
            if let Some(found) = found.get_mut(index) {
                found.obstacle = obstacle;
            }
        }
    }

    /// How one session may come by both.
    fn conflict(&self, one: &Found, other: &Found) -> Option<Obstacle> {
        let depth = one.links.iter().zip(&other.links).position(|(a, b)| a.span != b.span)?;
        let (a, b) = (one.links.get(depth)?, other.links.get(depth)?);
        let body = &self.hir.choreography(a.choreography).body;
        let apart = |branches: &[ExprId]| {
            let of = |span: Span| branches.iter().position(|branch| body[*branch].span.contains(span));
            of(a.span).zip(of(b.span)).is_some_and(|(a, b)| a != b)
        };
        let apart = body.exprs.iter().any(|expr| {
            if let ExprKind::If(_, then, otherwise) = &expr.kind {
                apart(&[*then, *otherwise])
            } else if let ExprKind::Match(_, arms) = &expr.kind {
                apart(&arms.iter().map(|(_, arm)| *arm).collect::<Vec<_>>())
            } else {
                false
            }
        });
        (!apart).then(|| Obstacle { depth, path: PivotPath::MayAbort { name: b.name.clone(), by: b.span } })
    }
}

/// Goes through a role's program from its end, and notes the transactions that nothing undoes.
struct Walk<'a, 'f> {
    known: &'a Known<'a>,
    role: RoleId,
    /// The choreographies that are under way, with the role that is played in each, and what its parameters are.
    at: Vec<(ChoreographyId, RoleId, Vec<Callee>)>,
    chain: Vec<Link>,
    found: &'f mut Vec<Found>,
    calls_left: u32,
}

impl Walk<'_, '_> {
    /// Goes through a block. `behind` is what follows it and stands in the way, the nearest. Gives what stands in the way of what is before the block.
    fn block(&mut self, block: &Block, behind: Option<&Obstacle>) -> Option<Obstacle> {
        self.stmts(&block.stmts, behind)
    }

    fn stmts(&mut self, stmts: &[Stmt], behind: Option<&Obstacle>) -> Option<Obstacle> {
        let mut nearest = None;
        for stmt in stmts.iter().rev() {
            let own = self.stmt(stmt, nearest.as_ref().or(behind));
            nearest = own.or(nearest);
        }
        nearest
    }

    fn stmt(&mut self, stmt: &Stmt, behind: Option<&Obstacle>) -> Option<Obstacle> {
        match &stmt.kind {
            StmtKind::Operation { site, service, operation, .. } => {
                let operation = self.known.hir.operation(*service, *operation);
                if is_final(&operation.kind) {
                    self.note(*site, &operation.name.name, stmt.span, behind.cloned());
                }
            }
            StmtKind::If { then, otherwise, .. } => {
                self.block(then, behind);
                self.block(otherwise, behind);
            }
            StmtKind::Match { arms, .. } => arms.iter().for_each(|(_, arm)| _ = self.block(arm, behind)),
            StmtKind::Offer { branches, .. } => branches.iter().for_each(|(_, arm)| _ = self.block(arm, behind)),
            StmtKind::Loop(repeat) => {
                let next = self.first(repeat.head.iter().chain(&repeat.body.stmts));
                let repeats = self.obstacle(PivotPath::Repeats { span: stmt.span });
                let next = match next.map(|next| next.path) {
                    Some(PivotPath::MayAbort { name, by }) => self.obstacle(PivotPath::NextRound { name, by }),
                    Some(_) | None => repeats,
                };
                let body = self.block(&repeat.body, Some(&next));
                self.block(&repeat.leave, Some(&next));
                self.stmts(&repeat.head, Some(body.as_ref().unwrap_or(&next)));
            }
            StmtKind::Members(members) => {
                let repeats = self.obstacle(PivotPath::Repeats { span: stmt.span });
                members.own.iter().chain([&members.other]).for_each(|block| _ = self.block(block, Some(&repeats)));
            }
            StmtKind::Par { arms, .. } => {
                let firsts: Vec<bool> = arms.iter().map(|arm| self.first(&arm.stmts).is_some()).collect();
                for (index, arm) in arms.iter().enumerate() {
                    let others = firsts.iter().enumerate().filter(|(other, _)| *other != index);
                    let beside = { others }.any(|(_, first)| *first);
                    let beside = beside.then(|| self.obstacle(PivotPath::Beside { span: stmt.span }));
                    self.block(arm, beside.as_ref().or(behind));
                }
            }
            StmtKind::Saga(saga) => {
                let ends = match behind.map(|behind| &behind.path) {
                    Some(PivotPath::MayAbort { .. } | PivotPath::NextRound { .. }) => behind.cloned(),
                    Some(_) | None => Some(self.obstacle(PivotPath::Scope { span: stmt.span })),
                };
                self.block(&saga.body, ends.as_ref());
                self.block(&saga.otherwise, behind);
            }
            StmtKind::Call(call) => self.call(call, stmt.span, behind),
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Send(..)
            | StmtKind::Receive { .. }
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Sleep(..)
            | StmtKind::Again
            | StmtKind::Require(..)
            | StmtKind::Refuse(_)
            | StmtKind::RefusedBy(_) => {}
        }
        self.first([stmt])
    }

    fn obstacle(&self, path: PivotPath) -> Obstacle {
        Obstacle { depth: self.chain.len(), path }
    }

    fn note(&mut self, site: Site, name: &str, span: Span, obstacle: Option<Obstacle>) {
        let link = self.link(site, name, span);
        let links: Vec<Link> = self.chain.iter().cloned().chain([link]).collect();
        self.found.push(Found { role: self.role, links, obstacle });
    }

    fn link(&self, site: Site, name: &str, span: Span) -> Link {
        let choreography = self.at.last().map_or(ChoreographyId(u32::MAX), |(id, ..)| *id);
        Link { choreography, site, name: name.to_owned(), span }
    }

    /// Follows a call. One that leads back to where it comes from, or the last of very many, is not followed.
    fn call(&mut self, call: &Call, span: Span, behind: Option<&Obstacle>) {
        let env = self.at.last().map(|(_, _, env)| env.clone()).unwrap_or_default();
        let resolve = |callee: Callee| match callee {
            Callee::Choreography(_) => Some(callee),
            Callee::Param(index) => env.get(index as usize).copied(),
        };
        let Some(callee @ Callee::Choreography(id)) = resolve(call.callee) else { return };
        if !self.known.called(call, callee).commits {
            return;
        }
        let Some(projection) = self.known.projections.get(&id).copied() else { return };
        let choreography = self.known.hir.choreography(id);
        let is_under_way = self.at.iter().any(|(around, role, _)| (*around, *role) == (id, call.formal));
        if is_under_way || self.calls_left == 0 {
            let again = self.obstacle(PivotPath::Repeats { span });
            self.note(call.site, &choreography.name.name, span, Some(again));
            return;
        }
        self.calls_left -= 1;
        let Some(program) = projection.programs.get(usize::from(call.formal.0)) else { return };
        let link = self.link(call.site, &choreography.name.name, span);
        let group = choreography.is_group(call.formal).then(|| self.known.group(id, call.formal, self.chain.len()));
        self.chain.push(link);
        self.at.push((id, call.formal, call.choreographies.iter().filter_map(|callee| resolve(*callee)).collect()));
        self.block(&program.body, behind.or(group.as_ref()));
        self.at.pop();
        self.chain.pop();
    }

    /// The first of some statements that stands in the way of what is before them.
    fn first<'s>(&self, stmts: impl IntoIterator<Item = &'s Stmt>) -> Option<Obstacle> {
        stmts.into_iter().find_map(|stmt| self.stands(stmt)).map(|path| self.obstacle(path))
    }

    fn stands(&self, stmt: &Stmt) -> Option<PivotPath> {
        let by = stmt.span;
        let may_abort = |name: &str| Some(PivotPath::MayAbort { name: name.to_owned(), by });
        let choreography = |depth: &(ChoreographyId, RoleId, Vec<Callee>)| self.known.hir.choreography(depth.0);
        match &stmt.kind {
            StmtKind::Operation { service, operation, .. } => {
                may_abort(&self.known.hir.operation(*service, *operation).name.name)
            }
            StmtKind::Require(..) => may_abort("require"),
            StmtKind::Refuse(_) => may_abort("abort"),
            StmtKind::Send(to, _) => {
                let (_, to) = to.first()?;
                let role = self.at.last().map(choreography)?.role_name(to.role).to_owned();
                Some(PivotPath::Awaited { role, by })
            }
            StmtKind::Select(_, to) => {
                let role = self.at.last().map(choreography)?.role_name(to.role).to_owned();
                Some(PivotPath::Awaited { role, by })
            }
            StmtKind::Receive { .. }
            | StmtKind::Told(..)
            | StmtKind::Sleep(..)
            | StmtKind::Offer { .. }
            | StmtKind::RefusedBy(_)
            | StmtKind::Saga(_) => Some(PivotPath::Waits { by }),
            StmtKind::Call(call) if call.acts => {
                let Callee::Choreography(id) = call.callee else { return Some(PivotPath::Waits { by }) };
                match self.known.called(call, call.callee).may_abort {
                    true => may_abort(&self.known.hir.choreography(id).name.name),
                    false => Some(PivotPath::Waits { by }),
                }
            }
            StmtKind::If { .. }
            | StmtKind::Match { .. }
            | StmtKind::Loop(_)
            | StmtKind::Par { .. }
            | StmtKind::Members(_) => {
                let inner = stmt.blocks().into_iter().flat_map(|block| &block.stmts);
                stmt.head().iter().chain(inner).find_map(|stmt| self.stands(stmt))
            }
            StmtKind::Let(..)
            | StmtKind::Assign(..)
            | StmtKind::Mutate { .. }
            | StmtKind::Call(_)
            | StmtKind::Again => None,
        }
    }
}
