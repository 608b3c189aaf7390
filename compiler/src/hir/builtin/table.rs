//! The table of all built-in methods: for each its types, as they are written, and its Rust. `grammar.md` lists it.
//!
//! In a type, one letter stands for any type, but that `I` is an integer, `S` one with a sign and `F` a float. In the Rust,
//! `$a` is the receiver and `$b`, `$c` the arguments, looked at where they stand; `#a`, `#b`, `#c` are the same as values of their
//! own; `$R` is the type of the result, `$I` what an `Option` of it holds and `$A` the type of the receiver; `$W` is the function
//! that counts the parts of a result. What depends on the machine that computes it (the last bit of a
//! logarithm, say) is not among them: a value that lives at several roles is the same at each.

/// A method, an associated function or an operator.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// `len() -> usize`, or `mut push(T)` where it changes its receiver.
    pub signature: &'static str,
    /// Why it may abort: the Rust then is an `Option` of the result.
    pub fails: Option<&'static str>,
    /// Whether it may make a value larger, and so aborts where that would be larger than a value
    /// may be. The Rust then is an `Option` of the result, or the change of a receiver.
    pub grows: bool,
    /// What it is in Rust.
    pub rust: &'static str,
}

/// What is called in the same way on the same receiver.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// The type of the receiver, with what it must be able to do: `Vec<T: Ord>`.
    pub receiver: &'static str,
    /// How it is called.
    pub form: Form,
    /// The rows.
    pub methods: &'static [Method],
}

/// How something of the table is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `receiver.method(..)`
    Method,
    /// `Type::function(..)`
    Function,
    /// By signs of its own: a range or a slice.
    Operator,
}

const fn of(receiver: &'static str, methods: &'static [Method]) -> Group {
    Group { receiver, form: Form::Method, methods }
}

const fn row(signature: &'static str, rust: &'static str) -> Method {
    Method { signature, fails: None, grows: false, rust }
}

const fn grows(signature: &'static str, rust: &'static str) -> Method {
    Method { signature, fails: None, grows: true, rust }
}

const fn fails(signature: &'static str, why: &'static str, rust: &'static str) -> Method {
    Method { signature, fails: Some(why), grows: false, rust }
}

/// The table. Rows are only ever added at the end of their group, and groups at the end: a built-in is known by where it stands.
pub const TABLE: &[Group] = &[
    of("String", STRING),
    of("char", CHAR),
    of("bool", &[row("to_string() -> String", "$a.to_string()")]),
    of("I", INTEGER),
    of("S", SIGNED),
    of("F", FLOAT),
    of("Vec<T>", VEC),
    of("Vec<T: Eq>", VEC_EQ),
    of("Vec<T: Ord>", VEC_ORD),
    of("Vec<I>", &[fails("sum() -> I", "overflows", "$a.iter().copied().try_fold(0, <$R>::checked_add)")]),
    of("Vec<F>", &[row("sum() -> F", "$a.iter().copied().fold(0.0, <$R as ::core::ops::Add>::add)")]),
    of("Vec<String>", &[grows("join(String) -> String", "::accompanist::size::join(&$a, $b.as_str())")]),
    of("Vec<Vec<T>>", &[row("flatten() -> Vec<T>", "$a.concat()")]),
    of("Option<T>", OPTION),
    of("Option<Option<T>>", &[row("flatten() -> Option<T>", "#a.flatten()")]),
    of("Result<T, E>", RESULT),
    of("Map<K, V>", MAP),
    Group { receiver: "Map<K, V>", form: Form::Function, methods: MAP_FUNCTIONS },
    Group { receiver: "I", form: Form::Operator, methods: RANGES },
    Group { receiver: "Vec<T>", form: Form::Operator, methods: VEC_SLICES },
    Group { receiver: "String", form: Form::Operator, methods: STRING_SLICES },
];

