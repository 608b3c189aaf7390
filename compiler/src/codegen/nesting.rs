//! Values that nest in each other: what a program makes deeper than a value may be is refused where it is made, before copying or
//! dropping it takes more stack than there is. A loop makes a value deeper by an assignment, a recursion by what it hands on
//! or returns, and Rust's functions by what they return.

use proc_macro2::TokenStream;
use quote::quote;

use super::program::Writer;
use crate::hir::{Ty, TypeDef};
use crate::span::Span;

/// Whose values are looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Makes {
    /// Made by the program.
    Program,
    /// Made by a function of Rust's, which may nest what the program cannot look into.
    Rust,
}

impl Writer<'_> {
    /// The value, where it is no deeper than a value may be.
    pub(super) fn shallow(&self, value: TokenStream, ty: &Ty, span: Span, makes: Makes) -> TokenStream {
        if !self.may_nest(ty, makes) {
            return value;
        }
        let (ctx, place) = (&self.ctx, self.at(span, ""));
        let place = place.trim_end();
        quote! { #ctx.shallow(#value, #place)? }
    }

    fn may_nest(&self, ty: &Ty, makes: Makes) -> bool {
        match ty {
            Ty::Named(id) => {
                let TypeDef { nests, opaque, .. } = self.hir.type_def(*id);
                *nests || (*opaque && makes == Makes::Rust)
            }
            Ty::Tuple(items) => items.iter().any(|item| self.may_nest(item, makes)),
            Ty::Option(item) | Ty::Vec(item) => self.may_nest(item, makes),
            Ty::Result(one, two) | Ty::Map(one, two) => self.may_nest(one, makes) || self.may_nest(two, makes),
            Ty::Bool
            | Ty::Int(_)
            | Ty::Float(_)
            | Ty::Char
            | Ty::Str
            | Ty::Param(..)
            | Ty::Never
            | Ty::Var(_)
            | Ty::Error => false,
        }
    }
}
