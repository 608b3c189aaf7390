//! Places: the roles that hold a value.

use std::collections::BTreeSet;

use super::RoleId;

/// A set of roles, in the choreography's order.
pub type RoleSet = BTreeSet<RoleId>;

/// Where a value lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A literal, `()`: it has no place and fits anywhere.
    Everywhere,
    /// At these roles.
    Roles(RoleSet),
    /// Of what is wrong already: fits everywhere, so that one mistake is told once.
    Error,
}

impl Place {
    /// One role.
    pub fn at(role: RoleId) -> Self {
        Self::Roles(RoleSet::from([role]))
    }

    /// Whether `role` holds it.
    pub fn holds(&self, role: RoleId) -> bool {
        match self {
            Place::Everywhere | Place::Error => true,
            Place::Roles(roles) => roles.contains(&role),
        }
    }

    /// The roles that hold both.
    pub fn intersect(&self, other: &Place) -> Place {
        match (self, other) {
            (Place::Error, _) | (_, Place::Error) => Place::Error,
            (Place::Everywhere, place) | (place, Place::Everywhere) => place.clone(),
            (Place::Roles(one), Place::Roles(two)) => Place::Roles(one.intersection(two).copied().collect()),
        }
    }

    /// Whether nobody holds it.
    pub fn is_nowhere(&self) -> bool {
        matches!(self, Place::Roles(roles) if roles.is_empty())
    }
}
