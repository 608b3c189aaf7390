//! Blocks that are run once for each member of a group.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::names::{local, snake};
use super::program::{Writer, site};
use crate::hir::{LocalId, MemberOrder, RoleId, Ty};
use crate::lir::{Block, Members, changed_from_outside};
use crate::span::Span;

impl Writer<'_> {
    pub(super) fn members(&self, members: &Members, span: Span) -> TokenStream {
        match members.order {
            MemberOrder::SideBySide => self.side_by_side(members, span),
            MemberOrder::OneByOne => self.one_by_one(members, span),
        }
    }

    /// What one copy does, and its value: that of its own is an `Option`, for the others have none.
    fn copy(&self, members: &Members) -> TokenStream {
        let keeps_own = members.into.is_some() && !members.gathers;
        let (member, me) = (self.role(members.member), local("me"));
        let other = self.block(&members.other);
        let other = match (keeps_own, members.into.is_some()) {
            (true, _) => quote! { { #other; ::core::option::Option::None } },
            (false, true) => other,
            (false, false) => quote! { { #other; } },
        };
        let Some(own) = &members.own else {
            return other;
        };
        let own = self.block(own);
        let own = match (keeps_own, members.into.is_some()) {
            (true, _) => quote! { { ::core::option::Option::Some(#own) } },
            (false, true) => own,
            (false, false) => quote! { { #own; } },
        };
        quote! { if #member == #me #own else #other }
    }

    /// The value of all copies.
    fn collected(&self, members: &Members, values: &Ident, span: Span) -> TokenStream {
        let ctx = &self.ctx;
        match (members.into, members.gathers) {
            (None, _) => TokenStream::new(),
            (Some(_), true) => self.limited(&quote! { #values }, &Ty::Vec(Box::new(members.ty.clone())), span),
            (Some(_), false) => quote! {
                #ctx.defined(#values.into_iter().flatten().next(), "a member of a group has no copy of its own")?
            },
        }
    }

    /// The members whose copies the role runs, each with its number: only itself where it does nothing in the
    /// copies of others, so that a large group costs each member no more than a small one.
    fn copies_run(&self, members: &Members) -> TokenStream {
        let (me, all) = (local("me"), self.group(&members.group));
        let copies = quote! { #all.iter().copied().enumerate() };
        let idle = members.other.stmts.is_empty() && members.other.value.is_none();
        if idle && (members.into.is_none() || !members.gathers) {
            quote! { #copies.filter(|(_, member)| *member == #me) }
        } else {
            copies
        }
    }

    fn side_by_side(&self, members: &Members, span: Span) -> TokenStream {
        let ctx = &self.ctx;
        let (contexts, values, group, me) = (local("arms"), local("values"), local("group"), local("me"));
        let (index, member) = (self.index(members.member), self.role(members.member));
        let (number, copies) = (site(members.site), self.copies_run(members));
        let blocks: Vec<&Block> = members.own.iter().chain([&members.other]).collect();
        let (references, lets) = self.referenced(&blocks);
        let changes = members.own.as_ref().map(changed_from_outside).unwrap_or_default();
        let copy = self.with_references(&references, || match changes.is_empty() {
            true => self.copy(members),
            false => self.changing_copy(members, &changes, &references),
        });
        let (into, collected) = (self.into(members.into), self.collected(members, &values, span));
        let all_copies = quote! {
            #lets
            let #me = #ctx.me();
            let #group: ::std::vec::Vec<_> = #copies.collect();
            let #contexts: ::std::vec::Vec<Ctx> =
                #group.iter().map(|(index, _)| #ctx.arm(#number, *index as u64)).collect();
            let #values = ::accompanist::all(
                #group
                    .into_iter()
                    .zip(&#contexts)
                    .map(|((#index, #member), #ctx)| async move {
                        ::core::result::Result::<_, ::accompanist::Interrupted>::Ok(#copy)
                    })
                    .collect(),
            )
            .await?;
            #ctx.join(&#contexts);
        };
        if changes.is_empty() {
            return quote! { #into { #all_copies #collected }; };
        }
        let names = changes.iter().map(|id| self.name(*id));
        let unbound: TokenStream = changes.iter().filter_map(|id| self.unbound(*id)).collect();
        let new: Vec<Ident> = changes.iter().map(|id| self.name_of_changed(*id)).collect();
        let take_over = quote! {
            if let ::core::option::Option::Some((#(#new,)*)) = #me { #(#names = #new;)* #unbound }
        };
        let take_over = match members.into {
            Some(_) => quote! {
                let #values: ::std::vec::Vec<_> =
                    #values.into_iter().map(|(value, #me)| { #take_over value }).collect();
            },
            None => quote! { for (_, #me) in #values { #take_over } },
        };
        quote! { #into { let #values = { #all_copies #values }; #take_over #collected }; }
    }

    /// What one copy does, its value, and what it made of variables of the block around: only the one of its own changes any.
    fn changing_copy(&self, members: &Members, changes: &[LocalId], references: &BTreeSet<LocalId>) -> TokenStream {
        let (member, me, value) = (self.role(members.member), local("me"), local("values"));
        let (copies, names) = (self.copies(changes, references), changes.iter().map(|id| self.name(*id)));
        let copy = self.with_copies(changes, || self.copy(members));
        quote! {
            {
                #copies
                let #value = #copy;
                (#value, if #member == #me { ::core::option::Option::Some((#(#names,)*)) } else { ::core::option::Option::None })
            }
        }
    }

    fn one_by_one(&self, members: &Members, span: Span) -> TokenStream {
        let ctx = &self.ctx;
        let (outer, values, me) = (local("outer"), local("values"), local("me"));
        let (index, member) = (self.index(members.member), self.role(members.member));
        let (number, copies) = (site(members.site), self.copies_run(members));
        let copy = self.copy(members);
        let (into, collected) = (self.into(members.into), self.collected(members, &values, span));
        quote! {
            #into {
                let #outer = #ctx;
                let #me = #ctx.me();
                let mut #values = ::std::vec::Vec::new();
                for (#index, #member) in #copies {
                    let #ctx = &#outer.child(#number, #index as u64);
                    #values.push(#copy);
                }
                #collected
            };
        }
    }

    /// The variable that is a member's number.
    pub(super) fn index(&self, member: RoleId) -> Ident {
        local(&format!("index_of_{}", snake(&self.role(member).to_string())))
    }
}
