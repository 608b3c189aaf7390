//! Calls of choreographies: who plays which role, types, arguments.

use super::Lower;
use crate::diagnostic::grouping::Grouping;
use crate::diagnostic::meaning::{Meaning, Thing};
use crate::diagnostic::nearest;
use crate::hir::{
    At, Call, Callee, ExprId, ExprKind, Place, Placed, Role, RoleId, RoleKind, RoleSet, ServiceId, Signature,
    SignatureParam, Spread, Ty, place,
};
use crate::span::Span;
use crate::syntax::ast::{self, Ident};

/// For each role of a callee, who plays it.
type Cast = Vec<Vec<(RoleId, Span)>>;

impl Lower<'_> {
    pub(super) fn choreography_call(
        &mut self,
        name: &Ident,
        roles: &[ast::Roles],
        types: &[ast::Type],
        args: &[ast::Expr],
        span: Span,
    ) -> ExprId {
        let callee = self.callee(name);
        let cast: Option<Cast> = roles.iter().map(|roles| self.known_roles(roles)).collect();
        let types: Vec<Ty> = types.iter().map(|ty| self.resolve_type(ty)).collect();
        let Some(callee) = callee else {
            args.iter().for_each(|arg| _ = self.expr(arg));
            return self.error(span);
        };
        let signature = self.signature(callee);
        let types = self.type_arguments(&name.name, &signature, types, span);
        let (args, choreographies) = self.call_arguments(&name.name, &signature, &types, args, span);
        let ty = substitute(&signature.result.ty(), &types);
        let fits = cast.filter(|cast| self.check_cast(&name.name, &signature, cast, span));
        let (Some(roles), Some(choreographies)) = (fits, choreographies) else {
            return self.add(ExprKind::Error, ty, span);
        };
        self.add(ExprKind::Call(Box::new(Call { callee, roles, types, choreographies, args })), ty, span)
    }

    /// The choreography of that name: a parameter, or one of the program.
    fn callee(&mut self, name: &Ident) -> Option<Callee> {
        let mut params = (0..).zip(&self.choreographies);
        if let Some((index, (param, _))) = params.find(|(_, (param, _))| param.name == name.name) {
            self.diagnostics.refer(name.span, param.span);
            return Some(Callee::Param(index));
        }
        if let Some(id) = self.scope.choreography_id(&name.name) {
            self.scope.refer(name, self.diagnostics);
            return Some(Callee::Choreography(id));
        }
        let params = self.choreographies.iter().map(|(param, _)| param.name.as_str());
        let candidates = nearest(&name.name, self.scope.choreography_names().chain(params));
        self.diagnostics.push(Meaning::unknown(Thing::Choreography, name, candidates));
        None
    }

    fn signature(&self, callee: Callee) -> Signature {
        match callee {
            Callee::Choreography(id) => self.hir.signature(id).clone(),
            Callee::Param(index) => {
                let (_, signature) = self
                    .choreographies
                    .get(index as usize)
                    .expect("a parameter's number is made by the choreography that holds it");
                signature.clone()
            }
        }
    }

    fn type_arguments(&mut self, name: &str, signature: &Signature, given: Vec<Ty>, span: Span) -> Vec<Ty> {
        let (expected, found) = (signature.types.len(), given.len());
        if found == expected {
            return given;
        }
        if found > 0 {
            let (what, declared) = (format!("`{name}`"), Some(signature.span));
            self.diagnostics.push(Meaning::Arity { what, unit: "type", expected, found, span, declared }.into());
            return vec![Ty::Error; expected];
        }
        (0..expected).map(|_| self.infer.any()).collect()
    }

    /// The arguments that are values, and those that are choreographies; nothing in place of these where one is wrong.
    fn call_arguments(
        &mut self,
        name: &str,
        signature: &Signature,
        types: &[Ty],
        args: &[ast::Expr],
        span: Span,
    ) -> (Vec<ExprId>, Option<Vec<Callee>>) {
        let (expected, found) = (signature.params.len(), args.len());
        if expected != found {
            let (what, declared) = (format!("`{name}`"), Some(signature.span));
            self.diagnostics.push(Meaning::Arity { what, unit: "argument", expected, found, span, declared }.into());
        }
        let (mut values, mut choreographies) = (Vec::new(), Some(Vec::new()));
        for (arg, param) in args.iter().zip(&signature.params) {
            match param {
                SignatureParam::Value(name, ty, _) => {
                    let value = self.value(arg);
                    self.expect(value, &substitute(ty, types), Some(name.span));
                    values.push(value);
                }
                SignatureParam::Choreography(_, wanted) => {
                    let callee = self.handed_on(arg, &instantiate(wanted, types));
                    choreographies = choreographies.zip(callee).map(|(mut all, callee)| {
                        all.push(callee);
                        all
                    });
                }
            }
        }
        for arg in args.iter().skip(expected) {
            self.expr(arg);
        }
        if expected != found {
            choreographies = None;
        }
        (values, choreographies)
    }

    /// A choreography as an argument: the name of one, whose signature is the one wanted.
    fn handed_on(&mut self, arg: &ast::Expr, wanted: &Signature) -> Option<Callee> {
        let name = match &arg.kind {
            ast::ExprKind::Path(path) => match path.segments.as_slice() {
                [name] => name,
                _ => return self.not_a_choreography(arg, wanted),
            },
            _ => return self.not_a_choreography(arg, wanted),
        };
        if self.variable(&name.name).is_some() || self.names.get(&name.name).is_some() {
            return self.not_a_choreography(arg, wanted);
        }
        let callee = self.callee(name)?;
        let found = self.signature(callee);
        if !self.signature_fits(&found, wanted) {
            let (expected, found_text) = (self.show_signature(wanted), self.show_signature(&found));
            let (name, span, declared) = (name.name.clone(), name.span, wanted.span);
            let found = found_text;
            self.diagnostics.push(Grouping::OtherSignature { name, expected, found, span, declared }.into());
            return None;
        }
        Some(callee)
    }

    fn not_a_choreography(&mut self, arg: &ast::Expr, wanted: &Signature) -> Option<Callee> {
        let (expected, span, declared) = (self.show_signature(wanted), arg.span, wanted.span);
        self.diagnostics.push(Grouping::NotAChoreography { expected, span, declared }.into());
        None
    }

    /// Whether a choreography can stand where one of the signature `wanted` is called.
    fn signature_fits(&mut self, found: &Signature, wanted: &Signature) -> bool {
        let role = |(found, wanted): (&Role, &Role)| {
            found.kind == wanted.kind && found.services.iter().all(|service| wanted.services.contains(service))
        };
        let values: Vec<_> = found.values().collect();
        found.types.is_empty()
            && found.choreographies().next().is_none()
            && found.roles.len() == wanted.roles.len()
            && found.roles.iter().zip(&wanted.roles).all(role)
            && values.len() == wanted.values().count()
            && values.iter().zip(wanted.values()).all(|(one, two)| self.infer.unify(two.1, one.1) && same(one.2, two.2))
            && self.same_result(&found.result, &wanted.result)
    }

    fn same_result(&mut self, one: &Placed, two: &Placed) -> bool {
        match (one, two) {
            (Placed::At(a, here, _), Placed::At(b, there, _)) => {
                self.infer.unify(b, a) && (a.is_unit() || same(here, there))
            }
            (Placed::Tuple(a, _), Placed::Tuple(b, _)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.same_result(a, b))
            }
            (Placed::At(..), Placed::Tuple(..)) | (Placed::Tuple(..), Placed::At(..)) => false,
        }
    }

    /// Whether roles of the right kinds play the callee's, each another one.
    fn check_cast(&mut self, name: &str, signature: &Signature, cast: &Cast, span: Span) -> bool {
        let (expected, found) = (signature.roles.len(), cast.len());
        if expected != found {
            let (what, declared) = (format!("`{name}`"), Some(signature.span));
            self.diagnostics.push(Meaning::Arity { what, unit: "role", expected, found, span, declared }.into());
            return false;
        }
        let mut fits = true;
        for (formal, actual) in signature.roles.iter().zip(cast) {
            let one = match actual.as_slice() {
                [(role, _)] => self.role_kind(*role) != RoleKind::Group,
                _ => false,
            };
            if formal.kind == RoleKind::Single && !one {
                let (role, declared) = (formal.name.name.clone(), formal.name.span);
                let span = actual.first().map_or(span, |(_, span)| *span);
                self.diagnostics.push(Grouping::GroupForRole { role, span, declared }.into());
                fits = false;
            }
            for (role, span) in actual {
                fits &= self.check_services(formal, *role, *span);
            }
        }
        let all: Vec<(RoleId, Span)> = cast.iter().flatten().copied().collect();
        fits & self.check_distinct(&all)
    }

    fn check_services(&mut self, formal: &Role, actual: RoleId, span: Span) -> bool {
        let Some(role) = self.roles.get(usize::from(actual.0)) else { return false };
        let missing = formal.services.iter().find(|service| !role.services.contains(service)).copied();
        let Some(missing) = missing.filter(|_| !self.open_roles.contains(&actual)) else {
            return true;
        };
        let service = self.hir.service(missing).name.name.clone();
        let instead = self.with_services(formal, actual);
        let (role, declared, formal) = (role.name.name.clone(), formal.name.span, formal.name.name.clone());
        self.diagnostics.push(Grouping::LacksService { role, service, formal, instead, span, declared }.into());
        false
    }

    /// The declarations of the roles that `actual` may be, with the services that `formal` has; of those that lack one.
    fn with_services(&self, formal: &Role, actual: RoleId) -> Vec<String> {
        let hosts = place::hosts(&self.roles, actual);
        let hosts = hosts.iter().filter_map(|host| self.roles.get(usize::from(host.0)));
        let lacking = hosts.filter(|host| formal.services.iter().any(|service| !host.services.contains(service)));
        let name = |service: &ServiceId| self.hir.service(*service).name.name.clone();
        let declaration = |host: &Role| {
            let missing = formal.services.iter().filter(|service| !host.services.contains(service));
            let services: Vec<String> = host.services.iter().chain(missing).map(name).collect();
            let group = if matches!(host.kind, RoleKind::Group) { "[]" } else { "" };
            format!("{}{group}: {}", host.name.name, services.join(" + "))
        };
        lacking.map(declaration).collect()
    }

    /// Nobody plays two of a callee's roles.
    fn check_distinct(&mut self, all: &[(RoleId, Span)]) -> bool {
        let hosts = |role: RoleId| place::hosts(&self.roles, role);
        for (index, (role, span)) in all.iter().enumerate() {
            let before = all.iter().take(index);
            let is_apart = |other: RoleId| self.apart.contains(&(other, *role)) || self.apart.contains(&(*role, other));
            let may_be_one = |other: RoleId| !hosts(other).is_disjoint(&hosts(*role)) && !is_apart(other);
            let clash = before.clone().find(|(other, _)| other == role || may_be_one(*other));
            let Some((other, first)) = clash else { continue };
            let name = |role: RoleId| {
                self.roles.get(usize::from(role.0)).map_or_else(String::new, |role| role.name.name.clone())
            };
            let (one, two) = (name(*other), name(*role));
            self.diagnostics.push(match other == role {
                true => Meaning::RoleTwice { name: two, span: *span, first: *first }.into(),
                false => Grouping::MayBeOne { one, two, span: *span, first: *first }.into(),
            });
            return false;
        }
        true
    }

    /// A signature as it is written.
    fn show_signature(&self, signature: &Signature) -> String {
        let roles: Vec<String> = signature
            .roles
            .iter()
            .map(|role| {
                let services: Vec<&str> =
                    role.services.iter().map(|service| self.hir.service(*service).name.name.as_str()).collect();
                let group = if role.kind == RoleKind::Group { "[]" } else { "" };
                let bound = if services.is_empty() { String::new() } else { format!(": {}", services.join(" + ")) };
                format!("{}{group}{bound}", role.name.name)
            })
            .collect();
        let params: Vec<String> = signature
            .params
            .iter()
            .map(|param| match param {
                SignatureParam::Value(_, ty, at) => self.show_at(signature, ty, at),
                SignatureParam::Choreography(_, inner) => self.show_signature(inner),
            })
            .collect();
        let types: Vec<&str> = signature.types.iter().map(|ty| ty.name.as_str()).collect();
        let types = if types.is_empty() { String::new() } else { format!("; {}", types.join(", ")) };
        let result = match &signature.result {
            Placed::At(ty, at, _) if ty.is_unit() && at.roles.is_empty() => String::new(),
            placed => format!(" -> {}", self.show_placed(signature, placed)),
        };
        format!("choreography<{}{types}>({}){result}", roles.join(", "), params.join(", "))
    }

    fn show_placed(&self, signature: &Signature, placed: &Placed) -> String {
        match placed {
            Placed::At(ty, at, _) => self.show_at(signature, ty, at),
            Placed::Tuple(items, _) => {
                let items: Vec<String> = items.iter().map(|item| self.show_placed(signature, item)).collect();
                format!("({})", items.join(", "))
            }
        }
    }

    fn show_at(&self, signature: &Signature, ty: &Ty, at: &At) -> String {
        let name = |(role, _): &(RoleId, Span)| {
            signature.roles.get(usize::from(role.0)).map_or("?", |role| role.name.name.as_str())
        };
        let names: Vec<&str> = at.roles.iter().map(name).collect();
        let names = match names.as_slice() {
            [only] => (*only).to_owned(),
            several => format!("{{{}}}", several.join(", ")),
        };
        format!("{}@{}{names}", self.hir.show(ty), if at.each { "each " } else { "" })
    }

    /// Where the parts of the result of a call live.
    pub(super) fn near_result_spread(&self, call: &Call) -> Spread {
        result_spread(&self.signature(call.callee).result, call, &|one, two| place::meet(&self.roles, one, two))
    }

    /// Where the result of a call lives, as far as that is one place.
    pub(super) fn near_result(&self, call: &Call) -> Place {
        result_place(&self.signature(call.callee).result, call, &|one, two| place::meet(&self.roles, one, two))
    }
}

