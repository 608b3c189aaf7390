//! The JSON of a value without what a new field with a default adds to it, so that what is recorded can be compared with what
//! a later version of a type writes.
//!
//! A role that runs again after a deployment writes its values with the types of the new code. A type that has got a field with a
//! default (`#[serde(default)]`) reads what is recorded, and writes that field, too. So comparisons and digests go by the text
//! without members that are empty: `null`, `false`, `0`, `""`, `[]` and `{}`. Where all members of an object are empty, the first
//! one stays: it may be the name of a variant.

use std::borrow::Cow;

/// The texts of empty values.
const EMPTY: [&str; 7] = ["null", "false", "0", "0.0", "\"\"", "[]", "{}"];

/// The JSON without empty members of objects; any other text as it is.
#[must_use]
pub fn canonical(json: &str) -> Cow<'_, str> {
    // Most values have none: nothing behind a colon begins like one.
    let is_colon = |(at, byte): (usize, u8)| (byte == b':').then_some(at);
    let mut colons = json.bytes().enumerate().filter_map(is_colon);
    let begins_empty = |at: usize| {
        let value = json.as_bytes().get(at + 1..).unwrap_or_default();
        EMPTY.iter().any(|empty| value.starts_with(empty.as_bytes()))
    };
    if !colons.any(begins_empty) {
        return Cow::Borrowed(json);
    }
    let mut writer = Writer { out: String::with_capacity(json.len()), around: Vec::new() };
    match writer.write(json) {
        Some(()) if writer.around.is_empty() => Cow::Owned(writer.out),
        Some(()) | None => Cow::Borrowed(json),
    }
}

/// An array or object that is being written.
enum Around {
    Array,
    Object {
        /// Where the member that is being written begins, and where its value does.
        member: usize,
        value: usize,
        /// Whether there is a member before it.
        has_members: bool,
        /// The first member, where it was left out.
        first_empty: Option<String>,
    },
}

struct Writer {
    out: String,
    around: Vec<Around>,
}

impl Writer {
    /// Writes all of it; nothing where it is not JSON as serde writes it.
    fn write(&mut self, json: &str) -> Option<()> {
        let mut rest = json;
        while let Some(byte) = rest.bytes().next() {
            let length = match byte {
                b'"' => string_length(rest)?,
                b'{' | b'[' | b'}' | b']' | b',' | b':' => 1,
                _ => rest.find([',', ']', '}', ':']).unwrap_or(rest.len()),
            };
            let (token, behind) = rest.split_at_checked(length)?;
            rest = behind;
            self.token(byte, token)?;
        }
        Some(())
    }

    fn token(&mut self, byte: u8, token: &str) -> Option<()> {
        match (byte, self.around.last_mut()) {
            (b'{', _) => {
                self.out.push('{');
                let start = self.out.len();
                let object = Around::Object { member: start, value: start, has_members: false, first_empty: None };
                self.around.push(object);
            }
            (b'[', _) => {
                self.out.push('[');
                self.around.push(Around::Array);
            }
            (b':', Some(Around::Object { value, .. })) => {
                self.out.push(':');
                *value = self.out.len();
            }
            (b',', Some(Around::Object { .. })) => self.end_member(),
            (b'}', Some(Around::Object { .. })) => self.end_object()?,
            (b',', Some(Around::Array)) => self.out.push(','),
            (b']', Some(Around::Array)) => {
                self.out.push(']');
                self.around.pop();
            }
            (b':' | b',' | b'}' | b']', _) => return None,
            (_, Some(Around::Object { member, has_members, .. })) if self.out.len() == *member && *has_members => {
                self.out.push(',');
                self.out.push_str(token);
            }
            (_, _) => self.out.push_str(token),
        }
        Some(())
    }

