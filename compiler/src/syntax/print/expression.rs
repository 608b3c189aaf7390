//! Expressions as text: parentheses only where an operand binds weaker than its place asks.

use super::{block, commas, path, pattern, roles, tuple, ty};
use crate::syntax::ast::{BinaryOp, Duration, Expr, ExprKind, Literal, UnaryOp};

/// How strongly the form of an expression binds, from `~>` up.
const COMMUNICATE: u8 = 0;
const CONTROL: u8 = 0;
const COMPARISON: u8 = 3;
const RANGE: u8 = 4;
const UNARY: u8 = 7;
/// The place of a value before `.`, `[` or `@`.
pub const POSTFIX: u8 = 8;
const PRIMARY: u8 = 9;

/// An expression where any may stand; `depth` is that of its line.
pub fn expr(expr: &Expr, depth: usize) -> String {
    match &expr.kind {
        ExprKind::Literal(value) => literal(value),
        ExprKind::List(parts) => format!("[{}]", commas(parts.iter().map(|part| self::expr(part, depth)))),
        ExprKind::Tuple(parts) => tuple(parts.iter().map(|part| self::expr(part, depth))),
        ExprKind::Path(name) => path(name),
        ExprKind::Call { callee, args } => format!("{}({})", path(callee), arguments(args, depth)),
        ExprKind::ChoreographyCall { name, roles: given, types, args } => {
            let types = match types.is_empty() {
                true => String::new(),
                false => format!("; {}", commas(types.iter().map(ty))),
            };
            format!("{}<{}{types}>({})", name.name, commas(given.iter().map(roles)), arguments(args, depth))
        }
        ExprKind::Struct { path: name, fields, base } => {
            let fields = fields.iter().map(|(name, value)| format!("{}: {}", name.name, self::expr(value, depth)));
            let base = base.as_ref().map(|base| format!("..{}", self::expr(base, depth)));
            format!("{} {{ {} }}", path(name), commas(fields.chain(base)))
        }
        ExprKind::Field(value, name) => format!("{}.{}", operand(value, POSTFIX, depth), name.name),
        // The blank keeps a number and a part of a tuple apart.
        ExprKind::TupleField(value, index, _) if matches!(value.kind, ExprKind::Literal(_)) => {
            format!("{} .{index}", operand(value, POSTFIX, depth))
        }
        ExprKind::TupleField(value, index, _) => format!("{}.{index}", operand(value, POSTFIX, depth)),
        ExprKind::Index(value, index) => format!("{}[{}]", operand(value, POSTFIX, depth), self::expr(index, depth)),
        ExprKind::Method { receiver, name, args } => {
            format!("{}.{}({})", operand(receiver, POSTFIX, depth), name.name, arguments(args, depth))
        }
        ExprKind::At(value, role) => format!("{}@{}", operand(value, POSTFIX, depth), role.name),
        ExprKind::Unary(UnaryOp::Neg, value) => format!("-{}", operand(value, UNARY, depth)),
        ExprKind::Unary(UnaryOp::Not, value) => format!("!{}", operand(value, UNARY, depth)),
        ExprKind::Binary(op, _, left, right) => {
            let binding = binding_of(*op);
            // Comparisons do not chain, the others join from the left.
            let of_left = if binding == COMPARISON { binding + 1 } else { binding };
            let (left, right) = (operand(left, of_left, depth), operand(right, binding + 1, depth));
            format!("{left} {} {right}", op.symbol())
        }
        ExprKind::Range { start, end, inclusive } => {
            let side =
                |side: &Option<Box<Expr>>| side.as_ref().map_or(String::new(), |side| operand(side, RANGE + 1, depth));
            format!("{}{}{}", side(start), if *inclusive { "..=" } else { ".." }, side(end))
        }
        ExprKind::Communicate { value, to, within } => {
            let of_value = if is_control(value) { COMMUNICATE + 1 } else { COMMUNICATE };
            let within = within.as_ref().map_or(String::new(), |within| format!(" within {}", duration(within)));
            format!("{} ~> {}{within}", operand(value, of_value, depth), roles(to))
        }
        ExprKind::Error => "(/* unreadable */)".to_owned(),
        ExprKind::Block(_)
        | ExprKind::If { .. }
        | ExprKind::Match { .. }
        | ExprKind::While { .. }
        | ExprKind::For { .. }
        | ExprKind::Each { .. }
        | ExprKind::Par(_)
        | ExprKind::Saga { .. } => control(expr, depth),
    }
}

