//! A service that uses `sqlx` with its usual features can depend on `accompanist` with its
//! defaults. Cargo allows one package that links SQLite, so the versions of `rusqlite` that are
//! allowed must reach down to the one that `sqlx` names, even where `sqlx` is used for PostgreSQL
//! only.

use std::path::Path;
use std::process::{Command, Output};

const SQLX: &str = "sqlx = { version = \"0.9\", features = [\"runtime-tokio\", \"postgres\", \"macros\", \"migrate\", \"uuid\", \"chrono\"] }";

/// Has Cargo resolve a package with these dependencies; what it says, and its `Cargo.lock`.
fn resolve(directory: &Path, dependencies: &str) -> (Output, String) {
    let manifest = format!(
        "[package]\nname = \"service\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{dependencies}\n"
    );
    std::fs::create_dir_all(directory.join("src")).expect("it can be made");
    std::fs::write(directory.join("src/lib.rs"), "").expect("it can be written");
    std::fs::write(directory.join("Cargo.toml"), manifest).expect("it can be written");
    let output = Command::new(env!("CARGO")).arg("generate-lockfile").current_dir(directory).output();
    let lock = std::fs::read_to_string(directory.join("Cargo.lock")).unwrap_or_default();
    (output.expect("cargo starts"), lock)
}

#[test]
fn cargo_resolves_sqlx_beside_the_default_features() {
    let directory = tempfile::tempdir().expect("there is room");
    let (alone, _) = resolve(&directory.path().join("alone"), SQLX);
    if !alone.status.success() {
        println!("skipped, the registry cannot be reached: {}", String::from_utf8_lossy(&alone.stderr));
        return;
    }
    let path = env!("CARGO_MANIFEST_DIR").replace('\\', "\\\\");
    let ours = format!("{SQLX}\naccompanist = {{ path = \"{path}\" }}");
    let (beside, lock) = resolve(&directory.path().join("beside"), &ours);
    assert!(beside.status.success(), "{}", String::from_utf8_lossy(&beside.stderr));
    for package in ["libsqlite3-sys", "rusqlite", "sqlx-postgres"] {
        assert_eq!(lock.matches(&format!("name = \"{package}\"")).count(), 1, "{package}");
    }
}
