//! Statements, choices, loops, what runs side by side, calls and scopes.

use std::collections::BTreeMap;

use super::builtin;
use super::compute::{self, Way};
use super::growth::limited;
use super::held::Held;
use super::run::{Endless, Frame, Interpreter, Scope, Step};
use super::value::Value;
use super::{Participant, ScopeId};
use crate::hir::builtin::Builtin;
use crate::hir::growth::{TOO_LARGE, VALUE_PARTS_MAX};
use crate::hir::{
    Call, Callee, ChoreographyId, ExprId, FnId, LocalId, MemberOrder, Members, Pattern, PatternKind, Place, RoleId,
    Saga, Stmt, StmtKind, Target, Ty, place,
};
use crate::span::Span;

impl<'a> Interpreter<'a> {
    pub(super) fn block(&mut self, frame: &mut Frame<'a>, stmts: &[Stmt], tail: Option<ExprId>) -> Step<Held> {
        for stmt in stmts {
            self.stmt(frame, stmt)?;
        }
        tail.map_or(Ok(Held::UNIT), |tail| self.expr(frame, tail))
    }

    fn stmt(&mut self, frame: &mut Frame<'a>, stmt: &Stmt) -> Step<()> {
        match &stmt.kind {
            StmtKind::Let(pattern, _, value) => {
                let value = self.expr(frame, *value)?;
                self.bind(frame, pattern, value);
            }
            StmtKind::Assign(target, value) => {
                let held = self.expr(frame, *value)?;
                let grows = !target.path.is_empty() && !frame.choreography.body[*value].ty.is_copy();
                let growth = grows.then_some(stmt.span);
                self.change(frame, *value, (target, growth), &[held], |part, args| {
                    *part = args.first().cloned().unwrap_or(Value::UNIT);
                    Ok(Value::UNIT)
                })?;
            }
            StmtKind::Require(condition, reason) => {
                let holds = self.expr(frame, *condition)?.one().is_true();
                let reason = self.expr(frame, *reason)?.one().display();
                if !holds {
                    let place = frame.places.requires.get(condition).cloned().unwrap_or(Place::Everywhere);
                    let holders = self.holders(frame, &place);
                    self.abort(holders, &reason);
                }
            }
            StmtKind::Abort(role, reason) => {
                let reason = self.expr(frame, *reason)?.one().display();
                let participants = self.players(frame, *role);
                self.abort(participants, &reason);
            }
            // Time does not pass here.
            StmtKind::Sleep(_, millis) => drop(self.expr(frame, *millis)?),
            StmtKind::Select(from, to) => self.message(frame, *from, to.iter().map(|(role, _)| *role).collect()),
            StmtKind::Expr(expr) => drop(self.expr(frame, *expr)?),
        }
        Ok(())
    }

    fn bind(&mut self, frame: &mut Frame<'a>, pattern: &Pattern, held: Held) {
        match (&pattern.kind, held) {
            (PatternKind::Wildcard, _) => {}
            (PatternKind::Bind(local), held) => drop(frame.vars.insert(*local, held)),
            (PatternKind::Tuple(items), Held::Parts(parts)) => {
                for (item, part) in items.iter().zip(parts) {
                    self.bind(frame, item, part);
                }
            }
            (_, Held::One(value)) => {
                let mut bound = Vec::new();
                compute::matches(pattern, &value, &mut bound);
                frame.vars.extend(bound.into_iter().map(|(local, value)| (local, Held::One(value))));
            }
            (_, held @ (Held::Each(_) | Held::Parts(_))) => {
                let mut all: BTreeMap<LocalId, BTreeMap<Participant, Value>> =
                    pattern.bindings().into_iter().map(|local| (local, BTreeMap::new())).collect();
                for owner in held.owners().unwrap_or_default() {
                    let mut bound = Vec::new();
                    compute::matches(pattern, &held.of(owner), &mut bound);
                    for (local, value) in bound {
                        all.entry(local).or_default().insert(owner, value);
                    }
                }
                frame.vars.extend(all.into_iter().map(|(local, values)| (local, Held::Each(values))));
            }
        }
    }

