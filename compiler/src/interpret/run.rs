//! Expressions.

use std::collections::{BTreeMap, BTreeSet};

use super::compute::{self, Fault};
use super::held::{Held, part};
use super::value::Value;
use super::{Called, Cast, Event, Limits, Outcome, Participant, Run, ScopeId, Services, Setup, builtin, reason};
use crate::Compilation;
use crate::hir::check::places::Places;
use crate::hir::lower::substitute;
use crate::hir::{
    Choreography, ChoreographyId, ExprId, ExprKind, LocalId, Place, RoleId, RoleKind, RoleSet, ServiceId, Ty, place,
};
use crate::lir::{Projection, To};
use crate::span::Span;
use crate::syntax::ast::BinaryOp;

/// Why a run goes on no further.
pub(super) struct Endless;

pub(super) type Step<T> = Result<T, Endless>;

/// A call of a choreography.
pub(super) struct Frame<'a> {
    pub(super) choreography: &'a Choreography,
    pub(super) places: &'a Places,
    pub(super) selections: &'a BTreeMap<(ExprId, usize), Vec<(RoleId, To)>>,
    /// Who plays each role; a member only while its block is run.
    pub(super) cast: BTreeMap<RoleId, Vec<Participant>>,
    pub(super) vars: BTreeMap<LocalId, Held>,
    /// The members whose blocks stand around.
    pub(super) members: Vec<RoleId>,
    pub(super) types: Vec<Ty>,
    pub(super) choreographies: Vec<ChoreographyId>,
}

/// A scope that has been begun.
pub(super) struct Scope {
    pub(super) id: ScopeId,
    /// Who aborted in it, and why.
    pub(super) aborts: Vec<(Participant, String)>,
}

