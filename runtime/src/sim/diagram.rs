//! A run as a Mermaid sequence diagram: the nodes, what they said to one another, and what went wrong.

use std::fmt::Write as _;

use accompanist_core::{Body, Change, Frame, Outcome, RowState, SessionId, Vote, Write};

use super::roles::RoleNames;
use super::trace::Noted;
use super::world::State;
use crate::quoted::is_plain;
use crate::store::driven::{Carried, Fate};

/// The most that is drawn.
const EVENTS_MAX: usize = 600;

/// The characters of a text of others, a reason or a message, that are drawn.
const TEXT_CHARACTERS_MAX: usize = 200;

/// The first and the last events of the run: those of `session`, where one is named, and what happened to nodes. What never ends goes on in the
/// same way for long: why is at its beginning.
pub(super) fn mermaid(state: &State, session: Option<SessionId>) -> String {
    let names = RoleNames::of(state);
    let drawn: Vec<String> =
        state.trace.events.iter().filter_map(|(millis, noted)| line(*millis, noted, session, &names)).collect();
    let mut text = String::from("sequenceDiagram\n");
    for (index, slot) in state.hosts.iter().enumerate() {
        let _ = writeln!(text, "    participant n{index} as {}", slot.name);
    }
    let note = |text: &mut String, left_out: bool, what: &str| {
        if left_out && !state.hosts.is_empty() {
            let _ = writeln!(text, "    Note over n0: what came {what} is left out");
        }
    };
    note(&mut text, state.trace.left_out > 0, "before");
    let last = drawn.len().saturating_sub(EVENTS_MAX / 2).max(EVENTS_MAX / 2);
    for (at, line) in drawn.iter().enumerate().filter(|(at, _)| *at < EVENTS_MAX / 2 || *at >= last) {
        note(&mut text, at == last && last > EVENTS_MAX / 2, "between");
        let _ = writeln!(text, "    {line}");
    }
    text
}

fn line(millis: u64, noted: &Noted, session: Option<SessionId>, names: &RoleNames) -> Option<String> {
    let frame = |bytes: &[u8]| {
        let frame = Frame::decode(bytes)?;
        session.is_none_or(|session| frame.session == session).then(|| said(&frame, names))
    };
    let about = |node: &usize, what: &str| Some(format!("Note over n{node}: {what} ({millis} ms)"));
    let between =
        |one: &usize, other: &usize, what: &str| Some(format!("Note over n{one},n{other}: {what} ({millis} ms)"));
    match noted {
        Noted::Arrives { from, to, bytes } => Some(format!("n{from}->>n{to}: {} ({millis} ms)", frame(bytes)?)),
        Noted::Lost { from, to, bytes } => Some(format!("n{from}--xn{to}: {} is lost ({millis} ms)", frame(bytes)?)),
        Noted::CutOff { from, to, bytes } => {
            Some(format!("n{from}--xn{to}: {} meets the partition ({millis} ms)", frame(bytes)?))
        }
        Noted::NobodyThere { from, to, bytes } => {
            Some(format!("n{from}--xn{to}: {} finds nobody ({millis} ms)", frame(bytes)?))
        }
        Noted::Connected(node, with) => session.is_none().then(|| between(node, with, "connected"))?,
        Noted::Cut(from, to) => between(from, to, "a partition begins"),
        Noted::Heals(from, to) => between(from, to, "the partition heals"),
        Noted::Starts(node) => about(node, "starts"),
        Noted::Crashes(node) => about(node, "CRASHES"),
        Noted::Pauses(node) => about(node, "stands still"),
        Noted::Resumes(node) => about(node, "goes on"),
        Noted::DiskFull(node) => about(node, "the disk is full"),
        Noted::ClockTurned(node, millis) => about(node, &format!("the clock jumps by {} s", millis / 1000)),
        Noted::Commit { node, carried, plan } => {
            let of_it: Vec<String> = carried
                .iter()
                .filter(|carried| session.is_none_or(|session| carried.key.session == session))
                .map(|carried| written(carried, names))
                .collect();
            if of_it.is_empty() {
                return None;
            }
            let end = match (plan.fate, &plan.told, plan.crashes) {
                (Fate::Happens, None, false) => "",
                (Fate::Happens, None, true) => ", and nobody is told",
                (Fate::Happens, Some(_), _) => ", and is said to have failed",
                (Fate::IsLost, None, true) => ", and is lost",
                (Fate::IsLost, None, false) => ", and loses it without a word",
                (Fate::IsLost, Some(_), _) => ", and fails",
            };
            about(node, &format!("commits {}{end}", of_it.join(", ")))
        }
        Noted::Told { node, id, what } => about(node, &format!("the client of {} is told: {}", plain(id), plain(what))),
    }
}

