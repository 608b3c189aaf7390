//! Values that grow: where one is made of others, or a variable is added to, how many parts it has is checked against a limit.
//!
//! Text and a list of numbers know their length. What is nested is counted where it is made, which is no more work than
//! making it was. A variable that changes in place has a bound beside it, to which is added what it gets: it is counted
//! only where the bound is beyond the limit, so that adding to it stays cheap.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::names::local;
use super::nesting::Makes;
use super::program::Writer;
use crate::hir::builtin::Builtin;
use crate::hir::growth::{TOO_LARGE, fixed_parts};
use crate::hir::{LocalId, Ty};
use crate::lir::{Block, Expr, Stmt};
use crate::span::Span;

/// The variables that a program makes larger in place.
pub(super) fn grown(block: &Block) -> BTreeSet<LocalId> {
    let mut grown = BTreeSet::new();
    block.stmts.iter().for_each(|stmt| add_grown(stmt, &mut grown));
    grown
}

fn add_grown(stmt: &Stmt, grown: &mut BTreeSet<LocalId>) {
    grown.extend(stmt.grows());
    stmt.head().iter().for_each(|stmt| add_grown(stmt, grown));
    stmt.blocks().into_iter().flat_map(|block| &block.stmts).for_each(|stmt| add_grown(stmt, grown));
}

impl Writer<'_> {
    /// The function that counts the parts of a value of that type.
    pub(super) fn counter(&self, ty: &Ty) -> TokenStream {
        match &self.concrete(ty) {
            Ty::Str => quote! { ::accompanist::size::of_text },
            Ty::Vec(item) => match fixed_parts(item) {
                Some(parts) => {
                    let parts = Literal::usize_unsuffixed(parts);
                    quote! { (|made| ::accompanist::size::of_list(made, #parts)) }
                }
                None => quote! { ::accompanist::size::of },
            },
            _ => quote! { ::accompanist::size::of },
        }
    }

    /// The value, where it is no larger than a value may be.
    pub(super) fn limited(&self, value: &TokenStream, ty: &Ty, span: Span) -> TokenStream {
        let (ctx, place, counter) = (&self.ctx, self.at(span, TOO_LARGE), self.counter(ty));
        quote! { #ctx.defined(::accompanist::size::limited(#value, #counter), #place)? }
    }

    /// What a function of Rust's makes, limited where it may be deep or large.
    pub(super) fn made_by_rust(&self, value: TokenStream, ty: &Ty, span: Span) -> TokenStream {
        let value = self.shallow(value, ty, span, Makes::Rust);
        match ty.is_copy() {
            true => value,
            false => self.limited(&value, ty, span),
        }
    }

    /// What the expression makes of its parts, limited where it joins several that may be large.
    pub(super) fn joined(&self, made: TokenStream, expr: &Expr) -> TokenStream {
        match expr.joins() {
            true => self.limited(&made, &expr.ty, expr.span),
            false => made,
        }
    }

    /// The bounds of the variables that a statement declares and that grow.
    pub(super) fn bounds_of(&self, declared: &[LocalId]) -> TokenStream {
        let bounds = declared.iter().filter(|id| self.grown.contains(id)).map(|id| {
            let bound = self.bound(*id);
            quote! {
                let mut #bound = ::accompanist::size::Bound::UNKNOWN;
            }
        });
        bounds.collect()
    }

    /// A variable has got another value, of which no bound is known.
    pub(super) fn unbound(&self, id: LocalId) -> Option<TokenStream> {
        self.grown.contains(&id).then(|| {
            let bound = self.bound(id);
            quote! { #bound = ::accompanist::size::Bound::UNKNOWN; }
        })
    }

    fn bound(&self, id: LocalId) -> Ident {
        local(&format!("__bound_of_{}", self.name(id)).replace("r#", ""))
    }

    /// A variable has got these values as parts of its own.
    pub(super) fn added<'a>(
        &self,
        id: LocalId,
        values: impl IntoIterator<Item = (&'a Ident, &'a Ty)>,
        span: Span,
    ) -> (TokenStream, TokenStream) {
        let (ctx, place, added, bound) = (&self.ctx, self.at(span, TOO_LARGE), local("added"), self.bound(id));
        let (name, counter) = (self.name(id), self.counter(&self.projection.local(id).ty));
        let parts = values.into_iter().map(|(value, ty)| match fixed_parts(&self.concrete(ty)) {
            Some(parts) => {
                let parts = Literal::usize_unsuffixed(parts);
                quote! { #parts }
            }
            None => {
                let counter = self.counter(ty);
                quote! { #counter(&#value) }
            }
        });
        let before = quote! { let #added = [#(#parts),*]; };
        let after = quote! { #ctx.defined(#bound.add(&#added, &#name, #counter), #place)?; };
        (before, after)
    }

    /// A call of a method that makes `target`, a part of the variable `id`, larger.
    pub(super) fn growing(
        &self,
        builtin: Builtin,
        (id, target, target_ty): (LocalId, TokenStream, &Ty),
        args: &[Expr],
        ty: &Ty,
        span: Span,
    ) -> TokenStream {
        let names: Vec<Ident> = (1..=args.len()).map(|number| local(&format!("argument_{number}"))).collect();
        let values = args.iter().map(|arg| self.owned(arg));
        let (before, after) = self.added(id, names.iter().zip(args.iter().map(|arg| &arg.ty)), span);
        let call = self.mutation_of(builtin, (target, target_ty), &names, ty, span);
        let result = local("changed_part");
        quote! { { #(let #names = #values;)* #before let #result = #call; #after #result } }
    }
}
