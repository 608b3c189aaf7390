//! What `chor new` makes builds and runs.
#![cfg(feature = "cli")]
#![allow(clippy::disallowed_methods, reason = "the test reads and writes files, as the binary does")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory for one test. It is not in the folder for builds, which may lie in this repository: Cargo and `chor new` look at what is around a package.
fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("chor-{}-{name}", std::process::id()))
}

/// Runs `chor new` in a directory for tests; its exit code and what it complains of.
fn new(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_chor")).arg("new").args(arguments).output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Cargo in the package, with the folder and the profile of this build, so that little is to be built.
fn cargo(package: &Path, arguments: &[&str]) -> Output {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is below the folder for builds");
    Command::new(env!("CARGO"))
        .args(["--config", "profile.dev.debug='line-tables-only'", "--config", "profile.dev.package.'*'.debug=false"])
        .args(arguments)
        .current_dir(package)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .expect("cargo starts")
}

#[test]
fn a_new_package_builds_and_its_demo_runs() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let directory = scratch("new-trip");
    let _ = std::fs::remove_dir_all(&directory);
    let (path, runtime) = (directory.display().to_string(), repository.join("runtime").display().to_string());
    assert_eq!(new(&["my-trip", "--path", &path, "--accompanist", &runtime]), (Some(0), String::new()));

    // The versions are those of this repository, which are there without a network.
    std::fs::copy(repository.join("Cargo.lock"), directory.join("Cargo.lock")).expect("it can be written");
    let built = cargo(&directory, &["build", "--offline", "--all-targets"]);
    let stderr = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{stderr}");
    assert!(!stderr.contains("warning: unused"), "{stderr}");

    let run = cargo(&directory, &["run", "--offline", "--quiet"]);
    let stdout = String::from_utf8_lossy(&run.stdout);
    let expected = "Ada: room 1, seat 1\nBarbara: room 2, seat 2\nEdsger: room 3, seat 3\nGrace: aborted: no seat is free\n\
                    3 rooms and 3 seats are taken\n";
    assert_eq!(stdout, expected, "{}", String::from_utf8_lossy(&run.stderr));

    let formatted = cargo(&directory, &["fmt", "--check"]);
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    let check = Command::new(env!("CARGO_BIN_EXE_chor")).args(["fmt", "--check", &path]).status().expect("it starts");
    assert!(check.success(), "the choreography is in its form");

    let (code, complaint) = new(&["my-trip", "--path", &path]);
    assert!(code == Some(2) && complaint.contains("is not empty"), "{complaint}");
    std::fs::remove_dir_all(&directory).expect("it is ours");
}

#[test]
fn the_runtime_is_the_one_around_or_the_published_one() {
    let scratch = scratch("new-checkout");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(scratch.join("runtime")).expect("the directory for tests can be written");
    let manifest = |name: &str| {
        let path = scratch.join(name);
        let made = new(&["trip", "--path", &path.display().to_string()]);
        assert_eq!(made, (Some(0), String::new()));
        std::fs::read_to_string(path.join("Cargo.toml")).expect("it was just made")
    };
    let published = manifest("before");
    assert!(published.contains(&format!("accompanist = \"{}\"", env!("CARGO_PKG_VERSION"))), "{published}");
    assert!(!published.contains("[workspace]"), "{published}");
    std::fs::write(scratch.join("runtime/Cargo.toml"), "[package]\nname = \"accompanist\"\n")
        .expect("it can be written");
    let within = manifest("behind");
    assert!(within.contains("accompanist = { path = ") && within.contains("[workspace]"), "{within}");
    std::fs::remove_dir_all(&scratch).expect("it is ours");
    assert_eq!(new(&["Trip"]).0, Some(2));
}
