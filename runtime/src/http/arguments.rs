//! What a request carries: the arguments of an operation by name, as a JSON object.

use std::fmt::Write as _;

use serde::Serialize;
use serde::ser::Error as _;

use crate::json::to_json;

/// The arguments of an operation. Made by generated code.
#[derive(Debug, Default)]
pub struct Arguments(String);

impl Arguments {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// One more.
    ///
    /// # Errors
    /// Where JSON cannot hold it.
    pub fn with<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, serde_json::Error> {
        let json = |error| serde_json::Error::custom(format!("an argument {error}"));
        let (name, value) = (to_json(name, usize::MAX).map_err(json)?, to_json(value, usize::MAX).map_err(json)?);
        let comma = if self.0.is_empty() { "" } else { "," };
        let _ = write!(self.0, "{comma}{name}:{value}");
        Ok(self)
    }

    pub(super) fn into_json(self) -> String {
        format!("{{{}}}", self.0)
    }
}

/// A name as a part of a path.
pub(super) fn encoded(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => path.push(char::from(byte)),
            _ => _ = write!(path, "%{byte:02X}"),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_an_object() {
        let none: Option<&u64> = None;
        assert_eq!(Arguments::new().into_json(), "{}");
        let arguments =
            Arguments::new().with("größe", "a\"b").and_then(|all| all.with("n", &[1, 2])?.with("none", &none));
        assert_eq!(arguments.expect("they are JSON").into_json(), r#"{"größe":"a\"b","n":[1,2],"none":null}"#);
        assert!(Arguments::new().with("x", &f64::NAN).is_err());
    }

    #[test]
    fn a_name_is_a_part_of_a_path() {
        assert_eq!(encoded("charge_2"), "charge_2");
        assert_eq!(encoded("größe"), "gr%C3%B6%C3%9Fe");
    }
}
