//! Values as JSON: written within limits, and so that they can be read again as what they were.
//!
//! What is written of a user's value is checked here, where it is made: its size, how deeply it is nested, that it holds no
//! number JSON has no text for, and (`record`) that reading it gives the same value. A reader that finds out later can only
//! park a session whose effects have happened.

use std::fmt::{self, Display};
use std::io;
use std::panic::catch_unwind;

use serde::de::DeserializeOwned;
use serde::ser::{Error as _, Serialize, Serializer};
use serde_json::Error;
use serde_json::ser::Formatter;

use crate::deep::deep;
use crate::node::panic_message;

/// How many levels of JSON (arrays and objects within each other) a value may have: `serde_json` reads no more than that.
pub const VALUE_DEPTH_MAX: usize = 127;

/// Up to how many levels a value may be dropped: one that is nested deeper is not, for that would need more stack than there is.
const DROP_DEPTH_MAX: usize = 10_000;

/// A stack on which a value of `DROP_DEPTH_MAX` levels can be measured and dropped. Only what is used of it costs memory.
const DROP_STACK_BYTES: usize = 128 * 1024 * 1024;

/// How much of two texts that differ is quoted.
const QUOTED_CHARS: usize = 40;

/// Why a value cannot be written so that it can be read again.
#[derive(Debug)]
pub(crate) enum Unwritable {
    /// It is nested more deeply than it may be.
    TooDeep(usize),
    /// Its JSON has so many bytes, which is more than it may have.
    TooLong { bytes: usize, bytes_max: usize },
    /// JSON has no text for it.
    Unsupported(Error),
    /// Its type cannot read what it wrote.
    Unreadable(Error),
    /// It comes back as another value: what was written, and what is written of what was read.
    Changed(String, String),
}

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep(depth_max) => write!(f, "is nested more than {depth_max} levels deep"),
            Self::TooLong { bytes, bytes_max } => write!(f, "has {bytes} bytes of JSON, more than {bytes_max}"),
            Self::Unsupported(error) => write!(f, "cannot be written as JSON: {error}"),
            Self::Unreadable(error) => write!(f, "is written as JSON that its type cannot read: {error}"),
            Self::Changed(wrote, read) => {
                write!(f, "is not read as what was written: `{wrote}` became `{read}`")
            }
        }
    }
}

/// The JSON of `value`, with at most `bytes_max` bytes.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T, bytes_max: usize) -> Result<String, Unwritable> {
    deep(|| write(value, bytes_max))
}

fn write<T: Serialize + ?Sized>(value: &T, bytes_max: usize) -> Result<String, Unwritable> {
    let mut out = Bounded { kept: Vec::new(), bytes: 0, bytes_max };
    let levels = Levels { depth: 0, depth_max: VALUE_DEPTH_MAX };
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, levels)).map_err(unwritable)?;
    if out.bytes > bytes_max {
        return Err(Unwritable::TooLong { bytes: out.bytes, bytes_max });
    }
    let json = String::from_utf8(out.kept).map_err(|error| Unwritable::Unsupported(Error::custom(error)))?;
    // As which a number that is not finite is written.
    if json.contains("null") {
        value.serialize(Finite).map_err(Unwritable::Unsupported)?;
    }
    Ok(json)
}

/// Whether a value has more levels than it may have.
pub(crate) fn is_too_deep<T: Serialize>(value: &T) -> bool {
    matches!(walk(value, VALUE_DEPTH_MAX), Err(Unwritable::TooDeep(_)))
}

/// Goes through a value, down to so many levels.
fn walk<T: Serialize>(value: &T, depth_max: usize) -> Result<(), Unwritable> {
    let levels = Levels { depth: 0, depth_max };
    deep(|| value.serialize(&mut serde_json::Serializer::with_formatter(io::sink(), levels))).map_err(unwritable)
}

/// The JSON of a value that is recorded or sent: as [`to_json`], and reading it gives the same value again.
pub(crate) fn record<T: Serialize + DeserializeOwned>(value: &T, bytes_max: usize) -> Result<String, Unwritable> {
    let json = to_json(value, bytes_max)?;
    let read: T = read(&json).map_err(Unwritable::Unreadable)?;
    let again = to_json(&read, usize::MAX)?;
    match again == json {
        true => Ok(json),
        false => {
            let (wrote, read) = difference(&json, &again);
            Err(Unwritable::Changed(wrote, read))
        }
    }
}

