//! The values that the reference interpreter computes with, and their JSON, which is that of the Rust types that are generated for them.

use std::cmp::Ordering;
use std::fmt::Write;

use crate::hir::growth::VALUE_PARTS_MAX;
use crate::hir::{FloatTy, Hir, IntTy, Literal, Ty, TypeDefKind, VariantShape};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// An integer. One of `u128` is kept as the `i128` with the same bits.
    Int(i128, IntTy),
    /// A float; of `f32`, one that is exactly that.
    Float(f64, FloatTy),
    /// `char`
    Char(char),
    /// `String`
    Str(String),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A `Vec`.
    Vec(Vec<Value>),
    /// A `Map`, in the order of its keys.
    Map(Vec<(Value, Value)>),
    /// An `Option`.
    Option(Option<Box<Value>>),
    /// A `Result`.
    Result(Result<Box<Value>, Box<Value>>),
    /// A struct, or a type that Rust owns: its fields, in the order declared.
    Struct(Vec<(String, Value)>),
    /// A variant of an enum.
    Variant {
        /// Its index.
        index: u32,
        /// Its name.
        name: String,
        /// How it is written.
        shape: VariantShape,
        /// Its parts.
        fields: Vec<(String, Value)>,
    },
}

/// How deep a value that stands for an unknown one goes: types may hold themselves.
const DEPTH_MAX: u32 = 8;

impl Value {
    /// `()`
    pub const UNIT: Value = Value::Tuple(Vec::new());

    /// A `usize`.
    pub fn size(size: usize) -> Value {
        Value::Int(i128::try_from(size).unwrap_or(i128::MAX), IntTy::USIZE)
    }

    /// A `String`.
    pub fn text(text: impl Into<String>) -> Value {
        Value::Str(text.into())
    }

    /// How many values it is made of, characters of text included.
    pub fn weight(&self) -> u64 {
        let all = |parts: &mut dyn Iterator<Item = &Value>| parts.map(Value::weight).sum::<u64>();
        1 + match self {
            Value::Bool(_) | Value::Int(..) | Value::Float(..) | Value::Char(_) | Value::Option(None) => 0,
            Value::Str(text) => text.len() as u64,
            Value::Tuple(parts) | Value::Vec(parts) => all(&mut parts.iter()),
            Value::Map(entries) => all(&mut entries.iter().flat_map(|(key, value)| [key, value])),
            Value::Option(Some(part)) | Value::Result(Ok(part) | Err(part)) => part.weight(),
            Value::Struct(fields) | Value::Variant { fields, .. } => all(&mut fields.iter().map(|(_, part)| part)),
        }
    }

    /// How many parts it has, as the limit on its size counts them.
    pub fn parts(&self) -> usize {
        let all = |parts: &mut dyn Iterator<Item = &Value>| parts.map(Value::parts).sum::<usize>();
        let parts = match self {
            Value::Bool(_) | Value::Int(..) | Value::Float(..) | Value::Char(_) | Value::Option(None) => 1,
            Value::Str(text) => text.len(),
            Value::Tuple(parts) | Value::Vec(parts) => all(&mut parts.iter()),
            Value::Map(entries) => all(&mut entries.iter().flat_map(|(key, value)| [key, value])),
            Value::Option(Some(part)) | Value::Result(Ok(part) | Err(part)) => part.parts(),
            Value::Struct(fields) | Value::Variant { fields, .. } => all(&mut fields.iter().map(|(_, part)| part)),
        };
        parts.max(1)
    }

    /// The value, where it is no larger than a value may be.
    pub fn limited(self) -> Option<Value> {
        (self.parts() <= VALUE_PARTS_MAX).then_some(self)
    }

    /// `Some` or `None`.
    pub fn option(value: Option<Value>) -> Value {
        Value::Option(value.map(Box::new))
    }