    /// Changes a variable, or a part of one, where it lives: inside the block of a member, what each member has for itself is that member's.
    /// With `growth`, what makes it larger, the variable is no larger than a value may be afterwards.
    fn change(
        &mut self,
        frame: &mut Frame<'a>,
        expr: ExprId,
        (target, growth): (&Target, Option<Span>),
        args: &[Held],
        mut apply: impl FnMut(&mut Value, &[Value]) -> Result<Value, compute::Fault>,
    ) -> Step<Held> {
        let mut steps = Vec::new();
        for step in &target.path {
            steps.push(match step {
                crate::hir::Step::Field(name) => Held::One(Value::text(name.clone())),
                crate::hir::Step::TupleField(index) => Held::One(Value::size(*index as usize)),
                crate::hir::Step::Index(index) => self.expr(frame, *index)?,
            });
        }
        let way = |owner: Option<Participant>| -> Vec<Way> {
            let value = |held: &Held| owner.map_or_else(|| held.one(), |owner| held.of(owner));
            let step = |(step, held): (&crate::hir::Step, &Held)| match step {
                crate::hir::Step::Field(name) => Way::Field(name.clone()),
                crate::hir::Step::TupleField(index) => Way::TupleField(*index),
                crate::hir::Step::Index(_) => Way::Index(value(held)),
            };
            target.path.iter().zip(&steps).map(step).collect()
        };
        let declared = frame.places.local(target.local).clone();
        let here = place::inside(&frame.choreography.roles, &declared, &frame.members);
        let mut held = frame.vars.get(&target.local).cloned().unwrap_or(Held::UNIT);
        let mut results = BTreeMap::new();
        let result = match &declared {
            Place::Each(group) => {
                let all = self.players_of(frame, group.iter().copied());
                let mut values: BTreeMap<Participant, Value> =
                    all.into_iter().map(|owner| (owner, held.of(owner))).collect();
                for owner in self.holders(frame, &here) {
                    let own: Vec<Value> = args.iter().map(|arg| arg.of(owner)).collect();
                    let Some(value) = values.get_mut(&owner) else { continue };
                    match compute::part_mut(value, &way(Some(owner))).and_then(|part| apply(part, &own)) {
                        Ok(result) => {
                            let grown = growth.filter(|_| value.parts() > VALUE_PARTS_MAX);
                            grown.into_iter().for_each(|span| self.fault(vec![owner], span, TOO_LARGE));
                            results.insert(owner, result);
                        }
                        Err(fault) => self.fault(vec![owner], self.fault_span(frame, expr, target), fault),
                    }
                }
                held = Held::Each(values);
                match here {
                    Place::Each(_) => Held::Each(results),
                    _ => Held::One(results.into_values().next().unwrap_or(Value::UNIT)),
                }
            }
            Place::Roles(_) | Place::Everywhere | Place::Error => {
                let own: Vec<Value> = args.iter().map(Held::one).collect();
                let mut value = held.one();
                let result = match compute::part_mut(&mut value, &way(None)).and_then(|part| apply(part, &own)) {
                    Ok(result) => {
                        if let Some(span) = growth.filter(|_| value.parts() > VALUE_PARTS_MAX) {
                            let holders = self.holders(frame, &declared);
                            self.fault(holders, span, TOO_LARGE);
                        }
                        result
                    }
                    Err(fault) => {
                        let holders = self.holders(frame, &declared);
                        self.fault(holders, self.fault_span(frame, expr, target), fault);
                        Value::UNIT
                    }
                };
                held = Held::One(value);
                Held::One(result)
            }
        };
        frame.vars.insert(target.local, held);
        Ok(result)
    }

    /// What is wrong where a variable cannot be changed: the target, or the call of a method that changes it.
    fn fault_span(&self, frame: &Frame<'a>, expr: ExprId, target: &Target) -> Span {
        match frame.choreography.body[expr].kind {
            crate::hir::ExprKind::Mutate { .. } => frame.choreography.body[expr].span,
            _ => target.span,
        }
    }