/// The value of some JSON. A type of the user's may panic while it is read: that is an error like another.
pub(crate) fn read<T: DeserializeOwned>(json: &str) -> Result<T, Error> {
    catch_unwind(|| deep(|| serde_json::from_str(json)))
        .unwrap_or_else(|panic| Err(Error::custom(panic_message(&*panic))))
}

/// As [`record`], and drops the value: one that is nested too deeply needs care, see [`discard`].
pub(crate) fn record_owned<T>(value: T, bytes_max: usize) -> Result<String, Unwritable>
where
    T: Serialize + DeserializeOwned,
{
    let recorded = record(&value, bytes_max);
    if let Err(Unwritable::TooDeep(_)) = recorded {
        discard(value);
    }
    recorded
}

/// Drops a value that is nested too deeply to be written. Dropping walks down to its leaves, on the thread's stack: it is given a
/// large one, and a value for which that is not enough is not dropped. Its memory is lost, but not the process.
pub(crate) fn discard<T: Serialize>(value: T) {
    stacker::grow(DROP_STACK_BYTES, || match walk(&value, DROP_DEPTH_MAX) {
        Err(Unwritable::TooDeep(depth_max)) => {
            tracing::error!(depth_max, "a value is nested so deeply that it cannot be dropped: its memory is lost");
            std::mem::forget(value);
        }
        Ok(()) | Err(_) => drop(value),
    });
}

/// The parts in which two texts differ, with a little of what stands around.
fn difference(one: &str, two: &str) -> (String, String) {
    let same = one.chars().zip(two.chars()).take_while(|(one, two)| one == two).count();
    let part = |text: &str| text.chars().skip(same.saturating_sub(QUOTED_CHARS / 2)).take(QUOTED_CHARS).collect();
    (part(one), part(two))
}

/// What went wrong when a value was written.
fn unwritable(error: Error) -> Unwritable {
    if !error.is_io() {
        return Unwritable::Unsupported(error);
    }
    let error = io::Error::from(error);
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TooDeep>()) {
        Some(TooDeep(depth_max)) => Unwritable::TooDeep(*depth_max),
        None => Unwritable::Unsupported(Error::io(error)),
    }
}

/// A value has more levels than this.
#[derive(Debug)]
struct TooDeep(usize);

impl Display for TooDeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} levels", self.0)
    }
}

impl std::error::Error for TooDeep {}

/// Keeps the text up to a number of bytes, and counts them all.
struct Bounded {
    kept: Vec<u8>,
    bytes: usize,
    bytes_max: usize,
}

impl io::Write for &mut Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(part.len());
        if self.bytes <= self.bytes_max {
            self.kept.extend_from_slice(part);
        }
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes JSON without spaces, down to so many levels.
struct Levels {
    depth: usize,
    depth_max: usize,
}

impl Levels {
    fn begin<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        if self.depth == self.depth_max {
            return Err(io::Error::other(TooDeep(self.depth_max)));
        }
        self.depth += 1;
        writer.write_all(bracket)
    }

    fn end<W: io::Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        writer.write_all(bracket)
    }
}

impl Formatter for Levels {
    fn begin_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"[")
    }

    fn end_array<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"]")
    }

    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.begin(writer, b"{")
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.end(writer, b"}")
    }
}

/// Writes nothing, and refuses numbers that are not finite.
struct Finite;

macro_rules! nothing {
    ($($name:ident: $type:ty),+) => {
        $(fn $name(self, _: $type) -> Result<(), Error> {
            Ok(())
        })+
    };
}

impl Serializer for Finite {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing!(serialize_bool: bool, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8]);
    nothing!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    nothing!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);
    nothing!(serialize_unit_struct: &'static str);

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.serialize_f64(f64::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        if value.is_finite() { Ok(()) } else { Err(Error::custom(format!("the number {value} is not finite"))) }
    }

    fn serialize_none(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Self, Error> {
        Ok(self)
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), Error> {
        Ok(())
    }
}

macro_rules! compound {
    ($($compound:ident { $($name:ident($($key:ty)?)),+ })+) => {
        $(impl serde::ser::$compound for Finite {
            type Ok = ();
            type Error = Error;

            $(fn $name<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), Error> {
                value.serialize(Finite)
            })+

            fn end(self) -> Result<(), Error> {
                Ok(())
            }
        })+
    };
}

