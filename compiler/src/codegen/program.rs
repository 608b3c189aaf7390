//! A role's program as a function.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::choreography::role_const;
use super::names::{item, local};
use super::service::{marker, operations_module};
use super::types::Scope;
use crate::Compilation;
use crate::hir::{Choreography, Hir, LocalId, Pattern, PatternKind, RoleId, Ty, TypeDefKind, VariantShape};
use crate::lir::{Block, Expr, ExprKind, Program, Projection, Site, Stmt, StmtKind};
use crate::source::Sources;
use crate::syntax::ast::OperationKind;

/// What writing a program needs to know.
pub struct Writer<'a> {
    pub(super) hir: &'a Hir,
    pub(super) sources: &'a Sources,
    choreography: &'a Choreography,
    projection: &'a Projection,
    names: BTreeMap<LocalId, Ident>,
    uses: BTreeMap<LocalId, u32>,
    pub(super) ctx: Ident,
    pub(super) service: Ident,
    /// In a function, the variable that says how deeply its call is nested in those of others.
    pub(super) depth: Option<Ident>,
}

/// The function that is a role's program.
pub fn function(
    compilation: &Compilation,
    projection: &Projection,
    choreography: &Choreography,
    program: &Program,
    name: &Ident,
) -> TokenStream {
    let writer = Writer::new(compilation, projection, choreography, program);
    let role = choreography.roles.get(usize::from(program.role.0));
    let services: Vec<TokenStream> = role
        .into_iter()
        .flat_map(|role| &role.services)
        .map(|service| Scope::Module.path(&compilation.hir.service(*service).name.name))
        .collect();
    let (ctx, service) = (&writer.ctx, &writer.service);
    let (generics, service, bounds) = match services.is_empty() {
        true => (quote! { Ctx }, None, None),
        false => (
            quote! { Ctx, Svc },
            Some(quote! { #service: &::std::sync::Arc<Svc>, }),
            Some(quote! { Svc: #(#services<Ctx::Database>)+*, }),
        ),
    };
    let params = program.params.iter().map(|param| {
        let (name, ty) = (writer.name(*param), Scope::Module.ty(writer.hir, &projection.local(*param).ty));
        quote! { #name: #ty }
    });
    let result = Scope::Module.ty(writer.hir, &program.result);
    let body = writer.body(&program.body);
    let about = format!("The program of the role `{}`.", choreography.role_name(program.role));
    quote! {
        #[doc = #about]
        async fn #name<#generics>(
            #ctx: &Ctx,
            #service
            #(#params),*
        ) -> ::core::result::Result<#result, ::accompanist::Interrupted>
        where
            Ctx: ::accompanist::SessionContext,
            #bounds
        {
            #body
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
    ) -> Self {
        let mut uses = BTreeMap::new();
        count_uses(&program.body, &mut uses);
        let mut writer = Self {
            hir: &compilation.hir,
            sources: &compilation.sources,
            choreography,
            projection,
            names: BTreeMap::new(),
            uses,
            ctx: local("ctx"),
            service: local("service"),
            depth: None,
        };
        writer.name_locals(program);
        writer
    }
}

impl Writer<'_> {
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
        let mut taken: BTreeSet<String> = ["ctx", "service", "arguments", "depth"].map(str::to_owned).into();
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
            let mut number = 1;
            while !taken.insert(name.clone()) {
                number += 1;
                name = format!("{base}_{number}");
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
        self.uses.get(&id) == Some(&1)
    }

    fn role(&self, role: RoleId) -> Ident {
        role_const(self.choreography, role)
    }

    fn into(&self, into: Option<LocalId>) -> Option<TokenStream> {
        into.map(|into| {
            let name = self.name(into);
            quote! { let #name = }
        })
    }

    fn block(&self, block: &Block) -> TokenStream {
        let stmts = block.stmts.iter().map(|stmt| self.stmt(stmt));
        let value = block.value.as_ref().map(|value| self.owned(value));
        quote! { { #(#stmts)* #value } }
    }

    fn stmt(&self, stmt: &Stmt) -> TokenStream {
        let ctx = &self.ctx;
        match &stmt.kind {
            StmtKind::Let(pattern, value) => {
                let (pattern, value) = (self.pattern(pattern, &mut Vec::new()), self.owned(value));
                quote! { let #pattern = #value; }
            }
            StmtKind::Send(to, value) => {
                let value = self.place(value);
                let sends = to.iter().map(|(number, role)| {
                    let (number, role) = (site(*number), self.role(*role));
                    quote! { #ctx.send(#number, #role, &#value)?; }
                });
                sends.collect()
            }
            StmtKind::Receive { site: number, from, into, ty } => {
                let (into, number, from) = (self.into(*into), site(*number), self.role(*from));
                let ty = Scope::Module.ty(self.hir, ty);
                quote! { #into #ctx.receive::<#ty>(#number, #from).await?; }
            }
            StmtKind::Select(label, to) => {
                let (number, to) = (site(label.site), self.role(*to));
                quote! { #ctx.select(#number, #to)?; }
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
                    OperationKind::Recorded | OperationKind::Pure => quote! { call },
                };
                quote! { #into #ctx.#method::<super::#module::#marker, Svc>(#number, #service, (#(#args,)*)).await?; }
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
        }
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

    fn offer(&self, branches: &[(Vec<(Site, RoleId)>, Block)], into: Option<LocalId>) -> TokenStream {
        let ctx = &self.ctx;
        let end = into.map(|_| quote! { ; });
        let into = self.into(into);
        let messages = branches.iter().flat_map(|(messages, _)| messages).map(|(number, role)| {
            let (number, role) = (site(*number), self.role(*role));
            quote! { (#ctx.position(&[#number]), #role) }
        });
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

    /// A pattern. A string in it becomes a variable that is compared in a guard, for patterns look into no `String`.
    fn pattern(&self, pattern: &Pattern, strings: &mut Vec<(Ident, String)>) -> TokenStream {
        match &pattern.kind {
            PatternKind::Wildcard => quote! { _ },
            PatternKind::Bind(id) => {
                let name = self.name(*id);
                quote! { #name }
            }
            PatternKind::Literal(crate::hir::Literal::Str(text)) => {
                let name = local(&format!("text_{}", strings.len()));
                strings.push((name.clone(), text.clone()));
                quote! { #name }
            }
            PatternKind::Literal(literal) => super::expr::literal(literal, &pattern.ty),
            PatternKind::Tuple(items) => {
                let items = items.iter().map(|item| self.pattern(item, strings));
                let items: Vec<TokenStream> = items.collect();
                quote! { (#(#items,)*) }
            }
            PatternKind::Construct(constructor, fields) => {
                let parts: Vec<(u32, TokenStream)> =
                    fields.iter().map(|(index, field)| (*index, self.pattern(field, strings))).collect();
                self.construct_pattern(*constructor, &pattern.ty, parts)
            }
        }
    }

    fn construct_pattern(
        &self,
        constructor: crate::hir::Constructor,
        ty: &Ty,
        parts: Vec<(u32, TokenStream)>,
    ) -> TokenStream {
        use crate::hir::Constructor;
        match constructor {
            Constructor::None => quote! { ::core::option::Option::None },
            Constructor::Some => {
                let parts = parts.into_iter().map(|(_, part)| part);
                quote! { ::core::option::Option::Some(#(#parts),*) }
            }
            Constructor::Ok | Constructor::Err => {
                let variant = local(if constructor == Constructor::Ok { "Ok" } else { "Err" });
                let parts = parts.into_iter().map(|(_, part)| part);
                quote! { ::core::result::Result::#variant(#(#parts),*) }
            }
            Constructor::Struct(_) | Constructor::Variant(..) => {
                let Ty::Named(id) = ty else {
                    return quote! { _ };
                };
                let definition = self.hir.type_def(*id);
                let path = Scope::Module.named(self.hir, *id);
                let (path, declared, shape) = match (constructor, &definition.kind) {
                    (Constructor::Variant(_, index), TypeDefKind::Enum(variants)) => match variants.get(index as usize)
                    {
                        Some(variant) => {
                            let name = item(&variant.name.name);
                            (quote! { #path::#name }, variant.fields.as_slice(), variant.shape)
                        }
                        None => return quote! { _ },
                    },
                    _ => (path, definition.fields(), VariantShape::Struct),
                };
                if shape == VariantShape::Unit {
                    return path;
                }
                let parts = parts.into_iter().map(|(index, part)| {
                    let name = declared.get(index as usize).map_or("_", |field| field.name.name.as_str());
                    if shape == VariantShape::Tuple {
                        let index = Literal::u32_unsuffixed(index);
                        return quote! { #index: #part };
                    }
                    let name = item(name);
                    quote! { #name: #part }
                });
                quote! { #path { #(#parts,)* .. } }
            }
        }
    }
}

fn site(number: Site) -> Literal {
    Literal::u32_unsuffixed(number)
}

/// The variables that a block binds, in order.
fn bindings(block: &Block, bound: &mut Vec<LocalId>) {
    for stmt in &block.stmts {
        match &stmt.kind {
            StmtKind::Let(pattern, _) => bound.extend(pattern.bindings()),
            StmtKind::Receive { into, .. } | StmtKind::Operation { into, .. } => bound.extend(into),
            StmtKind::If { then, otherwise, into, .. } => {
                bindings(then, bound);
                bindings(otherwise, bound);
                bound.extend(into);
            }
            StmtKind::Match { arms, into, .. } => {
                for (pattern, block) in arms {
                    bound.extend(pattern.bindings());
                    bindings(block, bound);
                }
                bound.extend(into);
            }
            StmtKind::Offer { branches, into } => {
                branches.iter().for_each(|(_, block)| bindings(block, bound));
                bound.extend(into);
            }
            StmtKind::Send(..)
            | StmtKind::Select(..)
            | StmtKind::Told(..)
            | StmtKind::Require(..)
            | StmtKind::Refuse(_)
            | StmtKind::RefusedBy(_) => {}
        }
    }
}

fn count_uses(block: &Block, uses: &mut BTreeMap<LocalId, u32>) {
    fn count(expr: &Expr, uses: &mut BTreeMap<LocalId, u32>) {
        if let ExprKind::Local(id) = expr.kind {
            *uses.entry(id).or_default() += 1;
        }
        expr.parts().into_iter().for_each(|part| count(part, uses));
    }
    for stmt in &block.stmts {
        stmt.exprs().into_iter().for_each(|expr| count(expr, uses));
        stmt.blocks().into_iter().for_each(|block| count_uses(block, uses));
    }
    if let Some(value) = &block.value {
        count(value, uses);
    }
}
