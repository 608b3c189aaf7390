//! The demo itself, short and with kills: it says that all databases agree, and that there was something to agree on.

use std::process::Command;

#[test]
fn orders_survive_kills_of_every_role_and_of_the_payment_program() {
    let mut demo = Command::new(env!("CARGO_BIN_EXE_webshop-demo"));
    demo.args(["--seed", "2", "--orders", "200", "--kills", "2"]);
    let ran = demo.output().expect("the demo starts");
    let (said, complained) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}\n{complained}");
    for refusal in
        ["card declined", "mail address unknown", "not sold any more", "parcel too large", "nothing is sent there"]
    {
        assert!(said.contains(&format!("rolled back, {refusal}")), "{refusal}:\n{said}");
    }
    let column = |role: &str, column: usize| -> u64 {
        let line =
            said.lines().find(|line| line.split_whitespace().next() == Some(role)).expect("a line for each process");
        line.split_whitespace().nth(column).and_then(|word| word.parse().ok()).expect("a number")
    };
    for role in webshop::ROLES.into_iter().chain([webshop::PROGRAM]) {
        assert_eq!(column(role, 3), 2, "kills of {role}:\n{said}");
    }
    for role in ["cart", "shipping", webshop::PROGRAM] {
        assert!(column(role, 2) > 5, "{role} has something to undo:\n{said}");
    }
}