    /// The value of a literal of that type.
    pub fn literal(literal: &Literal, ty: &Ty) -> Value {
        match (literal, ty) {
            (Literal::Int(magnitude, negative), ty) => {
                let int = if let Ty::Int(int) = ty { *int } else { IntTy::I32 };
                let bits = magnitude.cast_signed();
                Value::Int(if *negative { bits.wrapping_neg() } else { bits }, int)
            }
            (Literal::Float(text), Ty::Float(FloatTy::F32)) => {
                Value::Float(text.parse::<f32>().map_or(0.0, f64::from), FloatTy::F32)
            }
            (Literal::Float(text), _) => Value::Float(text.parse().unwrap_or(0.0), FloatTy::F64),
            (Literal::Str(text), _) => Value::Str(text.clone()),
            (Literal::Char(character), _) => Value::Char(*character),
            (Literal::Bool(value), _) => Value::Bool(*value),
        }
    }

    /// A value of a type, to stand for one that nobody will ever see.
    pub fn default_of(hir: &Hir, ty: &Ty) -> Value {
        default_of(hir, ty, 0)
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        *self == Value::Bool(true)
    }

    /// The number, where it is a `usize` or another integer that fits one.
    pub fn as_size(&self) -> Option<usize> {
        match self {
            Value::Int(number, ty) if !is_u128(*ty) => usize::try_from(*number).ok(),
            Value::Int(number, _) => usize::try_from(number.cast_unsigned()).ok(),
            _ => None,
        }
    }

    /// The JSON that serde makes of it.
    pub fn json(&self) -> String {
        let mut out = String::new();
        self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut String) {
        match self {
            Value::Bool(value) => _ = write!(out, "{value}"),
            Value::Int(..) => out.push_str(&self.digits()),
            Value::Float(value, _) if !value.is_finite() => out.push_str("null"),
            Value::Float(value, FloatTy::F32) => _ = write!(out, "{:?}", *value as f32),
            Value::Float(value, FloatTy::F64) => _ = write!(out, "{value:?}"),
            Value::Char(character) => write_string(&character.to_string(), out),
            Value::Str(text) => write_string(text, out),
            Value::Tuple(items) if items.is_empty() => out.push_str("null"),
            Value::Tuple(items) | Value::Vec(items) => write_all(items, out),
            Value::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.key(), value));
                write_object(entries, out);
            }
            Value::Option(None) => out.push_str("null"),
            Value::Option(Some(value)) => value.write_json(out),
            Value::Result(result) => {
                let (name, value) = match result {
                    Ok(value) => ("Ok", value),
                    Err(error) => ("Err", error),
                };
                write_object([(name.to_owned(), value.as_ref())].into_iter(), out);
            }
            Value::Struct(fields) => write_object(fields.iter().map(|(name, value)| (name.clone(), value)), out),
            Value::Variant { name, shape: VariantShape::Unit, .. } => write_string(name, out),
            Value::Variant { name, shape, fields, .. } => {
                out.push('{');
                write_string(name, out);
                out.push(':');
                match (shape, fields.as_slice()) {
                    (VariantShape::Tuple, [(_, only)]) => only.write_json(out),
                    (VariantShape::Tuple, _) => {
                        write_all(&fields.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(), out);
                    }
                    (VariantShape::Struct | VariantShape::Unit, _) => {
                        write_object(fields.iter().map(|(name, value)| (name.clone(), value)), out);
                    }
                }
                out.push('}');
            }
        }
    }

    /// The text of a key of a JSON object: numbers and `bool` become their text.
    fn key(&self) -> String {
        match self {
            Value::Str(text) => text.clone(),
            Value::Char(character) => character.to_string(),
            Value::Variant { name, .. } => name.clone(),
            other => other.json(),
        }
    }

    /// What `to_string` gives.
    pub fn display(&self) -> String {
        match self {
            Value::Bool(value) => value.to_string(),
            Value::Int(..) => self.digits(),
            Value::Float(value, FloatTy::F32) => (*value as f32).to_string(),
            Value::Float(value, FloatTy::F64) => value.to_string(),
            Value::Char(character) => character.to_string(),
            Value::Str(text) => text.clone(),
            other => other.json(),
        }
    }

    fn digits(&self) -> String {
        match self {
            Value::Int(number, ty) if is_u128(*ty) => number.cast_unsigned().to_string(),
            Value::Int(number, _) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The order of two values of one type; nothing where one is not a number.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Int(a, ty), Value::Int(b, _)) if is_u128(*ty) => Some(a.cast_unsigned().cmp(&b.cast_unsigned())),
            (Value::Int(a, _), Value::Int(b, _)) => Some(a.cmp(b)),
            (Value::Float(a, _), Value::Float(b, _)) => a.partial_cmp(b),
            (Value::Char(a), Value::Char(b)) => Some(a.cmp(b)),
            (Value::Str(a), Value::Str(b)) => Some(a.cmp(b)),
            (Value::Tuple(a), Value::Tuple(b)) | (Value::Vec(a), Value::Vec(b)) => compare_all(a, b),
            (Value::Option(a), Value::Option(b)) => match (a, b) {
                (None, None) => Some(Ordering::Equal),
                (None, Some(_)) => Some(Ordering::Less),
                (Some(_), None) => Some(Ordering::Greater),
                (Some(a), Some(b)) => a.compare(b),
            },
            (Value::Struct(a), Value::Struct(b)) => compare_fields(a, b),
            (Value::Variant { index: a, fields: one, .. }, Value::Variant { index: b, fields: two, .. }) => {
                if a == b {
                    compare_fields(one, two)
                } else {
                    Some(a.cmp(b))
                }
            }
            _ => None,
        }
    }
}

