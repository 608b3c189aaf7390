//! Counts the constructs of the grammar in the trees of a program's files. The matches have no wildcards: a construct that the grammar gains is counted, or this
//! does not compile.

use super::control;
use chor::syntax::ast::{
    Block, Choreography, Expr, ExprKind, File, Item, Literal, OperationKind, ParamKind, Place, Placed, RoleParam,
    Roles, Stmt, StmtKind, Time, Type, TypeKind, UnaryOp, VariantFields,
};

/// Counts a name.
pub(super) type Count<'c> = &'c mut dyn FnMut(&'static str);

/// The constructs of the grammar. What the parser could not read is none.
pub const CONSTRUCTS: &[&str] = &[
    "#![explicit]",
    "use",
    "extern type",
    "extern type: Eq",
    "extern type with fields",
    "extern fn",
    "struct",
    "enum",
    "variant",
    "variant(..)",
    "variant {..}",
    "fn",
    "service",
    "fn of a service",
    "fn .. compensate",
    "pure fn",
    "transaction",
    "compensate none",
    "role",
    "Role[]",
    "Role: S",
    "Role: S + R",
    "Choreography<; T>",
    "parameter",
    "parameter: choreography",
    "result",
    "T@A",
    "T@{A, B}",
    "T@each A",
    "(T@A, U@B)",
    "type",
    "Type<..>",
    "(T, U)",
    "()",
    "block",
    "block with a value",
    "let",
    "let mut",
    "let x: T",
    "let x: T@A",
    "x = ..",
    "x.field = ..",
    "x.0 = ..",
    "x[..] = ..",
    "require",
    "abort",
    "select",
    "sleep A, 2s",
    "sleep A, n",
    "expression;",
    "integer",
    "integer with a type",
    "float",
    "float with a type",
    "string",
    "character",
    "bool",
    "-1 as a pattern",
    "[..]",
    "(..)",
    "path",
    "path(..)",
    "Choreography<..>(..)",
    "Choreography<..; T>(..)",
    "path {..}",
    "path {.., ..base}",
    "value { .. }",
    "x.field",
    "x.0",
    "x[..]",
    "x[a..]",
    "x[..b]",
    "x[..=b]",
    "x[..]: all",
    "x.method(..)",
    "x@A",
    "-x",
    "!x",
    "+",
    "-",
    "*",
    "/",
    "%",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "a..b",
    "a..=b",
    "x ~> A",
    "x ~> {A, B}",
    "x ~> A ~> B",
    "x ~> A within 1s",
    "if",
    "else",
    "else if",
    "match",
    "arm that is a block",
    "arm that is a value",
    "while",
    "while .. else",
    "for",
    "each",
    "each .. in {A, B}",
    "par",
    "par of three",
    "saga",
    "saga within",
    "saga .. else",
    "saga .. else why",
    "_ pattern",
    "literal pattern",
    "tuple pattern",
    "name pattern",
    "variant(..) pattern",
    "pattern {..}",
    "pattern {.., ..}",
];

/// Counts the constructs of a file.
pub fn file(file: &File, count: Count<'_>) {
    file.explicit.iter().for_each(|_| count("#![explicit]"));
    file.uses.iter().for_each(|_| count("use"));
    for item in &file.items {
        self::item(item, count);
    }
}

fn item(item: &Item, count: Count<'_>) {
    match item {
        Item::ExternType(extern_type) => {
            count(if extern_type.eq { "extern type: Eq" } else { "extern type" });
            for field in extern_type.fields.iter().flatten() {
                count("extern type with fields");
                ty(&field.ty, count);
            }
        }
        Item::ExternFn(function) => {
            count("extern fn");
            function.params.iter().map(|param| &param.ty).chain(&function.result).for_each(|of| ty(of, count));
        }
        Item::Struct(declared) => {
            count("struct");
            declared.fields.iter().for_each(|field| ty(&field.ty, count));
        }
        Item::Enum(declared) => {
            count("enum");
            for variant in &declared.variants {
                count(match &variant.fields {
                    VariantFields::Unit => "variant",
                    VariantFields::Tuple(_) => "variant(..)",
                    VariantFields::Struct(_) => "variant {..}",
                });
            }
        }
        Item::Fn(function) => {
            // All programs have the same ones, so what stands in their bodies says nothing.
            count("fn");
            function.params.iter().map(|param| &param.ty).chain(&function.result).for_each(|of| ty(of, count));
        }
        Item::Service(service) => {
            count("service");
            for operation in &service.operations {
                count(match &operation.kind {
                    OperationKind::Recorded { compensate: None } => "fn of a service",
                    OperationKind::Recorded { compensate: Some(_) } => "fn .. compensate",
                    OperationKind::Pure => "pure fn",
                    OperationKind::Transaction { compensate: Some(_) } => "transaction",
                    OperationKind::Transaction { compensate: None } => "compensate none",
                });
                operation.params.iter().map(|param| &param.ty).chain(&operation.result).for_each(|of| ty(of, count));
            }
        }
        Item::Choreography(declared) => choreography(declared, count),
    }
}

fn choreography(choreography: &Choreography, count: Count<'_>) {
    choreography.types.iter().for_each(|_| count("Choreography<; T>"));
    role_params(&choreography.roles, count);
    for param in &choreography.params {
        match &param.kind {
            ParamKind::Value(of) => {
                count("parameter");
                placed(of, count);
            }
            ParamKind::Choreography { roles, params, result, span: _ } => {
                count("parameter: choreography");
                role_params(roles, count);
                params.iter().chain(result).for_each(|of| placed(of, count));
            }
        }
    }
    if let Some(result) = &choreography.result {
        count("result");
        placed(result, count);
    }
    block(&choreography.body, count);
}

fn role_params(roles: &[RoleParam], count: Count<'_>) {
    for role in roles {
        count(if role.group { "Role[]" } else { "role" });
        match role.services.len() {
            0 => {}
            1 => count("Role: S"),
            _ => count("Role: S + R"),
        }
    }
}

fn placed(placed: &Placed, count: Count<'_>) {
    match placed {
        Placed::At { ty, place } => {
            self::ty(ty, count);
            self::place(place, count);
        }
        Placed::Tuple(parts, _) => {
            count("(T@A, U@B)");
            parts.iter().for_each(|part| self::placed(part, count));
        }
    }
}

fn place(place: &Place, count: Count<'_>) {
    count(match (place.each, place.roles.names.len()) {
        (true, _) => "T@each A",
        (false, 1) => "T@A",
        (false, _) => "T@{A, B}",
    });
}

fn ty(ty: &Type, count: Count<'_>) {
    match &ty.kind {
        TypeKind::Path(_, inner) => {
            count(if inner.is_empty() { "type" } else { "Type<..>" });
            inner.iter().for_each(|inner| self::ty(inner, count));
        }
        TypeKind::Tuple(parts) => {
            count(if parts.is_empty() { "()" } else { "(T, U)" });
            parts.iter().for_each(|part| self::ty(part, count));
        }
    }
}

pub(super) fn block(block: &Block, count: Count<'_>) {
    count(if block.tail.is_some() { "block with a value" } else { "block" });
    block.stmts.iter().for_each(|stmt| self::stmt(stmt, count));
    block.tail.iter().for_each(|tail| expr(tail, count));
}

fn stmt(stmt: &Stmt, count: Count<'_>) {
    match &stmt.kind {
        StmtKind::Let { mutable, pattern, ty, place, value } => {
            count(if *mutable { "let mut" } else { "let" });
            match (ty, place) {
                (Some(_), Some(_)) => count("let x: T@A"),
                (Some(_), None) => count("let x: T"),
                (None, _) => {}
            }
            ty.iter().for_each(|of| self::ty(of, count));
            place.iter().for_each(|of| self::place(of, count));
            control::pattern(pattern, count);
            expr(value, count);
        }
        StmtKind::Assign { target, value } => {
            count(match &target.kind {
                ExprKind::Field(..) => "x.field = ..",
                ExprKind::TupleField(..) => "x.0 = ..",
                ExprKind::Index(..) => "x[..] = ..",
                _ => "x = ..",
            });
            expr(target, count);
            expr(value, count);
        }
        StmtKind::Require { condition, reason } => {
            count("require");
            expr(condition, count);
            expr(reason, count);
        }
        StmtKind::Abort { role: _, reason } => {
            count("abort");
            expr(reason, count);
        }
        StmtKind::Select { .. } => count("select"),
        StmtKind::Sleep { role: _, time: Time::Literal(_) } => count("sleep A, 2s"),
        StmtKind::Sleep { role: _, time: Time::Millis(millis) } => {
            count("sleep A, n");
            expr(millis, count);
        }
        StmtKind::Expr(value) => {
            count("expression;");
            expr(value, count);
        }
    }
}

fn literal(literal: &Literal) -> &'static str {
    match literal {
        Literal::Int { suffix: Some(_), .. } => "integer with a type",
        Literal::Int { suffix: None, .. } => "integer",
        Literal::Float(text) if text.contains('f') => "float with a type",
        Literal::Float(_) => "float",
        Literal::Str(_) => "string",
        Literal::Char(_) => "character",
        Literal::Bool(_) => "bool",
    }
}

