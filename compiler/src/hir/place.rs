//! Places: the roles that hold a value.

use std::collections::BTreeSet;

use super::{Role, RoleId, RoleKind};

/// A set of roles, in the choreography's order.
pub type RoleSet = BTreeSet<RoleId>;

/// Where a value lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A literal, `()`: it has no place and fits anywhere.
    Everywhere,
    /// The same at these roles.
    Roles(RoleSet),
    /// At each member of this group, a value of its own.
    Each(RoleSet),
    /// Of what is wrong already: fits everywhere, so that one mistake is told once.
    Error,
}

impl Place {
    /// One role.
    pub fn at(role: RoleId) -> Self {
        Self::Roles(RoleSet::from([role]))
    }

    /// Whether nobody holds it.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Place::Roles(roles) if roles.is_empty())
    }

    /// Whether one who plays these parts holds it.
    pub fn is_held_by(&self, player: &Player) -> bool {
        match self {
            Place::Everywhere | Place::Error => true,
            Place::Roles(roles) | Place::Each(roles) => player.plays_any(roles),
        }
    }
}

/// The declared roles among which `role` is: itself, or those whose member it is.
pub fn hosts(roles: &[Role], role: RoleId) -> RoleSet {
    match kind(roles, role) {
        RoleKind::Single | RoleKind::Group => RoleSet::from([role]),
        RoleKind::Member(of) => of.iter().flat_map(|of| hosts(roles, *of)).collect(),
    }
}

/// Whether `role`, whoever plays it, holds what lives at `place`.
pub fn holds(roles: &[Role], place: &Place, role: RoleId) -> bool {
    match place {
        Place::Everywhere | Place::Error => true,
        Place::Each(_) => false,
        Place::Roles(held) => {
            held.contains(&role)
                || match kind(roles, role) {
                    RoleKind::Single | RoleKind::Group => false,
                    RoleKind::Member(of) => of.iter().all(|of| holds(roles, place, *of)),
                }
        }
    }
}

/// The roles that hold both.
pub fn meet(roles: &[Role], one: &Place, two: &Place) -> Place {
    match (one, two) {
        (Place::Error, _) | (_, Place::Error) => Place::Error,
        (Place::Everywhere, place) | (place, Place::Everywhere) => place.clone(),
        (Place::Each(group), Place::Each(other)) if group == other => one.clone(),
        (Place::Each(group), other) | (other, Place::Each(group)) => {
            // What all members hold goes with what each has for itself.
            match group.iter().all(|role| holds(roles, other, *role)) {
                true => Place::Each(group.clone()),
                false => Place::Roles(RoleSet::new()),
            }
        }
        (Place::Roles(a), Place::Roles(b)) => {
            let held = |of: &RoleSet, other: &Place| -> RoleSet {
                of.iter().copied().filter(|role| holds(roles, other, *role)).collect()
            };
            Place::Roles(&held(a, two) | &held(b, one))
        }
    }
}

/// A variable that lives at `place`, where it is used inside the blocks of these members: what each member has for itself is that of the
/// innermost member of the same group.
pub fn inside(roles: &[Role], place: &Place, members: &[RoleId]) -> Place {
    let Place::Each(group) = place else {
        return place.clone();
    };
    let same = |member: &&RoleId| match kind(roles, **member) {
        RoleKind::Member(of) => of.iter().copied().collect::<RoleSet>() == *group,
        RoleKind::Single | RoleKind::Group => false,
    };
    members.iter().rev().find(same).map_or_else(|| place.clone(), |member| Place::at(*member))
}

/// Where the value of a block lives that is run once for each member, when the member is gone.
pub fn outside(roles: &[Role], place: &Place, member: RoleId) -> Place {
    match place {
        Place::Roles(held) if *held == RoleSet::from([member]) => match kind(roles, member) {
            RoleKind::Member(of) => Place::Each(of.iter().copied().collect()),
            RoleKind::Single | RoleKind::Group => Place::Error,
        },
        Place::Roles(held) => Place::Roles(held.iter().copied().filter(|role| *role != member).collect()),
        Place::Everywhere | Place::Each(_) | Place::Error => place.clone(),
    }
}

/// All who play any of these roles where the blocks of these members stand around, in the order of all that there are: the declared roles, then
/// for each block its own copies.
pub fn playing(roles: &[Role], members: &[RoleId], wanted: &RoleSet) -> Vec<Player> {
    let hosts: RoleSet = wanted.iter().flat_map(|role| hosts(roles, *role)).collect();
    let mut players: Vec<Player> = hosts.into_iter().map(Player::new).collect();
    for member in members {
        if let RoleKind::Member(group) = kind(roles, *member) {
            let own: Vec<Player> = players.iter().filter_map(|player| player.within(*member, group)).collect();
            players.extend(own);
        }
    }
    players.retain(|player| player.plays_any(wanted));
    players
}

/// What a role is; one that there is not is taken for a single one.
pub fn kind(roles: &[Role], role: RoleId) -> &RoleKind {
    roles.get(usize::from(role.0)).map_or(&RoleKind::Single, |role| &role.kind)
}

/// What one participant is at a point of the text: a declared role, and the members that it is of what stands around, for inside
/// `each w in Worker` a worker is `w` in its own copy and a worker like any other in the others'.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Player {
    /// The declared role.
    pub base: RoleId,
    /// The members that it is.
    pub members: RoleSet,
}

impl Player {
    /// One that plays a declared role and stands in no `each`.
    pub fn new(base: RoleId) -> Self {
        Self { base, members: RoleSet::new() }
    }

    /// Whether it plays `role`.
    pub fn plays(&self, role: RoleId) -> bool {
        self.base == role || self.members.contains(&role)
    }

    /// Whether it plays any of these.
    pub fn plays_any(&self, roles: &RoleSet) -> bool {
        roles.contains(&self.base) || self.members.iter().any(|member| roles.contains(member))
    }

    /// Inside `each member in group`, in its own copy; `None` where it is not in the group.
    pub fn within(&self, member: RoleId, group: &[RoleId]) -> Option<Self> {
        if !group.iter().any(|role| self.plays(*role)) {
            return None;
        }
        let mut own = self.clone();
        own.members.insert(member);
        Some(own)
    }
}