/// Whether an integer type is `u128`, whose numbers are kept by their bits.
pub(super) fn is_u128(ty: IntTy) -> bool {
    !ty.signed && ty.bits == Some(128)
}

fn compare_all(a: &[Value], b: &[Value]) -> Option<Ordering> {
    for (one, two) in a.iter().zip(b) {
        match one.compare(two)? {
            Ordering::Equal => {}
            other => return Some(other),
        }
    }
    Some(a.len().cmp(&b.len()))
}

fn compare_fields(a: &[(String, Value)], b: &[(String, Value)]) -> Option<Ordering> {
    let values = |fields: &[(String, Value)]| fields.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    compare_all(&values(a), &values(b))
}

fn write_all(items: &[Value], out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write_json(out);
    }
    out.push(']');
}

fn write_object<'a>(entries: impl Iterator<Item = (String, &'a Value)>, out: &mut String) {
    out.push('{');
    for (index, (name, value)) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        write_string(&name, out);
        out.push(':');
        value.write_json(out);
    }
    out.push('}');
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if u32::from(control) < 0x20 => _ = write!(out, "\\u{:04x}", u32::from(control)),
            other => out.push(other),
        }
    }
    out.push('"');
}

fn default_of(hir: &Hir, ty: &Ty, depth: u32) -> Value {
    if depth > DEPTH_MAX {
        return Value::UNIT;
    }
    let field = |name: &str, ty: &Ty| (name.to_owned(), default_of(hir, ty, depth + 1));
    match ty {
        Ty::Bool => Value::Bool(false),
        Ty::Int(int) => Value::Int(0, *int),
        Ty::Float(float) => Value::Float(0.0, *float),
        Ty::Char => Value::Char('a'),
        Ty::Str => Value::Str(String::new()),
        Ty::Tuple(items) => Value::Tuple(items.iter().map(|item| default_of(hir, item, depth + 1)).collect()),
        Ty::Option(_) => Value::Option(None),
        Ty::Result(ok, _) => Value::Result(Ok(Box::new(default_of(hir, ok, depth + 1)))),
        Ty::Vec(_) => Value::Vec(Vec::new()),
        Ty::Map(..) => Value::Map(Vec::new()),
        Ty::Named(id) => match &hir.type_def(*id).kind {
            TypeDefKind::Extern(_, fields) | TypeDefKind::Struct(fields) => {
                Value::Struct(fields.iter().map(|part| field(&part.name.name, &part.ty)).collect())
            }
            TypeDefKind::Enum(variants) => variants.first().map_or(Value::UNIT, |variant| Value::Variant {
                index: 0,
                name: variant.name.name.clone(),
                shape: variant.shape,
                fields: variant.fields.iter().map(|part| field(&part.name.name, &part.ty)).collect(),
            }),
        },
        Ty::Param(..) | Ty::Never | Ty::Var(_) | Ty::Error => Value::UNIT,
    }
}
