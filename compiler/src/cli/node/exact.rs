//! Reads a node's answer without rounding: a tree of JSON holds integers of 64 bits and
//! floating-point numbers, and a value of a user's may have others. So the text of such a value
//! stays text.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

/// The field that holds a value of a user's, beside its size in [`BYTES`].
const JSON: &str = "json";
const BYTES: &str = "bytes";

/// The answer, in which `json` of every value of a user's is a string: the value's own text.
pub fn read(line: &str) -> Result<Value, String> {
    let whole: Result<&RawValue, _> = serde_json::from_str(line);
    whole
        .and_then(tree)
        .map_err(|error| format!("the node's answer is no JSON ({error}); is that the socket of a node?"))
}

fn tree(raw: &RawValue) -> Result<Value, serde_json::Error> {
    match raw.get().bytes().next() {
        Some(b'{') => {
            let fields: BTreeMap<String, &RawValue> = serde_json::from_str(raw.get())?;
            let is_value = fields.contains_key(BYTES);
            let field = |(name, raw): (String, &RawValue)| match is_value && name == JSON {
                true => Ok((name, Value::String(raw.get().to_owned()))),
                false => Ok((name, tree(raw)?)),
            };
            fields.into_iter().map(field).collect()
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw.get())?;
            items.into_iter().map(tree).collect::<Result<_, _>>().map(Value::Array)
        }
        _ => serde_json::from_str(raw.get()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_users_keep_all_their_digits() {
        let line = r#"{"version":1,"answer":{"parts":[{"arguments":{"bytes":9,"json":[340282366920938463463374607431768211455,-170141183460469231731687303715884105728,0.10000000000000000000001]},"n":7}]}}"#;
        let part = json!({
            "arguments": {
                "bytes": 9,
                "json": "[340282366920938463463374607431768211455,-170141183460469231731687303715884105728,0.10000000000000000000001]",
            },
            "n": 7,
        });
        assert_eq!(read(line), Ok(json!({ "version": 1, "answer": { "parts": [part] } })));
        read("no JSON").expect_err("it is none");
        read("{\"a\":[1,}").expect_err("it is none");
    }
}
