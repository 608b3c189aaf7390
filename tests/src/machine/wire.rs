//! Values as they are sent and recorded: text that says by itself what it is, for programs hand on values whose types they do not know.

use chor::hir::{FloatTy, IntTy, VariantShape};
use chor::interpret::Value;
use serde::{Deserialize, Serialize};

/// A value that is sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
pub struct Wire(pub Value);

type Fields = Vec<(String, Form)>;

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Form {
    Bool(bool),
    Int(i128, bool, Option<u8>),
    Float(u64, bool),
    Char(char),
    Str(String),
    Tuple(Vec<Form>),
    Vec(Vec<Form>),
    Map(Vec<(Form, Form)>),
    Option(Option<Box<Form>>),
    Result(Result<Box<Form>, Box<Form>>),
    Struct(Fields),
    Variant(u32, String, u8, Fields),
}

fn form_fields(fields: Vec<(String, Value)>) -> Fields {
    fields.into_iter().map(|(name, value)| (name, value.into())).collect()
}

fn value_fields(fields: Fields) -> Vec<(String, Value)> {
    fields.into_iter().map(|(name, form)| (name, form.into())).collect()
}

impl From<Wire> for Form {
    fn from(wire: Wire) -> Self {
        wire.0.into()
    }
}

impl From<Form> for Wire {
    fn from(form: Form) -> Self {
        Self(form.into())
    }
}

impl From<Value> for Form {
    fn from(value: Value) -> Self {
        let all = |items: Vec<Value>| items.into_iter().map(Form::from).collect();
        let boxed = |value: Box<Value>| Box::new(Form::from(*value));
        match value {
            Value::Bool(value) => Form::Bool(value),
            Value::Int(number, ty) => Form::Int(number, ty.signed, ty.bits),
            Value::Float(number, ty) => Form::Float(number.to_bits(), ty == FloatTy::F32),
            Value::Char(character) => Form::Char(character),
            Value::Str(text) => Form::Str(text),
            Value::Tuple(items) => Form::Tuple(all(items)),
            Value::Vec(items) => Form::Vec(all(items)),
            Value::Map(entries) => {
                Form::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
            Value::Option(option) => Form::Option(option.map(boxed)),
            Value::Result(result) => Form::Result(result.map(boxed).map_err(boxed)),
            Value::Struct(fields) => Form::Struct(form_fields(fields)),
            Value::Variant { index, name, shape, fields } => {
                let shape = match shape {
                    VariantShape::Unit => 0,
                    VariantShape::Tuple => 1,
                    VariantShape::Struct => 2,
                };
                Form::Variant(index, name, shape, form_fields(fields))
            }
        }
    }
}

impl From<Form> for Value {
    fn from(form: Form) -> Self {
        let all = |items: Vec<Form>| items.into_iter().map(Value::from).collect();
        let boxed = |form: Box<Form>| Box::new(Value::from(*form));
        match form {
            Form::Bool(value) => Value::Bool(value),
            Form::Int(number, signed, bits) => Value::Int(number, IntTy { signed, bits }),
            Form::Float(bits, true) => Value::Float(f64::from_bits(bits), FloatTy::F32),
            Form::Float(bits, false) => Value::Float(f64::from_bits(bits), FloatTy::F64),
            Form::Char(character) => Value::Char(character),
            Form::Str(text) => Value::Str(text),
            Form::Tuple(items) => Value::Tuple(all(items)),
            Form::Vec(items) => Value::Vec(all(items)),
            Form::Map(entries) => {
                Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
            }
            Form::Option(option) => Value::Option(option.map(boxed)),
            Form::Result(result) => Value::Result(result.map(boxed).map_err(boxed)),
            Form::Struct(fields) => Value::Struct(value_fields(fields)),
            Form::Variant(index, name, shape, fields) => {
                let shape = match shape {
                    0 => VariantShape::Unit,
                    1 => VariantShape::Tuple,
                    _ => VariantShape::Struct,
                };
                Value::Variant { index, name, shape, fields: value_fields(fields) }
            }
        }
    }
}
