//! How large a value may be that a program makes, by the number of its parts. Called by generated code.
//!
//! A number, a `bool`, a `char` and a byte of text are one part each, and so is whatever is empty:
//! the same count on every machine and in the reference interpreter, so that a program that makes a
//! value too large ends in the same way in each of its runs. Text and lists of numbers know their
//! length; what is nested is counted by serializing it to nothing, and no further than the limit.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use crate::deep::deep;

/// How many parts a value may have that a program makes: where numbers, `bool`s, `char`s and bytes
/// of text count one each, and so does what is empty. It is the same on every runtime. A larger
/// value ends the scope around it, or the session.
pub const VALUE_PARTS_MAX: usize = 16_777_216;

/// The parts of a text.
#[must_use]
#[expect(clippy::ptr_arg, reason = "it is handed over as a function of the value itself")]
pub fn of_text(text: &String) -> usize {
    text.len().max(1)
}

/// The parts of a list of which each item has so many.
#[must_use]
#[expect(clippy::ptr_arg, reason = "it is handed over as a function of the value itself")]
pub fn of_list<T>(items: &Vec<T>, item_parts: usize) -> usize {
    items.len().saturating_mul(item_parts).max(1)
}

/// The parts of a value; where they are more than there may be, any number beyond that. What its
/// type cannot write is found where it is sent or recorded, and is not counted here.
#[must_use]
pub fn of<T: Serialize>(value: &T) -> usize {
    let mut count = Count { parts: 0 };
    match deep(|| value.serialize(&mut count)) {
        Ok(()) | Err(Stop::Unwritable) => count.parts,
        Err(Stop::TooLarge) => VALUE_PARTS_MAX + 1,
    }
}

/// The value, where it is no larger than a value may be.
pub fn limited<T>(value: T, parts: impl FnOnce(&T) -> usize) -> Option<T> {
    (parts(&value) <= VALUE_PARTS_MAX).then_some(value)
}

/// `text`, `count` times.
#[must_use]
pub fn repeat(text: &str, count: usize) -> Option<String> {
    text.len().checked_mul(count).filter(|bytes| *bytes <= VALUE_PARTS_MAX).map(|_| text.repeat(count))
}

/// `text` with `to` for each `from`.
#[must_use]
pub fn replace(text: &str, from: &str, to: &str) -> Option<String> {
    if to.len() > from.len() {
        let growth = text.matches(from).count().checked_mul(to.len() - from.len())?;
        text.len().checked_add(growth).filter(|bytes| *bytes <= VALUE_PARTS_MAX)?;
    }
    Some(text.replace(from, to))
}

/// The texts with `separator` between them.
#[must_use]
pub fn join(texts: &[String], separator: &str) -> Option<String> {
    let between = texts.len().saturating_sub(1).checked_mul(separator.len())?;
    let bytes = texts.iter().try_fold(between, |sum, text| sum.checked_add(text.len()))?;
    (bytes <= VALUE_PARTS_MAX).then(|| texts.join(separator))
}

/// What a variable that changes in place has at most: its parts when they were last counted, and
/// all that it got since. So the variable is counted again only when it may have become too large,
/// and not each time something is added.
#[derive(Debug)]
pub struct Bound(Option<usize>);

impl Bound {
    /// Of a variable that has not been counted.
    pub const UNKNOWN: Self = Self(None);

    /// `whole` has got values of so many parts. `None` where it is now larger than a value may be.
    pub fn add<T>(&mut self, added: &[usize], whole: &T, parts: impl FnOnce(&T) -> usize) -> Option<()> {
        let bound = self.0.and_then(|known| added.iter().try_fold(known, |sum, parts| sum.checked_add(*parts)));
        self.0 = match bound {
            Some(bound) if bound <= VALUE_PARTS_MAX => Some(bound),
            _ => Some(parts(whole)).filter(|parts| *parts <= VALUE_PARTS_MAX),
        };
        self.0.map(drop)
    }
}

/// Why the count ends early.
#[derive(Debug)]
enum Stop {
    TooLarge,
    Unwritable,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "too large",
            Self::Unwritable => "cannot be written",
        })
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Unwritable
    }
}

/// Writes nothing, and counts parts.
struct Count {
    parts: usize,
}

impl Count {
    fn add(&mut self, parts: usize) -> Result<(), Stop> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts <= VALUE_PARTS_MAX { Ok(()) } else { Err(Stop::TooLarge) }
    }

    fn several(&mut self) -> Several<'_> {
        let before = self.parts;
        Several { count: self, before }
    }
}

/// Something that has parts of its own: where it is empty, it is one part itself.
struct Several<'a> {
    count: &'a mut Count,
    before: usize,
}

impl Several<'_> {
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        value.serialize(&mut *self.count)
    }

    fn close(self) -> Result<(), Stop> {
        if self.count.parts == self.before { self.count.add(1) } else { Ok(()) }
    }
}

