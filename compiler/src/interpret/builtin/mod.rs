//! The built-in methods, by their names and the values they are called on. `hir::builtin` says which of them there are, with their types.

mod collection;
mod number;
mod text;

use super::value::Value;
use crate::hir::Ty;
use crate::hir::builtin::Builtin;

/// What a built-in that changes nothing gives, where its result is of type `ty`; `None` where it aborts.
pub fn call(builtin: Builtin, operands: &[Value], ty: &Ty) -> Option<Value> {
    let made = made(builtin.name(), operands, ty)?;
    if builtin.grows() { made.limited() } else { Some(made) }
}

fn made(name: &str, operands: &[Value], ty: &Ty) -> Option<Value> {
    let unit = Value::UNIT;
    let (receiver, args) = operands.split_first().unwrap_or((&unit, &[]));
    match (receiver, name) {
        (_, "to_string") => Some(Value::text(receiver.display())),
        (Value::Int(..), ".." | "..=") => number::range(receiver, args.first()?, name == "..="),
        (Value::Str(text), _) => text::call(name, text, args, ty),
        (Value::Char(character), _) => text::character(name, *character, args),
        (Value::Int(number, int), _) => number::integer(name, (*number, *int), args, ty),
        (Value::Float(number, float), _) => number::float(name, (*number, *float), args, ty),
        (Value::Vec(items), _) => collection::vec(name, items, args, ty),
        (Value::Option(option), _) => collection::option(name, option.as_deref(), args),
        (Value::Result(result), _) => collection::result(name, result, args),
        (Value::Map(entries), _) => collection::map(name, entries, args),
        // `Map::new()` has no receiver.
        _ => Some(Value::Map(Vec::new())),
    }
}

/// What a built-in that changes `target` gives; `None` where it aborts, and then nothing is changed. Whether the variable is too large
/// now of which the target is a part is for the caller to see.
pub fn mutate(builtin: Builtin, target: &mut Value, args: &[Value]) -> Option<Value> {
    let name = builtin.name();
    match target {
        Value::Str(text) => text::mutate(name, text, args),
        Value::Vec(items) => collection::mutate_vec(name, items, args),
        Value::Map(entries) => collection::mutate_map(name, entries, args),
        Value::Option(option) => {
            let before = match name {
                "replace" => option.replace(Box::new(args.first()?.clone())),
                _ => option.take(),
            };
            Some(Value::Option(before))
        }
        _ => Some(Value::UNIT),
    }
}
