//! Names in bodies: roles, variables, and what a name that is neither could have meant.

use super::Lower;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::{ExprId, ExprKind, LocalId, RoleId, ServiceId, TypeDef};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

impl Lower<'_> {
    /// The role that stands where an expression could: a single name that is a role and no variable.
    pub(super) fn role_expr(&mut self, expr: &ast::Expr) -> Option<(RoleId, Span)> {
        let ast::ExprKind::Path(path) = &expr.kind else {
            return None;
        };
        match path.segments.as_slice() {
            [name] if self.variable(&name.name).is_none() => {
                self.names.refer(name, self.diagnostics).map(|role| (role, name.span))
            }
            _ => None,
        }
    }

    /// The role of that name, which must be one.
    pub(super) fn role(&mut self, name: &Ident) -> Option<RoleId> {
        self.names.role(name, self.diagnostics)
    }

    /// The roles of a list, each once; nothing where one of them is unknown, for then it is not known who is meant.
    pub(super) fn known_roles(&mut self, roles: &ast::Roles) -> Option<Vec<(RoleId, Span)>> {
        self.names.known(roles, self.diagnostics)
    }

    /// The roles of a list that are known, each once.
    pub(super) fn role_list(&mut self, roles: &ast::Roles) -> Vec<(RoleId, Span)> {
        self.names.list(roles, self.diagnostics)
    }

    /// The variable that a name means, if it is one's.
    pub(super) fn refer(&mut self, name: &Ident) -> Option<LocalId> {
        let local = self.variable(&name.name)?;
        self.diagnostics.refer(name.span, self.body[local].span);
        Some(local)
    }

    /// A name that stands for a value.
    pub(super) fn name(&mut self, name: &Ident) -> ExprId {
        if let Some(local) = self.refer(name) {
            let ty = self.body[local].ty.clone();
            return self.add(ExprKind::Local(local), ty, name.span);
        }
        if name.name == "None" {
            return self.none(name.span);
        }
        let what = if self.names.get(&name.name).is_some() {
            Some(("a role", None))
        } else if let Some((param, _)) = self.choreographies.iter().find(|(param, _)| param.name == name.name) {
            Some(("a choreography", Some(param.span)))
        } else {
            self.scope.declared(&name.name).map(|span| ("declared as an item", Some(span)))
        };
        match what {
            Some((what, declared)) => {
                let (name, span) = (name.name.clone(), name.span);
                self.diagnostics.push(Meaning::NotAValue { name, what, span, declared }.into());
            }
            None => {
                let names = self.variables.iter().rev().flat_map(|scope| scope.keys().map(String::as_str));
                let candidates = nearest(&name.name, names.chain(self.names.all()));
                let is_abort = matches!(name.name.as_str(), "why" | "e" | "err" | "error" | "reason" | "abort");
                let thing = match self.unnamed.last() {
                    Some(block) if is_abort && candidates.is_empty() => Thing::Abort { block: *block },
                    _ => self.bare_variant(name).unwrap_or(Thing::Variable),
                };
                let candidates = if matches!(thing, Thing::BareVariant { .. }) { Vec::new() } else { candidates };
                self.diagnostics.push(Meaning::unknown(thing, name, candidates));
            }
        }
        self.error(name.span)
    }

    /// What the name means if it is that of an operation of some role's service.
    pub(super) fn bare_operation(&self, name: &Ident) -> Option<Thing> {
        let has =
            |service: &ServiceId| self.hir.service(*service).operations.iter().any(|it| it.name.name == name.name);
        let roles: Vec<String> =
            self.roles.iter().filter(|role| role.services.iter().any(has)).map(|role| role.name.name.clone()).collect();
        (!roles.is_empty()).then_some(Thing::BareOperation { roles })
    }

    /// What the name means if it is that of a variant of some enum.
    pub(super) fn bare_variant(&self, name: &Ident) -> Option<Thing> {
        let has = |definition: &&TypeDef| definition.variants().iter().any(|variant| variant.name.name == name.name);
        let enums: Vec<String> = self
            .hir
            .types
            .iter()
            .filter(has)
            .map(|definition| definition.name.name.clone())
            .filter(|owner| self.scope.type_id(owner).is_some())
            .collect();
        (!enums.is_empty()).then_some(Thing::BareVariant { enums })
    }

    /// The operation that a compensation of that name undoes.
    fn compensated_by(&self, services: &[ServiceId], name: &str) -> Option<String> {
        let mut operations = services.iter().flat_map(|service| &self.hir.service(*service).operations);
        let undone = operations.find(|operation| operation.kind.compensation().is_some_and(|it| it.name == name));
        undone.map(|operation| operation.name.name.clone())
    }

    /// The operation of that name that a role offers.
    pub(super) fn operation(&mut self, role: RoleId, name: &Ident) -> Option<(ServiceId, u32)> {
        let declared = self.roles.get(usize::from(role.0));
        let (role_name, services) = match declared {
            Some(role) => (role.name.name.clone(), role.services.clone()),
            None => return None,
        };
        let mut found = Vec::new();
        for service in &services {
            for (index, operation) in (0..).zip(&self.hir.service(*service).operations) {
                if operation.name.name == name.name {
                    found.push((*service, index, operation.name.span));
                }
            }
        }
        match found.as_slice() {
            [] if self.open_roles.contains(&role) || !services.iter().all(|id| self.hir.service(*id).is_readable) => {
                None
            }
            [] => {
                let names = services.iter().flat_map(|service| &self.hir.service(*service).operations);
                let candidates = nearest(&name.name, names.map(|operation| operation.name.name.as_str()));
                let thing = Thing::Operation {
                    role: role_name,
                    service_known: !services.is_empty(),
                    any_service: !self.hir.services.is_empty(),
                    compensates: self.compensated_by(&services, &name.name),
                };
                self.diagnostics.push(Meaning::unknown(thing, name, candidates));
                None
            }
            [(service, index, declared), rest @ ..] => {
                self.diagnostics.refer(name.span, *declared);
                if let [(_, _, second), ..] = rest {
                    self.diagnostics.push(Meaning::duplicate(name, *second));
                }
                Some((*service, *index))
            }
        }
    }
}