    pub(super) fn mutate(
        &mut self,
        frame: &mut Frame<'a>,
        id: ExprId,
        target: &Target,
        method: Builtin,
        args: &[ExprId],
    ) -> Step<Held> {
        let args = self.exprs(frame, args)?;
        let growth = method.grows().then_some(frame.choreography.body[id].span);
        self.change(frame, id, (target, growth), &args, |part, args| {
            builtin::mutate(method, part, args).ok_or(method.fault())
        })
    }

    pub(super) fn match_(
        &mut self,
        frame: &mut Frame<'a>,
        id: ExprId,
        value: &Value,
        arms: &[(Pattern, ExprId)],
    ) -> Step<Held> {
        for (index, (pattern, arm)) in arms.iter().enumerate() {
            let mut bound = Vec::new();
            if compute::matches(pattern, value, &mut bound) {
                frame.vars.extend(bound.into_iter().map(|(local, value)| (local, Held::One(value))));
                self.select(frame, id, index);
                return self.branch(frame, id, *arm);
            }
        }
        Ok(Held::UNIT)
    }

    pub(super) fn while_(
        &mut self,
        frame: &mut Frame<'a>,
        id: ExprId,
        condition: ExprId,
        body: ExprId,
        otherwise: ExprId,
    ) -> Step<Held> {
        while self.expr(frame, condition)?.one().is_true() {
            self.select(frame, id, 0);
            self.branch(frame, id, body)?;
            if frame.choreography.body[body].ty == Ty::Never {
                break;
            }
        }
        self.select(frame, id, 1);
        self.branch(frame, id, otherwise)?;
        Ok(Held::UNIT)
    }

    pub(super) fn for_(
        &mut self,
        frame: &mut Frame<'a>,
        id: ExprId,
        pattern: &Pattern,
        items: ExprId,
        body: ExprId,
    ) -> Step<Held> {
        if let Value::Vec(items) = self.expr(frame, items)?.one() {
            for item in items {
                self.select(frame, id, 0);
                self.bind(frame, pattern, Held::One(item));
                self.branch(frame, id, body)?;
            }
        }
        self.select(frame, id, 1);
        Ok(Held::UNIT)
    }

    /// The numbers below `count`, in an order that the seed chooses.
    fn shuffled(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for index in (1..count).rev() {
            let other = self.below(index + 1);
            order.swap(index, other);
        }
        order
    }

    pub(super) fn par(&mut self, frame: &mut Frame<'a>, arms: &[ExprId]) -> Step<Held> {
        let before = self.stopped.clone();
        let mut after = before.clone();
        let mut values: BTreeMap<usize, Held> = BTreeMap::new();
        for index in self.shuffled(arms.len()) {
            let Some(arm) = arms.get(index) else { continue };
            self.stopped.clone_from(&before);
            values.insert(index, self.expr(frame, *arm)?);
            after.append(&mut self.stopped);
        }
        self.stopped = after;
        Ok(Held::tuple(values.into_values().collect()))
    }

    pub(super) fn members(&mut self, frame: &mut Frame<'a>, id: ExprId, members: &Members) -> Step<Held> {
        let group = self.players_of(frame, members.group.iter().copied());
        let order = match members.order {
            MemberOrder::SideBySide => self.shuffled(group.len()),
            MemberOrder::OneByOne => (0..group.len()).collect(),
        };
        let before = self.stopped.clone();
        let mut after = before.clone();
        let mut values: BTreeMap<usize, (Participant, Held)> = BTreeMap::new();
        let outer = frame.cast.get(&members.member).cloned();
        frame.members.push(members.member);
        for index in order {
            let Some(own) = group.get(index).copied() else { continue };
            frame.cast.insert(members.member, vec![own]);
            if members.order == MemberOrder::SideBySide {
                self.stopped.clone_from(&before);
            }
            values.insert(index, (own, self.expr(frame, members.body)?));
            after.extend(&self.stopped);
        }
        frame.members.pop();
        match outer {
            Some(outer) => drop(frame.cast.insert(members.member, outer)),
            None => drop(frame.cast.remove(&members.member)),
        }
        self.stopped = after;
        if members.gathers {
            let values: Vec<Held> = values.into_values().map(|(_, value)| value).collect();
            return Ok(self.lift(frame, id, &values, |values| limited(Value::Vec(values))));
        }
        if frame.choreography.body[id].ty.is_unit() {
            return Ok(Held::UNIT);
        }
        Ok(Held::Each(values.into_values().map(|(own, value)| (own, value.of(own))).collect()))
    }