pub(super) struct Interpreter<'a> {
    pub(super) compilation: &'a Compilation,
    pub(super) choreography: ChoreographyId,
    pub(super) session: Cast,
    pub(super) services: &'a mut dyn Services,
    limits: Limits,
    steps: u64,
    pub(super) depth: u32,
    random: u64,
    pub(super) messages: u64,
    pub(super) events: Vec<Event>,
    pub(super) scopes: Vec<Scope>,
    pub(super) scopes_begun: u32,
    pub(super) failed: BTreeSet<ScopeId>,
    /// Those who do nothing more here: they aborted, or wait for what never comes.
    pub(super) stopped: BTreeSet<Participant>,
    pub(super) is_ambiguous: bool,
    /// Those who know of the choices around, for each of these.
    knowing: Vec<Vec<Participant>>,
    /// Those who hold the whole of which an operand is being computed.
    whole: Option<Vec<Participant>>,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(
        compilation: &'a Compilation,
        choreography: ChoreographyId,
        setup: &Setup,
        services: &'a mut dyn Services,
        limits: Limits,
    ) -> Self {
        Self {
            compilation,
            choreography,
            session: Cast::of(&compilation.hir, choreography, &setup.groups),
            services,
            limits,
            steps: 0,
            depth: 0,
            random: setup.order,
            messages: 0,
            events: Vec::new(),
            scopes: vec![Scope { id: ScopeId::SESSION, aborts: Vec::new() }],
            scopes_begun: 1,
            failed: BTreeSet::new(),
            stopped: BTreeSet::new(),
            is_ambiguous: false,
            knowing: Vec::new(),
            whole: None,
        }
    }

    pub(super) fn session(mut self, setup: &Setup) -> Run {
        let outcome = self.outcome(setup).unwrap_or(Outcome::Endless);
        let messages = self.failed.is_empty().then_some(self.messages);
        let Self { events, failed, is_ambiguous, .. } = self;
        Run { outcome, messages, events, failed, is_ambiguous }
    }

    fn outcome(&mut self, setup: &Setup) -> Step<Outcome> {
        let declared = self.compilation.hir.choreography(self.choreography);
        let cast = declared.role_ids().map(|role| (role, self.session.players(role))).collect();
        let arguments = setup.arguments.iter().cloned().map(Held::One).collect();
        let mut frame = self.frame(self.choreography, cast, arguments, Vec::new(), Vec::new()).ok_or(Endless)?;
        let value = self.expr(&mut frame, declared.root)?;
        let aborts = self.scopes.pop().map(|scope| scope.aborts).unwrap_or_default();
        if !aborts.is_empty() {
            self.fail(ScopeId::SESSION);
            return Ok(Outcome::Aborted(aborts));
        }
        let part = |(participant, role, _)| {
            let part = part(&declared.result, &value, role, participant);
            (participant, part.unwrap_or(Value::UNIT))
        };
        Ok(Outcome::Completed(self.session.all().map(part).collect()))
    }

    /// A call; `None` where what is called was refused by the compiler.
    pub(super) fn frame(
        &self,
        id: ChoreographyId,
        cast: BTreeMap<RoleId, Vec<Participant>>,
        arguments: Vec<Held>,
        types: Vec<Ty>,
        choreographies: Vec<ChoreographyId>,
    ) -> Option<Frame<'a>> {
        let compilation = self.compilation;
        let choreography = compilation.hir.choreography(id);
        let projection = compilation.projections.iter().find(|known| known.choreography == id.0 as usize)?;
        Some(Self::frame_of(choreography, projection, cast, arguments, types, choreographies))
    }

    pub(super) fn frame_of(
        choreography: &'a Choreography,
        projection: &'a Projection,
        cast: BTreeMap<RoleId, Vec<Participant>>,
        arguments: Vec<Held>,
        types: Vec<Ty>,
        choreographies: Vec<ChoreographyId>,
    ) -> Frame<'a> {
        let vars = choreography.params.iter().map(|param| param.local).zip(arguments).collect();
        let (places, selections) = (&projection.places, &projection.selections);
        Frame { choreography, places, selections, cast, vars, members: Vec::new(), types, choreographies }
    }

    /// A number below `bound`, from the seed.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        // splitmix64
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(bound.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Undoes what was committed in a scope.
    pub(super) fn fail(&mut self, scope: ScopeId) {
        self.failed.insert(scope);
        let inside = self.events.iter_mut().filter(|event| event.scopes.contains(&scope));
        for event in inside.filter(|event| event.can_be_undone && event.result.is_ok()) {
            event.undone = true;
        }
    }

    /// These end the innermost scope, those of them who still can.
    pub(super) fn abort(&mut self, participants: Vec<Participant>, reason: &str) {
        let live: Vec<Participant> =
            participants.into_iter().filter(|participant| self.stopped.insert(*participant)).collect();
        if let Some(scope) = self.scopes.last_mut() {
            scope.aborts.extend(live.into_iter().map(|participant| (participant, reason.to_owned())));
        }
    }

    /// Who plays a role here.
    pub(super) fn players(&self, frame: &Frame<'_>, role: RoleId) -> Vec<Participant> {
        frame.cast.get(&role).cloned().unwrap_or_default()
    }

    /// Who plays any of these roles.
    pub(super) fn players_of(&self, frame: &Frame<'_>, roles: impl IntoIterator<Item = RoleId>) -> Vec<Participant> {
        let mut all: Vec<Participant> = Vec::new();
        for participant in roles.into_iter().flat_map(|role| self.players(frame, role)) {
            if !all.contains(&participant) {
                all.push(participant);
            }
        }
        all
    }

    /// Who holds what lives at a place.
    pub(super) fn holders(&self, frame: &Frame<'_>, place: &Place) -> Vec<Participant> {
        match place {
            Place::Roles(roles) | Place::Each(roles) => self.players_of(frame, roles.iter().copied()),
            Place::Everywhere | Place::Error => self.session.all().map(|(participant, _, _)| participant).collect(),
        }
    }

    fn default(&self, frame: &Frame<'_>, ty: &Ty) -> Value {
        Value::default_of(&self.compilation.hir, &substitute(ty, &frame.types))
    }

    /// The expression's value; where it has none, for it ends in `abort`, one that nobody sees.
    pub(super) fn branch(&mut self, frame: &mut Frame<'a>, choice: ExprId, branch: ExprId) -> Step<Held> {
        let body = &frame.choreography.body;
        let known = frame.places.known.get(&choice).unwrap_or(&Place::Everywhere);
        self.knowing.push(self.holders(frame, known));
        let value = self.expr(frame, branch)?;
        self.knowing.pop();
        match body[branch].ty {
            Ty::Never => Ok(Held::One(self.default(frame, &body[choice].ty))),
            _ => Ok(value),
        }
    }

    pub(super) fn exprs(&mut self, frame: &mut Frame<'a>, exprs: &[ExprId]) -> Step<Vec<Held>> {
        exprs.iter().map(|expr| self.expr(frame, *expr)).collect()
    }

    /// Computes a value of values; each who holds them computes it, and aborts where there is none.
    pub(super) fn lift(
        &mut self,
        frame: &Frame<'a>,
        expr: ExprId,
        operands: &[Held],
        mut compute: impl FnMut(Vec<Value>) -> Result<Value, Fault>,
    ) -> Held {
        let (ty, span) = (&frame.choreography.body[expr].ty, frame.choreography.body[expr].span);
        let Some(owners) = operands.iter().find_map(Held::owners) else {
            return match compute(operands.iter().map(Held::one).collect()) {
                Ok(value) => Held::One(value),
                Err(fault) => {
                    let holders = self.holders(frame, frame.places.expr(expr));
                    self.fault(holders, span, fault);
                    Held::One(self.default(frame, ty))
                }
            };
        };
        let mut values = BTreeMap::new();
        for owner in owners {
            let value = compute(operands.iter().map(|operand| operand.of(owner)).collect());
            let value = value.unwrap_or_else(|fault| {
                self.fault(vec![owner], span, fault);
                self.default(frame, ty)
            });
            values.insert(owner, value);
        }
        Held::Each(values)
    }

    /// What these compute has no value. Who is not told which branch was taken, and acts alike in all of them, computes there only what it needs;
    /// and who holds an operand, and not the whole, may compute the operand or not.
    pub(super) fn fault(&mut self, mut participants: Vec<Participant>, span: Span, fault: Fault) {
        let reason = reason(&self.compilation.sources, span, fault);
        participants.retain(|participant| {
            let knows = self.knowing.iter().chain(&self.whole).all(|knowing| knowing.contains(participant));
            self.is_ambiguous |= !knows && !self.stopped.contains(participant);
            knows
        });
        self.abort(participants, &reason);
    }

    /// An expression's value.
    pub(super) fn expr(&mut self, frame: &mut Frame<'a>, id: ExprId) -> Step<Held> {
        self.steps += 1;
        self.depth += 1;
        if self.steps > self.limits.steps || self.depth > self.limits.depth {
            return Err(Endless);
        }
        let value = match self.narrowed(frame, id) {
            Some(whole) => {
                let around = std::mem::replace(&mut self.whole, whole);
                let value = self.compute(frame, id)?;
                self.whole = around;
                value
            }
            None => self.compute(frame, id)?,
        };
        self.depth -= 1;
        // A value that grows in each round is as much work as many small ones.
        self.steps += value.steps();
        Ok(value)
    }

    /// Whether others hold the whole of which the parts of this expression are parts, and who.
    fn narrowed(&self, frame: &Frame<'a>, id: ExprId) -> Option<Option<Vec<Participant>>> {
        let kind = &frame.choreography.body[id].kind;
        match (kind, self.whole.is_some()) {
            (ExprKind::At(_, role), false) => Some(Some(self.players(frame, *role))),
            (kind, false) if kind.is_computed() => Some(Some(self.holders(frame, frame.places.expr(id)))),
            (kind, true) if kind.is_done() => Some(None),
            _ => None,
        }
    }

    fn compute(&mut self, frame: &mut Frame<'a>, id: ExprId) -> Step<Held> {
        let hir = &self.compilation.hir;
        let expr = &frame.choreography.body[id];
        Ok(match &expr.kind {
            ExprKind::Error => Held::UNIT,
            ExprKind::Literal(literal) => Held::One(Value::literal(literal, &expr.ty)),
            ExprKind::Local(local) => self.local(frame, *local),
            ExprKind::Tuple(items) => self.tuple(frame, id, items)?,
            ExprKind::List(items) => {
                let operands = self.exprs(frame, items)?;
                self.joined(frame, id, items, &operands, Value::Vec)
            }
            ExprKind::Construct { constructor, fields, base } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                let operands = self.exprs(frame, &parts)?;
                self.joined(frame, id, &parts, &operands, |mut parts| {
                    let base = if base.is_some() { parts.pop() } else { None };
                    let fields = fields.iter().map(|(index, _)| *index).zip(parts).collect();
                    compute::construct(hir, *constructor, fields, base)
                })
            }
            ExprKind::Field(value, name) => {
                let value = self.expr(frame, *value)?;
                self.lift(frame, id, &[value], |values| {
                    Ok(values.first().map_or(Value::UNIT, |v| compute::field(v, name)))
                })
            }
            ExprKind::TupleField(value, index) => match self.expr(frame, *value)? {
                Held::Parts(parts) => parts.into_iter().nth(*index as usize).unwrap_or(Held::UNIT),
                value => self.lift(frame, id, &[value], |values| {
                    Ok(values.first().map_or(Value::UNIT, |value| compute::tuple_field(value, *index)))
                }),
            },
            ExprKind::Index(one, two) => {
                let operands = self.exprs(frame, &[*one, *two])?;
                self.lift(frame, id, &operands, |values| compute::two_of(&values, compute::index))
            }
            ExprKind::Builtin(method, operands) => {
                let (operands, ty) = (self.exprs(frame, operands)?, substitute(&expr.ty, &frame.types));
                self.lift(frame, id, &operands, |values| builtin(*method, &values, &ty).ok_or(method.fault()))
            }
            ExprKind::Apply(function, args) => {
                let args = self.exprs(frame, args)?;
                self.apply(frame, id, *function, args)?
            }
            ExprKind::Unary(op, value) => {
                let value = self.expr(frame, *value)?;
                self.lift(frame, id, &[value], |values| {
                    values.first().map_or(Ok(Value::UNIT), |v| compute::unary(*op, v))
                })
            }
            ExprKind::Binary(op, one, two) => self.binary(frame, id, *op, *one, *two)?,
            ExprKind::Len(roles) => Held::One(Value::size(self.players_of(frame, roles.iter().copied()).len())),
            ExprKind::MemberIndex(member) => Held::One(Value::size(self.member_index(frame, *member))),
            ExprKind::At(value, role) => {
                let held = self.expr(frame, *value)?;
                self.pick(frame, *value, held, *role)
            }
            ExprKind::Operation { role, service, operation, args } => {
                let args = self.exprs(frame, args)?;
                self.operation(frame, *role, (*service, *operation), &args, expr.span)
            }
            ExprKind::Communicate { value, from, to, within } => {
                let to = to.iter().map(|(role, _)| *role).collect();
                self.communicate(frame, *value, from.map(|(role, _)| role), to, *within)?
            }
            ExprKind::Message { from, to } => {
                self.message(frame, *from, to.iter().map(|(role, _)| *role).collect());
                Held::UNIT
            }
            ExprKind::Block(stmts, tail) => self.block(frame, stmts, *tail)?,
            ExprKind::If(guard, then, otherwise) => {
                let holds = self.expr(frame, *guard)?.one().is_true();
                self.select(frame, id, usize::from(!holds));
                self.branch(frame, id, if holds { *then } else { *otherwise })?
            }
            ExprKind::Match(guard, arms) => {
                let value = self.expr(frame, *guard)?.one();
                self.match_(frame, id, &value, arms)?
            }
            ExprKind::While { condition, body, otherwise } => self.while_(frame, id, *condition, *body, *otherwise)?,
            ExprKind::For { pattern, items, body } => self.for_(frame, id, pattern, *items, *body)?,
            ExprKind::Members(members) => self.members(frame, id, members)?,
            ExprKind::Par(arms) => self.par(frame, arms)?,
            ExprKind::Call(call) => self.call(frame, call)?,
            ExprKind::Saga(saga) => self.saga(frame, id, saga)?,
            ExprKind::Mutate { target, method, args } => self.mutate(frame, id, target, *method, args)?,
        })
    }

    fn local(&self, frame: &Frame<'_>, local: LocalId) -> Held {
        let held = frame.vars.get(&local).cloned().unwrap_or(Held::UNIT);
        let place = place::inside(&frame.choreography.roles, frame.places.local(local), &frame.members);
        match (&held, frame.places.local(local), place) {
            (Held::Each(_) | Held::Parts(_), Place::Each(_), Place::Roles(own)) => {
                let own = self.players_of(frame, own);
                own.first().map_or(held.clone(), |own| Held::One(held.of(*own)))
            }
            _ => held,
        }
    }

    /// Of what each member has, that of one; also where another member's block stands around.
    pub(super) fn pick(&self, frame: &Frame<'_>, expr: ExprId, held: Held, role: RoleId) -> Held {
        let value = match &frame.choreography.body[expr].kind {
            ExprKind::Local(local) => match frame.places.local(*local) {
                Place::Each(group) if self.is_of(frame, role, group) => {
                    frame.vars.get(local).cloned().unwrap_or(Held::UNIT)
                }
                _ => held,
            },
            _ => held,
        };
        match (&value, self.players(frame, role).first()) {
            (Held::Each(_) | Held::Parts(_), Some(own)) => Held::One(value.of(*own)),
            _ => value,
        }
    }

    fn is_of(&self, frame: &Frame<'_>, role: RoleId, group: &RoleSet) -> bool {
        match &frame.choreography.role(role).kind {
            RoleKind::Member(of) => of.iter().copied().collect::<RoleSet>() == *group,
            RoleKind::Single | RoleKind::Group => group.contains(&role),
        }
    }

    fn member_index(&self, frame: &Frame<'_>, member: RoleId) -> usize {
        let RoleKind::Member(group) = &frame.choreography.role(member).kind else { return 0 };
        let group = self.players_of(frame, group.iter().copied());
        let own = self.players(frame, member);
        own.first().and_then(|own| group.iter().position(|other| other == own)).unwrap_or(0)
    }

    fn binary(&mut self, frame: &mut Frame<'a>, id: ExprId, op: BinaryOp, one: ExprId, two: ExprId) -> Step<Held> {
        let left = self.expr(frame, one)?;
        let decided = match op {
            BinaryOp::And => Some(false),
            BinaryOp::Or => Some(true),
            _ => None,
        };
        let decides = |value: &Value| decided == Some(value.is_true()) && matches!(value, Value::Bool(_));
        // Who is decided by the left does not compute the right.
        let idle: Vec<Participant> = match &left {
            Held::One(value) if decides(value) => return Ok(left),
            Held::Each(values) => values.iter().filter(|(_, value)| decides(value)).map(|(owner, _)| *owner).collect(),
            Held::One(_) | Held::Parts(_) => Vec::new(),
        };
        let before = self.stopped.clone();
        self.stopped.extend(&idle);
        let right = self.expr(frame, two)?;
        for owner in idle.iter().filter(|owner| !before.contains(owner)) {
            self.stopped.remove(owner);
        }
        Ok(self.lift(frame, id, &[left, right], |values| {
            compute::two_of(&values, |one, two| compute::binary(op, one, two))
        }))
    }

    fn operation(
        &mut self,
        frame: &Frame<'a>,
        role: RoleId,
        (service, operation): (ServiceId, u32),
        args: &[Held],
        span: Span,
    ) -> Held {
        let hir = &self.compilation.hir;
        let declared = hir.operation(service, operation);
        let unknown = Held::One(self.default(frame, &declared.result));
        let Some(participant) = self.players(frame, role).first().copied() else {
            return unknown;
        };
        if self.stopped.contains(&participant) {
            return unknown;
        }
        let arguments: Vec<Value> = args.iter().map(|arg| arg.of(participant)).collect();
        let (service, name) = (hir.service(service).name.name.as_str(), declared.name.name.as_str());
        let result = self.services.operation(Called {
            participant,
            service,
            operation: name,
            kind: &declared.kind,
            arguments: &arguments,
            result: &declared.result,
        });
        if !declared.is_pure() {
            let can_be_undone = declared.kind.compensation().is_some();
            let scopes = self.scopes.iter().map(|scope| scope.id).collect();
            let (operation, result) = (format!("{service}.{name}"), result.clone());
            self.events.push(Event { participant, operation, can_be_undone, arguments, result, scopes, undone: false });
        }
        match result {
            Ok(value) if declared.is_pure() => self.grown(vec![participant], span, value).map_or(unknown, Held::One),
            Ok(value) => Held::One(value),
            Err(reason) => {
                self.abort(vec![participant], &reason);
                unknown
            }
        }
    }
}
