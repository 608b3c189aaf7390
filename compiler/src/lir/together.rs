//! What a role does for arms that run side by side, for the members of a group, and for calls.

use super::choice::drop_value;
use super::expression::value_of;
use super::project::{Aim, Projector, discarded};
use super::share::{Kept, Share};
use super::sites::SiteKey;
use super::{Block, Call, Expr, Firsts, Key, Members, Stmt, StmtKind};
use crate::hir::{self, Callee, ExprId, RoleId, Spread, Ty};

impl Projector<'_> {
    /// `par`: the player's shares of the values of the arms.
    pub(super) fn par(&mut self, aim: &mut Aim<'_>, id: ExprId, arms: &[ExprId]) -> Vec<Share> {
        let choreography = self.choreography;
        let (body, span) = (&choreography.body, choreography.body[id].span);
        let kept: Vec<Kept> = match aim.places.spreads.get(&id) {
            Some(Spread::Parts(parts)) => parts.iter().map(|part| Kept::by(&aim.player, part)).collect(),
            Some(Spread::Whole(..) | Spread::Unused) | None => vec![Kept::Nothing; arms.len()],
        };
        let arms: Vec<(ExprId, Kept)> = arms.iter().copied().zip(kept).collect();
        let blocks = arms.iter().map(|(arm, kept)| self.kept_block(aim, *arm, kept));
        let mut blocks: Vec<Block> = blocks.collect();
        let is_still = !blocks.iter().any(Block::acts);
        let (mut into, mut shares) = (Vec::new(), Vec::new());
        for ((arm, kept), block) in arms.iter().zip(&mut blocks) {
            let (ty, span) = (body[*arm].ty.clone(), body[*arm].span);
            if ty.is_unit() || ty == Ty::Never {
                drop_value(block);
                into.push(None);
                shares.push(Share::Whole(Some(Expr::unit(span))));
            }
            if is_still {
                aim.out.append(&mut block.stmts);
            }
            if ty.is_unit() || ty == Ty::Never {
                continue;
            }
            if is_still {
                let value = block.value.take().map(|value| self.name_value(aim, value));
                shares.push(Share::unpacked(value, kept));
                continue;
            }
            let ty = block.value.as_ref().map(|value| value.ty.clone());
            let variable = ty.as_ref().map(|ty| self.temporary(ty.clone(), span));
            into.push(variable);
            let value = variable.zip(ty).map(|(variable, ty)| value_of(Some(variable), ty, span));
            shares.push(Share::unpacked(value, kept));
        }
        if is_still {
            return shares;
        }
        let site = self.sites.site(SiteKey::Construct(id));
        aim.out.push(Stmt { kind: StmtKind::Par { site, arms: blocks, into }, span });
        shares
    }

    /// `each` and `for` over members.
    pub(super) fn members(&mut self, aim: &mut Aim<'_>, id: ExprId, members: &hir::Members) -> Option<Expr> {
        let body = &self.choreography.body;
        let (ty, span, item) = (body[id].ty.clone(), body[id].span, body[members.body].ty.clone());
        let holds = !ty.is_unit() && aim.places.expr(id).is_held_by(&aim.player);
        let outside = aim.player.clone();
        aim.members.push(members.member);
        let mut other = self.block(aim, members.body);
        let mut own = outside.within(members.member, &members.group).map(|player| {
            aim.player = player;
            self.block(aim, members.body)
        });
        aim.player = outside;
        aim.members.pop();
        let keeps_own = holds && !members.gathers;
        if !holds || keeps_own {
            drop_value(&mut other);
        }
        if !holds {
            own.as_mut().into_iter().for_each(drop_value);
        }
        let unit = ty.is_unit().then(|| Expr::unit(span));
        let busy = |block: &Block| block.acts() || block.can_fail();
        if !holds && !busy(&other) && !own.as_ref().is_some_and(busy) {
            return unit;
        }
        let into = holds.then(|| self.temporary(ty.clone(), span));
        let site = self.sites.site(SiteKey::Construct(id));
        let (group, member, order, gathers) = (members.group.clone(), members.member, members.order, members.gathers);
        let members = Members { site, group, member, order, own, other, into, gathers, ty: item };
        aim.out.push(Stmt { kind: StmtKind::Members(Box::new(members)), span });
        into.map(|into| value_of(Some(into), ty, span)).or(unit)
    }

    /// A call whose result lives at one place.
    pub(super) fn call(&mut self, aim: &mut Aim<'_>, id: ExprId, call: &hir::Call) -> Option<Expr> {
        let body = &self.choreography.body;
        let (ty, span) = (body[id].ty.clone(), body[id].span);
        let value = self.call_value(aim, id, call);
        if ty.is_unit() {
            return Some(Expr::unit(span));
        }
        value
    }

    /// The player's share of a result that has parts.
    pub(super) fn call_share(&mut self, aim: &mut Aim<'_>, id: ExprId, call: &hir::Call) -> Share {
        let value = self.call_value(aim, id, call);
        let signature = hir::signature_of(self.hir, self.choreography, call.callee);
        match self.formal(aim, call) {
            Some(formal) => Share::unpacked(value, &Kept::of_result(&signature.result, formal)),
            None => Share::NOTHING,
        }
    }

    /// Which of a callee's roles the player plays.
    fn formal(&self, aim: &Aim<'_>, call: &hir::Call) -> Option<RoleId> {
        let plays = |cast: &Vec<(RoleId, crate::span::Span)>| cast.iter().any(|(role, _)| aim.player.plays(*role));
        let index = call.roles.iter().position(plays)?;
        u16::try_from(index).ok().map(RoleId)
    }

    fn call_value(&mut self, aim: &mut Aim<'_>, id: ExprId, call: &hir::Call) -> Option<Expr> {
        let span = self.choreography.body[id].span;
        let values = self.operands(aim, &call.args);
        let Some(formal) = self.formal(aim, call) else {
            aim.out.extend(values.into_iter().flatten().filter_map(discarded));
            return None;
        };
        let signature = hir::signature_of(self.hir, self.choreography, call.callee);
        let mut args = Vec::new();
        for ((index, value), (_, _, at)) in (0..).zip(values).zip(signature.values()) {
            match (value, at.is_at(formal)) {
                (Some(value), true) => args.push((index, value)),
                (Some(value), false) => aim.out.extend(discarded(value)),
                (None, _) => {}
            }
        }
        let result = signature.result.at_role(formal).map(|ty| hir::lower::substitute(&ty, &call.types));
        let result = result.filter(|ty| !ty.is_unit());
        let (acts, can_fail, firsts) = self.looked_into(call, formal);
        if !acts && !can_fail && result.is_none() {
            aim.out.extend(args.into_iter().filter_map(|(_, arg)| discarded(arg)));
            return None;
        }
        let into = result.as_ref().map(|ty| self.temporary(ty.clone(), span));
        let call = Call {
            site: self.sites.site(SiteKey::Construct(id)),
            callee: call.callee,
            formal,
            cast: call.roles.iter().map(|cast| cast.iter().map(|(role, _)| *role).collect()).collect(),
            types: call.types.clone(),
            choreographies: call.choreographies.clone(),
            args,
            into,
            acts,
            can_fail,
            firsts: self.at_caller(id, call, firsts),
        };
        aim.out.push(Stmt { kind: StmtKind::Call(Box::new(call)), span });
        into.zip(result).map(|(into, ty)| value_of(Some(into), ty, span))
    }

    /// Whether a role acts in a callee, whether something in it may abort, and what it may do first there. Of a recursive call it is known at most what comes first, and of one of a parameter nothing.
    fn looked_into(&mut self, call: &hir::Call, formal: RoleId) -> (bool, bool, Firsts) {
        let unknown = (true, true, Firsts { acts: true, ..Firsts::default() });
        let Callee::Choreography(callee) = call.callee else {
            return unknown;
        };
        if self.calls.is_recursive(self.id, callee) {
            let (acts, can_fail, firsts) = unknown;
            let assumed = self.assumed.and_then(|assumed| assumed.get(&(callee, formal))).cloned();
            return (acts, can_fail, assumed.unwrap_or(firsts));
        }
        let Some(Some(projection)) = self.done.get(callee.0 as usize) else {
            return unknown;
        };
        let Some(program) = projection.programs.get(usize::from(formal.0)) else {
            return unknown;
        };
        // As long as the callee's program, and there may be as many calls of it.
        let look = || (program.body.acts(), program.body.can_fail(), Firsts::of(&program.body));
        self.looked_into.entry((callee, formal)).or_insert_with(look).clone()
    }

    /// What a callee does first, as its caller sees it.
    fn at_caller(&mut self, id: ExprId, call: &hir::Call, firsts: Firsts) -> Firsts {
        let site = self.sites.site(SiteKey::Construct(id));
        let mut messages = std::collections::BTreeSet::new();
        for key in firsts.messages {
            let Some([(from, _)]) = call.roles.get(usize::from(key.from.0)).map(Vec::as_slice) else {
                // A member of a group that is no role here sends it: it cannot be waited for by name.
                return Firsts { unnamed: true, messages: std::collections::BTreeSet::new(), ..firsts };
            };
            messages.insert(Key { own: vec![site], inner: key.path().collect(), from: *from });
        }
        Firsts { messages, ..firsts }
    }
}
