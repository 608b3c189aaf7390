//! The words' data for values that are not where they are used: where each part lives, and what mends it.

use super::places::Places;
use crate::diagnostic::Problem;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{InPlace, Instead, Lives, Meaning};
use crate::hir::{Body, Choreography, ExprId, ExprKind, Lost, Place, RoleId, RoleSet};
use crate::span::Span;

/// A value is needed at `role` by what stands at `by`, and does not live there.
pub fn needed(choreography: &Choreography, places: &Places, expr: ExprId, role: RoleId, by: Span) -> Problem {
    let name = choreography.role_name(role).to_owned();
    let body = &choreography.body;
    let leaves = leaves(body, expr);
    for leaf in &leaves {
        if let Some(lost) = lost(body, places, *leaf).filter(|lost| lost.has(choreography, role)) {
            return choice_unknown(choreography, places, *leaf, &lost, name);
        }
    }
    let parts = leaves
        .iter()
        .filter(|leaf| !choreography.holds(places.expr(**leaf), role))
        .map(|leaf| {
            let instead = instead(choreography, places, *leaf, role);
            let in_place = match (places.expr(*leaf), &body[*leaf].kind) {
                (Place::Roles(_), ExprKind::Local(_)) if *leaf == expr => InPlace::Whole,
                (Place::Roles(_), ExprKind::Local(_)) => InPlace::Operand,
                _ => InPlace::Never,
            };
            Lives { instead, in_place, ..lives(choreography, places, *leaf) }
        })
        .collect();
    Meaning::NotHere { role: name, span: body[expr].span, by, parts }.into()
}

/// No role holds all of `parts`, which stand in `span`.
pub fn apart(choreography: &Choreography, places: &Places, span: Span, parts: &[ExprId]) -> Problem {
    let body = &choreography.body;
    let leaves: Vec<ExprId> = parts.iter().flat_map(|part| leaves(body, *part)).collect();
    for leaf in &leaves {
        let Some(lost) = lost(body, places, *leaf) else {
            continue;
        };
        // Several values may be lacking for the same reason; the first one is told.
        let would = |other: &ExprId| match self::lost(body, places, *other) {
            Some(lost) => Place::Roles(lost.roles(choreography)),
            None => places.expr(*other).clone(),
        };
        let others = leaves.iter().filter(|other| *other != leaf);
        let lost_by = Place::Roles(lost.roles(choreography));
        let place = others.fold(lost_by, |place, other| choreography.meet(&place, &would(other)));
        if let Place::Roles(roles) = &place
            && let Some(role) = roles.first()
        {
            let name = choreography.role_name(*role).to_owned();
            return choice_unknown(choreography, places, *leaf, &lost, name);
        }
    }
    Meaning::Apart { span, parts: leaves.iter().map(|leaf| lives(choreography, places, *leaf)).collect() }.into()
}

/// A value that `role` would hold if it knew of a choice.
pub fn choice_unknown(
    choreography: &Choreography,
    places: &Places,
    leaf: ExprId,
    lost: &Lost,
    role: String,
) -> Problem {
    let body = &choreography.body;
    let (guard, choice) = match &body[lost.choice].kind {
        ExprKind::If(guard, ..) | ExprKind::Match(guard, _) => (*guard, lost.choice),
        ExprKind::Saga(_) => {
            let (value, span) = (text(body, leaf), body[leaf].span);
            return Grouping::ScopeUnknown { value, role, span, scope: body[lost.choice].span }.into();
        }
        _ => (lost.choice, lost.choice),
    };
    let decider = match places.expr(guard) {
        Place::Roles(roles) => roles.first().map_or("", |role| choreography.role_name(*role)),
        Place::Everywhere | Place::Each(_) | Place::Error => "",
    };
    let value = text(body, leaf);
    let (span, guard, choice) = (body[leaf].span, body[guard].span, body[choice].span);
    Meaning::ChoiceUnknown { value, role, decider: decider.to_owned(), span, guard, choice }.into()
}

/// What a value lost by being that of a choice.
pub fn lost(body: &Body, places: &Places, mut expr: ExprId) -> Option<Lost> {
    loop {
        if let Some(lost) = places.lost.get(&expr) {
            return Some(lost.clone());
        }
        match &body[expr].kind {
            ExprKind::Block(_, Some(inner))
            | ExprKind::Field(inner, _)
            | ExprKind::TupleField(inner, _)
            | ExprKind::At(inner, _) => expr = *inner,
            ExprKind::Local(local) => return places.lost_locals.get(local).cloned(),
            _ => return None,
        }
    }
}

fn lives(choreography: &Choreography, places: &Places, leaf: ExprId) -> Lives {
    let roles = match places.expr(leaf) {
        Place::Roles(roles) | Place::Each(roles) => names(choreography, roles),
        Place::Everywhere | Place::Error => Vec::new(),
    };
    Lives {
        value: text(&choreography.body, leaf),
        span: choreography.body[leaf].span,
        roles,
        instead: None,
        in_place: InPlace::Never,
    }
}

/// What `role` holds of a value that does not live there: what it was sent before, or what a variable of the same name hides.
fn instead(choreography: &Choreography, places: &Places, leaf: ExprId, role: RoleId) -> Option<Instead> {
    let body = &choreography.body;
    let ExprKind::Local(local) = body[leaf].kind else { return None };
    let mut arrived = places.arrivals.get(&local).into_iter().flatten().rev();
    let copy = arrived
        .find(|arrival| choreography.holds(&arrival.place, role))
        .map(|arrival| Instead::Copy { name: arrival.name.map(|name| body[name].name.clone()), span: arrival.span });
    let hidden = || {
        let source = places.sources.get(&local)?;
        let is_hidden = body[*source].name == body[local].name && choreography.holds(places.local(*source), role);
        is_hidden.then(|| Instead::Hidden(body[*source].span))
    };
    copy.or_else(hidden)
}

fn names(choreography: &Choreography, roles: &RoleSet) -> Vec<String> {
    roles.iter().map(|role| choreography.role_name(*role).to_owned()).collect()
}

/// The variable's name, where the value has one.
fn text(body: &Body, expr: ExprId) -> Option<String> {
    match &body[expr].kind {
        ExprKind::Local(local) => Some(body[*local].name.clone()),
        _ => None,
    }
}

/// The parts of an expression that give it its place.
fn leaves(body: &Body, expr: ExprId) -> Vec<ExprId> {
    let mut found = Vec::new();
    let mut work = vec![expr];
    while let Some(expr) = work.pop() {
        match &body[expr].kind {
            ExprKind::Literal(_)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::While { .. }
            | ExprKind::For { .. }
            | ExprKind::Error
            | ExprKind::Block(_, None) => {}
            ExprKind::Local(_)
            | ExprKind::Operation { .. }
            | ExprKind::Communicate { .. }
            | ExprKind::Message { .. }
            | ExprKind::At(..)
            | ExprKind::Call(_)
            | ExprKind::Members(_)
            | ExprKind::Saga(_)
            | ExprKind::Mutate { .. }
            | ExprKind::If(..)
            | ExprKind::Match(..) => found.push(expr),
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Par(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items) => {
                work.extend(items.iter().rev());
            }
            ExprKind::Construct { fields, base, .. } => {
                work.extend(base);
                work.extend(fields.iter().rev().map(|(_, value)| *value));
            }
            ExprKind::Field(value, _) | ExprKind::TupleField(value, _) | ExprKind::Unary(_, value) => work.push(*value),
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => work.extend([*two, *one]),
            ExprKind::Block(_, Some(tail)) => work.push(*tail),
        }
    }
    found
}
