//! Where values live, as the generator knows it: never more than the compiler does.

use std::collections::BTreeSet;

use super::Generator;

#[derive(Clone, Debug)]
pub(super) struct RoleInfo {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether it has the service `R` besides `S`.
    pub(super) has_two_services: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Single,
    Group,
    Member(Vec<usize>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Everywhere,
    Roles(BTreeSet<usize>),
    Each(BTreeSet<usize>),
}

impl RoleInfo {
    pub(super) fn new(name: &str, kind: Kind) -> Self {
        Self { name: name.to_owned(), kind, has_two_services: false }
    }

    pub(super) fn declared(&self) -> String {
        let group = if self.kind == Kind::Group { "[]" } else { "" };
        let more = if self.has_two_services { " + R" } else { "" };
        format!("{}{group}: S{more}", self.name)
    }
}

impl Place {
    pub(super) fn at(role: usize) -> Self {
        Place::Roles(BTreeSet::from([role]))
    }

    pub(super) fn of(roles: &[usize]) -> Self {
        Place::Roles(roles.iter().copied().collect())
    }
}

impl Generator {
    /// The roles that are one participant, here.
    pub(super) fn singles(&self) -> Vec<usize> {
        (0..self.roles.len()).filter(|role| self.roles[*role].kind != Kind::Group).collect()
    }

    pub(super) fn groups(&self) -> Vec<usize> {
        (0..self.roles.len()).filter(|role| self.roles[*role].kind == Kind::Group).collect()
    }

    pub(super) fn single(&mut self) -> usize {
        let singles = self.singles();
        self.pick(&singles).copied().unwrap_or(0)
    }

    /// The declared roles that a role may be.
    pub(super) fn hosts(&self, role: usize) -> BTreeSet<usize> {
        match &self.roles[role].kind {
            Kind::Single | Kind::Group => BTreeSet::from([role]),
            Kind::Member(of) => of.iter().flat_map(|of| self.hosts(*of)).collect(),
        }
    }

    /// Whether whoever plays the role has the service `R`.
    pub(super) fn has_two_services(&self, role: usize) -> bool {
        self.hosts(role).into_iter().all(|host| self.roles[host].has_two_services)
    }

    pub(super) fn is_apart(&self, role: usize, others: &[usize]) -> bool {
        others.iter().all(|other| self.hosts(*other).is_disjoint(&self.hosts(role)))
    }

    pub(super) fn holds(&self, place: &Place, role: usize) -> bool {
        match place {
            Place::Everywhere => true,
            Place::Each(_) => false,
            Place::Roles(held) => {
                held.contains(&role)
                    || match &self.roles[role].kind {
                        Kind::Single | Kind::Group => false,
                        Kind::Member(of) => of.iter().all(|of| self.holds(place, *of)),
                    }
            }
        }
    }

    pub(super) fn meet(&self, one: &Place, two: &Place) -> Place {
        match (one, two) {
            (Place::Everywhere, place) | (place, Place::Everywhere) => place.clone(),
            (Place::Roles(a), Place::Roles(b)) => {
                let held = |of: &BTreeSet<usize>, other: &Place| -> BTreeSet<usize> {
                    of.iter().copied().filter(|role| self.holds(other, *role)).collect()
                };
                Place::Roles(&held(a, two) | &held(b, one))
            }
            (Place::Each(_), _) | (_, Place::Each(_)) => Place::Roles(BTreeSet::new()),
        }
    }

    /// What each of a group has for itself, as its member `role` sees it: the innermost member of that group, or one that is named.
    pub(super) fn own(&self, place: &Place, role: usize) -> bool {
        let Place::Each(group) = place else { return false };
        let is_of = |role: usize| match &self.roles[role].kind {
            Kind::Member(of) => of.iter().copied().collect::<BTreeSet<_>>() == *group,
            Kind::Single | Kind::Group => false,
        };
        (0..self.roles.len()).rev().find(|role| is_of(*role)) == Some(role)
    }
}
