//! Expressions. Values are values: what is used again is cloned, what is used once is moved.

use proc_macro2::{Literal as Token, TokenStream};
use quote::quote;

use super::names::{item, local};
use super::program::Writer;
use super::types::Scope;
use crate::hir::{Constructor, Field, Literal, Ty, TypeDefKind, VariantShape};
use crate::lir::{Expr, ExprKind};
use crate::span::Span;
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// A literal with its type.
pub fn literal(literal: &Literal, ty: &Ty) -> TokenStream {
    match literal {
        Literal::Int(value, negative) => number(&value.to_string(), *negative, ty),
        Literal::Float(text) => {
            let negative = text.starts_with('-');
            let digits = text.trim_start_matches('-');
            let digits = if digits.ends_with('.') { format!("{digits}0") } else { digits.to_owned() };
            number(&digits, negative, ty)
        }
        Literal::Str(text) => quote! { ::std::string::String::from(#text) },
        Literal::Char(character) => quote! { #character },
        Literal::Bool(value) => quote! { #value },
    }
}

fn number(digits: &str, negative: bool, ty: &Ty) -> TokenStream {
    let text = format!("{digits}{}", ty.primitive_name().unwrap_or_default());
    let token: Token = text.parse().expect("the lexer has read these digits");
    if negative {
        quote! { -#token }
    } else {
        quote! { #token }
    }
}

impl Writer<'_> {
    /// An expression that owns its value.
    pub(super) fn owned(&self, expr: &Expr) -> TokenStream {
        let place = self.place(expr);
        match &expr.kind {
            ExprKind::Local(id) if !self.used_once(*id) && !expr.ty.is_copy() => quote! { #place.clone() },
            ExprKind::Field(..) | ExprKind::TupleField(..) if !expr.ty.is_copy() => quote! { #place.clone() },
            _ => place,
        }
    }

    /// An expression that is only looked at: a variable or a field of one stays where it is.
    pub(super) fn place(&self, expr: &Expr) -> TokenStream {
        let ctx = &self.ctx;
        match &expr.kind {
            ExprKind::Literal(value @ (Literal::Int(_, true) | Literal::Float(_))) => {
                let value = literal(value, &expr.ty);
                quote! { (#value) }
            }
            ExprKind::Literal(value) => literal(value, &expr.ty),
            ExprKind::Local(id) => {
                let name = self.name(*id);
                if self.is_reference(*id) {
                    quote! { (*#name) }
                } else {
                    quote! { #name }
                }
            }
            ExprKind::Len(group) => {
                let group = self.group(group);
                quote! { #group.len() }
            }
            ExprKind::MemberIndex(member) => {
                let index = self.index(*member);
                quote! { #index }
            }
            ExprKind::Tuple(items) => {
                let items = items.iter().map(|item| self.owned(item));
                self.joined(quote! { (#(#items,)*) }, expr)
            }
            ExprKind::List(items) => self.joined(self.list(items, &expr.ty), expr),
            ExprKind::Construct(constructor, fields, base) => {
                self.joined(self.construct(*constructor, fields, base.as_deref(), &expr.ty), expr)
            }
            ExprKind::Field(value, name) => {
                let (value, name) = (self.place(value), item(name));
                quote! { #value.#name }
            }
            ExprKind::TupleField(value, index) => {
                let (value, index) = (self.place(value), Token::u32_unsuffixed(*index));
                quote! { #value.#index }
            }
            ExprKind::Index(value, index) => {
                let place = self.at(expr.span, "is out of range");
                let by_key = matches!(value.ty, Ty::Map(..)).then(|| quote! { & });
                let (value, index) = (self.place(value), self.owned(index));
                quote! { #ctx.defined(#value.get(#by_key #index).cloned(), #place)? }
            }
            ExprKind::Builtin(builtin, operands) => self.builtin(*builtin, operands, &expr.ty, expr.span),
            ExprKind::Apply(function, args) => self.apply(*function, args, expr.span),
            ExprKind::Pure(service, operation, args) => {
                let declared = self.hir.operation(*service, *operation);
                let path = Scope::Module.path(&self.hir.service(*service).name.name);
                let (method, service) = (item(&declared.name.name), &self.service);
                let args = args.iter().map(|arg| self.place(arg));
                let result = quote! { <Svc as #path<Ctx::Database>>::#method(#service, #(&#args),*) };
                self.made_by_rust(result, &expr.ty, expr.span)
            }
            ExprKind::Unary(op, value) => self.unary(*op, value, expr),
            ExprKind::Binary(op, one, two) => self.binary(*op, one, two, expr),
        }
    }

    /// `warehouse.chor:12:8: `a + b` overflows`
    pub(super) fn at(&self, span: Span, what: &str) -> String {
        format!("{}: `{}` {what}", self.sources.location(span), self.sources.text(span))
    }

    fn list(&self, items: &[Expr], ty: &Ty) -> TokenStream {
        if let (Ty::Vec(item), []) = (ty, items) {
            let item = self.ty(item);
            return quote! { ::std::vec::Vec::<#item>::new() };
        }
        let items = items.iter().map(|item| self.owned(item));
        quote! { ::std::vec::Vec::from([#(#items),*]) }
    }

    fn construct(&self, constructor: Constructor, fields: &[(u32, Expr)], base: Option<&Expr>, ty: &Ty) -> TokenStream {
        let (path, declared, shape) = match constructor {
            Constructor::None => {
                let ty = match ty {
                    Ty::Option(item) => self.ty(item),
                    _ => quote! { () },
                };
                return quote! { ::core::option::Option::<#ty>::None };
            }
            Constructor::Some => {
                let value = fields.iter().map(|(_, value)| self.owned(value));
                return quote! { ::core::option::Option::Some(#(#value),*) };
            }
            Constructor::Ok | Constructor::Err => {
                let (ty, variant) = (self.ty(ty), local(if constructor == Constructor::Ok { "Ok" } else { "Err" }));
                let value = fields.iter().map(|(_, value)| self.owned(value));
                return quote! { <#ty>::#variant(#(#value),*) };
            }
            Constructor::Struct(id) => {
                (Scope::Module.named(self.hir, id), self.hir.type_def(id).fields(), VariantShape::Struct)
            }
            Constructor::Variant(id, index) => {
                let path = Scope::Module.named(self.hir, id);
                let Some(variant) = self.hir.type_def(id).variants().get(index as usize) else {
                    return path;
                };
                let name = item(&variant.name.name);
                (quote! { #path::#name }, variant.fields.as_slice(), variant.shape)
            }
        };
        match shape {
            VariantShape::Unit => path,
            VariantShape::Tuple => {
                let values = fields.iter().map(|(_, value)| self.owned(value));
                quote! { #path(#(#values),*) }
            }
            VariantShape::Struct if matches!(base, Some(base) if self.is_extern(&base.ty)) => {
                self.changed(fields, base, declared)
            }
            VariantShape::Struct => {
                let fields = fields.iter().map(|(index, value)| {
                    let name = item(declared.get(*index as usize).map_or("_", |field| field.name.name.as_str()));
                    let value = self.owned(value);
                    quote! { #name: #value, }
                });
                let base = base.map(|base| {
                    let base = self.owned(base);
                    quote! { ..#base }
                });
                // In parentheses, for a struct literal may not stand bare before a block.
                quote! { (#path { #(#fields)* #base }) }
            }
        }
    }

    fn is_extern(&self, ty: &Ty) -> bool {
        matches!(ty, Ty::Named(id) if matches!(self.hir.type_def(*id).kind, TypeDefKind::Extern(..)))
    }

    /// A copy of a value of a type of Rust's with other fields: it may have some that are not ours to name.
    fn changed(&self, fields: &[(u32, Expr)], base: Option<&Expr>, declared: &[Field]) -> TokenStream {
        let names =
            fields.iter().map(|(index, _)| declared.get(*index as usize).map_or("_", |it| it.name.name.as_str()));
        let names: Vec<_> = names.map(item).collect();
        let variables: Vec<_> = (0..fields.len()).map(|number| local(&format!("field_{number}"))).collect();
        let (values, base) = (fields.iter().map(|(_, value)| self.owned(value)), base.map(|base| self.owned(base)));
        quote! {
            match (#(#values,)* #base) {
                (#(#variables,)* mut changed) => { #(changed.#names = #variables;)* changed }
            }
        }
    }

    fn unary(&self, op: UnaryOp, value: &Expr, whole: &Expr) -> TokenStream {
        let (ctx, value) = (&self.ctx, self.owned(value));
        match (op, &whole.ty) {
            (UnaryOp::Neg, Ty::Int(_)) => {
                let place = self.at(whole.span, "overflows");
                quote! { #ctx.defined(#value.checked_neg(), #place)? }
            }
            (UnaryOp::Neg, _) => quote! { (-#value) },
            (UnaryOp::Not, _) => quote! { (!#value) },
        }
    }

    fn binary(&self, op: BinaryOp, one: &Expr, two: &Expr, whole: &Expr) -> TokenStream {
        let ctx = &self.ctx;
        if let (BinaryOp::Add, Ty::Str) = (op, &whole.ty) {
            let (one, two) = (self.owned(one), self.place(two));
            return self.limited(&quote! { #one + #two.as_str() }, &whole.ty, whole.span);
        }
        let (one, two) = (self.place(one), self.place(two));
        let (symbol, checked, fault) = match op {
            BinaryOp::Add => (quote! { + }, "checked_add", "overflows"),
            BinaryOp::Sub => (quote! { - }, "checked_sub", "overflows"),
            BinaryOp::Mul => (quote! { * }, "checked_mul", "overflows"),
            BinaryOp::Div => (quote! { / }, "checked_div", "divides by zero or overflows"),
            BinaryOp::Rem => (quote! { % }, "checked_rem", "divides by zero or overflows"),
            BinaryOp::Eq => return quote! { (#one == #two) },
            BinaryOp::Ne => return quote! { (#one != #two) },
            BinaryOp::Lt => return quote! { (#one < #two) },
            BinaryOp::Le => return quote! { (#one <= #two) },
            BinaryOp::Gt => return quote! { (#one > #two) },
            BinaryOp::Ge => return quote! { (#one >= #two) },
            BinaryOp::And => return quote! { (#one && #two) },
            BinaryOp::Or => return quote! { (#one || #two) },
        };
        if !matches!(whole.ty, Ty::Int(_)) {
            return quote! { (#one #symbol #two) };
        }
        let (checked, place) = (local(checked), self.at(whole.span, fault));
        quote! { #ctx.defined(#one.#checked(#two), #place)? }
    }
}