fn control(expr: &Expr, depth: usize) -> String {
    match &expr.kind {
        ExprKind::Block(body) => block(body, depth),
        ExprKind::If { condition, then, otherwise } => {
            let otherwise =
                otherwise.as_ref().map_or(String::new(), |other| format!(" else {}", self::expr(other, depth)));
            format!("if {} {}{otherwise}", head(condition, depth), block(then, depth))
        }
        ExprKind::Match { scrutinee, arms } => {
            let indent = "    ".repeat(depth + 1);
            let arms = arms
                .iter()
                .map(|arm| format!("{indent}{} => {},\n", pattern(&arm.pattern), self::expr(&arm.value, depth + 1)));
            format!("match {} {{\n{}{}}}", head(scrutinee, depth), arms.collect::<String>(), "    ".repeat(depth))
        }
        ExprKind::While { condition, body, otherwise } => {
            let otherwise = otherwise.as_ref().map_or(String::new(), |other| format!(" else {}", block(other, depth)));
            format!("while {} {}{otherwise}", head(condition, depth), block(body, depth))
        }
        ExprKind::For { pattern: bound, items, body } => {
            format!("for {} in {} {}", pattern(bound), head(items, depth), block(body, depth))
        }
        ExprKind::Each { member, group, body } => {
            format!("each {} in {} {}", member.name, roles(group), block(body, depth))
        }
        ExprKind::Par(arms) => {
            let arms: Vec<String> = arms.iter().map(|arm| block(arm, depth)).collect();
            format!("par {}", arms.join(" and "))
        }
        ExprKind::Saga { within, body, otherwise } => {
            let within = within.as_ref().map_or(String::new(), |within| format!("within {} ", duration(within)));
            let otherwise = otherwise.as_ref().map_or(String::new(), |(why, other)| {
                let why = why.as_ref().map_or(String::new(), |why| format!("{} ", why.name));
                format!(" else {why}{}", block(other, depth))
            });
            format!("saga {within}{}{otherwise}", block(body, depth))
        }
        _ => self::expr(expr, depth),
    }
}

/// Whether the expression ends in a brace that a statement may end with.
pub fn is_control(expr: &Expr) -> bool {
    matches!(
        expr.kind,
        ExprKind::Block(_)
            | ExprKind::If { .. }
            | ExprKind::Match { .. }
            | ExprKind::While { .. }
            | ExprKind::For { .. }
            | ExprKind::Each { .. }
            | ExprKind::Par(_)
            | ExprKind::Saga { .. }
    )
}

/// An expression where only those that bind at least as strongly as `least` stand without parentheses.
pub fn operand(expr: &Expr, least: u8, depth: usize) -> String {
    let text = self::expr(expr, depth);
    match binding(expr) < least {
        true => format!("({text})"),
        false => text,
    }
}

/// An expression before a block, where a struct literal would be taken for it.
fn head(expr: &Expr, depth: usize) -> String {
    let text = self::expr(expr, depth);
    match shows_struct(expr) {
        true => format!("({text})"),
        false => text,
    }
}

fn shows_struct(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Struct { .. } => true,
        ExprKind::Field(value, _)
        | ExprKind::TupleField(value, _, _)
        | ExprKind::Index(value, _)
        | ExprKind::Method { receiver: value, .. }
        | ExprKind::At(value, _)
        | ExprKind::Unary(_, value)
        | ExprKind::Communicate { value, .. } => shows_struct(value),
        ExprKind::Binary(_, _, left, right) => shows_struct(left) || shows_struct(right),
        ExprKind::Range { start, end, .. } => [start, end].into_iter().flatten().any(|side| shows_struct(side)),
        _ => false,
    }
}

fn binding(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Communicate { .. } => COMMUNICATE,
        ExprKind::Binary(op, ..) => binding_of(*op),
        ExprKind::Range { .. } => RANGE,
        ExprKind::Unary(..) => UNARY,
        ExprKind::Field(..)
        | ExprKind::TupleField(..)
        | ExprKind::Index(..)
        | ExprKind::Method { .. }
        | ExprKind::At(..) => POSTFIX,
        _ if is_control(expr) => CONTROL,
        _ => PRIMARY,
    }
}

fn binding_of(op: BinaryOp) -> u8 {
    match op {
        BinaryOp::Or => 1,
        BinaryOp::And => 2,
        BinaryOp::Eq | BinaryOp::Ne | BinaryOp::Lt | BinaryOp::Le | BinaryOp::Gt | BinaryOp::Ge => COMPARISON,
        BinaryOp::Add | BinaryOp::Sub => 5,
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => 6,
    }
}

fn arguments(args: &[Expr], depth: usize) -> String {
    commas(args.iter().map(|arg| expr(arg, depth)))
}

/// A literal, as the lexer reads it.
pub fn literal(value: &Literal) -> String {
    match value {
        Literal::Int { value, negative, suffix } => {
            format!("{}{value}{}", if *negative { "-" } else { "" }, suffix.as_deref().unwrap_or_default())
        }
        Literal::Float(text) => text.clone(),
        Literal::Str(text) => string(text),
        Literal::Char(character) => format!("'{}'", escape(*character, '\'')),
        Literal::Bool(value) => value.to_string(),
    }
}

/// A string in quotes.
pub fn string(text: &str) -> String {
    format!("\"{}\"", text.chars().map(|character| escape(character, '"')).collect::<String>())
}

fn escape(character: char, quote: char) -> String {
    match character {
        '\n' => r"\n".to_owned(),
        '\r' => r"\r".to_owned(),
        '\t' => r"\t".to_owned(),
        '\0' => r"\0".to_owned(),
        '\\' => r"\\".to_owned(),
        _ if character == quote => format!("\\{quote}"),
        _ if character.is_control() => format!("\\u{{{:x}}}", u32::from(character)),
        _ => character.to_string(),
    }
}

/// A duration in its largest unit that divides it.
pub fn duration(duration: &Duration) -> String {
    let millis = duration.millis;
    for (unit, length) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis != 0 && millis.is_multiple_of(length) {
            return format!("{}{unit}", millis / length);
        }
    }
    format!("{millis}ms")
}
