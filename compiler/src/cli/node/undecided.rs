//! What a session that is not decided has before it, for people: its deadline, a cancel, votes.

use serde_json::Value;

use super::show::{clean, duration, list, number, text};

/// How many of the missing votes are named.
const VOTES_MAX: usize = 10;

/// Whether the votes of all roles are counted at this one: only the initiator is told of every
/// vote.
pub(super) fn counts_votes(part: &Value) -> bool {
    text(part, "role") == text(part, "initiator")
}

/// Whose votes are missing, one a line. A role that is not told of all says which one is.
pub(super) fn missing_votes(part: &Value) -> Vec<String> {
    let missing = list(part, "missing_votes");
    let role = text(part, "role");
    let mut lines = Vec::new();
    if counts_votes(part) {
        lines.extend(missing.iter().take(VOTES_MAX).map(voter));
        if let left_out @ 1.. = missing.len().saturating_sub(VOTES_MAX) {
            lines.push(format!("and {left_out} more"));
        }
    } else if !missing.is_empty() {
        lines.extend(missing.iter().filter(|vote| text(vote, "role") == role).map(voter));
        let initiator = text(part, "initiator");
        let node = part.get("nodes").map(|nodes| text(nodes, initiator)).unwrap_or_default();
        let (initiator, node) = (clean(initiator), clean(node));
        lines.push(format!("{initiator} (node {node}) counts the votes: inspect the session there"));
    }
    lines
}

fn voter(vote: &Value) -> String {
    format!("{} (node {})", clean(text(vote, "role")), clean(text(vote, "node")))
}

/// When an undecided session is cancelled.
pub(super) fn deadline(session: &Value) -> String {
    let Some(deadline) = session.get("deadline").filter(|deadline| deadline.is_object()) else { return String::new() };
    let within = duration(number(deadline, "within_millis"));
    match deadline.get("left_millis").and_then(Value::as_u64) {
        Some(left) => format!("in {}, {within} after the start", duration(left)),
        None => format!("has passed, {within} after the start"),
    }
}

/// What became of a request to end a session that its role may not end any more.
pub(super) fn cancel(session: &Value) -> String {
    match text(session, "cancel") {
        "" => String::new(),
        reason => format!("asked of those that have not voted; reason: {}", clean(reason)),
    }
}

/// What a list adds of it to what a session waits for.
pub(super) fn in_list(session: &Value) -> String {
    let mut shown = String::new();
    if !text(session, "cancel").is_empty() {
        shown.push_str("; a cancel is pending");
    } else if let Some(left) = session.get("deadline").and_then(|deadline| deadline.get("left_millis")?.as_u64()) {
        shown.push_str(&format!("; deadline in {}", duration(left)));
    }
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::show::{inspected, sessions};

    #[test]
    fn an_undecided_session_shows_its_deadline_a_pending_cancel_and_missing_votes() {
        let votes: Vec<_> = (0..12).map(|n| json!({ "role": format!("W[{n}]"), "node": "w\x1b" })).collect();
        let part = |left: Option<u64>| {
            json!({ "parts": [{ "role": "A", "initiator": "A", "state": "voted", "missing_votes": votes,
                "deadline": { "within_millis": 90_000, "left_millis": left }, "cancel": "too\nlate" }] })
        };
        let shown = inspected(&part(Some(61_000)), false);
        for line in [
            "no vote yet  W[0] (node w\\u{1b})\n             W[1] (node w",
            "\n             and 2 more\n",
            "deadline     in 1 min 1 s, 1 min 30 s after the start\n",
            "cancel       asked of those that have not voted; reason: too\\u{a}late\n",
        ] {
            assert!(shown.contains(line), "{line:?} is not in\n{shown}");
        }
        let shown = inspected(&part(None), false);
        assert!(shown.contains("deadline     has passed, 1 min 30 s after the start\n"), "{shown}");
    }

    #[test]
    fn a_role_that_is_not_told_of_all_votes_says_which_one_is() {
        let part = json!({ "role": "B", "initiator": "A", "state": "active", "nodes": { "A": "home" },
            "missing_votes": [{ "role": "A", "node": "home" }, { "role": "B", "node": "b" }],
            "peers": [{ "role": "A", "completed": false }] });
        let shown = inspected(&json!({ "parts": [part] }), false);
        let votes = "no vote yet  B (node b)\n             A (node home) counts the votes: inspect the session there\n";
        assert!(shown.contains(votes), "{shown}");
        assert!(shown.contains("others       A has told this role of no vote\n"), "{shown}");
    }

    #[test]
    fn a_list_says_that_a_cancel_is_pending_or_when_the_deadline_is() {
        let wait = json!([{ "for": "vote", "role": "C", "node": "c" }]);
        let answer = json!({ "sessions": [
            { "id": "1", "state": "active", "waits": wait, "deadline": { "within_millis": 9_000, "left_millis": 5_000 } },
            { "id": "2", "state": "voted", "waits": wait, "cancel": "no" },
        ] });
        let shown = sessions(&answer, false);
        assert!(shown.contains("the vote of C (node c); deadline in 5 s\n"), "{shown}");
        assert!(shown.contains("the vote of C (node c); a cancel is pending\n"), "{shown}");
    }
}