compound! {
    SerializeSeq { serialize_element() }
    SerializeTuple { serialize_element() }
    SerializeTupleStruct { serialize_field() }
    SerializeTupleVariant { serialize_field() }
    SerializeMap { serialize_key(), serialize_value() }
    SerializeStruct { serialize_field(&'static str) }
    SerializeStructVariant { serialize_field(&'static str) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::{Unwritable, VALUE_DEPTH_MAX, discard, record, record_owned, to_json};

    #[test]
    fn a_number_that_is_not_finite_is_refused_wherever_it_stands() {
        let nan = f64::NAN;
        let refused = [
            to_json(&nan, usize::MAX),
            to_json(&f32::INFINITY, usize::MAX),
            to_json(&[1.0, -f64::INFINITY], usize::MAX),
            to_json(&(None::<u8>, Some(nan)), usize::MAX),
            to_json(&BTreeMap::from([("a", Ok::<f64, ()>(nan))]), usize::MAX),
        ];
        for json in refused {
            assert!(json.is_err_and(|error| error.to_string().contains("is not finite")));
        }
    }

    #[test]
    fn what_is_null_for_another_reason_is_not() {
        let json = to_json(&(None::<f64>, (), Some(1.5), "null"), usize::MAX);
        assert_eq!(json.expect("it can be held"), r#"[null,null,1.5,"null"]"#);
        let json = to_json(&(None::<u8>, u128::MAX), usize::MAX);
        assert_eq!(json.expect("it can be held"), format!("[null,{}]", u128::MAX));
    }

    /// A value of as many levels as wished: one of the struct, and one of the list.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Comment {
        answers: Vec<Comment>,
    }

    fn nested(comments: usize) -> Comment {
        (1..comments).fold(Comment { answers: vec![] }, |inner, _| Comment { answers: vec![inner] })
    }

    #[test]
    fn what_is_written_is_as_deep_as_can_be_read_and_no_deeper() {
        // 63 comments have 126 levels.
        let deep = vec![nested(VALUE_DEPTH_MAX / 2)];
        let json = record(&deep, usize::MAX).expect("it has as many levels as may be");
        assert_eq!(serde_json::from_str::<Vec<Comment>>(&json).expect("it can be read"), deep);
        let deeper = record(&vec![deep], usize::MAX);
        assert!(matches!(deeper, Err(Unwritable::TooDeep(VALUE_DEPTH_MAX))), "{deeper:?}");
    }

    #[test]
    fn a_value_nested_100_000_deep_is_refused_and_dropped() {
        for comments in [1_000, 100_000, 1_000_000] {
            let refused = record_owned(nested(comments), usize::MAX);
            assert!(refused.is_err_and(|error| error.to_string() == "is nested more than 127 levels deep"));
        }
        discard(nested(3));
    }

    #[test]
    fn a_long_value_is_refused_with_its_length() {
        assert_eq!(to_json(&"x".repeat(98), 100).map(|json| json.len()).ok(), Some(100));
        let refused = to_json(&"x".repeat(99), 100).expect_err("it is too long");
        assert_eq!(refused.to_string(), "has 101 bytes of JSON, more than 100");
    }

    #[test]
    fn a_value_that_comes_back_as_another_one_is_refused() {
        #[derive(Serialize, Deserialize)]
        struct Changes {
            #[serde(serialize_with = "twice")]
            cents: u64,
        }
        fn twice<S: serde::Serializer>(cents: &u64, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_u64(cents * 2)
        }
        let refused = record(&Changes { cents: 7 }, usize::MAX).expect_err("it is not what was written");
        assert_eq!(refused.to_string(), r#"is not read as what was written: `{"cents":14}` became `{"cents":28}`"#);
        #[derive(Serialize, Deserialize)]
        #[allow(dead_code, reason = "it is written and read")]
        struct Loses {
            #[serde(skip_serializing)]
            cents: u64,
        }
        let refused = record(&Loses { cents: 7 }, usize::MAX).expect_err("it cannot be read");
        assert!(matches!(refused, Unwritable::Unreadable(_)) && refused.to_string().contains("missing field `cents`"));
        for float in [0.1 + 0.2, f64::MAX, f64::MIN_POSITIVE, -0.0, 1e300 / 3.0] {
            assert!(record(&float, usize::MAX).is_ok(), "{float}");
        }
        assert!(record(&(i128::MIN, u128::MAX, 'ä', "\0\u{2028}".to_owned()), usize::MAX).is_ok());
    }
}
