//! Built-ins of `Vec`, `Option`, `Result` and `Map`.

use std::cmp::Ordering;

use crate::hir::Ty;
use crate::hir::growth::VALUE_PARTS_MAX;
use crate::interpret::compute::binary;
use crate::interpret::value::Value;
use crate::syntax::ast::BinaryOp;

fn items_of(value: Option<&Value>) -> &[Value] {
    match value {
        Some(Value::Vec(items)) => items,
        _ => &[],
    }
}

fn order(one: &Value, two: &Value) -> Ordering {
    one.compare(two).unwrap_or(Ordering::Equal)
}

fn pair(one: Value, two: Value) -> Value {
    Value::Tuple(vec![one, two])
}

fn slice(items: Option<&[Value]>) -> Option<Value> {
    items.map(|items| Value::Vec(items.to_vec()))
}

pub(super) fn vec(name: &str, items: &[Value], args: &[Value], ty: &Ty) -> Option<Value> {
    let (first, second) = (args.first(), args.get(1));
    let size = |value: Option<&Value>| value.and_then(Value::as_size);
    let own = || items.iter().cloned();
    Some(match name {
        "len" => Value::size(items.len()),
        "is_empty" => Value::Bool(items.is_empty()),
        "first" => Value::option(items.first().cloned()),
        "last" => Value::option(items.last().cloned()),
        "get" => Value::option(size(first).and_then(|index| items.get(index)).cloned()),
        "with" => Value::Vec(own().chain(first.cloned()).collect()),
        "concat" => Value::Vec(own().chain(items_of(first).iter().cloned()).collect()),
        "reversed" => Value::Vec(own().rev().collect()),
        "enumerate" => Value::Vec((0..).map(Value::size).zip(own()).map(|(index, item)| pair(index, item)).collect()),
        "zip" => Value::Vec(own().zip(items_of(first).iter().cloned()).map(|(one, two)| pair(one, two)).collect()),
        "contains" => Value::Bool(first.is_some_and(|item| items.contains(item))),
        "index_of" => Value::option(items.iter().position(|item| Some(item) == first).map(Value::size)),
        "starts_with" => Value::Bool(items.starts_with(items_of(first))),
        "ends_with" => Value::Bool(items.ends_with(items_of(first))),
        "min" => Value::option(own().min_by(order)),
        "max" => Value::option(own().max_by(order)),
        "sorted" => {
            let mut items = items.to_vec();
            items.sort_by(order);
            Value::Vec(items)
        }
        "sum" => {
            let zero = match ty {
                Ty::Float(float) => Value::Float(0.0, *float),
                Ty::Int(int) => Value::Int(0, *int),
                _ => return None,
            };
            return items.iter().try_fold(zero, |sum, item| binary(BinaryOp::Add, &sum, item)).ok();
        }
        "join" => {
            let texts: Vec<String> = items.iter().map(Value::display).collect();
            let separator = first?.display();
            let between = texts.len().saturating_sub(1).checked_mul(separator.len())?;
            let bytes = texts.iter().try_fold(between, |sum, text| sum.checked_add(text.len()))?;
            (bytes <= VALUE_PARTS_MAX).then(|| Value::text(texts.join(&separator)))?
        }
        "flatten" => Value::Vec(items.iter().flat_map(|item| items_of(Some(item)).iter().cloned()).collect()),
        "from" => {
            let mut entries = Vec::new();
            for item in items {
                if let Value::Tuple(parts) = item
                    && let [key, value] = parts.as_slice()
                {
                    insert(&mut entries, key.clone(), value.clone());
                }
            }
            Value::Map(entries)
        }
        "[..]" => return slice(items.get(size(first)?..size(second)?)),
        "[..=]" => return slice(items.get(size(first)?..=size(second)?)),
        "[from ..]" => return slice(items.get(size(first)?..)),
        "[.. to]" => return slice(items.get(..size(first)?)),
        "[..= to]" => return slice(items.get(..=size(first)?)),
        _ => Value::Vec(items.to_vec()),
    })
}

pub(super) fn mutate_vec(name: &str, items: &mut Vec<Value>, args: &[Value]) -> Option<Value> {
    let (first, second) = (args.first(), args.get(1));
    let size = |value: Option<&Value>| value.and_then(Value::as_size);
    match name {
        "push" => items.extend(first.cloned()),
        "pop" => return Some(Value::option(items.pop())),
        "insert" => {
            let index = size(first).filter(|index| *index <= items.len())?;
            items.insert(index, second?.clone());
        }
        "remove" => return size(first).filter(|index| *index < items.len()).map(|index| items.remove(index)),
        "swap" => {
            let here = |index: &usize| *index < items.len();
            let (one, two) = (size(first).filter(here)?, size(second).filter(here)?);
            items.swap(one, two);
        }
        "truncate" => items.truncate(size(first)?),
        "extend" => items.extend(items_of(first).iter().cloned()),
        "reverse" => items.reverse(),
        "clear" => items.clear(),
        "dedup" => items.dedup(),
        "sort" => items.sort_by(order),
        _ => {}
    }
    Some(Value::UNIT)
}

