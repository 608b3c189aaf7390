//! Endpoint projection: from a choreography to the program of each role. Choices are projected from the inside out, when the
//! places of their parts are known; see [`Knowledge`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::concerns::Concerns;
use super::cycle::{Assumed, project_cycle};
use super::fingerprint::fingerprints;
use super::optional;
use super::pivots;
use super::share::{Kept, Share, pick};
use super::sites::{SiteKey, Sites};
use super::{Block, Expr, ExprKind, Firsts, Functions, Label, Program, Projection, Stmt, StmtKind, To};
use crate::diagnostic::Diagnostics;
use crate::diagnostic::meaning::Meaning;
use crate::hir::body::Local;
use crate::hir::calls::Calls;
use crate::hir::check::places::{Knowledge, Places, place, recipient};
use crate::hir::check::{sessions, unused};
use crate::hir::{
    self, Choreography, ChoreographyId, ExprId, Hir, LocalId, Pattern, PatternKind, Place, Player, RoleId, Ty,
};
use crate::span::Span;

/// Places and projects every choreography, each behind those that it calls. One with errors has no projection.
pub fn project(hir: &Hir, functions: &Functions, diagnostics: &mut Diagnostics) -> Vec<Projection> {
    let has_errors = diagnostics.has_errors();
    let calls = Calls::of(hir);
    let mut done: Vec<Option<Projection>> = vec![None; hir.choreographies.len()];
    for cycle in calls.cycles() {
        let found = project_cycle(hir, &calls, &mut done, &cycle);
        if !has_errors || found.has_errors() {
            diagnostics.append(found);
        }
    }
    if has_errors {
        return Vec::new();
    }
    let mut projections: Vec<Projection> = done.into_iter().flatten().collect();
    pivots::find(hir, &calls, &mut projections, diagnostics);
    optional::find(hir, &mut projections);
    let fingerprints = fingerprints(hir, &calls, &projections, functions);
    for (projection, fingerprint) in projections.iter_mut().zip(fingerprints) {
        projection.fingerprint = fingerprint;
    }
    projections
}

pub(super) fn choreography_programs(
    hir: &Hir,
    calls: &Calls,
    (done, assumed): (&[Option<Projection>], &Assumed),
    id: ChoreographyId,
    diagnostics: &mut Diagnostics,
) -> Option<Projection> {
    let choreography = hir.choreography(id);
    let mut found = Diagnostics::new();
    let mut projector = Projector::new(hir, choreography, (calls, done, id));
    projector.assumed = Some(assumed);
    let places = place(hir, choreography, &mut projector, &mut found);
    sessions::check(choreography, calls.is_called(id), &mut found);
    let failed = found.has_errors();
    diagnostics.append(found);
    if failed {
        return None;
    }
    unused::check(choreography, &places, diagnostics);
    let initiator = sessions::initiator(choreography);
    let mut programs: Vec<Program> = choreography.role_ids().map(|role| projector.program(&places, role)).collect();
    projector.sites.number(programs.iter_mut().map(|program| &mut program.body));
    let has_part = |program: &&Program| {
        program.role == initiator || !program.body.stmts.is_empty() || program.body.value.is_some()
    };
    let participants: Vec<RoleId> = programs.iter().filter(has_part).map(|program| program.role).collect();
    for (program, declared) in programs.iter().zip(&choreography.roles) {
        // Whoever is handed a choreography asks for its roles.
        let is_asked_for = declared.name.name.starts_with('_') || calls.is_handed(id);
        if !has_part(&program) && !is_asked_for {
            let (name, span) = (declared.name.name.clone(), declared.name.span);
            diagnostics.push(Meaning::UnusedRole { name, span }.into());
        }
    }
    let is_group = choreography.is_group(initiator);
    let begins = |program: &&Program| {
        (program.role != initiator || is_group) && has_part(program) && Firsts::of(&program.body).begin()
    };
    let begins = programs.iter().filter(begins).map(|program| program.role).collect();
    let Projector { locals, selections, .. } = projector;
    let facts = places.clone().into_facts();
    Some(Projection {
        choreography: id.0 as usize,
        locals,
        places,
        programs,
        starts: sessions::starts(choreography),
        initiator,
        participants,
        begins,
        pivots: Vec::new(),
        optional: Vec::new(),
        selections,
        facts,
        fingerprint: [0; 32],
    })
}

