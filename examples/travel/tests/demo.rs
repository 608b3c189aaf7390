//! The demo itself, short and with kills: it says that all databases agree, and that there was something to agree on.

use std::process::Command;

#[test]
fn searches_and_trips_survive_kills_of_every_role() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_travel-demo"));
    demo.args(["--seed", "2", "--searches", "60", "--trips", "160", "--kills", "2"]);
    // What `cargo test` has built is what runs.
    let ran = demo.env_remove("CARGO").output().expect("the demo starts");
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{complained}");
    for refusal in ["no seat", "no flight", "no room", "no hotel", "over budget"] {
        assert!(said.contains(&format!("rolled back, {refusal}")), "{refusal}:\n{said}");
    }
    let column = |role: &str, column: usize| -> u64 {
        let line =
            said.lines().find(|line| line.split_whitespace().next() == Some(role)).expect("a line for each role");
        line.split_whitespace().nth(column).and_then(|word| word.parse().ok()).expect("a number")
    };
    for role in travel::ROLES {
        assert_eq!(column(role, 3), 2, "kills of {role}:\n{said}");
    }
    for role in ["flight", "reservation"] {
        assert!(column(role, 2) > 5, "{role} has something to undo:\n{said}");
    }
}
