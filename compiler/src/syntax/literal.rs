//! What literals mean: numbers with base and suffix, durations, escapes.

use std::ops::Range;

use crate::diagnostic::problem::NumberFault;

/// A number as the lexer tells it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Number {
    /// A whole number, with the type behind it.
    Int {
        /// Its value.
        value: u128,
        /// The type written behind it.
        suffix: Option<String>,
    },
    /// A number with a fraction, an exponent or the type of one; its value is its text.
    Float,
    /// A whole number with a unit of time.
    Duration {
        /// In milliseconds.
        millis: u64,
    },
}

const INT_SUFFIXES: [&str; 12] =
    ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
const FLOAT_SUFFIXES: [&str; 2] = ["f32", "f64"];
/// The units of time and their milliseconds.
const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads a number from all the characters that touch it.
pub fn number(text: &str) -> Result<Number, NumberFault> {
    let (digits, radix) = match text.get(..2) {
        Some("0x") => (text.get(2..).unwrap_or_default(), 16),
        Some("0o") => (text.get(2..).unwrap_or_default(), 8),
        Some("0b") => (text.get(2..).unwrap_or_default(), 2),
        Some(_) | None => (text, 10),
    };
    if radix == 10 {
        return decimal(text);
    }
    let suffix = INT_SUFFIXES.iter().find(|suffix| digits.ends_with(**suffix));
    let digits = suffix.and_then(|suffix| digits.strip_suffix(*suffix)).unwrap_or(digits);
    Ok(Number::Int { value: whole(digits, radix)?, suffix: suffix.map(|suffix| (*suffix).to_owned()) })
}

fn decimal(text: &str) -> Result<Number, NumberFault> {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '_').unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if rest.is_empty() {
        return Ok(Number::Int { value: whole(digits, 10)?, suffix: None });
    }
    if INT_SUFFIXES.contains(&rest) {
        return Ok(Number::Int { value: whole(digits, 10)?, suffix: Some(rest.to_owned()) });
    }
    if FLOAT_SUFFIXES.contains(&rest) {
        return Ok(Number::Float);
    }
    if let Some((_, millis)) = UNITS.iter().find(|(unit, _)| *unit == rest) {
        let value = u64::try_from(whole(digits, 10)?).map_err(|_| NumberFault::TooLarge)?;
        return Ok(Number::Duration { millis: value.checked_mul(*millis).ok_or(NumberFault::TooLarge)? });
    }
    if rest.starts_with(['.', 'e', 'E']) {
        return float(text);
    }
    Err(NumberFault::UnknownSuffix)
}

fn float(text: &str) -> Result<Number, NumberFault> {
    let suffix = FLOAT_SUFFIXES.iter().find(|suffix| text.ends_with(**suffix));
    let value: String = suffix
        .and_then(|suffix| text.strip_suffix(*suffix))
        .unwrap_or(text)
        .chars()
        .filter(|character| *character != '_')
        .collect();
    match value.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Number::Float),
        Ok(_) => Err(NumberFault::TooLarge),
        Err(_) if value.ends_with(['e', 'E', '-', '+']) => Err(NumberFault::NoDigits),
        Err(_) => Err(NumberFault::UnknownSuffix),
    }
}

/// The value of digits and `_`; at least one digit.
fn whole(digits: &str, radix: u32) -> Result<u128, NumberFault> {
    let mut value: Option<u128> = None;
    for character in digits.chars().filter(|character| *character != '_') {
        let digit = character.to_digit(radix).ok_or(match character.is_ascii_digit() {
            true => NumberFault::DigitNotInBase,
            false => NumberFault::UnknownSuffix,
        })?;
        let shifted = value.unwrap_or(0).checked_mul(u128::from(radix)).ok_or(NumberFault::TooLarge)?;
        value = Some(shifted.checked_add(u128::from(digit)).ok_or(NumberFault::TooLarge)?);
    }
    value.ok_or(NumberFault::NoDigits)
}

