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
    /// What is changed, or a variable that holds an argument.
    Written(TokenStream),
}

/// What a row's placeholders stand for.
struct Parts<'a> {
    writer: &'a Writer<'a>,
    operands: Vec<Operand<'a>>,
    receiver: TokenStream,
    result: TokenStream,
    item: TokenStream,
    counter: TokenStream,
}

impl Writer<'_> {
    /// A call of a built-in that changes nothing.
    pub(super) fn builtin(&self, builtin: Builtin, operands: &[Expr], ty: &Ty, span: Span) -> TokenStream {
        let receiver = operands.first().map_or(Ty::UNIT, |operand| operand.ty.clone());
        let operands = operands.iter().map(Operand::Value).collect();
        self.row(builtin, operands, &receiver, ty, span)
    }

    /// A call of a built-in that changes `target`, which is a place of that type.
    pub(super) fn mutation(
        &self,
        builtin: Builtin,
        (target, target_ty): (TokenStream, &Ty),
        args: &[Expr],
        ty: &Ty,
        span: Span,
    ) -> TokenStream {
        let mut operands = vec![Operand::Written(target)];
        operands.extend(args.iter().map(Operand::Value));
        self.row(builtin, operands, target_ty, ty, span)
    }

    /// The same, where the arguments are in variables.
    pub(super) fn mutation_of(
        &self,
        builtin: Builtin,
        (target, target_ty): (TokenStream, &Ty),
        args: &[Ident],
        ty: &Ty,
        span: Span,
    ) -> TokenStream {
        let args = args.iter().map(|arg| Operand::Written(quote! { #arg }));
        let operands = [Operand::Written(target)].into_iter().chain(args).collect();
        self.row(builtin, operands, target_ty, ty, span)
    }

    fn row(&self, builtin: Builtin, operands: Vec<Operand<'_>>, receiver: &Ty, ty: &Ty, span: Span) -> TokenStream {
        let method = builtin.method();
        let item = match ty {
            Ty::Option(item) => self.ty(item),
            _ => TokenStream::new(),
        };
        let (receiver, result, counter) = (self.ty(receiver), self.ty(ty), self.counter(ty));
        let parts = Parts { writer: self, operands, receiver, result, item, counter };
        let rust: TokenStream = method.rust.parse().expect("the table has Rust that can be read, as its tests say");
        let rust = parts.fill(rust);
        // Of a method that changes its receiver, what it makes of that is checked by the caller.
        let is_optional = method.fails.is_some() || (builtin.grows() && !builtin.mutates());
        match is_optional {
            true => {
                let (ctx, place) = (&self.ctx, self.at(span, builtin.fault()));
                quote! { #ctx.defined(#rust, #place)? }
            }
            // `match` stands where an expression may be followed by a method.
            false if method.rust.starts_with("match") => quote! { (#rust) },
            false => rust,
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
            "W" => return self.counter.clone(),
            "a" => 0,
            "b" => 1,
            _ => 2,
        };
        match self.operands.get(index) {
            Some(Operand::Value(value)) if owned => self.writer.owned(value),
            Some(Operand::Value(value)) => self.writer.place(value),
            Some(Operand::Written(written)) => written.clone(),
            None => TokenStream::new(),
        }
    }
}