macro_rules! one {
    ($($name:ident: $type:ty),+) => {
        $(fn $name(self, _: $type) -> Result<(), Stop> {
            self.add(1)
        })+
    };
}

impl<'a> Serializer for &'a mut Count {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Several<'a>;
    type SerializeTuple = Several<'a>;
    type SerializeTupleStruct = Several<'a>;
    type SerializeTupleVariant = Several<'a>;
    type SerializeMap = Several<'a>;
    type SerializeStruct = Several<'a>;
    type SerializeStructVariant = Several<'a>;

    one!(serialize_bool: bool, serialize_char: char, serialize_f32: f32, serialize_f64: f64);
    one!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    one!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_u128: u128);
    one!(serialize_unit_struct: &'static str);

    fn serialize_str(self, text: &str) -> Result<(), Stop> {
        self.add(text.len().max(1))
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Stop> {
        self.add(bytes.len().max(1))
    }

    fn serialize_none(self) -> Result<(), Stop> {
        self.add(1)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Stop> {
        self.add(1)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Stop> {
        self.add(1)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Stop> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_tuple(self, _: usize) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, _: &'static str, _: usize) -> Result<Several<'a>, Stop> {
        Ok(self.several())
    }
}

macro_rules! several {
    ($($trait:ident { $($name:ident($($key:ty)?)),+ })+) => {
        $(impl ser::$trait for Several<'_> {
            type Ok = ();
            type Error = Stop;

            $(fn $name<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), Stop> {
                self.part(value)
            })+

            fn end(self) -> Result<(), Stop> {
                self.close()
            }
        })+
    };
}

several! {
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
    use std::cell::Cell;
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    #[derive(Serialize)]
    enum Shape {
        Empty,
        One(String),
        Two(u8, u8),
        Named { text: String, items: Vec<u64> },
    }

    #[test]
    fn parts_are_counted_by_what_a_value_holds() {
        assert_eq!([of(&7u8), of(&()), of(&"äb".to_owned()), of(&String::new())], [1, 1, 3, 1]);
        assert_eq!([of(&vec![1, 2, 3]), of(&Vec::<u8>::new()), of(&vec![vec![(); 0]; 4])], [3, 1, 4]);
        assert_eq!([of(&Some("xyz")), of(&None::<u8>), of(&Ok::<_, u8>("ab")), of(&(1, "ab"))], [3, 1, 2, 3]);
        assert_eq!(of(&BTreeMap::from([(1, "ab"), (2, "")])), 5);
        let named = Shape::Named { text: "abc".to_owned(), items: vec![1, 2] };
        let shapes = [Shape::Empty, Shape::One("abcd".to_owned()), Shape::Two(1, 2), named];
        assert_eq!(shapes.each_ref().map(of), [1, 4, 2, 5]);
        assert_eq!(of(&vec![0u8; VALUE_PARTS_MAX]), VALUE_PARTS_MAX);
        assert_eq!(of(&vec![0u8; VALUE_PARTS_MAX + 9]), VALUE_PARTS_MAX + 1);
    }

    #[test]
    fn what_would_be_too_large_is_not_made() {
        let half = "a".repeat(VALUE_PARTS_MAX / 2);
        assert_eq!(repeat(&half, 2).map(|text| text.len()), Some(VALUE_PARTS_MAX));
        assert_eq!((repeat(&half, 3), repeat("ab", usize::MAX)), (None, None));
        assert_eq!(replace(&half, "a", "bb").map(|text| text.len()), Some(VALUE_PARTS_MAX));
        assert_eq!((replace(&half, "a", &half), replace(&half, "", "bb")), (None, None));
        assert_eq!(replace("axa", "a", "").as_deref(), Some("x"));
        let many = vec![String::new(); 3];
        assert_eq!(
            (join(&many, "-").as_deref(), join(&many, &half).map(|text| text.len())),
            (Some("--"), Some(VALUE_PARTS_MAX))
        );
        assert_eq!(join(&vec![half.clone(); 3], ""), None);
    }

    #[test]
    fn a_variable_is_counted_only_when_its_bound_is_beyond_the_limit() {
        let counted = Cell::new(0);
        let count = |items: &Vec<u64>| {
            counted.set(counted.get() + 1);
            items.len()
        };
        let (mut bound, mut items) = (Bound::UNKNOWN, Vec::new());
        for _ in 0..100_000 {
            items.push(0);
            assert_eq!(bound.add(&[1], &items, count), Some(()));
        }
        assert_eq!(counted.get(), 1);
        // It has got as much as it may have, and has lost it again.
        assert_eq!(bound.add(&[VALUE_PARTS_MAX - 1], &items, count), Some(()));
        assert_eq!((counted.get(), bound.0), (2, Some(100_000)));
        items.resize(VALUE_PARTS_MAX + 1, 0);
        assert_eq!(bound.add(&[VALUE_PARTS_MAX], &items, count), None);
    }
}