pub(super) fn option(name: &str, option: Option<&Value>, args: &[Value]) -> Option<Value> {
    let (own, first) = (option.cloned(), args.first());
    Some(match name {
        "is_some" => Value::Bool(own.is_some()),
        "is_none" => Value::Bool(own.is_none()),
        "unwrap" => return own,
        "unwrap_or" => own.or_else(|| first.cloned())?,
        "or" => match own {
            Some(own) => Value::option(Some(own)),
            None => first?.clone(),
        },
        "ok_or" => Value::Result(match own {
            Some(own) => Ok(Box::new(own)),
            None => Err(Box::new(first?.clone())),
        }),
        "zip" => {
            let other = match first {
                Some(Value::Option(other)) => other.as_deref().cloned(),
                _ => None,
            };
            Value::option(own.zip(other).map(|(one, two)| pair(one, two)))
        }
        // Of `flatten`, the inner option is the result.
        _ => own.unwrap_or(Value::Option(None)),
    })
}

pub(super) fn result(name: &str, result: &Result<Box<Value>, Box<Value>>, args: &[Value]) -> Option<Value> {
    let (ok, err) =
        (result.as_ref().ok().map(|ok| ok.as_ref().clone()), result.as_ref().err().map(|e| e.as_ref().clone()));
    match name {
        "is_ok" => Some(Value::Bool(ok.is_some())),
        "is_err" => Some(Value::Bool(err.is_some())),
        "ok" => Some(Value::option(ok)),
        "err" => Some(Value::option(err)),
        "unwrap" => ok,
        "unwrap_err" => err,
        _ => ok.or_else(|| args.first().cloned()),
    }
}

fn insert(entries: &mut Vec<(Value, Value)>, key: Value, value: Value) -> Option<Value> {
    match entries.binary_search_by(|(known, _)| order(known, &key)) {
        Ok(index) => entries.get_mut(index).map(|entry| std::mem::replace(&mut entry.1, value)),
        Err(index) => {
            entries.insert(index, (key, value));
            None
        }
    }
}

fn remove(entries: &mut Vec<(Value, Value)>, key: &Value) -> Option<Value> {
    let index = entries.iter().position(|(known, _)| known == key)?;
    Some(entries.remove(index).1)
}

pub(super) fn map(name: &str, entries: &[(Value, Value)], args: &[Value]) -> Option<Value> {
    let found = || args.first().and_then(|key| entries.iter().find(|(known, _)| known == key));
    let entry =
        |entry: Option<&(Value, Value)>| Value::option(entry.map(|(key, value)| pair(key.clone(), value.clone())));
    let mut changed = entries.to_vec();
    Some(match name {
        "len" => Value::size(entries.len()),
        "is_empty" => Value::Bool(entries.is_empty()),
        "get" => Value::option(found().map(|(_, value)| value.clone())),
        "contains_key" => Value::Bool(found().is_some()),
        "keys" => Value::Vec(entries.iter().map(|(key, _)| key.clone()).collect()),
        "values" => Value::Vec(entries.iter().map(|(_, value)| value.clone()).collect()),
        "to_vec" => Value::Vec(entries.iter().map(|(key, value)| pair(key.clone(), value.clone())).collect()),
        "first_key_value" => entry(entries.first()),
        "last_key_value" => entry(entries.last()),
        "with" => {
            insert(&mut changed, args.first()?.clone(), args.get(1)?.clone());
            Value::Map(changed)
        }
        "without" => {
            remove(&mut changed, args.first()?);
            Value::Map(changed)
        }
        _ => Value::Map(changed),
    })
}

pub(super) fn mutate_map(name: &str, entries: &mut Vec<(Value, Value)>, args: &[Value]) -> Option<Value> {
    let whole = |entry: Option<(Value, Value)>| Value::option(entry.map(|(key, value)| pair(key, value)));
    Some(match name {
        "insert" => Value::option(insert(entries, args.first()?.clone(), args.get(1)?.clone())),
        "remove" => Value::option(remove(entries, args.first()?)),
        "pop_first" => whole((!entries.is_empty()).then(|| entries.remove(0))),
        "pop_last" => whole(entries.pop()),
        "extend" => {
            if let Some(Value::Map(more)) = args.first() {
                for (key, value) in more {
                    insert(entries, key.clone(), value.clone());
                }
            }
            Value::UNIT
        }
        _ => {
            entries.clear();
            Value::UNIT
        }
    })
}
