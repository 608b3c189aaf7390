//! A role's program as a function.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::foreign;
use super::growth::grown;
use super::instances::fixed_types;
use super::names::{item, local};
use super::nesting::Makes;
use super::role_names::{AllRoleNames, RoleNames};
use super::service::{marker, operations_module};
use super::types::Scope;
use super::uses::{bindings, count_uses};
use crate::Compilation;
use crate::hir::builtin::Builtin;
use crate::hir::{Choreography, ChoreographyId, Hir, LocalId, Pattern, RoleId, RoleKind, Ty, substitute};
use crate::lir::{Block, Expr, Key, Program, Projection, Site, Stmt, StmtKind, Target};
use crate::source::Sources;
use crate::span::Span;
use crate::syntax::ast::OperationKind;

/// The variables that generated code has for itself.
const TAKEN: [&str; 21] = [
    "depth",
    "ctx",
    "service",
    "arguments",
    "outer",
    "round",
    "group",
    "arms",
    "values",
    "index",
    "member",
    "me",
    "assigned",
    "outcome",
    "scope_roles",
    "reason",
    "receiver",
    "argument_1",
    "argument_2",
    "added",
    "changed_part",
];

/// What writing a program needs to know.
pub struct Writer<'a> {
    pub(super) hir: &'a Hir,
    pub(super) sources: &'a Sources,
    pub(super) choreography: &'a Choreography,
    pub(super) projection: &'a Projection,
    /// The choreographies that stand for its parameters that are choreographies.
    pub(super) env: &'a [ChoreographyId],
    /// For each of its type parameters, the type that these choreographies ask for, or the parameter where they ask for none.
    types: Vec<Ty>,
    names: BTreeMap<LocalId, Ident>,
    roles: &'a RoleNames,
    pub(super) all_names: &'a AllRoleNames,
    uses: BTreeMap<LocalId, u32>,
    /// The variables that it makes larger in place.
    pub(super) grown: BTreeSet<LocalId>,
    /// The variables that are references here to those of the block around.
    references: RefCell<BTreeSet<LocalId>>,
    pub(super) ctx: Ident,
    pub(super) service: Ident,
    /// In a function, the variable that says how deeply its call is nested in those of others.
    pub(super) depth: Option<Ident>,
}

