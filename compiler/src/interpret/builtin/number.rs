//! Built-ins of integers and floats.

use std::cmp::Ordering;

use crate::hir::growth::VALUE_PARTS_MAX;
use crate::hir::{FloatTy, IntTy, Ty};
use crate::interpret::compute::{binary, fit};
use crate::interpret::value::{Value, is_u128};
use crate::syntax::ast::BinaryOp;

const U32: IntTy = IntTy { signed: false, bits: Some(32) };

pub(super) fn u32_value(number: u32) -> Value {
    Value::Int(i128::from(number), U32)
}

/// `start..end`, `start..=end`
pub(super) fn range(start: &Value, end: &Value, inclusive: bool) -> Option<Value> {
    let (Value::Int(start, ty), Value::Int(end, _)) = (start, end) else { return None };
    let past_end = if inclusive { end.checked_add(1)? } else { *end };
    let count = past_end.checked_sub(*start).unwrap_or(if past_end > *start { i128::MAX } else { 0 });
    let fits = usize::try_from(count).is_ok_and(|count| count <= VALUE_PARTS_MAX) || count < 0;
    fits.then(|| Value::Vec((*start..past_end).map(|number| Value::Int(number, *ty)).collect()))
}

fn least(ty: IntTy) -> i128 {
    match (ty.signed, ty.bits.unwrap_or(64)) {
        (false, _) => 0,
        (true, 128) => i128::MIN,
        (true, bits) => -(1_i128 << (bits - 1)),
    }
}

fn most(ty: IntTy) -> i128 {
    match (ty.signed, ty.bits.unwrap_or(64)) {
        // All bits set.
        (false, 128) => -1,
        (true, 128) => i128::MAX,
        (signed, bits) => (1_i128 << (u32::from(bits) - u32::from(signed))) - 1,
    }
}

fn power(base: i128, exponent: u32, ty: IntTy) -> Option<Value> {
    match is_u128(ty) {
        true => base.cast_unsigned().checked_pow(exponent).map(|number| Value::Int(number.cast_signed(), ty)),
        false => base.checked_pow(exponent).and_then(|number| fit(number, ty)),
    }
}

fn euclid(name: &str, one: i128, two: i128, ty: IntTy) -> Option<Value> {
    if is_u128(ty) {
        let op = if name == "div_euclid" { BinaryOp::Div } else { BinaryOp::Rem };
        return binary(op, &Value::Int(one, ty), &Value::Int(two, ty)).ok();
    }
    let quotient = one.checked_div_euclid(two).and_then(|quotient| fit(quotient, ty))?;
    match name {
        "div_euclid" => Some(quotient),
        _ => one.checked_rem_euclid(two).and_then(|rest| fit(rest, ty)),
    }
}

/// The operator that a method stands for.
fn operator(name: &str) -> BinaryOp {
    match name.rsplit('_').next() {
        Some("add") => BinaryOp::Add,
        Some("sub") => BinaryOp::Sub,
        Some("mul") => BinaryOp::Mul,
        Some("div") => BinaryOp::Div,
        _ => BinaryOp::Rem,
    }
}

fn saturating(name: &str, (number, ty): (i128, IntTy), two: &Value) -> Value {
    let Value::Int(other, _) = two else { return Value::UNIT };
    let computed = binary(operator(name), &Value::Int(number, ty), two);
    computed.unwrap_or_else(|_| {
        let negative = |number: i128| ty.signed && number < 0;
        let below = match name {
            "saturating_mul" => negative(number) != negative(*other),
            "saturating_sub" => !negative(*other),
            _ => negative(*other),
        };
        Value::Int(if below { least(ty) } else { most(ty) }, ty)
    })
}