/// A player's part in a choice: what it does, and what it keeps of the value.
#[derive(Clone, Debug)]
pub(super) struct Projected {
    pub(super) stmts: Vec<Stmt>,
    pub(super) value: Option<Expr>,
    pub(super) kept: Kept,
}

pub(super) struct Projector<'a> {
    pub(super) hir: &'a Hir,
    pub(super) calls: &'a Calls,
    /// The projections of what is called, as far as calls are not recursive.
    pub(super) done: &'a [Option<Projection>],
    pub(super) id: ChoreographyId,
    /// What roles may do first in the choreographies of the cycle of calls that is being projected.
    pub(super) assumed: Option<&'a Assumed>,
    pub(super) choreography: &'a Choreography,
    pub(super) locals: Vec<Local>,
    pub(super) sites: Sites,
    /// The choices projected so far, for each player, until the block around them takes them.
    pub(super) choices: BTreeMap<ExprId, BTreeMap<Player, Projected>>,
    pub(super) selections: BTreeMap<(ExprId, usize), Vec<(RoleId, To)>>,
    /// The choice at the head of whose branches `select` stands.
    pub(super) within: Option<ExprId>,
    /// Whom the statements of each block concern that has been visited.
    pub(super) concerns: BTreeMap<ExprId, Arc<Concerns>>,
    /// Of each role of each callee, whether it acts, whether something in it may abort, and what it may do first.
    pub(super) looked_into: BTreeMap<(ChoreographyId, RoleId), (bool, bool, Firsts)>,
}

/// Where a player's statements go while an expression is projected for it.
pub(super) struct Aim<'p> {
    pub(super) places: &'p Places,
    pub(super) player: Player,
    /// The members whose blocks stand around.
    pub(super) members: Vec<RoleId>,
    pub(super) out: Vec<Stmt>,
}

impl Knowledge for Projector<'_> {
    fn known(&mut self, places: &Places, choice: ExprId, diagnostics: &mut Diagnostics) -> Place {
        let (known, everyone) = match &self.choreography.body[choice].kind {
            hir::ExprKind::If(guard, then, otherwise) => {
                (self.branches(places, choice, *guard, &[(None, *then), (None, *otherwise)], diagnostics), Some(*guard))
            }
            hir::ExprKind::Match(guard, arms) => {
                let branches: Vec<_> = arms.iter().map(|(pattern, value)| (Some(pattern.clone()), *value)).collect();
                (self.branches(places, choice, *guard, &branches, diagnostics), Some(*guard))
            }
            hir::ExprKind::While { condition, body, otherwise } => {
                self.repeats(places, choice, *condition, None, *body, Some(*otherwise), diagnostics);
                return Place::Everywhere;
            }
            hir::ExprKind::For { pattern, items, body } => {
                self.repeats(places, choice, *items, Some(pattern), *body, None, diagnostics);
                return Place::Everywhere;
            }
            hir::ExprKind::Saga(saga) => (self.scope(places, choice, saga), None),
            _ => return Place::Error,
        };
        if known.len() == places.everyone.len()
            && everyone.is_some_and(|guard| *places.expr(guard) == Place::Everywhere)
        {
            return Place::Everywhere;
        }
        // A role knows if everyone who may play it does: in no `each`, that is one.
        let roles = known.iter().flat_map(|player| player.members.iter().copied().chain([player.base]));
        let all_know = |role: &RoleId| {
            places.members.is_empty()
                || places.everyone.iter().filter(|player| player.plays(*role)).all(|player| known.contains(player))
        };
        Place::Roles(roles.filter(all_know).collect())
    }
}

impl<'a> Projector<'a> {
    /// Nothing is projected yet.
    pub(super) fn new(
        hir: &'a Hir,
        choreography: &'a Choreography,
        (calls, done, id): (&'a Calls, &'a [Option<Projection>], ChoreographyId),
    ) -> Self {
        let (locals, sites) = (choreography.body.locals.clone(), Sites::default());
        Self {
            hir,
            calls,
            done,
            id,
            assumed: None,
            choreography,
            locals,
            sites,
            choices: BTreeMap::new(),
            selections: BTreeMap::new(),
            within: None,
            concerns: BTreeMap::new(),
            looked_into: BTreeMap::new(),
        }
    }

    /// The variables of the choreography, and those that projection made.
    pub(super) fn into_locals(self) -> Vec<Local> {
        self.locals
    }
}

