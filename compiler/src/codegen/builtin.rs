//! Built-ins: the Rust that their row of the table writes, with the operands put in.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::quote;

use super::program::Writer;
use crate::hir::Ty;
use crate::hir::builtin::Builtin;
use crate::lir::Expr;
use crate::span::Span;

/// An operand, which is written in the way that the row asks for.
enum Operand<'a> {
    /// A value.
    Value(&'a Expr),
    /// What is changed.
    Target(TokenStream),
}

/// What a row's placeholders stand for.
struct Parts<'a> {
    writer: &'a Writer<'a>,
    operands: Vec<Operand<'a>>,
    receiver: TokenStream,
    result: TokenStream,
    item: TokenStream,
}

impl Writer<'_> {
    /// A call of a built-in that changes nothing.
    pub(super) fn builtin(&self, builtin: Builtin, operands: &[Expr], ty: &Ty, span: Span) -> TokenStream {
        let receiver = operands.first().map_or(Ty::UNIT, |operand| operand.ty.clone());
        let operands = operands.iter().map(Operand::Value).collect();
        self.row(builtin, operands, &receiver, ty, span)
    }

    /// A call of a built-in that changes `target`, which is a place of that type.
    pub fn mutation(
        &self,
        builtin: Builtin,
        (target, target_ty): (TokenStream, &Ty),
        args: &[Expr],
        ty: &Ty,
        span: Span,
    ) -> TokenStream {
        let mut operands = vec![Operand::Target(target)];
        operands.extend(args.iter().map(Operand::Value));
        self.row(builtin, operands, target_ty, ty, span)
    }

    fn row(&self, builtin: Builtin, operands: Vec<Operand<'_>>, receiver: &Ty, ty: &Ty, span: Span) -> TokenStream {
        let method = builtin.method();
        let item = match ty {
            Ty::Option(item) => self.ty(item),
            _ => TokenStream::new(),
        };
        let (receiver, result) = (self.ty(receiver), self.ty(ty));
        let parts = Parts { writer: self, operands, receiver, result, item };
        let rust: TokenStream = method.rust.parse().expect("the table has Rust that can be read, as its tests say");
        let rust = parts.fill(rust);
        match method.fails {
            Some(why) => {
                let (ctx, place) = (&self.ctx, self.at(span, why));
                quote! { #ctx.defined(#rust, #place)? }
            }
            // `match` stands where an expression may be followed by a method.
            None if method.rust.starts_with("match") => quote! { (#rust) },
            None => rust,
        }
    }
}

impl Parts<'_> {
    fn fill(&self, template: TokenStream) -> TokenStream {
        let mut filled = TokenStream::new();
        let mut tokens = template.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Punct(sign) if matches!(sign.as_char(), '$' | '#') => {
                    if let Some(TokenTree::Ident(name)) = tokens.next() {
                        filled.extend(self.part(sign.as_char() == '#', &name));
                    }
                }
                TokenTree::Group(group) => {
                    let inner = Group::new(group.delimiter(), self.fill(group.stream()));
                    filled.extend([TokenTree::Group(inner)]);
                }
                _ => filled.extend([token]),
            }
        }
        filled
    }

    fn part(&self, owned: bool, name: &Ident) -> TokenStream {
        let index = match name.to_string().as_str() {
            "R" => return self.result.clone(),
            "A" => return self.receiver.clone(),
            "I" => return self.item.clone(),
            "a" => 0,
            "b" => 1,
            _ => 2,
        };
        match self.operands.get(index) {
            Some(Operand::Value(value)) if owned => self.writer.owned(value),
            Some(Operand::Value(value)) => self.writer.place(value),
            Some(Operand::Target(target)) => target.clone(),
            None => TokenStream::new(),
        }
    }
}
