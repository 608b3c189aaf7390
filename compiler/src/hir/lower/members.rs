//! Groups: their size, their members, and blocks that are run once for each member.

use super::Lower;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::hir::check::crowded::{self, ROLES_MAX};
use crate::hir::{
    Demand, ExprId, ExprKind, MemberOrder, Members, Place, Role, RoleId, RoleKind, RoleSet, ServiceId, Spread, Ty,
    place, roles,
};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

/// How many blocks for members may stand around each other: one who plays a role may be any of the members around, or not, so each block
/// doubles what it can be.
const MEMBERS_MAX: usize = 6;

impl Lower<'_> {
    /// The kind of a role.
    pub(super) fn role_kind(&self, role: RoleId) -> RoleKind {
        self.roles.get(usize::from(role.0)).map_or(RoleKind::Single, |role| role.kind.clone())
    }

    /// A role that must be one participant.
    pub(super) fn single(&mut self, role: RoleId, span: Span) -> Option<RoleId> {
        if self.role_kind(role) != RoleKind::Group {
            return Some(role);
        }
        let name = self.roles.get(usize::from(role.0)).map_or_else(String::new, |role| role.name.name.clone());
        let is_of = |member: &&RoleId| self.role_kind(**member) == RoleKind::Member(vec![role]);
        let member = self.members.iter().rev().find(is_of).and_then(|member| self.roles.get(usize::from(member.0)));
        let member = member.map(|member| member.name.name.clone());
        self.diagnostics.push(Grouping::GroupAsRole { name, member, span }.into());
        None
    }

    /// Reports what each member has for itself, used as if it were one value. `to` is who is to get it.
    pub(super) fn own_outside(&mut self, expr: ExprId, to: Option<RoleId>) -> bool {
        let Place::Each(group) = self.near(expr).clone() else { return false };
        let name =
            |role: &RoleId| self.roles.get(usize::from(role.0)).map_or_else(String::new, |it| it.name.name.clone());
        let value = self.variable_name(expr);
        let (group, to, span) = (group.iter().map(name).collect(), to.as_ref().map(name), self.body[expr].span);
        self.diagnostics.push(Grouping::OwnOutside { value, span, group, to }.into());
        true
    }

    /// The name of a variable, if the expression is one.
    pub(super) fn variable_name(&self, expr: ExprId) -> Option<String> {
        match &self.body[expr].kind {
            ExprKind::Local(local) => Some(self.body[*local].name.clone()),
            _ => None,
        }
    }

    /// `Worker.len()`, `Role.operation(args)`
    pub(super) fn role_method(
        &mut self,
        role: RoleId,
        role_span: Span,
        name: &Ident,
        args: &[ast::Expr],
        span: Span,
    ) -> ExprId {
        let is_group = self.role_kind(role) == RoleKind::Group;
        if is_group && name.name == "len" && args.is_empty() {
            let ty = self.infer.size();
            return self.add(ExprKind::Len(vec![role]), ty, span);
        }
        if self.single(role, role_span).is_none() {
            args.iter().for_each(|arg| _ = self.value(arg));
            return self.error(span);
        }
        self.call_operation(role, name, args, span)
    }

    /// `w.index`
    pub(super) fn role_field(&mut self, role: RoleId, value: &ast::Expr, name: &Ident, span: Span) -> ExprId {
        if let (RoleKind::Member(_), "index") = (self.role_kind(role), name.name.as_str()) {
            let ty = self.infer.size();
            return self.add(ExprKind::MemberIndex(role), ty, span);
        }
        self.field(value, name, span)
    }

    pub(super) fn each(&mut self, member: &Ident, group: &ast::Roles, body: &ast::Block, span: Span) -> ExprId {
        if let [name] = group.names.as_slice()
            && self.variable(&name.name).is_some()
            && self.names.get(&name.name).is_none()
        {
            return self.each_item(member, name, body, span);
        }
        let known = self.known_roles(group);
        let known = known.filter(|group| roles::check_group(group, &self.roles, self.diagnostics));
        let group = known.map(|group| group.into_iter().map(|(role, _)| role).collect());
        self.members(member, group, body, MemberOrder::SideBySide, span)
    }

    /// `each` over the items of a value, for which `for` is meant: it is read as that.
    fn each_item(&mut self, item: &Ident, items: &Ident, body: &ast::Block, span: Span) -> ExprId {
        let length = u32::try_from("each".len()).unwrap_or_default();
        let each = Span { end: span.start + length, ..span };
        self.diagnostics.push(Meaning::unknown(Thing::Members { each }, items, Vec::new()));
        let path = |name: &Ident| ast::Path { segments: vec![name.clone()], span: name.span };
        let pattern = ast::Pattern { kind: ast::PatternKind::Path(path(item)), span: item.span };
        let value = ast::Expr { kind: ast::ExprKind::Path(path(items)), span: items.span };
        self.for_(&pattern, &value, body, span)
    }

    /// The block of `each` or `for`, run once for each member.
    pub(super) fn members(
        &mut self,
        member: &Ident,
        group: Option<Vec<RoleId>>,
        body: &ast::Block,
        order: MemberOrder,
        span: Span,
    ) -> ExprId {
        if let Some(local) = self.variable(&member.name) {
            let (name, span) = (member.name.clone(), self.body[local].span);
            self.diagnostics.push(Meaning::RoleAndVariable { name, span, role: member.span }.into());
        }
        if self.members.len() >= MEMBERS_MAX {
            self.diagnostics.push(Grouping::TooManyMembers { span: member.span, max: MEMBERS_MAX }.into());
            return self.error(span);
        }
        if self.roles.len() >= ROLES_MAX {
            if self.roles.len() == ROLES_MAX {
                crowded::report(member.span, self.diagnostics);
                // It says so once.
                self.roles.push(Role { name: member.clone(), services: Vec::new(), kind: RoleKind::Single });
            }
            return self.error(span);
        }
        let role = RoleId(u16::try_from(self.roles.len()).unwrap_or(u16::MAX));
        let known = group.clone().unwrap_or_default();
        let services = self.services_of_all(&known);
        if group.is_none() {
            self.open_roles.insert(role);
        }
        self.roles.push(Role { name: member.clone(), services, kind: RoleKind::Member(known.clone()) });
        let before = self.names.shadow(member, role);
        self.members.push(role);
        let body = self.block(body, false);
        self.members.pop();
        self.names.restore(&member.name, before);
        let tail = self.value_ty(body);
        let alone = *self.near(body) == Place::Roles(RoleSet::from([role]));
        let gathers = !self.infer.shallow(&tail).is_unit() && self.infer.shallow(&tail) != Ty::Error && !alone;
        let ty = if gathers { Ty::Vec(Box::new(tail)) } else { tail };
        if group.is_none() {
            return self.add(ExprKind::Error, ty, span);
        }
        self.add(ExprKind::Members(Box::new(Members { member: role, group: known, body, order, gathers })), ty, span)
    }

    /// The services that all of these roles have.
    fn services_of_all(&self, group: &[RoleId]) -> Vec<ServiceId> {
        let mut all = group.iter().filter_map(|role| self.roles.get(usize::from(role.0))).map(|role| &role.services);
        let Some(first) = all.next() else {
            return Vec::new();
        };
        let rest: Vec<&Vec<ServiceId>> = all.collect();
        first.iter().copied().filter(|service| rest.iter().all(|other| other.contains(service))).collect()
    }

    /// Where an expression lives as far as that is known before the choices are: never less than where it does.
    pub(super) fn near(&self, expr: ExprId) -> &Place {
        self.near.get(expr.0 as usize).unwrap_or(&Place::Error)
    }

    /// [`Lower::near`] of an expression that is being added.
    pub(super) fn near_of(&self, kind: &ExprKind) -> Place {
        let all = |parts: &[ExprId]| {
            parts.iter().fold(Place::Everywhere, |place, part| place::meet(&self.roles, &place, self.near(*part)))
        };
        match kind {
            ExprKind::Literal(_)
            | ExprKind::Len(_)
            | ExprKind::MemberIndex(_)
            | ExprKind::Message { .. }
            | ExprKind::While { .. }
            | ExprKind::For { .. } => Place::Everywhere,
            ExprKind::Error => Place::Error,
            ExprKind::Local(local) => {
                let place = self.near_locals.get(local.0 as usize).unwrap_or(&Place::Error);
                place::inside(&self.roles, place, &self.members)
            }
            ExprKind::Tuple(items)
            | ExprKind::List(items)
            | ExprKind::Builtin(_, items)
            | ExprKind::Apply(_, items)
            | ExprKind::Par(items) => all(items),
            ExprKind::Construct { fields, base, .. } => {
                all(&fields.iter().map(|(_, value)| *value).chain(*base).collect::<Vec<_>>())
            }
            ExprKind::Field(value, _) | ExprKind::TupleField(value, _) | ExprKind::Unary(_, value) => {
                self.near(*value).clone()
            }
            ExprKind::Index(one, two) | ExprKind::Binary(_, one, two) => all(&[*one, *two]),
            ExprKind::At(_, role) | ExprKind::Operation { role, .. } => Place::at(*role),
            ExprKind::Communicate { to, .. } => Place::Roles(to.iter().map(|(role, _)| *role).collect()),
            ExprKind::Block(_, tail) => tail.map_or(Place::Everywhere, |tail| self.near(tail).clone()),
            ExprKind::If(_, one, two) => self.near_choice(&[*one, *two]),
            ExprKind::Match(_, arms) => self.near_choice(&arms.iter().map(|(_, value)| *value).collect::<Vec<_>>()),
            ExprKind::Saga(saga) => self.near_choice(&[saga.body, saga.otherwise]),
            ExprKind::Members(members) => place::outside(&self.roles, self.near(members.body), members.member),
            ExprKind::Call(call) => self.near_result(call),
            ExprKind::Mutate { target, .. } => {
                let place = self.near_locals.get(target.local.0 as usize).unwrap_or(&Place::Error);
                place::inside(&self.roles, place, &self.members)
            }
        }
    }

    /// [`Lower::near`] of the parts of an expression that is taken apart.
    pub(super) fn near_spread(&self, expr: ExprId, demand: &Demand) -> Spread {
        let spread = |expr: &ExprId| self.near_spread(*expr, demand);
        let meet = |one: Spread, two: Spread| one.meet(&self.roles, &two);
        let found = match (&self.body[expr].kind, demand) {
            (_, Demand::Whole | Demand::Unused) => None,
            (ExprKind::Block(_, Some(tail)), _) => Some(spread(tail)),
            (ExprKind::Tuple(items) | ExprKind::Par(items), _) => {
                let demands = demand.parts(items.len());
                let parts = items.iter().zip(&demands).map(|(item, demand)| self.near_spread(*item, demand));
                Some(Spread::Parts(parts.collect()))
            }
            (ExprKind::Call(call), _) => Some(self.near_result_spread(call)),
            (ExprKind::If(_, then, otherwise), _) => self.going_on(&[*then, *otherwise]).map(spread).reduce(meet),
            (ExprKind::Match(_, arms), _) => {
                let arms: Vec<ExprId> = arms.iter().map(|(_, arm)| *arm).collect();
                self.going_on(&arms).map(spread).reduce(meet)
            }
            (ExprKind::Saga(saga), _) => self.going_on(&[saga.body, saga.otherwise]).map(spread).reduce(meet),
            _ => None,
        };
        found.unwrap_or_else(|| Spread::at(self.near(expr).clone())).taken(&self.roles, demand)
    }

    fn near_choice(&self, branches: &[ExprId]) -> Place {
        let places = self.going_on(branches).map(|branch| self.near(*branch));
        places.fold(Place::Everywhere, |place, branch| place::meet(&self.roles, &place, branch))
    }

    /// The branches behind which something is reached.
    fn going_on<'b>(&self, branches: &'b [ExprId]) -> impl Iterator<Item = &'b ExprId> {
        branches.iter().filter(|branch| self.ty(**branch) != Ty::Never)
    }
}
