//! What a role has of a value whose parts may live at different places. As one value of its program it is a tuple of the parts that the role keeps, without those
//! that it does not; a single part stands for itself.

use super::project::{Aim, Projector, discarded};
use super::{Block, Expr, ExprKind, Stmt};
use crate::hir::{self, ExprId, Pattern, PatternKind, Placed, Player, RoleId, Spread, Ty};
use crate::span::Span;

/// A player's share of a value.
#[derive(Clone, Debug)]
pub(super) enum Share {
    /// One value, which may be a tuple; `None` where the player has none of it.
    Whole(Option<Expr>),
    /// A tuple, part by part.
    Parts(Vec<Share>),
}

/// Which parts of a value somebody keeps.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    /// The value.
    All,
    /// Nothing of it.
    Nothing,
    /// Of a tuple, these.
    Parts(Vec<Kept>),
}

impl Kept {
    /// The parts that live at a player.
    pub(super) fn by(player: &Player, spread: &Spread) -> Self {
        match spread {
            Spread::Whole(place, _) if place.is_held_by(player) => Kept::All,
            Spread::Whole(..) | Spread::Unused => Kept::Nothing,
            Spread::Parts(parts) => Kept::Parts(parts.iter().map(|part| Kept::by(player, part)).collect()),
        }
    }

    /// The parts of a result that a role keeps.
    pub(super) fn of_result(placed: &Placed, role: RoleId) -> Self {
        match placed {
            Placed::At(_, at, _) if at.is_at(role) => Kept::All,
            Placed::At(..) => Kept::Nothing,
            Placed::Tuple(items, _) => Kept::Parts(items.iter().map(|item| Kept::of_result(item, role)).collect()),
        }
    }

    fn is_something(&self) -> bool {
        match self {
            Kept::All => true,
            Kept::Nothing => false,
            Kept::Parts(parts) => parts.iter().any(Kept::is_something),
        }
    }

    /// Whether what is kept is the value as it is.
    fn is_entire(&self) -> bool {
        match self {
            Kept::All => true,
            Kept::Nothing => false,
            Kept::Parts(parts) => parts.len() > 1 && parts.iter().all(Kept::is_entire),
        }
    }

    /// The type of what is kept of a value of type `ty`.
    pub(super) fn ty(&self, ty: &Ty) -> Option<Ty> {
        match (self, ty) {
            (Kept::Nothing, _) => None,
            (Kept::Parts(parts), Ty::Tuple(items)) => {
                let mut kept: Vec<Ty> = parts.iter().zip(items).filter_map(|(part, item)| part.ty(item)).collect();
                if kept.len() < 2 { kept.pop() } else { Some(Ty::Tuple(kept)) }
            }
            (Kept::All | Kept::Parts(_), ty) => Some(ty.clone()),
        }
    }

    /// What is kept of a value of type `ty` by somebody who does nothing for it.
    pub(super) fn unit(&self, ty: &Ty, span: Span) -> Option<Expr> {
        self.ty(ty).filter(Ty::is_unit).map(|_| Expr::unit(span))
    }
}

impl Share {
    pub(super) const NOTHING: Share = Share::Whole(None);

    /// All values in it.
    pub(super) fn values(self) -> Vec<Expr> {
        match self {
            Share::Whole(value) => value.into_iter().collect(),
            Share::Parts(parts) => parts.into_iter().flat_map(Share::values).collect(),
        }
    }

    /// The same with each value changed.
    pub(super) fn map(self, change: &mut dyn FnMut(Expr) -> Expr) -> Self {
        match self {
            Share::Whole(value) => Share::Whole(value.map(change)),
            Share::Parts(parts) => Share::Parts(parts.into_iter().map(|part| part.map(change)).collect()),
        }
    }

    /// What is left of it when nobody uses it.
    pub(super) fn discarded(self) -> impl Iterator<Item = Stmt> {
        self.values().into_iter().filter_map(discarded)
    }

