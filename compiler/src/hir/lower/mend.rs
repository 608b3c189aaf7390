//! What would make a value of the type that is asked for from the one that is there.

use super::Lower;
use crate::diagnostic::mend::Mend;
use crate::hir::{ExprId, ExprKind, Literal, StmtKind, Ty};
use crate::span::Span;

impl Lower<'_> {
    /// What mends `expr`, which has the type `found` where `expected` is asked for.
    pub(super) fn mend(&self, expr: ExprId, expected: &Ty, found: &Ty) -> Option<Mend> {
        let (expected, found) = (self.infer.shallow(expected), self.infer.shallow(found));
        let fits = |wanted: &Ty, there: &Ty| self.infer.could_be(wanted, there);
        let value = self.tail(expr);
        let kind = &self.body[value].kind;
        let behind = |text: String, aborts: Option<&'static str>| {
            Some(Mend::Behind { text, aborts, is_whole: is_postfix(kind) })
        };
        if found.is_unit() {
            let (semicolon, ty) = self.stray_semicolon(value)?;
            return self.infer.could_be(&expected, &ty).then_some(Mend::WithoutSemicolon(semicolon));
        }
        match (&expected, &found) {
            (expected, _) if expected.is_unit() => (value != expr).then_some(Mend::Semicolon),
            (Ty::Option(item), found) if fits(item, found) => Some(Mend::Around { before: "Some(", after: ")" }),
            (Ty::Option(item), Ty::Result(ok, _)) if fits(item, ok) => behind(".ok()".to_owned(), None),
            (Ty::Result(ok, _), Ty::Option(item)) if fits(ok, item) => Some(Mend::OkOr),
            (Ty::Result(ok, _), found) if fits(ok, found) => Some(Mend::Around { before: "Ok(", after: ")" }),
            (Ty::Result(_, error), found) if fits(error, found) => Some(Mend::Around { before: "Err(", after: ")" }),
            (Ty::Bool, Ty::Option(_)) => behind(".is_some()".to_owned(), None),
            (Ty::Bool, Ty::Result(..)) => behind(".is_ok()".to_owned(), None),
            (expected, Ty::Option(item)) if fits(expected, item) => behind(".unwrap()".to_owned(), Some("is `None`")),
            (expected, Ty::Result(ok, _)) if fits(expected, ok) => behind(".unwrap()".to_owned(), Some("is an `Err`")),
            (Ty::Vec(item), found) if fits(item, found) => Some(Mend::Around { before: "[", after: "]" }),
            (Ty::Bool, Ty::Str | Ty::Vec(_) | Ty::Map(..)) => Some(Mend::NotEmpty),
            (Ty::Bool, Ty::Int(_)) => behind(" != 0".to_owned(), None),
            (Ty::Str, Ty::Char) => match kind {
                ExprKind::Literal(Literal::Char(character)) if !matches!(character, '"' | '\'') => {
                    Some(Mend::Quotes("\""))
                }
                _ => behind(".to_string()".to_owned(), None),
            },
            (Ty::Char, Ty::Str) => match kind {
                ExprKind::Literal(Literal::Str(text)) if text.chars().count() == 1 && text != "'" && text != "\"" => {
                    Some(Mend::Quotes("'"))
                }
                _ => None,
            },
            (Ty::Str, found) => self.as_string(kind, found),
            (Ty::Int(_) | Ty::Float(_), Ty::Int(_) | Ty::Float(_) | Ty::Var(_)) => {
                self.as_number(kind, &expected, &found)
            }
            _ => None,
        }
    }

    fn as_string(&self, kind: &ExprKind, found: &Ty) -> Option<Mend> {
        let is_open_int = self.infer.is_open_int(found);
        if let (ExprKind::Literal(Literal::Int(..)), true) = (kind, is_open_int) {
            return Some(Mend::Around { before: "\"", after: "\"" });
        }
        let is_number = is_open_int || self.infer.is_open_float(found) || matches!(found, Ty::Int(_) | Ty::Float(_));
        let text = ".to_string()".to_owned();
        (is_number || *found == Ty::Bool).then(|| Mend::Behind { text, aborts: None, is_whole: is_postfix(kind) })
    }

    fn as_number(&self, kind: &ExprKind, expected: &Ty, found: &Ty) -> Option<Mend> {
        let is_open = self.infer.is_open_int(found);
        match (expected, kind) {
            (Ty::Float(_), ExprKind::Literal(Literal::Int(..))) if is_open => {
                return Some(Mend::Behind { text: ".0".to_owned(), aborts: None, is_whole: true });
            }
            _ if matches!(found, Ty::Var(_)) && !is_open => return None,
            (Ty::Int(wanted), _) if matches!(found, Ty::Float(_)) && wanted.name().ends_with("128") => return None,
            _ => {}
        }
        let always = match (expected, found) {
            (Ty::Int(wanted), Ty::Int(there)) => wanted.holds_all_of(*there),
            (Ty::Float(_), _) => expected.primitive_name() == Some("f64"),
            _ => false,
        };
        let text = format!(".to_{}()", expected.primitive_name()?);
        Some(Mend::Behind { text, aborts: (!always).then_some("does not fit"), is_whole: is_postfix(kind) })
    }

    /// The `;` that takes the value of a block away, if there is one, and the type that the block has without it. Of a variable, that of what it is bound to.
    pub(super) fn stray_semicolon(&self, value: ExprId) -> Option<(Span, Ty)> {
        match &self.body[self.tail(value)].kind {
            ExprKind::Local(local) => self.stray_semicolon(*self.let_locals.get(local)?),
            ExprKind::Members(members) => {
                let (semicolon, ty) = self.stray_semicolon(members.body)?;
                Some((semicolon, Ty::Vec(Box::new(ty))))
            }
            ExprKind::Block(stmts, None) => {
                let last = stmts.last()?;
                let StmtKind::Expr(expr) = last.kind else { return None };
                let ty = self.body[expr].ty.clone();
                let semicolon = Span { start: last.span.end.saturating_sub(1), ..last.span };
                (!self.infer.shallow(&ty).is_unit()).then_some((semicolon, ty))
            }
            _ => None,
        }
    }

    /// What gives an expression its value: of a block, its last expression.
    pub(super) fn tail(&self, mut expr: ExprId) -> ExprId {
        while let ExprKind::Block(_, Some(tail)) = &self.body[expr].kind {
            expr = *tail;
        }
        expr
    }
}

/// Whether what is written behind such an expression is about all of it, whatever it is made of.
fn is_postfix(kind: &ExprKind) -> bool {
    match kind {
        ExprKind::Literal(Literal::Int(_, negative)) => !negative,
        ExprKind::Literal(Literal::Float(text)) => !text.starts_with('-'),
        ExprKind::Builtin(builtin, _) => !builtin.is_range(),
        _ => !matches!(
            kind,
            ExprKind::Unary(..)
                | ExprKind::Binary(..)
                | ExprKind::Communicate { .. }
                | ExprKind::If(..)
                | ExprKind::Match(..)
                | ExprKind::Saga(_)
                | ExprKind::Members(_)
                | ExprKind::Par(_)
                | ExprKind::Block(..)
        ),
    }
}
