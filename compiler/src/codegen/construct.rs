//! Loops, arms that run side by side, calls and scopes.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::instances::{fixed_types, instance_function};
use super::names::{item, local, snake};
use super::nesting::Makes;
use super::program::{Writer, site};
use super::uses::free;
use crate::hir::{Callee, ChoreographyId, LocalId, RoleId, RoleKind, Ty};
use crate::lir::{Block, Call, Decision, Key, Repeat, Saga, Site, Step, Target, To};
use crate::span::Span;

impl Writer<'_> {
    /// What is sent to each of those that a message goes to.
    pub(super) fn each_recipient(&self, to: &To, send: impl Fn(&TokenStream) -> TokenStream) -> TokenStream {
        let role = self.role(to.role);
        let conditions = |receiver: &TokenStream| -> Vec<TokenStream> {
            let also = to.also.iter().map(|role| {
                let role = self.role(*role);
                quote! { #receiver == #role }
            });
            let except = to.except.iter().map(|role| {
                let role = self.role(*role);
                quote! { #receiver != #role }
            });
            also.chain(except).collect()
        };
        if self.choreography.is_group(to.role) {
            let receiver = local("receiver");
            let receiver = quote! { #receiver };
            let (conditions, send) = (conditions(&receiver), send(&receiver));
            let inner = if conditions.is_empty() {
                send
            } else {
                quote! { if #(#conditions)&&* { #send } }
            };
            return quote! { for #receiver in #role.iter().copied() { #inner } };
        }
        let role = quote! { #role };
        let (conditions, send) = (conditions(&role), send(&role));
        if conditions.is_empty() {
            send
        } else {
            quote! { if #(#conditions)&&* { #send } }
        }
    }

    /// A message that is waited for: its position, and who sends it.
    pub(super) fn key(&self, ctx: &Ident, key: &Key) -> TokenStream {
        let (path, from) = (key.path().map(site), self.role(key.from));
        quote! { (#ctx.position(&[#(#path),*]), #from) }
    }

    /// The members of a group: something with `iter`.
    pub(super) fn group(&self, group: &[RoleId]) -> TokenStream {
        if let [only] = group
            && self.choreography.is_group(*only)
        {
            let name = self.role(*only);
            return quote! { #name };
        }
        let parts = group.iter().map(|role| {
            let name = self.role(*role);
            match self.choreography.kind(*role) {
                RoleKind::Group => quote! { &#name[..] },
                RoleKind::Single | RoleKind::Member(_) => quote! { &[#name][..] },
            }
        });
        quote! { [#(#parts),*].concat() }
    }

    /// The part of a variable that is changed.
    pub(super) fn target(&self, target: &Target) -> TokenStream {
        let ctx = &self.ctx;
        let name = self.name(target.local);
        let mut place = quote! { #name };
        for step in &target.path {
            place = match step {
                Step::Field(name) => {
                    let name = item(name);
                    quote! { #place.#name }
                }
                Step::TupleField(index) => {
                    let index = Literal::u32_unsuffixed(*index);
                    quote! { #place.#index }
                }
                Step::Index(index, span) => {
                    let (at, index) = (self.at(*span, "is out of range"), self.owned(index));
                    quote! { (*#ctx.defined(#place.get_mut(#index), #at)?) }
                }
            };
        }
        place
    }

    pub(super) fn repeat(&self, repeat: &Repeat) -> TokenStream {
        let ctx = &self.ctx;
        let (outer, round, number) = (local("outer"), local("round"), site(repeat.site));
        let inside = quote! { let #ctx = &#outer.child(#number, #round); };
        let head = repeat.head.iter().map(|stmt| self.stmt(stmt));
        let body = repeat.body.stmts.iter().map(|stmt| self.stmt(stmt));
        let leave: Vec<TokenStream> = repeat.leave.stmts.iter().map(|stmt| self.stmt(stmt)).collect();
        let decision = match &repeat.decision {
            Decision::For(pattern, items) => {
                let (items, pattern) = (self.owned(items), self.pattern(pattern, &mut Vec::new()));
                if leave.is_empty() {
                    return quote! {
                        {
                            let #outer = #ctx;
                            for (#round, #pattern) in (0u64..).zip(#items) {
                                #inside
                                #(#body)*
                            }
                        }
                    };
                }
                return quote! {
                    {
                        let #outer = #ctx;
                        let mut #round = 0u64;
                        for #pattern in #items {
                            #inside
                            #(#body)*
                            #round += 1;
                        }
                        #inside
                        #(#leave)*
                    }
                };
            }
            Decision::While(guard) => {
                let guard = self.owned(guard);
                quote! { if !(#guard) { #(#leave)* break; } }
            }
            Decision::Offer { again, stop } => {
                let count = Literal::usize_unsuffixed(again.len());
                let keys = again.iter().chain(stop).map(|key| self.key(ctx, key));
                quote! { if #ctx.offer(&[#(#keys),*]).await? >= #count { #(#leave)* break; } }
            }
        };
        quote! {
            {
                let #outer = #ctx;
                let mut #round = 0u64;
                loop {
                    #inside
                    #(#head)*
                    #decision
                    #(#body)*
                    #round += 1;
                }
            }
        }
    }

    pub(super) fn par(&self, number: Site, arms: &[Block], into: &[Option<LocalId>]) -> TokenStream {
        let ctx = &self.ctx;
        let (contexts, values, number) = (local("arms"), local("values"), site(number));
        let futures = (0..).zip(arms).map(|(index, arm)| {
            let index = Literal::usize_unsuffixed(index);
            let arm = self.ending(arm);
            quote! { async { let #ctx = &#contexts[#index]; #arm } }
        });
        let futures: Vec<TokenStream> = futures.collect();
        let count = (0..arms.len() as u64).map(Literal::u64_unsuffixed);
        let names = into.iter().map(|into| match into {
            Some(into) => {
                let (mutable, name) = (self.mutable(*into), self.name(*into));
                quote! { #mutable #name }
            }
            None => quote! { _ },
        });
        let names: Vec<TokenStream> = names.collect();
        let (pattern, all) = (nested(&names, &|one, rest| quote! { (#one, #rest) }), {
            nested(&futures, &|one, rest| quote! { ::accompanist::both(#one, #rest) })
        });
        quote! {
            let #pattern = {
                let #contexts = [#(#ctx.arm(#number, #count)),*];
                let #values = #all.await?;
                #ctx.join(&#contexts);
                #values
            };
        }
    }

    /// What stands in a future of its own, and ends it with the block's value.
    fn ending(&self, block: &Block) -> TokenStream {
        let stmts = block.stmts.iter().map(|stmt| self.stmt(stmt));
        let value = match &block.value {
            Some(value) => self.owned(value),
            None => quote! { () },
        };
        quote! { #(#stmts)* ::core::result::Result::<_, ::accompanist::Interrupted>::Ok(#value) }
    }

    /// Variables of the block around as references, so that a future can be made of a block more than once; what Rust copies is copied.
    pub(super) fn referenced(&self, blocks: &[&Block]) -> (BTreeSet<LocalId>, TokenStream) {
        let free: BTreeSet<LocalId> = blocks.iter().flat_map(|block| free(block)).collect();
        let own = |id: &LocalId| !self.projection.local(*id).ty.is_copy() && !self.is_reference(*id);
        let references: BTreeSet<LocalId> = free.into_iter().filter(own).collect();
        let lets = references.iter().map(|id| {
            let name = self.name(*id);
            quote! { let #name = &#name; }
        });
        let lets = lets.collect();
        (references, lets)
    }

    pub(super) fn call(&self, call: &Call, span: Span) -> TokenStream {
        let (ctx, number, place) = (&self.ctx, site(call.site), self.at(span, ""));
        let place = place.trim_end();
        let env: Vec<ChoreographyId> = call.choreographies.iter().map(|callee| self.callee(*callee)).collect();
        let id = self.callee(call.callee);
        let callee = self.hir.choreography(id);
        let module = item(&snake(&callee.name.name));
        let function = instance_function(self.hir, self.all_names.get(id).function(call.formal), &env);
        let has_service = !callee.role(call.formal).services.is_empty();
        let generic = has_service.then(|| quote! { , Svc });
        let service = has_service.then(|| {
            let service = &self.service;
            quote! { ::std::sync::Arc::clone(#service), }
        });
        let fixed = fixed_types(self.hir, callee, &env);
        let types = call.types.iter().zip(&fixed).filter(|(_, fixed)| matches!(fixed, Ty::Param(..)));
        let types = types.map(|(ty, _)| self.ty(ty));
        let cast = call.cast.iter().zip(&callee.roles).map(|(cast, formal)| match (&formal.kind, cast.as_slice()) {
            (RoleKind::Group, [only]) if self.choreography.is_group(*only) => {
                let name = self.role(*only);
                quote! { #name.clone() }
            }
            (RoleKind::Group, several) => {
                let group = self.group(several);
                quote! { ::std::sync::Arc::from(#group) }
            }
            (RoleKind::Single | RoleKind::Member(_), cast) => {
                let name = cast.first().map(|role| self.role(*role));
                quote! { #name }
            }
        });
        let args = call.args.iter().map(|(_, arg)| self.shallow(self.owned(arg), &arg.ty, arg.span, Makes::Program));
        let call_of = quote! {
            super::#module::#function::<Ctx #generic #(, #types)*>(
                #ctx.enter(#number, #place)?, #service #(#cast,)* #(#args),*
            )
            .await?
        };
        let result = call.into.map_or(Ty::UNIT, |into| self.projection.local(into).ty.clone());
        let (into, value) = (self.into(call.into), self.shallow(call_of, &result, span, Makes::Program));
        quote! { #into #value; }
    }

    fn callee(&self, callee: Callee) -> ChoreographyId {
        match callee {
            Callee::Choreography(id) => id,
            Callee::Param(index) => *self
                .env
                .get(index as usize)
                .expect("a choreography is written with one for each of its parameters that are choreographies"),
        }
    }

    /// Copies of variables of the block around, some of which are references here, for a block that changes them.
    pub(super) fn copies(&self, changes: &[LocalId], references: &BTreeSet<LocalId>) -> TokenStream {
        let copies = changes.iter().map(|id| {
            let name = self.name(*id);
            let is_reference = references.contains(id) || self.is_reference(*id);
            let copy = if is_reference {
                quote! { (*#name).clone() }
            } else {
                quote! { #name }
            };
            let bound = self.bounds_of(&[*id]);
            quote! { let mut #name = #copy; #bound }
        });
        copies.collect()
    }

    /// What a variable of the block around is called that a block has changed a copy of.
    pub(super) fn name_of_changed(&self, id: LocalId) -> Ident {
        local(&format!("{}_changed", self.name(id)).replace("r#", ""))
    }

    pub(super) fn saga(&self, saga: &Saga) -> TokenStream {
        let ctx = &self.ctx;
        let (roles, outcome, number) = (local("scope_roles"), local("outcome"), site(saga.site));
        let participants = saga.roles.iter().map(|to| self.each_recipient(to, |role| quote! { #roles.push(#role); }));
        let participants: TokenStream = participants.collect();
        let within = match saga.within {
            Some(millis) => quote! { ::core::option::Option::Some(#millis) },
            None => quote! { ::core::option::Option::None },
        };
        let waits = saga.why.is_some();
        let (references, lets) = self.referenced(&[&saga.body]);
        let changed: Vec<Ident> = saga.changes.iter().map(|id| self.name(*id)).collect();
        let copies = self.copies(&saga.changes, &references);
        let unbound: TokenStream = saga.changes.iter().filter_map(|id| self.unbound(*id)).collect();
        let body = self.with_references(&references, || {
            self.with_copies(&saga.changes, || {
                let stmts = saga.body.stmts.iter().map(|stmt| self.stmt(stmt));
                let value = saga.body.value.as_ref().map_or_else(|| quote! { () }, |value| self.owned(value));
                quote! { #(#stmts)* ::core::result::Result::<_, ::accompanist::Interrupted>::Ok((#value, #(#changed,)*)) }
            })
        });
        let ends = crate::lir::diverges(&saga.body);
        let value = local("values");
        let new: Vec<Ident> = saga.changes.iter().map(|id| self.name_of_changed(*id)).collect();
        let otherwise = self.block(&saga.otherwise);
        let why = saga.why.map_or_else(
            || quote! { _ },
            |why| {
                let name = self.name(why);
                quote! { #name }
            },
        );
        let into = self.into(saga.into);
        let completed = match (saga.into.is_some(), ends) {
            // A body that ends in `abort` never completes.
            (_, true) if saga.into.is_some() || crate::lir::diverges(&saga.otherwise) => {
                quote! { return ::core::result::Result::Err(#ctx.refuse("a scope that ends in `abort` has completed")) }
            }
            (true, _) => quote! { #value },
            (false, _) => quote! { () },
        };
        quote! {
            #into {
                let #outcome = {
                    #lets
                    let mut #roles: ::std::vec::Vec<::accompanist::RoleId> = ::std::vec::Vec::new();
                    #participants
                    #ctx.saga(#number, &#roles, #within, #waits, |#ctx: Ctx| async move {
                        let #ctx = &#ctx;
                        #copies
                        #body
                    })
                    .await?
                };
                match #outcome {
                    ::core::result::Result::Ok((#value, #(#new,)*)) => {
                        #(#changed = #new;)*
                        #unbound
                        #completed
                    }
                    ::core::result::Result::Err(#why) => #otherwise
                }
            };
        }
    }
}

/// `f(f(a, b), f(c, d))`: nested no deeper than it must be, for compilers have limits.
fn nested(items: &[TokenStream], pair: &dyn Fn(TokenStream, TokenStream) -> TokenStream) -> TokenStream {
    match items {
        [] => TokenStream::new(),
        [only] => only.clone(),
        several => {
            let (before, behind) = several.split_at(several.len() / 2);
            pair(nested(before, pair), nested(behind, pair))
        }
    }
}