const STRING: &[Method] = &[
    row("len() -> usize", "$a.len()"),
    row("is_empty() -> bool", "$a.is_empty()"),
    row("contains(String) -> bool", "$a.contains($b.as_str())"),
    row("starts_with(String) -> bool", "$a.starts_with($b.as_str())"),
    row("ends_with(String) -> bool", "$a.ends_with($b.as_str())"),
    row("find(String) -> Option<usize>", "$a.find($b.as_str())"),
    grows("to_lowercase() -> String", "::accompanist::size::limited($a.to_lowercase(), $W)"),
    grows("to_uppercase() -> String", "::accompanist::size::limited($a.to_uppercase(), $W)"),
    row("trim() -> String", "::std::string::String::from($a.trim())"),
    row("trim_start() -> String", "::std::string::String::from($a.trim_start())"),
    row("trim_end() -> String", "::std::string::String::from($a.trim_end())"),
    row("strip_prefix(String) -> Option<String>", "$a.strip_prefix($b.as_str()).map(::std::string::String::from)"),
    row("strip_suffix(String) -> Option<String>", "$a.strip_suffix($b.as_str()).map(::std::string::String::from)"),
    grows("replace(String, String) -> String", "::accompanist::size::replace(&$a, $b.as_str(), $c.as_str())"),
    grows("repeat(usize) -> String", "::accompanist::size::repeat(&$a, $b)"),
    grows("concat(String) -> String", "::accompanist::size::limited(#a + $b.as_str(), $W)"),
    row("chars() -> Vec<char>", "$a.chars().collect::<$R>()"),
    row("lines() -> Vec<String>", "$a.lines().map(::std::string::String::from).collect::<$R>()"),
    row("split(String) -> Vec<String>", "$a.split($b.as_str()).map(::std::string::String::from).collect::<$R>()"),
    row("split_whitespace() -> Vec<String>", "$a.split_whitespace().map(::std::string::String::from).collect::<$R>()"),
    row(
        "split_once(String) -> Option<(String, String)>",
        "$a.split_once($b.as_str()).map(|(one, two)| (::std::string::String::from(one), ::std::string::String::from(two)))",
    ),
    row("parse_u8() -> Option<u8>", "$a.parse::<$I>().ok()"),
    row("parse_u16() -> Option<u16>", "$a.parse::<$I>().ok()"),
    row("parse_u32() -> Option<u32>", "$a.parse::<$I>().ok()"),
    row("parse_u64() -> Option<u64>", "$a.parse::<$I>().ok()"),
    row("parse_u128() -> Option<u128>", "$a.parse::<$I>().ok()"),
    row("parse_usize() -> Option<usize>", "$a.parse::<$I>().ok()"),
    row("parse_i8() -> Option<i8>", "$a.parse::<$I>().ok()"),
    row("parse_i16() -> Option<i16>", "$a.parse::<$I>().ok()"),
    row("parse_i32() -> Option<i32>", "$a.parse::<$I>().ok()"),
    row("parse_i64() -> Option<i64>", "$a.parse::<$I>().ok()"),
    row("parse_i128() -> Option<i128>", "$a.parse::<$I>().ok()"),
    row("parse_isize() -> Option<isize>", "$a.parse::<$I>().ok()"),
    row("parse_f32() -> Option<f32>", "$a.parse::<$I>().ok()"),
    row("parse_f64() -> Option<f64>", "$a.parse::<$I>().ok()"),
    row("to_string() -> String", "#a"),
    grows("mut push(char)", "$a.push(#b)"),
    grows("mut push_str(String)", "$a.push_str(&#b)"),
    row("mut pop() -> Option<char>", "$a.pop()"),
    row("mut clear()", "$a.clear()"),
];

const CHAR: &[Method] = &[
    row("is_alphabetic() -> bool", "$a.is_alphabetic()"),
    row("is_alphanumeric() -> bool", "$a.is_alphanumeric()"),
    row("is_numeric() -> bool", "$a.is_numeric()"),
    row("is_whitespace() -> bool", "$a.is_whitespace()"),
    row("is_uppercase() -> bool", "$a.is_uppercase()"),
    row("is_lowercase() -> bool", "$a.is_lowercase()"),
    row("is_ascii() -> bool", "$a.is_ascii()"),
    row("is_ascii_digit() -> bool", "$a.is_ascii_digit()"),
    row("to_ascii_lowercase() -> char", "$a.to_ascii_lowercase()"),
    row("to_ascii_uppercase() -> char", "$a.to_ascii_uppercase()"),
    fails(
        "to_digit(u32) -> Option<u32>",
        "has a radix that is not in 2..=36",
        "match ($a, $b) { (digit, radix) => (2..=36).contains(&radix).then(|| digit.to_digit(radix)) }",
    ),
    row("to_u32() -> u32", "::core::primitive::u32::from($a)"),
    row("to_string() -> String", "$a.to_string()"),
];

