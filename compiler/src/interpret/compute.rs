//! What operators, fields and patterns do with values. Nothing here knows of roles.

use super::value::{Value, is_u128};
use crate::hir::growth::TOO_LARGE;
use crate::hir::{Constructor, FloatTy, Hir, IntTy, LocalId, Pattern, PatternKind};
use crate::syntax::ast::{BinaryOp, UnaryOp};

/// Why an expression has no value.
pub type Fault = &'static str;

pub(super) const OVERFLOWS: Fault = "overflows";
const DIVIDES: Fault = "divides by zero or overflows";
const OUT_OF_RANGE: Fault = "is out of range";

/// An integer of a type, where it fits.
pub fn fit(number: i128, ty: IntTy) -> Option<Value> {
    if is_u128(ty) {
        return (number >= 0).then_some(Value::Int(number, ty));
    }
    let fits = ty.fits(number.unsigned_abs(), number < 0);
    fits.then_some(Value::Int(number, ty))
}

/// An operator with one operand.
pub fn unary(op: UnaryOp, value: &Value) -> Result<Value, Fault> {
    match (op, value) {
        (UnaryOp::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (UnaryOp::Neg, Value::Int(number, ty)) => {
            number.checked_neg().and_then(|number| fit(number, *ty)).ok_or(OVERFLOWS)
        }
        (UnaryOp::Neg, Value::Float(number, ty)) => Ok(Value::Float(-number, *ty)),
        _ => Ok(Value::UNIT),
    }
}

/// An operator with two operands; of `&&` and `||`, both are there.
pub fn binary(op: BinaryOp, one: &Value, two: &Value) -> Result<Value, Fault> {
    match op {
        BinaryOp::Eq => return Ok(Value::Bool(one == two)),
        BinaryOp::Ne => return Ok(Value::Bool(one != two)),
        BinaryOp::Lt => return Ok(Value::Bool(one.compare(two).is_some_and(|order| order.is_lt()))),
        BinaryOp::Le => return Ok(Value::Bool(one.compare(two).is_some_and(|order| order.is_le()))),
        BinaryOp::Gt => return Ok(Value::Bool(one.compare(two).is_some_and(|order| order.is_gt()))),
        BinaryOp::Ge => return Ok(Value::Bool(one.compare(two).is_some_and(|order| order.is_ge()))),
        BinaryOp::And => return Ok(Value::Bool(one.is_true() && two.is_true())),
        BinaryOp::Or => return Ok(Value::Bool(one.is_true() || two.is_true())),
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => {}
    }
    match (one, two) {
        (Value::Int(a, ty), Value::Int(b, _)) => {
            let fault = if matches!(op, BinaryOp::Div | BinaryOp::Rem) { DIVIDES } else { OVERFLOWS };
            integers(op, *a, *b, *ty).ok_or(fault)
        }
        (Value::Float(a, ty), Value::Float(b, _)) => Ok(Value::Float(floats(op, *a, *b, *ty), *ty)),
        (Value::Str(a), Value::Str(b)) => Value::text(format!("{a}{b}")).limited().ok_or(TOO_LARGE),
        _ => Ok(Value::UNIT),
    }
}

fn integers(op: BinaryOp, a: i128, b: i128, ty: IntTy) -> Option<Value> {
    if is_u128(ty) {
        let (a, b) = (a.cast_unsigned(), b.cast_unsigned());
        let number = match op {
            BinaryOp::Add => a.checked_add(b),
            BinaryOp::Sub => a.checked_sub(b),
            BinaryOp::Mul => a.checked_mul(b),
            BinaryOp::Div => a.checked_div(b),
            _ => a.checked_rem(b),
        };
        return number.map(|number| Value::Int(number.cast_signed(), ty));
    }
    let number = match op {
        BinaryOp::Add => a.checked_add(b),
        BinaryOp::Sub => a.checked_sub(b),
        BinaryOp::Mul => a.checked_mul(b),
        BinaryOp::Div => a.checked_div(b),
        // `MIN % -1` overflows in Rust, as the division does.
        _ => a.checked_div(b).and_then(|quotient| fit(quotient, ty)).and_then(|_| a.checked_rem(b)),
    };
    number.and_then(|number| fit(number, ty))
}

fn floats(op: BinaryOp, a: f64, b: f64, ty: FloatTy) -> f64 {
    match ty {
        FloatTy::F32 => {
            let (a, b) = (a as f32, b as f32);
            f64::from(match op {
                BinaryOp::Add => a + b,
                BinaryOp::Sub => a - b,
                BinaryOp::Mul => a * b,
                BinaryOp::Div => a / b,
                _ => a % b,
            })
        }
        FloatTy::F64 => match op {
            BinaryOp::Add => a + b,
            BinaryOp::Sub => a - b,
            BinaryOp::Mul => a * b,
            BinaryOp::Div => a / b,
            _ => a % b,
        },
    }
}

/// `value[index]`
pub fn index(value: &Value, index: &Value) -> Result<Value, Fault> {
    match value {
        Value::Vec(items) => index.as_size().and_then(|index| items.get(index)).cloned().ok_or(OUT_OF_RANGE),
        Value::Map(entries) => {
            let entry = entries.iter().find(|(key, _)| key == index);
            entry.map(|(_, value)| value.clone()).ok_or(OUT_OF_RANGE)
        }
        _ => Ok(Value::UNIT),
    }
}

/// `value.name`
pub fn field(value: &Value, name: &str) -> Value {
    let Value::Struct(fields) = value else { return Value::UNIT };
    fields.iter().find(|(known, _)| known == name).map_or(Value::UNIT, |(_, value)| value.clone())
}

/// `value.0`
pub fn tuple_field(value: &Value, index: u32) -> Value {
    let Value::Tuple(items) = value else { return Value::UNIT };
    items.get(index as usize).cloned().unwrap_or(Value::UNIT)
}

/// A struct or variant of its parts, those that are not given from `base`.
pub fn construct(hir: &Hir, constructor: Constructor, fields: Vec<(u32, Value)>, base: Option<Value>) -> Value {
    let only = |fields: Vec<(u32, Value)>| fields.into_iter().next().map_or(Value::UNIT, |(_, value)| value);
    let named = |declared: &[crate::hir::Field], fields: Vec<(u32, Value)>| {
        let part = |(index, declared): (u32, &crate::hir::Field)| {
            let name = declared.name.name.clone();
            let given = fields.iter().find(|(given, _)| *given == index).map(|(_, value)| value.clone());
            let value = given.or_else(|| base.as_ref().map(|base| field(base, &name)));
            (name, value.unwrap_or(Value::UNIT))
        };
        (0..).zip(declared).map(part).collect()
    };
    match constructor {
        Constructor::Some => Value::option(Some(only(fields))),
        Constructor::None => Value::option(None),
        Constructor::Ok => Value::Result(Ok(Box::new(only(fields)))),
        Constructor::Err => Value::Result(Err(Box::new(only(fields)))),
        Constructor::Struct(id) => Value::Struct(named(hir.type_def(id).fields(), fields)),
        Constructor::Variant(id, index) => {
            let Some(variant) = hir.type_def(id).variants().get(index as usize) else { return Value::UNIT };
            let (name, shape) = (variant.name.name.clone(), variant.shape);
            Value::Variant { index, name, shape, fields: named(&variant.fields, fields) }
        }
    }
}

/// Whether a value is of a pattern; the variables get their parts of it.
pub fn matches(pattern: &Pattern, value: &Value, bound: &mut Vec<(LocalId, Value)>) -> bool {
    match (&pattern.kind, value) {
        (PatternKind::Wildcard, _) => true,
        (PatternKind::Bind(local), value) => {
            bound.push((*local, value.clone()));
            true
        }
        (PatternKind::Literal(literal), value) => Value::literal(literal, &pattern.ty) == *value,
        (PatternKind::Tuple(items), Value::Tuple(values)) => {
            items.iter().zip(values).all(|(item, value)| matches(item, value, bound))
        }
        (PatternKind::Construct(constructor, fields), value) => match (constructor, value) {
            (Constructor::Some, Value::Option(Some(value))) => {
                fields.iter().all(|(_, field)| matches(field, value, bound))
            }
            (Constructor::Ok, Value::Result(Ok(value))) | (Constructor::Err, Value::Result(Err(value))) => {
                fields.iter().all(|(_, field)| matches(field, value, bound))
            }
            (Constructor::None, Value::Option(None)) => true,
            (Constructor::Struct(_), Value::Struct(values)) => parts(fields, values, bound),
            (Constructor::Variant(_, wanted), Value::Variant { index, fields: values, .. }) => {
                wanted == index && parts(fields, values, bound)
            }
            _ => false,
        },
        (PatternKind::Tuple(_), _) => false,
    }
}

fn parts(fields: &[(u32, Pattern)], values: &[(String, Value)], bound: &mut Vec<(LocalId, Value)>) -> bool {
    fields
        .iter()
        .all(|(index, field)| values.get(*index as usize).is_some_and(|(_, value)| matches(field, value, bound)))
}

/// A step on the way to a part of a value, its index computed.
#[derive(Clone, Debug)]
pub enum Way {
    /// `.name`
    Field(String),
    /// `.0`
    TupleField(u32),
    /// `[index]`
    Index(Value),
}

/// A part of a value, to be changed.
pub fn part_mut<'v>(value: &'v mut Value, path: &[Way]) -> Result<&'v mut Value, Fault> {
    let mut part = value;
    for step in path {
        part = match (step, part) {
            (Way::Field(name), Value::Struct(fields)) => {
                let field = fields.iter_mut().find(|(known, _)| known == name);
                &mut field.ok_or(OUT_OF_RANGE)?.1
            }
            (Way::TupleField(index), Value::Tuple(items)) => items.get_mut(*index as usize).ok_or(OUT_OF_RANGE)?,
            (Way::Index(index), Value::Vec(items)) => {
                let index = index.as_size().ok_or(OUT_OF_RANGE)?;
                items.get_mut(index).ok_or(OUT_OF_RANGE)?
            }
            _ => return Err(OUT_OF_RANGE),
        };
    }
    Ok(part)
}

/// What is computed of two values.
pub(super) fn two_of(
    values: &[Value],
    compute: impl FnOnce(&Value, &Value) -> Result<Value, Fault>,
) -> Result<Value, Fault> {
    match values {
        [one, two] => compute(one, two),
        _ => Ok(Value::UNIT),
    }
}