pub(super) fn exprs<'e>(all: impl IntoIterator<Item = &'e Expr>, count: Count<'_>) {
    all.into_iter().for_each(|one| expr(one, count));
}

pub(super) fn expr(value: &Expr, count: Count<'_>) {
    match &value.kind {
        ExprKind::Literal(of) => count(literal(of)),
        ExprKind::List(items) => {
            count("[..]");
            exprs(items, count);
        }
        ExprKind::Tuple(items) => {
            count(if items.is_empty() { "()" } else { "(..)" });
            exprs(items, count);
        }
        ExprKind::Path(_) => count("path"),
        ExprKind::Call { callee: _, args } => {
            count("path(..)");
            exprs(args, count);
        }
        ExprKind::ChoreographyCall { name: _, roles: _, types, args } => {
            count(if types.is_empty() { "Choreography<..>(..)" } else { "Choreography<..; T>(..)" });
            types.iter().for_each(|of| ty(of, count));
            exprs(args, count);
        }
        ExprKind::Struct { path: _, fields, base } => {
            count(if base.is_some() { "path {.., ..base}" } else { "path {..}" });
            exprs(fields.iter().map(|(_, value)| value).chain(base.as_deref()), count);
        }
        ExprKind::Block(of) => {
            count("value { .. }");
            block(of, count);
        }
        ExprKind::Field(of, _) => {
            count("x.field");
            expr(of, count);
        }
        ExprKind::TupleField(of, ..) => {
            count("x.0");
            expr(of, count);
        }
        ExprKind::Index(of, index) => {
            count(match &index.kind {
                ExprKind::Range { start: None, end: None, .. } => "x[..]: all",
                ExprKind::Range { start: Some(_), end: None, .. } => "x[a..]",
                ExprKind::Range { start: None, inclusive: false, .. } => "x[..b]",
                ExprKind::Range { start: None, inclusive: true, .. } => "x[..=b]",
                _ => "x[..]",
            });
            exprs([&**of, &**index], count);
        }
        ExprKind::Method { receiver, name: _, args } => {
            count("x.method(..)");
            exprs(std::iter::once(&**receiver).chain(args), count);
        }
        ExprKind::At(of, _) => {
            count("x@A");
            expr(of, count);
        }
        ExprKind::Unary(op, of) => {
            count(match op {
                UnaryOp::Neg => "-x",
                UnaryOp::Not => "!x",
            });
            expr(of, count);
        }
        ExprKind::Binary(op, _, one, two) => {
            count(op.symbol());
            exprs([&**one, &**two], count);
        }
        ExprKind::Range { start, end, inclusive } => {
            if start.is_some() && end.is_some() {
                count(if *inclusive { "a..=b" } else { "a..b" });
            }
            exprs(start.as_deref().into_iter().chain(end.as_deref()), count);
        }
        ExprKind::Communicate { value, to, within } => communicate(value, to, within.is_some(), count),
        ExprKind::If { .. }
        | ExprKind::Match { .. }
        | ExprKind::While { .. }
        | ExprKind::For { .. }
        | ExprKind::Each { .. }
        | ExprKind::Par(_)
        | ExprKind::Saga { .. } => control::control(value, count),
        ExprKind::Error => {}
    }
}

fn communicate(value: &Expr, to: &Roles, within: bool, count: Count<'_>) {
    count(match (within, to.names.len()) {
        (true, _) => "x ~> A within 1s",
        (false, 1) => "x ~> A",
        (false, _) => "x ~> {A, B}",
    });
    if matches!(value.kind, ExprKind::Communicate { .. }) {
        count("x ~> A ~> B");
    }
    expr(value, count);
}