fn written(carried: &Carried, names: &RoleNames) -> String {
    let role = plain(&names.name(carried.key.session, carried.key.role));
    match &carried.result {
        Err(error) => format!("nothing of {role} ({})", plain(&error.to_string())),
        Ok(writes) => {
            let writes: Vec<String> = writes.iter().map(write).collect();
            format!("{role} {}", writes.join(" and "))
        }
    }
}

fn write(write: &Write) -> String {
    let changes = write.changes.iter().filter_map(|change| match change {
        Change::Transaction(record) if record.result.is_none() => Some(format!("the intent of {} ", record.operation)),
        Change::Transaction(record) => Some(format!("{} ", record.operation)),
        Change::Returned { .. } => Some("the result of what was intended ".to_owned()),
        Change::Undone(_) => Some("a compensation ".to_owned()),
        Change::Call(record) => Some(format!("the result of {} ", record.operation)),
        Change::ScopeVote(_) => Some("a scope's vote ".to_owned()),
        Change::Message(_) => Some("a message ".to_owned()),
        Change::Drop(_) => None,
    });
    let state = match &write.row.state {
        RowState::Active => "active",
        RowState::Voted { .. } => "completed",
        RowState::Aborting { .. } => "aborting",
        RowState::Committed { .. } => "committed",
        RowState::Finished { .. } => "finished",
    };
    plain(&format!("{}({state})", changes.collect::<String>()))
}

fn said(frame: &Frame, names: &RoleNames) -> String {
    let what = match &frame.body {
        Body::Message { payload, .. } => format!("message {}", payload.chars().take(40).collect::<String>()),
        Body::Stable { positions } => format!("{} stable", positions.len()),
        Body::Ask => "how does it stand".to_owned(),
        Body::Stands { standing } => format!("it stands: {standing:?}"),
        Body::Keep => "keep what I sent".to_owned(),
        Body::Awaits { positions } => format!("awaits {}", positions.len()),
        Body::Vote { vote: Vote::Completed { .. }, .. } => "vote completed".to_owned(),
        Body::Vote { vote: Vote::Aborted { reason }, .. } => format!("vote aborted, {reason}"),
        Body::Done { outcome: Outcome::Committed, .. } => "done, committed".to_owned(),
        Body::Done { outcome: Outcome::Compensated, .. } => "done, compensated".to_owned(),
        Body::Over => "over".to_owned(),
        Body::Need => "need".to_owned(),
        Body::Refused { reason } => format!("refused, {reason}"),
        Body::ScopeVote { .. } => "vote of a scope".to_owned(),
        Body::ScopeNews { .. } => "news of a scope".to_owned(),
        Body::Cancel { reason } => format!("cancel, {reason}"),
        Body::AwaitVotes => "awaits votes".to_owned(),
        Body::OthersVoted => "the others have voted".to_owned(),
    };
    let name = |role| names.name(frame.session, role);
    plain(&format!("{}→{} {what}", name(frame.from), name(frame.to)))
}

/// Without what Mermaid would take for something else, or a reader's terminal; of limited length.
fn plain(text: &str) -> String {
    let is_taken = |c: char| matches!(c, ';' | '#' | ':' | '%') || !is_plain(c);
    let cut = text.chars().nth(TEXT_CHARACTERS_MAX).map_or("", |_| "…");
    let shown = text.chars().take(TEXT_CHARACTERS_MAX).map(|c| if is_taken(c) { ' ' } else { c });
    shown.chain(cut.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_of_others_draw_no_lines_of_their_own() {
        assert_eq!(plain("no\nNote over n1: forged\x1b[2J\u{202e}é"), "no Note over n1  forged [2J é");
        let long = plain(&"é".repeat(100_000));
        assert_eq!(long.chars().count(), TEXT_CHARACTERS_MAX + 1);
    }
}