const INTEGER: &[Method] = &[
    row("min(I) -> I", "::core::cmp::Ord::min($a, $b)"),
    row("max(I) -> I", "::core::cmp::Ord::max($a, $b)"),
    fails(
        "clamp(I, I) -> I",
        "has a minimum above its maximum",
        "match ($a, $b, $c) { (value, least, most) => (least <= most).then(|| ::core::cmp::Ord::clamp(value, least, most)) }",
    ),
    fails("pow(u32) -> I", "overflows", "$a.checked_pow($b)"),
    fails("rem_euclid(I) -> I", "divides by zero or overflows", "$a.checked_rem_euclid($b)"),
    fails("div_euclid(I) -> I", "divides by zero or overflows", "$a.checked_div_euclid($b)"),
    row("checked_add(I) -> Option<I>", "$a.checked_add($b)"),
    row("checked_sub(I) -> Option<I>", "$a.checked_sub($b)"),
    row("checked_mul(I) -> Option<I>", "$a.checked_mul($b)"),
    row("checked_div(I) -> Option<I>", "$a.checked_div($b)"),
    row("checked_rem(I) -> Option<I>", "$a.checked_rem($b)"),
    row("checked_pow(u32) -> Option<I>", "$a.checked_pow($b)"),
    row("saturating_add(I) -> I", "$a.saturating_add($b)"),
    row("saturating_sub(I) -> I", "$a.saturating_sub($b)"),
    row("saturating_mul(I) -> I", "$a.saturating_mul($b)"),
    fails("to_u8() -> u8", "does not fit", CONVERT),
    fails("to_u16() -> u16", "does not fit", CONVERT),
    fails("to_u32() -> u32", "does not fit", CONVERT),
    fails("to_u64() -> u64", "does not fit", CONVERT),
    fails("to_u128() -> u128", "does not fit", CONVERT),
    fails("to_usize() -> usize", "does not fit", CONVERT),
    fails("to_i8() -> i8", "does not fit", CONVERT),
    fails("to_i16() -> i16", "does not fit", CONVERT),
    fails("to_i32() -> i32", "does not fit", CONVERT),
    fails("to_i64() -> i64", "does not fit", CONVERT),
    fails("to_i128() -> i128", "does not fit", CONVERT),
    fails("to_isize() -> isize", "does not fit", CONVERT),
    fails(
        "to_f32() -> f32",
        "does not fit",
        "::core::option::Option::Some($a as $R).filter(|float| float.is_finite())",
    ),
    row("to_f64() -> f64", "($a as $R)"),
    row("to_string() -> String", "$a.to_string()"),
];

const CONVERT: &str = "<$R as ::core::convert::TryFrom<$A>>::try_from($a).ok()";

const SIGNED: &[Method] = &[
    fails("abs() -> S", "overflows", "$a.checked_abs()"),
    row("signum() -> S", "$a.signum()"),
    row("is_negative() -> bool", "$a.is_negative()"),
    row("is_positive() -> bool", "$a.is_positive()"),
];

const FLOAT: &[Method] = &[
    row("floor() -> F", "$a.floor()"),
    row("ceil() -> F", "$a.ceil()"),
    row("round() -> F", "$a.round()"),
    row("trunc() -> F", "$a.trunc()"),
    row("fract() -> F", "$a.fract()"),
    row("abs() -> F", "$a.abs()"),
    row("signum() -> F", "$a.signum()"),
    row("sqrt() -> F", "$a.sqrt()"),
    row("min(F) -> F", "$a.min($b)"),
    row("max(F) -> F", "$a.max($b)"),
    fails(
        "clamp(F, F) -> F",
        "has a minimum above its maximum",
        "match ($a, $b, $c) { (value, least, most) => (least <= most).then(|| value.clamp(least, most)) }",
    ),
    row("is_nan() -> bool", "$a.is_nan()"),
    row("is_finite() -> bool", "$a.is_finite()"),
    row("is_infinite() -> bool", "$a.is_infinite()"),
    fails("to_u8() -> u8", "does not fit", TRUNCATE),
    fails("to_u16() -> u16", "does not fit", TRUNCATE),
    fails("to_u32() -> u32", "does not fit", TRUNCATE),
    fails("to_u64() -> u64", "does not fit", TRUNCATE),
    fails("to_usize() -> usize", "does not fit", TRUNCATE),
    fails("to_i8() -> i8", "does not fit", TRUNCATE),
    fails("to_i16() -> i16", "does not fit", TRUNCATE),
    fails("to_i32() -> i32", "does not fit", TRUNCATE),
    fails("to_i64() -> i64", "does not fit", TRUNCATE),
    fails("to_isize() -> isize", "does not fit", TRUNCATE),
    fails(
        "to_f32() -> f32",
        "does not fit",
        "match $a { wide => ::core::option::Option::Some(wide as $R).filter(|float| float.is_finite() || !wide.is_finite()) }",
    ),
    row("to_f64() -> f64", "($a as $R)"),
    row("to_string() -> String", "$a.to_string()"),
];

