//! Patterns and expressions as text.

use std::fmt::Write;

use super::super::{Expr, ExprKind};
use super::Printer;
use crate::hir::builtin::table::Form;
use crate::hir::{Constructor, Literal, Pattern, PatternKind, ServiceId, Ty, VariantShape};
use crate::syntax::ast::{BinaryOp, UnaryOp};

impl Printer<'_> {
    pub(super) fn pattern(&mut self, pattern: &Pattern) {
        match &pattern.kind {
            PatternKind::Wildcard => self.push("_"),
            PatternKind::Bind(local) => {
                let name = self.bind(*local);
                self.push(&name);
            }
            PatternKind::Literal(literal) => self.literal(literal, &pattern.ty),
            PatternKind::Tuple(items) => {
                self.push("(");
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.pattern(item);
                }
                self.push(")");
            }
            PatternKind::Construct(constructor, fields) => {
                let names = self.constructor(*constructor);
                if self.is_positional(*constructor) && in_order(fields) {
                    self.push(if fields.is_empty() { "" } else { "(" });
                    for (position, (_, field)) in fields.iter().enumerate() {
                        self.comma(position);
                        self.pattern(field);
                    }
                    self.push(if fields.is_empty() { "" } else { ")" });
                    return;
                }
                for (position, (index, field)) in fields.iter().enumerate() {
                    self.push(if position == 0 { " { " } else { ", " });
                    let _ = write!(self.out, "{}: ", names.get(*index as usize).map_or("0", String::as_str));
                    self.pattern(field);
                }
                self.push(if fields.is_empty() { "" } else { " }" });
            }
        }
    }

    pub(super) fn comma(&mut self, index: usize) {
        if index > 0 {
            self.push(", ");
        }
    }

    /// Writes a constructor's name and gives the names of its parts.
    pub(super) fn constructor(&mut self, constructor: Constructor) -> Vec<String> {
        let names = |fields: &[crate::hir::Field]| fields.iter().map(|field| field.name.name.clone()).collect();
        match constructor {
            Constructor::Struct(id) => {
                let definition = self.hir.type_def(id);
                self.push(&definition.name.name);
                names(definition.fields())
            }
            Constructor::Variant(id, index) => {
                let definition = self.hir.type_def(id);
                let variant = definition.variants().get(index as usize);
                let _ = write!(self.out, "{}::{}", definition.name.name, variant.map_or("?", |v| v.name.name.as_str()));
                variant.map(|variant| names(&variant.fields)).unwrap_or_default()
            }
            Constructor::Some => {
                self.push("Some");
                Vec::new()
            }
            Constructor::None => {
                self.push("None");
                Vec::new()
            }
            Constructor::Ok => {
                self.push("Ok");
                Vec::new()
            }
            Constructor::Err => {
                self.push("Err");
                Vec::new()
            }
        }
    }

    /// Whether the parts are written by their order, as in `Some(x)`.
    fn is_positional(&self, constructor: Constructor) -> bool {
        match constructor {
            Constructor::Some | Constructor::None | Constructor::Ok | Constructor::Err => true,
            Constructor::Struct(_) => false,
            Constructor::Variant(id, index) => {
                let variant = self.hir.type_def(id).variants().get(index as usize);
                variant.is_some_and(|variant| variant.shape == VariantShape::Tuple)
            }
        }
    }

    pub(super) fn literal(&mut self, literal: &Literal, ty: &Ty) {
        let _ = match literal {
            Literal::Int(value, negative) => write!(self.out, "{}{value}", if *negative { "-" } else { "" }),
            Literal::Float(text) => write!(self.out, "{text}"),
            Literal::Str(text) => write!(self.out, "{text:?}"),
            Literal::Char(character) => write!(self.out, "{character:?}"),
            Literal::Bool(value) => write!(self.out, "{value}"),
        };
        if self.canon.is_some() {
            let ty = self.ty(ty);
            self.push(&ty);
        }
    }

    pub(super) fn operation(&mut self, service: ServiceId, operation: u32, args: &[Expr]) {
        let name = &self.hir.operation(service, operation).name.name;
        let _ = write!(self.out, "{}.{name}", self.hir.service(service).name.name);
        self.list("(", args, ")");
    }

    pub(super) fn list(&mut self, open: &str, items: &[Expr], close: &str) {
        self.push(open);
        for (index, item) in items.iter().enumerate() {
            self.comma(index);
            self.expr(item);
        }
        self.push(close);
    }

    pub(super) fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Literal(literal) => self.literal(literal, &expr.ty),
            ExprKind::Local(local) => {
                let name = self.local(*local);
                self.push(&name);
            }
            ExprKind::Len(group) => {
                let group = self.roles(group);
                let _ = write!(self.out, "{group}.len()");
            }
            ExprKind::MemberIndex(member) => {
                let _ = write!(self.out, "{}.index", self.role(*member));
            }
            ExprKind::Tuple(items) => self.list("(", items, ")"),
            ExprKind::List(items) => self.list("[", items, "]"),
            ExprKind::Construct(constructor, fields, base) => {
                let names = self.constructor(*constructor);
                if self.is_positional(*constructor) && base.is_none() && in_order(fields) {
                    self.push(if fields.is_empty() { "" } else { "(" });
                    for (position, (_, value)) in fields.iter().enumerate() {
                        self.comma(position);
                        self.expr(value);
                    }
                    self.push(if fields.is_empty() { "" } else { ")" });
                    return;
                }
                let mut parts = 0;
                for (index, value) in fields {
                    self.push(if parts == 0 { " { " } else { ", " });
                    let _ = write!(self.out, "{}: ", names.get(*index as usize).map_or("0", String::as_str));
                    self.expr(value);
                    parts += 1;
                }
                if let Some(base) = base {
                    self.push(if parts == 0 { " { .." } else { ", .." });
                    self.expr(base);
                    parts += 1;
                }
                self.push(if parts == 0 { "" } else { " }" });
            }
            ExprKind::Field(value, name) => {
                self.expr(value);
                let _ = write!(self.out, ".{name}");
            }
            ExprKind::TupleField(value, index) => {
                self.expr(value);
                let _ = write!(self.out, ".{index}");
            }
            ExprKind::Index(value, index) => {
                self.expr(value);
                self.list("[", std::slice::from_ref(index), "]");
            }
            ExprKind::Builtin(builtin, operands) => match (builtin.form(), operands.split_first()) {
                (Form::Method | Form::Operator, Some((receiver, args))) => {
                    self.expr(receiver);
                    let dot = if builtin.form() == Form::Method { "." } else { " " };
                    let _ = write!(self.out, "{dot}{}", builtin.name());
                    self.list("(", args, ")");
                }
                _ => {
                    let ty = self.ty(&expr.ty);
                    let _ = write!(self.out, "{ty}::{}", builtin.name());
                    self.list("(", operands, ")");
                }
            },
            ExprKind::Apply(function, args) => {
                let name = &self.hir.function(*function).name.name;
                self.push(name);
                self.list("(", args, ")");
            }
            ExprKind::Pure(service, operation, args) => self.operation(*service, *operation, args),
            ExprKind::Unary(op, value) => {
                self.push(match op {
                    UnaryOp::Neg => "-",
                    UnaryOp::Not => "!",
                });
                self.expr(value);
            }
            ExprKind::Binary(op, one, two) => self.binary(*op, one, two),
        }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, one: &Expr, two: &Expr) {
        self.push("(");
        self.expr(one);
        let _ = write!(self.out, " {} ", op.symbol());
        self.expr(two);
        self.push(")");
    }
}

/// Whether the parts are all there, in order.
fn in_order<T>(parts: &[(u32, T)]) -> bool {
    (0..).zip(parts).all(|(position, (index, _))| *index == position)
}