impl Projector<'_> {
    /// For each player of a place in the text, something.
    pub(super) fn each_player<T>(&mut self, places: &Places, mut of: impl FnMut(&mut Self, Aim<'_>) -> T) -> Vec<T> {
        let players = places.players.iter();
        players
            .map(|player| {
                of(self, Aim { places, player: player.clone(), members: places.members.clone(), out: Vec::new() })
            })
            .collect()
    }

    /// Keeps what players do for an expression until the block around it is projected.
    pub(super) fn keep(&mut self, places: &Places, expr: ExprId, parts: Vec<Projected>) {
        self.choices.insert(expr, places.players.iter().cloned().zip(parts).collect());
    }

    pub(super) fn program(&mut self, places: &Places, role: RoleId) -> Program {
        let choreography = self.choreography;
        let mut aim = Aim { places, player: Player::new(role), members: Vec::new(), out: Vec::new() };
        let result = choreography.result.at_role(role).unwrap_or(Ty::UNIT);
        let mut body = if places.spreads.contains_key(&self.tail(choreography.root)) {
            self.kept_block(&mut aim, choreography.root, &Kept::of_result(&choreography.result, role))
        } else {
            let body = self.block(&mut aim, choreography.root);
            Block { value: body.value.and_then(|value| pick(value, &choreography.result, role)), ..body }
        };
        if result.is_unit() && !body.value.as_ref().is_some_and(|value| value.acts() || value.can_fail()) {
            body.value = None;
        }
        let params = choreography.params.iter().filter(|param| param.at.is_at(role)).map(|param| param.local).collect();
        Program { role, params, body, result }
    }

    /// A variable without a name.
    pub(super) fn temporary(&mut self, ty: Ty, span: Span) -> LocalId {
        self.locals.push(Local { name: String::new(), span, ty, mutable: false });
        LocalId(u32::try_from(self.locals.len() - 1).unwrap_or(u32::MAX))
    }

    pub(super) fn projected(&mut self, mut aim: Aim<'_>, expr: ExprId) -> Projected {
        let value = self.expr(&mut aim, expr);
        Projected { stmts: aim.out, value, kept: Kept::All }
    }

    /// What a player does in a block that stands by itself.
    pub(super) fn block(&mut self, aim: &mut Aim<'_>, expr: ExprId) -> Block {
        let outer = std::mem::take(&mut aim.out);
        let value = self.expr(aim, expr);
        let stmts = std::mem::replace(&mut aim.out, outer);
        let block = Block { stmts, value };
        if super::choice::ends(&block) { Block { value: None, ..block } } else { block }
    }

    /// Whether a variable that is changed here is changed at the player: inside the block of a member, what each member has for itself is that member's alone.
    pub(super) fn is_changed_by(&self, aim: &Aim<'_>, local: LocalId) -> bool {
        hir::place::inside(&self.choreography.roles, aim.places.local(local), &aim.members).is_held_by(&aim.player)
    }

    /// What a role does for a statement.
    pub(super) fn stmt(&mut self, aim: &mut Aim<'_>, stmt: &hir::Stmt) {
        let span = stmt.span;
        match &stmt.kind {
            hir::StmtKind::Let(pattern, annotation, value) => {
                let share = match annotation {
                    Some(_) => Share::Whole(self.expr(aim, *value)),
                    None => self.share(aim, *value),
                };
                self.bind_share(aim, pattern, share, span);
            }
            hir::StmtKind::Assign(target, value) => {
                let held = self.is_changed_by(aim, target.local);
                let value = self.expr(aim, *value);
                let target = self.target(aim, target);
                match (value, target) {
                    (Some(value), Some(target)) if held => {
                        aim.out.push(Stmt { kind: StmtKind::Assign(target, value), span });
                    }
                    (Some(value), _) => aim.out.extend(discarded(value)),
                    (None, _) => {}
                }
            }
            hir::StmtKind::Require(condition, reason) => {
                let values = self.operands(aim, &[*condition, *reason]);
                let checks = aim.places.requires.get(condition).is_some_and(|place| place.is_held_by(&aim.player));
                if let ([Some(condition), Some(reason)], true) = (values.as_slice(), checks) {
                    let kind = StmtKind::Require(condition.clone(), reason.clone());
                    aim.out.push(Stmt { kind, span });
                }
            }
            hir::StmtKind::Abort(role, reason) => {
                let reason = self.expr(aim, *reason);
                let kind = match reason {
                    Some(reason) if aim.player.plays(*role) => StmtKind::Refuse(reason),
                    Some(_) | None => StmtKind::RefusedBy(*role),
                };
                aim.out.push(Stmt { kind, span });
            }
            hir::StmtKind::Sleep(role, time) => match self.expr(aim, *time) {
                Some(millis) if aim.player.plays(*role) => {
                    let site = self.sites.site(SiteKey::Sleep(*time));
                    aim.out.push(Stmt { kind: StmtKind::Sleep(site, millis), span });
                }
                Some(value) => aim.out.extend(discarded(value)),
                None => {}
            },
            hir::StmtKind::Select(from, to) => self.select(aim, *from, to, span),
            hir::StmtKind::Expr(expr) => {
                let share = self.share(aim, *expr);
                aim.out.extend(share.discarded());
            }
        }
    }

    /// `select from ~> to;`
    fn select(&mut self, aim: &mut Aim<'_>, from: RoleId, to: &[(RoleId, Span)], span: Span) {
        let choice = self.within.map_or(u32::MAX, |choice| choice.0);
        for (to, to_span) in to {
            let players = hir::place::playing(&self.choreography.roles, &aim.members, &[*to].into());
            for player in players.iter().filter(|player| !player.plays(from)) {
                let site = self.sites.site(SiteKey::Select(*to_span, player.clone()));
                let label = Label { site, choice, inferred: false };
                if aim.player.plays(from) {
                    let to = recipient(self.choreography, player, &aim.members);
                    aim.out.push(Stmt { kind: StmtKind::Select(label, to), span });
                } else if aim.player == *player {
                    aim.out.push(Stmt { kind: StmtKind::Told(label, from), span });
                }
            }
        }
    }

    pub(super) fn tail(&self, mut expr: ExprId) -> ExprId {
        while let hir::ExprKind::Block(_, Some(tail)) = &self.choreography.body[expr].kind {
            expr = *tail;
        }
        expr
    }

    /// Binds a pattern, giving a value that has just been made its name at once.
    pub(super) fn bind(&mut self, aim: &mut Aim<'_>, pattern: &Pattern, value: Expr, span: Span) {
        if let (PatternKind::Bind(local), ExprKind::Local(made)) = (&pattern.kind, &value.kind)
            && let Some(into) = aim.out.last_mut().and_then(into_of)
            && *into == Some(*made)
            && self.locals.get(made.0 as usize).is_some_and(|local| local.name.is_empty())
        {
            *into = Some(*local);
            return;
        }
        if let PatternKind::Wildcard = pattern.kind {
            aim.out.extend(discarded(value));
            return;
        }
        aim.out.push(Stmt { kind: StmtKind::Let(pattern.clone(), value), span });
    }
}

