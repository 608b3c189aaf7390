//! What peers know that a database does not, before it is adopted.

use std::fmt::Write as _;

use serde_json::Value;

use super::show::{clean, is, list, number, short, text};
use super::table::Table;

/// Sessions of one kind that are named.
const NAMED_MAX: usize = 50;

/// The answer to `adopt`.
pub fn report(answer: &Value) -> String {
    let mut shown = String::new();
    // Writing to a string does not fail.
    for peer in list(answer, "peers") {
        let (node, reason) = (clean(text(peer, "node")), clean(text(peer, "reason")));
        let _ = writeln!(shown, "{node} refuses this database: {reason}");
        if !is(peer, "answered") {
            let _ = writeln!(shown, "  {node} has not said what it knows; ask again");
        }
        if is(peer, "is_cut") {
            let _ = writeln!(shown, "  {node} knows of more sessions than it has told");
        }
    }
    let kinds = [
        ("lost", "sessions that others know and this database does not; what it did in them is in no table here"),
        (
            "behind",
            "sessions that all others have committed, and that are not finished here: decide them by `chor resolve`",
        ),
        ("open", "sessions that are not finished here: the node asks the others how they stand, and goes on by itself"),
    ];
    for (field, what) in kinds {
        named(&mut shown, answer.get(field).unwrap_or(&Value::Null), what);
    }
    shown.push_str(if is(answer, "accepted") {
        "accepted: end the process and start it again; peers admit it from then on\n"
    } else {
        "nothing has been changed; `--yes` accepts the database\n"
    });
    shown
}

fn named(shown: &mut String, sessions: &Value, what: &str) {
    let count = number(sessions, "count");
    let _ = writeln!(shown, "{count} {what}");
    if count == 0 {
        return;
    }
    let mut table = Table::new(&["  ID", "SESSION", "CHOREOGRAPHY", "FOR OTHERS"]);
    for session in list(sessions, "sessions").iter().take(NAMED_MAX) {
        table.row(vec![
            format!("  {}", short(text(session, "id"))),
            text(session, "session").chars().take(8).collect(),
            short(text(session, "choreography")),
            text(session, "outcome").to_owned(),
        ]);
    }
    shown.push_str(&table.text(|_, line| line.to_owned()));
    if count > NAMED_MAX as u64 {
        let _ = writeln!(shown, "  and {} more; `--message-format json` names 1000", count - NAMED_MAX as u64);
    }
}
