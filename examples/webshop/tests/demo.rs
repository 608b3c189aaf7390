//! The demo itself, short and with kills: it says that all databases agree, and that there was something to agree on.

use std::path::Path;
use std::process::Command;

use example_support::cluster::own_address;
use webshop::processes;

#[tokio::test]
async fn orders_survive_kills_of_every_role_and_of_the_payment_program() {
    // The program is another package's, and so is not built with this test.
    let (nowhere, address) = (Path::new(""), own_address().expect("an address"));
    processes::program(nowhere, nowhere, address).await.expect("it is built");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_webshop-demo"));
    demo.args(["--seed", "2", "--orders", "200", "--kills", "2"]);
    // Of this package, what `cargo test` has built is what runs.
    let ran = demo.env_remove("CARGO").output().expect("the demo starts");
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