pub(super) fn integer(name: &str, (number, ty): (i128, IntTy), args: &[Value], result: &Ty) -> Option<Value> {
    let own = Value::Int(number, ty);
    let first = args.first();
    let exponent = || first.and_then(Value::as_size).and_then(|exponent| u32::try_from(exponent).ok());
    Some(match name {
        "min" | "max" | "clamp" => return ordered(name, own, args),
        "pow" => return power(number, exponent()?, ty),
        "checked_pow" => Value::option(power(number, exponent()?, ty)),
        "rem_euclid" | "div_euclid" => match first? {
            Value::Int(other, _) => return euclid(name, number, *other, ty),
            _ => return None,
        },
        name if name.starts_with("checked_") => Value::option(binary(operator(name), &own, first?).ok()),
        name if name.starts_with("saturating_") => saturating(name, (number, ty), first?),
        "abs" if number == least(ty) => return None,
        "abs" => Value::Int(number.abs(), ty),
        "signum" => Value::Int(number.signum(), ty),
        "is_negative" => Value::Bool(number < 0),
        "is_positive" => Value::Bool(number > 0),
        _ => return convert(number, ty, result),
    })
}

fn convert(number: i128, ty: IntTy, result: &Ty) -> Option<Value> {
    match result {
        Ty::Int(to) if is_u128(ty) && is_u128(*to) => Some(Value::Int(number, *to)),
        // A number of `u128` above all of `i128` has the bits of one below zero, and fits nothing else.
        Ty::Int(_) if is_u128(ty) && number < 0 => None,
        Ty::Int(to) => fit(number, *to),
        Ty::Float(float) => {
            let unsigned = is_u128(ty).then(|| number.cast_unsigned());
            let wide = match (float, unsigned) {
                (FloatTy::F32, None) => f64::from(number as f32),
                (FloatTy::F32, Some(number)) => f64::from(number as f32),
                (FloatTy::F64, None) => number as f64,
                (FloatTy::F64, Some(number)) => number as f64,
            };
            wide.is_finite().then_some(Value::Float(wide, *float))
        }
        _ => None,
    }
}

/// `min`, `max` and `clamp` of what has an order.
fn ordered(name: &str, own: Value, args: &[Value]) -> Option<Value> {
    let (one, two) = (args.first()?, args.get(1));
    let is_less = |a: &Value, b: &Value| a.compare(b) == Some(Ordering::Less);
    Some(match (name, two) {
        ("min", _) => {
            if is_less(one, &own) {
                one.clone()
            } else {
                own
            }
        }
        ("max", _) => {
            if is_less(one, &own) {
                own
            } else {
                one.clone()
            }
        }
        (_, Some(two)) if one.compare(two).is_some_and(Ordering::is_le) => {
            if is_less(&own, one) {
                one.clone()
            } else if is_less(two, &own) {
                two.clone()
            } else {
                own
            }
        }
        _ => return None,
    })
}

pub(super) fn float(name: &str, (number, ty): (f64, FloatTy), args: &[Value], result: &Ty) -> Option<Value> {
    let round = |number: f64| match ty {
        FloatTy::F32 => Value::Float(f64::from(number as f32), ty),
        FloatTy::F64 => Value::Float(number, ty),
    };
    let other = |index: usize| match args.get(index) {
        Some(Value::Float(other, _)) => *other,
        _ => 0.0,
    };
    Some(match name {
        "floor" => round(number.floor()),
        "ceil" => round(number.ceil()),
        "round" => round(number.round()),
        "trunc" => round(number.trunc()),
        "fract" => round(number.fract()),
        "abs" => round(number.abs()),
        "signum" => round(number.signum()),
        "sqrt" => round(number.sqrt()),
        "min" => round(number.min(other(0))),
        "max" => round(number.max(other(0))),
        "clamp" if other(0) <= other(1) => round(number.clamp(other(0), other(1))),
        "clamp" => return None,
        "is_nan" => Value::Bool(number.is_nan()),
        "is_finite" => Value::Bool(number.is_finite()),
        "is_infinite" => Value::Bool(number.is_infinite()),
        "to_f64" => Value::Float(number, FloatTy::F64),
        "to_f32" => {
            let narrow = number as f32;
            (narrow.is_finite() || !number.is_finite()).then_some(())?;
            Value::Float(f64::from(narrow), FloatTy::F32)
        }
        _ => {
            let Ty::Int(to) = result else { return None };
            let whole = number.trunc();
            let integer = whole as i128;
            (integer as f64 == whole).then_some(())?;
            return fit(integer, *to);
        }
    })
}
