//! The words for values that are not where they are used, or are where nobody uses them.

use super::meaning::{InPlace, Instead, Lives};
use super::meaning_prose::{all_of, all_quoted};
use super::prose::{Prose, one_of};
use crate::span::Span;

fn where_it_lives(part: &Lives) -> String {
    let value = part.value.as_ref().map_or_else(|| "this".to_owned(), |name| format!("`{name}`"));
    match part.roles.as_slice() {
        [] => format!("{value} has no single place"),
        roles => format!("{value} lives at {}", all_of(roles)),
    }
}

pub(super) fn not_here(role: &str, span: Span, by: Span, parts: &[Lives]) -> Prose {
    let prose = match parts {
        [part] => {
            let value = part.value.as_ref().map_or_else(|| "this value".to_owned(), |name| format!("`{name}`"));
            Prose::new(format!("{value} does not live at `{role}`"), part.span, where_it_lives(part))
        }
        parts => {
            let prose = Prose::new(format!("this does not live at `{role}`"), span, format!("not at `{role}`"));
            parts.iter().fold(prose, |prose, part| prose.label(part.span, where_it_lives(part)))
        }
    };
    let prose = if by == span { prose } else { prose.label(by, format!("needed at `{role}` by this")) };
    if let [Lives { value, span, instead: Some(instead), .. }] = parts {
        let value = value.as_deref().unwrap_or("…");
        return match instead {
            Instead::Copy { name: Some(name), span: sent } => prose
                .label(*sent, format!("what was sent to `{role}` is called `{name}`"))
                .help(format!("use what arrived there: `{name}`"))
                .edit(*span, name.as_str()),
            Instead::Copy { name: None, span: sent } => prose
                .label(*sent, format!("sent to `{role}`, where what arrives has no name"))
                .help(format!("give what arrives a name, and use that: `let sent = {value} ~> {role};`")),
            Instead::Hidden(declared) => prose
                .label(*declared, format!("`{role}` holds this one, which has the same name"))
                .help("give one of them another name"),
        };
    }
    let mut ways: Vec<String> = parts.iter().map(|part| sent(part, role)).collect();
    ways.dedup();
    match ways.as_slice() {
        [_, _, ..] => prose.help(format!("send them there: {}", all_quoted(&ways))),
        ways => {
            let prose = prose.help(format!("send it there: {}", one_of(ways)));
            match parts {
                [part] => {
                    sent_in_place(part, role).into_iter().fold(prose, |prose, (span, text)| prose.edit(span, text))
                }
                _ => prose,
            }
        }
    }
}

/// The communication written around the value where it stands.
fn sent_in_place(part: &Lives, role: &str) -> Vec<(Span, String)> {
    let sender = match part.roles.as_slice() {
        [] => return Vec::new(),
        [_] => String::new(),
        [sender, ..] => format!("@{sender}"),
    };
    let (start, end) = (Span { end: part.span.start, ..part.span }, Span { start: part.span.end, ..part.span });
    match part.in_place {
        InPlace::Never => Vec::new(),
        InPlace::Whole => vec![(end, format!("{sender} ~> {role}"))],
        InPlace::Operand => vec![(start, "(".to_owned()), (end, format!("{sender} ~> {role})"))],
    }
}

pub(super) fn apart(span: Span, parts: &[Lives]) -> Prose {
    let prose = Prose::new("no role holds all of this", span, "computed where all of it lives");
    let prose = parts.iter().fold(prose, |prose, part| prose.label(part.span, where_it_lives(part)));
    let mut ways: Vec<String> = Vec::new();
    for part in parts {
        let away = parts.iter().find_map(|other| other.roles.first().filter(|role| !part.roles.contains(role)));
        if let (Some(role), false) = (away, part.roles.is_empty()) {
            let way = sent(part, role);
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    match ways.as_slice() {
        [] => prose.help("send one to the other with `~>`"),
        ways => prose.help(format!("send one to the other: {}", one_of(ways))),
    }
}

/// The communication that brings a value to a role.
fn sent(part: &Lives, role: &str) -> String {
    let value = part.value.as_deref().unwrap_or("…");
    match part.roles.as_slice() {
        [sender, _, ..] => format!("`{value}@{sender} ~> {role}`"),
        [] | [_] => format!("`{value} ~> {role}`"),
    }
}

pub(super) fn ambiguous_sender(
    senders: &[String],
    group: Option<&Option<String>>,
    is_whole: bool,
    span: Span,
    whole: Span,
) -> Prose {
    let (who, lives) = match group {
        Some(_) => {
            (format!("each member of {}", all_of(senders)), format!("lives at each member of {}", all_of(senders)))
        }
        None => (all_of(senders), format!("lives at {}", all_of(senders))),
    };
    let prose = Prose::new(format!("{who} could send this"), span, lives).label(whole, "a message is needed here");
    let sender = match group {
        Some(member) => member.as_deref(),
        None => senders.first().map(String::as_str),
    };
    match (sender, is_whole) {
        (None, _) => {
            let group = senders.first().map_or("Group", String::as_str);
            prose.help(format!("say which: `each w in {group} {{ …@w ~> … }}`, or `for w in {group} {{ … }}`"))
        }
        (Some(sender), true) => prose
            .help(format!("say who sends it: `…@{sender} ~> …`"))
            .edit(Span { start: span.end, ..span }, format!("@{sender}")),
        (Some(sender), false) => prose.help(format!("say who sends it: `(…)@{sender} ~> …`")),
    }
}

pub(super) fn sent_unused(from: &str, to: &[String], is_still: bool, spans: (Span, Span, Option<Span>)) -> Prose {
    let (value, whole, stmt) = spans;
    let receivers = match to {
        [only] => only.clone(),
        several => format!("{{{}}}", several.join(", ")),
    };
    let message = format!("{from} ~> {receivers}");
    let prose =
        Prose::new(format!("a value is sent to {} and never used", all_of(to)), whole, "nothing uses what arrives");
    let edit = match (stmt, is_still) {
        (None, _) => None,
        (Some(stmt), true) => Some((Span { end: whole.end, ..stmt }, message.clone())),
        (Some(_), false) => Some((Span { start: value.end, ..whole }, format!("; {message}"))),
    };
    let prose = match is_still {
        true => prose.help(format!("send a message without it: `{message};`")),
        false => prose.help(format!("send a message without it, behind it: `{message};`")),
    };
    match edit {
        Some((span, replacement)) => prose.edit(span, replacement),
        None => prose,
    }
}
