//! What a role does for an expression: its statements, in the order of evaluation, and the value where the role holds it.

use super::project::{Aim, Projector, discarded};
use super::share::Share;
use super::sites::SiteKey;
use super::{Expr, ExprKind, Step, Stmt, StmtKind, Target};
use crate::hir::{self, Constructor, ExprId, LocalId, Pattern, PatternKind, RoleId, ServiceId, Ty};
use crate::span::Span;

impl Projector<'_> {
    /// Operands from left to right: what may abort is computed before a later operand communicates.
    pub(super) fn operands(&mut self, aim: &mut Aim<'_>, exprs: &[ExprId]) -> Vec<Option<Expr>> {
        let mut shares = self.in_order(aim, exprs, &mut |this, aim, expr| Share::Whole(this.expr(aim, expr)));
        let values = shares.drain(..).map(|share| match share {
            Share::Whole(value) => value,
            Share::Parts(_) => None,
        });
        values.collect()
    }

    /// The same of the parts of a tuple, which may themselves be in parts.
    pub(super) fn shares(&mut self, aim: &mut Aim<'_>, exprs: &[ExprId]) -> Vec<Share> {
        self.in_order(aim, exprs, &mut |this, aim, expr| this.share(aim, expr))
    }

    fn in_order(
        &mut self,
        aim: &mut Aim<'_>,
        exprs: &[ExprId],
        share: &mut dyn FnMut(&mut Self, &mut Aim<'_>, ExprId) -> Share,
    ) -> Vec<Share> {
        let mut shares: Vec<(Share, Vec<Stmt>)> = Vec::new();
        let mut last_busy = 0;
        for (index, expr) in exprs.iter().enumerate() {
            let outer = std::mem::take(&mut aim.out);
            let value = share(self, aim, *expr);
            let own = std::mem::replace(&mut aim.out, outer);
            if !own.is_empty() {
                last_busy = index;
            }
            shares.push((value, own));
        }
        let mut result = Vec::new();
        for (index, (share, own)) in shares.into_iter().enumerate() {
            aim.out.extend(own);
            result.push(share.map(&mut |value| {
                let is_early = index < last_busy && (value.can_fail() || value.acts() || self.mentions_mutable(&value));
                if is_early { self.name_value(aim, value) } else { value }
            }));
        }
        result
    }

    /// Whether a value changes with a variable.
    fn mentions_mutable(&self, value: &Expr) -> bool {
        let own = match &value.kind {
            ExprKind::Local(local) => self.locals.get(local.0 as usize).is_some_and(|local| local.mutable),
            _ => false,
        };
        own || value.parts().into_iter().any(|part| self.mentions_mutable(part))
    }

    /// Gives a value a variable, unless it is one that does not change.
    pub(super) fn name_value(&mut self, aim: &mut Aim<'_>, value: Expr) -> Expr {
        if let ExprKind::Local(_) | ExprKind::Literal(_) = value.kind
            && !self.mentions_mutable(&value)
        {
            return value;
        }
        let (ty, span) = (value.ty.clone(), value.span);
        let local = self.temporary(ty.clone(), span);
        let pattern = Pattern { kind: PatternKind::Bind(local), ty: ty.clone(), span };
        aim.out.push(Stmt { kind: StmtKind::Let(pattern, value), span });
        Expr { kind: ExprKind::Local(local), ty, span }
    }

    /// What a role does for an expression; the value, where the role holds it.
    pub(super) fn expr(&mut self, aim: &mut Aim<'_>, id: ExprId) -> Option<Expr> {
        let choreography = self.choreography;
        let expr = &choreography.body[id];
        if !aim.places.involves(id, &aim.player)
            && expr.ty != Ty::Never
            && (expr.ty.is_unit() || !aim.places.expr(id).is_held_by(&aim.player))
            && !aim.places.spreads.get(&self.tail(id)).is_some_and(|spread| spread.is_held_by(&aim.player))
        {
            return expr.ty.is_unit().then(|| Expr::unit(expr.span));
        }
        let (ty, span) = (expr.ty.clone(), expr.span);
        let kind = match &expr.kind {
            hir::ExprKind::Error => return None,
            hir::ExprKind::Literal(literal) => ExprKind::Literal(literal.clone()),
            hir::ExprKind::Local(local) => {
                if !aim.places.expr(id).is_held_by(&aim.player) {
                    // `()` is the same for everyone, also for those who do not know which branch gave it.
                    return ty.is_unit().then(|| Expr::unit(span));
                }
                ExprKind::Local(*local)
            }
            hir::ExprKind::Par(arms) if ty.is_unit() => {
                self.par(aim, id, arms);
                return Some(Expr::unit(span));
            }
            _ if !matches!(expr.kind, hir::ExprKind::Block(..)) && aim.places.spreads.contains_key(&id) => {
                let share = self.share(aim, id);
                return self.whole(aim, share, span);
            }
            hir::ExprKind::Par(_) => return None,
            hir::ExprKind::Tuple(items) => ExprKind::Tuple(self.all(aim, items)?),
            hir::ExprKind::Call(call) => return self.call(aim, id, call),
            hir::ExprKind::Len(group) => ExprKind::Len(group.clone()),
            hir::ExprKind::MemberIndex(member) => ExprKind::MemberIndex(*member),
            hir::ExprKind::List(items) => ExprKind::List(self.all(aim, items)?),
            hir::ExprKind::Builtin(builtin, items) => ExprKind::Builtin(*builtin, self.all(aim, items)?),
            hir::ExprKind::Apply(function, items) => ExprKind::Apply(*function, self.all(aim, items)?),
            hir::ExprKind::Construct { constructor, fields, base } => {
                let parts: Vec<ExprId> = fields.iter().map(|(_, value)| *value).chain(*base).collect();
                let mut values = self.all(aim, &parts)?;
                let base = if base.is_some() { values.pop().map(Box::new) } else { None };
                ExprKind::Construct(*constructor, fields.iter().map(|(index, _)| *index).zip(values).collect(), base)
            }
            hir::ExprKind::Field(value, name) => ExprKind::Field(Box::new(self.expr(aim, *value)?), name.clone()),
            hir::ExprKind::TupleField(value, index) => {
                let share = self.share(aim, *value);
                let share = self.share_of_part(aim, share, *index, span);
                return self.whole(aim, share, span);
            }
            hir::ExprKind::Unary(op, value) => ExprKind::Unary(*op, Box::new(self.expr(aim, *value)?)),
            hir::ExprKind::Index(one, two) => {
                let (one, two) = self.two(aim, *one, *two)?;
                ExprKind::Index(one, two)
            }
            hir::ExprKind::Binary(op, one, two) => {
                let (one, two) = self.two(aim, *one, *two)?;
                ExprKind::Binary(*op, one, two)
            }
            hir::ExprKind::At(value, role) => {
                let value = self.expr(aim, *value)?;
                return aim.player.plays(*role).then_some(value);
            }
            hir::ExprKind::Operation { role, service, operation, args } => {
                return self.operation(aim, id, *role, (*service, *operation), args);
            }
            hir::ExprKind::Communicate { value, to, within, .. } => {
                return self.communicate(aim, id, *value, to, *within);
            }
            hir::ExprKind::Message { .. } => {
                self.transfer(aim, id, Some(Expr::unit(span)), (Ty::UNIT, None));
                return Some(Expr::unit(span));
            }
            hir::ExprKind::Block(stmts, tail) => {
                self.stmts(aim, id, stmts);
                return match tail {
                    Some(tail) => self.expr(aim, *tail),
                    None => Some(Expr::unit(span)),
                };
            }
            hir::ExprKind::If(..)
            | hir::ExprKind::Match(..)
            | hir::ExprKind::While { .. }
            | hir::ExprKind::For { .. }
            | hir::ExprKind::Saga(_) => {
                let Some(part) = self.choices.get_mut(&id).and_then(|parts| parts.remove(&aim.player)) else {
                    return ty.is_unit().then(|| Expr::unit(span));
                };
                aim.out.extend(part.stmts);
                return part.value;
            }
            hir::ExprKind::Members(members) => return self.members(aim, id, members),
            hir::ExprKind::Mutate { target, method, args } => {
                let values = self.operands(aim, args);
                let changed = self.target(aim, target);
                if !self.is_changed_by(aim, target.local) {
                    return None;
                }
                let args: Vec<Expr> = values.into_iter().collect::<Option<_>>()?;
                let into = (!ty.is_unit()).then(|| self.temporary(ty.clone(), span));
                let (target, method) = (changed?, *method);
                aim.out.push(Stmt { kind: StmtKind::Mutate { target, method, args, into }, span });
                return Some(value_of(into, ty, span));
            }
        };
        Some(Expr { kind, ty, span })
    }

    /// All operands, where the role holds all of them; what it holds of others and may fail is computed all the same.
    fn all(&mut self, aim: &mut Aim<'_>, items: &[ExprId]) -> Option<Vec<Expr>> {
        let values = self.operands(aim, items);
        if values.iter().any(Option::is_none) {
            aim.out.extend(values.into_iter().flatten().filter_map(discarded));
            return None;
        }
        values.into_iter().collect()
    }

    fn two(&mut self, aim: &mut Aim<'_>, one: ExprId, two: ExprId) -> Option<(Box<Expr>, Box<Expr>)> {
        let mut values = self.all(aim, &[one, two])?.into_iter();
        Some((Box::new(values.next()?), Box::new(values.next()?)))
    }

    fn operation(
        &mut self,
        aim: &mut Aim<'_>,
        id: ExprId,
        role: RoleId,
        (service, operation): (ServiceId, u32),
        args: &[ExprId],
    ) -> Option<Expr> {
        let values = self.operands(aim, args);
        if !aim.player.plays(role) {
            aim.out.extend(values.into_iter().flatten().filter_map(discarded));
            return None;
        }
        let args: Vec<Expr> = values.into_iter().collect::<Option<_>>()?;
        let expr = &self.choreography.body[id];
        let (ty, span) = (expr.ty.clone(), expr.span);
        if self.hir.operation(service, operation).is_pure() {
            return Some(Expr { kind: ExprKind::Pure(service, operation, args), ty, span });
        }
        let site = self.sites.site(SiteKey::Construct(id));
        let into = (!ty.is_unit()).then(|| self.temporary(ty.clone(), span));
        aim.out.push(Stmt { kind: StmtKind::Operation { site, service, operation, args, into }, span });
        Some(value_of(into, ty, span))
    }

    fn communicate(
        &mut self,
        aim: &mut Aim<'_>,
        id: ExprId,
        value: ExprId,
        to: &[(RoleId, Span)],
        within: Option<u64>,
    ) -> Option<Expr> {
        let sent = self.choreography.body[value].ty.clone();
        let value = self.expr(aim, value);
        let keeps = to.iter().any(|(role, _)| aim.player.plays(*role));
        let sends = aim.places.transfers.get(&id).is_some_and(|transfer| aim.player.plays(transfer.from));
        let value = match value {
            Some(value) if keeps && sends => Some(self.name_value(aim, value)),
            other => other,
        };
        let received = self.transfer(aim, id, value.clone(), (sent, within));
        if !keeps && !sends {
            aim.out.extend(value.clone().and_then(discarded));
        }
        received.or_else(|| value.filter(|_| keeps).map(|value| self.in_time(id, value, within)))
    }

    /// What is there already comes in time.
    fn in_time(&self, id: ExprId, value: Expr, within: Option<u64>) -> Expr {
        let (ty, span) = (self.choreography.body[id].ty.clone(), value.span);
        match within {
            Some(_) => Expr { kind: ExprKind::Construct(Constructor::Some, vec![(0, value)], None), ty, span },
            None => value,
        }
    }

    /// A player's part in a communication; what it receives.
    fn transfer(
        &mut self,
        aim: &mut Aim<'_>,
        id: ExprId,
        value: Option<Expr>,
        (sent, within): (Ty, Option<u64>),
    ) -> Option<Expr> {
        let transfer = aim.places.transfers.get(&id)?;
        let expr = &self.choreography.body[id];
        let (ty, span) = (expr.ty.clone(), expr.span);
        if aim.player.plays(transfer.from) {
            let to: Vec<_> = transfer
                .to
                .iter()
                .map(|(player, to)| (self.sites.site(SiteKey::Message(id, player.clone())), to.clone()))
                .collect();
            if let (Some(value), false) = (value, to.is_empty()) {
                let several = to.len() > 1 || to.iter().any(|(_, to)| self.is_several(to));
                let value = if several { self.name_value(aim, value) } else { value };
                aim.out.push(Stmt { kind: StmtKind::Send(to, value), span });
            }
            return None;
        }
        if !transfer.to.iter().any(|(player, _)| *player == aim.player) {
            return None;
        }
        let site = self.sites.site(SiteKey::Message(id, aim.player.clone()));
        let into = (!ty.is_unit()).then(|| self.temporary(ty.clone(), span));
        let kind = StmtKind::Receive { site, from: transfer.from, into, ty: sent, within };
        aim.out.push(Stmt { kind, span });
        Some(value_of(into, ty, span))
    }

    /// What is changed, where the player holds it.
    pub(super) fn target(&mut self, aim: &mut Aim<'_>, target: &hir::Target) -> Option<Target> {
        let mut path = Vec::new();
        for step in &target.path {
            path.push(match step {
                hir::Step::Field(name) => Step::Field(name.clone()),
                hir::Step::TupleField(index) => Step::TupleField(*index),
                hir::Step::Index(index) => {
                    let index = self.expr(aim, *index)?;
                    Step::Index(index, target.span)
                }
            });
        }
        Some(Target { local: target.local, path, ty: target.ty.clone() })
    }

    fn is_several(&self, to: &super::To) -> bool {
        self.choreography.is_group(to.role)
    }
}

/// The variable that a value went to, or `()`.
pub(super) fn value_of(into: Option<LocalId>, ty: Ty, span: Span) -> Expr {
    match into {
        Some(local) => Expr { kind: ExprKind::Local(local), ty, span },
        None => Expr::unit(span),
    }
}