/// What is left of a value that nobody uses: every expression is evaluated, but one that cannot be seen to be.
pub(super) fn discarded(value: Expr) -> Option<Stmt> {
    let span = value.span;
    let pattern = Pattern { kind: PatternKind::Wildcard, ty: value.ty.clone(), span };
    (value.can_fail() || value.acts()).then_some(Stmt { kind: StmtKind::Let(pattern, value), span })
}

fn into_of(stmt: &mut Stmt) -> Option<&mut Option<LocalId>> {
    match &mut stmt.kind {
        StmtKind::Receive { into, .. }
        | StmtKind::Operation { into, .. }
        | StmtKind::Mutate { into, .. }
        | StmtKind::If { into, .. }
        | StmtKind::Match { into, .. }
        | StmtKind::Offer { into, .. } => Some(into),
        StmtKind::Members(members) => Some(&mut members.into),
        StmtKind::Call(call) => Some(&mut call.into),
        StmtKind::Saga(saga) => Some(&mut saga.into),
        StmtKind::Let(..)
        | StmtKind::Assign(..)
        | StmtKind::Send(..)
        | StmtKind::Sleep(..)
        | StmtKind::Select(..)
        | StmtKind::Told(..)
        | StmtKind::Loop(_)
        | StmtKind::Par { .. }
        | StmtKind::Again
        | StmtKind::Require(..)
        | StmtKind::Refuse(_)
        | StmtKind::RefusedBy(_) => None,
    }
}