/// Whether two places of two signatures are the same.
fn same(one: &At, two: &At) -> bool {
    let set = |at: &At| at.roles.iter().map(|(role, _)| *role).collect::<RoleSet>();
    one.each == two.each && set(one) == set(two)
}

/// A signature of a choreography that is handed on, with the type parameters of whom it is handed to replaced.
fn instantiate(signature: &Signature, types: &[Ty]) -> Signature {
    let params = signature.params.iter().map(|param| match param {
        SignatureParam::Value(name, ty, at) => SignatureParam::Value(name.clone(), substitute(ty, types), at.clone()),
        SignatureParam::Choreography(name, inner) => {
            SignatureParam::Choreography(name.clone(), Box::new(instantiate(inner, types)))
        }
    });
    let params = params.collect();
    Signature { params, result: placed(&signature.result, types), ..signature.clone() }
}

fn placed(result: &Placed, types: &[Ty]) -> Placed {
    match result {
        Placed::At(ty, at, span) => Placed::At(substitute(ty, types), at.clone(), *span),
        Placed::Tuple(items, span) => Placed::Tuple(items.iter().map(|item| placed(item, types)).collect(), *span),
    }
}

/// Where the caller finds what a callee's signature says is at `at`.
pub fn cast_place(at: &At, call: &Call) -> Place {
    let roles: RoleSet = at
        .roles
        .iter()
        .flat_map(|(role, _)| call.roles.get(usize::from(role.0)))
        .flatten()
        .map(|(role, _)| *role)
        .collect();
    match (roles.is_empty(), at.each) {
        (true, _) => Place::Error,
        (false, true) => Place::Each(roles),
        (false, false) => Place::Roles(roles),
    }
}

