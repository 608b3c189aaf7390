//! Built-ins of `String` and `char`.

use super::number;
use crate::hir::growth::VALUE_PARTS_MAX;
use crate::hir::{FloatTy, IntTy, Ty};
use crate::interpret::value::Value;

fn str_of(value: Option<&Value>) -> &str {
    match value {
        Some(Value::Str(text)) => text,
        _ => "",
    }
}

fn texts<'a>(parts: impl Iterator<Item = &'a str>) -> Value {
    Value::Vec(parts.map(Value::text).collect())
}

fn maybe(text: Option<&str>) -> Value {
    Value::option(text.map(Value::text))
}

pub(super) fn call(name: &str, text: &str, args: &[Value], ty: &Ty) -> Option<Value> {
    let (first, second) = (args.first(), args.get(1));
    let arg = str_of(first);
    Some(match name {
        "len" => Value::size(text.len()),
        "is_empty" => Value::Bool(text.is_empty()),
        "contains" => Value::Bool(text.contains(arg)),
        "starts_with" => Value::Bool(text.starts_with(arg)),
        "ends_with" => Value::Bool(text.ends_with(arg)),
        "find" => Value::option(text.find(arg).map(Value::size)),
        "to_lowercase" => Value::text(text.to_lowercase()),
        "to_uppercase" => Value::text(text.to_uppercase()),
        "trim" => Value::text(text.trim()),
        "trim_start" => Value::text(text.trim_start()),
        "trim_end" => Value::text(text.trim_end()),
        "strip_prefix" => maybe(text.strip_prefix(arg)),
        "strip_suffix" => maybe(text.strip_suffix(arg)),
        "replace" => {
            let (from, to) = (arg, str_of(second));
            let growth = text.matches(from).count().checked_mul(to.len().saturating_sub(from.len()))?;
            text.len().checked_add(growth).filter(|bytes| *bytes <= VALUE_PARTS_MAX)?;
            Value::text(text.replace(from, to))
        }
        "repeat" => {
            let count = first?.as_size()?;
            text.len().checked_mul(count).filter(|length| *length <= VALUE_PARTS_MAX)?;
            Value::text(text.repeat(count))
        }
        "concat" => Value::text(format!("{text}{arg}")),
        "chars" => Value::Vec(text.chars().map(Value::Char).collect()),
        "lines" => texts(text.lines()),
        "split" => texts(text.split(arg)),
        "split_whitespace" => texts(text.split_whitespace()),
        "split_once" => {
            Value::option(text.split_once(arg).map(|(one, two)| Value::Tuple(vec![Value::text(one), Value::text(two)])))
        }
        name if name.starts_with("parse_") => Value::option(parse(text, ty)),
        "[..]" => maybe_slice(text.get(first?.as_size()?..second?.as_size()?))?,
        "[..=]" => maybe_slice(text.get(first?.as_size()?..=second?.as_size()?))?,
        "[from ..]" => maybe_slice(text.get(first?.as_size()?..))?,
        "[.. to]" => maybe_slice(text.get(..first?.as_size()?))?,
        "[..= to]" => maybe_slice(text.get(..=first?.as_size()?))?,
        _ => Value::text(text),
    })
}

fn maybe_slice(slice: Option<&str>) -> Option<Value> {
    slice.map(Value::text)
}

fn parse(text: &str, ty: &Ty) -> Option<Value> {
    let Ty::Option(item) = ty else { return None };
    match item.as_ref() {
        Ty::Int(int) if *int == (IntTy { signed: false, bits: Some(128) }) => {
            text.parse::<u128>().ok().map(|number| Value::Int(number.cast_signed(), *int))
        }
        // A sign that the type does not have is no number in Rust either, but for a plus.
        Ty::Int(int) if !int.signed && text.starts_with('-') => None,
        Ty::Int(int) => text.parse::<i128>().ok().and_then(|number| super::super::compute::fit(number, *int)),
        Ty::Float(FloatTy::F32) => text.parse::<f32>().ok().map(|number| Value::Float(f64::from(number), FloatTy::F32)),
        Ty::Float(FloatTy::F64) => text.parse::<f64>().ok().map(|number| Value::Float(number, FloatTy::F64)),
        _ => None,
    }
}

pub(super) fn mutate(name: &str, text: &mut String, args: &[Value]) -> Option<Value> {
    match (name, args.first()) {
        ("push", Some(Value::Char(character))) => text.push(*character),
        ("push_str", Some(Value::Str(more))) => text.push_str(more),
        ("pop", _) => return Some(Value::option(text.pop().map(Value::Char))),
        ("clear", _) => text.clear(),
        _ => {}
    }
    Some(Value::UNIT)
}

pub(super) fn character(name: &str, character: char, args: &[Value]) -> Option<Value> {
    Some(match name {
        "is_alphabetic" => Value::Bool(character.is_alphabetic()),
        "is_alphanumeric" => Value::Bool(character.is_alphanumeric()),
        "is_numeric" => Value::Bool(character.is_numeric()),
        "is_whitespace" => Value::Bool(character.is_whitespace()),
        "is_uppercase" => Value::Bool(character.is_uppercase()),
        "is_lowercase" => Value::Bool(character.is_lowercase()),
        "is_ascii" => Value::Bool(character.is_ascii()),
        "is_ascii_digit" => Value::Bool(character.is_ascii_digit()),
        "to_ascii_lowercase" => Value::Char(character.to_ascii_lowercase()),
        "to_ascii_uppercase" => Value::Char(character.to_ascii_uppercase()),
        "to_digit" => {
            let radix = args.first().and_then(Value::as_size).and_then(|radix| u32::try_from(radix).ok())?;
            (2..=36).contains(&radix).then_some(())?;
            Value::option(character.to_digit(radix).map(number::u32_value))
        }
        "to_u32" => number::u32_value(u32::from(character)),
        _ => Value::Char(character),
    })
}