    /// The share that somebody has of whose value this is what is kept.
    pub(super) fn unpacked(value: Option<Expr>, kept: &Kept) -> Self {
        let (Some(value), true) = (value, kept.is_something()) else {
            return Share::NOTHING;
        };
        match kept {
            Kept::Parts(parts) if !kept.is_entire() => {
                let is_alone = parts.iter().filter(|part| part.is_something()).count() == 1;
                let mut next = 0;
                let part = |part: &Kept| {
                    if !part.is_something() {
                        return Share::NOTHING;
                    }
                    let index = next;
                    next += 1;
                    let value = if is_alone { value.clone() } else { field(&value, index, value.span) };
                    Share::unpacked(Some(value), part)
                };
                Share::Parts(parts.iter().map(part).collect())
            }
            Kept::All | Kept::Nothing | Kept::Parts(_) => Share::Whole(Some(value)),
        }
    }
}

/// The parts that a role keeps of a value that it holds whole.
pub(super) fn pick(value: Expr, placed: &Placed, role: RoleId) -> Option<Expr> {
    let Placed::Tuple(items, _) = placed else {
        return placed.at_role(role).map(|_| value);
    };
    let part = |(index, item): (u32, &Placed)| {
        let (ty, span) = (item.ty(), value.span);
        pick(Expr { kind: ExprKind::TupleField(Box::new(value.clone()), index), ty, span }, item, role)
    };
    let mut kept: Vec<Expr> = (0..).zip(items).filter_map(part).collect();
    if kept.len() < 2 {
        return kept.pop();
    }
    let ty = Ty::Tuple(kept.iter().map(|value| value.ty.clone()).collect());
    Some(Expr { kind: ExprKind::Tuple(kept), ty, span: value.span })
}

/// A part of a tuple.
fn field(value: &Expr, index: u32, span: Span) -> Expr {
    let ty = match &value.ty {
        Ty::Tuple(items) => items.get(index as usize).cloned().unwrap_or(Ty::Error),
        _ => Ty::Error,
    };
    Expr { kind: ExprKind::TupleField(Box::new(value.clone()), index), ty, span }
}