/// Where the whole result of a call lives.
pub fn result_place(result: &Placed, call: &Call, meet: &dyn Fn(&Place, &Place) -> Place) -> Place {
    match result {
        Placed::At(ty, at, _) if ty.is_unit() && at.roles.is_empty() => Place::Everywhere,
        Placed::At(_, at, _) => cast_place(at, call),
        Placed::Tuple(items, _) => {
            let places = items.iter().map(|item| result_place(item, call, meet));
            places.fold(Place::Everywhere, |one, two| meet(&one, &two))
        }
    }
}

/// Where the parts of a call's result live.
pub fn result_spread(result: &Placed, call: &Call, meet: &dyn Fn(&Place, &Place) -> Place) -> Spread {
    match result {
        Placed::At(..) => Spread::at(result_place(result, call, meet)),
        Placed::Tuple(items, _) => Spread::Parts(items.iter().map(|item| result_spread(item, call, meet)).collect()),
    }
}

/// The type with type parameters replaced.
pub fn substitute(ty: &Ty, types: &[Ty]) -> Ty {
    let inner = |ty: &Ty| Box::new(substitute(ty, types));
    match ty {
        Ty::Param(index, _) => types.get(*index as usize).cloned().unwrap_or_else(|| ty.clone()),
        Ty::Tuple(items) => Ty::Tuple(items.iter().map(|item| substitute(item, types)).collect()),
        Ty::Option(item) => Ty::Option(inner(item)),
        Ty::Result(item, error) => Ty::Result(inner(item), inner(error)),
        Ty::Map(key, item) => Ty::Map(inner(key), inner(item)),
        Ty::Vec(item) => Ty::Vec(inner(item)),
        Ty::Bool
        | Ty::Int(_)
        | Ty::Float(_)
        | Ty::Char
        | Ty::Str
        | Ty::Named(_)
        | Ty::Never
        | Ty::Var(_)
        | Ty::Error => ty.clone(),
    }
}