/// The function that is a role's program. One that is called takes who plays which role, and everything by value, for it is run as a
/// future of its own.
pub fn function(
    compilation: &Compilation,
    projection: &Projection,
    choreography: &Choreography,
    program: &Program,
    (name, env, is_cast): (&Ident, &[ChoreographyId], bool),
    all_names: &AllRoleNames,
) -> TokenStream {
    let names = (all_names.get(projection.id()), all_names);
    let writer = Writer::new(compilation, projection, choreography, program, env, names);
    let role = choreography.roles.get(usize::from(program.role.0));
    let services: Vec<TokenStream> = role
        .into_iter()
        .flat_map(|role| &role.services)
        .map(|service| Scope::Module.path(&compilation.hir.service(*service).name.name))
        .collect();
    let has_service = !services.is_empty();
    let (ctx, service) = (&writer.ctx, &writer.service);
    let types = choreography.types.iter().zip(&writer.types).filter(|(_, ty)| matches!(ty, Ty::Param(..)));
    let types: Vec<Ident> = types.map(|(ty, _)| item(&ty.name)).collect();
    let generic = has_service.then(|| quote! { , Svc });
    let bounds = has_service.then(|| quote! { Svc: #(#services<Ctx::Database>)+*, });
    let foreign = foreign::within_program(&compilation.hir, projection, program, |ty| writer.concrete(ty));
    let foreign = foreign::bounds(&compilation.hir, &foreign, Scope::Module);
    let bounds = quote! { Ctx: ::accompanist::SessionContext, #bounds #(#types: ::accompanist::Value,)* #foreign };
    let params: Vec<TokenStream> = program
        .params
        .iter()
        .map(|param| {
            let (name, ty) = (writer.name(*param), writer.ty(&projection.local(*param).ty));
            let mutable = writer.mutable(*param);
            quote! { #mutable #name: #ty }
        })
        .collect();
    let result = writer.ty(&program.result);
    let body = writer.body(&program.body);
    let about = format!("The program of the role `{}`.", choreography.role_name(program.role));
    if !is_cast {
        let service = has_service.then(|| quote! { #service: &::std::sync::Arc<Svc>, });
        return quote! {
            #[doc = #about]
            async fn #name<Ctx #generic>(
                #ctx: &Ctx,
                #service
                #(#params),*
            ) -> ::core::result::Result<#result, ::accompanist::Interrupted>
            where
                #bounds
            {
                #body
            }
        };
    }
    let cast = choreography.role_ids().map(|role| {
        let name = writer.role(role);
        match choreography.kind(role) {
            RoleKind::Group => quote! { #name: ::std::sync::Arc<[::accompanist::RoleId]> },
            RoleKind::Single | RoleKind::Member(_) => quote! { #name: ::accompanist::RoleId },
        }
    });
    let groups: Vec<Ident> =
        choreography.role_ids().filter(|role| choreography.is_group(*role)).map(|role| writer.role(role)).collect();
    let service_param = has_service.then(|| quote! { #service: ::std::sync::Arc<Svc>, });
    let service_reference = has_service.then(|| quote! { let #service = &#service; });
    quote! {
        #[doc = #about]

        pub fn #name<Ctx #generic #(, #types)*>(
            #ctx: Ctx,
            #service_param
            #(#cast,)*
            #(#params),*
        ) -> ::accompanist::Call<'static, ::core::result::Result<#result, ::accompanist::Interrupted>>
        where
            #bounds
        {
            ::accompanist::Call::new(async move {
                let #ctx = &#ctx;
                #service_reference
                #(let #groups = &#groups;)*
                #body
            })
        }
    }
}

impl<'a> Writer<'a> {
    /// A writer that knows what the program's variables are called.
    pub(super) fn new(
        compilation: &'a Compilation,
        projection: &'a Projection,
        choreography: &'a Choreography,
        program: &Program,
        env: &'a [ChoreographyId],
        (roles, all_names): (&'a RoleNames, &'a AllRoleNames),
    ) -> Self {
        let mut uses = BTreeMap::new();
        count_uses(&program.body, &mut uses);
        let mut writer = Self {
            hir: &compilation.hir,
            sources: &compilation.sources,
            choreography,
            projection,
            env,
            types: fixed_types(&compilation.hir, choreography, env),
            names: BTreeMap::new(),
            roles,
            all_names,
            uses,
            grown: grown(&program.body),
            references: RefCell::new(BTreeSet::new()),
            ctx: local("ctx"),
            service: local("service"),
            depth: None,
        };
        writer.name_locals(program);
        writer
    }
}

impl Writer<'_> {
    /// A type, in a module that is generated.
    pub(super) fn ty(&self, ty: &Ty) -> TokenStream {
        Scope::Module.ty(self.hir, &self.concrete(ty))
    }

    /// A type with what the choreographies that are handed over ask for in the place of type parameters.
    pub(super) fn concrete(&self, ty: &Ty) -> Ty {
        substitute(ty, &self.types)
    }

    /// The statements of a program and its result.
    pub(super) fn body(&self, body: &Block) -> TokenStream {
        let stmts = body.stmts.iter().map(|stmt| self.stmt(stmt));
        let value = match (&body.value, crate::lir::diverges(body)) {
            (Some(value), _) => {
                let value = self.owned(value);
                Some(quote! { ::core::result::Result::Ok(#value) })
            }
            (None, false) => Some(quote! { ::core::result::Result::Ok(()) }),
            (None, true) => None,
        };
        quote! { #(#stmts)* #value }
    }

    /// Gives every variable a name of its own: the one written, where it is free.
    fn name_locals(&mut self, program: &Program) {
        let mut taken: BTreeSet<String> = TAKEN.map(str::to_owned).into();
        // The number that a name was last given: those below it are taken.
        let mut last: BTreeMap<String, u32> = BTreeMap::new();
        let mut bound = program.params.clone();
        bindings(&program.body, &mut bound);
        for id in bound {
            let written = self.projection.local(id).name.as_str();
            let base = match written.chars().next() {
                None => "value".to_owned(),
                // A pattern that is written like a constant would be one.
                Some(first) if first.is_uppercase() => format!("v_{written}"),
                Some(_) => written.to_owned(),
            };
            let mut name = base.clone();
            if !taken.insert(name.clone()) {
                let number = last.entry(base.clone()).or_insert(1);
                while {
                    *number += 1;
                    name = format!("{base}_{number}");
                    !taken.insert(name.clone())
                } {}
            }
            self.names.insert(id, local(&name));
        }
    }

    /// The name of a variable.
    pub(super) fn name(&self, id: LocalId) -> Ident {
        self.names.get(&id).cloned().unwrap_or_else(|| local("unbound"))
    }

    /// Whether a variable is used once, and so may be moved.
    pub(super) fn used_once(&self, id: LocalId) -> bool {
        self.uses.get(&id) == Some(&1) && !self.projection.local(id).mutable && !self.is_reference(id)
    }

    /// Whether a variable is a reference here.
    pub(super) fn is_reference(&self, id: LocalId) -> bool {
        self.references.borrow().contains(&id)
    }

    /// What stands where these variables of the block around are references.
    pub(super) fn with_references<T>(&self, ids: &BTreeSet<LocalId>, write: impl FnOnce() -> T) -> T {
        let before = self.references.borrow().clone();
        self.references.borrow_mut().extend(ids);
        let written = write();
        *self.references.borrow_mut() = before;
        written
    }

    /// What stands where these variables are no references, for the block has its own copies.
    pub(super) fn with_copies<T>(&self, ids: &[LocalId], write: impl FnOnce() -> T) -> T {
        let before = self.references.borrow().clone();
        self.references.borrow_mut().retain(|id| !ids.contains(id));
        let written = write();
        *self.references.borrow_mut() = before;
        written
    }

    pub(super) fn role(&self, role: RoleId) -> Ident {
        self.roles.constants.get(usize::from(role.0)).cloned().unwrap_or_else(|| local("nobody"))
    }

    /// `mut`, where the variable changes.
    pub(super) fn mutable(&self, id: LocalId) -> Option<TokenStream> {
        self.projection.local(id).mutable.then(|| quote! { mut })
    }

    pub(super) fn into(&self, into: Option<LocalId>) -> Option<TokenStream> {
        into.map(|into| {
            let (mutable, name) = (self.mutable(into), self.name(into));
            quote! { let #mutable #name = }
        })
    }

    pub(super) fn block(&self, block: &Block) -> TokenStream {
        let stmts = block.stmts.iter().map(|stmt| self.stmt(stmt));
        let value = block.value.as_ref().map(|value| self.owned(value));
        quote! { { #(#stmts)* #value } }
    }

    pub(super) fn stmt(&self, stmt: &Stmt) -> TokenStream {
        let (written, bounds) = (self.stmt_itself(stmt), self.bounds_of(&stmt.binds()));
        quote! { #written #bounds }
    }

    fn stmt_itself(&self, stmt: &Stmt) -> TokenStream {
        let ctx = &self.ctx;
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let (pattern, value) = (self.pattern(pattern, &mut Vec::new()), self.owned(value));
                quote! { let #pattern = #value; }
            }
            StmtKind::Send(to, value) => {
                let value = self.place(value);
                let sends = to.iter().map(|(number, to)| {
                    let number = site(*number);
                    self.each_recipient(to, |role| quote! { #ctx.send(#number, #role, &#value).await?; })
                });
                sends.collect()
            }
            StmtKind::Receive { site: number, from, into, ty, within } => {
                let (into, number, from) = (self.into(*into), site(*number), self.role(*from));
                let ty = self.ty(ty);
                match within {
                    Some(millis) => quote! { #into #ctx.receive_within::<#ty>(#number, #from, #millis).await?; },
                    None => quote! { #into #ctx.receive::<#ty>(#number, #from).await?; },
                }
            }
            StmtKind::Select(label, to) => {
                let number = site(label.site);
                self.each_recipient(to, |role| quote! { #ctx.select(#number, #role).await?; })
            }
            StmtKind::Assign(target, value) => self.assign(target, value, stmt),
            StmtKind::Mutate { target, method, args, into } => {
                let call = self.mutate(target, *method, args, *into, stmt.span);
                match self.into(*into) {
                    Some(into) => quote! { #into #call; },
                    None => quote! { let _ = #call; },
                }
            }
            StmtKind::Told(label, from) => {
                let (number, from) = (site(label.site), self.role(*from));
                quote! { #ctx.receive::<()>(#number, #from).await?; }
            }
            StmtKind::Operation { site: number, service, operation, args, into } => {
                let (declared, number) = (self.hir.operation(*service, *operation), site(*number));
                let (module, marker) = (operations_module(self.hir.service(*service)), marker(declared));
                let args = args.iter().map(|arg| self.owned(arg));
                let (into, service) = (self.into(*into), &self.service);
                let method = match declared.kind {
                    OperationKind::Transaction { .. } => quote! { transaction },
                    OperationKind::Recorded { .. } | OperationKind::Pure => quote! { call },
                };
                quote! { #into #ctx.#method::<super::#module::#marker, Svc>(#number, #service, (#(#args,)*)).await?; }
            }
            StmtKind::Sleep(number, millis) => {
                let (number, millis) = (site(*number), self.owned(millis));
                quote! { #ctx.sleep(#number, #millis).await?; }
            }
            StmtKind::Require(condition, reason) => self.require(condition, reason),
            StmtKind::Refuse(reason) => {
                let reason = self.owned(reason);
                quote! { return ::core::result::Result::Err(#ctx.refuse(#reason)); }
            }
            StmtKind::RefusedBy(role) => {
                let role = self.role(*role);
                quote! { return ::core::result::Result::Err(#ctx.refused_by(#role).await); }
            }
            StmtKind::If { condition, then, otherwise, into } => {
                let (into, condition, then) = (self.into(*into), self.owned(condition), self.block(then));
                let end = into.as_ref().map(|_| quote! { ; });
                let otherwise =
                    (into.is_some() || !otherwise.stmts.is_empty() || otherwise.value.is_some()).then(|| {
                        let otherwise = self.block(otherwise);
                        quote! { else #otherwise }
                    });
                quote! { #into if #condition #then #otherwise #end }
            }
            StmtKind::Match { scrutinee, arms, into } => self.match_(scrutinee, arms, *into),
            StmtKind::Offer { branches, into } => self.offer(branches, *into),
            StmtKind::Loop(repeat) => self.repeat(repeat),
            StmtKind::Par { site, arms, into } => self.par(*site, arms, into),
            StmtKind::Members(members) => self.members(members, stmt.span),
            StmtKind::Call(call) => self.call(call, stmt.span),
            StmtKind::Saga(saga) => self.saga(saga),
            StmtKind::Again => TokenStream::new(),
        }
    }

    fn assign(&self, target: &Target, value: &Expr, stmt: &Stmt) -> TokenStream {
        let made = self.shallow(self.owned(value), &value.ty, value.span, Makes::Program);
        if target.path.is_empty() {
            let (name, unbound) = (self.name(target.local), self.unbound(target.local));
            return quote! { #name = #made; #unbound };
        }
        let (assigned, place) = (local("assigned"), self.target(target));
        let (before, after) = match stmt.grows() {
            Some(id) => {
                let (before, after) = self.added(id, [(&assigned, &value.ty)], stmt.span);
                (Some(before), Some(after))
            }
            None => (None, None),
        };
        quote! { let #assigned = #made; #before #place = #assigned; #after }
    }

    fn mutate(
        &self,
        target: &Target,
        method: Builtin,
        args: &[Expr],
        into: Option<LocalId>,
        span: Span,
    ) -> TokenStream {
        let place = self.target(target);
        let ty = into.map_or(Ty::UNIT, |into| self.projection.local(into).ty.clone());
        if method.grows() {
            return self.growing(method, (target.local, place, &target.ty), args, &ty, span);
        }
        self.mutation(method, (place, &target.ty), args, &ty, span)
    }

    fn require(&self, condition: &Expr, reason: &Expr) -> TokenStream {
        let ctx = &self.ctx;
        let (condition, text) = (self.owned(condition), self.owned(reason));
        if reason.can_fail() || reason.acts() {
            let name = local("reason");
            return quote! {
                {
                    let #name = #text;
                    #ctx.require(#condition, || #name)?;
                }
            };
        }
        quote! { #ctx.require(#condition, || #text)?; }
    }

    fn match_(&self, scrutinee: &Expr, arms: &[(Pattern, Block)], into: Option<LocalId>) -> TokenStream {
        let scrutinee = self.place(scrutinee);
        let end = into.map(|_| quote! { ; });
        let into = self.into(into);
        let arms = arms.iter().map(|(pattern, block)| {
            let mut strings = Vec::new();
            let written = self.pattern(pattern, &mut strings);
            let guards = strings.iter().map(|(name, text)| quote! { #name.as_str() == #text });
            let guard = (!strings.is_empty()).then(|| quote! { if #(#guards)&&* });
            let clones = pattern.bindings().into_iter().map(|binding| {
                let name = self.name(binding);
                quote! { let #name = ::core::clone::Clone::clone(#name); }
            });
            let stmts = block.stmts.iter().map(|stmt| self.stmt(stmt));
            let value = block.value.as_ref().map(|value| self.owned(value));
            quote! { #written #guard => { #(#clones)* #(#stmts)* #value } }
        });
        quote! { #into match &#scrutinee { #(#arms)* } #end }
    }

    fn offer(&self, branches: &[(Vec<Key>, Block)], into: Option<LocalId>) -> TokenStream {
        let ctx = &self.ctx;
        let end = into.map(|_| quote! { ; });
        let into = self.into(into);
        let messages = branches.iter().flat_map(|(messages, _)| messages).map(|key| self.key(ctx, key));
        let mut next = 0;
        let last = branches.len().saturating_sub(1);
        let arms = branches.iter().enumerate().map(|(index, (messages, block))| {
            let indices: Vec<Literal> = (next..next + messages.len()).map(Literal::usize_unsuffixed).collect();
            next += messages.len();
            let block = self.block(block);
            // The last branch stands for all other answers, of which there are none.
            if index == last {
                quote! { _ => #block }
            } else {
                quote! { #(#indices)|* => #block }
            }
        });
        let arms: Vec<TokenStream> = arms.collect();
        quote! { #into match #ctx.offer(&[#(#messages),*]).await? { #(#arms)* } #end }
    }
}

pub(super) fn site(number: Site) -> Literal {
    Literal::u32_unsuffixed(number)
}
