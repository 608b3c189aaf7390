//! How long the binary of a role takes to build from nothing.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context as _;

use super::table::{Aim, Row, Unit};

/// A role of the example, with all that a service needs.
const PACKAGE: &str = "warehouse";
const BINARY: &str = "payment";

pub fn measure() -> anyhow::Result<Vec<Row>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace")?;
    let target = tempfile::tempdir()?;
    let started = Instant::now();
    let mut cargo = Command::new("cargo");
    let cargo = cargo.args(["build", "--release", "--quiet", "--offline", "-p", PACKAGE, "--bin", BINARY]);
    let status = cargo.current_dir(root).env("CARGO_TARGET_DIR", target.path()).status()?;
    anyhow::ensure!(status.success(), "the binary is not built");
    let seconds = started.elapsed().as_secs_f64();
    Ok(vec![Row::new("release build of a role from nothing", seconds, Unit::Seconds).aim(Aim::AtMost(90.0))])
}
