//! The words of a diagram: pieces of the source on one line, who decides, and how long.

use crate::hir::{Choreography, Place, RoleId};

/// How many roles are named before the rest is counted.
const NAMED_COUNT_MAX: usize = 4;

/// A piece of source on one line: blanks and comments are one blank, but within strings.
pub fn one_line(source: &str) -> String {
    let mut line = String::new();
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '"' => string_length(rest),
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment_length(rest),
            _ => character.len_utf8(),
        };
        let (piece, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = behind;
        let is_blank = character.is_whitespace() || piece.starts_with("//") || piece.starts_with("/*");
        match is_blank {
            true if line.is_empty() || line.ends_with(' ') => {}
            true => line.push(' '),
            false => line.push_str(piece),
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// How long the string literal is that `text` begins with.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (index, character) in text.char_indices().skip(1) {
        match character {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

/// How long the comment is that `text` begins with; comments may hold others.
fn comment_length(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth = depth.saturating_sub(1);
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// `A decides`, of the place of a guard.
pub fn deciders(choreography: &Choreography, place: &Place) -> String {
    match place {
        Place::Everywhere | Place::Error => "all decide".to_owned(),
        Place::Each(group) => format!("each {} decides", names(choreography, group.iter().copied())),
        Place::Roles(roles) if roles.len() == 1 && !roles.iter().any(|role| choreography.is_group(*role)) => {
            format!("{} decides", names(choreography, roles.iter().copied()))
        }
        Place::Roles(roles) if roles.len() == 1 => {
            format!("all of {} decide", names(choreography, roles.iter().copied()))
        }
        Place::Roles(roles) => format!("{} decide", names(choreography, roles.iter().copied())),
    }
}

/// The roles' names; of many, the first and how many more.
pub fn names(choreography: &Choreography, roles: impl Iterator<Item = RoleId>) -> String {
    let mut names: Vec<&str> = roles.map(|role| choreography.role_name(role)).collect();
    let more = names.len().saturating_sub(NAMED_COUNT_MAX);
    names.truncate(NAMED_COUNT_MAX);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// A group as it is written: its name, or the names of its roles in braces.
pub fn group(choreography: &Choreography, roles: &[RoleId]) -> String {
    match roles {
        [role] => choreography.role_name(*role).to_owned(),
        roles => format!("{{{}}}", names(choreography, roles.iter().copied())),
    }
}

/// A time in milliseconds, in the largest unit that it is a whole number of.
pub fn duration(milliseconds: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let fits = |(length, _): &&(u64, &str)| milliseconds >= *length && milliseconds.is_multiple_of(*length);
    units.iter().find(fits).map_or_else(|| "0s".to_owned(), |(length, unit)| format!("{}{unit}", milliseconds / length))
}

/// The text with at most `length_max` characters; a longer one ends in an ellipsis.
pub fn shortened(text: &str, length_max: usize) -> String {
    match text.char_indices().nth(length_max) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(length_max.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_on_one_line() {
        let check = |source: &str, line: &str| assert_eq!(one_line(source), line);
        check("a\n   +\tb", "a + b");
        check("f(a, // the first\n  b)", "f(a, b)");
        check("a /* one /* two */ */ + b", "a + b");
        check("\"two  blanks // \\\" kept\"  ", "\"two  blanks // \\\" kept\"");
        check("\"open", "\"open");
        check("/* open", "");
        check("ä / ö", "ä / ö");
    }

    #[test]
    fn times_and_lengths() {
        assert_eq!(
            ["0s", "1500ms", "2s", "3m"],
            [0, 1_500, 2_000, 180_000].map(duration).each_ref().map(String::as_str)
        );
        assert_eq!(shortened("äöü", 3), "äöü");
        assert_eq!(shortened("ab cdef", 4), "ab…");
    }
}
