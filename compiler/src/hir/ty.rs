//! Types.

use super::TypeId;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ty {
    /// `bool`
    Bool,
    /// An integer of one of Rust's sizes, by its name.
    Int(IntTy),
    /// A float.
    Float(FloatTy),
    /// `char`
    Char,
    /// `String`
    Str,
    /// `(T, U)`; `()` is the empty tuple.
    Tuple(Vec<Ty>),
    /// `Option<T>`
    Option(Box<Ty>),
    /// `Vec<T>`
    Vec(Box<Ty>),
    /// `Result<T, E>`
    Result(Box<Ty>, Box<Ty>),
    /// `Map<K, V>`, by the order of its keys
    Map(Box<Ty>, Box<Ty>),
    /// A type that is declared.
    Named(TypeId),
    /// A type parameter of the choreography: its index and name.
    Param(u32, String),
    /// Of what never has a value, because it ends in `abort`.
    Never,
    /// A type that inference has yet to find; none is left after it.
    Var(u32),
    /// Of what is wrong already: fits everywhere, so that one mistake is told once.
    Error,
}

/// The integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IntTy {
    /// Whether it has a sign.
    pub signed: bool,
    /// Its size in bits; `None` is the size of a pointer.
    pub bits: Option<u8>,
}

/// The floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FloatTy {
    /// `f32`
    F32,
    /// `f64`
    F64,
}

/// Every type that has a name of its own and no arguments.
const PRIMITIVES: [(&str, Ty); 17] = [
    ("bool", Ty::Bool),
    ("char", Ty::Char),
    ("String", Ty::Str),
    ("f32", Ty::Float(FloatTy::F32)),
    ("f64", Ty::Float(FloatTy::F64)),
    ("u8", Ty::Int(IntTy { signed: false, bits: Some(8) })),
    ("u16", Ty::Int(IntTy { signed: false, bits: Some(16) })),
    ("u32", Ty::Int(IntTy { signed: false, bits: Some(32) })),
    ("u64", Ty::Int(IntTy { signed: false, bits: Some(64) })),
    ("u128", Ty::Int(IntTy { signed: false, bits: Some(128) })),
    ("usize", Ty::Int(IntTy { signed: false, bits: None })),
    ("i8", Ty::Int(IntTy { signed: true, bits: Some(8) })),
    ("i16", Ty::Int(IntTy { signed: true, bits: Some(16) })),
    ("i32", Ty::Int(IntTy { signed: true, bits: Some(32) })),
    ("i64", Ty::Int(IntTy { signed: true, bits: Some(64) })),
    ("i128", Ty::Int(IntTy { signed: true, bits: Some(128) })),
    ("isize", Ty::Int(IntTy { signed: true, bits: None })),
];

impl IntTy {
    /// `u64`, of which a number of milliseconds is.
    pub const U64: Self = Self { signed: false, bits: Some(64) };
    /// `i32`, which a literal has where nothing else is asked for.
    pub const I32: Self = Self { signed: true, bits: Some(32) };
    /// `usize`
    pub const USIZE: Self = Self { signed: false, bits: None };

    /// Its name.
    pub fn name(self) -> &'static str {
        PRIMITIVES
            .iter()
            .find_map(|(name, ty)| (*ty == Ty::Int(self)).then_some(*name))
            .expect("every integer type is in the list")
    }

    /// Whether all values of the other type are values of this one.
    pub fn holds_all_of(self, other: IntTy) -> bool {
        let bits = u32::from(other.bits.unwrap_or(64)) - u32::from(other.signed);
        let max = u128::MAX >> (128 - bits);
        self.fits(max, false) && (self.signed || !other.signed)
    }

    /// Whether a literal of this magnitude fits on every machine; the sizes of a pointer count as 64 bits.
    pub fn fits(self, magnitude: u128, negative: bool) -> bool {
        let bits = u32::from(self.bits.unwrap_or(64)) - u32::from(self.signed);
        let max = u128::MAX >> (128 - bits);
        match (self.signed, negative) {
            (true, true) => magnitude <= max + 1,
            (false, true) => magnitude == 0,
            (true | false, false) => magnitude <= max,
        }
    }
}

impl Ty {
    /// `()`
    pub const UNIT: Ty = Ty::Tuple(Vec::new());

    /// The primitive type of that name.
    pub fn primitive(name: &str) -> Option<Ty> {
        PRIMITIVES.iter().find_map(|(known, ty)| (*known == name).then(|| ty.clone()))
    }

    /// The names of the primitive types and of those with arguments.
    pub fn builtin_names() -> impl Iterator<Item = &'static str> {
        PRIMITIVES.iter().map(|(name, _)| *name).chain(["Option", "Vec", "Result", "Map"])
    }

    /// The name of a primitive type.
    pub fn primitive_name(&self) -> Option<&'static str> {
        PRIMITIVES.iter().find_map(|(name, ty)| (ty == self).then_some(*name))
    }

    /// Whether it is `()`.
    pub fn is_unit(&self) -> bool {
        *self == Self::UNIT
    }

    /// The types that it is made of.
    pub fn parts(&self) -> Vec<&Ty> {
        match self {
            Ty::Tuple(items) => items.iter().collect(),
            Ty::Option(item) | Ty::Vec(item) => vec![item],
            Ty::Result(one, two) | Ty::Map(one, two) => vec![one, two],
            Ty::Bool
            | Ty::Int(_)
            | Ty::Float(_)
            | Ty::Char
            | Ty::Str
            | Ty::Named(_)
            | Ty::Param(..)
            | Ty::Never
            | Ty::Var(_)
            | Ty::Error => Vec::new(),
        }
    }

    /// Whether it may be the key of a `Map`: it has an order, and JSON writes it as a key and reads it again.
    pub fn is_key(&self) -> bool {
        matches!(self, Ty::Str | Ty::Int(_) | Ty::Bool | Ty::Char | Ty::Never | Ty::Error)
    }

    /// Whether Rust copies it without being asked.
    pub fn is_copy(&self) -> bool {
        match self {
            Ty::Bool | Ty::Int(_) | Ty::Float(_) | Ty::Char | Ty::Never => true,
            Ty::Tuple(items) => items.iter().all(Ty::is_copy),
            Ty::Option(item) => item.is_copy(),
            Ty::Result(item, error) => item.is_copy() && error.is_copy(),
            Ty::Str | Ty::Vec(_) | Ty::Map(..) | Ty::Named(_) | Ty::Param(..) | Ty::Var(_) | Ty::Error => false,
        }
    }
}