/// Towards zero, by way of an integer that holds all that the result can; one that is out of even its range is not the float again.
const TRUNCATE: &str = "match $a.trunc() { whole => ::core::option::Option::Some(whole as ::core::primitive::i128) \
     .filter(|integer| *integer as $A == whole) \
     .and_then(|integer| <$R as ::core::convert::TryFrom<::core::primitive::i128>>::try_from(integer).ok()) }";

const VEC: &[Method] = &[
    row("len() -> usize", "$a.len()"),
    row("is_empty() -> bool", "$a.is_empty()"),
    row("first() -> Option<T>", "$a.first().cloned()"),
    row("last() -> Option<T>", "$a.last().cloned()"),
    row("get(usize) -> Option<T>", "$a.get($b).cloned()"),
    grows(
        "with(T) -> Vec<T>",
        "::accompanist::size::limited(::std::iter::Iterator::chain(#a.into_iter(), ::core::iter::once(#b)).collect::<$R>(), $W)",
    ),
    grows(
        "concat(Vec<T>) -> Vec<T>",
        "::accompanist::size::limited(::std::iter::Iterator::chain(#a.into_iter(), #b).collect::<$R>(), $W)",
    ),
    row("reversed() -> Vec<T>", "#a.into_iter().rev().collect::<$R>()"),
    grows(
        "enumerate() -> Vec<(usize, T)>",
        "::accompanist::size::limited(#a.into_iter().enumerate().collect::<$R>(), $W)",
    ),
    grows("zip(Vec<U>) -> Vec<(T, U)>", "::accompanist::size::limited(#a.into_iter().zip(#b).collect::<$R>(), $W)"),
    grows("mut push(T)", "$a.push(#b)"),
    row("mut pop() -> Option<T>", "$a.pop()"),
    Method {
        signature: "mut insert(usize, T)",
        fails: Some(OUT_OF_RANGE),
        grows: true,
        rust: "match ($b, #c, &mut $a) { (index, item, items) => (index <= items.len()).then(|| items.insert(index, item)) }",
    },
    fails(
        "mut remove(usize) -> T",
        "is out of range",
        "match ($b, &mut $a) { (index, items) => (index < items.len()).then(|| items.remove(index)) }",
    ),
    fails(
        "mut swap(usize, usize)",
        "is out of range",
        "match ($b, $c, &mut $a) { (one, two, items) => (one < items.len() && two < items.len()).then(|| items.swap(one, two)) }",
    ),
    row("mut truncate(usize)", "$a.truncate($b)"),
    grows("mut extend(Vec<T>)", "$a.extend(#b)"),
    row("mut reverse()", "$a.reverse()"),
    row("mut clear()", "$a.clear()"),
];

const VEC_EQ: &[Method] = &[
    row("contains(T) -> bool", "$a.contains(&$b)"),
    row(
        "index_of(T) -> Option<usize>",
        "match (&$a, &$b) { (items, wanted) => items.iter().position(|item| item == wanted) }",
    ),
    row("starts_with(Vec<T>) -> bool", "$a.starts_with($b.as_slice())"),
    row("ends_with(Vec<T>) -> bool", "$a.ends_with($b.as_slice())"),
    row("mut dedup()", "$a.dedup()"),
];

const VEC_ORD: &[Method] = &[
    row("min() -> Option<T>", "#a.into_iter().min()"),
    row("max() -> Option<T>", "#a.into_iter().max()"),
    row("sorted() -> Vec<T>", "match #a { mut items => { items.sort(); items } }"),
    row("mut sort()", "$a.sort()"),
];

const OPTION: &[Method] = &[
    row("is_some() -> bool", "$a.is_some()"),
    row("is_none() -> bool", "$a.is_none()"),
    fails("unwrap() -> T", "is `None`", "#a"),
    row("unwrap_or(T) -> T", "#a.unwrap_or(#b)"),
    row("or(Option<T>) -> Option<T>", "#a.or(#b)"),
    row("ok_or(E) -> Result<T, E>", "#a.ok_or(#b)"),
    grows("zip(Option<U>) -> Option<(T, U)>", "::accompanist::size::limited(#a.zip(#b), $W)"),
    row("mut take() -> Option<T>", "$a.take()"),
    grows("mut replace(T) -> Option<T>", "$a.replace(#b)"),
];

const RESULT: &[Method] = &[
    row("is_ok() -> bool", "$a.is_ok()"),
    row("is_err() -> bool", "$a.is_err()"),
    row("ok() -> Option<T>", "#a.ok()"),
    row("err() -> Option<E>", "#a.err()"),
    fails("unwrap() -> T", "is an `Err`", "#a.ok()"),
    fails("unwrap_err() -> E", "is an `Ok`", "#a.err()"),
    row("unwrap_or(T) -> T", "#a.unwrap_or(#b)"),
];

