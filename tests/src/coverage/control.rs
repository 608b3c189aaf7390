//! Counts the choices, loops and patterns of the grammar.

use chor::syntax::ast::{Expr, ExprKind, Literal, Pattern, PatternKind};

use super::grammar::{Count, block, expr, exprs};

/// Choices, loops, and what runs side by side or in a scope.
pub(super) fn control(value: &Expr, count: Count<'_>) {
    match &value.kind {
        ExprKind::If { condition, then, otherwise } => {
            count("if");
            expr(condition, count);
            block(then, count);
            match otherwise.as_ref().map(|otherwise| &otherwise.kind) {
                Some(ExprKind::If { .. }) => count("else if"),
                Some(_) => count("else"),
                None => {}
            }
            exprs(otherwise.as_deref(), count);
        }
        ExprKind::Match { scrutinee, arms } => {
            count("match");
            expr(scrutinee, count);
            for arm in arms {
                let is_block = matches!(arm.value.kind, ExprKind::Block(_));
                count(if is_block { "arm that is a block" } else { "arm that is a value" });
                pattern(&arm.pattern, count);
                expr(&arm.value, count);
            }
        }
        ExprKind::While { condition, body, otherwise } => {
            count(if otherwise.is_some() { "while .. else" } else { "while" });
            expr(condition, count);
            block(body, count);
            otherwise.iter().for_each(|otherwise| block(otherwise, count));
        }
        ExprKind::For { pattern, items, body } => {
            count("for");
            self::pattern(pattern, count);
            expr(items, count);
            block(body, count);
        }
        ExprKind::Each { member: _, group, body } => {
            count(if group.names.len() > 1 { "each .. in {A, B}" } else { "each" });
            block(body, count);
        }
        ExprKind::Par(arms) => {
            count(if arms.len() > 2 { "par of three" } else { "par" });
            arms.iter().for_each(|arm| block(arm, count));
        }
        ExprKind::Saga { within, body, otherwise } => {
            count(if within.is_some() { "saga within" } else { "saga" });
            block(body, count);
            if let Some((why, otherwise)) = otherwise {
                count(if why.is_some() { "saga .. else why" } else { "saga .. else" });
                block(otherwise, count);
            }
        }
        _ => {}
    }
}

pub(super) fn pattern(of: &Pattern, count: Count<'_>) {
    match &of.kind {
        PatternKind::Wildcard => count("_ pattern"),
        PatternKind::Literal(Literal::Int { negative: true, .. }) => count("-1 as a pattern"),
        PatternKind::Literal(_) => count("literal pattern"),
        PatternKind::Tuple(items) => {
            count("tuple pattern");
            items.iter().for_each(|item| pattern(item, count));
        }
        PatternKind::Path(_) => count("name pattern"),
        PatternKind::TupleVariant(_, items) => {
            count("variant(..) pattern");
            items.iter().for_each(|item| pattern(item, count));
        }
        PatternKind::Struct(_, fields, has_rest) => {
            count(if *has_rest { "pattern {.., ..}" } else { "pattern {..}" });
            fields.iter().for_each(|(_, field)| pattern(field, count));
        }
    }
}