    /// A member of the innermost object has been written: it is taken out where it is empty.
    fn end_member(&mut self) {
        let Some(Around::Object { member, value, has_members, first_empty }) = self.around.last_mut() else { return };
        let is_empty = self.out.get(*value..).is_some_and(|value| EMPTY.contains(&value));
        if is_empty && self.out.len() > *member {
            let empty = self.out.split_off(*member);
            if !*has_members && first_empty.is_none() {
                *first_empty = Some(empty);
            }
        } else if self.out.len() > *member {
            *has_members = true;
        }
        *member = self.out.len();
        *value = self.out.len();
    }

    fn end_object(&mut self) -> Option<()> {
        self.end_member();
        let Some(Around::Object { has_members: false, first_empty, .. }) = self.around.pop() else {
            self.out.push('}');
            return Some(());
        };
        if let Some(first) = first_empty {
            self.out.push_str(&first);
        }
        self.out.push('}');
        Some(())
    }
}

/// How long the string is that `text` begins with, its quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn empty_members_are_left_out() {
        for (json, expected) in [
            (r#"{"id":7,"channel":""}"#, r#"{"id":7}"#),
            (r#"{"channel":"","id":7}"#, r#"{"id":7}"#),
            (r#"{"a":null,"id":7,"b":false,"c":0,"d":[],"e":{},"f":0.0,"n":1}"#, r#"{"id":7,"n":1}"#),
            (r#"[{"id":7,"lines":[{"n":1,"note":null}]},"x"]"#, r#"[{"id":7,"lines":[{"n":1}]},"x"]"#),
            // An object of which all is left out keeps its first member, and is not empty itself.
            (r#"{"id":0,"channel":""}"#, r#"{"id":0}"#),
            (r#"{"Amount":0}"#, r#"{"Amount":0}"#),
            (r#"{"n":1,"kind":{"Amount":0}}"#, r#"{"n":1,"kind":{"Amount":0}}"#),
            // Elements have their places.
            (r#"[0,null,"",[],{},false]"#, r#"[0,null,"",[],{},false]"#),
            (r#"{"list":[0,null]}"#, r#"{"list":[0,null]}"#),
            // What only begins like one, or stands in a text.
            (r#"{"a":0.5,"b":"\":null","c":0}"#, r#"{"a":0.5,"b":"\":null"}"#),
            (r#"{"a,b":1,"c}":"","d\"":[1],"e":":0"}"#, r#"{"a,b":1,"d\"":[1],"e":":0"}"#),
            ("{}", "{}"),
            ("null", "null"),
            ("0", "0"),
        ] {
            assert_eq!(canonical(json), expected);
            assert_eq!(canonical(expected), expected, "and once is enough");
        }
    }

    #[test]
    fn values_that_differ_in_more_than_that_stay_different() {
        for (one, two) in [
            (r#"{"Amount":0}"#, r#"{"Refund":0}"#),
            (r#"{"n":1,"kind":{"Amount":0}}"#, r#"{"n":1,"kind":{"Refund":0}}"#),
            (r#"{"id":7,"channel":"web"}"#, r#"{"id":7}"#),
            (r#"{"id":7,"paid":true}"#, r#"{"id":7,"paid":false}"#),
            ("[0]", "[1]"),
            ("[]", "[0]"),
        ] {
            assert_ne!(canonical(one), canonical(two));
        }
    }

    #[test]
    fn what_is_no_json_is_left_as_it_is() {
        for text in [
            "",
            "{",
            "}",
            "]",
            ":",
            ",",
            "{\"a\":null",
            "{\"a\":0]",
            "[\"a\":0}",
            "\"a:0",
            "a:0,b",
            "{\"a\":0}}",
            "}{\"a\":0",
            "{:0}",
            "{,:0,}",
            "é:0",
            "{\"a\":0,\"\\",
            "[{\"a\":0}",
        ] {
            let _ = canonical(text);
        }
        let deep = format!("{}{}", "{\"a\":0,\"b\":".repeat(100_000), "1");
        assert_eq!(canonical(&deep), deep);
    }
}