const MAP: &[Method] = &[
    row("len() -> usize", "$a.len()"),
    row("is_empty() -> bool", "$a.is_empty()"),
    row("get(K) -> Option<V>", "$a.get(&$b).cloned()"),
    row("contains_key(K) -> bool", "$a.contains_key(&$b)"),
    row("keys() -> Vec<K>", "$a.keys().cloned().collect::<$R>()"),
    row("values() -> Vec<V>", "$a.values().cloned().collect::<$R>()"),
    row("to_vec() -> Vec<(K, V)>", "#a.into_iter().collect::<$R>()"),
    row("first_key_value() -> Option<(K, V)>", "$a.first_key_value().map(|(key, value)| (key.clone(), value.clone()))"),
    row("last_key_value() -> Option<(K, V)>", "$a.last_key_value().map(|(key, value)| (key.clone(), value.clone()))"),
    grows(
        "with(K, V) -> Map<K, V>",
        "::accompanist::size::limited(match (#a, #b, #c) { (mut map, key, value) => { map.insert(key, value); map } }, $W)",
    ),
    row("without(K) -> Map<K, V>", "match (#a, &$b) { (mut map, key) => { map.remove(key); map } }"),
    grows("mut insert(K, V) -> Option<V>", "$a.insert(#b, #c)"),
    row("mut remove(K) -> Option<V>", "$a.remove(&#b)"),
    grows("mut extend(Map<K, V>)", "$a.extend(#b)"),
    row("mut pop_first() -> Option<(K, V)>", "$a.pop_first()"),
    row("mut pop_last() -> Option<(K, V)>", "$a.pop_last()"),
    row("mut clear()", "$a.clear()"),
];

const MAP_FUNCTIONS: &[Method] = &[
    row("new() -> Map<K, V>", "<$R>::new()"),
    row("from(Vec<(K, V)>) -> Map<K, V>", "#a.into_iter().collect::<$R>()"),
];

const RANGE_TOO_LONG: &str = "has more than 16777216 numbers";

const RANGES: &[Method] = &[
    fails(
        "..(I) -> Vec<I>",
        RANGE_TOO_LONG,
        "::core::option::Option::Some($a..$b).filter(|range| range.clone().nth(::accompanist::VALUE_PARTS_MAX).is_none()).map(::core::iter::Iterator::collect::<$R>)",
    ),
    fails(
        "..=(I) -> Vec<I>",
        RANGE_TOO_LONG,
        "::core::option::Option::Some($a..=$b).filter(|range| range.clone().nth(::accompanist::VALUE_PARTS_MAX).is_none()).map(::core::iter::Iterator::collect::<$R>)",
    ),
];

const OUT_OF_RANGE: &str = "is out of range";

const VEC_SLICES: &[Method] = &[
    fails("[..](usize, usize) -> Vec<T>", OUT_OF_RANGE, "$a.get($b..$c).map(<[_]>::to_vec)"),
    fails("[..=](usize, usize) -> Vec<T>", OUT_OF_RANGE, "$a.get($b..=$c).map(<[_]>::to_vec)"),
    fails("[from ..](usize) -> Vec<T>", OUT_OF_RANGE, "$a.get($b..).map(<[_]>::to_vec)"),
    fails("[.. to](usize) -> Vec<T>", OUT_OF_RANGE, "$a.get(..$b).map(<[_]>::to_vec)"),
    fails("[..= to](usize) -> Vec<T>", OUT_OF_RANGE, "$a.get(..=$b).map(<[_]>::to_vec)"),
    row("[all]() -> Vec<T>", "#a"),
];

const NO_SLICE: &str = "is out of range, or not at the boundary of a character";

const STRING_SLICES: &[Method] = &[
    fails("[..](usize, usize) -> String", NO_SLICE, "$a.get($b..$c).map(::std::string::String::from)"),
    fails("[..=](usize, usize) -> String", NO_SLICE, "$a.get($b..=$c).map(::std::string::String::from)"),
    fails("[from ..](usize) -> String", NO_SLICE, "$a.get($b..).map(::std::string::String::from)"),
    fails("[.. to](usize) -> String", NO_SLICE, "$a.get(..$b).map(::std::string::String::from)"),
    fails("[..= to](usize) -> String", NO_SLICE, "$a.get(..=$b).map(::std::string::String::from)"),
    row("[all]() -> String", "#a"),
];
