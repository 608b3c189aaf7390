//! What a variable holds: one value at all who hold it, or one for each member of a group.

use std::collections::BTreeMap;

use super::value::Value;
use super::{Participant, compute};
use crate::hir::{Placed, RoleId};

/// A value, wherever it lives.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// The same at all.
    One(Value),
    /// For each of these its own.
    Each(BTreeMap<Participant, Value>),
    /// A tuple whose parts are held in different ways.
    Parts(Vec<Held>),
}

impl Held {
    pub(super) const UNIT: Held = Held::One(Value::UNIT);

    /// For how many expressions it counts, by the values that it is made of.
    pub(super) fn steps(&self) -> u64 {
        let weight = match self {
            Held::One(value) => value.weight(),
            Held::Each(values) => values.values().map(Value::weight).sum(),
            Held::Parts(parts) => return parts.iter().map(Held::steps).sum(),
        };
        weight / 8
    }

    /// A tuple.
    pub(super) fn tuple(parts: Vec<Held>) -> Held {
        let one = |part: &Held| match part {
            Held::One(value) => Some(value.clone()),
            Held::Each(_) | Held::Parts(_) => None,
        };
        match parts.iter().map(one).collect::<Option<Vec<Value>>>() {
            Some(values) => Held::One(Value::Tuple(values)),
            None => Held::Parts(parts),
        }
    }

    /// What a participant has of it.
    pub(super) fn of(&self, participant: Participant) -> Value {
        match self {
            Held::One(value) => value.clone(),
            Held::Each(values) => values.get(&participant).cloned().unwrap_or(Value::UNIT),
            Held::Parts(parts) => Value::Tuple(parts.iter().map(|part| part.of(participant)).collect()),
        }
    }

    /// Those who have a value of their own; `None` where it is the same for all.
    pub(super) fn owners(&self) -> Option<Vec<Participant>> {
        match self {
            Held::One(_) => None,
            Held::Each(values) => Some(values.keys().copied().collect()),
            Held::Parts(parts) => parts.iter().find_map(Held::owners),
        }
    }

    /// The one value that it is for all; of what each has for itself, that of the first.
    pub(super) fn one(&self) -> Value {
        match self {
            Held::One(value) => value.clone(),
            Held::Each(values) => values.values().next().cloned().unwrap_or(Value::UNIT),
            Held::Parts(parts) => Value::Tuple(parts.iter().map(Held::one).collect()),
        }
    }
}

/// The part of a result that a participant keeps.
pub(super) fn part(placed: &Placed, held: &Held, role: RoleId, participant: Participant) -> Option<Value> {
    match placed {
        Placed::At(_, at, _) => at.is_at(role).then(|| held.of(participant)),
        Placed::Tuple(items, _) => {
            let item = |index: u32| match held {
                Held::Parts(parts) => parts.get(index as usize).cloned().unwrap_or(Held::UNIT),
                Held::One(_) | Held::Each(_) => Held::One(compute::tuple_field(&held.of(participant), index)),
            };
            let kept = (0..).zip(items).filter_map(|(index, placed)| part(placed, &item(index), role, participant));
            let mut kept: Vec<Value> = kept.collect();
            if kept.len() < 2 { kept.pop() } else { Some(Value::Tuple(kept)) }
        }
    }
}
