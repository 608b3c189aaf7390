//! A node's answers, for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::table::Table;
use super::undecided;

/// The widest id and reason that a table shows, in characters.
const CELL_CHARACTERS_MAX: usize = 60;

const RED: &str = "\x1b[31m";
const YELLOW: &str = "\x1b[33m";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// The text with everything in it written out that would steer a terminal, or show it in another
/// order than it has: ids and reasons are other people's. As the nodes write them to their logs.
pub fn clean(text: &str) -> String {
    text.chars()
        .flat_map(|character| match is_plain(character) {
            true => vec![character],
            false => character.escape_unicode().collect::<Vec<_>>(),
        })
        .collect()
}

/// Whether a character moves nothing: no control, no separator of lines, no change of direction,
/// and nothing that is invisible.
fn is_plain(character: char) -> bool {
    !character.is_control()
        && !matches!(
            character,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// The reason that an answer gives.
pub fn reason(answer: &Value) -> String {
    clean(text(answer, "reason"))
}

pub(super) fn short(text: &str) -> String {
    let text = clean(text);
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

pub(super) fn is(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or(false)
}

pub(super) fn number(value: &Value, field: &str) -> u64 {
    value.get(field).and_then(Value::as_u64).unwrap_or(0)
}

/// So many milliseconds, in the one or two units that matter.
pub(super) fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// What holds the database that a session waits for, in words.
fn behind(wait: &Value) -> String {
    let Some(behind) = wait.get("behind") else { return String::new() };
    let session: String = text(behind, "session").chars().take(8).collect();
    let held = duration(number(behind, "millis"));
    format!(
        ", behind {} of session {session}, which has held the database for {held}",
        clean(text(behind, "operation"))
    )
}

/// What a session waits for, in words.
fn wait(wait: &Value) -> String {
    let (role, node, operation) = (text(wait, "role"), text(wait, "node"), text(wait, "operation"));
    let from = format!("{} (node {})", clean(role), clean(node));
    let refused = match text(wait, "reason") {
        "" => String::new(),
        reason => format!(", which says: {}", clean(reason)),
    };
    match text(wait, "for") {
        "message" => format!("a message from {from}{refused}"),
        "vote" => format!("the vote of {from}{refused}"),
        "scope_vote" => format!("the vote of {from} in a scope{refused}"),
        "done" => format!("{from} to have ended it{refused}"),
        "over" => format!("{from} to say that all is over{refused}"),
        "write" => format!("a durable write{}", behind(wait)),
        "sleep" => format!("its timer, in {}", duration(number(wait, "due_millis"))),
        what => {
            let operation = clean(operation);
            let what = if what == "compensation" { format!("the compensation of {operation}") } else { operation };
            let reason = clean(text(wait, "reason"));
            match (number(wait, "attempts"), wait.get("next_try_millis").and_then(Value::as_u64)) {
                (0, _) if wait.get("behind").is_some() => format!("{what}{}", behind(wait)),
                (0, _) => format!("{what}, which runs"),
                (attempts, Some(millis)) => {
                    format!("{what}, which failed {attempts}× ({reason}); next try in {}", duration(millis))
                }
                (attempts, None) => format!("{what}, which failed {attempts}× ({reason}) and runs again"),
            }
        }
    }
}

/// A list of sessions.
pub fn sessions(answer: &Value, colour: bool) -> String {
    let sessions = list(answer, "sessions");
    if sessions.is_empty() {
        return "no sessions\n".to_owned();
    }
    let mut table = Table::new(&["ID", "SESSION", "CHOREOGRAPHY", "ROLE", "STATE", "AGE", "WAITS FOR"]);
    for session in sessions {
        let first = list(session, "waits").first().map(wait).unwrap_or_default();
        let more = list(session, "waits").len().saturating_sub(1);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let finished = ending(session);
        let waits = if let Some((_, reason)) = &finished {
            short(reason)
        } else if is(session, "parked") {
            "nothing: it is parked".to_owned()
        } else {
            short(&first) + &more + &undecided::in_list(session)
        };
        table.row(vec![
            short(text(session, "id")),
            text(session, "session").chars().take(8).collect(),
            short(text(session, "choreography")),
            short(text(session, "role")),
            finished.map_or_else(|| clean(text(session, "state")), |(ended, _)| ended.to_owned()),
            duration(number(session, "age_millis")),
            waits,
        ]);
    }
    let paint = |line_number: usize, line: &str| {
        let session = line_number.checked_sub(1).and_then(|index| sessions.get(index));
        let colour_of = match session {
            _ if !colour => return line.to_owned(),
            None => BOLD,
            Some(session) if is(session, "parked") => YELLOW,
            Some(session) if is(session, "stuck") => RED,
            Some(_) => return line.to_owned(),
        };
        format!("{colour_of}{line}{PLAIN}")
    };
    let mut shown = table.text(paint);
    if let Some(next) = answer.get("next").and_then(Value::as_str) {
        let of_total =
            answer.get("total").and_then(Value::as_u64).map(|total| format!(" of {total}")).unwrap_or_default();
        let _ = writeln!(shown, "{}{of_total}; go on with `--after {}`", sessions.len(), clean(next));
    }
    shown
}

/// How a finished session ended, and why.
fn ending(session: &Value) -> Option<(&'static str, String)> {
    match text(session, "outcome") {
        "committed" => Some(("committed", "nothing: it is finished".to_owned())),
        "rolled_back" => Some(("rolled back", format!("nothing; reason: {}", text(session, "reason")))),
        _ => None,
    }
}

/// Other nodes, and how the way to them is.
pub fn peers(answer: &Value) -> String {
    let peers = list(answer, "peers");
    if peers.is_empty() {
        return "no other nodes\n".to_owned();
    }
    let mut table = Table::new(&["NODE", "STATE", "FOR", "CONNECTIONS", "CAUSE"]);
    for peer in peers {
        table.row(vec![
            short(text(peer, "node")),
            if is(peer, "connected") { "connected" } else { "away" }.to_owned(),
            duration(number(peer, "for_millis")),
            number(peer, "connections").to_string(),
            short(text(peer, "cause")),
        ]);
    }
    table.text(|_, line| line.to_owned())
}

/// All parts of a session, and what operators did to it.
pub fn inspected(answer: &Value, colour: bool) -> String {
    let parts: Vec<String> = list(answer, "parts").iter().map(|found| part(found, colour)).collect();
    let mut shown = parts.join("\n");
    let mut table = Table::new(&["OPERATORS", "WHAT", "OUTCOME", "REASON", "USER"]);
    for audit in list(answer, "audit") {
        let uid = audit.get("uid").and_then(Value::as_u64).map(|uid| uid.to_string()).unwrap_or_default();
        table.row(vec![
            utc(number(audit, "unix_millis")),
            clean(text(audit, "action")),
            short(text(audit, "outcome")),
            short(text(audit, "reason")),
            uid,
        ]);
    }
    if !list(answer, "audit").is_empty() {
        shown.push_str(&table.text(|_, line| line.to_owned()));
    }
    shown
}

/// A time as RFC 3339 writes it, to the second, in UTC. The date by Howard Hinnant's algorithm
/// (`civil_from_days`).
fn utc(unix_millis: u64) -> String {
    let seconds = unix_millis / 1_000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01, so that the leap day is the last of a year.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

fn part(part: &Value, colour: bool) -> String {
    let (bold, plain) = if colour { (BOLD, PLAIN) } else { ("", "") };
    let mut shown = String::new();
    // Writing to a string does not fail.
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(shown, "{bold}{name:<13}{plain}{value}");
        }
    };
    line("session", text(part, "session").to_owned());
    line("id", clean(text(part, "id")));
    line("choreography", format!("{}, version {}", clean(text(part, "choreography")), text(part, "version")));
    line("role", clean(text(part, "role")));
    let ended = ending(part).map(|(ended, _)| format!(": {ended}")).unwrap_or_default();
    line("state", format!("{}{ended}", clean(text(part, "state"))));
    line("age", part.get("age_millis").and_then(Value::as_u64).map(duration).unwrap_or_default());
    line("aborted by", clean(text(part, "aborted_by")));
    line("reason", clean(text(part, "reason")));
    line("arguments", value(part, "arguments"));
    line("result", value(part, "result"));
    if let Some(parked) = part.get("parked").filter(|parked| parked.is_object()) {
        let place = Some(text(parked, "position")).filter(|place| !place.is_empty());
        let place = place.map(|place| format!("at {place}: ")).unwrap_or_default();
        line("parked", format!("{place}recorded {}", clean(text(parked, "recorded"))));
        line("", format!("attempted {}", clean(text(parked, "attempted"))));
    }
    let waits = list(part, "waits");
    for (number, waits) in waits.iter().enumerate() {
        line(if number == 0 { "waits for" } else { "" }, wait(waits));
    }
    let missing = undecided::missing_votes(part);
    for (number, vote) in missing.into_iter().enumerate() {
        line(if number == 0 { "no vote yet" } else { "" }, vote);
    }
    line("deadline", undecided::deadline(part));
    line("cancel", undecided::cancel(part));
    line("in doubt", text(part, "doubt").to_owned());
    if let Some(decided) = part.get("decided_by_hand").filter(|decided| decided.is_object()) {
        line("by hand", format!("{}: {}", text(decided, "decision"), clean(text(decided, "reason"))));
    }
    for (number, peer) in list(part, "peers").iter().enumerate() {
        let vote = match is(peer, "completed") {
            true => "has voted completed",
            false if undecided::counts_votes(part) => "has not voted",
            false => "has told this role of no vote",
        };
        let done = if is(peer, "done") { ", has ended it" } else { "" };
        let kept = match self::number(peer, "kept_messages") {
            0 => String::new(),
            1 => ", 1 message kept for it".to_owned(),
            kept => format!(", {kept} messages kept for it"),
        };
        let refused = text(peer, "refused");
        let refused = if refused.is_empty() { String::new() } else { format!(", says: {}", clean(refused)) };
        let peer = format!("{} {vote}{done}{kept}{refused}", clean(text(peer, "role")));
        line(if number == 0 { "others" } else { "" }, peer);
    }
    records(&mut shown, part);
    shown
}

fn records(shown: &mut String, part: &Value) {
    let mut table = Table::new(&["  RECORD", "WHAT", "ARGUMENTS", "RESULT", ""]);
    for record in list(part, "transactions") {
        let undone = if is(record, "undone") { "undone" } else { "" };
        table.row(vec![
            format!("  commit {}", number(record, "sequence")),
            clean(text(record, "operation")),
            short(&value(record, "arguments")),
            short(&value(record, "result")),
            undone.to_owned(),
        ]);
    }
    for record in list(part, "operations") {
        let operation = clean(text(record, "operation"));
        table.row(vec!["  result".to_owned(), operation, String::new(), short(&value(record, "result"))]);
    }
    for vote in list(part, "scope_votes") {
        let reason = short(text(vote, "reason"));
        table.row(vec!["  scope".to_owned(), format!("voted {}", text(vote, "vote")), String::new(), reason]);
    }
    let records = ["transactions", "operations", "scope_votes"].iter().any(|field| !list(part, field).is_empty());
    if records {
        shown.push_str(&table.text(|_, line| line.to_owned()));
    }
    match number(part, "records_left_out") {
        0 => {}
        left_out => shown.push_str(&format!("  and {left_out} records more\n")),
    }
}

/// A value that may be shown by its beginning only.
fn value(of: &Value, field: &str) -> String {
    let Some(shown) = of.get(field).filter(|shown| shown.is_object()) else { return String::new() };
    match (shown.get("json"), shown.get("begins").and_then(Value::as_str)) {
        (Some(Value::String(text)), _) => clean(text),
        (Some(json), _) => clean(&json.to_string()),
        (None, begins) => format!("{}… ({} bytes)", clean(begins.unwrap_or_default()), number(shown, "bytes")),
    }
}

/// What was tried again.
pub fn retried(answer: &Value) -> String {
    let count = |field: &str, one: &str, many: &str| match number(answer, field) {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    };
    format!(
        "{} told to go on; {} tried at once\n",
        count("sessions", "session", "sessions"),
        count("tried", "operation or compensation that failed is", "operations and compensations that failed are")
    )
}

/// What counts as undone.
pub fn settled(answer: &Value) -> String {
    let (operation, role) = (clean(text(answer, "operation")), clean(text(answer, "role")));
    format!("{operation}{} of {role} counts as undone from now on\n", value(answer, "arguments"))
}

/// What was decided by hand.
pub fn resolved(answer: &Value) -> String {
    let (decision, role) = (text(answer, "decision"), clean(text(answer, "role")));
    let what = if decision == "abort" { "is undone" } else { "stands" };
    format!("decided: what {role} did here {what}; other nodes are not told\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_from_elsewhere_steers_the_terminal() {
        assert_eq!(clean("a\x1b[31mb\nc"), "a\\u{1b}[31mb\\u{a}c");
        assert_eq!(clean("\u{202e}live\u{2066}\u{200b}é漢"), "\\u{202e}live\\u{2066}\\u{200b}é漢");
    }

    #[test]
    fn a_finished_session_says_how_it_ended() {
        let answer = json!({ "next": "7:1", "sessions": [
            { "id": "1", "state": "finished", "outcome": "committed" },
            { "id": "2", "state": "finished", "outcome": "rolled_back", "reason": "no\nseat" },
        ] });
        let shown = sessions(&answer, false);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            matches!(lines.as_slice(), [_, one, two, next]
            if one.contains(" committed ") && two.contains(" rolled back ") && two.ends_with("reason: no\\u{a}seat")
            && *next == "2; go on with `--after 7:1`"),
            "{shown}"
        );
        let parts = json!({ "parts": [{ "state": "finished", "outcome": "rolled_back", "reason": "no seat" }],
            "audit": [{ "unix_millis": 1_709_210_096_789_u64, "action": "abort", "outcome": "aborted", "reason": "a\x1b[2J", "uid": 7 }] });
        let shown = inspected(&parts, false);
        assert!(
            shown.contains("finished: rolled back")
                && shown.contains("2024-02-29T12:34:56Z  abort  aborted  a\\u{1b}[2J  7"),
            "{shown}"
        );
    }

    #[test]
    fn peers_are_shown_with_why_they_are_away() {
        let answer = json!({ "peers": [
            { "node": "bank", "connected": true, "for_millis": 61_000, "connections": 2 },
            { "node": "club", "connected": false, "for_millis": 5_000, "connections": 0, "cause": "refused\r" },
        ] });
        let shown = peers(&answer);
        assert!(shown.contains("bank  connected  1 min 1 s  2"), "{shown}");
        assert!(shown.contains("club  away       5 s        0            refused\\u{d}"), "{shown}");
    }

    #[test]
    fn times_are_written_in_utc() {
        let times = [0, 951_782_400_000, 1_709_210_096_789, 4_102_444_799_999].map(utc);
        let expected = ["1970-01-01T00:00:00Z", "2000-02-29T00:00:00Z", "2024-02-29T12:34:56Z", "2099-12-31T23:59:59Z"];
        assert_eq!(times, expected);
    }

    #[test]
    fn durations_are_in_the_units_that_matter() {
        let all = [0, 999, 59_000, 61_000, 3_660_000, 90_000_000].map(duration);
        assert_eq!(all, ["0 ms", "999 ms", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
    }

    #[test]
    fn what_is_waited_for_is_a_sentence() {
        let failing = json!({ "for": "compensation", "operation": "Bank.charge", "attempts": 3, "reason": "no line", "next_try_millis": 4_000 });
        assert_eq!(wait(&failing), "the compensation of Bank.charge, which failed 3× (no line); next try in 4 s");
        let message = json!({ "for": "message", "role": "Bank", "node": "berlin" });
        assert_eq!(wait(&message), "a message from Bank (node berlin)");
        assert_eq!(wait(&json!({ "for": "sleep", "due_millis": 61_000 })), "its timer, in 1 min 1 s");
        let behind = json!({ "operation": "Bank.charge", "session": "0123456789ab", "millis": 4_200 });
        let says = "behind Bank.charge of session 01234567, which has held the database for 4 s";
        let write = json!({ "for": "write", "behind": behind });
        assert_eq!(wait(&write), format!("a durable write, {says}"));
        let transaction = json!({ "for": "transaction", "operation": "Bank.pay", "attempts": 0, "behind": behind });
        assert_eq!(wait(&transaction), format!("Bank.pay, {says}"));
    }

    #[test]
    fn colours_are_for_what_wants_somebody_to_look() {
        let answer = json!({ "sessions": [{ "id": "1", "stuck": true, "state": "aborting" }, { "id": "2", "state": "active" }] });
        assert!(!sessions(&answer, false).contains('\x1b'));
        let coloured = sessions(&answer, true);
        let lines: Vec<_> = coloured.lines().collect();
        assert!(lines.iter().any(|line| line.starts_with("\x1b[31m1 ")), "{coloured}");
        assert!(lines.iter().any(|line| line.starts_with("2 ")), "{coloured}");
    }
}
