//! Where a value lives that is taken apart at once: its parts may be at different places. What takes it apart says how far.

use super::{Choreography, ExprId, Pattern, PatternKind, Place, Placed, Player, Role, RoleId, RoleSet, Ty, place};

/// Where a value lives, part by part.
#[derive(Clone, Debug)]
pub enum Spread {
    /// One value, and who would hold it besides if they knew of a choice.
    Whole(Place, Option<Lost>),
    /// A tuple, each of whose parts is somewhere.
    Parts(Vec<Spread>),
    /// Nobody takes it.
    Unused,
}

/// Roles that would hold the value of a choice if they knew which branch was taken. It is kept where they are, not who: among ten thousand roles
/// that may be nearly all, for each choice.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Where the value would live if all knew.
    pub would: Place,
    /// Where it lives.
    pub place: Place,
    /// The members whose blocks stand around.
    pub members: Vec<RoleId>,
    /// The choice.
    pub choice: ExprId,
}

impl Lost {
    /// Whether there is such a role.
    pub fn is_any(&self, choreography: &Choreography) -> bool {
        self.would != self.place && self.candidates(choreography).any(|role| self.has(choreography, role))
    }

    /// Whether this is one of the roles.
    pub fn has(&self, choreography: &Choreography, role: RoleId) -> bool {
        let is_here = role.0 < choreography.declared || self.members.contains(&role);
        is_here && choreography.holds(&self.would, role) && !choreography.holds(&self.place, role)
    }

    /// The roles.
    pub fn roles(&self, choreography: &Choreography) -> RoleSet {
        self.candidates(choreography).filter(|role| self.has(choreography, *role)).collect()
    }

    fn candidates(&self, choreography: &Choreography) -> impl Iterator<Item = RoleId> {
        let (named, all) = match &self.would {
            Place::Roles(roles) => (Some(roles), None),
            Place::Everywhere | Place::Error => (None, Some(choreography.role_ids())),
            Place::Each(_) => (None, None),
        };
        named.into_iter().flatten().copied().chain(all.into_iter().flatten()).chain(self.members.iter().copied())
    }
}

/// How far a value is taken apart.
#[derive(Clone, Debug)]
pub enum Demand {
    /// It is used as one value.
    Whole,
    /// Its parts are taken, each as far as this says.
    Parts(Vec<Demand>),
    /// Nobody takes it.
    Unused,
}

impl Demand {
    /// What a pattern takes.
    pub fn of(pattern: &Pattern) -> Self {
        match &pattern.kind {
            PatternKind::Wildcard => Demand::Unused,
            PatternKind::Tuple(items) => Demand::Parts(items.iter().map(Demand::of).collect()),
            PatternKind::Bind(_) | PatternKind::Literal(_) | PatternKind::Construct(..) => Demand::Whole,
        }
    }

    /// What the result of a choreography takes.
    pub fn placed(placed: &Placed) -> Self {
        match placed {
            Placed::At(..) => Demand::Whole,
            Placed::Tuple(items, _) => Demand::Parts(items.iter().map(Demand::placed).collect()),
        }
    }

    /// What `.index` takes, of whose value `inner` is taken.
    pub fn field(ty: &Ty, index: u32, inner: Demand) -> Self {
        let Ty::Tuple(items) = ty else { return Demand::Whole };
        let mut parts = vec![Demand::Unused; items.len()];
        if let Some(part) = parts.get_mut(index as usize) {
            *part = inner;
        }
        Demand::Parts(parts)
    }

    /// What is taken of each of so many parts.
    pub fn parts(&self, count: usize) -> Vec<Demand> {
        match self {
            Demand::Parts(parts) => parts.clone(),
            Demand::Whole | Demand::Unused => vec![self.clone(); count],
        }
    }
}

impl Spread {
    /// A value at one place.
    pub fn at(place: Place) -> Self {
        Spread::Whole(place, None)
    }

    /// Where the whole lives.
    pub fn place(&self, roles: &[Role]) -> Place {
        match self {
            Spread::Whole(place, _) => place.clone(),
            Spread::Parts(parts) => parts
                .iter()
                .fold(Place::Everywhere, |place, part| super::place::meet(roles, &place, &part.place(roles))),
            Spread::Unused => Place::Everywhere,
        }
    }

    /// Where a part lives.
    pub fn field(&self, index: u32) -> Spread {
        match self {
            Spread::Parts(parts) => parts.get(index as usize).cloned().unwrap_or(Spread::Unused),
            Spread::Whole(..) | Spread::Unused => self.clone(),
        }
    }

    /// Whether one who plays these parts holds any of it.
    pub fn is_held_by(&self, player: &Player) -> bool {
        match self {
            Spread::Whole(place, _) => place.is_held_by(player),
            Spread::Parts(parts) => parts.iter().any(|part| part.is_held_by(player)),
            Spread::Unused => false,
        }
    }

    /// The same, no further apart than it is taken.
    pub fn taken(&self, roles: &[Role], demand: &Demand) -> Spread {
        match (self, demand) {
            (_, Demand::Unused) => Spread::Unused,
            (Spread::Whole(..), Demand::Whole) => self.clone(),
            (_, Demand::Whole) => Spread::at(self.place(roles)),
            (_, Demand::Parts(demands)) => {
                let part = |(index, demand): (u32, &Demand)| self.field(index).taken(roles, demand);
                Spread::Parts((0..).zip(demands).map(part).collect())
            }
        }
    }

    /// What lives in both, which are taken apart alike.
    pub fn meet(&self, roles: &[Role], other: &Spread) -> Spread {
        match (self, other) {
            (Spread::Parts(one), Spread::Parts(two)) => {
                Spread::Parts(one.iter().zip(two).map(|(one, two)| one.meet(roles, two)).collect())
            }
            (Spread::Unused, _) | (_, Spread::Unused) => Spread::Unused,
            (one, two) => Spread::at(place::meet(roles, &one.place(roles), &two.place(roles))),
        }
    }

    /// The same with the place of each part changed.
    pub fn map(&self, change: &mut dyn FnMut(&Place) -> (Place, Option<Lost>)) -> Spread {
        match self {
            Spread::Whole(place, _) => {
                let (place, lost) = change(place);
                Spread::Whole(place, lost)
            }
            Spread::Parts(parts) => Spread::Parts(parts.iter().map(|part| part.map(change)).collect()),
            Spread::Unused => Spread::Unused,
        }
    }
}
