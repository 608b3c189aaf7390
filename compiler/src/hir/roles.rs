//! The names of roles: what they mean where they are written, and lists of them.

use std::collections::BTreeMap;

use super::check::{duplicates, reserved};
use super::items::{Scope, resolve_service};
use super::{At, Role, RoleId, RoleKind, ServiceId};
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::{Diagnostics, nearest};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

/// What the names of roles mean.
#[derive(Clone, Debug, Default)]
pub struct RoleNames {
    /// Each with the name where it is declared.
    names: BTreeMap<String, (RoleId, Span)>,
}

impl RoleNames {
    /// The names of declared roles; of two with one name, the first.
    pub fn new(roles: &[Role]) -> Self {
        let mut names = BTreeMap::new();
        for (index, role) in (0..=u16::MAX).zip(roles) {
            names.entry(role.name.name.clone()).or_insert((RoleId(index), role.name.span));
        }
        Self { names }
    }

    /// The role of that name.
    pub fn get(&self, name: &str) -> Option<RoleId> {
        self.names.get(name).map(|(role, _)| *role)
    }

    /// All names.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Gives a member its name until [`RoleNames::restore`] is handed what this gives back.
    pub fn shadow(&mut self, name: &Ident, role: RoleId) -> Option<(RoleId, Span)> {
        self.names.insert(name.name.clone(), (role, name.span))
    }

    /// Undoes [`RoleNames::shadow`].
    pub fn restore(&mut self, name: &str, before: Option<(RoleId, Span)>) {
        match before {
            Some(role) => self.names.insert(name.to_owned(), role),
            None => self.names.remove(name),
        };
    }

    /// The role of that name, which must be one.
    pub fn role(&self, name: &Ident, diagnostics: &mut Diagnostics) -> Option<RoleId> {
        let role = self.refer(name, diagnostics);
        if role.is_none() {
            let candidates = nearest(&name.name, self.all());
            diagnostics.push(Meaning::unknown(Thing::Role, name, candidates));
        }
        role
    }

    /// The role of that name, if it is one's.
    pub fn refer(&self, name: &Ident, diagnostics: &mut Diagnostics) -> Option<RoleId> {
        let (role, declared) = self.names.get(&name.name)?;
        diagnostics.refer(name.span, *declared);
        Some(*role)
    }

    /// The roles of a list, each once; nothing where one of them is unknown, for then it is not known who is meant.
    pub fn known(&self, roles: &ast::Roles, diagnostics: &mut Diagnostics) -> Option<Vec<(RoleId, Span)>> {
        let list = self.list(roles, diagnostics);
        roles.names.iter().all(|name| self.names.contains_key(&name.name)).then_some(list)
    }

    /// The roles of a list that are known, each once.
    pub fn list(&self, roles: &ast::Roles, diagnostics: &mut Diagnostics) -> Vec<(RoleId, Span)> {
        let mut list: Vec<(RoleId, Span)> = Vec::new();
        let mut seen = BTreeMap::new();
        for name in &roles.names {
            let Some(role) = self.role(name, diagnostics) else {
                continue;
            };
            match seen.get(&role) {
                Some(first) => {
                    let (name, span) = (name.name.clone(), name.span);
                    diagnostics.push(Meaning::RoleTwice { name, span, first: *first }.into());
                }
                None => {
                    seen.insert(role, name.span);
                    list.push((role, name.span));
                }
            }
        }
        list
    }

    /// A place; nothing where one of its roles is unknown.
    pub fn at(&self, place: &ast::Place, diagnostics: &mut Diagnostics) -> Option<At> {
        Some(At { roles: self.known(&place.roles, diagnostics)?, each: place.each })
    }
}

/// Whether a list of roles is a group: one that is declared as a group, or several roles. Reports it where it is not.
pub fn check_group(group: &[(RoleId, Span)], roles: &[Role], diagnostics: &mut Diagnostics) -> bool {
    let [(only, span)] = group else { return true };
    let Some(role) = roles.get(usize::from(only.0)).filter(|role| role.kind != RoleKind::Group) else {
        return true;
    };
    let (name, span, declared) = (role.name.name.clone(), *span, role.name.span);
    diagnostics.push(Grouping::NotAGroup { name, span, declared }.into());
    false
}

/// The service that has the name of the role.
fn own_service(role: &Ident, scope: &Scope, diagnostics: &mut Diagnostics) -> Option<ServiceId> {
    let service = scope.service_id(&role.name)?;
    scope.refer(role, diagnostics);
    Some(service)
}

/// The roles that a choreography declares.
pub fn declared(roles: &[ast::RoleParam], scope: &Scope, diagnostics: &mut Diagnostics) -> Vec<Role> {
    duplicates::check(roles.iter().map(|role| &role.name), diagnostics);
    let mut resolved = Vec::new();
    for role in roles {
        reserved::check(&role.name, diagnostics);
        let services = match role.services.as_slice() {
            [] => own_service(&role.name, scope, diagnostics).into_iter().collect(),
            named => {
                duplicates::check(named.iter(), diagnostics);
                named.iter().filter_map(|name| resolve_service(name, scope, diagnostics)).collect()
            }
        };
        let kind = if role.group { RoleKind::Group } else { RoleKind::Single };
        resolved.push(Role { name: role.name.clone(), services, kind });
    }
    resolved
}
