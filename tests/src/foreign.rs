//! What random programs take from Rust: types that choreographies see little or nothing of, and functions that every role computes.

use chor::hir::{FloatTy, IntTy};
use chor::interpret::Value;
use serde::{Deserialize, Serialize};

/// A type of which choreographies see a field, and may compare values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coin {
    /// What it is worth.
    pub cents: u32,
}

/// A type of which choreographies know nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seal {}

/// A coin.
pub fn mint(cents: &u32) -> Coin {
    Coin { cents: cents % 1_000 }
}

/// A seal.
pub fn stamp(_text: &str, _xs: &[u32]) -> Seal {
    Seal {}
}

/// What a coin weighs.
pub fn weight(coin: &Coin, scale: &f64) -> f64 {
    f64::from(coin.cents) * 0.25 + scale
}

fn number(value: u32) -> Value {
    Value::Int(i128::from(value), IntTy { signed: false, bits: Some(32) })
}

fn number_of(value: &Value) -> Option<u32> {
    match value {
        Value::Int(number, _) => u32::try_from(*number).ok(),
        _ => None,
    }
}

/// The function of that name, of values.
pub fn call(name: &str, arguments: &[Value]) -> Option<Value> {
    match (name, arguments) {
        ("mint", [cents]) => {
            let coin = mint(&number_of(cents)?);
            Some(Value::Struct(vec![("cents".to_owned(), number(coin.cents))]))
        }
        ("stamp", [Value::Str(_), Value::Vec(_)]) => Some(Value::Struct(Vec::new())),
        ("weight", [Value::Struct(fields), Value::Float(scale, _)]) => {
            let cents = number_of(&fields.first()?.1)?;
            Some(Value::Float(weight(&Coin { cents }, scale), FloatTy::F64))
        }
        _ => None,
    }
}
