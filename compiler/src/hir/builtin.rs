//! The built-in methods: pure, computed wherever their receiver and arguments live. This table is all of them; `grammar.md`
//! lists it.

use super::ty::{IntTy, Ty};

/// A built-in method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Builtin {
    /// `Vec::len`, `String::len`
    Len,
    /// `Vec::is_empty`, `String::is_empty`
    IsEmpty,
    /// `Vec::contains`: an element that equals.
    VecContains,
    /// `Vec::first`: a copy of the first element.
    First,
    /// `Vec::last`: a copy of the last element.
    Last,
    /// `String::contains`: a part that equals.
    StrContains,
    /// `String::starts_with`
    StartsWith,
    /// `String::ends_with`
    EndsWith,
    /// `String::to_lowercase`
    ToLowercase,
    /// `String::to_uppercase`
    ToUppercase,
    /// `String::trim`
    Trim,
    /// `String::concat`: both, one after the other.
    Concat,
    /// `to_string` of numbers, `bool`, `char` and `String`.
    ToString,
    /// `Option::is_some`
    IsSome,
    /// `Option::is_none`
    IsNone,
    /// `Option::unwrap_or`
    UnwrapOr,
    /// `min` of integers.
    Min,
    /// `max` of integers.
    Max,
    /// `to_u8` … `to_isize` of integers: aborts where the value does not fit.
    ToInt(IntTy),
}

/// What a method takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Signature {
    /// The method.
    pub builtin: Builtin,
    /// The arguments behind the receiver.
    pub params: Vec<Ty>,
    /// The result.
    pub result: Ty,
    /// Whether the receiver's elements must be comparable.
    pub compares: bool,
}

/// A row: the name, the method, whether its one parameter (if any) and its result are those types.
type Row = (&'static str, Builtin, &'static [Ty], Ty);

const USIZE: Ty = Ty::Int(IntTy::USIZE);

const STRING: [Row; 10] = [
    ("len", Builtin::Len, &[], USIZE),
    ("is_empty", Builtin::IsEmpty, &[], Ty::Bool),
    ("contains", Builtin::StrContains, &[Ty::Str], Ty::Bool),
    ("starts_with", Builtin::StartsWith, &[Ty::Str], Ty::Bool),
    ("ends_with", Builtin::EndsWith, &[Ty::Str], Ty::Bool),
    ("to_lowercase", Builtin::ToLowercase, &[], Ty::Str),
    ("to_uppercase", Builtin::ToUppercase, &[], Ty::Str),
    ("trim", Builtin::Trim, &[], Ty::Str),
    ("concat", Builtin::Concat, &[Ty::Str], Ty::Str),
    ("to_string", Builtin::ToString, &[], Ty::Str),
];

/// The methods of a type.
pub fn methods(receiver: &Ty) -> Vec<(&'static str, Signature)> {
    let method = |name, builtin, params: &[Ty], result: Ty| {
        (name, Signature { builtin, params: params.to_vec(), result, compares: false })
    };
    let to_string = || method("to_string", Builtin::ToString, &[], Ty::Str);
    match receiver {
        Ty::Str => STRING
            .iter()
            .map(|(name, builtin, params, result)| method(*name, *builtin, params, result.clone()))
            .collect(),
        Ty::Vec(item) => {
            let (item, option) = (item.as_ref().clone(), Ty::Option(item.clone()));
            let mut contains = method("contains", Builtin::VecContains, &[item], Ty::Bool);
            contains.1.compares = true;
            vec![
                method("len", Builtin::Len, &[], USIZE),
                method("is_empty", Builtin::IsEmpty, &[], Ty::Bool),
                contains,
                method("first", Builtin::First, &[], option.clone()),
                method("last", Builtin::Last, &[], option),
            ]
        }
        Ty::Option(item) => vec![
            method("is_some", Builtin::IsSome, &[], Ty::Bool),
            method("is_none", Builtin::IsNone, &[], Ty::Bool),
            method("unwrap_or", Builtin::UnwrapOr, &[item.as_ref().clone()], item.as_ref().clone()),
        ],
        Ty::Int(_) => {
            let same = std::slice::from_ref(receiver);
            let mut all = vec![
                to_string(),
                method("min", Builtin::Min, same, receiver.clone()),
                method("max", Builtin::Max, same, receiver.clone()),
            ];
            all.extend(CONVERSIONS.iter().map(|(name, to)| method(*name, Builtin::ToInt(*to), &[], Ty::Int(*to))));
            all
        }
        Ty::Float(_) | Ty::Bool | Ty::Char => vec![to_string()],
        Ty::Tuple(_) | Ty::Named(_) | Ty::Param(..) | Ty::Never | Ty::Var(_) | Ty::Error => Vec::new(),
    }
}

const CONVERSIONS: [(&str, IntTy); 12] = [
    ("to_u8", IntTy { signed: false, bits: Some(8) }),
    ("to_u16", IntTy { signed: false, bits: Some(16) }),
    ("to_u32", IntTy { signed: false, bits: Some(32) }),
    ("to_u64", IntTy { signed: false, bits: Some(64) }),
    ("to_u128", IntTy { signed: false, bits: Some(128) }),
    ("to_usize", IntTy::USIZE),
    ("to_i8", IntTy { signed: true, bits: Some(8) }),
    ("to_i16", IntTy { signed: true, bits: Some(16) }),
    ("to_i32", IntTy::I32),
    ("to_i64", IntTy { signed: true, bits: Some(64) }),
    ("to_i128", IntTy { signed: true, bits: Some(128) }),
    ("to_isize", IntTy { signed: true, bits: None }),
];

impl Builtin {
    /// The name it is called by.
    pub fn name(self) -> &'static str {
        match self {
            Builtin::Len => "len",
            Builtin::IsEmpty => "is_empty",
            Builtin::VecContains | Builtin::StrContains => "contains",
            Builtin::First => "first",
            Builtin::Last => "last",
            Builtin::StartsWith => "starts_with",
            Builtin::EndsWith => "ends_with",
            Builtin::ToLowercase => "to_lowercase",
            Builtin::ToUppercase => "to_uppercase",
            Builtin::Trim => "trim",
            Builtin::Concat => "concat",
            Builtin::ToString => "to_string",
            Builtin::IsSome => "is_some",
            Builtin::IsNone => "is_none",
            Builtin::UnwrapOr => "unwrap_or",
            Builtin::Min => "min",
            Builtin::Max => "max",
            Builtin::ToInt(to) => {
                CONVERSIONS.iter().find_map(|(name, ty)| (*ty == to).then_some(*name)).unwrap_or("to_int")
            }
        }
    }

    /// Whether it may abort.
    pub fn can_fail(self) -> bool {
        matches!(self, Builtin::ToInt(_))
    }
}