    pub(super) fn call(&mut self, frame: &mut Frame<'a>, call: &Call) -> Step<Held> {
        let args = self.exprs(frame, &call.args)?;
        let resolve = |callee: &Callee| -> Step<ChoreographyId> {
            match callee {
                Callee::Choreography(id) => Ok(*id),
                Callee::Param(index) => frame.choreographies.get(*index as usize).copied().ok_or(Endless),
            }
        };
        let id = resolve(&call.callee)?;
        let choreographies = call.choreographies.iter().map(resolve).collect::<Step<Vec<_>>>()?;
        let types = call.types.iter().map(|ty| crate::hir::lower::substitute(ty, &frame.types)).collect();
        let actual = call.roles.iter().map(|roles| self.players_of(frame, roles.iter().map(|(role, _)| *role)));
        let cast = (0..).map(RoleId).zip(actual).collect();
        let mut callee = self.frame(id, cast, args, types, choreographies).ok_or(Endless)?;
        let root = callee.choreography.root;
        self.expr(&mut callee, root)
    }

    /// A function, computed by all who hold its arguments; by each on its own where each has arguments of its own.
    pub(super) fn apply(&mut self, frame: &Frame<'a>, id: ExprId, function: FnId, args: Vec<Held>) -> Step<Held> {
        let Some(owners) = args.iter().find_map(Held::owners) else {
            let holders = self.holders(frame, frame.places.expr(id));
            let value = self.applied(function, holders.clone(), args)?;
            return Ok(Held::One(self.made_by_rust(frame, id, function, holders, value)));
        };
        let mut values = BTreeMap::new();
        for owner in owners {
            let own = args.iter().map(|arg| Held::One(arg.of(owner))).collect();
            let value = self.applied(function, vec![owner], own)?;
            values.insert(owner, self.made_by_rust(frame, id, function, vec![owner], value));
        }
        Ok(Held::Each(values))
    }

    fn applied(&mut self, function: FnId, by: Vec<Participant>, args: Vec<Held>) -> Step<Value> {
        let declared = self.compilation.hir.function(function);
        let program = self.compilation.functions.get(function.0 as usize).and_then(Option::as_ref);
        let (Some(body), Some(program)) = (declared.body(), program) else {
            let args: Vec<Value> = args.iter().map(Held::one).collect();
            return Ok(self.services.function(&declared.name.name, &args, &declared.result));
        };
        let cast = BTreeMap::from([(RoleId(0), by)]);
        let mut inner = Self::frame_of(body, program, cast, args, Vec::new(), Vec::new());
        self.expr(&mut inner, body.root).map(|value| value.one())
    }

    pub(super) fn saga(&mut self, frame: &mut Frame<'a>, id: ExprId, saga: &Saga) -> Step<Held> {
        let (vars, stopped) = (frame.vars.clone(), self.stopped.clone());
        let scope = ScopeId(self.scopes_begun);
        self.scopes_begun += 1;
        self.scopes.push(Scope { id: scope, aborts: Vec::new() });
        let value = self.branch(frame, id, saga.body)?;
        let aborts = self.scopes.pop().map(|scope| scope.aborts).unwrap_or_default();
        let Some((first, reason)) = aborts.iter().min_by_key(|(participant, _)| *participant) else {
            return Ok(value);
        };
        self.fail(scope);
        frame.vars = vars;
        self.stopped = stopped;
        if let Some(why) = saga.why {
            self.is_ambiguous |= aborts.iter().any(|abort| (&abort.0, &abort.1) != (first, reason));
            let role = self.session.name(&self.compilation.hir, self.choreography, *first);
            let why_value = Value::Struct(vec![
                ("role".to_owned(), Value::text(role)),
                ("reason".to_owned(), Value::text(reason.clone())),
            ]);
            frame.vars.insert(why, Held::One(why_value));
        }
        self.branch(frame, id, saga.otherwise)
    }
}