impl Projector<'_> {
    /// A player's share of a value: in parts, where these may live at different places.
    pub(super) fn share(&mut self, aim: &mut Aim<'_>, id: ExprId) -> Share {
        let (choreography, places) = (self.choreography, aim.places);
        let Some(spread) = places.spreads.get(&self.tail(id)) else {
            return Share::Whole(self.expr(aim, id));
        };
        if !places.involves(id, &aim.player) && !spread.is_held_by(&aim.player) {
            return Share::NOTHING;
        }
        match &choreography.body[id].kind {
            hir::ExprKind::Block(stmts, Some(tail)) => {
                self.stmts(aim, id, stmts);
                self.share(aim, *tail)
            }
            hir::ExprKind::Tuple(items) => Share::Parts(self.shares(aim, items)),
            hir::ExprKind::Par(arms) => Share::Parts(self.par(aim, id, arms)),
            hir::ExprKind::Call(call) => self.call_share(aim, id, call),
            hir::ExprKind::TupleField(value, index) => {
                let share = self.share(aim, *value);
                self.share_of_part(aim, share, *index, choreography.body[id].span)
            }
            _ => match self.choices.get_mut(&id).and_then(|parts| parts.remove(&aim.player)) {
                Some(part) => {
                    aim.out.extend(part.stmts);
                    Share::unpacked(part.value, &part.kept)
                }
                None => Share::NOTHING,
            },
        }
    }

    /// One part of a tuple; the others are not used.
    pub(super) fn share_of_part(&mut self, aim: &mut Aim<'_>, share: Share, index: u32, span: Span) -> Share {
        match share {
            Share::Whole(value) => Share::Whole(value.map(|value| field(&value, index, span))),
            Share::Parts(parts) => {
                let mut taken = Share::NOTHING;
                for (at, part) in (0..).zip(parts) {
                    match at == index {
                        true => taken = part,
                        false => aim.out.extend(part.discarded()),
                    }
                }
                taken
            }
        }
    }

    /// A share as one value, where the player has all of it.
    pub(super) fn whole(&self, aim: &mut Aim<'_>, share: Share, span: Span) -> Option<Expr> {
        let parts = match share {
            Share::Whole(value) => return value,
            Share::Parts(parts) => parts,
        };
        let values: Vec<Option<Expr>> = parts.into_iter().map(|part| self.whole(aim, part, span)).collect();
        if values.iter().any(Option::is_none) {
            aim.out.extend(values.into_iter().flatten().filter_map(discarded));
            return None;
        }
        let values: Vec<Expr> = values.into_iter().flatten().collect();
        let ty = Ty::Tuple(values.iter().map(|value| value.ty.clone()).collect());
        Some(Expr { kind: ExprKind::Tuple(values), ty, span })
    }

    /// What is kept of a share, as one value.
    pub(super) fn packed(&mut self, aim: &mut Aim<'_>, share: Share, kept: &Kept, span: Span) -> Option<Expr> {
        match (share, kept) {
            (share, Kept::All) => self.whole(aim, share, span),
            (share, kept) if !kept.is_something() => {
                aim.out.extend(share.discarded());
                None
            }
            (Share::Whole(value), Kept::Parts(parts)) => {
                let value = value?;
                if kept.is_entire() {
                    return Some(value);
                }
                let value = self.name_value(aim, value);
                let fields =
                    (0..).zip(parts).map(|(index, _)| Share::Whole(Some(field(&value, index, value.span)))).collect();
                self.packed(aim, Share::Parts(fields), kept, span)
            }
            (Share::Parts(shares), Kept::Parts(parts)) => {
                let mut values = Vec::new();
                for (share, part) in shares.into_iter().zip(parts) {
                    let value = self.packed(aim, share, part, span);
                    if part.is_something() {
                        values.push(value);
                    }
                }
                if values.iter().any(Option::is_none) {
                    aim.out.extend(values.into_iter().flatten().filter_map(discarded));
                    return None;
                }
                let mut values: Vec<Expr> = values.into_iter().flatten().collect();
                if values.len() < 2 {
                    return values.pop();
                }
                let ty = Ty::Tuple(values.iter().map(|value| value.ty.clone()).collect());
                Some(Expr { kind: ExprKind::Tuple(values), ty, span })
            }
            (_, Kept::Nothing) => None,
        }
    }

    /// What a player does in a block that stands by itself, and what it keeps of the value.
    pub(super) fn kept_block(&mut self, aim: &mut Aim<'_>, id: ExprId, kept: &Kept) -> Block {
        let span = self.choreography.body[id].span;
        let outer = std::mem::take(&mut aim.out);
        let share = self.share(aim, id);
        let value = self.packed(aim, share, kept, span);
        let stmts = std::mem::replace(&mut aim.out, outer);
        let block = Block { stmts, value };
        if super::choice::ends(&block) { Block { value: None, ..block } } else { block }
    }

    /// Binds a pattern where the player holds its variables.
    pub(super) fn bind_share(&mut self, aim: &mut Aim<'_>, pattern: &Pattern, share: Share, span: Span) {
        match (&pattern.kind, share) {
            (PatternKind::Tuple(items), Share::Parts(parts)) => {
                for (item, part) in items.iter().zip(parts) {
                    self.bind_share(aim, item, part, span);
                }
            }
            (PatternKind::Wildcard, share) => aim.out.extend(share.discarded()),
            (_, share) => {
                let Some(value) = self.whole(aim, share, span) else {
                    return;
                };
                let bindings = pattern.bindings();
                let held = bindings.iter().filter(|local| aim.places.local(**local).is_held_by(&aim.player)).count();
                match &pattern.kind {
                    _ if held == bindings.len() => self.bind(aim, pattern, value, span),
                    PatternKind::Tuple(items) if held > 0 => {
                        let value = self.name_value(aim, value);
                        for (index, item) in (0..).zip(items) {
                            self.bind_share(aim, item, Share::Whole(Some(field(&value, index, value.span))), span);
                        }
                    }
                    _ => aim.out.extend(discarded(value)),
                }
            }
        }
    }
}
