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

/// What `chor new` says to do next, and the manifest that it made.
fn made(directory: &Path, arguments: &[&str]) -> (String, String) {
    let path = directory.display().to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_chor"))
        .args(["new", "my-trip", "--path", &path])
        .args(arguments)
        .output()
        .expect("the binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest = std::fs::read_to_string(directory.join("Cargo.toml")).expect("it was just made");
    (String::from_utf8_lossy(&output.stdout).into_owned(), manifest)
}

/// Checks that the package compiles, with more arguments for Cargo.
fn compiles(package: &Path, arguments: &[&str]) {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::copy(repository.join("Cargo.lock"), package.join("Cargo.lock")).expect("it can be written");
    let checked = cargo(package, &[arguments, &["check", "--offline"]].concat());
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[test]
fn a_clone_and_its_runtime_directory_name_the_same_package() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("it is there");
    let scratch = scratch("new-clone");
    let _ = std::fs::remove_dir_all(&scratch);
    let clone = repository.display().to_string();
    let (said, by_clone) = made(&scratch.join("a"), &["--accompanist", &clone]);
    let (_, by_runtime) = made(&scratch.join("b"), &["--accompanist", &format!("{clone}/runtime")]);
    assert_eq!(by_clone, by_runtime);
    let directory = scratch.join("a").display().to_string();
    assert_eq!(said, format!("made {directory}; now `cd {directory}` and `cargo run`\n"));
    compiles(&scratch.join("a"), &[]);

    // A path that is neither is refused before anything is made.
    let (path, here) = (scratch.join("c").display().to_string(), scratch.display().to_string());
    let (code, complaint) = new(&["my-trip", "--path", &path, "--accompanist", &here]);
    assert!(code == Some(2) && complaint.contains("is no clone of Accompanist"), "{complaint}");
    let nowhere = format!("{here}/nowhere");
    let (code, complaint) = new(&["my-trip", "--path", &path, "--accompanist", &nowhere]);
    assert!(code == Some(2) && complaint.contains("nowhere` cannot be read"), "{complaint}");
    assert!(!scratch.join("c").exists());
    std::fs::remove_dir_all(&scratch).expect("it is ours");
}

#[test]
fn a_package_in_a_clone_builds_with_that_clone() {
    // The directory for tests is in this repository, unless the folder for builds is elsewhere.
    let (package, repository) = (Path::new(env!("CARGO_TARGET_TMPDIR")), Path::new(env!("CARGO_MANIFEST_DIR")));
    let is_within = package.starts_with(repository.parent().expect("the package is in a clone"));
    let package = if is_within { package.join("new-within") } else { repository.join("new-within") };
    let _ = std::fs::remove_dir_all(&package);
    let (said, manifest) = made(&package, &[]);
    assert!(said.ends_with("` and `cargo run`\n"), "{said}");
    assert!(manifest.contains("accompanist = { path = ") && manifest.contains("[workspace]"), "{manifest}");
    compiles(&package, &[]);
    std::fs::remove_dir_all(&package).expect("it is ours");
}

#[test]
fn a_package_outside_of_a_clone_says_what_it_lacks() {
    let scratch = scratch("new-outside");
    let _ = std::fs::remove_dir_all(&scratch);
    let package = scratch.join("trip");
    let (said, manifest) = made(&package, &[]);
    assert!(manifest.contains(&format!("accompanist = \"{}\"", env!("CARGO_PKG_VERSION"))), "{manifest}");
    assert!(!manifest.contains("[workspace]"), "{manifest}");
    // The version is on no registry: it says so, and which line makes it build.
    assert!(said.contains("does not build as it is") && said.contains("is not on crates.io"), "{said}");
    let line = said.lines().find(|line| line.trim_start().starts_with("accompanist = ")).expect("a line to write");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").display().to_string();
    let line = line.trim().replace("CLONE", &clone);
    let manifest: Vec<&str> =
        manifest.lines().map(|before| if before.starts_with("accompanist = ") { &line } else { before }).collect();
    std::fs::write(package.join("Cargo.toml"), manifest.join("\n")).expect("it can be written");
    compiles(&package, &[]);
    std::fs::remove_dir_all(&scratch).expect("it is ours");
}

#[test]
fn a_package_below_a_workspace_builds_and_says_that_it_is_no_member() {
    let scratch = scratch("new-below");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).expect("the directory for tests can be written");
    let around = "[workspace]\nresolver = \"3\"\nmembers = []\n";
    std::fs::write(scratch.join("Cargo.toml"), around).expect("it can be written");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").display().to_string();
    let (said, manifest) = made(&scratch.join("trip"), &["--accompanist", &clone]);
    assert!(manifest.contains("[workspace]"), "{manifest}");
    assert!(said.contains("to make it a member of ") && said.contains("Cargo.toml"), "{said}");
    compiles(&scratch.join("trip"), &[]);
    std::fs::remove_dir_all(&scratch).expect("it is ours");
}

#[test]
fn the_name_of_a_package_is_one_for_cargo() {
    assert_eq!(new(&["Trip"]).0, Some(2));
}

#[test]
fn a_package_may_depend_on_accompanist_under_another_name() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("it is there");
    let package = scratch("new-renamed");
    let _ = std::fs::remove_dir_all(&package);
    let (_, manifest) = made(&package, &["--accompanist", &repository.display().to_string()]);
    let renamed = manifest.replace("accompanist = { ", "the-band = { package = \"accompanist\", ");
    assert_ne!(renamed, manifest, "the dependency is renamed");
    std::fs::write(package.join("Cargo.toml"), renamed).expect("it can be written");
    let sources = [package.join("src"), package.join("src/bin")];
    for file in sources.iter().flat_map(|directory| std::fs::read_dir(directory).expect("there are sources")) {
        let path = file.expect("it can be listed").path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("it was just made");
            std::fs::write(&path, text.replace("accompanist::", "the_band::")).expect("it can be written");
        }
    }
    compiles(&package, &["--config", "profile.dev.debug=false"]);
    std::fs::remove_dir_all(&package).expect("it is ours");
}