/// The text of a string without its quotes, with escapes taken out, and the ranges of the escapes that are none.
pub fn unescape(text: &str) -> (String, Vec<Range<usize>>) {
    let mut plain = String::with_capacity(text.len());
    let mut faults = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        let Some((at, escape)) = characters.next() else {
            faults.push(start..text.len());
            break;
        };
        match escape {
            'n' => plain.push('\n'),
            'r' => plain.push('\r'),
            't' => plain.push('\t'),
            '0' => plain.push('\0'),
            '\\' | '"' | '\'' => plain.push(escape),
            // The next line continues this one, from its first character that is not a space.
            '\n' | '\r' => while characters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
            'u' => {
                let rest = text.get(at..).unwrap_or_default();
                match unicode_escape(rest) {
                    Ok((character, length)) => {
                        plain.push(character);
                        while characters.next_if(|(index, _)| *index < at + length).is_some() {}
                    }
                    Err(length) => {
                        faults.push(start..at + length);
                        while characters.next_if(|(index, _)| *index < at + length).is_some() {}
                    }
                }
            }
            _ => faults.push(start..at + escape.len_utf8()),
        }
    }
    (plain, faults)
}

/// The character of `u{1F3B5}`, and the length of that text; the length of what is wrong otherwise.
fn unicode_escape(text: &str) -> Result<(char, usize), usize> {
    let digits = text.strip_prefix("u{").ok_or(1_usize)?;
    let end = digits.find('}').ok_or(1_usize)?;
    let length = end + 3;
    let value = digits.get(..end).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let value = value.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    value.and_then(char::from_u32).map(|character| (character, length)).ok_or(length)
}

/// The text of a string literal, quotes included, with escapes taken out.
pub fn string(text: &str) -> String {
    let inner = text.strip_prefix('"').unwrap_or(text);
    unescape(inner.strip_suffix('"').unwrap_or(inner)).0
}

/// The character of a character literal, quotes included; `None` where it does not hold exactly one.
pub fn character(text: &str) -> Option<char> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    let (plain, _) = unescape(inner);
    let mut characters = plain.chars();
    let first = characters.next()?;
    characters.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let int = |value, suffix: Option<&str>| Ok(Number::Int { value, suffix: suffix.map(str::to_owned) });
        let check = |text, expected| assert_eq!(number(text), expected, "of {text}");
        check("0", int(0, None));
        check("1_000u64", int(1_000, Some("u64")));
        check("0xFFu8", int(255, Some("u8")));
        check("0b1010", int(10, None));
        check("0o17i32", int(15, Some("i32")));
        check("340282366920938463463374607431768211455", int(u128::MAX, None));
        check("340282366920938463463374607431768211456", Err(NumberFault::TooLarge));
        check("0x_", Err(NumberFault::NoDigits));
        check("0b2", Err(NumberFault::DigitNotInBase));
        check("5apples", Err(NumberFault::UnknownSuffix));
        check("2m", Ok(Number::Duration { millis: 120_000 }));
        check("213503982335d", Err(NumberFault::TooLarge));
        check("1e400", Err(NumberFault::TooLarge));
        check("1e", Err(NumberFault::NoDigits));
        check("1.5_5f32", Ok(Number::Float));
    }

    #[test]
    fn escapes() {
        let check = |text: &str, plain: &str, faults: &[Range<usize>]| {
            assert_eq!(unescape(text), (plain.to_owned(), faults.to_vec()), "of {text}");
        };
        check(r"a\n\t\\\u{1F3B5}b", "a\n\t\\🎵b", &[]);
        check("a\\\n   b", "ab", &[]);
        check(r"\q\u{zz}\u", "", &[0..2, 2..8, 8..10]);
        assert_eq!(character(r"'\u{e9}'"), Some('é'));
        assert_eq!(character("''"), None);
    }
}
